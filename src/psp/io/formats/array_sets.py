"""Several recordings in one archive of arrays: an array of recordings X with their labels y, or an array for each.

X is (recordings, frames, joints, coordinates), (recordings, persons, frames, joints, coordinates) or (recordings,
frames, numbers); y has a class for each, one-hot or as a number or text, -1 or "" for none. They are called X and y,
data and labels, joints and labels, and may be divided into parts: X_train, y_train, x_test and the like. X may be the
only array; its recordings have no labels. Zeros and NaN that fill recordings up to one length are cut off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Real, Shaped

from psp.errors import RecordingError

INPUTS = ("x", "data", "joints", "keypoints", "skeletons", "poses", "sequences")
TARGETS = ("y", "label", "labels", "target", "targets", "class", "classes")
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
WORD, PART = "|".join((*INPUTS, *TARGETS)), "|".join(PARTS)
KEY = re.compile(rf"((?P<before>{PART})_?)?(?P<word>{WORD})(_?(?P<part>{PART}))?")
CONFIDENCE = "confidence"
ALONE, MOST_PERSONS = ("x", "data", "sequences"), 40
"""Names of an array of recordings without labels, and how many entries of the first of four axes may be persons."""

REMEDY = "Save X as (recordings, frames, joints, coordinates) and y with one class for each recording."
ONE_EACH = "Save the number or the name of the class of each recording, or one-hot classes."
FLAT, JOINTS, PERSONS, CHANNELS = 3, 4, 5, 4
"""The numbers of axes of an array of recordings, and the largest number of values of a joint."""


@dataclass(frozen=True, eq=False)
class Member:
    """A recording of an archive: its name (empty for the only one), joints, confidence if there is one, and facts."""

    name: str
    joints: Shaped[np.ndarray, "..."]
    confidence: Shaped[np.ndarray, "..."] | None = None
    label: str | None = None
    columns: Mapping[str, int | float | str] = field(default_factory=dict)


def members_of(arrays: Mapping[str, np.ndarray], where: str) -> list[Member]:
    """Return the recordings of an archive; arrays that are neither one recording nor several raise RecordingError."""
    inputs, targets = _roles(arrays)
    parts = [part for part in inputs if part or part in targets or _are_recordings(arrays)]
    if parts == [""] and targets and arrays[targets[""]].size == 1 and len(arrays[inputs[""]]) != 1:
        return [_single(arrays, inputs[""], str(arrays[targets[""]].item()))]
    if parts:
        return [each for part in parts for each in _set(arrays, inputs[part], targets.get(part), part, where)]
    if "joints" in arrays:
        return [_single(arrays, "joints")]
    names = [name for name in arrays if not name.endswith(CONFIDENCE)]
    if len(names) == 1:
        return [_single(arrays, names[0])]
    if not names:
        raise RecordingError(
            "there is no array of joints.", where=where, remedy="Save the joints under the key joints."
        )
    return [Member(name, arrays[name], arrays.get(f"{name}_{CONFIDENCE}")) for name in names]


def trimmed(joints: Real[np.ndarray, "m t v c"]) -> Real[np.ndarray, "_ _ v c"]:
    """Return joints without the last persons and frames that are all zero or NaN; one person and one frame stay."""
    used = np.any((joints != 0) & (joints == joints), axis=(2, 3))
    persons, frames = (np.flatnonzero(np.any(used, axis=axis)).max(initial=0) + 1 for axis in (1, 0))
    return joints[:persons, :frames]


def classes_of(array: np.ndarray, count: int, where: str) -> list[str | None]:
    """Return the class of each of `count` recordings as text; RecordingError if there is not one for each."""
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim not in (1, 2) or flat.dtype.kind not in "fiubUS":
        what = f"the labels are {array.dtype} of the shape {array.shape}."
        raise RecordingError(what, where=where, remedy=ONE_EACH)
    if len(flat) != count:
        raise RecordingError(f"there are {len(flat)} labels for {count} recordings.", where=where, remedy=ONE_EACH)
    if flat.ndim == 2:
        return _one_hot(flat, where)
    if flat.dtype.kind in "US":
        texts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in flat.tolist()]
        return [None if text in ("", "-1") else text for text in texts]
    return [None if number == -1 else str(number) for number in _whole(flat, where).tolist()]


def _whole(labels: np.ndarray, where: str) -> np.ndarray:
    """Return labels as whole numbers from -1; others raise RecordingError."""
    missing = ~np.isfinite(labels)
    if missing.any():
        what = f"{missing.sum()} of {len(labels)} labels are NaN or infinite."
        raise RecordingError(what, where=where, remedy="Write -1 for recordings without a label.")
    if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
        what = f"the label {labels[labels != np.rint(labels)][0]:g} is no class but a continuous value."
        raise RecordingError(what, where=where, remedy=ONE_EACH)
    if (labels < -1).any():
        what = f"the label {labels[labels < -1][0]:g} is negative, and -1 means unlabelled."
        raise RecordingError(what, where=where, remedy="Number the classes from 0, or save their names as text.")
    return labels if labels.dtype.kind in "iu" else labels.astype(np.int64)


def _one_hot(labels: np.ndarray, where: str) -> list[str | None]:
    is_one_hot = labels.dtype.kind in "fiub" and labels.shape[1] and ((labels == 0) | (labels == 1)).all()
    if not is_one_hot or not (labels.sum(axis=1) == 1).all():
        what = f"the labels of the shape {labels.shape} are not one class for each recording."
        raise RecordingError(what, where=where, remedy=ONE_EACH)
    return [str(label) for label in labels.argmax(axis=1).tolist()]


def _roles(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names of the arrays of recordings and of those of their labels, by the part of a split or ""."""
    inputs, targets = dict[str, str](), dict[str, str]()
    for name in arrays:
        if found := KEY.fullmatch(name.lower()):
            part = PARTS.get(found["before"] or found["part"] or "", "")
            (inputs if found["word"] in INPUTS else targets).setdefault(part, name)
    return inputs, targets


