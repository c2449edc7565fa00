"""The command `psp`: its subcommands, and errors turned into one sentence and exit code 2."""

import ast
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.resources import files

from psp import __version__
from psp.cli.options import Command, parse_arguments, parser_of
from psp.errors import ConfigError, PSPError
from psp.text import for_terminal, shortened
from psp.train.interrupt import Interrupted

COMMANDS = (
    "prepare", "check", "label", "pretrain", "train", "evaluate", "predict", "live", "export", "report", "formats",
    "layouts", "demo", "compare", "reproduce", "import-weights",
)  # fmt: skip
"""Each is a function in the module of psp.cli of the same name, which is imported when the command is run."""

OWN_PARSERS = {"prepare": ("prepare", "run_prepare"), "train": ("train_options", "run_train")}
"""The module and the function of each command that parses its arguments itself."""

OPTIONAL_POSITIONALS = {"demo": ("out",), "layouts": ("layout",), "pretrain": ("store",), "live": ("source",)}
LONGEST = 4000
"""The largest number of characters of a message about an error, which may quote any file."""

INTERRUPTED = (
    "interrupted. What is finished is kept: run the same command again, or 'psp train --resume RUN' for a training run."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 for errors that the user can correct, or 128 + n after signal n.

    `psp reproduce` returns 130 whatever stopped it before all runs were finished.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words[0] in ("-h", "--help"):
            sys.stdout.write(overview())
            return 0 if words else 2
        if words == ["--version"]:
            sys.stdout.write(f"psp-learning {__version__}\n")
            return 0
        return run_command(words[0], words[1:]) or 0
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


def run_command(name: str, arguments: Sequence[str]) -> int | None:
    """Parse the arguments of a command and run it."""
    if name not in COMMANDS:
        raise ConfigError(f"there is no command {name!r}.", remedy=f"Choose from {', '.join(COMMANDS)}.")
    if name in OWN_PARSERS:
        module, function = OWN_PARSERS[name]
        return getattr(import_module(f"psp.cli.{module}"), function)(arguments)
    command = command_by_name(name)
    parser = parser_of(command, name, OPTIONAL_POSITIONALS.get(name, ()))
    return command(**parse_arguments(parser, arguments).as_dict())


def command_by_name(name: str) -> Command:
    """Return the function of a command."""
    word = name.replace("-", "_")
    return getattr(import_module(f"psp.cli.{word}"), word)


def overview() -> str:
    """Return the help of `psp`, with one line per command."""
    lines = ["usage: psp COMMAND ...", "", "Action recognition from skeletons with few labels.", "", "commands:"]
    lines += [f"  {name:15} {_summary(name)}" for name in COMMANDS]
    lines += ["", "'psp COMMAND --help' lists the options of a command; 'psp --version' prints the version.", ""]
    return "\n".join(lines)


def _summary(name: str) -> str:
    """Return the first line of the docstring of a command, read from its source because importing all is slow."""
    word = name.replace("-", "_")
    module = ast.parse(files("psp.cli").joinpath(f"{word}.py").read_text(encoding="utf-8"))
    function = next(each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == word)
    return (ast.get_docstring(function) or "").partition("\n")[0]


def _complain(message: str, code: int = 2) -> int:
    sys.stderr.write(f"psp: {shortened(for_terminal(message), LONGEST)}\n")
    return code
