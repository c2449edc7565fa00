"""Every reader lists, reads and travels to other processes; wrong sources are told."""

import pickle
from pathlib import Path

import pytest

from psp.io.base import READERS, Reader, open_reader
from psp.synthetic import SyntheticConfig, synthetic_clip
from psp.io.write_ntu import write_ntu_folder
from psp.errors import ConfigError
from psp.skeleton.layouts import LAYOUTS

MADE = SyntheticConfig(clips=3)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path | SyntheticConfig]:
    """A tiny source for every data set."""
    write_ntu_folder(tmp_path / "ntu", MADE)
    (tmp_path / "nw-ucla").mkdir()
    frame = str([[0.0, 1.0, 2.0]] * 20)
    for number in range(3):
        file = tmp_path / "nw-ucla" / f"a01_s01_e{number:02}_v01.json"
        file.write_text(f'{{"label": 1, "skeletons": [{frame}]}}')
    ntu = tmp_path / "ntu"
    return {"ntu60": ntu, "ntu120": ntu, "nw-ucla": tmp_path / "nw-ucla", "synthetic": MADE}


@pytest.mark.parametrize("dataset", READERS)
def test_every_reader_lists_and_reads_in_another_process_too(
    dataset: str, sources: dict[str, Path | SyntheticConfig]
) -> None:
    reader: Reader = pickle.loads(pickle.dumps(open_reader(dataset, sources[dataset])))
    items, left_out = reader.items()
    assert reader.dataset == dataset
    assert reader.layout.name in LAYOUTS
    assert len(items) == 3
    assert not left_out
    for item in items:
        recording = reader.read(item)
        assert recording.joints.shape[2] == len(reader.layout.joints)
        assert recording.seen.shape == recording.joints.shape[:2]
        assert recording.label is not None
        assert 0 <= recording.label < len(reader.classes)


def test_ntu120_has_twice_the_classes_of_ntu60(sources: dict[str, Path | SyntheticConfig]) -> None:
    ntu60, ntu120 = (open_reader(name, sources[name]).classes for name in ("ntu60", "ntu120"))
    assert (len(ntu60), len(ntu120)) == (60, 120)
    assert len(set(ntu120)) == 120
    assert ntu120[:60] == ntu60


def test_written_ntu_files_read_as_the_clips_they_came_from(
    sources: dict[str, Path | SyntheticConfig],
) -> None:
    reader = open_reader("ntu60", sources["ntu60"])
    clips = {clip.id: clip for clip in (synthetic_clip(MADE, index) for index in range(3))}
    for item in reader.items()[0]:
        recording, clip = reader.read(item), clips[item.id]
        assert (recording.label, recording.subject) == (clip.label, clip.subject)
        assert recording.joints == pytest.approx(clip.joints, rel=1e-6)


def test_actions_beyond_60_are_counted_not_read(tmp_path: Path) -> None:
    write_ntu_folder(tmp_path, SyntheticConfig(clips=2))
    first = min(tmp_path.iterdir())
    first.rename(first.with_name("S018C001P001R001A061.skeleton"))
    items, left_out = open_reader("ntu60", tmp_path).items()
    assert len(items) == 1
    assert sum(left_out.values()) == 1
    assert len(open_reader("ntu120", tmp_path).items()[0]) == 2


def test_an_unknown_data_set_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'ntu60'"):
        open_reader("ntu-60", "somewhere")


def test_sources_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="not a source"):
        open_reader("nw-ucla", MADE)
    with pytest.raises(ConfigError, match="no list of missing"):
        open_reader("nw-ucla", "somewhere", Path("missing.txt"))
