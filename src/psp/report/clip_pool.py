"""The clips of a page: each once, in full quality where it is shown large, so small that the page stays small."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from psp.dataset.store import Store
from psp.report.player import clip_for_player, skeleton_for_player

LARGE, LEAST, MOST = 48, 6, 20
"""Frames of a clip that is shown large, and the least and most frames of the others."""

BYTES = 4_600_000
"""The size of all clips of a page, in bytes of base64."""

OVERHEAD = 260
"""Bytes of a clip besides its joints."""

Values = Mapping[str, Float[np.ndarray, "m v"]]


@dataclass(eq=False)
class ClipPool:
    """A collector of the clips of one data set.

    `large` and `small` are clip indices in order of importance: what does not fit into `size` bytes is left out, the
    small ones first. `values` are numbers for joints by clip index and name.
    """

    store: Store
    size: int = BYTES
    large: dict[int, None] = field(default_factory=dict)
    small: dict[int, None] = field(default_factory=dict)
    values: dict[int, dict[str, Float[np.ndarray, "m v"]]] = field(default_factory=dict)

    def show(self, index: Sequence[int]) -> None:
        """Note clips that are shown large."""
        self.large |= dict.fromkeys(map(int, index))

    def keep(self, index: Sequence[int]) -> None:
        """Note clips that can be opened."""
        self.small |= dict.fromkeys(map(int, index))

    def add_values(self, index: int, values: Values) -> None:
        """Add numbers for the joints of a clip that is shown large."""
        self.values.setdefault(int(index), {}).update(values)

    def packed(self) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
        """Return the skeleton, and by clip index the clips that fit, as the player takes them."""
        store = self.store
        found, used = {}, 0
        for index in self.large:
            clip = clip_for_player(store.clip(index), most=LARGE, values=self.values.get(index))
            used += _length(clip)
            if used > self.size:
                break
            found[index] = clip
        rest = [index for index in self.small if index not in found]
        frames = self._frames(rest, self.size - used)
        for index in rest:
            if used > self.size - OVERHEAD:
                break
            found[index] = clip_for_player(store.clip(index), most=frames, bits=8)
            used += _length(found[index])
        return skeleton_for_player(store.layout, store.up, store.channels), found

    def _frames(self, index: Sequence[int], size: int) -> int:
        """Return how many frames of each of these clips fit into a size."""
        persons = int(self.store.clips.persons[np.asarray(index, dtype=np.int64)].sum())
        confidence = 0 if self.store.confidence is None else 1 / 8
        each = 4 / 3 * persons * len(self.store.layout.joints) * (self.store.channels + confidence)
        return int(np.clip((size - OVERHEAD * len(index)) / each, LEAST, MOST)) if each else MOST


def _length(clip: Mapping[str, Any]) -> int:
    values = sum(len(each["data"]) for each in clip.get("values", {}).values())
    return OVERHEAD + len(clip["data"]) + len(clip.get("confidence", "")) + values
