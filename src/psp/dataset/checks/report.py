"""The report of a check: findings, each of a kind that has a severity and a remedy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Kind:
    """A kind of fault. An error makes results wrong; a warning probably harms training and should be examined."""

    severity: Severity
    title: str
    remedy: str


KINDS: Mapping[str, Kind] = {
    "leak": Kind("error", "held-out clips that are copies of training clips", "Leave these clips out of the test set."),
    "contradiction": Kind("error", "copies with different labels", "Correct the labels, or leave the copies out."),
    "empty": Kind("error", "clips without an observed joint", "Leave these recordings out."),
    "up-axis": Kind("error", "a wrong vertical axis", "Prepare the data set again with the right --up."),
    "untrained-class": Kind("error", "classes tested but never trained", "Use another split, or label more clips."),
    "too-few-classes": Kind(
        "warning", "nothing to tell apart", "Label clips of two classes or more (psp label STORE)."
    ),
    "untested-class": Kind("warning", "classes trained but never tested", "Use another split, or label more clips."),
    "single-clip-class": Kind("warning", "classes with one clip", "Record more clips, or merge it with another."),
    "unused-class": Kind("warning", "classes without a clip", "Prepare the data set without them if none will come."),
    "copy": Kind("warning", "copies of clips", "Keep one of them."),
    "one-frame": Kind("warning", "clips of one frame", "Leave these recordings out: they show no motion."),
    "frozen": Kind("warning", "clips without motion", "Check whether the tracking was lost."),
    "frame-order": Kind("warning", "frames in a wrong order", "Sort the frames of these recordings by their numbers."),
    "jump": Kind("warning", "jumps of a body", "Check whether another person was tracked, or frames are missing."),
    "identity-switch": Kind("warning", "persons exchanged for each other", "Correct the order of the persons."),
    "side-swap": Kind("warning", "sides exchanged within a clip", "Exchange the sides back, or leave it out."),
    "mirrored": Kind("warning", "sides exchanged in a whole clip", "Exchange the sides, or leave it out."),
    "upside-down": Kind("warning", "persons upside down", "Check whether the camera was turned."),
    "bone-length": Kind("warning", "impossible bone lengths", "Check the positions of these joints."),
    "bone-change": Kind("warning", "bones that change their length", "Check the positions of these joints."),
    "exchanged-labels": Kind("warning", "two labels that seem exchanged", "View these clips and correct the labels."),
    "suspect-label": Kind("warning", "labels that seem wrong", "View these clips and correct the labels."),
}
"""All kinds of faults, the most severe first."""


@dataclass(frozen=True)
class Finding:
    """One fault: its kind, the ids of its clips, the measured value, a sentence about it, and its frame or None."""

    kind: str
    clips: tuple[str, ...]
    value: float
    sentence: str
    frame: int | None = None

    @property
    def severity(self) -> Severity:
        """The severity of its kind."""
        return KINDS[self.kind].severity

    @property
    def remedy(self) -> str:
        """The remedy of its kind."""
        return KINDS[self.kind].remedy


@dataclass(frozen=True)
class Report:
    """The findings of a check, the most severe kind first and the worst of a kind first.

    `skipped` maps the name of every check that does not apply to the reason. `split` is the name of the split, None if
    the clips could not be divided. `summary` holds counts of the data set.
    """

    summary: Mapping[str, Any]
    split: str | None
    findings: tuple[Finding, ...]
    skipped: Mapping[str, str]

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(each.severity == "error" for each in self.findings)

    def of(self, kind: str) -> tuple[Finding, ...]:
        """Return the findings of a kind."""
        return tuple(each for each in self.findings if each.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        found = [asdict(each) | {"severity": each.severity, "remedy": each.remedy} for each in self.findings]
        return {"summary": self.summary, "split": self.split, "findings": found, "skipped": dict(self.skipped)}


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of a report."""
    rank = {kind: number for number, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda each: (rank[each.kind], -each.value, each.clips)))


def shown(names: list[str], most: int = 5) -> str:
    """Return the first names, separated by commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
