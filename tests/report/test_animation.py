from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from psp.evaluate.trained import open_trained
from psp.report.animation import FRAMES, projected, scene_of, write_animation
from psp.report.destination import refuse_foreign
from psp.report.judged import judge
from psp.report.run_animation import _scene
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, train_run
from runs import small_run
from stores import own_store, small_clips

NAMESPACE = "{http://www.w3.org/2000/svg}"


def recognise(clips):
    """Half of the probability goes to the class of the number of frames, modulo 4."""
    found = np.full((len(clips), 4), 0.125)
    for row, clip in zip(found, clips, strict=True):
        row[clip.frames % 4] += 0.5
    return found


@pytest.fixture
def scene():
    clip = next(clip for clip in small_clips() if clip.persons == 2)
    return scene_of(clip, 1, recognise)


def test_probabilities_are_those_after_each_frame(scene):
    assert scene.probabilities.shape == (FRAMES, 4)
    assert scene.probabilities.argmax(axis=1).tolist() == ((scene.shown + 1) % 4).tolist()
    assert (scene.shown[0], scene.shown[-1]) == (0, scene.clip.frames - 1)


def test_the_probabilities_after_the_last_frame_are_those_of_the_clip(tmp_path):
    """A tenth of the joints was not observed; the store has positions for them."""
    task = make_task(own_store(tmp_path / "store", "coco17"), "4/class", "none")
    run = open_trained(train_run(task, small_run("supervised"), tmp_path / "run"), device="cpu")
    found = judge(run)
    for number in (0, 5):
        scene = _scene(run, int(found.index[number]), int(found.labels[number]))
        assert np.abs(scene.probabilities[-1] - found.probabilities[number]).max() < 1e-5


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_every_joint_is_inside_the_panel(layout):
    store = own_store(None, layout)
    points, floor = projected(scene_of(store.clip(0), 0, recognise), store.layout, store.up)
    assert np.isfinite(points).all()
    assert points.min() >= 0
    assert points.max() <= 230
    assert len(floor) == (0 if layout == "coco17" else 14)


def test_the_picture_is_an_animated_svg_with_text_as_text(scene, tmp_path):
    classes = ["<b>one</b>", "class 1", "class 2", "class 3"]
    write_animation(
        tmp_path / "picture.svg", [scene, replace(scene, label=0)], layout_by_name("kinect20"), "y", classes
    )
    refuse_foreign(tmp_path / "picture.svg")
    root = ElementTree.parse(tmp_path / "picture.svg").getroot()
    animations = root.findall(f".//{NAMESPACE}animate")
    assert {each.get("attributeName") for each in animations} >= {"d", "width"}
    assert all(len(each.get("values").split(";")) == FRAMES + 1 for each in animations)
    assert "<b>one</b>" in [each.text for each in root.iter(f"{NAMESPACE}text")]
    assert not root.findall(f".//{NAMESPACE}b")
