"""From what a sensor reported to persons without gaps: choose bodies, drop empty frames, fill in what is missing."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float64

from psp.preprocess.bodies import BodyConfig, choose_bodies
from psp.skeleton.recording import RawRecording
from psp.skeleton.layout import Layout


@dataclass(frozen=True)
class CleanConfig:
    """Which repairs are made; each can be switched off.

    `bodies`: the rules that choose persons among bodies, None keeps every body. `drop_empty_frames`: leave out frames
    in which nobody is seen. `fill_gaps`: a joint that was seen before and after moves on a straight line in between,
    one never seen in the clip stands where its parent stands. `hold_ends`: before its first and after its last
    sighting a joint keeps the nearest position; otherwise zeros remain there.
    """

    bodies: BodyConfig | None = field(default_factory=BodyConfig)
    drop_empty_frames: bool = True
    fill_gaps: bool = True
    hold_ends: bool = True


def clean(recording: RawRecording, layout: Layout, config: CleanConfig) -> tuple[RawRecording, Counter[str]]:
    """Return the mended recording and how often what was changed; nobody in any frame leaves no frames."""
    changes = Counter[str]()
    if config.bodies is not None and recording.seen.any():
        recording, changes = choose_bodies(recording, config.bodies)
    somebody = recording.seen.any(axis=0)
    if config.drop_empty_frames and not somebody.all():
        changes["frames without anybody dropped"] = int((~somebody).sum())
        recording = replace(recording, joints=recording.joints[:, somebody], seen=recording.seen[:, somebody])
    if config.fill_gaps and recording.seen.any():
        recording = _fill(recording, layout, config.hold_ends, changes)
    return recording, +changes


def _fill(recording: RawRecording, layout: Layout, hold_ends: bool, changes: Counter[str]) -> RawRecording:
    """Fill what was not seen; a joint exactly at the sensor's origin was not seen."""
    seen = recording.seen[..., None] & recording.joints.any(axis=3)
    if seen.all():
        return recording
    joints, inside, outside = interpolate(recording.joints, seen)
    outside &= hold_ends
    joints[~(seen | inside | outside)] = 0
    unseen = ~recording.seen
    changes["frames of a person interpolated"] = int((unseen & inside.any(axis=2)).sum())
    changes["frames of a person held from the nearest one"] = int((unseen & outside.any(axis=2)).sum())
    changes["single joints filled in"] = int(((inside | outside) & recording.seen[..., None]).sum())
    changes["joints never seen placed at their parent"] = _place_never_seen(joints, seen, layout)
    return replace(recording, joints=joints, seen=np.any(joints, axis=(2, 3)))


def interpolate(
    joints: Float64[np.ndarray, "m t v 3"], seen: Bool[np.ndarray, "m t v"]
) -> tuple[Float64[np.ndarray, "m t v 3"], Bool[np.ndarray, "m t v"], Bool[np.ndarray, "m t v"]]:
    """Fill every joint over time from its nearest sightings before (b) and after (a) the frame t.

    x_t = x_b + (t - b) / (a - b) (x_a - x_b), or the one of the two that exists. Also returns which entries were
    filled from both sides and which from one.
    """
    length = joints.shape[1]
    frame = np.arange(length)[:, None]
    before = np.maximum.accumulate(np.where(seen, frame, -1), axis=1)
    after = np.minimum.accumulate(np.where(seen, frame, length)[:, ::-1], axis=1)[:, ::-1]
    begun, coming = before >= 0, after < length
    both = begun & coming
    low, high = np.where(begun, before, after % length), np.where(coming, after, before)
    weight = np.where(both, (frame - low) / np.maximum(high - low, 1), 0.0)[..., None]
    start, end = (np.take_along_axis(joints, at[..., None], axis=1) for at in (low, high))
    return start + weight * (end - start), both & ~seen, begun ^ coming


def _place_never_seen(joints: Float64[np.ndarray, "m t v 3"], seen: Bool[np.ndarray, "m t v"], layout: Layout) -> int:
    """Put joints never seen to their nearest ancestor that was, or to the middle of the person; return how many."""
    known = np.any(seen, axis=1)
    lost = np.argwhere(~known & np.any(known, axis=1, keepdims=True))
    for person, joint in lost:
        ancestor = joint
        while not known[person, ancestor] and ancestor != layout.centre:
            ancestor = layout.parents[ancestor]
        sources = [ancestor] if known[person, ancestor] else np.flatnonzero(known[person])
        joints[person, :, joint] = joints[person][:, sources].mean(axis=1)
    return len(lost)
