"""Which of the bodies that a sensor reported are the persons of the clip?

Kinect takes furniture for bodies and gives a person a new id after losing it. The rules are those that the CTR-GCN
preparation of NTU RGB+D made customary: too short, too wide, then the liveliest first. Differences: frames keep their
true numbers where a body was lost for a while (that program closes the gap, which moves all later poses of the body);
and if every body breaks a rule, the one that breaks it least stays (there: the last one in the file).
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int64, Real

from psp.config.ranges import require
from psp.skeleton.recording import RawRecording


@dataclass(frozen=True)
class BodyConfig:
    """The rules, in the order in which they are applied to recordings with at least two bodies.

    A body seen in fewer than `least_frames` frames is noise. So is one that is wider than `widest` times its height
    in at least the share `wide_frames` of its frames. The others are ordered by motion, the variance of all joint
    positions, and become at most `persons` persons: a body that overlaps in time with none of a person's earlier
    ones continues that person, one that fits nowhere is surplus.
    """

    persons: int = 2
    least_frames: int = 12
    widest: float = 0.8
    wide_frames: float = 0.69754

    def __post_init__(self) -> None:
        require(self.persons >= 1, "clean.bodies.persons", self.persons, "1 or more")


def choose_bodies(recording: RawRecording, config: BodyConfig) -> tuple[RawRecording, Counter[str]]:
    """Return the recording with one entry per person, and how many bodies were dropped for which reason."""
    changes = Counter[str]()
    if len(recording.joints) < 2:
        return recording, changes
    lengths = recording.seen.sum(axis=1)
    long = _keep(lengths >= max(config.least_frames, 1), lengths)
    changes["bodies seen too briefly"] = int((~long).sum())
    wide = _wide_frames(recording, config.widest)
    share = wide.sum(axis=1) / np.maximum(lengths, 1)
    upright = _keep((share < config.wide_frames)[long], -share[long])
    kept = np.flatnonzero(long)[upright]
    changes["bodies wider than high"] = int((~upright).sum())
    motion = np.array([_motion(recording, body, wide[body]) for body in kept.tolist()])
    chosen = _join(recording, kept[np.argsort(-motion, kind="stable")], config.persons, changes)
    return chosen, +changes


def _keep(good: Bool[np.ndarray, "m"], merit: Real[np.ndarray, "m"]) -> Bool[np.ndarray, "m"]:
    """Keep the good ones, or the best if none is good."""
    return good if good.any() else np.arange(len(good)) == np.argmax(merit)


def _wide_frames(recording: RawRecording, widest: float) -> Bool[np.ndarray, "m t"]:
    """In which frames does a body's width (x) exceed `widest` times its height (y)?"""
    extent = np.ptp(recording.joints, axis=2)
    return recording.seen & (extent[..., 0] > widest * extent[..., 1])


def _motion(recording: RawRecording, body: int, wide: Bool[np.ndarray, "t"]) -> float:
    """Sum over x, y, z of the variance over joints and frames, or that without wide frames if it is less."""
    joints, seen = recording.joints[body], recording.seen[body]
    frames = [chosen for chosen in (seen, seen & ~wide) if chosen.any()]
    return min(float(joints[chosen].reshape(-1, 3).var(axis=0).sum()) for chosen in frames)


def _join(recording: RawRecording, bodies: Int64[np.ndarray, "m"], persons: int, changes: Counter[str]) -> RawRecording:
    """Give every body, liveliest first, to the first person whose earlier bodies it does not overlap."""
    members: list[list[int]] = []
    spans: list[tuple[int, int]] = []
    for body in bodies.tolist():
        first, last = np.flatnonzero(recording.seen[body])[[0, -1]].tolist()
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
    return _merge(recording, members)


def _merge(recording: RawRecording, members: list[list[int]]) -> RawRecording:
    """One entry per person; where two of a person's bodies meet in a frame the livelier one wins."""
    frames, rest = recording.seen.shape[1], recording.joints.shape[2:]
    joints, seen = np.zeros((len(members), frames, *rest)), np.zeros((len(members), frames), dtype=bool)
    for person, bodies in enumerate(members):
        for body in reversed(bodies):
            at = recording.seen[body]
            joints[person, at], seen[person, at] = recording.joints[body, at], True
    return replace(recording, joints=joints, seen=seen)
