"""Whole batches of views, assembled with array operations; which clips come when is a pure function of the step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.augment import AugmentConfig, augment
from psp.batches.counter_rng import draw_keys, uniform
from psp.batches.joint_reader import Rows, RowSource, row_source, send
from psp.batches.resample import WHOLE, Crop, SampleConfig, even_positions, joints_at, present_persons, training_positions
from psp.dataset.store import Store
from psp.batches.modalities import VIEWS
from psp.errors import ConfigError


@dataclass(frozen=True)
class BatchConfig:
    """From stored clips to batches.

    `views` says whether all views of a training clip share frames and augmentation (`together`) or each draws its
    own (`apart`), so that nothing but the action itself tells that two views belong together. `motion` says whether
    the motion view takes differences of resampled frames or, as PSP's published program does, of recorded ones,
    which are then drawn `apart` from the joint view's. `augment` is how training clips are changed, `augment_labelled`
    how those are that come with their labels, if not alike.
    """

    sample: SampleConfig = field(default_factory=SampleConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    views: Literal["together", "apart"] = "together"
    motion: Literal["resampled", "recorded"] = "resampled"
    augment_labelled: AugmentConfig | None = None

    def __post_init__(self) -> None:
        if self.motion == "recorded" and self.views == "together":
            what = "recorded motion has frames of its own, the views cannot share theirs."
            raise ConfigError(what, where="data.motion", remedy="Set data.views=apart.")
        if self.motion == "recorded" and self.sample.overhang:
            what = "recorded motion is not known beyond a clip's ends, crops cannot overhang it."
            raise ConfigError(what, where="data.sample.overhang", remedy="Set it to 0, or data.motion=resampled.")
        if self.motion == "recorded" and (self.augment != AugmentConfig() or self.augment_labelled):
            what = "recorded motion is taken as it is, joints cannot be changed without it."
            raise ConfigError(what, where="data.augment", remedy="Leave it out, or set data.motion=resampled.")


@dataclass(frozen=True, eq=False)
class Batch:
    """Views of n clips with the clips' rows in the store, their labels (-1: none) and which persons exist.

    `persons` lies on the host, where the number of the encoder's rows must be known; all else is on the device.
    `beliefs` are a teacher's probabilities of the classes, where there is a teacher.
    """

    clips: Int64[Tensor, "n"]
    labels: Int64[Tensor, "n"]
    persons: Bool[Tensor, "n m"]
    views: dict[str, Float[Tensor, "n m t v c"]]
    beliefs: Float[Tensor, "n k"] | None = None

    def __len__(self) -> int:
        return len(self.clips)

    def only(self, view: str) -> "Batch":
        """The same batch with one of its views."""
        return replace(self, views={view: self.views[view]})

    def without_labels(self) -> "Batch":
        """The same batch with its labels taken away."""
        return replace(self, labels=torch.full_like(self.labels, -1))


@dataclass(frozen=True, eq=False)
class Draw:
    """Clips drawn for one step, each with the key of everything random about it; `labelled`: their labels are used."""

    clips: Int64[Tensor, "n"]
    keys: Int64[Tensor, "n"]
    labelled: bool = False

    def share(self, rank: int, ranks: int) -> "Draw":
        """The part of the draw that one of several ranks works on."""
        return replace(self, clips=self.clips[rank::ranks], keys=self.keys[rank::ranks])


class Stream:
    """An endless order over some clips: every pass is a new permutation, drawn from (seed, role, pass) alone."""

    def __init__(self, keys: Int64[Tensor, "s"], clips: Int64[Tensor, "s"], size: int, seed: int, role: str) -> None:
        self.clips, self.size = clips, size
        self._keys, self._seed, self._labelled = keys, f"{seed} {role}", role == "labelled"
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def draw(self, step: int) -> Draw:
        """Draw number `step`; a clip that comes again in a later pass has other keys."""
        position = torch.arange(step * self.size, (step + 1) * self.size)
        passes, place = position // len(self.clips), position % len(self.clips)
        chosen = torch.empty_like(place)
        for number in passes.unique().tolist():
            chosen[passes == number] = self._order(number)[place[passes == number]]
        return Draw(self.clips[chosen], draw_keys(self._keys[chosen], self._seed, passes), self._labelled)

    def _shuffled(self, number: int) -> Int64[Tensor, "s"]:
        return uniform(draw_keys(self._keys, self._seed, number), "order").argsort(stable=True)


def stream(store: Store, clips: Int64[np.ndarray, "s"], size: int, seed: int, role: str) -> Stream:
    """An endless seeded order over some of a store's clips, `size` a step; roles are independent of each other.

    Those drawn in the role `labelled` come with their labels.
    """
    return Stream(torch.from_numpy(store.clips.key[clips]), torch.from_numpy(clips), size, seed, role)


@dataclass(frozen=True, eq=False)
class Recorded:
    """The clips of a batch as they were recorded, on the device."""

    rows: Rows
    frames: Int64[Tensor, "n"]
    present: Bool[Tensor, "n m"]

    def at(self, positions: Float[Tensor, "n t"]) -> Float[Tensor, "n m t v c"]:
        """Joints at fractional frame positions."""
        return joints_at(self.rows.joints, self.rows.first_row, self.frames, self.present, positions)

    def motion_at(self, positions: Float[Tensor, "n t"]) -> Float[Tensor, "n m t v c"]:
        """Way to the next frame; zero at the last one."""
        return self.at(torch.minimum(positions + 1, (self.frames - 1)[:, None])) - self.at(positions)


class Batches:
    """Makes batches of a store's clips on a device, with the views that a method needs.

    Every clip has `persons` slots, by default as many as the store's fullest clip needs; of a clip with more persons
    the first ones are used. `rows` says where joints come from, by default what suits the device.
    """

    def __init__(
        self,
        store: Store,
        views: Sequence[str],
        config: BatchConfig,
        device: torch.device | str = "cpu",
        *,
        persons: int | None = None,
        rows: RowSource | None = None,
    ) -> None:
        table, self.device = store.clips, torch.device(device)
        self.layout, self.views, self.config, self.up = store.layout, tuple(views), config, store.up
        self.label, self.frames = (torch.from_numpy(column).to(self.device) for column in (table.label, table.frames))
        self.persons = torch.from_numpy(table.persons)
        self.most_persons = int(table.persons.max()) if persons is None else persons
        self._source = row_source(store, self.device) if rows is None else rows

    def read(self, clips: Int64[Tensor, "n"]) -> Rows:
        """The joints of some clips as they are stored; may be called ahead, from another thread."""
        return self._source.read(clips)

    def training(self, draw: Draw, rows: Rows | None = None) -> Batch:
        """Training views: frames at random, augmented; the same draw gives the same views.

        `rows` is what `read` gave for the draw's clips, if that was called ahead.
        """
        clips, persons, recorded = self._recorded(draw.clips, rows)
        keys, change = send(draw.keys, self.device), self._change(draw)
        if self.config.views == "together":
            joints = self._training_joints(recorded, keys, change)
            views = {view: self._view(view, joints) for view in self.views}
        else:
            views = {view: self._apart(view, recorded, draw_keys(keys, view, 0), change) for view in self.views}
        return Batch(clips, self.label[clips], persons, views)

    def testing(self, clips: Int64[Tensor, "n"], crop: Crop = WHOLE) -> Batch:
        """Views of whole clips or a stretch of each, nothing drawn at random."""
        clips, persons, recorded = self._recorded(clips)
        positions = even_positions(recorded.frames, self.config.sample.frames, crop)
        joints = recorded.at(positions)
        views = {
            view: recorded.motion_at(positions.floor()) if self._is_recorded(view) else self._view(view, joints)
            for view in self.views
        }
        return Batch(clips, self.label[clips], persons, views)

    def in_order(self, clips: Int64[np.ndarray, "s"], size: int = 128, crop: Crop = WHOLE) -> Iterator[Batch]:
        """Test batches over all the clips once, in the order given."""
        for chunk in torch.from_numpy(clips).split(size):
            yield self.testing(chunk, crop)

    def _change(self, draw: Draw) -> AugmentConfig:
        """How the clips of a draw are changed."""
        own = self.config.augment_labelled if draw.labelled else None
        return self.config.augment if own is None else own

    def _is_recorded(self, view: str) -> bool:
        return view == "motion" and self.config.motion == "recorded"

    def _recorded(
        self, clips: Int64[Tensor, "n"], rows: Rows | None = None
    ) -> tuple[Int64[Tensor, "n"], Bool[Tensor, "n m"], Recorded]:
        """Return clips (named on the host), which persons they have (on the host) and their recordings."""
        read = (self.read(clips) if rows is None else rows).to(self.device)
        persons = present_persons(self.persons[clips], self.most_persons)
        clips = send(clips, self.device)
        return clips, persons, Recorded(read, self.frames[clips], send(persons, self.device))

    def _apart(
        self, view: str, clips: Recorded, keys: Int64[Tensor, "n"], change: AugmentConfig
    ) -> Float[Tensor, "n m t v c"]:
        if self._is_recorded(view):
            return clips.motion_at(training_positions(keys, clips.frames, self.config.sample))
        return self._view(view, self._training_joints(clips, keys, change))

    def _view(self, view: str, joints: Float[Tensor, "n m t v c"]) -> Float[Tensor, "n m t v c"]:
        return VIEWS[view](joints, self.layout, self.up)

    def _training_joints(
        self, clips: Recorded, keys: Int64[Tensor, "n"], change: AugmentConfig
    ) -> Float[Tensor, "n m t v c"]:
        joints = clips.at(training_positions(keys, clips.frames, self.config.sample))
        return augment(joints, keys, self.layout, change, self.up)
