"""From a trained network and stored clips to the maps of Pyramid Polymerizing Attention (figure 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from psp.errors import ConfigError
from psp.evaluate.trained import Trained, open_trained, rows_of
from psp.methods.methods import METHODS
from psp.model.polymerise import Polymerised
from psp.model.pyramid import LEVELS
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout
from psp.train.config import TrainConfig

Importance = Literal["row", "apart"]
MEASURES: tuple[Importance, ...] = ("row", "apart")
Maps = dict[str, Float[np.ndarray, "m h _ _"]]


@dataclass(frozen=True, eq=False)
class ClipAttention:
    """PPA's maps of every person of a clip, by level: `raw_maps` A_z, A_h, A_g and `maps` A_z, A_hz, A_ghz.

    Row i of a map holds the weights, negative ones too, with which node i gathers the features of all nodes.
    """

    clip: Clip
    action: str
    maps: Maps
    raw_maps: Maps

    def map_of(self, level: str, person: int = 0, head: int | None = None) -> Float[np.ndarray, "w w"]:
        """The polymerised map of one head, or the mean over all heads."""
        heads = self.maps[level][person]
        return heads.mean(axis=0) if head is None else heads[head]

    def importance(
        self, level: str, person: int = 0, head: int | None = None, measure: Importance = "row"
    ) -> Float[np.ndarray, "w"]:
        """How important each node of a level is, by the paper's measure or by the one without signs.

        row: the mean of the node's row, "the darker color of the row, the more important" (caption of figure 5).
        apart: the mean distance |A_ij - mean over i of A_ij| of its row from the usual one. The sign of A means
        nothing by itself, because V and Psi may carry the opposite one; a row that stands out does.
        """
        rows = self.map_of(level, person, head)
        return rows.mean(axis=1) if measure == "row" else np.abs(rows - rows.mean(axis=0)).mean(axis=1)


def attention_of_run(
    path: Path | str,
    clips: Sequence[str],
    view: str = "joint",
    store_path: Path | str | None = None,
    weights: str = "average",
    device: str = "auto",
) -> list[ClipAttention]:
    """Attention maps that a finished run's network gives to clips named by id, seen in one of its views."""
    trained = open_trained(path, store_path, weights, device)
    return attend(trained, rows_of(trained.store, list(clips)), view)


@torch.no_grad()
def attend(trained: Trained, clips: Int64[np.ndarray, "s"], view: str = "joint") -> list[ClipAttention]:
    """Attention maps of whole clips, of the levels that the run trained."""
    levels = trained_levels(trained.config)
    if view not in trained.batches.views:
        remedy = f"Choose from {', '.join(trained.batches.views)}."
        raise ConfigError(f"the run does not look at the view {view!r}.", remedy=remedy)
    contrasted = METHODS[trained.config.method].contrasted
    if trained.config.model.networks == "own" and view not in contrasted:
        what = f"the network of the view {view!r} was trained without contrast, nothing taught its attention."
        raise ConfigError(what, remedy=f"Choose from {', '.join(contrasted)}.")
    network = trained.network.of_view(trained.batches.views.index(view))
    store, found = trained.store, []
    for batch in trained.batches.in_order(clips):
        encoded = network.encode(batch.views[view], batch.persons)
        polymerised = network.attention_maps(encoded)
        for number, row in enumerate(batch.clips.tolist()):
            clip, rows = store.clip(row), (encoded.row_clip == number).nonzero()[:, 0]
            action = "unlabelled" if clip.label is None else store.classes[clip.label]
            found.append(_of_rows(polymerised, rows[: clip.persons], levels, clip, action))
    return found


def agreement_with_motion(
    clips: Sequence[ClipAttention], layout: Layout, measure: Importance = "row"
) -> dict[str, float]:
    """Spearman's rank correlation, by level, of the nodes' importance and the way that their joints move.

    The mean over all persons of all clips; the way is relative to the layout's centre and is, for a part or a body, the
    mean over its joints. 1 says that attention marks what moves most, 0 that it does not know.
    """
    joint_to_part = layout.joint_to_part / layout.joint_to_part.sum(axis=0)
    to_level = {"body": joint_to_part @ (layout.part_to_body / layout.part_to_body.sum(axis=0)), "part": joint_to_part}
    found: dict[str, list[float]] = {level: [] for level in clips[0].maps}
    for clip in clips:
        for person, ways in enumerate(_ways(clip.clip, layout)):
            for level in found:
                moved = ways @ to_level[level] if level in to_level else ways
                found[level].append(_rank_correlation(clip.importance(level, person, measure=measure), moved))
    return {level: float(np.mean(values)) for level, values in found.items()}


def _rank_correlation(one: Float[np.ndarray, "w"], other: Float[np.ndarray, "w"]) -> float:
    constant = np.ptp(one) == 0 or np.ptp(other) == 0
    return 0.0 if constant else float(spearmanr(one, other).statistic)


def _ways(clip: Clip, layout: Layout) -> Float[np.ndarray, "m v"]:
    poses = clip.joints - clip.joints[:, :, [layout.centre]]
    return np.linalg.norm(np.diff(poses, axis=1), axis=3).sum(axis=1)


def trained_levels(config: TrainConfig) -> tuple[str, ...]:
    """The levels, from coarse to fine, whose attention a run trains; a run without PPA or CCL raises ConfigError."""
    is_contrasted = METHODS[config.method].contrasted and config.objective.contrast > 0
    if not (is_contrasted and config.model.polymerise):
        what = "this run did not train Pyramid Polymerizing Attention."
        raise ConfigError(what, remedy="Name a run of method psp or taught with a contrast and model.polymerise=true.")
    finest = max(LEVELS.index(level) for level in config.model.levels)
    return LEVELS[: finest + 1]


def _of_rows(
    polymerised: Polymerised, rows: Int64[torch.Tensor, "m"], levels: Sequence[str], clip: Clip, action: str
) -> ClipAttention:
    maps, raw = (
        {level: found[level][rows].float().cpu().numpy() for level in levels}
        for found in (polymerised.maps, polymerised.raw_maps)
    )
    return ClipAttention(clip, action, maps, raw)
