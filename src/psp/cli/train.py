"""Train a recogniser from few labels, then evaluate it; or continue a run that was interrupted.

Single settings override the preset: --optim.learning_rate 0.01, --method.temperature 0.1. With --method NAME --help
the options of that method are listed.

Args:
    store: a folder written by 'psp prepare' (with --resume only if it has moved)
    labels: the clips whose labels may be used - all, 5/class (5/class! refuses classes with fewer), 5%, or a CSV
        file of ids with or without labels
    split: which clips train and which test - a benchmark such as nw-ucla, subject, subject=3,4, kfold=5/0,
        fraction=0.3, none (all train) or a file; by default chosen by the data
    preset: paper (its text), published (its program) or best (ours)
    pipeline: how training clips are made, instead of the way of the preset; the data set must be prepared with the
        same --pipeline
    method: the training method, by default that of the preset
    size: the size of the network, by default light for best and full for the others
    epochs: length of every stage, by default that of the preset; warm-up and milestones move in proportion. With
        --resume a finished run is trained for this many further epochs, in a folder of its own
    seed: the seed of everything random in training, and of the labels unless --labels-seed is given
    labels_seed: the seed by which the labels are drawn
    classes: a file with names for classes that are numbers - one per line in their order, or NUMBER,NAME
    new_classes: labels of the file that are no classes of the data set are new classes, not mistakes
    init: what training starts from - made (encoders that 'psp pretrain' made for such recordings), none, or a run
        folder or model.safetensors; by default made encoders where there are some
    estimate: after training, estimate the accuracy by cross-validation of the labelled clips in this many parts
        (5 without a number); for each part a model is trained
    out: the run folder to write, by default runs/STORE-METHOD
    resume: a run folder to continue at its last checkpoint
    device: where to compute
    compile: let torch.compile speed up the encoders, where it can
    checkpoint_seconds: seconds between two checkpoints
    tensorboard: write the logs for TensorBoard too, into the folder 'tensorboard' of the run
    settings: nested changes of the configuration, as in a YAML file
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

from psp.batches.pipelines import PipelineName
from psp.cli.console import progress_bar, say
from psp.cli.evaluate import converted, is_alike, show_run
from psp.dataset.class_names import with_class_names
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.evaluate.estimate import (
    classes_in_one_fold,
    estimate_accuracy,
    estimate_as_plain,
    fold_numbers,
    require_unknown_labels,
)
from psp.files import write_json
from psp.model.encoder import Size
from psp.train.api import (
    from_made_weights,
    initial_model,
    make_task,
    preset_config,
    resume_run,
    start_run,
    train_further,
)
from psp.train.config import TrainConfig, changed, method_name
from psp.train.device import NO_COMPILER, Device, keep_freed_memory
from psp.train.made_weights import MADE
from psp.train.presets import PresetName
from psp.train.pretrain import can_be_pretrained
from psp.train.run import OnLog, Run
from psp.train.run_files import read_result
from psp.train.run_folder import Task
from psp.train.tensorboard import require_tensorboard, tensorboard_log
from psp.train.trainer import Progress

RESUMED_WITH = ("store", "resume", "device", "compile", "checkpoint_seconds", "tensorboard", "estimate")
FURTHER_WITH = (*RESUMED_WITH, "epochs", "out")
FOLDS = 5


def train(
    store: Path | None = None,
    labels: str = "all",
    split: str | None = None,
    preset: PresetName = "best",
    pipeline: PipelineName | None = None,
    method: str | None = None,
    size: Size | None = None,
    epochs: int | None = None,
    seed: int = 0,
    labels_seed: int | None = None,
    classes: Path | None = None,
    new_classes: bool = False,
    init: str | None = None,
    estimate: int = 0,
    out: Path | None = None,
    resume: Path | None = None,
    device: Device = "auto",
    compile: bool = False,
    checkpoint_seconds: float = 60.0,
    tensorboard: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> int | None:
    """Train a recogniser from few labels, then evaluate it; or continue a run that was interrupted."""
    given = dict(locals())
    keep_freed_memory()
    if estimate == 1 or estimate < 0:
        raise ConfigError("cross-validation needs at least two parts.", where="--estimate", remedy="Use 2 or more.")
    if tensorboard:
        require_tensorboard()
    if resume:
        run = _continued(resume, epochs, out, given)
    elif store is None:
        raise ConfigError("STORE is needed.", remedy="Write 'psp train STORE' or 'psp train --resume RUN'.")
    else:
        run = _begun(store, given)
    if compile and not run.compiled:
        say(NO_COMPILER)
    assert run.folder is not None
    is_logged = tensorboard and run.ranks.is_main
    with tensorboard_log(run.folder.path / "tensorboard") if is_logged else nullcontext() as on_log:
        signal = _watch(run, checkpoint_seconds, on_log)
    if signal is not None:
        return _stopped(run, signal)
    _report(run, run.task.store.path, device, estimate)
    return None


def _begun(path: Path, given: Mapping[str, Any]) -> Run:
    """Return a new run on a store, with the options of `train`."""
    from_model = given["init"] not in (None, "made", "none")
    if from_model and given["size"]:
        raise ConfigError("--size cannot be used with --init.", remedy="The network is that of the model.")
    store = open_store(path) if given["classes"] is None else with_class_names(open_store(path), given["classes"])
    if from_model:
        store = _as_model(store, Path(given["init"]))
    labels_seed = given["seed"] if given["labels_seed"] is None else given["labels_seed"]
    task = make_task(store, given["labels"], given["split"], labels_seed, given["new_classes"])
    _say_task(task)
    options = {name: given[name] for name in ("pipeline", "method", "size", "epochs", "seed")}
    start = given["init"] if from_model else "none"
    config = changed(preset_config(task, given["preset"], **options, init=start), given["settings"] or {})
    if given["init"] in (None, "made"):
        config = from_made_weights(config, task, is_required=given["init"] == "made")
    if given["estimate"]:  # refused before training, not after it
        fold_numbers(task, given["estimate"])
        require_unknown_labels(task, config)
    _say_start(given["init"], config, task)
    name = f"{path.resolve().name}-{method_name(config.stages[0].method)}"
    return start_run(task, config, given["out"] or Path("runs") / name, given["device"], given["compile"])


def _as_model(store: Store, init: Path) -> Store:
    """Return a store, or a conversion written beside it if the model has another layout or vertical axis."""
    expected = initial_model(init)[1].interface
    if store.path is None or is_alike(store, expected):
        return store
    dest = store.path.with_name(f"{store.path.name}-{expected.layout.name}")
    if dest.exists():
        remedy = f"Train on it with 'psp train {dest} --init {init}', or remove it."
        raise ConfigError("the store was converted for a model before.", where=str(dest), remedy=remedy)
    return replace(converted(store, expected, dest), classes=store.classes)


def _continued(resume: Path, epochs: int | None, out: Path | None, given: Mapping[str, Any]) -> Run:
    """Return the run to continue, or with `epochs` a new one that trains a finished run further."""
    _refuse_changes(given, RESUMED_WITH if epochs is None else FURTHER_WITH)
    if epochs is None:
        return resume_run(resume, given["store"], given["device"], given["compile"])
    if given["estimate"]:
        what = "a model that is trained further knows its labels, so these cannot be held out."
        remedy = f"Estimate the accuracy of the first run: 'psp train --resume {resume} --estimate'."
        raise ConfigError(what, where="--estimate", remedy=remedy)
    run = train_further(resume, epochs, out, given["store"], given["device"], given["compile"])
    assert run.folder is not None
    say(f"{resume} stays as it is; its model is trained further in {run.folder.path}.")
    return run


def _refuse_changes(given: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Refuse options that a resumed run would ignore."""
    parameters = signature(train).parameters
    for name, value in given.items():
        if name not in allowed and (name not in parameters or value != parameters[name].default):
            option = next(iter(value)) if name == "settings" else name.replace("_", "-")
            what = f"--{option} cannot be used with --resume: a run continues with its own settings."
            raise ConfigError(what, remedy="Leave it out, or start another run with --out.")


