"""The choice of the persons of a clip among the bodies that a sensor reported.

Kinect takes furniture for bodies and gives a person a new id after losing it. The rules are those of the CTR-GCN
preparation of NTU RGB+D: too short, too wide, then the largest motion first. Differences: frames keep their true
numbers where a body was lost for a while (that program closes the gap, which moves all later poses of the body); and if
every body breaks a rule, the one that breaks it least stays (there: the last one in the file).
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int64, Real

from psp.config.ranges import require
from psp.skeleton.recording import Recording, Up


@dataclass(frozen=True)
class BodyConfig:
    """The rules, in the order in which they are applied to recordings with at least two bodies.

    A body observed in fewer than `least_frames` frames is noise. So is one that is wider than `widest` times its height
    in at least the share `wide_frames` of its frames; without a vertical axis none is. The others are ordered by
    motion, the variance of all joint positions, and become at most `persons` persons: a body that overlaps in time with
    none of a person's earlier ones continues that person, one that fits nowhere is surplus.
    """

    persons: int = 2
    least_frames: int = 12
    widest: float = 0.8
    wide_frames: float = 0.69754

    def __post_init__(self) -> None:
        require(self.persons >= 1, "clean.bodies.persons", self.persons, "1 or more")


def choose_bodies(recording: Recording, config: BodyConfig) -> tuple[Recording, Counter[str]]:
    """Return the recording with one entry per person, and how many bodies were dropped for which reason."""
    changes = Counter[str]()
    if len(recording.joints) < 2:
        return recording, changes
    seen = recording.seen
    lengths = seen.sum(axis=1)
    long = _keep(lengths >= max(config.least_frames, 1), lengths)
    changes["bodies seen too briefly"] = int((~long).sum())
    wide = seen & _wide_frames(recording, config.widest)
    share = wide.sum(axis=1) / np.maximum(lengths, 1)
    upright = _keep((share < config.wide_frames)[long], -share[long])
    kept = np.flatnonzero(long)[upright]
    changes["bodies wider than high"] = int((~upright).sum())
    motion = np.array([_motion(recording, body, seen[body], wide[body]) for body in kept.tolist()])
    members = _members(seen, kept[np.argsort(-motion, kind="stable")], config.persons, changes)
    return _merge(recording, seen, members), +changes


def _keep(good: Bool[np.ndarray, "m"], merit: Real[np.ndarray, "m"]) -> Bool[np.ndarray, "m"]:
    """Keep the good ones, or the best if none is good."""
    return good if good.any() else np.arange(len(good)) == np.argmax(merit)


def _wide_frames(recording: Recording, widest: float) -> Bool[np.ndarray, "m t"]:
    """Return in which frames a body is wider, along the first horizontal axis, than `widest` times its height."""
    axes = _width_and_height(recording.up, recording.joints.shape[3])
    if axes is None:
        return np.zeros(recording.joints.shape[:2], dtype=bool)
    observed = recording.confidence[..., None] > 0
    positions = recording.joints[..., axes]
    lowest = np.where(observed, positions, np.inf).min(axis=2)
    highest = np.where(observed, positions, -np.inf).max(axis=2)
    return (highest - lowest)[..., 0] > widest * (highest - lowest)[..., 1]


def _width_and_height(up: Up, channels: int) -> list[int] | None:
    if up == "none":
        return None
    height = "xyz".index(up[-1])
    return [min(axis for axis in range(channels) if axis != height), height]


def _motion(recording: Recording, body: int, seen: Bool[np.ndarray, "t"], wide: Bool[np.ndarray, "t"]) -> float:
    """Return the variance over joints and frames, summed over coordinates, or the one without wide frames if less."""
    joints, observed = recording.joints[body], recording.confidence[body] > 0
    frames = [chosen for chosen in (seen, seen & ~wide) if chosen.any()]
    return min(float(joints[chosen][observed[chosen]].var(axis=0).sum()) for chosen in frames)


def _members(
    seen: Bool[np.ndarray, "m t"], bodies: Int64[np.ndarray, "_"], persons: int, changes: Counter[str]
) -> list[list[int]]:
    """Give every body, largest motion first, to the first person whose earlier bodies it does not overlap."""
    members: list[list[int]] = []
    spans: list[tuple[int, int]] = []
    for body in bodies.tolist():
        first, last = np.flatnonzero(seen[body])[[0, -1]].tolist()
        free = [p for p, (begin, end) in enumerate(spans) if min(last, end) <= max(first, begin)]
        if free:
            person = free[0]
            members[person].append(body)
            spans[person] = (min(first, spans[person][0]), max(last, spans[person][1]))
            changes["bodies joined to an earlier one of the same person"] += 1
        elif len(spans) < persons:
            members.append([body])
            spans.append((first, last))
        else:
            changes["bodies beyond the number of persons"] += 1
    return members


def _merge(recording: Recording, seen: Bool[np.ndarray, "m t"], members: list[list[int]]) -> Recording:
    """Return one entry per person; where two of a person's bodies meet in a frame the one with more motion wins."""
    joints = np.zeros((len(members), *recording.joints.shape[1:]))
    confidence = np.zeros(joints.shape[:3], dtype=np.float32)
    for person, bodies in enumerate(members):
        for body in reversed(bodies):
            at = seen[body]
            joints[person, at], confidence[person, at] = recording.joints[body, at], recording.confidence[body, at]
    return replace(recording, joints=joints, confidence=confidence)
