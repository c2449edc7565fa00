"""A chunk comes back from disk as it was saved."""

from collections import Counter
from pathlib import Path

import pytest

from psp.data.chunk import Chunk, Skipped, load_chunk, load_skipped
from psp.data.synthetic import SyntheticConfig, synthetic_clips

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
