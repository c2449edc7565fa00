"""The page of a run and of a data set, read in a browser."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from browser import open_page, until
from psp.dataset.store import open_store
from psp.dataset.writer import StoreWriter
from psp.report import run_details, run_numbers
from psp.report.page import write_run_page
from psp.report.player import page_file
from psp.report.store_page import bars_of, write_store_page
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, start_run, train_run
from runs import SMALL_RUN, with_stage
from stores import small_clips

ODD = "<img src=x onerror=alert(1)>"
LONG = "A" * 150
CLASSES = [ODD, "class 1", "class 2", LONG]


def write_store(path):
    """Write 48 clips; the first test clip is also in the training part, as 'copy'."""
    with StoreWriter(
        path, dataset="synthetic", layout=layout_by_name("kinect20"), classes=CLASSES, up="y", source="tests"
    ) as writer:
        clips = list(small_clips())
        for clip in clips:
            writer.add(clip)
        held_out = next(clip for clip in clips if clip.info.columns["subject"] == 2)
        columns = {**held_out.info.columns, "subject": 1}
        writer.add(replace(held_out, info=replace(held_out.info, id="copy", columns=columns)))
    return open_store(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two finished runs, one that is not, and their pages."""
    folder = tmp_path_factory.mktemp("page")
    task = make_task(write_store(folder / "store"), "3/class", "synthetic-xsub")
    config = with_stage(SMALL_RUN, epochs=1)
    for name, each in {"first": config, "second": replace(config, seed=1)}.items():
        train_run(task, each, folder / name)
    start_run(task, config, folder / "begun", device="cpu")
    write_store_page(folder / "store.html", folder / "store")
    write_run_page(folder / "one.html", [folder / "first"], "cpu")
    write_run_page(folder / "three.html", [folder / name for name in ("first", "second", "begun")], "cpu")
    return folder


def open_file(page, path):
    page.goto(f"file://{path}")
    until(page, "document.querySelector('main section')")


def test_the_first_screen_says_how_good_the_recogniser_is(folder, page):
    open_file(page, folder / "one.html")
    found = json.loads((folder / "first" / "evaluation.json").read_text())["weights"]["average"]["full"]
    text = page.locator("#summary").inner_text()
    assert "calibration" not in text  # of 24 test clips it is mostly chance
    assert f"{found['top1']:.1f} %" in text
    assert f"{found['interval'][0]:.1f} to {found['interval'][1]:.1f} %" in text
    assert "12 labels" in text
    assert "psp predict" in text
    assert f"{found['top1']:.1f} %" in page.locator(".lead").inner_text()


def test_the_calibration_of_enough_test_clips_is_said(folder, page, monkeypatch, tmp_path):
    monkeypatch.setattr(run_numbers, "FEWEST", 24)
    write_run_page(tmp_path / "page.html", [folder / "first"], "cpu")
    open_file(page, tmp_path / "page.html")
    found = json.loads((folder / "first" / "evaluation.json").read_text())["calibration"]["full"]
    said = f"{found['confidence']:.1f} % on average (calibration error {found['error']:.1f} %)."
    assert said in page.locator("#summary").inner_text()


def test_a_probability_that_is_not_known_is_a_dash(folder, page):
    open_file(page, folder / "one.html")
    shown = [page.evaluate(f"() => PspParts.chance('a', {value}, true).textContent") for value in ("null", "0", "0.4")]
    assert shown == ["a–", "a0\u00a0%", "a40\u00a0%"]


def test_a_cell_of_the_confusion_opens_its_clips(folder, page):
    open_file(page, folder / "one.html")
    counts = json.loads((folder / "first" / "evaluation.json").read_text())["weights"]["average"]["full"]["confusion"]
    row, column = np.unravel_index(np.argmax(counts), np.shape(counts))
    cell = page.locator(".matrix tbody tr").nth(row).locator("td button").nth(column)
    assert cell.inner_text() == str(counts[row][column])
    cell.click()
    assert f"{counts[row][column]} clips" in page.locator("#dialog h2").inner_text()
    shown = min(6, counts[row][column])
    assert page.locator("#dialog canvas").count() == shown
    until(page, "document.querySelector('#dialog canvas').pspPlayer.isVisible")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('#dialog canvas')")


