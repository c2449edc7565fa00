"""The command `psp`: its verbs, and errors turned into one sentence and exit code 2."""

import os
import sys
from collections.abc import Callable, Sequence

from jsonargparse import ArgumentParser

from psp.cli.check import check
from psp.cli.demo import demo
from psp.cli.evaluate import evaluate
from psp.cli.import_weights import import_weights
from psp.cli.layouts import layouts
from psp.cli.options import parser_of
from psp.cli.predict import predict
from psp.cli.prepare import prepare
from psp.cli.train import train
from psp.errors import PSPError

VERBS: dict[str, Callable[..., int | None]] = {
    "layouts": layouts,
    "prepare": prepare,
    "check": check,
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "import-weights": import_weights,
    "demo": demo,
}
OPTIONAL_POSITIONALS = {"train": ("store",), "demo": ("out",)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, or 2 for errors that the user can mend, or 128 + n after signal n."""
    chosen = make_parser().parse_args(arguments)
    try:
        return VERBS[chosen.verb](**chosen[chosen.verb].as_dict()) or 0
    except PSPError as error:
        return _complain(str(error))
    except OSError as error:
        if error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{os.strerror(error.errno)}. Check the path, its rights and the free space.")
    except KeyboardInterrupt:
        return _complain("interrupted. The same command starts again and keeps what was finished.", 130)


def make_parser() -> ArgumentParser:
    """The parser of all verbs; options, types and help come from the verbs' signatures and docstrings."""
    parser = ArgumentParser(prog="psp", description="Action recognition from skeletons with few labels.")
    verbs = parser.add_subcommands(dest="verb", title="verbs")
    for name, function in VERBS.items():
        summary = (function.__doc__ or "").splitlines()[0]
        verbs.add_subcommand(name, parser_of(function, OPTIONAL_POSITIONALS.get(name, ())), help=summary)
    return parser


def _complain(message: str, code: int = 2) -> int:
    sys.stderr.write(f"psp: {message}\n")
    return code
