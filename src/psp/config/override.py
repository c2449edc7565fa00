"""Changing nested frozen configurations by name, and the differences between two of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from jsonargparse import ArgumentError, ArgumentParser

from psp.config.yaml_text import DAMAGED, load_yaml
from psp.errors import ConfigError
from psp.files import read_regular
from psp.text import shortened

C = TypeVar("C")


def override(config: C, changes: Mapping[str, Any], inside: str = "") -> C:
    """Return a copy with nested changes; an unknown key or a value of the wrong type raises ConfigError."""
    hints = get_type_hints(type(config))
    values = {}
    for key, value in changes.items():
        name = f"{inside}{key}"
        if key not in hints:
            refuse_unknown(name, str(key), [field.name for field in fields(config)])  # type: ignore[arg-type]
        if _is_section(hints[key]):
            values[key] = _section(name, value, hints[key], getattr(config, key))
        else:
            values[key] = _checked(name, value, hints[key])
    return replace(config, **values)  # type: ignore[type-var]


def changes_from_file(path: Path) -> dict[str, Any]:
    """Return the nested changes of a YAML file."""
    try:
        content = load_yaml(read_regular(path).decode("utf-8"))
    except (OSError, *DAMAGED) as error:
        remedy = "Name a readable YAML file."
        raise ConfigError(
            f"the configuration cannot be read ({shortened(str(error))}).", where=str(path), remedy=remedy
        ) from error
    if not isinstance(content or {}, dict):
        what = "a configuration is a mapping of names to values."
        raise ConfigError(what, where=str(path), remedy="Write NAME: VALUE lines.")
    return content or {}


def as_plain(config: Any) -> dict[str, Any]:
    """Return a configuration as JSON values that `override` accepts."""
    return {key: _plain(value) for key, value in asdict(config).items()}


def differences(config: Any, base: Any) -> dict[str, Any]:
    """Return the nested changes with which `override` turns `base` into `config`, as JSON values."""
    found: dict[str, Any] = {}
    for each in fields(config):
        ours, theirs = getattr(config, each.name), getattr(base, each.name)
        if is_dataclass(ours) and not isinstance(ours, type):
            inside = differences(ours, theirs)
            if inside:
                found[each.name] = inside
        elif ours != theirs:
            found[each.name] = _plain(ours)
    return found


def refuse_unknown(name: str, key: str, known: list[str]) -> None:
    """Raise ConfigError for a setting that does not exist, with the nearest name."""
    near = get_close_matches(key, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known settings: {', '.join(known)}."
    raise ConfigError("there is no such setting.", where=name, remedy=remedy)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


def _section(name: str, value: Any, hint: Any, current: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{shortened(repr(value))} is not a section.", where=name, remedy=f"Change its settings: {name}.NAME."
        )
    return override(current, value, f"{name}.")


def _checked(name: str, value: Any, hint: Any) -> Any:
    if type(value) is hint:
        return value
    try:
        return _convert(value, hint)
    except (ArgumentError, ValueError, OverflowError, RecursionError) as error:
        kind = getattr(hint, "__name__", None) if isinstance(hint, type) and not get_args(hint) else str(hint)
        kind = str(kind).replace("typing.", "")
        remedy = "Give a value of this type."
        raise ConfigError(f"{shortened(repr(value))} is not of type {kind}.", where=name, remedy=remedy) from error


def _convert(value: Any, hint: Any) -> Any:
    """Return the value as its type; jsonargparse takes None for every type."""
    if value is None and type(None) not in get_args(hint):
        raise ValueError("there is no value")
    try:
        return _from_json(json.dumps(value), hint)
    except TypeError:  # an object that is no JSON value
        return _parsed(value, hint)


@lru_cache(maxsize=10_000)
def _from_json(text: str, hint: Any) -> Any:
    """Return a JSON value as its type; cached, because experiments have thousands of nearly equal configurations."""
    return _parsed(json.loads(text), hint)


def _parsed(value: Any, hint: Any) -> Any:
    parser = _parser(hint)
    return parser.instantiate_classes(parser.parse_object({"value": value})).value


@cache
def _parser(hint: Any) -> ArgumentParser:
    """Return a parser of one value; cached, because building a parser is slower than using it."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    return parser
