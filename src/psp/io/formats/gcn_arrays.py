"""Arrays of many recordings that graph convolution programs train on: those of CTR-GCN, and of ST-GCN and 2s-AGCN.

CTR-GCN's `.npz` files have x_train, x_test (recordings, frames, 150 = 2 persons x 25 joints x 3) in metres with y up,
and y_train, y_test (recordings, classes), one-hot. ST-GCN and 2s-AGCN have `train_data.npy` or `train_data_joint.npy`
(recordings, coordinates, frames, joints, persons) and beside it `train_label.pkl` (names, labels); the third coordinate
of Kinetics-skeleton is a score. 2s-AGCN turns trunks to the axis z. Recordings are padded with zeros or, by 2s-AGCN,
with repetitions; the padding is cut off. Sources: feeders/feeder_ntu.py of Uason-Chen/CTR-GCN, data_gen of
lshiwjx/2s-AGCN, tools/kinetics_gendata.py and feeder/feeder_kinetics.py of yysijie/st-gcn.
"""

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Real

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, Units, without_suffix
from psp.io.formats.array_sets import classes_of, trimmed
from psp.io.formats.arrays import DAMAGED, parse_array_file, read_arrays
from psp.io.formats.ntu import columns_of_name
from psp.io.formats.poses import with_body
from psp.io.parse.pickles import load_restricted
from psp.skeleton.recording import Up

REMEDY = "Correct this file or leave it out."
PARTS = ("train", "test", "val")
WIDTHS = ((75,), (150,))
"""The last axis of one and of two persons of 25 joints."""

FIVE = re.compile(rb"'shape': *\(\d+, *[23], *\d+, *\d+, *\d+,? *\)")
WORDS, DERIVED = re.compile(r"[-_]?(data|joints?|position|labels?)"), re.compile(r"bone|motion")
LIKE, UPRIGHT = 50, 0.9999
"""How many recordings are examined for the meaning of coordinates; the least cosine between a turned trunk and z."""


def recognises_ctrgcn(name: str, head: bytes) -> bool:
    """Return whether a file is an archive that begins with one of the four arrays."""
    return head.startswith(b"PK") and re.search(rb"[xy]_(train|test)\.npy", head[:100]) is not None


