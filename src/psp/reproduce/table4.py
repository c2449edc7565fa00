"""Table 4 and figure 7: what contrast on each level, and what Pyramid Polymerizing Attention brings."""

from functools import partial

from psp.model.pyramid import LEVELS
from psp.reproduce.experiment import Column, Experiment, Quick, Row
from psp.reproduce.systems import ablation

QUICK = Quick(columns=3, seeds=2, epochs=1, steps=8)

COLUMNS = (
    Column("nw-ucla", "Northwestern-UCLA, 5 %", "nw-ucla", "5%", 5),
    Column("synthetic", "built-in data, 5 labels per class", "synthetic-xsub", "5/class", 5, "2/class"),
    Column("ntu60", "NTU RGB+D 60 CS, 5 %", "ntu60-xsub", "5%", 5, "1/class"),
)

NTU_BY_LEVELS = {
    (): 68.8,
    ("joint",): 70.8,
    ("part",): 70.6,
    ("body",): 70.9,
    ("part", "joint"): 71.3,
    ("body", "joint"): 71.2,
    ("body", "part"): 71.4,
    LEVELS: 72.2,
}
"""Table 4 of the paper: accuracy by the levels that are contrasted, in the order of B1 to B8."""


def _baseline(number: int, levels: tuple[str, ...], accuracy: float) -> Row:
    title = f"B{number}: " + (" and ".join(reversed(levels)) + " level" if levels else "without CCL")
    title = "B8: all levels, PSP Learning" if levels == LEVELS else title
    figures = {"ntu60": accuracy} | {1: {"nw-ucla": 59.1}, 8: {"nw-ucla": 69.2}}.get(number, {})
    return Row(f"b{number}", title, partial(ablation, levels=levels), figures)


TABLE4 = Experiment(
    "table4",
    "Table 4: which levels are contrasted",
    rows=tuple(_baseline(number, *each) for number, each in enumerate(NTU_BY_LEVELS.items(), start=1)),
    columns=COLUMNS,
    quick=QUICK,
    references=("b1", "b8"),
    ablates=True,
)

FIGURE7 = Experiment(
    "figure7",
    "Figure 7: without CCL and PPA, without PPA, and PSP Learning",
    rows=(
        Row("a1", "A1: without CCL and PPA", partial(ablation, levels=()), {"ntu60": 68.8, "nw-ucla": 59.1}),
        Row("a2", "A2: without PPA", partial(ablation, levels=LEVELS, polymerise=False),
            {"ntu60": 71.5, "nw-ucla": 64.5}),
        Row("a3", "A3: PSP Learning", partial(ablation, levels=LEVELS), {"ntu60": 72.2, "nw-ucla": 69.2}),
    ),
    columns=COLUMNS,
    quick=QUICK,
    references=("a1", "a2"),
    ablates=True,
)  # fmt: skip
