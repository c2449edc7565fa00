"""What two processes do to one place at the same moment; they are forked from a server that has imported psp."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from psp.dataset.build import prepare
from psp.errors import CheckpointError, PSPError
from psp.evaluate.evaluate import evaluate_run
from psp.io.base import open_reader
from psp.train.api import make_task, resume_run, train_run
from runs import small_run, with_stage

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["psp.train.api", "psp.evaluate.evaluate", "psp.dataset.build", "torch._dynamo"])

Act = tuple[Callable[..., Any], tuple[Any, ...]]


def race(acts: Sequence[Act]) -> list[str]:
    """Let every act begin at the same moment in a process of its own; return how each ended, "" if well."""
    start, ends = CONTEXT.Barrier(len(acts)), CONTEXT.Queue()
    processes = [CONTEXT.Process(target=_run, args=(start, ends, number, *act)) for number, act in enumerate(acts)]
    for process in processes:
        process.start()
    found = dict(ends.get(timeout=100) for _ in acts)
    for process in processes:
        process.join()
    return [found[number] for number in range(len(acts))]


def train_one(store: Path, out: Path, seed: int) -> None:
    """Train a run of one epoch."""
    config = replace(with_stage(small_run("supervised"), epochs=1), seed=seed)
    train_run(make_task(store, "2/class", "synthetic-xsub"), config, out)


def resume_one(out: Path) -> None:
    """Continue a run."""
    resume_run(out, device="cpu").train()


def prepare_one(dest: Path, seed: int) -> None:
    """Prepare a few generated clips."""
    prepare(open_reader("synthetic", clips=12, seed=seed), dest, workers=1)


def evaluate_one(out: Path) -> None:
    """Evaluate a run again and again until it is finished."""
    for _ in range(1000):
        with suppress(CheckpointError):
            evaluate_run(out, None, "cpu")
            return
        time.sleep(0.01)
    evaluate_run(out, None, "cpu")


def _run(start: Any, ends: Any, number: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    start.wait()
    try:
        function(*arguments)
        ends.put((number, ""))
    except PSPError as error:
        ends.put((number, str(error)))
    except BaseException as error:
        ends.put((number, f"fault: {error!r}"))
        raise
