"""Joint names of any spelling: words, sides, and pairs of left and right."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from unicodedata import category, normalize

FACE_WORDS = {"eye", "ear", "nose", "mouth", "jaw", "lip", "face"}
SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
WORD = re.compile(r"(?i:left|right)|[A-Z]+(?![^A-Z\d ])|[A-Z]?[^A-Z\d ]+|\d+")


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """Return a joint name as lower-case words, the side first: "LShoulder" and "SHOULDER_LEFT" are "left shoulder".

    Letters of every script form words, and accents matter. A name without letters and digits is "".
    """
    text = "".join(each if category(each)[0] in "LMN" else " " for each in normalize("NFC", name))
    words = [word.lower() for word in WORD.findall(text)]
    side = next((word for word in words if word in SIDES), None)
    if side is None:
        return " ".join(words)
    words.remove(side)
    return " ".join([SIDES[side], *words])


def side(name: str) -> str:
    """Return "left", "right" or "" for a joint name."""
    first = canonical(name).partition(" ")[0]
    return first if first in ("left", "right") else ""


def words(name: str) -> frozenset[str]:
    """Return the words of a joint name without its side and without numbers."""
    return frozenset(word for word in canonical(name).split() if word not in ("left", "right") and not word.isdecimal())


def related(name: str, other: str) -> int:
    """Return how many words two joint names share; all words of the face count as head."""
    one, two = ({"head" if word in FACE_WORDS else word for word in words(each)} for each in (name, other))
    return len(one & two)


def keys(joints: Sequence[str]) -> list[str]:
    """Return a different key for each joint: its canonical name or, where that is "" or of several, its own name."""
    plain = [canonical(name) for name in joints]
    count = Counter(plain)
    return [key if key and count[key] == 1 else normalize("NFC", name) for key, name in zip(plain, joints, strict=True)]


def matches(names: Sequence[str], joints: Sequence[str]) -> list[int]:
    """Return the index in `names` of each joint, -1 where there is none; no two joints have the same one.

    A joint is found by its own name or, without that, by its key.
    """
    own = {name: number for number, name in enumerate(names)}
    found = [own.get(name, -1) for name in joints]
    free = {key: number for number, key in enumerate(keys(names)) if number not in found}
    return [free.pop(key, -1) if number < 0 else number for key, number in zip(keys(joints), found, strict=True)]


def pairs_by_name(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return (left, right) for joints whose names differ in their side only, in the order of the left ones.

    Sides are the words left and right, the letters L and R standing alone or before or after a capitalised word, and a
    first letter l or r where both names exist ("lwrist" and "rwrist").
    """
    keys = [canonical(name) for name in joints]
    keys = [_first_letter_side(name, joints) or key for name, key in zip(joints, keys, strict=True)]
    number = {key: joint for joint, key in enumerate(keys)}
    unique = {key for key, count in Counter(keys).items() if count == 1}
    pairs = [(key, f"right {key.removeprefix('left ')}") for key in keys if key.startswith("left ")]
    return tuple((number[left], number[right]) for left, right in pairs if {left, right} <= unique)


def _first_letter_side(name: str, joints: Sequence[str]) -> str | None:
    """Return the canonical name of one such as "LASI" if "RASI" exists too, else None."""
    other = name[:1].translate(str.maketrans("lLrR", "rRlL")) + name[1:]
    if side(name) or name[:1] not in tuple("lLrR") or other not in joints:
        return None
    return f"{SIDES[name[0].lower()]} {name[1:].lower()}"
