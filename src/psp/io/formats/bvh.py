"""BVH, motion capture as hierarchies of joints and their rotations in every frame, .bvh files.

A text of two sections. HIERARCHY: `ROOT name`, inside `{ }` its OFFSET from the parent, its `CHANNELS count names` and
its children, `JOINT name` likewise or `End Site` with an OFFSET only; each ROOT is a person. MOTION: `Frames: count`,
`Frame Time: seconds` and one line per frame with a number for each channel in the order of the file. Rotations are
degrees about the joint's own axes, applied in the order of the channels; positions replace the OFFSET, in any unit,
mostly centimetres. Joint positions follow by forward kinematics (Meredith and Maddock, Motion capture file formats
explained, 2001, section 4).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.parse.csv_text import number_rows, text_of
from psp.skeleton.names import canonical
from psp.skeleton.recording import Up

CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)
REMEDY = "Export the file again."
END = -1
AXES: tuple[Up, ...] = ("x", "y", "z", "-x", "-y", "-z")
CLEAR = 2.0
"""The component from feet to head along the vertical axis must exceed the other components by this factor."""


@dataclass
class Joint:
    """A joint of the hierarchy: `channels` are (axis, whether it is a rotation), `parent` is -1 for the root."""

    name: str
    parent: int
    offset: tuple[float, ...] = ()
    channels: tuple[tuple[int, bool], ...] = ()


def recognises_bvh(name: str, head: bytes) -> bool:
    """Return whether a file begins with the word HIERARCHY."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].upper() == b"HIERARCHY"


def parse_bvh(files: Sequence[File]) -> list[Raw]:
    """Return the positions of the joints of a file."""
    (file,) = files
    lines = iter(enumerate(text_of(file).splitlines(), start=1))
    joints = _hierarchy(lines, file.name)
    seconds, motion = _motion(lines, sum(len(joint.channels) for joint in joints), file.name)
    positions, rest = positions_of(joints, motion), positions_of(joints, np.zeros((1, motion.shape[1])))
    persons = [_person(joints, each, positions, file.name) for each in _skeletons(joints)]
    names, edges, _ = persons[0]
    if any(each[:2] != (names, edges) for each in persons):
        roots = ", ".join(joint.name for joint in joints if joint.parent < 0)
        remedy = "Export each skeleton to a file of its own."
        raise RecordingError(f"the skeletons of {roots} have different joints.", where=file.name, remedy=remedy)
    up = _upward(names, *(each[:, chosen] for _, _, chosen in persons for each in (positions, rest)))
    left_out = sum(len(chosen) for *_, chosen in persons) < len(joints)
    notes = ["The root, a fixed frame of reference and not a joint, is left out."] if left_out else []
    notes += [f"The axis from the feet to the head, {up}, points up."] if up else []
    together = np.stack([positions[:, chosen] for _, _, chosen in persons])
    return [Raw(together, names=names, edges=edges, up=up, fps=round(1 / seconds, 2), notes=tuple(notes))]


BVH = Format("bvh", "BVH motion capture, .bvh files", (".bvh",), recognises_bvh, parse_bvh)


def positions_of(joints: Sequence[Joint], motion: Float64[np.ndarray, "t channels"]) -> Float64[np.ndarray, "t v 3"]:
    """Return the positions of joints by forward kinematics; parents come before their children in `joints`."""
    frames, start = len(motion), 0
    positions, turned = np.empty((frames, len(joints), 3)), list[np.ndarray]()
    for number, joint in enumerate(joints):
        values, start = motion[:, start : start + len(joint.channels)], start + len(joint.channels)
        local = np.broadcast_to(joint.offset, (frames, 3)).copy()
        rotation = np.broadcast_to(np.eye(3), (frames, 3, 3))
        moved = [column for column, (_, rotates) in enumerate(joint.channels) if not rotates]
        for column, (axis, rotates) in enumerate(joint.channels):
            if rotates:
                rotation = rotation @ about(axis, np.radians(values[:, column]))
            elif values[:, moved].any():
                local[:, axis] = values[:, column]
        if joint.parent >= 0:
            local = positions[:, joint.parent] + np.einsum("tij,tj->ti", turned[joint.parent], local)
            rotation = turned[joint.parent] @ rotation
        positions[:, number] = local
        turned.append(rotation)
    return positions