def parse_ctrgcn(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of all parts; those of other shapes are read as arrays of recordings."""
    (file,) = files
    arrays, found = read_arrays(file.content, file.name), list[Raw]()
    if any(arrays[f"x_{part}"].shape[2:] not in WIDTHS for part in PARTS if f"x_{part}" in arrays):
        return parse_array_file(files)
    for part in PARTS:
        if f"x_{part}" in arrays:
            found += _part(arrays, part, file.name)
    return found


def recognises_stgcn(name: str, head: bytes) -> bool:
    """Return whether a file is an array of five axes, the second of size 2 or 3."""
    return head.startswith(b"\x93NUMPY") and FIVE.search(head[:256]) is not None


def group_stgcn(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return each array of joints with its file of labels; arrays of bones or motion are left out."""
    arrays = [name for name in names if name.endswith(".npy")]
    joints = [name for name in arrays if not DERIVED.search(name.rpartition("/")[2])] or arrays
    labels = {_key(name): name for name in names if not name.endswith(".npy") and "label" in name.rpartition("/")[2]}
    return {
        without_suffix(name): (name, labels[_key(name)]) if _key(name) in labels else (name,) for name in joints
    }  # fmt: skip


def parse_stgcn(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of an array; their joints are not copied."""
    file, *beside = files
    array = _view(file)
    names, labels = _names_and_labels(beside[0], len(array)) if beside else ([], [])
    part = next((part for part in PARTS if part in file.name.rpartition("/")[2]), None)
    columns: dict[str, int | float | str] = {} if part is None else {"part": part}
    scored = _has_scores(array)
    common = _common(array, labelled=bool(beside), scored=scored)
    found = []
    for number, recording in enumerate(array):
        joints = _own_frames(trimmed(np.transpose(recording, (3, 1, 2, 0))))
        raw = replace(common, joints=joints[..., :2] if scored else joints, columns=columns)
        if scored:
            raw = replace(raw, confidence=joints[..., 2])
        if names:
            facts = {**columns, **columns_of_name(names[number])}
            raw = replace(raw, id=names[number], label=labels[number], columns=facts)
        found.append(with_body(raw))
    return found


CTRGCN = Format(
    "ctrgcn", "CTR-GCN, .npz files", (".npz",), recognises_ctrgcn, parse_ctrgcn, reads_to_list=True
)  # fmt: skip

STGCN = Format(
    "stgcn", "ST-GCN and 2s-AGCN, .npy files with .pkl labels", (".npy", ".pkl"), recognises_stgcn, parse_stgcn,
    group_stgcn, reads_to_list=True,
)  # fmt: skip


def _part(arrays: Mapping[str, np.ndarray], part: str, name: str) -> list[Raw]:
    """Return the recordings of one part of a CTR-GCN file."""
    array, where = arrays[f"x_{part}"], f"{name}, x_{part}"
    if array.ndim != 3 or array.shape[2] % 75 or 0 in array.shape[1:] or array.dtype.kind != "f":
        what = f"the array has the shape {array.shape}, not (recordings, frames, 150)."
        raise RecordingError(what, where=where, remedy=REMEDY)
    given = arrays.get(f"y_{part}")
    labels = [None] * len(array) if given is None else classes_of(given, len(array), f"{name}, y_{part}")
    persons, digits, found = array.shape[2] // 75, len(str(len(array))), list[Raw]()
    for number, label in enumerate(labels):
        joints = array[number].reshape(-1, persons, 25, 3).transpose(1, 0, 2, 3)
        raw = Raw(trimmed(joints), layout="ntu25", up="y", units="metres", zeros="poses", columns={"part": part})
        found.append(replace(raw, id=f"{part}-{number:0{digits}}", label=label))
    return found


def _key(name: str) -> str:
    """Return a file name without the words in which an array and its file of labels differ."""
    folders, slash, last = without_suffix(name).rpartition("/")
    return folders + slash + WORDS.sub("", last)


def _view(file: File) -> Real[np.ndarray, "n c t v m"]:
    """Return the array of an .npy file without copying it."""
    stream = io.BytesIO(file.content)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        size = math.prod(shape)
        if dtype.kind not in "fiu" or len(shape) != 5 or shape[1] not in (2, 3) or size <= 0:
            what = f"the array is {dtype} of the shape {shape}, not (recordings, 2 or 3, frames, joints, persons)."
            raise RecordingError(what, where=file.name, remedy=REMEDY)
        flat = np.frombuffer(file.content, dtype, size, stream.tell())
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except DAMAGED as error:
        what = f"the array is damaged or cut off ({' '.join(str(error).split())})."
        raise RecordingError(what, where=file.name, remedy="Copy it again or leave it out.") from error


def _names_and_labels(file: File, count: int) -> tuple[list[str], list[str | None]]:
    """Return the ids and the numbers of the classes that a file of labels holds."""
    content = load_restricted(file.content, file.name)
    if not isinstance(content, list | tuple) or len(content) != 2:
        raise RecordingError("this is not a pair of names and labels.", where=file.name, remedy=REMEDY)
    names, labels = ([*each] if isinstance(each, list | tuple | np.ndarray) else [] for each in content)
    if not len(names) == len(labels) == count:
        what = f"there are {len(names)} names and {len(labels)} labels for {count} recordings."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    for number, (name, label) in enumerate(zip(names, labels, strict=True)):
        if not isinstance(name, str) or not isinstance(label, int | np.integer):
            what = "the name is not text or the label is not a whole number."
            raise RecordingError(what, where=f"{file.name}, recording {number}", remedy=REMEDY)
    ids = [str(name).removesuffix(".skeleton").removesuffix(".json") for name in names]
    return ids, [str(int(label)) if label >= 0 else None for label in labels]


def _common(array: Real[np.ndarray, "n c t v m"], labelled: bool, scored: bool) -> Raw:
    """Return what all recordings of an array have in common, with the joints of the first."""
    joints, notes = np.transpose(array[0], (3, 1, 2, 0)), []
    if not labelled:
        notes.append("There is no file of labels beside the array (such as train_label.pkl beside train_data.npy).")
    if scored or array.shape[1] == 2:
        near = scored and bool(np.abs(array[:LIKE, :2]).max() <= 1)
        units: Units = "shares of the image" if near else "pixels"
        return Raw(joints, up="-y", units=units, persons="detections", notes=tuple(notes), zeros="joints")
    if array.shape[3] != 25:
        return Raw(joints, persons="bodies", notes=tuple(notes), zeros="poses")
    up = _up(array)
    if up == "z":
        notes.append("Trunks are parallel to z, as 2s-AGCN turns them.")
    return Raw(joints, up=up, units="metres", persons="bodies", notes=tuple(notes), zeros="poses")


def _has_scores(array: Real[np.ndarray, "n c t v m"]) -> bool:
    """Return whether the third coordinate is a score: joints that are not Kinect's, and all within 0 and 1."""
    if array.shape[1] != 3 or array.shape[3] == 25:
        return False
    third = array[:LIKE, 2]
    return bool(((third >= 0) & (third <= 1)).all() and third.any())


def _up(array: Real[np.ndarray, "n 3 t 25 m"]) -> Up:
    """Return z if the trunks of the first persons are parallel to it, else y, as Kinect has it."""
    poses = array[:LIKE, :, 0, :2, 0].astype(np.float64)
    trunks = poses[..., 1] - poses[..., 0]
    lengths = np.hypot(np.hypot(trunks[:, 0], trunks[:, 1]), trunks[:, 2])
    upright = trunks[lengths > 0, 2] >= UPRIGHT * lengths[lengths > 0]
    return "z" if upright.size and upright.all() else "y"


def _own_frames(joints: Real[np.ndarray, "m t v c"]) -> Real[np.ndarray, "m _ v c"]:
    """Return the frames before the first person's frames are repeated exactly until the end."""
    first = joints[0]
    again = np.flatnonzero((first[1:] == first[0]).all(axis=(1, 2))) + 1
    if again.size and again[0] > 1:
        period = next((at for at in again.tolist() if (first[at:] == first[:-at]).all()), len(first))
        return joints[:, :period]
    return joints
