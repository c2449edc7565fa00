"""The skeleton player in a browser: what it draws, and how it is moved and turned."""

import json

import numpy as np
import pytest

from browser import until
from psp.report.player import (
    clip_for_player,
    content_policy,
    player_script,
    player_style,
    skeleton_for_player,
)  # fmt: skip
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.text import json_for_html
from stores import own_store, small_clips

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>player</title>
<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{style}</style>
<body><div id="here"></div><script type="application/json" id="data">{data}</script><script>{script}</script>"""
MOUNT = """
const data = JSON.parse(document.getElementById("data").textContent);
const player = PspPlayer.mount(document.getElementById("here"), data);
"""
INK = """() => { const {canvas, pen} = player, {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  const found = {}; for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) {
    const key = `${data[i]},${data[i + 1]},${data[i + 2]}`; found[key] = (found[key] || 0) + 1; } return found; }"""
DRAWN = "player.isVisible && !(player.film && player.dirty)"
PICTURE = "() => player.canvas.toDataURL()"
DOTS = """() => { let n = 0; const arc = player.pen.arc;
  player.pen.arc = function (...all) { n++; arc.apply(this, all); }; PspDraw.draw(player); return n; }"""
LEFT, RIGHT = "0,114,178", "213,94,0"


def show(page, tmp_path, skeleton, clip, script=MOUNT, **options):
    script, style = f"{player_script()}\n{script}", player_style() + "#here { width: 300px }"
    data = json_for_html({"skeleton": skeleton, "clip": clip, "autoplay": False, **options})
    policy = content_policy([script], [style])
    (tmp_path / "page.html").write_text(PAGE.format(policy=policy, style=style, data=data, script=script))
    page.goto(f"file://{tmp_path / 'page.html'}")
    until(page, DRAWN)


@pytest.fixture
def walk():
    """A clip of one person with kinect20 whose left and right joints stand apart."""
    layout, draw = layout_by_name("kinect20"), np.random.default_rng(0)
    joints = draw.normal(0, 0.3, (1, 1, 20, 3)) + np.linspace(0, 1, 20)[:, None]
    for left, right in layout.mirror_pairs:
        joints[..., left, 0] += 1
        joints[..., right, 0] -= 1
    return skeleton_for_player(layout, "y", 3), Clip(ClipInfo("walk"), joints.astype(np.float32))


def test_coordinates_are_those_of_the_clip_to_half_a_step(page, tmp_path, walk):
    skeleton, clip = walk
    for bits, steps in ((16, 65_000), (8, 255)):
        show(page, tmp_path, skeleton, clip_for_player(clip, bits=bits))
        found = np.array(page.evaluate("() => Array.from(player.film.points)")).reshape(clip.joints.shape)
        wanted = clip.joints * [-1, 1, -1]  # right, up, towards the reader
        assert np.abs(found - wanted).max() <= 0.51 * np.ptp(clip.joints, axis=(0, 1, 2)).max() / steps + 1e-6


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_left_and_right_are_drawn_in_their_colours(page, tmp_path, layout):
    store = own_store(None, layout)
    skeleton = skeleton_for_player(store.layout, store.up, store.channels)
    show(page, tmp_path, skeleton, clip_for_player(store.clip(0)))
    ink = page.evaluate(INK)
    assert ink.get(LEFT, 0) > 50
    assert ink.get(RIGHT, 0) > 50


def test_a_joint_that_was_never_observed_is_not_drawn(page, tmp_path, walk):
    skeleton, clip = walk
    confidence = np.ones(clip.joints.shape[:3], dtype=np.float32)
    confidence[:, :, [v for v, side in enumerate(skeleton["sides"]) if side == 2]] = 0
    show(page, tmp_path, skeleton, clip_for_player(Clip(clip.info, clip.joints, confidence)))
    ink = page.evaluate(INK)
    assert ink.get(LEFT, 0) > 50
    assert RIGHT not in ink


def test_every_person_is_drawn_and_an_absent_one_is_not(page, tmp_path):
    clip = next(each for each in small_clips() if each.persons == 2)
    skeleton = skeleton_for_player(layout_by_name("kinect20"), "y", 3)
    seen = np.ones(clip.joints.shape[:3], dtype=np.float32)
    seen[1] = 0
    dots = []
    for confidence in (None, seen):
        moved = clip.joints + np.array([0, 2])[:, None, None, None].astype(np.float32)
        show(page, tmp_path, skeleton, clip_for_player(Clip(clip.info, moved, confidence)))
        dots.append(page.evaluate(DOTS))
    assert dots[0] == 2 * dots[1]


def test_keys_turn_step_and_play(page, tmp_path, walk):
    skeleton, clip = walk
    long = Clip(clip.info, np.repeat(clip.joints, 40, axis=1) * np.linspace(1, 2, 40)[:, None, None].astype(np.float32))
    show(page, tmp_path, skeleton, clip_for_player(long))
    begun = page.evaluate("() => player.view")
    page.locator("canvas").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    turned = page.evaluate("() => player.view")
    assert turned["yaw"] - begun["yaw"] == pytest.approx(0.3)
    assert turned["pitch"] - begun["pitch"] == pytest.approx(0.12)
    page.keyboard.press("Home")
    assert page.evaluate("() => player.view") == begun
    page.keyboard.press(".")
    assert page.evaluate("() => player.frame") == 1
    page.keyboard.press(" ")
    until(page, "player.frame > 3")
    assert page.evaluate("() => player.playing")
    page.locator(".psp-play").click()
    assert not page.evaluate("() => player.playing")


def test_a_finger_and_a_mouse_turn_a_figure_of_three_dimensions_only(page, tmp_path, walk):
    skeleton, clip = walk
    flat = own_store(None, "coco17")
    cases = [(skeleton, clip, True), (skeleton_for_player(flat.layout, flat.up, 2), flat.clip(0), False)]
    for known, each, turns in cases:
        show(page, tmp_path, known, clip_for_player(each))
        before = page.evaluate("() => player.view.yaw")
        page.mouse.move(150, 100)
        page.mouse.down()
        page.mouse.move(200, 100, steps=3)
        page.mouse.up()
        assert (page.evaluate("() => player.view.yaw") != before) is turns


def test_a_clip_without_loop_ends_and_one_with_a_loop_begins_again(page, tmp_path, walk):
    skeleton, clip = walk
    short = clip_for_player(Clip(clip.info, np.repeat(clip.joints, 4, axis=1)))
    show(page, tmp_path, skeleton, short, MOUNT + "window.ends = 0; player.options.onEnd = () => ends++;", loop=False)
    page.evaluate("() => player.play()")
    until(page, "ends === 1 && !player.playing && player.frame === 3")
    page.evaluate("() => { player.setLoop(true); player.seek(2); player.play(); }")
    until(page, "player.frame > 0 && player.frame < 1.5")


def test_values_give_joints_their_size(page, tmp_path, walk):
    skeleton, clip = walk
    values = {"joint": np.linspace(0, 1, 20)[None], "moving": np.random.default_rng(0).random((1, 1, 20))}
    show(page, tmp_path, skeleton, clip_for_player(clip, values=values), values="joint")
    plain = page.evaluate(PICTURE)
    found = page.evaluate("() => Array.from(player.values)")
    assert np.abs(np.array(found) - values["joint"][0]).max() < 0.003
    page.evaluate("() => player.setValues(null)")
    until(page, DRAWN)
    assert page.evaluate(PICTURE) != plain
    page.evaluate("() => player.setValues('moving')")
    assert page.evaluate("() => player.valuesPerFrame")


def test_live_frames_are_drawn_as_they_come(page, tmp_path, walk):
    skeleton, clip = walk
    show(page, tmp_path, skeleton, None)
    frames = [(clip.joints[0, 0] + 0.1 * n).round(3).ravel().tolist() for n in range(3)]
    frames[2][:3] = [None] * 3
    for frame in frames:
        page.evaluate("(joints) => player.append(joints.map((each) => each === null ? NaN : each))", frame)
    assert page.evaluate("() => [player.frames, player.frame]") == [3, 2]
    until(page, DRAWN)
    assert page.evaluate(INK).get(LEFT, 0) > 50
    assert page.evaluate("() => player.film.seen[2 * 20]") == 0


def test_text_in_a_page_is_text(page, tmp_path, walk):
    skeleton, clip = walk
    odd = {**skeleton, "joints": ["</script><script>alert(1)</script>", *skeleton["joints"][1:]]}
    show(page, tmp_path, odd, clip_for_player(clip), label="<img src=x onerror=alert(1)>")
    assert page.evaluate("() => data.skeleton.joints[0]") == odd["joints"][0]
    assert "<" not in json_for_html(odd)
    assert json.loads(json_for_html(odd)) == odd
    assert page.locator("img").count() == 0
