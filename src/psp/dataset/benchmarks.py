"""The splits of published benchmarks and of the built-in data, each by the values of one column."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from psp.dataset.divide import FULL, Split, Value, Values, split_of_masks, values_mask
from psp.dataset.store import Store
from psp.errors import SplitError

NTU60_SUBJECTS = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
NTU120_SUBJECTS = (
    *NTU60_SUBJECTS, 45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85,
    86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103,
)  # fmt: skip
NW_UCLA_LEAKED = (1, 2)
"""The labels of a02 and a03: all their test clips are copies of training clips."""

BY_SUBJECT = {5: 33, 10: 66, 20: 132, 40: 264}
BY_CAMERA = {5: 31, 10: 62, 20: 124, 40: 248}
NW_UCLA = {5: 5, 15: 15, 30: 30, 40: 40}


@dataclass(frozen=True)
class Benchmark:
    """A published split by the values of a column.

    `train` are the values of the training clips, `test` those of the test clips (None: all others). `without` names
    further test sets: the full one without the clips of some labels. `per_class` maps a percentage to the number of
    labelled clips per class that the literature uses for it.
    """

    name: str
    dataset: str
    description: str
    column: str
    train: Values
    test: Values | None = None
    without: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    per_class: Mapping[int, int] = field(default_factory=dict)

    def make(self, store: Store) -> Split:
        """Return the split of a data set; a data set of another name or with too few clips raises SplitError."""
        if store.dataset != self.dataset:
            what = f"the benchmark {self.name!r} is for {self.dataset!r}, but this data set is {store.dataset!r}."
            fitting = [each.name for each in BENCHMARKS.values() if each.dataset == store.dataset]
            raise SplitError(what, remedy=f"Use {' or '.join(fitting or ('subject', 'fraction=0.3'))}.")
        train = values_mask(store, self.column, self.train)
        full = ~train if self.test is None else values_mask(store, self.column, self.test)
        others = {name: full & ~np.isin(store.clips.label, labels) for name, labels in self.without.items()}
        return split_of_masks(store, self.name, train, {FULL: full, **others}, self.description)


def _is_even(value: Value) -> bool:
    return float(value) % 2 == 0


def _is_odd(value: Value) -> bool:
    return float(value) % 2 == 1


BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "ntu60-xsub",
            "ntu60",
            "NTU RGB+D 60 cross-subject: 20 of the 40 subjects are for training",
            "subject",
            train=NTU60_SUBJECTS,
            per_class=BY_SUBJECT,
        ),
        Benchmark(
            "ntu60-xview",
            "ntu60",
            "NTU RGB+D 60 cross-view: cameras 2 and 3 are for training, camera 1 is for testing",
            "camera",
            train=(2, 3),
            per_class=BY_CAMERA,
        ),
        Benchmark(
            "ntu120-xsub",
            "ntu120",
            "NTU RGB+D 120 cross-subject: 53 of the 106 subjects are for training",
            "subject",
            train=NTU120_SUBJECTS,
        ),
        Benchmark(
            "ntu120-xset",
            "ntu120",
            "NTU RGB+D 120 cross-setup: setups of even number are for training, odd ones for testing",
            "setup",
            train=_is_even,
        ),
        Benchmark(
            "nw-ucla",
            "nw-ucla",
            "Northwestern-UCLA: cameras 1 and 2 are for training, camera 3 is for testing; 'clean' is without the "
            "leaked a02 and a03",
            "camera",
            train=(1, 2),
            test=(3,),
            without={"clean": NW_UCLA_LEAKED},
            per_class=NW_UCLA,
        ),
        Benchmark(
            "nw-ucla-view1-to-view2",
            "nw-ucla",
            "Northwestern-UCLA for choosing settings without camera 3: camera 1 is for training, camera 2 for testing",
            "camera",
            train=(1,),
            test=(2,),
            per_class=NW_UCLA,
        ),
        Benchmark(
            "nw-ucla-view2-to-view1",
            "nw-ucla",
            "Northwestern-UCLA, the reverse of nw-ucla-view1-to-view2: camera 2 is for training, camera 1 for testing",
            "camera",
            train=(2,),
            test=(1,),
            per_class=NW_UCLA,
        ),
        Benchmark(
            "synthetic-xsub",
            "synthetic",
            "built-in data cross-subject: subjects of odd number are for training, even ones for testing",
            "subject",
            train=_is_odd,
        ),
        Benchmark(
            "synthetic-xview",
            "synthetic",
            "built-in data cross-view: cameras 2 and 3 are for training, the others for testing",
            "camera",
            train=(2, 3),
        ),
    )
}
"""All benchmarks by name; the first one of a data set is its default."""
