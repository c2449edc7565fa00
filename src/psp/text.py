"""Text that came from data, such as class names, ids and names of files, made safe for each kind of output.

Nothing in such text is interpreted: no terminal escapes, no markup, no formulas of spreadsheets or of pictures.
"""

import html
import json
import unicodedata
from typing import Any

UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""The categories of Unicode (Standard, table 4-4) for controls, formats, surrogates, and ends of lines."""

JOINERS = "\u200c\u200d"
"""Format characters that the spelling of some languages needs."""

LONGEST = 200
"""The largest number of characters in a name."""

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""Beginnings of cells that a spreadsheet takes for formulas."""

MARKDOWN = str.maketrans({each: f"\\{each}" for each in "\\`*_[]|~$#"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})
HIDDEN = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&"})


def is_seen(character: str) -> bool:
    """Return whether a character is shown as itself and changes nothing around it."""
    return character in JOINERS or unicodedata.category(character) not in UNSEEN


def printable(text: str, kept: str = "") -> str:
    r"""Return text whose characters can all be seen: others, except those in `kept`, are escaped, such as \x1b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each in kept or is_seen(each) else _escaped(each) for each in text)


def shortened(text: str, most: int = LONGEST) -> str:
    """Return text of at most `most` characters; a longer one loses its middle, which is shown as an ellipsis."""
    head = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - head]}…{text[len(text) - head :]}"


def for_terminal(text: str) -> str:
    """Return text for a terminal or a log; its lines are kept."""
    return printable(text, kept="\n")


def for_html(text: str) -> str:
    """Return text for an element or a quoted attribute of an HTML page."""
    return html.escape(printable(text))


def json_for_html(value: Any) -> str:
    """Return a value as JSON for a <script> element of an HTML page, which no text in it can end."""
    return json.dumps(value, allow_nan=False).translate(HIDDEN)


def for_markdown(text: str) -> str:
    """Return text for a paragraph or a cell of a Markdown table."""
    return printable(text).translate(MARKDOWN)


def for_csv(text: str) -> str:
    """Return text for a cell of a CSV file; an apostrophe stands before what a spreadsheet would calculate."""
    return printable(f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text)


def for_picture(text: str, most: int = 60) -> str:
    """Return text for a label in a picture of matplotlib, which reads text between dollar signs as a formula."""
    return shortened(printable(text), most).replace("$", r"\$")


def fault_of_name(name: str, most: int = LONGEST) -> str | None:
    """Return what is wrong with a name that is to be stored, as the end of a sentence; None if nothing is."""
    if not name.strip():
        return "is empty"
    if len(name) > most:
        return f"has {len(name)} characters, more than {most}"
    hidden = next((each for each in name if not is_seen(each)), None)
    return None if hidden is None else f"has a character that cannot be printed ({_escaped(hidden)})"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