def _say_task(task: Task) -> None:
    """Print which clips train and test, which labels are used, and what they lack."""
    say(f"split: {task.split.name}: {task.split.description}")
    clips, number = f"{len(task.labels.ids)} of {len(task.split.train)} training clips", len(task.classes)
    say(f"labels: {clips} ({task.labels.spec}), {number} classes")
    for sentence in task.labels.warnings:
        say(f"note: {sentence}")


def _say_start(init: str | None, config: TrainConfig, task: Task) -> None:
    """Print what training starts from, and what it could start from."""
    if init not in (None, "made", "none"):
        is_same = initial_model(Path(init))[1].interface.classes == task.classes
        classifiers = "its classifiers too" if is_same else "the classifiers are new, because the classes differ"
        say(f"start: the encoders of {init}; {classifiers}")
    elif config.stages[0].initialise != "scratch":
        say(f"start: encoders {config.stages[0].initialise.removeprefix(MADE)}")
    else:
        say("start: random weights")
        if init is None and can_be_pretrained(config, task):
            command = f"psp pretrain {task.store.path}"
            say(f"note: '{command}' makes encoders to start from, once for this layout; it helps most with few labels.")


def _watch(run: Run, checkpoint_seconds: float, on_log: OnLog | None) -> int | None:
    """Train to the end and show the progress; return the number of the signal that ended it, if one did."""
    with progress_bar("training", hidden=not run.ranks.is_main) as show:
        several = len(run.config.stages) > 1
        return run.train(
            lambda now: show(now.step, now.steps, _note(now, several)),
            checkpoint_seconds=checkpoint_seconds,
            on_log=on_log,
        )


