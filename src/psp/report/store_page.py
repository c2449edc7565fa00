"""The page of a data set: what it holds, the findings of `psp check`, and clips of every class to play."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.dataset.check import check
from psp.dataset.checks.report import KINDS, Finding, Report
from psp.dataset.divide import has_value
from psp.dataset.store import Store, open_store
from psp.report.advice import Advice
from psp.report.clip_pool import ClipPool
from psp.report.page import write_page
from psp.report.words import counted

PER_CLASS, PER_FINDING, BARS = 6, 12, 8
"""The most clips of a class, findings of a kind, and bars of the lengths."""


def write_store_page(path: Path, store_path: Path) -> None:
    """Write the page of a data set; its clips are checked as by `psp check`."""
    store = open_store(store_path)
    found = check(store)
    pool, numbers = ClipPool(store), _chosen(store)
    findings = _findings(store, found)
    named = [index for kind in findings for each in kind["items"] for index in each["clips"]]
    pool.show([*named, *numbers[:: max(1, len(numbers) // 60)]])
    pool.keep(numbers)
    skeleton, clips = pool.packed()
    examples: list[list[Any]] = [[index, str(store.clips.id[index]), _label(store, index), []] for index in numbers]
    content = {
        "runs": [{"data": "0", "classes": list(store.classes), "examples": examples, "judged": 0}],
        "data": {"0": {"skeleton": skeleton, "clips": clips}},
        "comparison": None,
        "store": {"cards": _cards(store), "advice": _advice(store, store_path, found), "findings": findings,
                  "skipped": [list(each) for each in found.skipped.items()], **_facts(store)},
    }  # fmt: skip
    write_page(path, f"Data set {store.dataset}", _lead(store), content)


def _lead(store: Store) -> str:
    labelled = int((store.clips.label >= 0).sum())
    return f"{len(store):,} clips, {labelled:,} with a label of {counted(len(store.classes), 'class', 'classes')}."


def _chosen(store: Store) -> list[int]:
    """Return clips of every class and some unlabelled ones, drawn with a fixed seed."""
    order = np.random.default_rng(0).permutation(len(store))
    labels = store.clips.label[order]
    most = dict.fromkeys(range(len(store.classes)), PER_CLASS) | {-1: 4 * PER_CLASS}
    return [int(each) for label, few in most.items() for each in order[labels == label][:few]]


def _label(store: Store, index: int) -> int | str:
    label = int(store.clips.label[index])
    return label if label >= 0 else ""


def _cards(store: Store) -> list[dict[str, str]]:
    table, labelled = store.clips, int((store.clips.label >= 0).sum())
    low, middle, high = (int(np.quantile(table.frames, q)) for q in (0, 0.5, 1))
    joints = f"{len(store.layout.joints)} joints, {store.channels} coordinates, vertical axis {store.up}"
    persons = counted(int(table.persons.max()), "person", "persons")
    return [
        {"title": "Clips", "large": f"{len(store):,} clips", "small": f"{labelled:,} of them have a label."},
        {"title": "Skeleton", "large": store.layout.name, "small": joints},
        {"title": "Length", "large": f"{middle} frames", "small": f"The shortest clip has {low}, the longest {high} "
         f"frames; at most {persons}."},
    ]  # fmt: skip


def _advice(store: Store, path: Path, found: Report) -> list[dict[str, Any]]:
    advice = []
    errors = sum(each.severity == "error" for each in found.findings)
    if found.findings:
        text = f"Look at {counted(len(found.findings), 'finding', 'findings')} of the check"
        advice.append(Advice(f"{text}, {errors} of them errors." if errors else f"{text}.", "findings"))
    if (store.clips.label >= 0).mean() < 1:
        advice.append(Advice("Label the clips that are worth it.", command=shlex.join(["psp", "label", str(path)])))
    if (store.clips.label >= 0).any():
        advice.append(Advice("Train a recogniser.", command=shlex.join(["psp", "train", str(path)])))
    return [asdict(each) for each in advice]


def _facts(store: Store) -> dict[str, Any]:
    table = store.clips
    counts = np.bincount(table.label[table.label >= 0], minlength=len(store.classes)).tolist()
    columns = [["clips have", "different values", "for example"]]
    for name, values in table.columns.items():
        different = np.unique(values[has_value(store, name)])
        columns.append([name, f"{len(different):,}", ", ".join(str(each) for each in different[:6])])
    return {
        "counts": [[name, count] for name, count in zip(store.classes, counts, strict=True)],
        "lengths": bars_of(table.frames),
        "columns": columns if len(columns) > 1 else [],
    }


def bars_of(frames: Int64[np.ndarray, "n"]) -> list[list[Any]]:
    """Return how many clips have which numbers of frames, in at most BARS bins of equal width, as text and count."""
    low, high = int(frames.min()), int(frames.max())
    width = -(-(high + 1 - low) // BARS)
    counts = np.bincount((frames - low) // width).tolist()
    bins = [(first, min(first + width - 1, high)) for first in range(low, high + 1, width)]
    names = [str(first) if first == last else f"{first}-{last}" for first, last in bins]
    return [list(each) for each in zip(names, counts, strict=True)]


def _findings(store: Store, found: Report) -> list[dict[str, Any]]:
    """Return the kinds of faults that were found, each with its most serious findings."""
    kinds = []
    for kind in KINDS:
        own = found.of(kind)
        if own:
            items = [_item(store, each) for each in own[:PER_FINDING]]
            kinds.append({"kind": kind, **asdict(KINDS[kind]), "number": len(own), "items": items})
    return kinds


def _item(store: Store, found: Finding) -> dict[str, Any]:
    clips: Sequence[int] = store.clips.indices_of(found.clips[:2]).tolist()
    return {"sentence": found.sentence, "clips": [each for each in clips if each >= 0], "ids": list(found.clips[:2])}
