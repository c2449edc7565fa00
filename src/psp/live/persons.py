"""Persons followed through frames that arrive one at a time."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from psp.model.model_file import Interface
from psp.preprocess.bodies import BodyConfig
from psp.preprocess.track import FORBIDDEN, MOST_GAP, joining_costs, tracks_of
from psp.skeleton.recording import Recording

REACH = BodyConfig().reach
"""How far a person moves from one frame to the next at most, in body sizes."""


class Follower:
    """Assigns the bodies of one frame after the other to the person slots of a model; a person keeps the slot.

    Bodies continue the persons of the last MOST_GAP frames at the least sum of distances (`psp.preprocess.track`). Of
    the others, a body that lies on another one is the same person reported twice. The rest, those of the greatest
    confidence first, take free slots: first those of the last frame, for persons who moved out of reach, then those
    that have been empty for the longest time. Bodies without a slot are dropped.
    """

    def __init__(self, interface: Interface) -> None:
        shape = interface.persons, len(interface.layout.joints)
        self._joints, self._confidence = np.zeros((*shape, interface.channels)), np.zeros(shape, dtype=np.float32)
        self._absent = np.full(interface.persons, MOST_GAP)  # frames since a person was in the slot

    def place(self, recording: Recording) -> Recording:
        """Return a recording of one frame with one entry for each slot."""
        order = np.argsort(-recording.confidence.sum(axis=(1, 2)), kind="stable")
        bodies = _chosen(recording, order[recording.seen[order, 0]])
        slots = self._slots(bodies)
        kept, slots = slots >= 0, slots[slots >= 0]
        self._absent += 1
        self._absent[slots] = 0
        self._joints[slots], self._confidence[slots] = bodies.joints[kept, 0], bodies.confidence[kept, 0]
        confidence = np.where(self._absent[:, None] == 0, self._confidence, np.float32(0))
        return replace(recording, joints=self._joints[:, None].copy(), confidence=confidence[:, None], detections=False)

    def _slots(self, bodies: Recording) -> Int64[np.ndarray, "n"]:
        """Return the slot of each body, -1 for those without one."""
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (a third of a second, only for detections)

        known, slots = np.flatnonzero(self._absent < MOST_GAP), np.full(len(bodies.joints), -1)
        if not len(slots):
            return slots
        costs = np.minimum(self._costs(bodies, known), FORBIDDEN)
        old, new = linear_sum_assignment(costs)
        within = costs[old, new] < FORBIDDEN
        slots[new[within]] = known[old[within]]
        order = np.argsort(slots < 0, kind="stable")
        single = tracks_of(_chosen(bodies, order), REACH)[0][:, 0] >= 0
        others = order[single & (slots[order] < 0)]
        free = np.setdiff1d(np.arange(len(self._absent)), slots)
        free = free[np.lexsort((-self._absent[free], self._absent[free] > 0))]
        count = min(len(others), len(free))
        slots[others[:count]] = free[:count]
        return slots

    def _costs(self, bodies: Recording, known: Int64[np.ndarray, "k"]) -> Float64[np.ndarray, "k n"]:
        """Return the cost of continuing the persons in some slots with each body; infinite if they are out of reach."""
        persons, frames = len(known), MOST_GAP + 1
        joints = np.zeros((persons + len(bodies.joints), frames, *bodies.joints.shape[2:]))
        confidence = np.zeros(joints.shape[:3], dtype=np.float32)
        last = np.arange(persons), MOST_GAP - 1 - self._absent[known]
        joints[last], confidence[last] = self._joints[known], self._confidence[known]
        joints[persons:, -1:], confidence[persons:, -1:] = bodies.joints, bodies.confidence
        both = replace(bodies, joints=joints, confidence=confidence, detections=False)
        return joining_costs(both, REACH)[:persons, persons:]


def _chosen(recording: Recording, bodies: Int64[np.ndarray, "n"]) -> Recording:
    joints, confidence = recording.joints[bodies], recording.confidence[bodies]
    return replace(recording, joints=joints, confidence=confidence, detections=False)
