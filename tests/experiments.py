"""A small experiment for tests: two systems, one data set, two label budgets, seconds a run."""

from dataclasses import replace

from psp.dataset.store import Store
from psp.reproduce.experiment import Column, Experiment, Key, PlannedRun, Quick, Row, Scope, plan
from psp.reproduce.results import RunResult
from psp.train.config import TrainConfig
from psp.train.presets import DataFacts
from runs import SMALL_RUN, small_run, with_stage


def small_psp(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    return SMALL_RUN


def small_supervised(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    return small_run("supervised")


SMALL = Experiment(
    "small",
    "A small table",
    rows=(
        Row("labels", "supervised only", small_supervised, {"two": 50.0}),
        Row("psp", "PSP Learning", small_psp, {"two": 60.0, "four": 70.0}),
    ),
    columns=(
        Column("two", "2 labels", "synthetic-xsub", "2/class", 2, "1/class"),
        Column("four", "4 labels", "synthetic-xsub", "4/class", 1),
    ),
    quick=Quick(columns=1, seeds=1, epochs=1, steps=2),
    others={"theirs": {"two": 41.0}},
    references=("labels",),
)


def long_runs(store: Store) -> list[PlannedRun]:
    """Three runs of the small experiment that last long enough to be interrupted."""
    planned = plan(SMALL, [store], Scope())[:3]
    return [replace(run, config=with_stage(run.config, epochs=20)) for run in planned]


def hand_made(key: Key, seed: int, full: float, clean: float, **changes: object) -> RunResult:
    top1 = {kind: {"full": full + shift, "clean": clean + shift} for kind, shift in (("average", 0), ("last", -1))}
    plain = RunResult(key, seed, "tiny", 16, 1234, 90.0, "2 CPU threads", "float32", top1, None)
    return replace(plain, **changes)