def about(axis: int, angle: Float64[np.ndarray, "t"]) -> Float64[np.ndarray, "t 3 3"]:
    """Return the rotations about an axis by angles in radians, counter-clockwise as seen from its tip."""
    one, other = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1
    matrix[:, one, one] = matrix[:, other, other] = np.cos(angle)
    matrix[:, other, one] = np.sin(angle)
    matrix[:, one, other] = -matrix[:, other, one]
    return matrix


def _skeletons(joints: Sequence[Joint]) -> list[list[int]]:
    """Return the indices of the joints of each root."""
    starts = [number for number, joint in enumerate(joints) if joint.parent < 0]
    return [list(range(*ends)) for ends in pairwise([*starts, len(joints)])]


def _person(
    joints: Sequence[Joint], chosen: list[int], positions: Float64[np.ndarray, "t v 3"], where: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], list[int]]:
    """Return the names of a person's joints, their connections, and their indices among those of the file."""
    first = int(_is_reference(joints, chosen[0], positions))
    names, chosen = _without_affixes([joints[number].name for number in chosen])[first:], chosen[first:]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordingError(f"there are two joints {twice!r}.", where=where, remedy="Rename one of them.")
    below = zip(names[1:], chosen[1:], strict=True)
    return names, tuple((name, names[joints[number].parent - chosen[0]]) for name, number in below), chosen


def _hierarchy(lines: Iterator[tuple[int, str]], name: str) -> list[Joint]:
    """Return the joints, parents before their children; `lines` is read up to the word MOTION."""
    joints, inside = list[Joint](), list[int]()
    for number, line in lines:
        where = f"{name}, line {number}"
        if line.strip().upper() == "MOTION":
            lacking = next((joint.name for joint in joints if not joint.offset), None)
            if inside or not joints or lacking:
                what = f"the joint {lacking!r} has no OFFSET." if lacking else "the hierarchy is not closed."
                raise RecordingError(what, where=where, remedy=REMEDY)
            return joints
        for statement in re.findall(r"[{}]|[^{}]+", line):
            if words := statement.split():
                _take(words, joints, inside, where)
    raise RecordingError("the word MOTION is missing.", where=name, remedy=REMEDY)


def _take(words: Sequence[str], joints: list[Joint], inside: list[int], where: str) -> None:
    """Add one statement of the hierarchy to `joints`; `inside` are the open joints, END for an end site."""
    key = words[0].upper()
    current = joints[inside[-1]] if inside and inside[-1] != END else None
    if len(words) > 1 and ((key == "ROOT" and not inside) or (key == "JOINT" and current)):
        joints.append(Joint(" ".join(words[1:]), inside[-1] if inside else -1))
        inside.append(len(joints) - 1)
    elif key == "END" and current:
        inside.append(END)
    elif key == "}" and inside:
        inside.pop()
    elif key == "OFFSET" and inside:
        offset = tuple(number_rows({0: words[1:]}, 3, where)[0].tolist())
        if current:
            current.offset = offset
    elif key == "CHANNELS" and current:
        current.channels = _channels(words[1:], where)
    elif key != "{" and (key != "HIERARCHY" or joints):
        raise RecordingError(f"{' '.join(words)[:40]!r} is not expected here.", where=where, remedy=REMEDY)


def _channels(words: Sequence[str], where: str) -> tuple[tuple[int, bool], ...]:
    """Return the channels of a joint."""
    found = [CHANNEL.fullmatch(word) for word in words[1:]]
    channels = tuple(("XYZ".index(each[1].upper()), each[2].lower() == "rotation") for each in found if each)
    if not words or words[0] != str(len(channels)) or len(set(channels)) != len(found):
        what = f"{' '.join(words)[:80]!r} are not channels."
        raise RecordingError(what, where=where, remedy="Write their count, and names such as Xposition or Zrotation.")
    return channels


