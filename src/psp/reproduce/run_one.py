"""One run of an experiment: trained or resumed, evaluated, and its result written."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

from psp.files import write_json
from psp.dataset.store import open_store
from psp.evaluate.evaluate import evaluate_network, evaluate_run
from psp.reproduce.experiment import PlannedRun
from psp.reproduce.place import Place
from psp.reproduce.result import is_measured, read_results, write_run_result
from psp.train.loop import Progress, Trainer
from psp.train.run import RunFolder
from psp.train.train import resume_run, start_run

Halt = Callable[[], bool]
EPOCHS_FILE = "test-accuracy-of-epochs.json"


def finish_run(
    run: PlannedRun,
    folder: Path,
    place: Place,
    halt: Halt,
    on_step: Callable[[Progress], None] | None = None,
) -> int | None:
    """Bring a run to its end, wherever it stands; returns the signal's number if it had to stop, its state saved.

    `halt` is asked after every step whether to stop.
    """
    kept = RunFolder(folder)
    if kept.result.exists():
        return None

    def after_step(now: Progress) -> None:
        if on_step:
            on_step(now)
        if halt():
            signal.raise_signal(signal.SIGINT)  # the trainer notes it and saves

    if kept.config.exists():
        trainer = resume_run(folder, run.store, place.device, place.compile)
    else:
        trainer = start_run(open_store(run.store), run.config, folder, run.budget, place.device, place.compile)
    return trainer.run(after_step, _note_accuracy if place.every_epoch else None)


def make_result(
    run: PlannedRun,
    place: Place,
    path: Path,
    halt: Halt,
    on_step: Callable[[Progress], None] | None = None,
) -> int | None:
    """Bring a run to its end, evaluate it and write its result to `path`; see `finish_run`.

    A run whose every epoch is evaluated has a folder of its own; its training is the same. A result that is there
    already stays: one that was trained again, for its weights, does not replace what tables were made from.
    """
    folder = run.folder(place.runs)
    folder = folder.with_name(f"{folder.name}-every-epoch") if place.every_epoch else folder
    stopped = finish_run(run, folder, place, halt, on_step)
    if stopped is None and not is_measured(run.key, read_results(place.results), place.every_epoch):
        evaluation = evaluate_run(folder, run.store, place.device)
        write_run_result(path, run, folder, evaluation, _best(folder) if place.every_epoch else None)
    return stopped


def _note_accuracy(trainer: Trainer) -> None:
    """Evaluate the weights as they are; a resumed run forgets the epochs that it repeats."""
    path = trainer.folder.path / EPOCHS_FILE
    sets = evaluate_network(trainer.network, trainer.config, trainer.store)
    earlier = json.loads(path.read_text()) if path.exists() else []
    kept = [each for each in earlier if each["step"] < trainer.step]
    write_json(path, [*kept, {"step": trainer.step, "top1": {name: found.top1 for name, found in sets.items()}}])


def _best(folder: Path) -> dict[str, float]:
    epochs = [each["top1"] for each in json.loads((folder / EPOCHS_FILE).read_text())]
    return {name: max(each[name] for each in epochs) for name in epochs[0]}