def _stopped(run: Run, signal: int) -> int:
    """Say how to continue a run that a signal ended, and return the exit code."""
    assert run.folder is not None
    if run.ranks.is_main:
        done = f"step {run.trainer.step} of {run.trainer.steps}"
        say(f"stopped at {done}. Continue with 'psp train --resume {run.folder.path}'.")
    return 128 + signal


def _report(run: Run, store: Path | None, device: Device, folds: int) -> None:
    """Evaluate a finished run and say what was found and what to do next."""
    assert run.folder is not None
    path = run.folder.path
    if folds:
        _estimate(run, folds, device)
    if not run.ranks.is_main:
        return
    show_run(path, store, device)
    for what, ids in run.findings().items():
        if ids:
            say(f"{what}, filtered out: {', '.join(ids)}.")
    say(f"model: {run.folder.model()}. Next: psp report {path} or psp predict {path} RECORDINGS")


def _note(now: Progress, several: bool) -> str:
    """Return the note that the progress bar shows beside the step."""
    numbers = {"loss": now.reading.loss, **now.reading.metrics}
    accuracy = f"  accuracy {100 * numbers['accuracy']:.0f} %" if "accuracy" in numbers else ""
    stage = f"{now.stage}: " if several else ""
    return f"{stage}loss {numbers['loss']:.3f}{accuracy}  {now.reading.clips_per_second:.0f} clips/s"


def _estimate(run: Run, folds: int, device: Device) -> None:
    """Cross-validate the labels of a finished run and write `estimate.json`."""
    assert run.folder is not None
    seconds = read_result(run.folder.result)["seconds"]
    number, _ = fold_numbers(run.task, folds, run.config.seed)
    parts, unknown = int(number.max()) + 1, classes_in_one_fold(run.task, number)
    if run.ranks.is_main:
        if unknown:
            say(f"note: the labelled clips of {', '.join(unknown)} are in one part and count as not recognised.")
        say(f"estimating the accuracy: {parts} models are trained, about {max(1, round(parts * seconds / 60))} min")
    with progress_bar("estimating", hidden=not run.ranks.is_main) as show:

        def on_step(fold: int, count: int, now: Progress) -> None:
            show((fold - 1) * now.steps + now.step, count * now.steps, f"model {fold} of {count}")

        found = estimate_accuracy(run.task, run.config, folds, device, on_step)
    if run.ranks.is_main:
        write_json(run.folder.estimate, estimate_as_plain(found, run.task))
