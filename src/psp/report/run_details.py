"""Everything that the page of a run shows, as JSON values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from psp.dataset.checks.copies import find_copies
from psp.dataset.checks.measure import measure
from psp.errors import CheckpointError, PSPError
from psp.evaluate.attention import ClipAttention, attend
from psp.evaluate.suspects import is_better_than_guessing, suspects_of_run
from psp.evaluate.trained import TrainedRun, open_trained
from psp.figures.attention_maps import node_of_joint
from psp.figures.tsne import plane
from psp.report.advice import advise
from psp.report.clip_pool import ClipPool
from psp.report.compare import ComparedRun
from psp.report.judged import Judged, confident_mistakes, estimated, judge, least_certain, right_ones
from psp.report.run_numbers import facts_of, numbers_of
from psp.report.summary import cards
from psp.skeleton.layout import Layout
from psp.train.device import process_settings
from psp.train.run_files import read_label_gain, read_suspects

IMPROBABLE = 0.005
"""Less probable classes are not shown with an example, except the true one."""

MAPPED, SUSPECTS, COPIES, TOP = 1000, 12, 12, 4
"""The most points of the map, suspected labels, copies, and classes of an example."""

COMPARED = 20_000
"""Copies are searched in data sets of at most so many clips."""


@dataclass(frozen=True, eq=False)
class Details:
    """The JSON values of a run, and the clips they refer to by clip index; `pool` is None without its data set.

    `right` says of every test clip by id whether it was recognised.
    """

    content: dict[str, Any]
    pool: ClipPool | None
    right: Mapping[str, bool]


def details(compared: ComparedRun, path: Path, number: int, size: int, device: str) -> Details:
    """Return what the page shows of a run; `number` is its place on the page, `size` the bytes for its clips.

    Without the data set, or before the run is finished, the parts that need clips are left out and the reason is given.
    """
    content = numbers_of(compared)
    try:
        run = open_trained(path, device=device)
        with process_settings(run.stored.config.runtime.precision):
            clips = _Clips(run, number, size)
            shown = clips.content()
    except PSPError as error:
        advice = advise(facts_of(compared, path))
        return Details(
            content | {"note": str(error), "cards": cards(compared, None), "advice": _plain(advice)}, None, {}
        )
    facts = replace(facts_of(compared, path), suspects=len(clips.suspects), copies=len(clips.copies))
    found = {"cards": cards(compared, run), "advice": _plain(advise(facts)), "note": ""}
    return Details(content | shown | found, clips.pool, clips.right())


class _Clips:
    """The clips of a finished run that the page shows."""

    def __init__(self, run: TrainedRun, number: int, size: int) -> None:
        self.run, self.number, self.pool = run, number, ClipPool(run.store, size)
        self.classes = run.model.interface.classes
        self.seen = judge(run)
        self.judged = self.seen if self.seen.is_test else estimated(run)
        self.suspects = _suspects(run)
        self.copies = _copies(run)
        self.levels: list[str] = []

    def content(self) -> dict[str, Any]:
        """Return the JSON values of examples, suspects, copies, the map and the label budget."""
        first = self.judged or self.seen
        rest = _Numbering(first)
        groups = {"unsure": [rest.add(self.seen, each) for each in least_certain(self.seen)]}
        if self.judged is not None:
            groups |= {"mistakes": confident_mistakes(self.judged), "right": right_ones(self.judged)}
        shown = {rest.index(each) for group in groups.values() for each in group}
        found = {"groups": groups, "map": self._map(rest), "examples": rest.plain(self.run)}
        suspects, copied = self.suspects[:SUSPECTS], self.copies[:COPIES]
        suspected = [self._index(each["id"]) for each in suspects]
        self.pool.show([*sorted(shown), *suspected, *(index for pair in copied for index in pair)])
        wrong = first.index[(first.labels >= 0) & (first.likely != first.labels)]
        self.pool.keep([*wrong.tolist(), *rest.indices()])
        self._attention([*sorted(shown), *suspected])
        plain = [dict(each, clip=index) for each, index in zip(suspects, suspected, strict=True)]
        names = self.run.store.clips.id
        pairs = [{"test": one, "train": other, "ids": [str(names[one]), str(names[other])]} for one, other in copied]
        return found | {
            "suspects": plain,
            "copies": pairs,
            "found": {"suspects": len(self.suspects), "copies": len(self.copies)},
            "labels": self._labels(),
            "levels": self.levels,
            "judged": len(first.index) if self.judged else 0,
        }

    def right(self) -> dict[str, bool]:
        """Return whether each judged clip was recognised, by id."""
        if self.judged is None:
            return {}
        names = self.run.store.clips.id[self.judged.index].tolist()
        return dict(zip(names, (self.judged.likely == self.judged.labels).tolist(), strict=True))

    def _index(self, name: str) -> int:
        return int(self.run.store.clips.indices_of([name])[0])

    def _attention(self, index: Sequence[int]) -> None:
        """Add the importance of every joint of some clips, by level, where the run trained attention."""
        try:
            heads = self.run.heads
        except CheckpointError:
            return
        modality = next((name for name, head in heads.items() if head.polymerising is not None), None)
        if modality is None or not index:
            return
        known = np.array(sorted(set(index)), dtype=np.int64)
        for clip_index, found in zip(known.tolist(), attend(self.run, known, modality), strict=True):
            self.levels = list(found.maps)
            values = {
                f"{level}@{self.number}": each for level, each in _importance(found, self.run.store.layout).items()
            }
            self.pool.add_values(clip_index, values)

    def _map(self, rest: "_Numbering") -> dict[str, Any] | None:
        """Return the t-SNE of the features of at most MAPPED clips."""
        seen = self.seen
        if seen.features is None or len(seen.index) < 5:
            return None
        chosen = np.sort(np.random.default_rng(0).permutation(len(seen.index))[:MAPPED])
        points = plane(seen.features[chosen].astype(np.float64))
        points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-9)
        numbers = [rest.add(seen, int(each)) for each in chosen]
        return {"x": points[:, 0].round(3).tolist(), "y": points[:, 1].round(3).tolist(), "example": numbers}

    def _labels(self) -> dict[str, Any]:
        task = self.run.task
        _, values = task.labels.resolve(task.store, task.split)
        counts = np.bincount(values, minlength=len(task.store.classes))
        named = {name: int(number) for name, number in zip(task.store.classes, counts, strict=True)}
        gain = self.run.stored.folder.label_gain
        return {
            "spec": task.labels.spec,
            "counts": [[name, named[name]] for name in self.classes],
            "train": len(task.split.train),
            "gain": read_label_gain(gain) if gain.exists() else None,
        }


class _Numbering:
    """The examples of a page: predictions that it refers to by number, those of one source first."""

    def __init__(self, first: Judged) -> None:
        self.found: list[tuple[Judged, int]] = [(first, position) for position in range(len(first.index))]
        self.known = {(id(first), position): position for position in range(len(first.index))}

    def add(self, source: Judged, position: int) -> int:
        """Return the number of a prediction, a new one if it is not known yet."""
        key = (id(source), position)
        if key not in self.known:
            self.known[key] = len(self.found)
            self.found.append((source, position))
        return self.known[key]

    def index(self, number: int) -> int:
        """Return the clip index of an example."""
        source, position = self.found[number]
        return int(source.index[position])

    def indices(self) -> list[int]:
        """Return the clip indices of all examples."""
        return [self.index(number) for number in range(len(self.found))]

    def plain(self, run: TrainedRun) -> list[list[Any]]:
        """Return of all clip index, id, class and the most probable classes.

        The class is its number, its name if the model does not know it, or "" without a label. A probability that is
        not known is None.
        """
        store, plain = run.store, []
        for source, position in self.found:
            index, row = int(source.index[position]), source.probabilities[position]
            label, stored = int(source.labels[position]), int(store.clips.label[index])
            name = "" if stored < 0 else store.classes[stored]
            chances = [
                [each, None if np.isnan(row[each]) else round(float(row[each]), 3)]
                for each in _shown_classes(row, label)
            ]
            plain.append([index, str(store.clips.id[index]), name if label < 0 else label, chances])
        return plain


def _shown_classes(probabilities: Float[np.ndarray, "k"], label: int) -> list[int]:
    """Return the most probable classes that are not improbable; the true one is always among them."""
    order = np.argsort(-probabilities, kind="stable").tolist()
    best = [order[0], *(each for each in order[1:TOP] if probabilities[each] >= IMPROBABLE)]
    return best if label < 0 or label in best else [*best[: TOP - 1], label]


def _plain(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(each) for each in found]


def _suspects(run: TrainedRun) -> list[dict[str, Any]]:
    folder = run.stored.folder
    if folder.suspects.exists():
        return read_suspects(folder.suspects) if is_better_than_guessing(folder) else []
    return [asdict(each) for each in suspects_of_run(folder.path, run.store.path, str(run.maker.device))]


def _copies(run: TrainedRun) -> list[tuple[int, int]]:
    """Return pairs of a test clip and a clip of the training part that are copies of each other."""
    store, split = run.store, run.task.split
    if not split.tests or len(store) > COMPARED:
        return []
    train = set(split.train_index(store).tolist())
    test = {int(each) for name in split.tests for each in split.test_index(store, name)}
    pairs = []
    for group in find_copies(store, measure(store)):
        members = group.members.tolist()
        other = next((each for each in members if each in train), None)
        pairs += [(each, other) for each in members if each in test and other is not None]
    return pairs


def _importance(found: ClipAttention, layout: Layout) -> dict[str, Float[np.ndarray, "m v"]]:
    """Return the importance of the node of each joint, by level; persons that were not encoded get the least."""
    values = {}
    for level, maps in found.maps.items():
        node = node_of_joint(level, layout)
        rows = [found.importance(level, person)[node] for person in range(len(maps))]
        least = np.full(len(node), min(float(row.min()) for row in rows))
        rows += [least] * (found.clip.persons - len(rows))
        values[level] = np.stack(rows)
    return values
