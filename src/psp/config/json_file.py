"""Reading of the JSON files that psp writes, with errors that name the file, the key and the remedy."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from types import NoneType
from typing import Any

from psp.errors import PSPError
from psp.files import read_regular
from psp.text import printable, shortened

Form = type | tuple[Any, ...] | list[Any] | Mapping[Any, Any]
"""What a value must be: a type, one of several (a tuple), [FORM] for a list of such values, {str: FORM} for an object
with any keys, {"key": FORM, "other?": FORM} for an object with these keys, of which those with ? may be missing."""

NAMES = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null", dict: "an object",
    list: "a list",
}  # fmt: skip


def read_json(path: Path, form: Form, error: type[PSPError], remedy: str) -> Any:
    """Return the content of a JSON file.

    `error` is raised, with `remedy`, if the file cannot be read, is not JSON or has not the form. Keys that the form
    does not name are allowed.
    """
    try:
        text = read_regular(path)
    except OSError as cause:
        what = f"the file cannot be read ({cause.strerror or cause})."
        raise error(what, where=str(path), remedy=remedy) from cause
    return parse_json(text, form, error, str(path), remedy)


def parse_json(text: str | bytes, form: Form, error: type[PSPError], where: str, remedy: str) -> Any:
    """Return the value of a JSON text, checked as `read_json` does; `where` is for errors."""
    try:
        content = json.loads(text.decode("utf-8") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as cause:
        reason = shortened(printable(" ".join(str(cause).split())))
        raise error(f"this is not readable JSON ({reason}).", where=where, remedy=remedy) from cause
    fault = fault_of(content, form)
    if fault is not None:
        key, what = fault
        raise error(what, where=f"{where}, {shortened(printable(key))}" if key else where, remedy=remedy)
    return content


def fault_of(value: Any, form: Form, key: str = "") -> tuple[str, str] | None:
    """Return the key of the first value that has not its form, and what is wrong; None if nothing is."""
    if isinstance(form, Mapping):
        return _fault_of_object(value, form, key)
    if isinstance(form, list):
        if not isinstance(value, list):
            return key, _expected(list, value)
        faults = (fault_of(each, form[0], f"{key}[{number}]") for number, each in enumerate(value))
        return next(filter(None, faults), None)
    if isinstance(form, tuple):
        return None if any(fault_of(value, each, key) is None for each in form) else (key, _expected(form[0], value))
    is_fit = isinstance(value, int | float) if form is float else isinstance(value, form)
    if not is_fit or (isinstance(value, bool) and form in (int, float)):
        return key, _expected(form, value)
    return None if not isinstance(value, float) or isfinite(value) else (key, f"{value} is not a finite number.")


def _fault_of_object(value: Any, form: Mapping[Any, Any], key: str) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return key, _expected(dict, value)
    inside = f"{key}." if key else ""
    if str in form:
        faults = (fault_of(each, form[str], f"{inside}{name}") for name, each in value.items())
        return next(filter(None, faults), None)
    for name, each in form.items():
        known = name.removesuffix("?")
        if known not in value and known == name:
            return f"{inside}{known}", "the key is missing."
        fault = fault_of(value[known], each, f"{inside}{known}") if known in value else None
        if fault is not None:
            return fault
    return None


def _expected(form: Form, value: Any) -> str:
    kind = form if isinstance(form, type) else list if isinstance(form, list) else dict
    found = NAMES.get(type(value), "something else")
    return f"expected {NAMES.get(kind, kind.__name__)}, found {found}."
