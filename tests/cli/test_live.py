import pytest

from psp.cli.main import main


@pytest.mark.parametrize(
    "words",
    [
        ["--layout", "coco17"],
        ["--format", "bvh"],
        ["--size", "640x480"],
        ["--fps", "30"],
        ["--up", "z"],
        ["--speed", "2"],
        ["clip.npy", "--port", "4000"],
        ["--watch", "folder", "--port", "4000"],
    ],
)
def test_options_that_the_source_of_frames_would_ignore_are_refused(capsys, words):
    assert main(["live", "model", *words]) == 2
    assert f"{words[-2]}: the option is for" in capsys.readouterr().err
