"""A format of foreign files: what a reader has to tell, and nothing more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Real

from psp.errors import RecordingError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

Units = Literal["metres", "centimetres", "millimetres", "pixels", "shares of the image", "unknown units"]
"""What coordinates count; shares of the image are x / width and y / height."""

Persons = Literal["persons", "bodies", "detections"]
"""What an entry of the first axis is: a person; what a sensor took for one body, whose id may change; or a detection
in a frame, in arbitrary order, as pose estimators without tracking write them."""


Zeros = Literal["values", "joints", "poses"]
"""What is not observed: nothing that is 0, a joint at 0, or only a pose whose joints are all at 0."""


@dataclass(frozen=True)
class File:
    """A file by its name inside the source, and its content."""

    name: str
    content: bytes


@dataclass(frozen=True, eq=False)
class Raw:
    """One recording as a file holds it; only the joints are required.

    `joints` are 2 or 3 coordinates, NaN where a joint was not observed; or (m, t, numbers, 1), rows of numbers joint by
    joint, which the layout divides into 2 or 3 coordinates and, where there is one number more, a confidence.
    `confidence` is 0 for joints that were not observed; values outside of [0, 1] are clipped, and one that is 0
    everywhere counts as none. `layout` is a built-in name or a Layout, else `names` are the names of the joints and
    `edges` their connections, as far as the file tells them. `up`, `fps`, `label` and `id` are None where the file does
    not tell them. `size` is (width, height) of the image in pixels. `zeros` says what coordinates that are all 0 mean.
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
    id: str | None = None
    label: str | None = None
    columns: Mapping[str, int | float | str] = field(default_factory=dict)
    persons: Persons = "persons"
    zeros: Zeros = "values"
    notes: tuple[str, ...] = ()


def one_each(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return every file as a recording of its own, by the name without the ending."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        id = without_suffix(name)
        if id in found:
            what = f"{found[id][0]} and {name} have the same id {id!r}."
            raise RecordingError(what, remedy="Leave one of them out.")
        found[id] = (name,)
    return found


def without_suffix(name: str) -> str:
    """Return a file's name with its folders and without the ending."""
    folders, slash, last = name.removesuffix(".gz").rpartition("/")
    stem = last.rpartition(".")[0] or last
    return f"{folders}{slash}{stem}"


@dataclass(frozen=True)
class Format:
    """A format: plain functions over files.

    `recognises(name, head)` says by a file's name and first 64 kB whether it is of this format. `group(names)` says
    which files belong to one recording, by an id with folders; by default each is one. `parse(files)` returns the
    recordings that the files of a group hold; RecordingError says what is wrong, with the file and the place in it.
    `reads_to_list` says that files hold several recordings or labels, so that all are parsed to list them.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    recognises: Callable[[str, bytes], bool]
    parse: Callable[[Sequence[File]], Sequence[Raw]]
    group: Callable[[Sequence[str]], Mapping[str, Sequence[str]]] = one_each
    reads_to_list: bool = False
