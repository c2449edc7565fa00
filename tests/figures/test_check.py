from pathlib import Path

import numpy as np
import pytest

from psp.dataset.checks.report import Finding
from psp.figures.check import POSES, draw_finding, frames_to_draw, upright
from stores import own_store


@pytest.mark.parametrize(("frames", "around", "first", "last"), [(30, None, 0, 29), (30, 0, 0, 5), (30, 29, 24, 29)])
def test_the_frame_to_look_at_is_among_those_drawn(frames: int, around: int | None, first: int, last: int):
    drawn = frames_to_draw(frames, around)
    assert (drawn[0], drawn[-1], len(drawn)) == (first, last, POSES)
    assert frames_to_draw(2, around) == [0, 1]


@pytest.mark.parametrize(("up", "axis", "sign"), [("y", 1, 1), ("-y", 1, -1), ("z", 2, 1), ("none", 1, 1)])
def test_what_points_up_is_above(up: str, axis: int, sign: int):
    joints = np.random.default_rng(0).normal(size=(1, 4, 5, 3))
    np.testing.assert_allclose(upright(joints, up)[..., 1], sign * joints[..., axis])


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_any_layout_can_be_drawn(tmp_path: Path, layout: str):
    store = own_store(None, layout, clips=4)
    draw_finding(tmp_path / "clip.png", store, Finding("copy", ("clip000", "clip002"), 1.0, "equal.", frame=3))
    assert (tmp_path / "clip.png").stat().st_size > 1000
