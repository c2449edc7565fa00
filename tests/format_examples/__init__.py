"""Small made files of every format: `NAME.py` has `example(draw)`, from which the conformance tests of io are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Example:
    """Files by name, and what has to be read from them: a recording each, in the order of their ids.

    `joints` are (m, t, v, c) with NaN where a joint was not observed, as `read` returns them (with 0 instead of NaN).
    """

    files: Mapping[str, bytes]
    joints: Sequence[np.ndarray]
    confidence: Sequence[np.ndarray | None] | None = None
    labels: Sequence[str | None] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-9


def example_of(format: str, draw: np.random.Generator) -> Example:
    """Return a made example of a format."""
    return import_module(f"format_examples.{format.replace('-', '_')}").example(draw)


def skeletons(draw: np.random.Generator, *shape: int, lost: float = 0.1) -> np.ndarray:
    """Return random joints (m, t, v, c) in pixels, rounded to three digits, of which the share `lost` is NaN."""
    joints = np.round(draw.uniform(10, 500, shape), 3)
    joints[draw.random(shape[:-1]) < lost] = np.nan
    return joints
