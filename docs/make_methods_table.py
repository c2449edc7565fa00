"""Write the table of all systems in docs/methods.md from results/table3-systems.csv and the runs behind it.

python docs/make_methods_table.py

Means are over the label budgets that every system of a protocol has been trained on.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

PAGE = Path(__file__).parent / "methods.md"
RESULTS = Path(__file__).parents[1] / "results"
TABLE, EXPERIMENT = RESULTS / "table3-systems.csv", "table3-systems"
COLUMN, BASELINES = "5", {"common": "supervised", "best": "multi-stream-supervised"}
ROWS = re.compile(r"(?P<head>^\| system \| common .*\n\|---.*\n)(?:\|.*\n)+", re.MULTILINE)


def rows() -> str:
    """Return a row for every system, by its mean accuracy in the common protocol."""
    with TABLE.open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["column"] == COLUMN and line["weights"] == "average"]
    table = {(line["system"], line["test set"]): line for line in lines}
    with (RESULTS / "runs.csv").open(newline="") as file:
        runs = [run for run in csv.DictReader(file) if (run["experiment"], run["column"]) == (EXPERIMENT, COLUMN)]
    names = {line["system"].removeprefix("common-") for line in lines if line["system"].startswith("common-")}
    budgets = {protocol: shared_budgets(runs, [f"{protocol}-{name}" for name in names]) for protocol in BASELINES}

    def mean(protocol: str, name: str, part: str = "full") -> float:
        own = {run["budget seed"]: run for run in runs if run["system"] == f"{protocol}-{name}"}
        return fmean(float(own[budget][f"average {part} top1"]) for budget in budgets[protocol])

    found = []
    for name in sorted(names, key=lambda name: (-mean("common", name), name)):
        cells = [f"`{name}`"]
        for protocol, baseline in BASELINES.items():
            ahead = mean(protocol, name) - mean(protocol, baseline)
            cells.append(f"{mean(protocol, name):.1f} ({mean(protocol, name, 'clean'):.1f})")
            cells.append("" if name == baseline else f"{ahead:+.1f}")
        seconds = [float(table[f"{protocol}-{name}", "full"]["seconds, fastest run"]) for protocol in BASELINES]
        paper = table[f"common-{name}", "full"]["paper"]
        cells += [" / ".join(f"{each / 60:.1f}" for each in seconds), f"*{paper}*" if paper else ""]
        found.append(f"| {' | '.join(cells)} |\n")
    return "".join(found)


def shared_budgets(runs: Sequence[dict[str, str]], systems: Sequence[str]) -> set[str]:
    """Return the seeds of the label budgets that every one of the systems has been trained on."""
    return set.intersection(*({run["budget seed"] for run in runs if run["system"] == each} for each in systems))


if __name__ == "__main__":
    text, found = ROWS.subn(lambda match: match["head"] + rows(), PAGE.read_text())
    assert found == 1, "the table of docs/methods.md is not found"
    PAGE.write_text(text)
