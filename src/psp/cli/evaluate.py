"""`psp evaluate`."""

from pathlib import Path
from typing import Literal

from psp.cli.console import print_table, say
from psp.evaluate.evaluate import Evaluation, evaluate_run
from psp.train.run_folder import RunFolder, open_run

Device = Literal["auto", "cpu", "cuda"]


def evaluate(run: Path, store: Path | None = None, device: Device = "auto") -> None:
    """Evaluate a training run on the test sets of its split and write evaluation.json.

    Args:
        run: a folder written by 'psp train'
        store: the data set, if it has moved since training
        device: where to compute
    """
    show_evaluation(run, evaluate_run(run, store, device))


def show_evaluation(run: Path, evaluation: Evaluation) -> None:
    """Print top-1 and top-5 by weights and test set, then the classes of the averaged weights."""
    rows = [
        (f"{kind}, {name}", found.clips, found.top1, found.top5)
        for kind, sets in evaluation.items()
        for name, found in sets.items()
    ]
    if not rows:
        say("the split has no test set.")
        return
    print_table(f"{run}: accuracy in %", ("weights, test set", "clips", "top-1", "top-5"), rows)
    classes = open_run(run).store_facts["classes"]
    name, found = next(iter(evaluation["average"].items()))
    shown = ["-" if value is None else f"{value:.1f}" for value in found.per_class]
    worst = [_most_often(row, classes) for row in _without_diagonal(found.confusion)]
    columns = ("class", "accuracy in %", "most often taken for")
    print_table(f"averaged weights, test set {name}", columns, list(zip(classes, shown, worst, strict=True)))
    say(f"written: {RunFolder(run).evaluation}")


def _most_often(wrong: list[int], classes: list[str]) -> str:
    return classes[wrong.index(max(wrong))] if any(wrong) else "-"


def _without_diagonal(confusion: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    return [[0 if i == j else count for j, count in enumerate(row)] for i, row in enumerate(confusion)]
