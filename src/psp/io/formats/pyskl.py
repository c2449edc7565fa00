"""Annotation files of PYSKL and MMAction2: pickles of arrays, many recordings each.

A file is {split: {name: [frame_dir]}, annotations: [...]}, or only the list. An annotation has `frame_dir` (the id),
`label` (a number), `total_frames`, `img_shape` (height, width), `keypoint` (m, t, v, c) and, in two dimensions,
`keypoint_score` (m, t, v). Coordinates are pixels, or metres with y up for the 25 joints of Kinect v2; a joint at zero,
or in three dimensions a pose of zeros, was not observed. In two dimensions the persons of a frame are in arbitrary
order. The files for Kinetics-400 hold no skeletons and are refused. Source: kennymckormick/pyskl, tools/data/README.md.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.ntu import columns_of_name
from psp.io.formats.poses import COCO_OR, with_body
from psp.io.joints import scored
from psp.io.parse.pickles import load_restricted

REMEDY = "Correct this file or leave it out."
KINETICS = ("raw_file", "frame_inds", "box_score")
PART = re.compile(r"(?P<before>.*?)[-_]?(?P<part>train|val|test)(ing|idation)?[-_]?(?P<after>\w*)", re.IGNORECASE)
ORDER = ("train", "test", "val")
"""A recording that is in several parts of a split belongs to the first of these."""

Columns = dict[str, dict[str, str]]
"""The values of each column by the id of a recording."""


def recognises_pyskl(name: str, head: bytes) -> bool:
    """Return whether a file is a pickle with the keys of an annotation file."""
    return head[:1] in (b"\x80", b"(", b"]") and (
        b"split" in head[:100] or b"annotations" in head[:100] or b"frame_dir" in head[:4096]
    )


def parse_pyskl(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of an annotation file; their joints are not copied."""
    (file,) = files
    content = load_restricted(file.content, file.name)
    split, annotations = ({}, content) if isinstance(content, list) else _parts_of_file(content, file.name)
    columns = _columns(split, file.name)
    return [_recording(each, columns, f"{file.name}, annotation {n}") for n, each in enumerate(annotations)]


PYSKL = Format(
    "pyskl", "PYSKL and MMAction2 annotations, .pkl files", (".pkl", ".pickle"), recognises_pyskl, parse_pyskl,
    reads_to_list=True,
)  # fmt: skip


def _parts_of_file(content: object, name: str) -> tuple[Mapping[str, Any], list[Any]]:
    """Return the splits and the annotations."""
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        remedy = "Name an annotation file with the keys split and annotations."
        raise RecordingError("there is no list 'annotations'.", where=name, remedy=remedy)
    split = content.get("split") or {}
    lists = isinstance(split, dict) and all(isinstance(each, list | tuple) for each in split.values())
    if not lists:
        what = "the key split does not hold lists of recordings by name."
        raise RecordingError(what, where=name, remedy=REMEDY)
    return split, content["annotations"]


def _columns(split: Mapping[str, Any], where: str) -> Columns:
    """Return a column for each split: xsub_train and xsub_val become the column xsub with the values train and val."""
    columns: Columns = {}
    for name, ids in sorted(split.items(), key=lambda entry: _order(str(entry[0]))):
        found = PART.fullmatch(str(name))
        column, part = (found["before"] + found["after"], found["part"].lower()) if found else (str(name), "yes")
        column = f"split{column}" if column.isdigit() else column or "part"
        for id in ids:
            if not isinstance(id, str | int):
                what = f"an entry of {name!r} is not the name of a recording."
                raise RecordingError(what, where=f"{where}, split", remedy=REMEDY)
            columns.setdefault(column, {}).setdefault(str(id), part)
    return columns


def _order(name: str) -> int:
    found = PART.fullmatch(name)
    return ORDER.index(found["part"].lower()) if found else len(ORDER)


def _recording(annotation: Any, columns: Columns, where: str) -> Raw:
    if not isinstance(annotation, dict):
        raise RecordingError("an annotation is not a dict.", where=where, remedy=REMEDY)
    id = annotation.get("frame_dir", annotation.get("filename"))
    if not isinstance(id, str | int) or id == "":
        raise RecordingError("there is no frame_dir.", where=where, remedy=REMEDY)
    where = f"{where} ({id})"
    joints, score = _joints(annotation, where)
    own = {name: values.get(str(id), "none") for name, values in columns.items()}
    facts: dict[str, int | float | str] = {**own, **columns_of_name(str(id))}
    deep = joints.shape[3] == 3
    kinect = deep and joints.shape[2] == 25
    raw = Raw(
        joints, score, id=str(id), label=_label(annotation.get("label"), where), columns=facts,
        up="y" if kinect else None if deep else "-y", size=_size(annotation.get("img_shape")),
        units="metres" if kinect else "unknown units" if deep else "pixels",
        persons="bodies" if deep else "detections", zeros="poses" if deep else "joints",
        notes=(COCO_OR,) if joints.shape[2:] == (17, 2) else (),
    )  # fmt: skip
    return with_body(raw if kinect or score is not None else scored(raw, where))


def _joints(
    annotation: Mapping[str, Any], where: str
) -> tuple[Real[np.ndarray, "m t v c"], Real[np.ndarray, "m t v"] | None]:
    """Return the joints of an annotation and their confidence."""
    joints, score = annotation.get("keypoint"), annotation.get("keypoint_score")
    if joints is None and any(key in annotation for key in KINETICS):
        what = "this annotation of Kinetics-400 holds no skeleton: the skeletons are in other files, the kpfiles."
        remedy = "Convert it with PYSKL's DecompressPose, or use a file whose annotations have a keypoint."
        raise RecordingError(what, where=where, remedy=remedy)
    joints, score = _array(joints, "keypoint", where), None if score is None else _array(score, "keypoint_score", where)
    joints = joints[None] if joints.ndim == 3 else joints
    if joints.ndim != 4 or joints.shape[3] not in (2, 3) or 0 in joints.shape:
        what = f"keypoint has the shape {joints.shape}, not (persons, frames, joints, 2 or 3)."
        raise RecordingError(what, where=where, remedy=REMEDY)
    if score is not None and score.size != np.prod(joints.shape[:3]):
        what = f"keypoint_score has the shape {score.shape}, keypoint {joints.shape}."
        raise RecordingError(what, where=where, remedy=REMEDY)
    frames = _whole(annotation.get("total_frames", joints.shape[1]))
    if frames is None or not 1 <= frames <= joints.shape[1]:
        what = f"total_frames is {str(annotation['total_frames'])[:40]}, keypoint has {joints.shape[1]} frames."
        raise RecordingError(what, where=where, remedy=REMEDY)
    return joints[:, :frames], None if score is None else score.reshape(joints.shape[:3])[:, :frames]


def _array(value: Any, key: str, where: str) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise RecordingError(f"{key} is not an array of numbers.", where=where, remedy=REMEDY)
    return value


def _label(value: Any, where: str) -> str | None:
    """Return the number of the class as text; None, for an unlabelled recording, if there is none or it is negative."""
    if value is None:
        return None
    label = _whole(value)
    if label is None:
        raise RecordingError(f"the label {str(value)[:40]} is not a whole number.", where=where, remedy=REMEDY)
    return None if label < 0 else str(label)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _size(shape: Any) -> tuple[int, int] | None:
    """Return width and height."""
    if not isinstance(shape, list | tuple) or len(shape) < 2:
        return None
    height, width = _whole(shape[0]), _whole(shape[1])
    return (width, height) if width and height and min(width, height) > 0 else None
