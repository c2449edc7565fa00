"""The moving picture of a finished run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import TrainedRun, open_trained
from psp.report.animation import Scene, scene_of, write_animation
from psp.report.judged import judge, right_ones
from psp.skeleton.recording import Clip, ClipInfo

SCENES = 4


def write_run_animation(path: Path, run_path: Path, device: str = "auto") -> None:
    """Write an animated SVG file of some clips that a run recognises and its probabilities after each frame.

    The clips are test clips of different classes. ConfigError if the run recognises none.
    """
    run = open_trained(run_path, device=device)
    found = judge(run)
    chosen = right_ones(found, SCENES)
    if not chosen:
        remedy = "Train it for longer, or write an .html page, which shows its mistakes."
        raise ConfigError("the run recognises none of these clips.", where=str(run_path), remedy=remedy)
    scenes = [_scene(run, int(found.index[each]), int(found.labels[each])) for each in chosen]
    write_animation(path, scenes, run.store.layout, run.store.up, run.model.interface.classes)


def _scene(run: TrainedRun, index: int, label: int) -> Scene:
    store = run.store

    def recognise(clips: Sequence[Clip]) -> Float[np.ndarray, "n k"]:
        """Return the class probabilities of beginnings of the clip."""
        parts = [replace(each, info=ClipInfo(f"{number:04d}")) for number, each in enumerate(clips)]
        made = Store.in_memory(
            parts, store.layout, store.classes, up=store.up, dataset=store.dataset, normalise=store.normalise,
            clean=store.clean,
        )  # fmt: skip
        return predict_store(run.model, made).numpy()

    return scene_of(store.clip(index), label, recognise)
