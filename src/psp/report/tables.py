"""Tables that compare runs: accuracies, costs and the settings that differ."""

from collections.abc import Sequence

from psp.report.compare import ComparedRun, differing_settings, machine_names, precision_of
from psp.report.words import duration, setting

Rows = Sequence[Sequence[str]]
"""The rows of a table; the first one names the columns."""


def accuracies(runs: Sequence[ComparedRun]) -> Rows:
    """Return the accuracies in per cent, top-1 (top-5), by kind of weights and test set."""
    names = [(kind, name) for run in runs for kind, sets in run.evaluation.items() for name in sets]
    measures = list(dict.fromkeys(names))
    rows = [["run", *(f"{kind} weights, {name}" for kind, name in measures)]]
    for run in runs:
        found = [run.evaluation.get(kind, {}).get(name) for kind, name in measures]
        rows.append([run.name, *(f"{each['top1']:.1f} ({each['top5']:.1f})" if each else "–" for each in found)])
    return rows


def costs(runs: Sequence[ComparedRun]) -> Rows:
    """Return the numbers of labels and parameters, and the time, device and precision of training."""
    return [
        ["run", "labels", "parameters", "time", "device", "precision"],
        *([run.name, *_cost(run)] for run in runs),
    ]


def settings(runs: Sequence[ComparedRun]) -> Rows:
    """Return the settings that are not the same in all runs."""
    differing = differing_settings(runs)
    if not differing:
        return [["setting", "all runs"], ["every setting", "the same"]]
    rows = [[name, *(setting(value) for value in values)] for name, values in differing.items()]
    return [["setting", *(run.name for run in runs)], *rows]


def _cost(run: ComparedRun) -> list[str]:
    result = run.result
    if not result:
        return ["not finished", "", "", "", ""]
    labels, parameters, time = result["budget"]["labels"], result["parameters"], duration(result["seconds"])
    precision = precision_of(result, run.settings["runtime.precision"])
    return [str(labels), f"{parameters:,}", time, machine_names(result), precision]