def luminance(colour):
    """The relative luminance of a colour like rgb(1, 2, 3), as WCAG defines it."""
    parts = np.array([int(each) for each in re.findall(r"\d+", colour)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def test_the_numbers_of_the_confusion_contrast_with_their_ground(browser):
    """WCAG AA asks for 4.5:1, whatever the share of a cell."""
    draw = """() => document.body.append(PspCharts.matrix(
      Array.from({length: 100}, (_, n) => [n + 1, 99 - n]), Array(100).fill("class"), () => null))"""
    colours = """() => [...document.querySelectorAll("[data-share]")].map((cell) => getComputedStyle(cell))
      .map(({color, backgroundColor}) => [color, backgroundColor])"""
    with open_page(browser, color_scheme="light") as page:
        page.set_content(f"<style>{page_file('page.css')}</style><script>{page_file('charts.js')}</script>")
        page.evaluate(draw)
        light = page.evaluate(colours)
        page.emulate_media(color_scheme="dark")
        until(page, f"getComputedStyle(document.querySelector('[data-share]')).backgroundColor !== '{light[0][1]}'")
        dark = page.evaluate(colours)
    assert len(light) == 199
    assert {ground for _, ground in light}.isdisjoint(ground for _, ground in dark)
    for ink, ground in [*light, *dark]:
        low, high = sorted((luminance(ink), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_everything_can_be_reached_by_keyboard(folder, page):
    open_file(page, folder / "one.html")
    page.locator(".matrix button[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.title").startswith("class 1 taken for class 1")
    page.locator("#map svg[role=application]").focus()
    first = page.locator("#map figcaption .id").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert page.locator("#map .chosen").count() == 1
    assert page.locator("#map figcaption .id").inner_text()
    assert first


def test_attention_of_each_level_sizes_the_joints(folder, page):
    open_file(page, folder / "one.html")
    names = page.locator("[aria-label=Attention] button").all_inner_texts()
    assert names == ["nothing", "bodies", "parts", "joints"]
    found = []
    for name in names:
        page.locator("[aria-label=Attention] button", has_text=name).click()
        found.append(page.evaluate("() => JSON.stringify(document.querySelector('#clips canvas').pspPlayer.values)"))
    assert found[0] == "null"
    assert len(set(found)) == 4


def test_a_copy_of_a_test_clip_is_shown_beside_it(folder, page):
    open_file(page, folder / "one.html")
    assert page.locator("#copies .pair figure").count() == 2
    assert "copy" in page.locator("#copies").inner_text()
    assert "1 test clip has a copy" in page.locator(".advice").inner_text()


def test_all_copies_are_counted_and_the_first_are_shown(folder, page, tmp_path, monkeypatch):
    monkeypatch.setattr(run_details, "COPIES", 2)
    monkeypatch.setattr(run_details, "_copies", lambda run: [(clip, 0) for clip in range(5)])
    write_run_page(tmp_path / "one.html", [folder / "first"], "cpu")
    open_file(page, tmp_path / "one.html")
    assert "5 test clips have copies" in page.locator(".advice").inner_text()
    assert "The first 2 of 5 are shown." in page.locator("#copies").inner_text()
    assert page.locator("#copies .pair").count() == 2


def test_a_printed_page_shows_every_clip(folder, page):
    """The first frame of clips that are not visible is drawn too."""
    open_file(page, folder / "one.html")
    until(page, "[...document.querySelectorAll('canvas')].every((each) => each.pspPlayer.drawn)")
    drawn = page.evaluate("""() => [...document.querySelectorAll("canvas")].map((each) =>
        new Set(each.getContext("2d").getImageData(0, 0, each.width, each.height).data).size)""")
    assert len(drawn) > 2
    assert min(drawn) > 2


def test_pointing_at_the_map_plays_the_clip(folder, page):
    open_file(page, folder / "one.html")
    page.locator("#map").scroll_into_view_if_needed()
    ids = set()
    for number in (3, 9):
        page.locator(f"#map path[data-point='{number}']").dispatch_event("pointerover")
        ids.add(page.locator("#map figcaption .id").inner_text())
    assert len(ids) == 2
    until(page, "document.querySelector('#map canvas').pspPlayer.isVisible")


def test_names_of_classes_are_text(folder, page):
    for name in ("one.html", "three.html"):
        open_file(page, folder / name)
        assert ODD in page.locator("#classes").inner_text()
        assert page.locator("img").count() == 0


def test_runs_are_compared_and_one_is_chosen(folder, page):
    open_file(page, folder / "three.html")
    text = page.locator("#comparison").inner_text()
    assert "not finished" in text
    assert "seed" in text
    paired = page.locator("#comparison table").nth(1).inner_text()
    assert "McNemar" in paired
    assert "second" in paired
    found = json.loads((folder / "first" / "evaluation.json").read_text())["weights"]["average"]["full"]["interval"]
    drawn, axis = (page.locator(f"#comparison .{name}").first.bounding_box() for name in ("range", "track"))
    assert axis["width"] >= 140
    assert drawn["width"] / axis["width"] == pytest.approx((found[1] - found[0]) / 100, abs=0.02)
    page.locator("select").select_option("begun")
    assert "psp train --resume" in page.locator(".advice").inner_text()
    page.locator("select").select_option("second")
    assert page.locator("#summary h2").inner_text() == "second"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_scrolling_sideways(folder, browser, scheme):
    with open_page(browser, viewport={"width": 360, "height": 740}, color_scheme=scheme) as page:
        for name in ("one.html", "three.html", "store.html"):
            open_file(page, folder / name)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_without_its_data_set_the_page_has_the_figures_but_no_clips(folder, page, tmp_path):
    (folder / "store").rename(tmp_path / "moved")
    try:
        write_run_page(tmp_path / "page.html", [folder / "second"], "cpu")
    finally:
        (tmp_path / "moved").rename(folder / "store")
    open_file(page, tmp_path / "page.html")
    assert page.locator(".matrix button").count() == 16
    assert page.locator("canvas").count() == 0
    assert "Clips are left out" in page.locator("#summary").inner_text()


@pytest.mark.parametrize(
    ("frames", "bars"),
    [
        ([42, 42, 44, 45, 60, 64], [["42-44", 3], ["45-47", 1], ["48-50", 0], ["51-53", 0], ["54-56", 0], ["57-59", 0],
                                    ["60-62", 1], ["63-64", 1]]),
        ([7, 9, 9], [["7", 1], ["8", 0], ["9", 2]]),
        ([30, 30], [["30", 2]]),
    ],
)  # fmt: skip
def test_lengths_are_counted_in_bins_of_whole_frames(frames, bars):
    assert bars_of(np.array(frames)) == bars


def test_a_data_set_has_a_page(folder, page):
    open_file(page, folder / "store.html")
    assert "49 clips" in page.locator("#summary").inner_text()
    page.locator("#classes button").first.click()
    assert ODD in page.locator("#dialog").inner_text()
    assert page.locator("#dialog canvas").count() == 6
    page.keyboard.press("Escape")
    assert "copies" in page.locator("#findings").inner_text()
