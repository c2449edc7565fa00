"""A chunk comes back from disk as it was saved."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from psp.errors import StoreError
from psp.preprocess.chunk import Chunk, Skipped, load_chunk
from psp.skeleton.recording import Clip, ClipInfo
from psp.synthetic import SyntheticConfig, synthetic_clips

CLIPS = [
    *list(synthetic_clips(SyntheticConfig(clips=60)))[::7],
    Clip(ClipInfo("ä/1", None, {"age": 2.5, "city": "Köln", "n": 3}), np.ones((1, 2, 25, 3), dtype=np.float32)),
]
FLAT = [
    Clip(ClipInfo("a"), np.ones((2, 3, 4, 2), dtype=np.float32), np.full((2, 3, 4), 0.3, dtype=np.float32)),
    Clip(ClipInfo("b"), np.zeros((1, 5, 4, 2), dtype=np.float32)),
]


@pytest.mark.parametrize("clips", [CLIPS, FLAT, []])
def test_a_chunk_comes_back_as_it_was(tmp_path: Path, clips: list) -> None:
    skipped = [Skipped("a.skeleton:3", "it ends here.")]
    Chunk(clips, Counter({"frames": 2}), skipped).save(tmp_path / "chunk.npz")
    loaded = load_chunk(tmp_path / "chunk.npz")
    assert loaded.counts == {"frames": 2}
    assert loaded.skipped == skipped
    assert len(loaded.clips) == len(clips)
    for clip, expected in zip(loaded.clips, clips, strict=True):
        np.testing.assert_array_equal(clip.joints, expected.joints)
        assert (clip.confidence is None) == (expected.confidence is None)
        if clip.confidence is not None:
            np.testing.assert_array_equal(clip.confidence, expected.confidence)
        assert clip.info == expected.info
        assert list(clip.info.columns) == list(expected.info.columns)
    assert [path.name for path in tmp_path.iterdir()] == ["chunk.npz"]


def test_a_damaged_chunk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chunk.npz"
    Chunk(CLIPS).save(path)
    whole = path.read_bytes()
    spoiled = bytearray(whole)
    spoiled[len(whole) // 2] ^= 1
    for content in (b"", b"no archive", whole[:-30], whole[:1000], bytes(spoiled)):
        path.write_bytes(content)
        with pytest.raises(StoreError, match="is damaged") as refusal:
            load_chunk(path)
        assert refusal.value.where == str(path)
