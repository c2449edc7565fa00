"""`psp demo`: from recordings to test accuracy on the built-in data, in a few minutes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from psp.batches.loader import SampleMaker
from psp.batches.resample import WHOLE
from psp.cli.console import print_table, progress_bar, say
from psp.config.json_file import read_json
from psp.dataset.build import prepare
from psp.dataset.store import Store, open_store
from psp.errors import CheckpointError, ConfigError
from psp.evaluate.accuracy import Accuracy
from psp.evaluate.evaluate import evaluate_model, evaluate_run
from psp.figures.demo import draw_demo
from psp.files import write_json
from psp.io.formats.synthetic import SyntheticReader
from psp.synthetic import SyntheticConfig
from psp.train.api import make_task, preset_config, resume_run, start_run
from psp.train.device import keep_freed_memory
from psp.train.interrupt import Interrupted
from psp.train.run import Run
from psp.train.run_files import read_result
from psp.train.run_folder import CONFIG, RESTORE, RunFolder

SPLIT, LABELS = "synthetic-xsub", "1/class"
ELSEWHERE = "Choose another folder, or remove this one."
SUPERVISED, SEMI_SUPERVISED = "multi-stream-supervised", "psp-mean-teacher"
NAMES = {SUPERVISED: "supervised only", SEMI_SUPERVISED: "PSP Learning"}


def demo(out: Path = Path("demo"), clips: int = 1200, epochs: int = 12) -> None:
    """Train on one labelled clip of each action of the built-in data, with and without PSP Learning.

    Args:
        out: the folder for the data set, both runs and the picture; what it already holds is used again
        clips: how many clips are generated
        epochs: the length of each of the two trainings
    """
    keep_freed_memory()
    store = _built_in_data(out / "store", clips)
    found = {method: _train(store, out / method, method, epochs) for method in NAMES}
    curves = {NAMES[method]: _curve(out / method) for method in NAMES}
    rows = [(NAMES[method], each.clips, each.top1, each.top5) for method, each in found.items()]
    title = f"Accuracy in % on people never seen in training; labels: {LABELS}"
    print_table(title, ("trained as", "test clips", "top-1", "top-5"), rows)
    write_json(out / "demo.json", {method: _measured(out / method, each) for method, each in found.items()})
    picture = out / "demo.png"
    matrices = {NAMES[method]: accuracy.confusion for method, accuracy in found.items()}
    draw_demo(picture, curves, matrices, store.classes)
    say(f"picture: {picture}")
    say(_conclusion(store, found))


def _conclusion(store: Store, found: dict[str, Accuracy]) -> str:
    """Return a sentence that compares the two trainings."""
    accuracies = {method: f"{each.top1:.1f} %" for method, each in found.items()}
    return (
        f"With one labelled clip of each of {len(store.classes)} actions, PSP Learning recognises "
        f"{accuracies[SEMI_SUPERVISED]} of the test clips, the same networks without unlabelled clips "
        f"{accuracies[SUPERVISED]}."
    )


def _measured(run: Path, found: Accuracy) -> dict[str, Any]:
    folder = RunFolder(run)
    figures = {"clips": found.clips, "top1": found.top1, "top5": found.top5, "curve": _curve(run)}
    configuration = read_json(folder.config, CONFIG, CheckpointError, RESTORE)
    return figures | {"configuration": configuration, "result": read_result(folder.result)}


def _built_in_data(path: Path, clips: int) -> Store:
    if not path.exists():
        with progress_bar("making clips") as show:
            prepare(SyntheticReader(SyntheticConfig(clips=clips)), path, on_progress=show)
    store = open_store(path)
    if len(store) != clips:
        raise ConfigError(f"this data set has {len(store)} clips, not {clips}.", where=str(path), remedy=ELSEWHERE)
    return store


def _train(store: Store, out: Path, method: str, epochs: int) -> Accuracy:
    """Train the preset `best` with a method, small enough for two cores, and return its accuracy; or continue a run."""
    task = make_task(store, LABELS, SPLIT)
    config = preset_config(task, "best", method=method, size="light", epochs=epochs, init="none")
    folder = RunFolder(out)
    run = resume_run(out) if folder.config.exists() else start_run(task, config, out)
    if run.config != config:
        raise ConfigError("this run has other settings.", where=str(out), remedy=ELSEWHERE)
    if not folder.result.exists():
        with progress_bar(f"training, {NAMES[method]}") as show:
            signal = run.train(lambda now: show(now.step, now.steps, f"loss {now.reading.loss:.2f}"), _record)
        if signal is not None:
            raise Interrupted(signal)
    return evaluate_run(out)["average"]["full"]


def _record(run: Run) -> None:
    """Record the accuracy of the averaged weights on whole test clips after an epoch, for the picture only."""
    assert run.folder is not None
    data = run.config.data
    whole = replace(data, resample=replace(data.resample, test_crops=(WHOLE,)))
    maker = SampleMaker(run.task.store, whole, run.ranks.device, persons=run.data.maker.persons)
    top1 = evaluate_model(run.model(), maker, run.task.split)["full"].top1
    step, path = run.trainer.step, run.folder.path
    points = [point for point in _curve(path) if point[0] < step] + [(step, top1)]
    write_json(path / "curve.json", [{"step": step, "top1": top1} for step, top1 in points])


def _curve(run: Path) -> list[tuple[int, float]]:
    path = run / "curve.json"
    content = read_json(path, [{"step": int, "top1": float}], CheckpointError, ELSEWHERE) if path.exists() else []
    return [(each["step"], each["top1"]) for each in content]