def _motion(lines: Iterator[tuple[int, str]], width: int, name: str) -> tuple[float, Float64[np.ndarray, "t channels"]]:
    """Return the duration of a frame in seconds and the channels of all frames."""
    filled = {number: line.strip() for number, line in lines if line.strip()}
    (count, seconds), rows = _stated(list(filled.items())[:2], name), dict(list(filled.items())[2:])
    if not width or not rows or count != len(rows):
        what = f"the file states {count:g} frames and has {len(rows)}, with {width} channels."
        raise RecordingError(what, where=name, remedy=REMEDY)
    values = number_rows({number: row.split() for number, row in rows.items()}, width, name)
    if not np.isfinite(values).all():
        line = list(rows)[int(np.argmin(np.isfinite(values).all(axis=1)))]
        raise RecordingError("a channel is not finite.", where=f"{name}, line {line}", remedy=REMEDY)
    return seconds, values


def _stated(lines: Sequence[tuple[int, str]], name: str) -> tuple[float, float]:
    """Return the stated number of frames and the duration of each in seconds."""
    text = " ".join(line for _, line in lines)
    found = re.fullmatch(r"Frames:\s*(\d{1,9})\s+Frame Time:\s*([\d.eE+-]{1,30})", text, re.IGNORECASE)
    try:
        count, seconds = int(found[1]) if found else 0, float(found[2]) if found else 0.0
    except ValueError:
        seconds = 0.0
    if not 1e-5 < seconds < 1e3:
        where = f"{name}, line {lines[0][0]}" if lines else name
        what = f"{text[:80]!r} does not state the number of frames and their time."
        raise RecordingError(what, where=where, remedy="Write Frames: and Frame Time: on two lines.")
    return count, seconds


def _is_reference(joints: Sequence[Joint], root: int, positions: Float64[np.ndarray, "t v 3"]) -> bool:
    """Return whether a root is a fixed frame of reference: its only child has positions of its own."""
    children = [joint for joint in joints if joint.parent == root]
    moves = len(children) == 1 and any(not rotates for _, rotates in children[0].channels)
    return moves and not np.ptp(positions[:, root], axis=0).any()


def _without_affixes(names: Sequence[str]) -> tuple[str, ...]:
    """Return names without their common prefix, such as "mixamorig:" or "Bip01 ", and common number, such as ".001"."""
    shared = re.match(r"(.*[:_ ]).+\n\1", f"{min(names)}\n{max(names)}")
    plain = [name.removeprefix(shared[1]) if shared and len(names) > 1 else name for name in names]
    number = re.search(r".([._ ]?\d+)$", plain[0])
    if number and len(names) > 1 and all(len(name) > len(number[1]) and name.endswith(number[1]) for name in plain):
        plain = [name.removesuffix(number[1]) for name in plain]
    return tuple(plain)


def _upward(names: Sequence[str], *poses: Float64[np.ndarray, "_ v 3"]) -> Up | None:
    """Return the axis from the feet to the head, if it is the same in all poses and the others are far shorter."""
    words = [set(canonical(name).split()) for name in names]
    head = [number for number, each in enumerate(words) if "head" in each]
    feet = [number for number, each in enumerate(words) if each & {"foot", "toe", "ankle"}]
    found = set[Up]()
    for pose in poses if head and feet else ():
        height = np.median(pose[:, head].mean(axis=1) - pose[:, feet].mean(axis=1), axis=0)
        *_, second, first = np.sort(np.abs(height))
        if first < CLEAR * second or not first:
            return None
        axis = int(np.argmax(np.abs(height)))
        found.add(AXES[axis + 3 * int(height[axis] < 0)])
    return found.pop() if len(found) == 1 else None