def _are_recordings(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether the only array of a file holds several recordings by its name and shape.

    Four axes are those of recordings if the array is called X or if the first one is too long for persons.
    """
    (name, array), *others = arrays.items()
    if others or name.lower() not in ALONE:
        return False
    if array.ndim == JOINTS:
        return name.lower() == "x" or len(array) > MOST_PERSONS
    return array.ndim == PERSONS or (array.ndim == FLAT and array.shape[2] > CHANNELS)


def _single(arrays: Mapping[str, np.ndarray], name: str, label: str | None = None) -> Member:
    return Member("", arrays[name], arrays.get(CONFIDENCE), label)


def _set(arrays: Mapping[str, np.ndarray], name: str, target: str | None, part: str, where: str) -> list[Member]:
    """Return the recordings of an array of recordings."""
    array, place = arrays[name], f"{where}, {name}"
    if array.ndim not in (FLAT, JOINTS, PERSONS) or 0 in array.shape or array.dtype.kind not in "fiub":
        what = f"the array is {array.dtype} of the shape {array.shape}."
        raise RecordingError(what, where=place, remedy=REMEDY)
    if array.ndim == FLAT and array.shape[2] <= CHANNELS:
        what = f"the array of the shape {array.shape} is one recording, with labels beside it."
        remedy = "Save one label, or state intervals of the recording in a table (--table)."
        raise RecordingError(what, where=place, remedy=remedy)
    if array.ndim == PERSONS and array.shape[1] in (2, 3) and array.shape[4] <= 2:
        what = f"the shape {array.shape} may have persons or coordinates on its second axis."
        remedy = "Save persons on the second axis and three coordinates on the last, or ST-GCN's arrays as .npy."
        raise RecordingError(what, where=place, remedy=remedy)
    labels = [None] * len(array) if target is None else classes_of(arrays[target], len(array), f"{where}, {target}")
    columns: dict[str, int | float | str] = {"part": part} if part else {}
    digits, prefix = len(str(len(array))), f"{part}-" if part else ""
    return [
        Member(f"{prefix}{number:0{digits}}", _own_frames(array[number]), None, label, columns)
        for number, label in enumerate(labels)
    ]


def _own_frames(recording: Real[np.ndarray, "..."]) -> Real[np.ndarray, "..."]:
    """Return a recording without the frames that fill it up."""
    if recording.ndim + 1 == FLAT:
        return trimmed(recording[None, :, :, None])[0, :, :, 0]
    return trimmed(recording[None] if recording.ndim + 1 == JOINTS else recording)
