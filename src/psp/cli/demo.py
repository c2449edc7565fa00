"""`psp demo`: the whole way on the built-in data, in a few minutes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from psp.cli.console import print_table, progress_bar, say
from psp.files import write_json
from psp.preprocess.prepare import prepare
from psp.dataset.store import Store, open_store
from psp.synthetic import SyntheticConfig
from psp.errors import ConfigError
from psp.evaluate.accuracy import Accuracy
from psp.evaluate.evaluate import evaluate_network, evaluate_run
from psp.figures.demo import draw_demo
from psp.methods.methods import MethodName
from psp.train.config import TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.loop import Trainer
from psp.train.presets import best
from psp.train.run import RunFolder
from psp.train.schedule import rescheduled
from psp.train.train import resume_run, start_run

PROTOCOL, BUDGET = "synthetic-xsub", "1/class"
ELSEWHERE = "Choose another folder, or remove this one."
NAMES: dict[MethodName, str] = {"streams": "supervised only", "taught": "PSP Learning"}


def demo(out: Path = Path("demo"), clips: int = 1200, epochs: int = 12) -> None:
    """Learn actions of the built-in data from one labelled clip of each, with and without PSP Learning.

    Args:
        out: the folder for the data set, both runs and the picture; what it already holds is used again
        clips: how many clips are generated
        epochs: how long each of the two trainings is
    """
    store = _built_in_data(out / "store", clips)
    found = {method: _learn(store, out / method, method, epochs) for method in NAMES}
    curves = {NAMES[method]: _curve(out / method) for method in NAMES}
    rows = [(NAMES[method], each.clips, each.top1, each.top5) for method, each in found.items()]
    title = f"Accuracy in % on people never seen in training; labels: {BUDGET}"
    print_table(title, ("trained as", "test clips", "top-1", "top-5"), rows)
    write_json(out / "demo.json", {method: _measured(out / method, each) for method, each in found.items()})
    picture = out / "demo.png"
    matrices = {NAMES[method]: accuracy.confusion for method, accuracy in found.items()}
    draw_demo(picture, curves, matrices, store.classes)
    say(f"picture: {picture}")


def _measured(run: Path, found: Accuracy) -> dict[str, Any]:
    folder = RunFolder(run)
    sources = {"configuration": folder.config, "result": folder.result}
    figures = {"clips": found.clips, "top1": found.top1, "top5": found.top5, "curve": _curve(run)}
    return figures | {name: json.loads(path.read_text()) for name, path in sources.items()}


def _built_in_data(path: Path, clips: int) -> Store:
    if not path.exists():
        with progress_bar("making clips") as show:
            prepare("synthetic", None, path, synthetic=SyntheticConfig(clips=clips), on_progress=show)
    store = open_store(path)
    if len(store) != clips:
        raise ConfigError(f"this data set has {len(store)} clips, not {clips}.", where=str(path), remedy=ELSEWHERE)
    return store


def _learn(store: Store, out: Path, method: MethodName, epochs: int) -> Accuracy:
    settings = rescheduled(demo_config(method), epochs)
    folder = RunFolder(out)
    trainer = resume_run(out) if folder.config.exists() else start_run(store, settings, out)
    if trainer.config != settings:
        raise ConfigError("this run has other settings.", where=str(out), remedy=ELSEWHERE)
    if not folder.result.exists():
        with progress_bar(f"training, {NAMES[method]}") as show:
            signal = trainer.run(lambda now: show(now.step, now.steps, f"loss {now.objective:.2f}"), _record)
        if signal is not None:
            raise Interrupted(signal)
    return evaluate_run(out)["average"]["full"]


def demo_config(method: MethodName) -> TrainConfig:
    """The preset `best`, small enough for two cores; the same for both methods."""
    return replace(best(PROTOCOL, BUDGET, "light"), method=method)


def _record(trainer: Trainer) -> None:
    """Note the averaged weights' accuracy on unseen people after an epoch, for the picture only."""
    top1 = evaluate_network(trainer.averaged_network(), trainer.config, trainer.store)["full"].top1
    earlier = [point for point in _curve(trainer.folder.path) if point[0] < trainer.step]
    write_json(trainer.folder.path / "curve.json", [*earlier, (trainer.step, top1)])


def _curve(run: Path) -> list[tuple[int, float]]:
    path = run / "curve.json"
    return [(step, top1) for step, top1 in json.loads(path.read_text())] if path.exists() else []
