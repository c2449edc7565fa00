"""Faults of the poses and the motion of single clips, found by the measures of their persons."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32

from psp.dataset.checks.measure import Measures, trunk_of
from psp.dataset.checks.report import Finding
from psp.dataset.store import Store

FROZEN = 0.9
"""A person without motion in this share of the frames is frozen.

Hand-annotated and interpolated recordings repeat up to two thirds of their poses.
"""

JUMP, ISOLATED = 1.0, 5.0
"""A jump is longer than JUMP sizes of the person and than ISOLATED times the mean of all other steps.

One size is about half a metre; half a metre between two frames is 15 m/s at 30 frames a second. The second condition
excludes runners in recordings of few frames a second, who are fast in every frame.
"""

CONTINUES = 2.0
"""A clip begins in the middle, its frames in a wrong order, if the joints jump at a frame and the step from the last
frame to the first is at most CONTINUES times the mean of the other steps. One in ten ordinary clips ends where it
began, but few of these have a jump.
"""

BONE, UNUSUAL = 0.5, 10.0
"""A bone length is impossible if its mean differs from the data set's median by more than BONE and by more than UNUSUAL
times the median of such differences. A bone changes its length if the standard deviation is larger than BONE.

The unit is the size of the person. Hidden joints of Kinect move by a third of BONE. The second condition is for
estimated depths, with which all bones of a data set vary.
"""

COLLAPSED, LONG_BONE = 0.05, 0.1
"""A bone length is also impossible if it is less than COLLAPSED times a median that is longer than LONG_BONE."""

DOWN = -0.5
"""A trunk points down if the cosine of its angle with the vertical is less; it is about 0 for a person who lies."""

BEHIND, FRONT = -0.5, 0.2
"""A person is mirrored if the joints that are usually in front of the body are behind it: if the distances of the
joints in front of the body correlate with the median over the data set by less than BEHIND.

