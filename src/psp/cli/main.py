"""The command `psp`: its verbs, and errors turned into one sentence and exit code 2."""

import os
import signal
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from psp.cli.bench import BENCH
from psp.cli.check import check
from psp.cli.demo import demo
from psp.cli.evaluate import evaluate
from psp.cli.export import export
from psp.cli.import_weights import import_weights
from psp.cli.layouts import layouts
from psp.cli.options import Verbs, add_verbs, chosen_verb
from psp.cli.predict import predict
from psp.cli.prepare import prepare
from psp.cli.report import report
from psp.cli.reproduce import reproduce
from psp.cli.train import train
from psp.errors import PSPError
from psp.train.interrupt import Interrupted

VERBS: Verbs = {
    "layouts": layouts,
    "prepare": prepare,
    "check": check,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "import-weights": import_weights,
    "demo": demo,
    "reproduce": reproduce,
    "report": report,
    "bench": BENCH,
}
INTERRUPTED = "interrupted. What was finished is kept: give the same command again, for a run psp train --resume RUN."
OPTIONAL_POSITIONALS = {"layouts": ("layout",), "train": ("store",), "demo": ("out",)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, or 2 for errors that the user can mend, or 128 + n after signal n.

    `psp reproduce` returns 130 whatever kept it from finishing its runs.
    """
    verb, options = chosen_verb(VERBS, make_parser().parse_args(arguments))
    try:
        return verb(**options) or 0
    except PSPError as error:
        return _complain(str(error))
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{os.strerror(error.errno)}. Check the path, its rights and the free space.")
    except KeyboardInterrupt as stop:
        number = stop.signal if isinstance(stop, Interrupted) else signal.SIGINT
        return _complain(INTERRUPTED, 128 + number)


def make_parser() -> ArgumentParser:
    """The parser of all verbs; options, types and help come from the verbs' signatures and docstrings."""
    parser = ArgumentParser(prog="psp", description="Action recognition from skeletons with few labels.")
    add_verbs(parser, VERBS, OPTIONAL_POSITIONALS)
    return parser


def _complain(message: str, code: int = 2) -> int:
    sys.stderr.write(f"psp: {message}\n")
    return code
