"""Cleaning of recordings: persons are tracked and chosen, empty frames dropped and missing joints filled in."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64

from psp.config.ranges import require
from psp.preprocess.bodies import BodyConfig, choose_bodies
from psp.preprocess.spine import place_spine
from psp.preprocess.track import recording_of_tracks, tracks_of
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording


@dataclass(frozen=True)
class CleanConfig:
    """The repairs of recordings; each can be switched off.

    `bodies`: the rules that choose persons among bodies; None keeps every body. Detections are tracked from frame to
    frame in any case. `drop_empty_frames`: leave out frames in which nobody is observed. `fill_gaps`: interpolate a
    joint linearly between two observations, keep the nearest position before the first and after the last one, and put
    a joint that is never observed in the clip at the position of its parent, but ends of the spine by the shoulders and
    hips (`psp.preprocess.spine`). `least_confidence`: a joint with less confidence was not observed; 0 keeps all that
    have any.
    """

    bodies: BodyConfig | None = field(default_factory=BodyConfig)
    drop_empty_frames: bool = True
    fill_gaps: bool = True
    least_confidence: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.least_confidence <= 1, "clean.least_confidence", self.least_confidence, "from 0 to 1")


def clean(
    recording: Recording, layout: Layout, config: CleanConfig
) -> tuple[Recording, Bool[np.ndarray, "m t"], Counter[str]]:
    """Return the repaired recording, in which frames each person is present, and how many changes were made.

    Filled-in joints and joints whose position is not finite have the confidence 0. A recording in which nobody is
    observed is returned without further changes.
    """
    changes = Counter[str]()
    recording = _without_lost(without_doubtful(recording, config.least_confidence, changes), changes)
    known = np.any(recording.seen, axis=1)
    if not known.any():
        return recording, recording.seen, changes
    if not known.all():
        changes["bodies never seen"] = int((~known).sum())
        recording = _part(recording, known, slice(None))
    recording = _persons(recording, config.bodies, changes)
    occupied = np.any(recording.seen, axis=0)
    if config.drop_empty_frames and not occupied.all():
        changes["frames without anybody dropped"] = int((~occupied).sum())
        recording = _part(recording, slice(None), occupied)
    if not config.fill_gaps:
        return recording, recording.seen, changes
    recording = _fill(recording, layout, changes)
    return recording, np.ones(recording.confidence.shape[:2], dtype=bool), +changes


def without_doubtful(recording: Recording, least: float, changes: Counter[str]) -> Recording:
    """Return the recording with joints of less confidence marked as not observed."""
    kept = recording.confidence >= np.float32(least)
    if kept.all():
        return recording
    changes["joints of little confidence"] = int((~kept & (recording.confidence > 0)).sum())
    return replace(recording, confidence=recording.confidence * kept)


def _without_lost(recording: Recording, changes: Counter[str]) -> Recording:
    """Return the recording with joints whose position is not finite marked as not observed."""
    finite = np.isfinite(recording.joints).all(axis=3)
    if finite.all():
        return recording
    changes["joints without a position"] = int((~finite & (recording.confidence > 0)).sum())
    joints = np.where(finite[..., None], recording.joints, 0.0)
    return replace(recording, joints=joints, confidence=recording.confidence * finite)


def _persons(recording: Recording, config: BodyConfig | None, changes: Counter[str]) -> Recording:
    if config is not None:
        recording, chosen = choose_bodies(recording, config)
    elif recording.detections:
        tracks, chosen = tracks_of(recording, BodyConfig().reach)
        recording = recording_of_tracks(recording, tracks, np.unique(tracks[tracks >= 0]))
    else:
        return recording
    changes.update(chosen)
    return recording


def interpolate(
    joints: Float64[np.ndarray, "m t v c"], observed: Bool[np.ndarray, "m t v"]
) -> tuple[Float64[np.ndarray, "m t v c"], Bool[np.ndarray, "m t v"], Bool[np.ndarray, "m t v"]]:
    """Return joints filled over time from the nearest observations before (b) and after (a) the frame t.

    x_t = x_b + (t - b) / (a - b) (x_a - x_b), or the one of the two that exists. Also returns which entries were filled
    from both sides and which from one. The values of a joint that is never observed have no meaning.
    """
    length = joints.shape[1]
    frame = np.arange(length)[:, None]
    before = np.maximum.accumulate(np.where(observed, frame, -1), axis=1)
    after = np.minimum.accumulate(np.where(observed, frame, length)[:, ::-1], axis=1)[:, ::-1]
    begun, coming = before >= 0, after < length
    both = begun & coming
    low, high = np.where(begun, before, after % length), np.where(coming, after, before)
    weight = np.where(both, (frame - low) / np.maximum(high - low, 1), 0.0)[..., None]
    start, end = (np.take_along_axis(joints, at[..., None], axis=1) for at in (low, high))
    return start + weight * (end - start), both & ~observed, begun ^ coming


def _part(
    recording: Recording, bodies: Bool[np.ndarray, "m"] | slice, frames: Bool[np.ndarray, "t"] | slice
) -> Recording:
    joints, confidence = recording.joints[bodies][:, frames], recording.confidence[bodies][:, frames]
    return replace(recording, joints=joints, confidence=confidence)


def _fill(recording: Recording, layout: Layout, changes: Counter[str]) -> Recording:
    """Return the recording with every unobserved joint filled in; every person must be observed in some frame."""
    observed, seen = recording.confidence > 0, recording.seen
    if observed.all():
        return recording
    joints, inside, outside = interpolate(recording.joints, observed)
    changes["frames of a person interpolated"] = int((~seen & inside.any(axis=2)).sum())
    changes["frames of a person held from the nearest one"] = int((~seen & outside.any(axis=2)).sum())
    changes["single joints filled in"] = int(((inside | outside) & seen[..., None]).sum())
    known = np.any(observed, axis=1)
    spine = list(layout.spine or ())
    if not known[:, spine].all():
        placed, found = place_spine(torch.from_numpy(joints), torch.from_numpy(observed), layout, recording.up)
        changes["ends of the spine never seen placed by shoulders or hips"] = int(found.sum() - known.sum())
        joints, known = placed.numpy(), found.numpy()
        changes["persons without a spine, not comparable in size"] = int((~known[:, spine].all(axis=1)).sum())
    changes["joints never seen placed at their parent"] = _place_never_seen(joints, known, layout)
    return replace(recording, joints=joints)


def _place_never_seen(joints: Float64[np.ndarray, "m t v c"], known: Bool[np.ndarray, "m v"], layout: Layout) -> int:
    """Put never observed joints at their nearest observed ancestor or the person's mean; return their number."""
    lost = np.argwhere(~known)
    for person, joint in lost:
        ancestor = joint
        while not known[person, ancestor] and ancestor != layout.centre:
            ancestor = layout.parents[ancestor]
        sources = [ancestor] if known[person, ancestor] else np.flatnonzero(known[person])
        joints[person, :, joint] = joints[person][:, sources].mean(axis=1)
    return len(lost)
