"""Write the table of all systems in docs/methods.md from results/table3-systems.csv.

python docs/make_methods_table.py
"""

import csv
import re
from pathlib import Path

PAGE = Path(__file__).parent / "methods.md"
RESULTS = Path(__file__).parents[1] / "results" / "table3-systems.csv"
COLUMN, BASELINE, PROTOCOLS = "5", "supervised", ("common", "best")
ROWS = re.compile(r"(?P<head>^\| system \| common .*\n\|---.*\n)(?:\|.*\n)+", re.MULTILINE)


def rows() -> str:
    """Return a row for every system, by its mean accuracy in the common protocol."""
    with RESULTS.open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["column"] == COLUMN and line["weights"] == "average"]
    measured = {(line["system"], line["test set"]): line for line in lines}

    def mean(protocol: str, name: str, part: str = "full") -> float:
        return float(measured[f"{protocol}-{name}", part]["mean"])

    names = {line["system"].removeprefix("common-") for line in lines if line["system"].startswith("common-")}
    found = []
    for name in sorted(names, key=lambda name: -mean("common", name)):
        cells = [f"`{name}`"]
        for protocol in PROTOCOLS:
            ahead = mean(protocol, name) - mean(protocol, BASELINE)
            cells.append(f"{mean(protocol, name):.1f} ({mean(protocol, name, 'clean'):.1f})")
            cells.append("" if name == BASELINE else f"{ahead:+.1f}")
        seconds = [float(measured[f"{protocol}-{name}", "full"]["seconds, fastest run"]) for protocol in PROTOCOLS]
        paper = measured[f"common-{name}", "full"]["paper"]
        cells += [" / ".join(f"{each / 60:.1f}" for each in seconds), f"*{paper}*" if paper else ""]
        found.append(f"| {' | '.join(cells)} |\n")
    return "".join(found)


if __name__ == "__main__":
    text, found = ROWS.subn(lambda match: match["head"] + rows(), PAGE.read_text())
    assert found == 1, "the table of docs/methods.md is not found"
    PAGE.write_text(text)