The check needs a median profile whose norm over the joints is at least FRONT.
"""

Skipped = dict[str, str]


def pose_findings(store: Store, measures: Measures) -> tuple[list[Finding], Skipped]:
    """Return the faults of single clips, and the checks that were skipped, with reasons."""
    seen = measures.observed > 0
    every = np.ones(len(store), dtype=bool)
    np.logical_and.at(every, measures.clip, ~seen)
    ids = store.clips.id
    found = [Finding("empty", (str(ids[clip]),), 1.0, "no joint is ever observed.") for clip in np.flatnonzero(every)]
    one = np.flatnonzero((store.clips.frames == 1) & ~every)
    found += [Finding("one-frame", (str(ids[clip]),), 1.0, "the clip has a single frame.") for clip in one]
    skipped: Skipped = {}
    for check in (_frozen, _jumps, _switches, _sides, _bones, _vertical, _mirrored):
        found += check(store, measures, seen, skipped)
    return found, skipped


def _frozen(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    chosen = seen & (measures.frames > 1) & (measures.still >= FROZEN)
    text = "{who} does not move in {value:.0%} of the frames."
    return _worst(store, measures, "frozen", measures.still, chosen, text)


def _jumps(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    turned = seen & (measures.leap > JUMP) & (measures.leap > ISOLATED * measures.leap_pace)
    turned &= (measures.ends < CONTINUES * measures.leap_pace) & (measures.exchange == 0) & (measures.swap == 0)
    text = "{who} jumps at frame {frame}, where the clip seems to begin: its last frame continues at its first."
    yield from _worst(store, measures, "frame-order", measures.leap, turned, text, measures.leap_frame)
    chosen = seen & (measures.shift > JUMP) & (measures.shift > ISOLATED * measures.pace) & ~turned
    chosen &= measures.exchange == 0
    text = "{who} jumps by {value:.1f} times the body's size at frame {frame}."
    yield from _worst(store, measures, "jump", measures.shift, chosen, text, measures.shift_frame)


def _switches(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    if (store.clips.persons == 1).all():
        skipped["identity-switch"] = "no clip has two persons"
    text = "{who} and another person exchange their positions at frame {frame}."
    frame = measures.exchange_frame
    return _worst(store, measures, "identity-switch", measures.exchange, measures.exchange > 0, text, frame)


def _sides(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    if not store.layout.mirror_pairs:
        skipped["side-swap"] = "the layout has no mirror pairs"
    text = "left and right of {who} are exchanged from frame {frame} on."
    return _worst(store, measures, "side-swap", measures.swap, measures.swap > 0, text, measures.swap_frame)


def _bones(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    if store.channels != 3 or not store.layout.bones:
        reason = "in two dimensions bone lengths vary" if store.channels != 3 else "the layout has no bones"
        skipped["bone-length"] = skipped["bone-change"] = reason
        return
    known = measures.bone[seen]
    usual = np.nanmedian(known, axis=0) if len(known) else np.zeros(len(store.layout.bones))
    usual = np.nan_to_num(usual)
    away = np.nan_to_num(np.abs(measures.bone - usual))
    limit = np.maximum(BONE, UNUSUAL * np.median(away[seen], axis=0)) if seen.any() else BONE
    collapsed = (measures.bone < COLLAPSED * usual) & (usual > LONG_BONE)
    names = [f"{store.layout.joints[child]} - {store.layout.joints[parent]}" for child, parent in store.layout.bones]
    wrong = (away > limit) | collapsed
    worst, row = np.where(wrong, away, -1).argmax(axis=1), np.arange(len(away))
    text = "the length of the bone {bone} of {who} differs from the usual one by {value:.2f} times the body's size."
    value, chosen = away[row, worst], seen & wrong.any(axis=1)
    yield from _worst(store, measures, "bone-length", value, chosen, text, bones=[names[each] for each in worst])
    spread = np.nan_to_num(measures.bone_spread)
    worst = spread.argmax(axis=1)
    value, chosen = spread[row, worst], seen & (spread.max(axis=1) > BONE)
    text = "the length of the bone {bone} of {who} has a standard deviation of {value:.2f} times the body's size."
    yield from _worst(store, measures, "bone-change", value, chosen, text, bones=[names[each] for each in worst])


def _vertical(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    if trunk_of(store.layout) is None or store.up == "none":
        reason = "the vertical axis is not known" if store.up == "none" else "the layout has neither a spine nor hips"
        skipped["up-axis"] = skipped["upside-down"] = reason
        return
    axis, sign = "xyz".index(store.up[-1]), -1 if store.up.startswith("-") else 1
    upright = measures.trunk[:, axis] * sign
    usual = np.median(measures.trunk[seen], axis=0) if seen.any() else np.zeros(store.channels)
    largest = int(np.abs(usual).argmax())
    if usual[axis] * sign < -DOWN < np.abs(usual[largest]):
        name = ("-" if usual[largest] < 0 else "") + "xyz"[largest]
        text = f"the data set states that {store.up} points up, but most bodies stand along {name}."
        yield Finding("up-axis", (), float(np.abs(usual[largest])), text)
        return
    text = "the trunk of {who} points down."
    yield from _worst(store, measures, "upside-down", -upright, seen & (upright < DOWN), text)


def _mirrored(store: Store, measures: Measures, seen: Bool[np.ndarray, "n"], skipped: Skipped) -> Iterator[Finding]:
    usual = np.median(measures.front[seen], axis=0) if seen.any() else np.zeros(len(store.layout.joints))
    strength = np.linalg.norm(usual)
    if store.channels != 3 or not store.layout.mirror_pairs or trunk_of(store.layout) is None or strength < FRONT:
        skipped["mirrored"] = "it needs three coordinates, mirror pairs, hips and a clear front of the body"
        return
    value = measures.front @ usual / np.maximum(np.linalg.norm(measures.front, axis=1) * strength, 1e-9)
    text = "left and right of {who} seem exchanged: joints that are usually in front of the body are behind it."
    yield from _worst(store, measures, "mirrored", -value, seen & (value < BEHIND), text)


def _worst(
    store: Store,
    measures: Measures,
    kind: str,
    value: Float32[np.ndarray, "n"],
    chosen: Bool[np.ndarray, "n"],
    text: str,
    frame: np.ndarray | None = None,
    bones: list[str] | None = None,
) -> Iterator[Finding]:
    """Yield one finding for each clip with a chosen person, about the one with the largest value."""
    order = np.flatnonzero(chosen)
    order = order[np.lexsort((-value[order], measures.clip[order]))]
    for number in order[np.unique(measures.clip[order], return_index=True)[1]].tolist():
        clip, at = int(measures.clip[number]), None if frame is None else int(frame[number])
        who = "the person" if store.clips.persons[clip] == 1 else f"person {measures.person[number] + 1}"
        words = {"who": who, "value": float(value[number]), "frame": at, "bone": bones and bones[number]}
        yield Finding(kind, (str(store.clips.id[clip]),), float(value[number]), text.format(**words), at)
