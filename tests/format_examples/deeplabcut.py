"""DeepLabCut: one animal as a CSV, two animals as a packed CSV, one as a fixed pandas table in HDF5."""

import gzip
import io

import h5py
import numpy as np

from format_examples import Example, skeletons

PARTS = ("nose", "leftear", "rightear", "tail")
HEADERS = ("scorer", "individuals", "bodyparts", "coords")


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 1, 6, 4, 2), skeletons(draw, 2, 4, 4, 2), skeletons(draw, 1, 3, 4, 2)]
    scores = [np.round(draw.uniform(0.1, 1, each.shape[:3]), 3) for each in joints]
    files = {
        "run/a.csv": table(joints[0], scores[0], 5),
        "walk/b.csv.gz": gzip.compress(table(joints[1], scores[1])),
        "walk/c.h5": hdf5(joints[2], scores[2]),
    }
    return Example(files, joints, scores, ["run", "walk", "walk"])


def columns(animals: int) -> list[tuple[str, str, str, str]]:
    return [("net", f"m{a}", part, c) for a in range(animals) for part in PARTS for c in ("x", "y", "likelihood")]


def rows(joints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    values = np.concatenate([joints, np.where(np.isnan(joints[..., :1]), 0, scores[..., None])], axis=3)
    return values.transpose(1, 0, 2, 3).reshape(joints.shape[1], -1)


def table(joints: np.ndarray, scores: np.ndarray, first: int = 0) -> bytes:
    """Return a CSV; one animal has zeros where it is not observed, several have empty entries."""
    several = len(joints) > 1
    heads = [[name, *line] for name, line in zip(HEADERS, zip(*columns(len(joints)), strict=True), strict=True)]
    lines = heads if several else [heads[0], *heads[2:]]
    for number, row in enumerate(rows(joints, scores), start=first):
        unknown = "" if several else "0.0"
        lines.append([str(number), *(unknown if np.isnan(value) else repr(float(value)) for value in row)])
    return "\n".join(",".join(line) for line in lines).encode()


def hdf5(joints: np.ndarray, scores: np.ndarray) -> bytes:
    """Return what pandas writes as a "fixed" table, as far as it is read."""
    names = [line for line in zip(*columns(len(joints)), strict=True) if "m0" not in line]
    with h5py.File(io.BytesIO(), "w") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = "2.1"
        for level, line in enumerate(names):
            different = list(dict.fromkeys(line))
            stored = file.create_dataset(f"df/block0_items_level{level}", data=np.array(different, "S"))
            stored.attrs["name"] = HEADERS[level + (level > 0)]
            file[f"df/block0_items_label{level}"] = np.array([different.index(name) for name in line], "i1")
        file["df/axis1"] = np.arange(joints.shape[1])
        file["df/block0_values"] = rows(joints, scores)
        file.flush()
        return content_of(file)


def content_of(file: h5py.File) -> bytes:
    file.flush()
    return file.id.get_file_image()
