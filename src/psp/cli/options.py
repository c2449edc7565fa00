"""From a function's signature and docstring to a verb's arguments, options and help."""

import inspect
from collections.abc import Callable, Collection
from typing import Any, get_args, get_type_hints

from docstring_parser import parse
from jsonargparse import ArgumentParser


def parser_of(function: Callable[..., Any], optional_positionals: Collection[str] = ()) -> ArgumentParser:
    """Parameters without a default are positional, flags are switches, underscores become hyphens."""
    described = parse(function.__doc__ or "")
    notes = {each.arg_name: each.description or "" for each in described.params}
    parser = ArgumentParser(description=described.short_description)
    hints = get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        option = f"--{name.replace('_', '-')}"
        if parameter.default is inspect.Parameter.empty:
            parser.add_argument(name, type=hints[name], help=notes[name])
        elif name in optional_positionals:
            parser.add_argument(name, type=hints[name], nargs="?", help=notes[name])
        elif hints[name] is bool:
            parser.add_argument(option, action="store_true", help=notes[name])
        elif hints[name] == list[str]:
            parser.add_argument(option, type=get_args(hints[name])[0], nargs="+", default=[], help=notes[name])
        else:
            parser.add_argument(option, type=hints[name], default=parameter.default, help=notes[name])
    return parser
