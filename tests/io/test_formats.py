"""Every format of foreign files is found, read to the numbers that were written, and named when it is damaged."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from format_examples import Example, example_of
from psp.errors import PSPError
from psp.io.base import FORMATS, detect_format, open_reader
from psp.io.format import File, Format
from psp.io.reader import observed

NAMES = [format.name for format in FORMATS]
MUTATIONS = 2000


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


@pytest.mark.parametrize("format", FORMATS, ids=NAMES)
def test_damaged_files_are_named(format: Format) -> None:
    draw = np.random.default_rng(len(format.name))
    example = example_of(format.name, draw)
    groups = format.group(sorted(example.files))
    for _ in range(MUTATIONS):
        names = groups[sorted(groups)[draw.integers(len(groups))]]
        spoiled = names[draw.integers(len(names))]
        files = [File(n, mutated(example.files[n], draw) if n == spoiled else example.files[n]) for n in names]
        error = refusal(format, files)
        assert error is None or (error.where and error.remedy), error


def refusal(format: Format, files: list[File]) -> PSPError | None:
    """Return the error that files raise."""
    try:
        for raw in format.parse(files):
            observed(raw, slice(None), files[0].name)
    except PSPError as error:
        return error
    return None


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Return content with some bytes changed, removed, doubled or cut off, or a number replaced by an odd one."""
    at, length = int(draw.integers(len(content))), int(draw.integers(1, 40))
    kind = draw.integers(6)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + length :]
    if kind == 2:
        return content[: at + length] + content[at:]
    if kind == 3:
        return content[:at] + draw.bytes(length) + content[at + length :]
    odd = [b"nan", b"-1", b"1e400", b"null", b"[]", b"{}", b'""', b"99999999999", b"0", b",", b"\n", b"inf"]
    word = odd[draw.integers(len(odd))]
    stop = at
    while stop < len(content) and content[stop : stop + 1] in b"0123456789.-" and content[stop : stop + 1]:
        stop += 1
    return content[:at] + word + content[max(stop, at + 1) :]
