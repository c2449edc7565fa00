"""Assembly of batches from clip indices, with array operations over whole batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.batches.augment import AugmentConfig, Space, augment, augment_confidence
from psp.batches.batch import Augmentation, Batch, BatchSpec, DataConfig, LabelledBatch, Pool, Sample
from psp.batches.counter_rng import draw_keys
from psp.batches.joint_reader import Rows, row_source, send
from psp.batches.modalities import COORDINATES, MODALITIES, check_modalities
from psp.batches.prefetch import Prefetch
from psp.batches.resample import WHOLE, Crop, even_positions, joints_at, present_persons, training_positions
from psp.batches.rescale import min_max
from psp.batches.sampler import Draw, Sampler
from psp.dataset.store import Store
from psp.distributed import Ranks

NONE = AugmentConfig()


@dataclass(frozen=True, eq=False)
class Recorded:
    """The clips of a batch as they are stored, on the device."""

    rows: Rows
    frames: Int64[Tensor, "n"]
    present: Bool[Tensor, "n m"]

    def at(self, positions: Float[Tensor, "n t"]) -> Float[Tensor, "n m t v 3"]:
        """Return the joints at fractional frame positions; two-dimensional ones get z = 0."""
        joints = joints_at(self.rows.joints, self.rows.first_row, self.frames, self.present, positions)
        return joints if joints.shape[-1] == COORDINATES else F.pad(joints, (0, 1))

    def confidence_at(self, positions: Float[Tensor, "n t"]) -> Float[Tensor, "n m t v"] | None:
        """Return the confidence of joints at fractional frame positions, None if all joints were observed."""
        if self.rows.confidence is None:
            return None
        values = self.rows.confidence[..., None]
        return joints_at(values, self.rows.first_row, self.frames, self.present, positions)[..., 0]

    def motion_at(self, positions: Float[Tensor, "n t"]) -> Float[Tensor, "n m t v 3"]:
        """Return the difference to the next frame; zero at the last one."""
        return self.at(torch.minimum(positions + 1, (self.frames - 1)[:, None])) - self.at(positions)


class SampleMaker:
    """A maker of batches of the clips of a store on a device.

    Every clip has `persons` slots, by default the largest number of persons of a clip; of a clip with more persons the
    first ones are used. `dtype` is that of the modalities. With `confidence` samples have the confidence of their
    joints.
    """

    def __init__(
        self,
        store: Store,
        config: DataConfig,
        device: torch.device | str = "cpu",
        *,
        persons: int | None = None,
        dtype: torch.dtype = torch.float32,
        confidence: bool = False,
    ) -> None:
        self.store, self.config, self.device, self.dtype = store, config, torch.device(device), dtype
        self.space = Space(store.layout, store.up, store.channels)
        self.frames = torch.from_numpy(np.array(store.clips.frames)).to(self.device)
        self.present = torch.from_numpy(np.array(store.clips.persons))
        self.persons = int(self.present.max()) if persons is None else persons
        self._source = row_source(store, self.device, confidence)

    def read(self, index: Int64[Tensor, "n"]) -> Rows:
        """Return the joints of clips as they are stored; may be called in advance, from another thread."""
        return self._source.read(index)

    def batch(self, draw: Draw, spec: BatchSpec, rows: Rows | None = None) -> Batch:
        """Return the batch of a draw, with random frames and augmentation; the same draw gives the same batch.

        `rows` is the result of `read` for the clips of the draw, if it was called in advance.
        """
        index, persons, recorded = self._recorded(draw.index, rows)
        keys = send(draw.keys, self.device)
        samples = tuple(
            self._training(
                recorded, persons, keys if number == 0 else draw_keys(keys, f"sample {number}", 0), kind, spec
            )
            for number, kind in enumerate(spec.augmentations)
        )
        return Batch(index, keys, samples)

    def whole(self, index: Int64[Tensor, "n"], modalities: Sequence[str], crop: Crop = WHOLE) -> Batch:
        """Return whole clips or one crop of each, resampled evenly and without augmentation."""
        clips, persons, recorded = self._recorded(index)
        positions = even_positions(recorded.frames, self.config.resample.frames, crop)
        joints = self._rescaled(recorded.at(positions), recorded)
        made = {
            name: recorded.motion_at(positions.floor()) if self._is_recorded(name) else self._modality(name, joints)
            for name in modalities
        }
        return Batch(clips, clips, (self._sample(made, persons, recorded.confidence_at(positions)),))

    def in_order(
        self, index: Int64[np.ndarray, "s"], modalities: Sequence[str], size: int = 128, crop: Crop = WHOLE
    ) -> Iterator[Batch]:
        """Yield batches of all clips, once and in the given order, as `whole` makes them."""
        for chunk in torch.from_numpy(index).split(size):
            yield self.whole(chunk, modalities, crop)

    def _training(
        self,
        recorded: Recorded,
        persons: Bool[Tensor, "n m"],
        keys: Int64[Tensor, "n"],
        augmentation: Augmentation,
        spec: BatchSpec,
    ) -> Sample:
        change = {"none": NONE, "weak": self.config.weak, "strong": self.config.strong}[augmentation]
        if self.config.modalities == "together":
            positions = training_positions(keys, recorded.frames, self.config.resample)
            joints = self._changed(recorded, positions, keys, change)
            made = {name: self._modality(name, joints) for name in spec.modalities}
        else:
            own = {name: draw_keys(keys, name, 0) for name in spec.modalities}
            made = {name: self._apart(name, recorded, own[name], change) for name in spec.modalities}
            keys = own[spec.modalities[0]]
            positions = training_positions(keys, recorded.frames, self.config.resample)
        confidence = recorded.confidence_at(positions)
        if confidence is not None:
            confidence = augment_confidence(confidence, keys, self.space, change)
        return self._sample(made, persons, confidence)

    def _apart(
        self, name: str, recorded: Recorded, keys: Int64[Tensor, "n"], change: AugmentConfig
    ) -> Float[Tensor, "n m t v 3"]:
        positions = training_positions(keys, recorded.frames, self.config.resample)
        if self._is_recorded(name):
            return recorded.motion_at(positions)
        return self._modality(name, self._changed(recorded, positions, keys, change))

    def _changed(
        self, recorded: Recorded, positions: Float[Tensor, "n t"], keys: Int64[Tensor, "n"], change: AugmentConfig
    ) -> Float[Tensor, "n m t v 3"]:
        """Return augmented and rescaled joints."""
        joints = augment(recorded.at(positions), recorded.present, keys, self.space, change)
        return self._rescaled(joints, recorded)

    def _rescaled(self, joints: Float[Tensor, "n m t v 3"], recorded: Recorded) -> Float[Tensor, "n m t v 3"]:
        return min_max(joints, recorded.present) if self.config.rescale == "min-max" else joints

    def _modality(self, name: str, joints: Float[Tensor, "n m t v 3"]) -> Float[Tensor, "n m t v 3"]:
        return MODALITIES[name].make(joints, self.space.layout, self.space.up)

    def _sample(
        self,
        made: Mapping[str, Float[Tensor, "n m t v 3"]],
        persons: Bool[Tensor, "n m"],
        confidence: Float[Tensor, "n m t v"] | None,
    ) -> Sample:
        return Sample({name: values.to(self.dtype) for name, values in made.items()}, persons, confidence)

    def _is_recorded(self, name: str) -> bool:
        return name == "motion" and self.config.motion == "recorded"

    def _recorded(
        self, index: Int64[Tensor, "n"], rows: Rows | None = None
    ) -> tuple[Int64[Tensor, "n"], Bool[Tensor, "n m"], Recorded]:
        """Return clip indices, which persons they have (on the host) and their recordings."""
        read = (self.read(index) if rows is None else rows).to(self.device)
        persons = present_persons(self.present[index], self.persons)
        index = send(index, self.device)
        return index, persons, Recorded(read, self.frames[index], send(persons, self.device))


class Loader:
    """The named training batches of every step: drawn and read in advance by a thread, assembled on the device.

    `pools` holds the clip indices of each pool; `labels` the label of every clip of the store, -1 for clips outside the
    label budget. Batches of the pool "labelled" are LabelledBatch, all others have no labels. As a context manager it
    ends the thread.
    """

    def __init__(
        self,
        maker: SampleMaker,
        specs: Mapping[str, BatchSpec],
        pools: Mapping[Pool, Int64[np.ndarray, "_"]],
        labels: Int64[np.ndarray, "clips"],
        seed: int,
        ranks: Ranks,
    ) -> None:
        space = maker.space
        for spec in specs.values():
            check_modalities(spec.modalities, space.layout, space.up, space.channels)
        ranks.check(*(spec.size for spec in specs.values()))
        self.maker, self.specs, self.ranks = maker, dict(specs), ranks
        self.labels = torch.from_numpy(labels).to(maker.device)
        self.samplers = {
            name: Sampler(maker.store, pools[spec.pool], spec.size, seed, name) for name, spec in specs.items()
        }
        self._ahead = Prefetch(self._read)

    def __enter__(self) -> "Loader":
        self._ahead.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead.__exit__(kind, error, trace)

    def step(self, number: int) -> dict[str, Batch]:
        """Return the batches of a step by name: this rank's share of each."""
        made = {}
        for name, (draw, rows) in self._ahead.take(number).items():
            batch = self.maker.batch(draw, self.specs[name], rows)
            if self.specs[name].pool == "labelled":
                batch = LabelledBatch(batch.index, batch.keys, batch.samples, self.labels[batch.index])
            made[name] = batch
        return made

    def _read(self, number: int) -> dict[str, tuple[Draw, Rows]]:
        draws = {name: self.ranks.share(sampler.draw(number)) for name, sampler in self.samplers.items()}
        return {name: (draw, self.maker.read(draw.index)) for name, draw in draws.items()}
