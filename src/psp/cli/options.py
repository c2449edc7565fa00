"""Makes the arguments, options and help of a command from the signature and docstring of its function."""

import inspect
import re
import sys
from argparse import Action
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args, get_origin, get_type_hints

from docstring_parser import parse
from jsonargparse import ArgumentError, ArgumentParser, Namespace

from psp.errors import ConfigError
from psp.text import shortened

MOST = 600
"""The largest number of characters of a message about an argument, of which the value may be any text."""

Command = Callable[..., int | None]

UNION = re.compile(r"Does not validate against .* Subtypes: \[(.*?)(?:, NoneType)?\] Errors: .* Given value: ")
"""What jsonargparse says of a value that an option of several types does not take."""


def parser_of(
    function: Command,
    name: str,
    optional_positionals: Collection[str] = (),
    without: Collection[str] = (),
    bare: Mapping[str, Any] | None = None,
) -> ArgumentParser:
    """Return a parser: parameters without a default are positional, flags are switches, underscores become hyphens.

    Their descriptions are those of the docstring of the function or, if it has none, of its module. Parameters in
    `without`, and further keyword arguments, are left to the caller. `bare` names options that may stand
    without a value, and which value they have then.
    """
    described = parse(function.__doc__ or "")
    if not described.params:
        described = parse(sys.modules[function.__module__].__doc__ or "")
    notes = {each.arg_name: each.description or "" for each in described.params}
    summary = "\n".join(filter(None, (described.short_description, described.long_description)))
    hints, parameters = get_type_hints(function), inspect.signature(function).parameters
    required = [key.upper() for key, each in parameters.items() if each.default is inspect.Parameter.empty]
    optional = [f"[{key.upper()}]" for key in optional_positionals]
    words = [word for word in (*required, *optional) if word.strip("[]").lower() not in without]
    usage = " ".join([f"psp {name}", *words, "[options]"])
    parser = ArgumentParser(
        prog=f"psp {name}", usage=usage, description=summary, exit_on_error=False, allow_abbrev=False
    )
    for key, parameter in parameters.items():
        if key in without or parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        option, default, hint = f"--{key.replace('_', '-')}", parameter.default, hints[key]
        if default is inspect.Parameter.empty and hint == list[str]:
            parser.add_argument(key, type=str, nargs="+", help=notes[key])
        elif default is inspect.Parameter.empty:
            parser.add_argument(key, type=hint, help=notes[key])
        elif key in optional_positionals:
            parser.add_argument(key, type=hint, nargs="?", default=default, help=notes[key])
        elif key in (bare or {}):
            value = (bare or {})[key]
            parser.add_argument(option, type=hint, nargs="?", const=value, default=default, help=notes[key])
        elif hint is bool:
            parser.add_argument(option, action="store_true", help=notes[key])
        elif get_origin(hint) is list:
            kind = get_args(hint)[0]
            action = _Gather if kind is str else None
            parser.add_argument(option, type=kind, nargs="+", action=action, default=default, help=notes[key])
        else:
            parser.add_argument(option, type=hint, default=default, help=notes[key])
    return parser


def parse_arguments(parser: ArgumentParser, arguments: Sequence[str], *, defaults: bool = True) -> Namespace:
    """Return the parsed arguments; a ConfigError names the fault and, for an unknown option, the nearest one.

    The value of an option that takes several is written a,b or, as in YAML, [a,b].
    """
    options = [(option, action) for action in parser._actions for option in action.option_strings]
    known = [option for option, _ in options]
    several = [option for option, action in options if get_origin(getattr(action, "_typehint", None)) is tuple]
    try:
        return parser.parse_args(_bracketed(_joined(arguments, known), several), defaults=defaults)
    except UnicodeDecodeError as error:
        remedy = "Name a YAML file in UTF-8."
        raise ConfigError("the file of settings is not text.", where="--config", remedy=remedy) from error
    except ArgumentError as error:
        words = [each.partition("=")[0] for each in arguments if each.startswith("--")]
        unknown = next((word for word in words if word not in known), None)
        if unknown is None:
            raise ConfigError(_in_a_line(str(error), known), remedy=f"See '{parser.prog} --help'.") from error
        near = get_close_matches(unknown, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"See '{parser.prog} --help'."
        raise ConfigError("there is no such option.", where=unknown, remedy=remedy) from error


def _in_a_line(message: str, known: Collection[str]) -> str:
    """Return a message of jsonargparse as one line, with the option as the user writes it."""
    written = {option.lstrip("-").replace("-", "_"): option for option in known}
    line = " ".join(message.split())
    line = re.sub(r'Parser key "([\w.]+)"', lambda found: written.get(found[1], f"--{found[1]}"), line)
    line = UNION.sub(_expected, re.sub(r"<class '(\w+)'>", r"\1", line))
    return shortened(re.sub(r"a typing\.Literal\[(.*?)\]", r"one of \1", line).rstrip("."), MOST) + "."


def _expected(union: re.Match[str]) -> str:
    types = re.sub(r", (?=\w)", " or a ", union[1])
    return f"Expected a {types}. Got value: "


def _joined(arguments: Sequence[str], known: Collection[str]) -> list[str]:
    """Return arguments with each value that begins with one hyphen, such as -y, joined to the option before it."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] in known and re.match("-[^-]", word) and word not in known:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _bracketed(arguments: Sequence[str], several: Collection[str]) -> list[str]:
    """Return arguments with the value a,b of each option in `several` as [a,b]."""
    written: list[str] = []
    for word in arguments:
        option, joined, value = word.partition("=")
        if joined and option in several and not value.startswith("["):
            written.append(f"{option}=[{value}]")
        elif written and written[-1] in several and word[:1] not in "[-":
            written.append(f"[{word}]")
        else:
            written.append(word)
    return written


class _Given(list[str]):
    """Words that the user gave, as opposed to a default."""


class _Gather(Action):
    """Joins the words of an option that is given several times; the first time they replace the default."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        earlier = getattr(namespace, self.dest)
        setattr(namespace, self.dest, _Given([*(earlier if isinstance(earlier, _Given) else ()), *values]))
