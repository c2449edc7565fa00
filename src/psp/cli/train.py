"""`psp train`."""

from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

from psp.cli.console import progress_bar, say
from psp.cli.evaluate import Device, show_evaluation
from psp.dataset.labels import LabelBudget, read_budget
from psp.dataset.store import open_store
from psp.errors import ConfigError
from psp.evaluate.evaluate import evaluate_run
from psp.methods.methods import MethodName
from psp.model.encoder import Size
from psp.train.compiled import NOT_HERE
from psp.train.config import TrainConfig
from psp.train.loop import Progress, Trainer
from psp.config.override import changes_from_arguments, changes_from_file, override
from psp.train.presets import PRESETS, USUAL_SIZE, PresetName, with_method
from psp.train.schedule import rescheduled
from psp.train.train import resume_run, start_run

CHOSEN_FIRST = {"protocol", "budget", "budget_seed"}
RESUMED_WITH = ("store", "resume", "device", "compile", "checkpoint_seconds")


def train(
    store: Path | None = None,
    protocol: str | None = None,
    budget: str = "5/class",
    preset: PresetName = "best",
    size: Size | None = None,
    method: MethodName | None = None,
    seed: int = 0,
    budget_seed: int | None = None,
    budget_file: Path | None = None,
    epochs: int | None = None,
    config: Path | None = None,
    set: list[str] = [],  # noqa: B006
    out: Path | None = None,
    resume: Path | None = None,
    device: Device = "auto",
    compile: bool = False,
    checkpoint_seconds: float = 60.0,
) -> int | None:
    """Train a recogniser from few labels, then evaluate it; or continue a run that was interrupted.

    Args:
        store: a folder written by 'psp prepare' (with --resume: only if it has moved)
        protocol: which clips train and which test, for example nw-ucla or ntu60-xsub
        budget: whose labels may be used: 5%, 5/class, xcar2022 or all
        preset: paper (its text), published (its program) or best (ours)
        size: how large the network is, by default light for best and full for the others
        method: psp, supervised (its baseline, only the labelled clips), taught (five streams with a teacher, the
            method of best) or streams (its baseline), if not as the preset says; no other method than taught then
            learns from guesses about unlabelled clips
        seed: of everything random in training, and of the budget unless --budget-seed is given
        budget_seed: which labels are drawn
        budget_file: a budget.json to use instead of drawing one
        epochs: how long to train, if not as long as the preset says; warm-up and milestones move in proportion
        config: YAML file of settings that differ from the preset; it overrides the options above
        set: single settings, for example optim.learning_rate=0.01; they override everything else
        out: the run folder to write
        resume: a run folder to continue exactly where its last checkpoint stood
        device: where to compute
        compile: let torch.compile speed up the encoder, where it can
        checkpoint_seconds: how often the state is saved
    """
    given = dict(locals())
    if resume:
        _refuse_changes(given)
        trainer = resume_run(resume, store, device, compile)
    else:
        if store is None or protocol is None or out is None:
            remedy = "Write 'psp train STORE --protocol P --out RUN' or 'psp train --resume RUN'."
            raise ConfigError("STORE, --protocol and --out are needed.", remedy=remedy)
        drawn = _budget_of(budget_file, given)
        chosen = PRESETS[preset](protocol, drawn.spec if drawn else budget, size or USUAL_SIZE[preset])
        chosen = replace(chosen, seed=seed, budget_seed=seed if budget_seed is None else budget_seed)
        chosen = _changed(with_method(chosen, method), epochs, config, set)
        trainer = start_run(open_store(store), chosen, out, drawn, device, compile)
    if compile and not trainer.compiled:
        say(NOT_HERE)
    return _watch(trainer, checkpoint_seconds, store, device)


def _budget_of(file: Path | None, given: Mapping[str, Any]) -> LabelBudget | None:
    """A budget from a file is drawn already: options that would draw another are refused."""
    for name in ("budget", "budget_seed") if file else ():
        if given[name] != signature(train).parameters[name].default:
            what = f"--{name.replace('_', '-')} cannot be used with --budget-file, which names the clips."
            raise ConfigError(what, remedy="Leave one of them out.")
    return read_budget(file) if file else None


def _refuse_changes(given: Mapping[str, Any]) -> None:
    """A run goes on as it was begun: options that would be ignored are refused."""
    for name, parameter in signature(train).parameters.items():
        if name not in RESUMED_WITH and given[name] != parameter.default:
            what = f"--{name.replace('_', '-')} cannot be used with --resume: a run goes on with its own settings."
            raise ConfigError(what, remedy="Leave it out, or start another run with --out.")


def _changed(chosen: TrainConfig, epochs: int | None, config: Path | None, changes: list[str]) -> TrainConfig:
    """Apply the epochs, then the file, then the single settings."""
    chosen = chosen if epochs is None else rescheduled(chosen, epochs)
    for source in (changes_from_file(config) if config else {}, changes_from_arguments(changes)):
        for name in sorted(CHOSEN_FIRST & set(source)):
            remedy = f"Use --{name.replace('_', '-')}."
            raise ConfigError("presets depend on it, it cannot be changed afterwards.", where=name, remedy=remedy)
        chosen = override(chosen, source)
    return chosen


def _watch(trainer: Trainer, checkpoint_seconds: float, store: Path | None, device: Device) -> int | None:
    run = trainer.folder.path
    with progress_bar("training", hidden=not trainer.ranks.is_main) as show:

        def on_step(now: Progress) -> None:
            rate = f"{now.clips_per_second:.0f} clips/s"
            show(now.step, now.steps, f"loss {now.objective:.3f}  accuracy {100 * now.accuracy:.0f} %  {rate}")

        signal = trainer.run(on_step, checkpoint_seconds=checkpoint_seconds)
    if signal is not None and trainer.ranks.is_main:
        say(f"stopped at step {trainer.step} of {trainer.steps}. Continue with 'psp train --resume {run}'.")
    elif trainer.ranks.is_main:
        show_evaluation(run, evaluate_run(run, store, device))
        if trainer.doubted:
            say(f"labels that were doubted and left out: {', '.join(trainer.doubted)}.")
    return None if signal is None else 128 + signal
