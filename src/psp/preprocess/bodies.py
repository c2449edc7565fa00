"""The choice of the persons of a clip among the bodies that a sensor reported.

Kinect takes furniture for bodies and gives a person a new id after losing it; pose estimators report persons in any
order, and some that do not exist. The rules are those of the CTR-GCN preparation of NTU RGB+D: bodies that are seen too
briefly or are too wide are dropped, then those with the largest motion come first. Differences: pieces of one person
are joined by their positions first; a body that never moves is not a second person; frames keep their true numbers
where a body was lost for a while (CTR-GCN closes the gap, which moves all later poses of the body); and if every body
breaks a rule, the one that breaks it least is kept (in CTR-GCN: the last one in the file).
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64, Real

from psp.config.ranges import require
from psp.preprocess.track import joining_costs, recording_of_tracks, tracks_of
from psp.skeleton.recording import Recording, Up

STEADY = 5
"""Frames over which positions are averaged before the sway of a body is measured, to remove the noise of the sensor."""


@dataclass(frozen=True)
class BodyConfig:
    """The rules, in the order in which they are applied to recordings with at least two bodies.

    1. Pieces of one person are joined within `reach` body sizes of each other (`psp.preprocess.track`); 0 joins none.
    2. A body observed in fewer than `least_frames` frames is dropped.
    3. A body is dropped that is wider than `widest` times its height in at least the share `wide_frames` of its frames.
       This rule needs a vertical axis.
    4. A body that sways by less than `least_sway` body sizes is dropped as furniture or a picture if another sways
       more. Sway is the standard deviation over time of the mean of the joints. The calmest of 39 persons in samples
       of NTU RGB+D, who stands and waits, sways by 0.033, the calmest of 1,447 in NW-UCLA by 0.020; the noise of a
       depth sensor, 2 mm, leaves 0.0007.
    5. The others are ordered by motion, the variance of all joint positions, and become at most `persons` persons. A
       body that does not overlap in time with the earlier bodies of a person continues the nearest such person. If all
       are out of reach, it becomes a new person as long as there are fewer than `persons`. Other bodies are dropped.
    """

    persons: int = 2
    least_frames: int = 12
    widest: float = 0.8
    wide_frames: float = 0.69754
    reach: float = 1.0
    least_sway: float = 0.005

    def __post_init__(self) -> None:
        require(self.persons >= 1, "clean.bodies.persons", self.persons, "1 or more")
        require(self.reach >= 0, "clean.bodies.reach", self.reach, "0 or more")


def choose_bodies(recording: Recording, config: BodyConfig) -> tuple[Recording, Counter[str]]:
    """Return the recording with one entry per person, and how many bodies were dropped for which reason."""
    if len(recording.joints) < 2 and not recording.detections:
        return recording, Counter()
    tracks, changes = tracks_of(recording, config.reach)
    numbers, lengths = np.unique(tracks[tracks >= 0], return_counts=True)
    long = _keep(lengths >= config.least_frames, lengths)
    changes["bodies seen too briefly"] = int((~long).sum())
    recording = recording_of_tracks(recording, tracks, numbers[long])
    seen, wide = recording.seen, _wide_frames(recording, config.widest)
    share = (seen & wide).sum(axis=1) / seen.sum(axis=1)
    upright = _keep(share < config.wide_frames, -share)
    changes["bodies wider than high"] = int((~upright).sum())
    sway = np.array([_sway(recording.joints[body], recording.confidence[body]) for body in range(len(seen))])
    moving = sway >= config.least_sway
    kept = upright & moving if (upright & moving).any() else upright
    changes["bodies that never move"] = int((upright & ~kept).sum())
    bodies = np.flatnonzero(kept)
    motion = np.array([_motion(recording, body, seen[body], seen[body] & wide[body]) for body in bodies.tolist()])
    members = _members(recording, bodies[np.argsort(-motion, kind="stable")], config, changes)
    return _merge(recording, seen, members), +changes


def _keep(good: Bool[np.ndarray, "m"], merit: Real[np.ndarray, "m"]) -> Bool[np.ndarray, "m"]:
    """Return the mask of good bodies, or of the one with the highest merit if none is good."""
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
    """Return the variance of positions, summed over coordinates; the smaller of those with and without wide frames."""
    joints, observed = recording.joints[body], recording.confidence[body] > 0
    frames = [chosen for chosen in (seen, seen & ~wide) if chosen.any()]
    return min(float(joints[chosen][observed[chosen]].var(axis=0).sum()) for chosen in frames)


def _sway(joints: Float64[np.ndarray, "t v c"], confidence: Real[np.ndarray, "t v"]) -> float:
    """Return the standard deviation over time of the mean joint in body sizes, or a quarter of a single joint's.

    Positions are averaged over STEADY frames. Each joint is measured from its own mean position, so that joints that
    appear and disappear have no influence. The larger value counts: the quarter covers limbs that move against each
    other.
    """
    seen = confidence.any(axis=1)
    joints, weight = joints[seen], (confidence[seen] > 0)[..., None]
    usual = (joints * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    middle = (joints * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    size = np.sqrt((((joints - middle) ** 2) * weight).sum() / weight.sum())
    starts = np.arange(0, max(len(joints) - STEADY + 1, 1), STEADY)
    frames = np.diff(np.append(starts, len(joints)))
    away = np.add.reduceat((joints - usual) * weight, starts) / frames[:, None, None]
    together, single = (np.sqrt((part**2).sum(axis=-1).mean()) for part in (away.mean(axis=1), away))
    return float(max(together, single / 4) / max(size, 1e-9))


def _members(
    recording: Recording, bodies: Int64[np.ndarray, "_"], config: BodyConfig, changes: Counter[str]
) -> list[list[int]]:
    """Return the bodies of each person: every body, largest motion first, joins the nearest person it does not overlap.

    Bodies out of reach of all such persons are assigned last.
    """
    costs = joining_costs(recording, config.reach)
    ends = [np.flatnonzero(seen)[[0, -1]].tolist() for seen in recording.seen]
    members, far = list[list[int]](), list[int]()
    for body in bodies.tolist():
        free = [person for person in members if all(_apart(ends[body], ends[other]) for other in person)]
        nearest = min(free, key=lambda person: costs[body, person].min(), default=None)
        if nearest is not None and costs[body, nearest].min() < np.inf:
            nearest.append(body)
            changes["bodies joined to an earlier one of the same person"] += 1
        elif free:
            far.append(body)
        else:
            _add(body, members, [], config.persons, changes)
    for body in far:
        free = [person for person in members if all(_apart(ends[body], ends[other]) for other in person)]
        _add(body, members, free, config.persons, changes)
    return members


def _apart(one: list[int], two: list[int]) -> bool:
    """Return whether two bodies, first and last frame each, have at most one frame in common."""
    return min(one[1], two[1]) <= max(one[0], two[0])


def _add(body: int, members: list[list[int]], free: list[list[int]], persons: int, changes: Counter[str]) -> None:
    """Make a body a new person, or add it to the first free person, if there is one."""
    if len(members) < persons:
        members.append([body])
    elif free:
        free[0].append(body)
        changes["bodies joined to a person far away"] += 1
    else:
        changes["bodies beyond the number of persons"] += 1


def _merge(recording: Recording, seen: Bool[np.ndarray, "m t"], members: list[list[int]]) -> Recording:
    """Return one entry per person; where two bodies of a person share a frame, the one with more motion is used."""
    joints = np.zeros((len(members), *recording.joints.shape[1:]))
    confidence = np.zeros(joints.shape[:3], dtype=np.float32)
    for person, bodies in enumerate(members):
        for body in reversed(bodies):
            at = seen[body]
            joints[person, at], confidence[person, at] = recording.joints[body, at], recording.confidence[body, at]
    return replace(recording, joints=joints, confidence=confidence)
