"""Pipelines: how recordings are prepared and how training clips are made of them, as one value."""

from dataclasses import dataclass
from typing import Literal

from psp.batches.augment import AugmentConfig
from psp.batches.batch import DataConfig
from psp.batches.resample import ResampleConfig
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.preprocess.normalise import NormalisationName, normalisation

PipelineName = Literal["paper", "ctrgcn", "authors", "authors-turned"]


@dataclass(frozen=True)
class Pipeline:
    """A preparation, by the name of its normalisation, and the making of batches, which fit together."""

    normalise: NormalisationName
    data: DataConfig

    def check(self, store: Store) -> None:
        """Raise ConfigError for a data set that was prepared otherwise."""
        if store.normalise != normalisation(self.normalise, store.layout):
            what = "the data set was not normalised as the pipeline needs it."
            remedy = f"Prepare it with --normalise {self.normalise}, or use another pipeline."
            raise ConfigError(what, where=str(store.path or store.dataset), remedy=remedy)


def _same(change: AugmentConfig, resample: ResampleConfig, rescale: Literal["none", "min-max"] = "none") -> DataConfig:
    """Return batches that are augmented alike, however weak or strong a method asks for."""
    return DataConfig(resample, weak=change, strong=change, rescale=rescale)


_CTRGCN_TURNS = AugmentConfig(turn=60, tilt=60, turn_first=True)
_WHOLE = ResampleConfig(frames=50, train="whole")

PIPELINES: dict[PipelineName, Pipeline] = {
    "paper": Pipeline("default", DataConfig(ResampleConfig(frames=50, train="random"))),
    "ctrgcn": Pipeline("default", _same(_CTRGCN_TURNS, ResampleConfig(frames=52, train="random"), "min-max")),
    "authors": Pipeline("authors", DataConfig(_WHOLE)),
    "authors-turned": Pipeline("authors", _same(AugmentConfig(turn=45, tilt=15), _WHOLE)),
}
"""Pipelines by name: `paper` is the paper's text, which names no augmentation; `ctrgcn` the feeder of CTR-GCN, which is
customary for Northwestern-UCLA; `authors` the earlier program of the PSP authors (MAC-Learning); `authors-turned` the
same with random turns of the view."""
