"""What a page may ask for: every entry of a request is checked before anything is done with it."""

import unicodedata
from collections.abc import Container, Mapping
from typing import Any

from psp.errors import ConfigError
from psp.text import fault_of_name

LONGEST, MOST = 80, 2000
"""The largest number of characters of a class name, and of clips in a request."""

REMEDY = "Reload the page."


def class_name(content: Mapping[str, Any], key: str = "label") -> str:
    """Return the name of a class in Unicode's composed form, without spaces at its ends."""
    text = content.get(key)
    name = unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else ""
    if fault := fault_of_name(name, LONGEST):
        raise ConfigError(f"the name of the class {fault}.", remedy=f"Use 1 to {LONGEST} characters that can be seen.")
    return name


def clip_ids(content: Mapping[str, Any], known: Container[str], key: str = "clips") -> tuple[str, ...]:
    """Return a list of different ids of clips, at least one."""
    found = content.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise ConfigError("the request names no clips.", remedy=REMEDY)
    if len(found) > MOST:
        raise ConfigError(f"the request names {len(found)} clips, more than {MOST}.", remedy="Choose fewer clips.")
    for name in found:
        if name not in known:
            raise ConfigError("there is no such clip to label.", where=repr(name[:LONGEST]), remedy=REMEDY)
    return tuple(dict.fromkeys(found))


def number(content: Mapping[str, Any], key: str, least: int, most: int) -> int:
    """Return a whole number between two limits."""
    found = content.get(key)
    if type(found) is not int or not least <= found <= most:
        raise ConfigError(f"{key} is not a whole number from {least} to {most}.", remedy=REMEDY)
    return found
