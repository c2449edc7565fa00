"""From functions' signatures and docstrings to the verbs' arguments, options and help."""

import inspect
from argparse import Action
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from docstring_parser import parse
from jsonargparse import ArgumentParser, Namespace

Verb = Callable[..., int | None]


@dataclass(frozen=True)
class Family:
    """A verb that only names others, as in `psp bench step`."""

    summary: str
    verbs: Mapping[str, Verb]


Verbs = Mapping[str, Verb | Family]


def add_verbs(parser: ArgumentParser, verbs: Verbs, optional_positionals: Mapping[str, Collection[str]]) -> None:
    """Give a parser one subcommand a verb, and the families theirs."""
    group = parser.add_subcommands(dest="verb", title="verbs")
    for name, verb in verbs.items():
        if isinstance(verb, Family):
            inner = ArgumentParser(description=verb.summary)
            group.add_subcommand(name, inner, help=verb.summary)
            add_verbs(inner, verb.verbs, {})
        else:
            summary = (verb.__doc__ or "").splitlines()[0]
            group.add_subcommand(name, parser_of(verb, optional_positionals.get(name, ())), help=summary)


def chosen_verb(verbs: Verbs, chosen: Namespace) -> tuple[Verb, dict[str, Any]]:
    """The function that parsed arguments name, and its arguments."""
    verb, options = verbs[chosen.verb], chosen[chosen.verb]
    if isinstance(verb, Family):
        return chosen_verb(verb.verbs, options)
    return verb, options.as_dict()


class _Gather(Action):
    """A list of words may be given in pieces, each after the option; the first replaces the default."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        earlier = getattr(namespace, self.dest)
        setattr(namespace, self.dest, values if earlier is self.default else [*earlier, *values])


def parser_of(function: Callable[..., Any], optional_positionals: Collection[str] = ()) -> ArgumentParser:
    """Parameters without a default are positional, flags are switches, underscores become hyphens."""
    described = parse(function.__doc__ or "")
    notes = {each.arg_name: each.description or "" for each in described.params}
    parser = ArgumentParser(description=described.short_description)
    hints = get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        option = f"--{name.replace('_', '-')}"
        if parameter.default is inspect.Parameter.empty and hints[name] == list[str]:
            parser.add_argument(name, type=str, nargs="+", help=notes[name])
        elif parameter.default is inspect.Parameter.empty:
            parser.add_argument(name, type=hints[name], help=notes[name])
        elif name in optional_positionals:
            parser.add_argument(name, type=hints[name], nargs="?", default=parameter.default, help=notes[name])
        elif hints[name] is bool:
            parser.add_argument(option, action="store_true", help=notes[name])
        elif get_origin(hints[name]) is list:
            kind, default = get_args(hints[name])[0], parameter.default
            action = _Gather if kind is str else None
            parser.add_argument(option, type=kind, nargs="+", action=action, default=default, help=notes[name])
        else:
            parser.add_argument(option, type=hints[name], default=parameter.default, help=notes[name])
    return parser
