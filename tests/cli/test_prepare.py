"""`psp prepare` says what it found, prepares, and answers wrong arguments in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from psp.cli.prepare import run_prepare
from psp.dataset.store import open_store
from psp.errors import PSPError


def ran(source: Path | str, dest: Path, options: str) -> None:
    run_prepare([str(source), str(dest), *options.split()])


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    for number, name in enumerate(("sit", "go", "sit", "go")):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        joints = np.random.default_rng(number).normal(size=(9, 17, 2))
        np.save(tmp_path / "in" / name / f"{number}.npy", joints)
    return tmp_path / "in"


def test_what_was_found_is_said_and_a_dry_run_stops_there(recordings, capsys) -> None:
    ran(recordings, recordings.parent / "out", "--layout coco17 --dry-run")
    said = " ".join(capsys.readouterr().out.split())
    for word in ("arrays", "found by its files", "coco17, 17 joints", "-y", "--up", "4"):
        assert word in said
    assert [path.name for path in recordings.parent.iterdir()] == ["in"]


def test_a_dry_run_says_why_recordings_do_not_fit_the_layout(recordings, capsys) -> None:
    ran(recordings, recordings.parent / "out", "--layout ntu25 --dry-run")
    said = "".join(filter(str.isalnum, capsys.readouterr().out))  # without the frame of the table
    assert "cannotberead" in said
    assert "expected25joints" in said
    assert "found17" in said


def test_own_recordings_are_prepared_with_single_settings(recordings, capsys) -> None:
    out = recordings.parent / "out"
    ran(recordings, out, "--layout coco17 --up y --clean.fill_gaps false --normalise.scale none --workers 1")
    store = open_store(out)
    assert (store.clean.bodies, store.clean.fill_gaps) == (None, False)
    assert (store.normalise.scale, store.normalise.centre, store.up) == ("none", "first-frame", "y")
    assert "clips stored" in capsys.readouterr().out


def test_built_in_data(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran("synthetic", out, "--clips 3 --seed 5 --layout coco17 --normalise none --workers 1")
    store = open_store(out)
    assert (len(store), store.layout.name, store.normalise.centre) == (3, "coco17", "none")


def test_settings_of_bodies(tmp_path: Path) -> None:
    ran("synthetic", tmp_path / "out", "--clips 3 --clean.bodies.persons 1 --workers 1")
    assert open_store(tmp_path / "out").clean.bodies.persons == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "layout of these 17 joints is not known.*coco17"),
        ("--layout coco-17", "Did you mean 'coco17'"),
        ("--layout coco17 --up z", "is not an axis of 2 coordinates"),
        ("--layout coco17 --up upwards", "up"),
        ("--layout coco17 --normalise published", "has no spine"),
        ("--layout coco17 --pipeline authors --normalise none", "Leave one of them out"),
        ("--layout coco17 --normalise.scal none", "Did you mean --normalise.scale"),
        ("--layout coco17 --seed 3", "no such option"),
        ("--layout coco17 --format arrys", "Did you mean 'arrays'"),
        ("--layout coco17 --format ntu60", "no such option"),
        ("--layout coco17 --workers 0", "out of range"),
    ],
)
def test_wrong_arguments_are_answered_in_one_sentence(recordings, options: str, says: str) -> None:
    with pytest.raises(PSPError, match=says):
        ran(recordings, recordings.parent / "out", options)
    assert [path.name for path in recordings.parent.iterdir()] == ["in"]


def test_a_damaged_first_recording_does_not_stop_the_search_for_others(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"a01_s01_e0{number}_v01.json").write_text("{")
    with pytest.raises(PSPError, match="2 recordings cannot be used"):
        ran(tmp_path, tmp_path / "out", "--workers 1")


@pytest.mark.parametrize(("names", "then"), [(("sit", "go"), "train"), (("sit", "sit"), "label"), (("", ""), "label")])
def test_the_next_step_is_training_where_classes_can_be_told_apart(tmp_path, capsys, names, then) -> None:
    for number, name in enumerate(names):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "in" / name / f"{number}.npy", np.random.default_rng(number).normal(size=(9, 17, 2)))
    ran(tmp_path / "in", tmp_path / "out", "--layout coco17 --workers 1")
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith(f"Next: psp check {tmp_path / 'out'}, psp {then} {tmp_path / 'out'}")


def test_what_psp_wrote_is_not_prepared(recordings, capsys) -> None:
    ran(recordings, recordings / "store", "--layout coco17 --workers 1")
    ran(recordings, recordings / "again", "--layout coco17 --workers 1")
    assert "Not read: store (written by psp)." in " ".join(capsys.readouterr().out.split())
    assert len(open_store(recordings / "again")) == 4
    with pytest.raises(PSPError, match="this is a data set that psp prepared, not recordings"):
        ran(recordings / "store", recordings.parent / "out", "")


def test_lines_that_name_no_recording_are_left_out_if_asked_for(recordings, capsys) -> None:
    (recordings / "clips.csv").write_text("file,label\n0.npy,sit\n1.npy,go\n7.npy,go\n")
    with pytest.raises(PSPError, match=r"'7\.npy' names no recording.*--skip-damaged"):
        ran(recordings, recordings.parent / "out", "--layout coco17 --workers 1")
    ran(recordings, recordings.parent / "out", "--layout coco17 --workers 1 --skip-damaged")
    assert "that name no recording, left out │ 1" in " ".join(capsys.readouterr().out.split())


def test_options_of_other_formats_do_not_refuse_to_skip_damaged_recordings(tmp_path: Path) -> None:
    ran("synthetic", tmp_path / "out", "--clips 3 --workers 1 --skip-damaged")
    assert len(open_store(tmp_path / "out")) == 3
