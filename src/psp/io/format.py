"""The description of a foreign file format: all that is needed to read it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from unicodedata import normalize

import numpy as np
from jaxtyping import Real

from psp.errors import RecordingError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

Units = Literal["metres", "centimetres", "millimetres", "pixels", "shares of the image", "unknown units"]
"""The unit of coordinates; shares of the image are x / width and y / height."""

Persons = Literal["persons", "bodies", "detections"]
"""The meaning of an entry of the first axis: a person; a body as a sensor reported it, whose id may change; or a
detection in a frame, in arbitrary order, as pose estimators without tracking write them."""


Zeros = Literal["values", "joints", "poses"]
"""The meaning of coordinates that are all 0: values like any others; a joint that was not observed; or not observed
only if all joints of the pose are 0."""


@dataclass(frozen=True)
class File:
    """A file: its name inside the source, and its content."""

    name: str
    content: bytes


@dataclass(frozen=True, eq=False)
class Raw:
    """One recording as a file holds it; only the joints are required.

    `joints` are 2 or 3 coordinates, NaN where a joint was not observed; or flat rows (m, t, numbers, 1), joint by
    joint, to be divided by the number of joints of the layout into 2 or 3 coordinates and perhaps a confidence.
    `confidence` is 0 for joints that were not observed; values outside of [0, 1] are clipped, but per cent if the
    largest exceeds 10; zeros only, beside coordinates, mean that it is not known. `layout` is a built-in name or a
    Layout; without it `names` are the names of the joints and `edges` their connections, as far as the file states
    them. `up`, `fps`, `label` and `id` are None where the file does not state them. `first` is the number of the first
    frame if the file numbers its frames and begins later than with frame 0 or 1, as where nobody was seen before; else
    0. `size` is (width, height) of the image in pixels. `notes` are sentences for the user.
    """

    joints: Real[np.ndarray, "m t v c"]
    confidence: Real[np.ndarray, "m t v"] | None = None
    layout: str | Layout | None = None
    names: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    up: Up | None = None
    units: Units = "unknown units"
    size: tuple[int, int] | None = None
    fps: float | None = None
    first: int = 0
    id: str | None = None
    label: str | None = None
    columns: Mapping[str, int | float | str] = field(default_factory=dict)
    persons: Persons = "persons"
    zeros: Zeros = "values"
    notes: tuple[str, ...] = ()


def one_each(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return every file as a recording, by the name without the ending; equal names raise RecordingError."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        id = without_suffix(name)
        if id in found:
            what = f"{found[id][0]} and {name} have the same id {id!r}."
            raise RecordingError(what, remedy="Leave one of them out.")
        found[id] = (name,)
    return found


def nfc(text: str) -> str:
    """Return names in one spelling: Unicode spells many letters as one character or as a letter and its accent."""
    return normalize("NFC", text)


def without_suffix(name: str) -> str:
    """Return a file's name with its folders, without its ending and `.gz`."""
    folders, slash, last = re.sub(r"\.gz\Z", "", name, flags=re.IGNORECASE).rpartition("/")
    stem = last.rpartition(".")[0] or last
    return f"{folders}{slash}{stem}"


@dataclass(frozen=True)
class Format:
    """A format, described by plain functions of files.

    `recognises(name, head)` returns whether a file is of this format, by its name and first 64 kB. `group(names)`
    returns the files of each recording by its id, which includes folders; by default each file is a recording.
    `parse(files)` returns the recordings in the files of a group; RecordingError says what is wrong and where.
    `reads_to_list` says that files, or those with some endings, hold several recordings or labels, so that they are
    parsed to list the recordings.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    recognises: Callable[[str, bytes], bool]
    parse: Callable[[Sequence[File]], Sequence[Raw]]
    group: Callable[[Sequence[str]], Mapping[str, Sequence[str]]] = one_each
    reads_to_list: bool | tuple[str, ...] = False
