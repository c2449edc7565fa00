"""PSP against supervised-only on NW-UCLA under the same settings, over several label budgets; a run is resumed.

    python benchmarks/nw_ucla.py all_sqe.zip runs/nw-ucla

writes results/nw-ucla-BUDGET-SIZE.json (every run with its configuration, budget hash, versions, device and wall time)
and a table beside it. Nothing is chosen here: settings come from the preset, the last step is what counts.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch

from psp import PRESETS, TrainConfig, evaluate_run, open_store, prepare, resume_run, start_run
from psp.train.log import read_lines
from psp.train.result import provenance
from psp.train.run import RunFolder

METHODS = ("supervised", "psp")
RESULTS = Path(__file__).resolve().parent.parent / "results"


def main() -> None:
    """Prepare, train what is missing, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="all_sqe.zip or its folder")
    parser.add_argument("work", type=Path, help="where the store and the runs are kept")
    parser.add_argument("--preset", choices=list(PRESETS), default="best")
    parser.add_argument("--size", choices=["tiny", "small", "full"], default="tiny")
    parser.add_argument("--budget", default="5/class")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=16)
    options = parser.parse_args()
    store = options.work / "store"
    preparation = options.work / "preparation.json"
    if not store.exists():
        report = prepare("nw-ucla", options.source, store)
        measures = {"clips": report.clips, "seconds": round(report.seconds, 2)} | provenance(torch.device("cpu"))
        preparation.write_text(json.dumps(measures))
    runs = []
    for seed in range(options.seeds):
        for method in METHODS:
            config = PRESETS[options.preset]("nw-ucla", options.budget, options.size)
            config = replace(config, method=method, seed=seed, budget_seed=seed, epochs=options.epochs)
            runs.append(measured(store, config, options.work / f"{method}-{config.hash}"))
            print(
                runs[-1]["method"],
                seed,
                {name: round(value, 1) for name, value in runs[-1]["top1"].items()},
                flush=True,
            )
    name = f"nw-ucla-{options.budget.replace('/', '-per-')}-{options.size}"
    (RESULTS / f"{name}.json").write_text(
        json.dumps({"preparation": json.loads(preparation.read_text()), "runs": runs}, indent=1) + "\n"
    )
    (RESULTS / f"{name}.md").write_text(table(runs))
    print(table(runs))


def measured(store: Path, config: TrainConfig, out: Path) -> dict[str, Any]:
    """Train one run to its end, wherever it stands, and gather what it came to."""
    folder = RunFolder(out)
    if not folder.result.exists():
        trainer = resume_run(out) if folder.config.exists() else start_run(open_store(store), config, out)
        if trainer.run() is not None:
            raise SystemExit("interrupted; the same command goes on")
    evaluation = evaluate_run(out)
    top1 = {f"{kind} {name}": found.top1 for kind, sets in evaluation.items() for name, found in sets.items()}
    stored = json.loads(folder.config.read_text())
    return {
        "method": config.method,
        "top1": top1,
        "result": json.loads(folder.result.read_text()),
        "config": stored["config"],
        "store fingerprint": stored["store"]["fingerprint"],
        "last log line": read_lines(folder.metrics)[-1],
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over the seeds, and the paired difference, as Markdown."""
    columns = [f"{kind} {name}" for kind in ("average", "last") for name in ("full", "clean")]
    lines = ["| top-1 in % | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    values = {
        method: {c: [run["top1"][c] for run in runs if run["method"] == method] for c in columns} for method in METHODS
    }
    paired = {c: [p - s for p, s in zip(values["psp"][c], values["supervised"][c], strict=True)] for c in columns}
    for name, row in {**values, "psp - supervised": paired}.items():
        lines.append(f"| {name} | " + " | ".join(f"{mean(row[c]):.1f} ± {stdev(row[c]):.1f}" for c in columns) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
