"""Range checks of settings, called where a configuration is made."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from typing import Any

from psp.errors import ConfigError


def require(inside: bool, name: str, value: float, allowed: str) -> None:
    """Raise ConfigError about the setting `name` unless `inside` is true; `allowed` says which values are."""
    if not inside:
        raise ConfigError(f"{value} is out of range.", where=name, remedy=f"Use {allowed}.")


def require_choice(value: object, name: str, known: Iterable[str]) -> None:
    """Raise ConfigError, with the nearest known value, unless the value of the setting `name` is a known one."""
    choices = list(known)
    if value not in choices:
        near = get_close_matches(str(value), choices, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(choices)}."
        raise ConfigError(f"there is no {name} {value!r}.", where=name, remedy=remedy)


def require_not_negative(config: Any, section: str, *names: str) -> None:
    """Raise ConfigError unless the named settings of a section are finite numbers of 0 or more."""
    for name in names:
        value = getattr(config, name)
        require(0 <= value < inf, f"{section}.{name}", value, "a finite number of 0 or more")
