"""Every format of foreign files is found, read to the numbers that were written, and named when it is damaged."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from format_examples import Example, example_of
from psp.io.base import FORMATS, detect_format, open_reader
from psp.io.format import File, Format, Raw
from psp.io.reader import open_files

NAMES = [format.name for format in FORMATS]


def written(example: Example, folder: Path) -> Path:
    for name, content in example.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_written_is_read(name: str, seed: int, tmp_path: Path) -> None:
    example = example_of(name, np.random.default_rng(seed))
    folder = written(example, tmp_path / "source")
    assert detect_format(folder) == name
    reader = pickle.loads(pickle.dumps(open_reader(folder, **example.options)))
    items = reader.items()[0]
    assert len(items) == len(example.joints)
    for number, (item, joints) in enumerate(zip(items, example.joints, strict=True)):
        recording = reader.read(item)
        known = ~np.isnan(joints).any(axis=3)
        confidence = example.confidence[number] if example.confidence else None
        expected = known.astype(float) if confidence is None else known * confidence
        np.testing.assert_allclose(recording.confidence, expected, atol=1e-6)
        known = known if confidence is None else known & (confidence > 0)
        np.testing.assert_allclose(recording.joints[known], joints[known], rtol=0, atol=example.tolerance)
        assert recording.info.id == item.id
        if example.labels:
            label = recording.info.label
            assert (None if label is None else reader.classes[label]) == example.labels[number]


STANDING = np.array([[0, 0, 0], [0, 1, 0], [0, 2, 0]], dtype=float)[None, None]


def parse_standing(files: list[File]) -> list[Raw]:
    """Return a person who stands along the axis that the file names."""
    (up,) = (file.content.decode() for file in files)
    return [Raw(STANDING if up == "y" else STANDING[..., [0, 2, 1]], names=("foot", "hip", "head"), up=up or None)]


def test_recordings_that_state_another_axis_are_turned(tmp_path: Path) -> None:
    standing = Format("standing", "stickmen", (".stand",), lambda name, head: True, parse_standing)
    for name, up in (("a", "y"), ("b", "z"), ("c", "z")):
        (tmp_path / f"{name}.stand").write_text(up)
    reader = open_files(standing, tmp_path)
    read = [reader.read(item) for item in reader.items()[0]]
    assert reader.up == "y"
    assert [each.up for each in read] == ["y", "y", "y"]
    for each in read:
        np.testing.assert_allclose(each.joints, STANDING, atol=1e-12)
    stated = open_files(standing, tmp_path, up="z")
    assert [stated.read(item).joints[0, 0, 2].tolist() for item in stated.items()[0]] == [[0, 2, 0], *[[0, 0, 2]] * 2]


def test_a_size_of_the_image_that_is_not_used_is_said(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((4, 17, 2)))
    reader = open_reader(tmp_path, layout="coco17", size=(640, 480))
    assert (
        "The size of the image is not used: coordinates are in unknown units, not shares of the image." in reader.notes
    )
