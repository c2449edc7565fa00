"""The maps of Pyramid Polymerizing Attention of a trained run for stored clips (figure 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.stats import spearmanr

from psp.errors import ConfigError
from psp.evaluate.trained import TrainedRun, Weights, index_of_ids, open_trained
from psp.model.polymerise import Polymerised
from psp.model.pyramid import LEVELS
from psp.model.pyramid_head import PyramidHead
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip

Importance = Literal["row", "apart"]
MEASURES: tuple[Importance, ...] = ("row", "apart")
SATURATED = 0.05
"""A map is saturated if its entries differ by no more than this share of the largest one: it distinguishes no node."""

Maps = dict[str, Float[np.ndarray, "m h _ _"]]


@dataclass(frozen=True, eq=False)
class ClipAttention:
    """PPA's maps of every person of a clip, by level: `raw_maps` A_z, A_h, A_g and `maps` A_z, A_hz, A_ghz.

    Row i of a map holds the weights, positive or negative, of all nodes in the weighted sum for node i.
    """

    clip: Clip
    action: str
    maps: Maps
    raw_maps: Maps

    def map_of(self, level: str, person: int = 0, head: int | None = None) -> Float[np.ndarray, "w w"]:
        """Return the polymerised map of one head, or the mean over all heads."""
        heads = self.maps[level][person]
        return heads.mean(axis=0) if head is None else heads[head]

    def is_saturated(self, level: str, person: int = 0, head: int | None = None) -> bool:
        """Return whether all entries of a map are equal but for SATURATED; without a head, in every head."""
        heads = self.maps[level][person] if head is None else self.maps[level][person][[head]]
        return bool((np.ptp(heads, axis=(1, 2)) <= SATURATED * np.abs(heads).max(axis=(1, 2))).all())

    def importance(
        self, level: str, person: int = 0, head: int | None = None, measure: Importance = "row"
    ) -> Float[np.ndarray, "w"]:
        """Return the importance of each node of a level, by the paper's measure or by one without signs.

        row: the mean of the node's row, "the darker color of the row, the more important" (caption of figure 5).
        apart: the mean distance |A_ij - mean over i of A_ij| of the node's row from the mean row. The sign of A alone
        has no meaning, because V and Psi may have the opposite sign; the distance does not depend on it.
        """
        rows = self.map_of(level, person, head)
        return rows.mean(axis=1) if measure == "row" else np.abs(rows - rows.mean(axis=0)).mean(axis=1)


def attention_of_run(
    path: Path | str,
    clips: Sequence[str],
    modality: str = "joint",
    store_path: Path | str | None = None,
    weights: Weights = "average",
    device: str = "auto",
) -> list[ClipAttention]:
    """Return the attention maps of a finished run for clips given by id, for one of its modalities."""
    run = open_trained(path, store_path, weights, device)
    return attend(run, index_of_ids(run.store, clips), modality)


@torch.no_grad()
def attend(run: TrainedRun, index: Int64[np.ndarray, "s"], modality: str = "joint") -> list[ClipAttention]:
    """Return the attention maps of whole clips, of the trained levels."""
    head, store, predictor, found = _head(run.heads, modality), run.store, run.model.predictor, []
    for batch in run.maker.in_order(index, predictor.modalities):
        encoded = predictor.encode([batch.sample])[modality][0]
        polymerised = head.attention_maps(encoded)
        for number, clip_index in enumerate(batch.index.tolist()):
            clip, rows = store.clip(clip_index), (encoded.row_clip == number).nonzero()[:, 0]
            action = "unlabelled" if clip.label is None else store.classes[clip.label]
            found.append(_of_rows(polymerised, rows[: clip.persons], trained_levels(head), clip, action))
    return found


def trained_levels(head: PyramidHead) -> tuple[str, ...]:
    """Return the levels, from coarse to fine, whose attention a head trains."""
    return LEVELS[: 1 + max(LEVELS.index(level) for level in head.config.levels)]


def agreement_with_motion(
    clips: Sequence[ClipAttention], layout: Layout, measure: Importance = "row"
) -> dict[str, float]:
    """Return Spearman's rank correlation, by level, of the nodes' importance and the path lengths of their joints.

    It is the mean over all persons of all clips. Path lengths are relative to the layout's centre and, for a part or a
    body, the mean over its joints. 1: the nodes that move most are the most important ones; 0: importance is
    independent of motion.
    """
    joint_to_part = layout.joint_to_part / layout.joint_to_part.sum(axis=0)
    to_level = {"body": joint_to_part @ (layout.part_to_body / layout.part_to_body.sum(axis=0)), "part": joint_to_part}
    found: dict[str, list[float]] = {level: [] for level in clips[0].maps}
    for clip in clips:
        for person, lengths in enumerate(_path_lengths(clip.clip, layout)):
            for level in found:
                moved = lengths @ to_level[level] if level in to_level else lengths
                found[level].append(_rank_correlation(clip.importance(level, person, measure=measure), moved))
    return {level: float(np.mean(values)) for level, values in found.items()}


def saturated_share(clips: Sequence[ClipAttention]) -> dict[str, float]:
    """Return the share of saturated maps, of all persons of all clips, by level."""
    found: dict[str, list[bool]] = {level: [] for level in clips[0].maps}
    for clip in clips:
        for level, maps in clip.maps.items():
            found[level] += [clip.is_saturated(level, person) for person in range(len(maps))]
    return {level: float(np.mean(values)) for level, values in found.items()}


def _head(heads: Mapping[str, PyramidHead], modality: str) -> PyramidHead:
    if not any(head.polymerising is not None for head in heads.values()):
        what = "this run did not train Pyramid Polymerizing Attention."
        remedy = "Name a run of method psp or psp-mean-teacher with a contrast and method.pyramid.polymerise=true."
        raise ConfigError(what, remedy=remedy)
    if modality not in heads:
        what = f"the run did not train attention for the modality {modality!r}."
        raise ConfigError(what, remedy=f"Choose from {', '.join(heads)}.")
    return heads[modality]


def _rank_correlation(one: Float[np.ndarray, "w"], other: Float[np.ndarray, "w"]) -> float:
    constant = np.ptp(one) == 0 or np.ptp(other) == 0
    return 0.0 if constant else float(spearmanr(one, other).statistic)


def _path_lengths(clip: Clip, layout: Layout) -> Float[np.ndarray, "m v"]:
    poses = clip.joints - clip.joints[:, :, [layout.centre]]
    return np.linalg.norm(np.diff(poses, axis=1), axis=3).sum(axis=1)


def _of_rows(
    polymerised: Polymerised, rows: Int64[torch.Tensor, "m"], levels: Sequence[str], clip: Clip, action: str
) -> ClipAttention:
    maps, raw = (
        {level: found[level][rows].float().cpu().numpy() for level in levels}
        for found in (polymerised.maps, polymerised.raw_maps)
    )
    return ClipAttention(clip, action, maps, raw)
