"""A chunk comes back from disk as it was saved."""

from collections import Counter
from pathlib import Path

import pytest

from psp.preprocess.chunk import Chunk, Skipped, load_chunk, load_skipped
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.errors import StoreError

CLIPS = list(synthetic_clips(SyntheticConfig(clips=60)))[::7]


@pytest.mark.parametrize("clips", [CLIPS, []])
def test_a_chunk_comes_back_as_it_was(tmp_path: Path, clips: list) -> None:
    skipped = [Skipped("a.skeleton:3", "it ends here.")]
    Chunk(clips, Counter({"frames": 2}), skipped).save(tmp_path / "chunk.npz")
    loaded = load_chunk(tmp_path / "chunk.npz")
    assert loaded.counts == {"frames": 2}
    assert loaded.skipped == skipped == load_skipped(tmp_path / "chunk.npz")
    assert len(loaded.clips) == len(clips)
    for clip, expected in zip(loaded.clips, clips, strict=True):
        assert (clip.joints == expected.joints).all()
        facts = (clip.id, clip.label, clip.subject, clip.camera, clip.setup, clip.repetition)
        about = (expected.label, expected.subject, expected.camera, expected.setup, expected.repetition)
        assert facts == (expected.id, *about)
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
    for content in (b"", whole[:1000]):
        path.write_bytes(content)
        with pytest.raises(StoreError, match="is damaged"):
            load_skipped(path)
