"""What a page may ask for: every entry of a request is checked before anything is done with it."""

import unicodedata
from collections.abc import Container, Mapping
from typing import Any

from psp.errors import ConfigError

LONGEST, MOST = 80, 2000
"""The largest number of characters of a class name, and of clips in a request."""

REFUSED = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that class names do not contain: control characters and the like."""

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction of the text around them."""

REMEDY = "Reload the page."


def class_name(content: Mapping[str, Any], key: str = "label") -> str:
    """Return the name of a class in Unicode's composed form, without spaces at its ends."""
    text = content.get(key)
    name = unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else ""
    if not name or len(name) > LONGEST:
        raise ConfigError("a class needs a name.", remedy=f"Use 1 to {LONGEST} characters.")
    if any(unicodedata.category(each) in REFUSED or each in TURNING for each in name):
        raise ConfigError("the name of the class has invisible characters.", remedy="Use letters and digits.")
    return name


def clip_ids(content: Mapping[str, Any], known: Container[str], key: str = "clips") -> tuple[str, ...]:
    """Return a list of different ids of clips, at least one."""
    found = content.get(key)
    if not isinstance(found, list) or not 0 < len(found) <= MOST or not all(isinstance(each, str) for each in found):
        raise ConfigError("the request names no clips.", remedy=REMEDY)
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
