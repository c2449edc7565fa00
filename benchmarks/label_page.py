"""From unlabelled clips to a recogniser by the keys of the labelling page, in a real browser."""

import os
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from psp.dataset.build import prepare
from psp.dataset.split import resolve_split
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.errors import ConfigError
from psp.io.formats.synthetic import SyntheticReader
from psp.label.folder import LabelFolder
from psp.label.page import label_app
from psp.label.rounds import Rounds
from psp.label.session import Session
from psp.model.encoder import Size
from psp.serve.server import LocalServer
from psp.synthetic import SyntheticConfig

KEYS = "1234567890qwertyuiopasdfghjklzxcvbnm"
READY = """() => queue.length && !pending.size && document.getElementById('current').dataset.clip === queue[0].clip
  ? queue[0].clip : null"""
REST = """() => state.untilTraining && state.training.state === 'idle' && state.training.round === state.round
  ? {all: state.untilTraining === state.every} : null"""
"""No training is due or in progress; `all` tells whether the last network knows all labels."""


def label_page(
    out: Path | None = None,
    clips: int = 1000,
    labels: int = 60,
    every: int = 30,
    size: Size = "tiny",
    epochs: int = 2,
    niceness: int = 0,
    browser: Path = Path("/usr/bin/chromium"),
) -> None:
    """Label built-in clips by the keyboard of a headless browser, and measure time and accuracy.

    Args:
        out: the .json file of results
        clips: how many clips of the built-in data are to be labelled
        labels: how many labels are given
        every: a network is trained after so many labels
        size: the size of the network
        epochs: length of every training
        niceness: how much training yields to other programs
        browser: the program of the browser, which playwright drives
    """
    refuse_existing(out)
    if not browser.exists():
        raise ConfigError("there is no such browser.", where=str(browser), remedy="apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        truth, store = _stores(Path(folder), clips)
        before, begun = _cpu_seconds(), time.perf_counter()
        path = Path(folder) / "labels"
        options = ["--size", size, "--epochs", str(epochs), "--device", "cpu"]
        labelled = LabelFolder(path, store, resolve_split("none", store))
        rounds = Rounds(path / "rounds", Path(folder) / "store", options, niceness)
        with Session(labelled, rounds, every=every) as session:
            waited = _drive(session, truth, labels, browser)
            found = {"wall seconds": round(time.perf_counter() - begun, 1), **_figures(session, truth)}
        found |= {"processor seconds without the browser": round(_cpu_seconds() - before, 1)}
        found |= {"seconds of waiting per label": round(float(np.mean(waited)), 3), "longest": round(max(waited), 2)}
    settings = {"clips": clips, "labels": labels, "every": every, "size": size, "epochs": epochs}
    keep({"settings": settings, "machine": provenance(torch.device("cpu")), **found}, out)
    show("labelling by the keyboard", {"": found})


def _stores(folder: Path, clips: int) -> tuple[dict[str, str], Store]:
    """Return the classes of the built-in clips by id, and a data set of the same clips without labels."""
    prepare(SyntheticReader(SyntheticConfig(clips=clips)), folder / "known", workers=1)
    known = open_store(folder / "known")
    facts: dict[str, Any] = {"layout": known.layout, "up": known.up, "normalise": known.normalise, "clean": known.clean}
    with StoreWriter(folder / "store", classes=(), dataset="mine", **facts) as writer:
        for number in range(len(known)):
            clip = known.clip(number)
            writer.add(replace(clip, info=replace(clip.info, label=None)))
    shutil.rmtree(folder / "known")
    labels = [known.classes[label] for label in known.clips.label]
    return dict(zip(known.clips.id.tolist(), labels, strict=True)), open_store(folder / "store")


def _drive(session: Session, truth: dict[str, str], labels: int, browser: Path) -> list[float]:
    """Give labels by keys until the last network is trained; return how long each clip was waited for."""
    from playwright.sync_api import sync_playwright

    server = LocalServer(label_app(session))
    thread = threading.Thread(target=server.run)
    thread.start()
    waited = []
    try:
        with sync_playwright() as driver:
            opened = driver.chromium.launch(executable_path=str(browser), args=["--no-sandbox", "--disable-gpu"])
            page = opened.new_page(viewport={"width": 1400, "height": 900})
            page.goto(server.link)
            page.wait_for_selector("#keys[open]", timeout=120_000)
            page.keyboard.press("Enter")
            for _ in range(labels):
                start = time.perf_counter()
                clip = _wait(page, READY, 0.02)
                waited.append(time.perf_counter() - start)
                _give(page, truth[clip])
                _wait(page, "() => !pending.size", 0.02)
            while not _wait(page, REST, 0.5)["all"]:
                page.keyboard.press(".")
                _wait(page, "() => state.training.state === 'training'", 0.02)
            opened.close()
    finally:
        server.stop()
        thread.join()
    return waited[1:]


def _give(page: Any, name: str) -> None:
    names = page.evaluate("() => state.classes.map((each) => each.name)")
    if name in names:
        page.keyboard.press(KEYS[names.index(name)])
        return
    page.keyboard.press("+")
    page.keyboard.type(name)
    page.keyboard.press("Shift+Enter")
    _wait(page, f"() => state.classes.some((each) => each.name === {name!r})", 0.02)


def _wait(page: Any, condition: str, seconds: float) -> Any:
    """Return the value of a JavaScript function as soon as it is true."""
    end = time.monotonic() + 900
    while time.monotonic() < end:
        if found := page.evaluate(condition):
            return found
        page.wait_for_timeout(1000 * seconds)
    raise TimeoutError(condition)


def _figures(session: Session, truth: dict[str, str]) -> dict[str, Any]:
    """Return the accuracy of the last network on the clips that it was not trained on, and what the page estimates."""
    answers = session.answers[session.round]
    rest = [clip for clip in session.ids if clip not in answers.trained_on]
    right, latest = [answers.recognised[clip] == truth[clip] for clip in rest], session.growth().latest
    return {
        "accuracy on the other clips, %": round(100 * float(np.mean(right)), 1),
        "estimated, %": None if latest is None else round(100 * latest.hits / latest.clips, 1),
        "interval": None if latest is None else "{:.0f} to {:.0f}".format(*latest.interval),
        "random clips": None if latest is None else latest.clips,
        "networks": session.round,
        "classes with labels": len(set(session.folder.known.values())),
    }


def _cpu_seconds() -> float:
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system
