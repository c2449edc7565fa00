"""Tasks, configurations and runs: the functions with which programs start and resume training."""

from dataclasses import replace
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from psp.batches.pipelines import PIPELINES, PipelineName
from psp.config.ranges import require_choice
from psp.dataset.budget import LabelBudget
from psp.dataset.labels import resolve_labels, with_label_classes
from psp.dataset.split import Split, resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import BudgetError, ConfigError, SplitError
from psp.files import destination_lock
from psp.methods.psp import PSPConfig
from psp.model.encoder import Size
from psp.model.model_file import TrainedModel, load_model
from psp.train.config import Stage, TrainConfig, rescheduled
from psp.train.interrupt import Interrupted
from psp.train.made_weights import kind_of, made_weights
from psp.train.presets import PRESETS, USUAL_SIZE, PresetName, facts_of, restricted, with_method
from psp.train.run import OnLog, OnStep, Run
from psp.train.run_folder import RunFolder, Task, create_run, open_run, seen_before

AnyPath = str | PathLike[str]


def make_task(
    store: Store | AnyPath,
    labels: str | Path | LabelBudget = "all",
    split: str | Path | Split | None = None,
    labels_seed: int = 0,
    new_classes: bool = False,
) -> Task:
    """Return a task: a store with its split and the labels that may be used, each resolved once.

    `labels` is all, 5/class, 5%, a CSV file or a LabelBudget; `split` a benchmark, subject, fraction=0.3, kfold=5/0,
    none, a file, a Split, or None for the default of the store. A store without classes has those of the CSV file;
    with `new_classes` the file may add classes to those of a store. BudgetError if the labels are of a single class.
    """
    opened = with_label_classes(store if isinstance(store, Store) else open_store(store), labels, new_classes)
    parts = resolve_split(split, opened, every_label=labels == "all")
    task = Task(opened, parts, resolve_labels(labels, opened, parts, labels_seed))
    if len(task.classes) < 2:
        what = f"all labelled training clips are of the class {task.classes[0]!r}."
        remedy = "Label clips of a second class, use another split, or prepare labelled intervals with --rest CLASS."
        raise BudgetError(what, remedy=remedy)
    return task


def preset_config(
    task: Task,
    preset: PresetName = "best",
    *,
    pipeline: PipelineName | None = None,
    method: str | None = None,
    size: Size | None = None,
    epochs: int | None = None,
    seed: int = 0,
    init: AnyPath | None = None,
) -> TrainConfig:
    """Return the configuration of a preset for a task, optionally with another pipeline, method, size or length.

    With `pipeline` clips are made as it says, and the store must be prepared as it says (ConfigError). `epochs` is the
    length of every stage; warm-up and milestones are scaled. With `init`, a finished run or a model file, the networks,
    modalities and inputs are those of that model, whose weights training starts from.
    """
    require_choice(preset, "preset", PRESETS)
    facts, size = facts_of(task), size or USUAL_SIZE[preset]
    require_choice(size, "size", get_args(Size))
    config = restricted(with_method(PRESETS[preset](facts, size), method), facts)
    if pipeline is not None:
        require_choice(pipeline, "pipeline", PIPELINES)
        PIPELINES[pipeline].check(task.store)
        config = replace(config, data=PIPELINES[pipeline].data)
    if epochs is not None:
        config = replace(config, stages=tuple(rescheduled(stage, epochs) for stage in config.stages))
    if init in (None, "made"):
        config = from_made_weights(config, task, is_required=init is not None)
    elif init != "none":
        config = _initialised(config, task, Path(init))
    return replace(config, seed=seed)


def initial_model(path: AnyPath) -> tuple[Path, TrainedModel]:
    """Return the model file of a finished run or the file itself, and what it holds."""
    folder = Path(path)
    if folder.is_dir():
        open_run(folder).require_finished()
    file = RunFolder(folder).model() if folder.is_dir() else folder
    return file, load_model(file)


def start_run(task: Task, config: TrainConfig, out: AnyPath, device: str = "auto", compile: bool = False) -> Run:
    """Create the run folder `out` and return a run at step 0.

    The folder is written last, so that it does not exist if anything else fails. DestinationError if it exists before
    or if another process writes it; SplitError if training starts from a model that was trained on test clips.
    """
    folder = RunFolder(Path(out))
    tests = {name for ids in task.split.tests.values() for name in ids}
    if known := tests & seen_before(config, task.store.dataset)[0]:
        what = f"training starts from a model that was trained on {len(known)} of the {len(tests)} test clips."
        remedy = "Use the split of that run (--split RUN/split.json), or --init none."
        raise SplitError(what, where=config.stages[0].initialise, remedy=remedy)
    run = Run(task, config, folder, device, compile)
    if run.ranks.is_main:
        with destination_lock(folder.path):
            create_run(folder.path, config, task)
    run.ranks.wait()
    return run


