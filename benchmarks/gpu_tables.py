"""Tables on a GPU machine with a time limit: fill what there is time for, bring back one JSON file, go on next time.

    python -m benchmarks.gpu_tables fill table3 table4 --nw-ucla all_sqe.zip --minutes 9 --bundle new.json
    python -m benchmarks.gpu_tables unpack new.json

`fill` trains what `results` does not hold yet, several runs side by side, one experiment after the other. What was
finished comes back in the bundle, even if the last runs had to stop; `unpack` puts it where the next call, on
whichever machine, finds it and goes on with the rest. A run that had to stop is lost, unless `--runs` names a folder
that the next call still finds: so give a call more time than a run takes, or fewer `--jobs`.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from psp.reproduce.result import is_result

from psp import prepare
from psp.cli.main import main as psp
from psp.cli.reproduce import UNFINISHED
from psp.files import write_json

RESERVE = 0.5
"""Minutes that are kept for the tables and the bundle."""


def main(arguments: list[str] | None = None) -> int:
    """Fill tables or unpack what was filled elsewhere."""
    options = parsed(arguments)
    if options.command == "unpack":
        return unpack(options.bundle, options.results)
    end = time.monotonic() + 60 * (options.minutes - RESERVE)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "results"
        shutil.copytree(options.results, work, dirs_exist_ok=True) if options.results.exists() else work.mkdir()
        store = options.store or prepared(options.nw_ucla, Path(folder) / "nw-ucla")
        runs = options.runs or Path(folder) / "runs"
        codes = [0]
        for experiment in options.experiments:
            left = max(0.0, (end - time.monotonic()) / 60)
            try:
                codes.append(psp(arguments_of(experiment, store, work, runs, left, options)))
            finally:
                write_json(options.bundle, news(work, options.results))
            if codes[-1] == UNFINISHED and time.monotonic() < end:
                break  # stopped by hand, not by the clock
    return next((code for code in codes if code not in (0, UNFINISHED)), max(codes))


def arguments_of(
    experiment: str, store: Path, work: Path, runs: Path, minutes: float, options: argparse.Namespace
) -> list[str]:
    """What `psp` is asked for one experiment."""
    places = ["--store", str(store), "--out", str(work), "--runs", str(runs), "--minutes", str(minutes)]
    return ["reproduce", experiment, *places, *options.settings]


def prepared(archive: Path, out: Path) -> Path:
    """Prepare Northwestern-UCLA from its archive."""
    prepare("nw-ucla", archive, out)
    return out


def results_in(folder: Path) -> dict[str, object]:
    """The results of runs in a folder, by their path in it."""
    found = {path.relative_to(folder).as_posix(): json.loads(path.read_text()) for path in folder.glob("*/*.json")}
    return {name: content for name, content in found.items() if is_result(content)}


def news(work: Path, known: Path) -> dict[str, object]:
    """The results that were not known before."""
    before = results_in(known)
    return {name: content for name, content in results_in(work).items() if name not in before}


def unpack(bundle: Path, results: Path) -> int:
    """Write every result of a bundle to its place; results that are there already stay as they are."""
    for name, content in json.loads(bundle.read_text()).items():
        path = results / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, content)
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fill = commands.add_parser("fill", help="train what is missing")
    fill.add_argument("experiments", nargs="+", help="for example table3 table4")
    source = fill.add_mutually_exclusive_group(required=True)
    source.add_argument("--nw-ucla", type=Path, help="the archive all_sqe.zip")
    source.add_argument("--store", type=Path, help="a store that is prepared already")
    fill.add_argument("--bundle", type=Path, required=True, help="the JSON file to write")
    fill.add_argument("--results", type=Path, default=Path("results"), help="results that are there already")
    fill.add_argument("--runs", type=Path, help="where trainings are kept, if they shall outlast this call")
    fill.add_argument("--minutes", type=float, default=9.0, help="for everything together")
    remainder = "the last option: all that follows goes to psp reproduce, by default --size full"
    fill.add_argument("--settings", nargs=argparse.REMAINDER, default=["--size", "full"], help=remainder)
    there = commands.add_parser("unpack", help="put a bundle's results where they belong")
    there.add_argument("bundle", type=Path)
    there.add_argument("--results", type=Path, default=Path("results"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
