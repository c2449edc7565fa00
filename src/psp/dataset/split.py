"""Benchmark protocols: which clips of a data set are for training and which for testing."""

import sys
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
from jaxtyping import Bool, Int64

from psp.dataset.store import Store
from psp.dataset.clip_table import ClipTable
from psp.errors import ProtocolError


@dataclass(frozen=True)
class Selection:
    """The clips whose `column` holds one of `values` (or, with `outside`, none of them), less some labels."""

    column: str
    values: Container[int]
    outside: bool = False
    without_labels: tuple[int, ...] = ()

    def mask(self, clips: ClipTable) -> Bool[np.ndarray, "clips"]:
        """Mark the clips that are selected."""
        column = getattr(clips, self.column)
        selected = [value for value in np.unique(column).tolist() if (value in self.values) != self.outside]
        return np.isin(column, selected) & ~np.isin(clips.label, self.without_labels)


@dataclass(frozen=True)
class Protocol:
    """A benchmark: its data set, training clips, named test sets and what a percentage of labels means.

    Every protocol has a test set named `full`. `per_class` maps a percentage to the number of labelled clips
    per class that the literature uses for it.
    """

    name: str
    dataset: str
    description: str
    train: Selection
    tests: Mapping[str, Selection]
    per_class: Mapping[int, int]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of the clip table for training and for each test set, in the order of the sorted clip ids."""

    train: Int64[np.ndarray, "train"]
    tests: Mapping[str, Int64[np.ndarray, "_"]]


NTU60_SUBJECTS = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
NTU120_SUBJECTS = (
    *NTU60_SUBJECTS, 45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85,
    86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103,
)  # fmt: skip
EVEN_SETUPS = range(2, sys.maxsize, 2)
ODD_SUBJECTS = range(1, sys.maxsize, 2)
LEAKED_LABELS = (1, 2)

BY_SUBJECT = {5: 33, 10: 66, 20: 132, 40: 264}
BY_VIEW = {5: 31, 10: 62, 20: 124, 40: 248}
NW_UCLA = {5: 5, 15: 15, 30: 30, 40: 40}


def _held_out(
    dataset: str, name: str, description: str, train: Selection, per_class: Mapping[int, int] | None = None
) -> Protocol:
    """A protocol that tests on every clip it does not train on."""
    others = {"full": replace(train, outside=True)}
    return Protocol(name, dataset, description, train, others, per_class or {})


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        _held_out(
            "ntu60",
            "ntu60-xsub",
            "NTU RGB+D 60 cross-subject: 20 of the 40 subjects train",
            Selection("subject", NTU60_SUBJECTS),
            BY_SUBJECT,
        ),
        _held_out(
            "ntu60",
            "ntu60-xview",
            "NTU RGB+D 60 cross-view: cameras 2 and 3 train, camera 1 tests",
            Selection("camera", (2, 3)),
            BY_VIEW,
        ),
        _held_out(
            "ntu120",
            "ntu120-xsub",
            "NTU RGB+D 120 cross-subject: 53 of the 106 subjects train",
            Selection("subject", NTU120_SUBJECTS),
        ),
        _held_out(
            "ntu120",
            "ntu120-xset",
            "NTU RGB+D 120 cross-setup: setups of even number train, odd ones test",
            Selection("setup", EVEN_SETUPS),
        ),
        Protocol(
            "nw-ucla",
            "nw-ucla",
            "Northwestern-UCLA: views 1 and 2 train, view 3 tests; `clean` is without the leaked a02 and a03",
            Selection("camera", (1, 2)),
            {
                "full": Selection("camera", (3,)),
                "clean": Selection("camera", (3,), without_labels=LEAKED_LABELS),
            },
            NW_UCLA,
        ),
        Protocol(
            "nw-ucla-view1-to-view2",
            "nw-ucla",
            "Northwestern-UCLA for choosing settings without looking at view 3: view 1 trains, view 2 tests",
            Selection("camera", (1,)),
            {"full": Selection("camera", (2,))},
            NW_UCLA,
        ),
        Protocol(
            "nw-ucla-view2-to-view1",
            "nw-ucla",
            "Northwestern-UCLA, the reverse of nw-ucla-view1-to-view2: view 2 trains, view 1 tests",
            Selection("camera", (2,)),
            {"full": Selection("camera", (1,))},
            NW_UCLA,
        ),
        _held_out(
            "synthetic",
            "synthetic-xsub",
            "built-in data cross-subject: subjects of odd number train, even ones test",
            Selection("subject", ODD_SUBJECTS),
        ),
        _held_out(
            "synthetic",
            "synthetic-xview",
            "built-in data cross-view: cameras 2 and 3 train, the others test",
            Selection("camera", (2, 3)),
        ),
    )
}


def protocol_by_name(name: str) -> Protocol:
    """Return a protocol; an unknown name raises ProtocolError with the nearest one."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    near = get_close_matches(name, PROTOCOLS, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(PROTOCOLS)}."
    raise ProtocolError(f"there is no protocol {name!r}.", remedy=remedy)


def split(protocol: Protocol, clips: ClipTable) -> Split:
    """Divide clips by the protocol; needs ids, labels and the recording's numbers only, no joints.

    Clips without a label may train; they are left out of the test sets.
    """
    order, labelled = clips.order, clips.label >= 0
    train = order[protocol.train.mask(clips)[order]]
    tests = {name: order[(test.mask(clips) & labelled)[order]] for name, test in protocol.tests.items()}
    empty = [name for name, rows in {"training": train, **tests}.items() if len(rows) == 0]
    if empty:
        what = f"the {empty[0]} set is empty: none of the {len(clips)} clips belongs to it."
        remedy = f"Prepare the whole data set. The protocol is {protocol.description}."
        raise ProtocolError(what, where=f"protocol {protocol.name!r}", remedy=remedy)
    return Split(train, tests)


def split_store(protocol: Protocol, store: Store) -> Split:
    """Divide a store's clips by the protocol; a store of another data set raises ProtocolError."""
    if store.dataset == protocol.dataset:
        return split(protocol, store.clips)
    fitting = [name for name, other in PROTOCOLS.items() if other.dataset == store.dataset]
    add = f"Add a Protocol for {store.dataset!r} to PROTOCOLS in psp.dataset.split, as docs/extending.md says."
    raise ProtocolError(
        f"protocol {protocol.name!r} is for {protocol.dataset!r}, but this store holds {store.dataset!r}.",
        where=str(store.path),
        remedy=f"Use {' or '.join(fitting)}." if fitting else add,
    )
