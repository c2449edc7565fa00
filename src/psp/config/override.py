"""Changing a frozen configuration by name: from YAML files, from the command line, from a stored run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from psp.errors import ConfigError

C = TypeVar("C")


def override(config: C, changes: Mapping[str, Any], inside: str = "") -> C:
    """Return a copy with nested changes; an unknown key or a value of the wrong type raises ConfigError."""
    hints = get_type_hints(type(config))
    values = {}
    for key, value in changes.items():
        name = f"{inside}{key}"
        if key not in hints:
            _refuse_unknown(name, str(key), [field.name for field in fields(config)])  # type: ignore[arg-type]
        if _is_section(hints[key]):
            values[key] = _section(name, value, hints[key], getattr(config, key))
        else:
            values[key] = _checked(name, value, hints[key])
    return replace(config, **values)  # type: ignore[type-var]


def changes_from_file(path: Path) -> dict[str, Any]:
    """Read a YAML file of nested changes."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        remedy = "Name a readable YAML file."
        raise ConfigError(f"the configuration cannot be read ({error}).", where=str(path), remedy=remedy) from error
    if not isinstance(content or {}, dict):
        raise ConfigError("a configuration is a mapping of names to values.", where=str(path), remedy="Mend the file.")
    return content or {}


def changes_from_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Turn `optim.learning_rate=0.01` arguments into nested changes; values are read as YAML."""
    changes: dict[str, Any] = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator:
            raise ConfigError(f"{argument!r} is not a change.", remedy="Write it as name=value.")
        *path, last = name.split(".")
        place = changes
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise ConfigError(
                    f"{step!r} was given a value of its own.", where=name, remedy="Change one or the other."
                )
        place[last] = _read_value(name, value)
    return changes


def as_plain(config: Any) -> dict[str, Any]:
    """Turn a configuration into JSON values that `override` accepts."""
    return {key: _plain(value) for key, value in asdict(config).items()}


def differences(config: Any, base: Any) -> dict[str, Any]:
    """Return the nested changes that `override` would need to make `config` of `base`, as JSON values.

    A section that `base` lacks begins with its defaults, as in `override`.
    """
    found: dict[str, Any] = {}
    for each in fields(config):
        ours, theirs = getattr(config, each.name), getattr(base, each.name)
        if is_dataclass(ours) and not isinstance(ours, type):
            inside = differences(ours, type(ours)() if theirs is None else theirs)
            if inside or theirs is None:
                found[each.name] = inside
        elif ours != theirs:
            found[each.name] = _plain(ours)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _read_value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value {text!r} cannot be read.", where=name, remedy="Write a YAML value.") from error


def _is_section(hint: Any) -> bool:
    return any(is_dataclass(kind) for kind in (hint, *get_args(hint)))


def _section(name: str, value: Any, hint: Any, current: Any) -> Any:
    if value is None and type(None) in get_args(hint):
        return None
    if not isinstance(value, Mapping):
        raise ConfigError(f"{value!r} is not a section.", where=name, remedy=f"Change its settings: {name}.NAME=VALUE.")
    if current is None:  # it begins with its defaults
        current = next(kind() for kind in get_args(hint) if isinstance(kind, type) and is_dataclass(kind))
    return override(current, value, f"{name}.")


def _checked(name: str, value: Any, hint: Any) -> Any:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        checked = parser.parse_object({"value": value})
    except ArgumentError as error:
        kind = getattr(hint, "__name__", None) if isinstance(hint, type) else str(hint).replace("typing.", "")
        raise ConfigError(f"{value!r} is not a {kind}.", where=name, remedy="Correct the value.") from error
    return parser.instantiate_classes(checked).value


def _refuse_unknown(name: str, key: str, known: list[str]) -> None:
    near = get_close_matches(key, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known settings: {', '.join(known)}."
    raise ConfigError("there is no such setting.", where=name, remedy=remedy)