def resume_run(path: AnyPath, store_path: AnyPath | None = None, device: str = "auto", compile: bool = False) -> Run:
    """Return a run that continues from its last checkpoint; `store_path` is needed only if the store has moved."""
    stored = open_run(Path(path))
    task = stored.task(None if store_path is None else Path(store_path))
    return Run(task, stored.config, stored.folder, device, compile)


def train_further(
    path: AnyPath,
    epochs: int,
    out: AnyPath | None = None,
    store_path: AnyPath | None = None,
    device: str = "auto",
    compile: bool = False,
) -> Run:
    """Return a new run at step 0 that continues from the averaged weights of a finished run, for further epochs.

    Task and settings are those of the last stage of the finished run, whose schedule begins anew. The folder is by
    default RUN-2, or the next free number; the finished run is not changed.
    """
    stored = open_run(Path(path))
    stored.require_finished()
    stage = replace(rescheduled(stored.config.last, epochs), initialise=str(stored.folder.model().resolve()))
    task = stored.task(None if store_path is None else Path(store_path))
    return start_run(task, replace(stored.config, stages=(stage,)), out or _next_folder(Path(path)), device, compile)


def train_run(
    task: Task, config: TrainConfig, out: AnyPath, on_step: OnStep | None = None, on_log: OnLog | None = None
) -> Path:
    """Train from beginning to end and return the run folder.

    `on_log` is called with the step and the values that are logged, for example to send them to another program.
    Ctrl-C and SIGTERM save the state and raise Interrupted, a KeyboardInterrupt; `resume_run` continues the run.
    """
    run = start_run(task, config, out)
    signal = run.train(on_step, on_log=on_log)
    if signal is not None:
        raise Interrupted(signal)
    return Path(out)


def from_made_weights(config: TrainConfig, task: Task, is_required: bool = False) -> TrainConfig:
    """Return the configuration with made encoders as the start, unchanged if there are none and none are required.

    They fit only the encoders for which they were made: changes of `model` and `method` come first.
    """
    modalities = config.stages[0].method.modalities
    name = made_weights(kind_of(task.store), config.model, modalities)
    if name is None and is_required:
        what = f"there are no encoders made for {task.store.layout.name}, {task.store.channels} coordinates."
        raise ConfigError(what, where="--init", remedy="Make them with 'psp pretrain STORE', or leave out --init.")
    if name is None:
        return config
    return replace(config, stages=(replace(config.stages[0], initialise=name), *config.stages[1:]))


def _initialised(config: TrainConfig, task: Task, path: Path) -> TrainConfig:
    """Return the configuration with the networks, modalities and inputs of a model, initialised with its weights."""
    file, model = initial_model(path)
    model.require_prepared_alike(task.store)
    names = model.predictor.modalities
    stages = [_with_modalities(stage, names) for stage in config.stages]
    stages[0] = replace(stages[0], initialise=str(file.resolve()))
    return replace(config, stages=tuple(stages), model=model.predictor.backbone.config, data=model.interface.data)


def _with_modalities(stage: Stage, names: tuple[str, ...]) -> Stage:
    """Return a stage with other modalities; where the contrasted ones are not among them the first two are, if any."""
    if isinstance(stage.method, PSPConfig) and len(names) != 2:
        what = f"the model has {len(names)} modalities, the method psp contrasts two."
        raise ConfigError(what, where="--init", remedy="Leave out --method, or start from a model of that method.")
    changes: dict[str, Any] = {"modalities": names}
    if not set(getattr(stage.method, "contrasted", ())) <= set(names):
        changes |= {"contrasted": names[:2]} if len(names) > 1 else {"contrast": 0.0}
    return replace(stage, method=replace(stage.method, **changes))


def _next_folder(path: Path) -> Path:
    """Return the first of PATH-2, PATH-3, ... that does not exist."""
    folder = path if path.name else path.resolve()
    return next(free for number in count(2) if not (free := folder.with_name(f"{folder.name}-{number}")).exists())
