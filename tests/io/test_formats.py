"""Every format of foreign files is found, read to the numbers that were written, and named when it is damaged."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from format_examples import Example, example_of
from psp.io.base import FORMATS, detect_format, open_reader

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
