"""The layout of foreign recordings, and their joints in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Real

from psp.errors import ConfigError, RecordingError
from psp.io.format import Raw
from psp.io.observed import observed
from psp.skeleton.catalogue import layout_by_name, layout_names, open_layout
from psp.skeleton.derive import mirror_of
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical, matches, pairs_by_name

LAYOUT, SHOWN, MOST = "layout.yaml", 5, 1000
"""The layout file of a folder, how many joints an error names, and how many frames distances are measured in."""

PIXELS, SCORE = 10, 2
"""Where x or y exceeds PIXELS and the third number is between 0 and SCORE, the third number is a score: heights of
peaks in heat maps may exceed 1 a little."""


@dataclass(frozen=True)
class FoundLayout:
    """A layout, the reason for its choice, and sentences about what was derived."""

    layout: Layout
    reason: str
    derived: tuple[str, ...] = ()


def find_layout(raw: Raw, given: str | Path | Layout | None, folder: Path | None, name: str) -> FoundLayout:
    """Return the layout of a recording: the given one, that of `layout.yaml` in the folder, or what the file states.

    If the joint names are those of a built-in layout, it is used. Other names become a layout called `name`, connected
    by the edges of the file or, without any, by the smallest distances between joints. Joints without names raise
    ConfigError with the layouts that have as many.
    """
    if given is not None:
        return _with_derived(open_layout(given), "given by --layout")
    if folder is not None and (folder / LAYOUT).is_file():
        return _with_derived(open_layout(folder / LAYOUT), f"given by {LAYOUT}")
    if isinstance(raw.layout, Layout):
        return _with_derived(raw.layout, "joints and edges are those of the file")
    if raw.layout is not None:
        return FoundLayout(open_layout(raw.layout), "that of this format")
    if raw.names:
        return _by_names(raw, name)
    raise _not_known(raw)


def by_joint(raw: Raw, layout: Layout, where: str) -> Raw:
    """Return a recording with flat rows of numbers reshaped to the joints of a layout; others are returned as they are.

    A row that does not have 2, 3 or 4 numbers per joint raises RecordingError.
    """
    persons, frames, count, channels = raw.joints.shape
    joints = len(layout.joints)
    if channels > 1:
        return raw
    if count not in (2 * joints, 3 * joints, 4 * joints):
        what = (
            f"a frame has {count} numbers, {joints} joints (layout {layout.name!r}) have {2 * joints} or {3 * joints}."
        )
        raise RecordingError(what, where=where, remedy="Choose another --layout, or leave this file out.")
    return scored(replace(raw, joints=raw.joints.reshape(persons, frames, joints, count // joints)), where)


def scored(raw: Raw, where: str) -> Raw:
    """Return a recording with the last number of each joint moved to `confidence` if it is one, else as it is.

    A fourth number is a confidence; so is a third number between 0 and SCORE beside x and y in pixels. A fourth number
    outside of [0, SCORE] raises RecordingError.
    """
    joints = raw.joints.astype(np.float64)
    known = joints[~np.isnan(joints).any(axis=3)]
    score, four = known[:, -1], joints.shape[3] == 4
    inside = bool(((score >= 0) & (score <= SCORE)).all())
    if four and not inside:
        what = f"the fourth number of a joint is not between 0 and {SCORE}, so it is not a confidence."
        raise RecordingError(what, where=where, remedy="Leave x, y, z and, if there is one, a confidence.")
    if not four and not (joints.shape[3] == 3 and inside and np.abs(known[:, :2]).max(initial=0) > PIXELS):
        return raw
    note = f"The {'fourth' if four else 'third'} number of each joint is taken as its confidence."
    return replace(raw, joints=joints[..., :-1], confidence=joints[..., -1], notes=(*raw.notes, note))


def names_of(raw: Raw) -> tuple[str, ...]:
    """Return the names of the joints of a recording, those of its layout if it has one; none if they are not known."""
    return raw.names if raw.layout is None else open_layout(raw.layout).joints


def joint_order(raw: Raw, layout: Layout, where: str) -> list[int] | None:
    """Return the index in the recording of each joint of a layout, -1 where it has none; None if they are in order.

    Joints are found by their names if the file states them; at least half of those of the layout must be there. Without
    names the number of joints must be the same. Other joints raise RecordingError. If the names are those of the
    format, all must be there, or another layout with as many joints is accepted.
    """
    names = names_of(raw)
    if not names or names == layout.joints:
        found, expected = raw.joints.shape[2], len(layout.joints)
        if found == expected:
            return None
        what = f"expected {expected} joints (layout {layout.name!r}), found {found}."
        raise RecordingError(what, where=where, remedy="Choose another --layout, or leave this file out.")
    order = matches(names, layout.joints)
    missing = [joint for joint, place in zip(layout.joints, order, strict=True) if place < 0]
    if missing and isinstance(raw.layout, str) and len(names) == len(layout.joints):
        return None
    if missing and (raw.layout is not None or _too_few(order)):
        raise _without(missing, names, layout, where)
    return order


def about_joints(known: Sequence[tuple[str, tuple[str, ...]]], layout: Layout) -> list[str]:
    """Return sentences about joints that some recordings lack, and about joints that the layout lacks.

    `known` are recordings, each the name of its file and of its joints; those that `joint_order` refuses are left out.
    A joint of the layout that none of the others has raises RecordingError.
    """
    files: dict[tuple[str, ...], list[str]] = {}
    for where, names in known:
        files.setdefault(names, []).append(where)
    lacking, beyond, count = dict[str, list[str]](), dict[str, list[str]](), 0
    for names, found in files.items():
        order = matches(names, layout.joints)
        if _too_few(order):
            continue
        count += len(found)
        for joint in (joint for joint, place in zip(layout.joints, order, strict=True) if place < 0):
            lacking.setdefault(joint, []).extend(found)
        for joint in (joint for place, joint in enumerate(names) if place not in order):
            beyond.setdefault(joint, []).extend(found)
    nowhere = [joint for joint, found in lacking.items() if len(found) == count]
    if nowhere:
        where = lacking[nowhere[0]][0]
        raise _without(nowhere, dict(known)[where], layout, where)
    said = {"Joints that a file lacks were not observed": lacking, "Joints that the layout lacks are left out": beyond}
    return [f"{what}: {_shown(joints, count)}." for what, joints in said.items() if joints]


def edges_by_distance(joints: Real[np.ndarray, "m t v c"], names: Sequence[str] = ()) -> list[tuple[int, int]]:
    """Return the edges of a tree of small distances between joints, each the median over persons and frames.

    Joints whose `names` differ in left and right only form pairs. The other joints are connected first, by the smallest
    distances; pairs are added nearest first, left and right alike. Without pairs it is the minimum spanning tree.
    """
    _, _, count, channels = joints.shape
    poses = joints.reshape(-1, count, channels).astype(np.float64)
    poses = poses[:: max(1, len(poses) // MOST)]
    distance = np.full((count, count), np.inf)
    for joint in range(count):
        apart = np.linalg.norm(poses - poses[:, joint : joint + 1], axis=2)
        known = ~np.isnan(apart).all(axis=0)
        distance[joint, known] = np.nanmedian(apart[:, known], axis=0)
    mirror = mirror_of(count, pairs_by_name(names))
    distance = (distance + distance[np.ix_(mirror, mirror)]) / 2
    pairs = [joint for joint, image in enumerate(mirror) if joint < image]
    axis = [joint for joint, image in enumerate(mirror) if joint == image]
    if axis:
        inside, edges = [axis.pop(0)], set[tuple[int, int]]()
    else:
        first = min(pairs, key=lambda joint: distance[joint, mirror[joint]])
        inside, edges = [first, mirror[first]], {(first, mirror[first])}
        pairs.remove(first)
    for group in (axis, pairs):
        while group:
            _, new, old = min((distance[old, new], new, old) for new in group for old in inside)
            group.remove(new)
            inside += sorted({new, mirror[new]})
            edges |= {_ordered(new, old), _ordered(mirror[new], mirror[old])}
    return sorted(edges)


def _too_few(order: Sequence[int]) -> bool:
    return 2 * order.count(-1) > len(order)


def _shown(joints: Mapping[str, Sequence[str]], count: int) -> str:
    """Return joints with the number of files each is about, and the first of them."""
    each = [f"{joint} ({len(files)} of {count} recordings, first {min(files)})" for joint, files in joints.items()]
    return ", ".join(each[:SHOWN]) + (f" and {len(each) - SHOWN} more" if len(each) > SHOWN else "")


def _without(missing: Sequence[str], names: Sequence[str], layout: Layout, where: str) -> RecordingError:
    shown = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
    what = f"there is no joint {shown} (layout {layout.name!r}); the file has {', '.join(names[:SHOWN])}, ..."
    return RecordingError(what, where=where, remedy="Choose another --layout, or leave this file out.")


def _not_known(raw: Raw) -> ConfigError:
    """Return the error for joints without names; it names the layouts that have as many."""
    count, flat = raw.joints.shape[2], raw.joints.shape[3] == 1
    scores = raw.joints[:, :, 3::4, 0]
    four = [4] if ((scores >= 0) & (scores <= 1) | np.isnan(scores)).all() else []
    ways = {count / numbers: f" of {numbers} numbers" for numbers in (2, 3, *four)} if flat else {count: ""}
    fitting: list[str] = []
    for joints, of in ways.items():
        names = [name for name in layout_names() if len(layout_by_name(name).joints) == joints]
        fitting += [f"one of {', '.join(names)} ({joints:g} joints{of})"] if names else []
    remedy = f"Name it with --layout: {', '.join([*fitting, 'or '])}" if fitting else "Name it with --layout: "
    remedy += "a YAML file with the joints and edges."
    remedy += " Leave out numbers that are no coordinates of joints, such as angles and classes." if flat else ""
    what = f"these {count} numbers a frame" if flat else f"these {count} joints"
    return ConfigError(f"the layout of {what} is not known.", remedy=remedy)


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _by_names(raw: Raw, name: str) -> FoundLayout:
    if builtin := _builtin(raw.names):
        return FoundLayout(layout_by_name(builtin), "the file names these joints")
    if raw.edges:
        return _with_derived(Layout.from_graph(name, raw.names, raw.edges), "joints and edges are those of the file")
    joints, confidence = observed(raw, slice(None), name)
    seen = np.where(confidence[..., None] > 0, joints, np.nan)
    layout = Layout.from_graph(name, raw.names, edges_by_distance(seen, raw.names))
    return _with_derived(layout, "joints are those of the file, connected by their distances")


def _with_derived(layout: Layout, reason: str) -> FoundLayout:
    """Return a layout with the sentences about what was derived; none for built-in layouts."""
    return FoundLayout(layout, reason, () if layout.name in layout_names() else layout.derived)


def _builtin(names: Sequence[str]) -> str | None:
    """Return the built-in layout that has just these joints, in any order."""
    known = sorted(map(canonical, names))
    return next((name for name in layout_names() if sorted(map(canonical, layout_by_name(name).joints)) == known), None)
