"""The replay of the labeller against random and class-balanced labels."""

import json

from benchmarks.__main__ import main


def test_a_replay_is_measured_once_and_continued(tmp_path, capsys):
    out = tmp_path / "found.json"
    arguments = ["active-selection", "--out", str(out), "--clips", "120", "--labels", "1", "2", "--waiting", "200"]
    strategies = ["--strategies", "typical", "random", "class-balanced"]
    assert main([*arguments, *strategies, "--seeds", "1"]) == 0
    first = json.loads(out.read_text())
    picture = tmp_path / "curves.svg"
    assert main([*arguments, "--seeds", "2", "--strategies", "random", "typical", "--picture", str(picture)]) == 0
    assert "<svg" in picture.read_text()
    found = json.loads(out.read_text())
    assert found["runs"][:3] == first["runs"]
    assert [(run["strategy"], run["seed"]) for run in found["runs"]] == [
        ("typical", 0), ("random", 0), ("class-balanced", 0), ("random", 1), ("typical", 1),
    ]  # fmt: skip
    assert all(len(run["accuracy"]) == 2 and min(run["accuracy"]) > 100 / run["classes"] for run in found["runs"])
    assert found["runs"][2]["classes with labels"] == [found["runs"][2]["classes"]] * 2
    assert "class-balanced" in capsys.readouterr().out
    assert main([*arguments[:5], "--labels", "3", "--waiting", "0", "--seeds", "1", "--strategies", "random",
                 "--picture", str(picture)]) == 0  # fmt: skip
    assert [run["labels"] for run in json.loads(out.read_text())["runs"]] == [[1, 2]] * 5 + [[3]]


def test_mistakes_are_named(tmp_path, capsys):
    for arguments, message in (
        (["--recogniser", "magic"], "magic"),
        (["--strategies", "magic"], "magic"),
        (["--data", "NATOPS"], "--samples"),
        (["--data", "NW-UCLA 1 to 2"], "--nw-ucla"),
        (["--picture", "curves.gif"], "curves.gif"),
    ):
        assert main(["active-selection", "--out", str(tmp_path / "x.json"), *arguments]) == 2
        assert message in capsys.readouterr().err
