"""What to do next with a run, from its accuracy, its labels and its data."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psp.report.words import counted, share

POOR = 0.6
"""A class is pointed out if its accuracy is below this share of the accuracy of all clips."""

FEW = 5
"""Classes with fewer test clips than this are not pointed out."""


@dataclass(frozen=True)
class Advice:
    """A sentence, the part of the page that shows more, and a command to type."""

    text: str
    section: str = ""
    command: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of a run; `accuracy` is the content of evaluation.json for a test set or of estimate.json."""

    path: str
    finished: bool
    accuracy: Mapping[str, Any] | None
    classes: Sequence[str]
    suspects: int
    copies: int
    label_gain: Mapping[str, Any] | None


def advise(facts: Facts, most: int = 5) -> list[Advice]:
    """Return what to do next, the most important first."""
    if not facts.finished:
        return [Advice("Finish the training.", command=shlex.join(["psp", "train", "--resume", facts.path]))]
    found = [*_about_data(facts), *_about_accuracy(facts), *_about_labels(facts)]
    use = shlex.join(["psp", "predict", facts.path, "RECORDINGS"])
    return [*found[: most - 1], Advice("Use the recogniser on new recordings.", command=use)]


def _about_data(facts: Facts) -> list[Advice]:
    found = []
    if facts.copies:
        pairs = counted(facts.copies, "test clip has a copy", "test clips have copies")
        what = f"{pairs} in the training part, so the accuracy is too high: leave copies out of the test set."
        found.append(Advice(what, "copies"))
    if facts.suspects:
        them = counted(facts.suspects, "label that may be wrong", "labels that may be wrong")
        found.append(Advice(f"Look at {them}.", "suspects"))
    return found


def _about_accuracy(facts: Facts) -> list[Advice]:
    if facts.accuracy is None:
        command = shlex.join(["psp", "train", "--resume", facts.path, "--estimate"])
        return [Advice("No accuracy is known, because no clips were kept for a test. Estimate it:", command=command)]
    rows, accuracies = facts.accuracy["confusion"], facts.accuracy["per_class"]
    poor = [
        (accuracy, number)
        for number, (accuracy, row) in enumerate(zip(accuracies, rows, strict=True))
        if accuracy is not None and sum(row) >= FEW and accuracy < POOR * facts.accuracy["top1"]
    ]
    if not poor:
        return []
    accuracy, number = min(poor)
    name, others = facts.classes[number], [0 if each == number else n for each, n in enumerate(rows[number])]
    taken = f", mostly taken for “{facts.classes[others.index(max(others))]}”" if any(others) else ""
    text = f"“{name}” is recognised in {share(accuracy)} of its clips only{taken}: label more of it first."
    return [Advice(text, "classes")]


def _about_labels(facts: Facts) -> list[Advice]:
    gain = facts.label_gain
    if gain is None or len(gain["accuracies"]) < 2:
        return []
    change = gain["accuracies"][-1] - gain["accuracies"][-2]
    if change - 2 * gain["error"] <= 0:
        return []
    text = f"More labels would help: a simple classifier gained {change:.0f} points from the last doubling of labels."
    return [Advice(text, "labels")]
