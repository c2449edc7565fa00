"""Figure 6: features learnt without and with PPA and CCL."""

from functools import partial

from psp.model.pyramid import LEVELS
from psp.reproduce.experiment import Experiment, Row
from psp.reproduce.systems import ablation
from psp.reproduce.table4 import COLUMNS, QUICK

FIGURE6 = Experiment(
    "figure6",
    "Figure 6: features of PSP Learning without PPA and CCL, without PPA, and whole",
    rows=(
        Row("a1", "(a) without PPA, without CCL", partial(ablation, levels=())),
        Row("a2", "(b) without PPA, with CCL", partial(ablation, levels=LEVELS, polymerise=False)),
        Row("a3", "(c) PSP Learning: with PPA, with CCL", partial(ablation, levels=LEVELS)),
    ),
    columns=COLUMNS,
    quick=QUICK,
    references=("a1", "a2"),
    from_weights=True,
    ablates=True,
)
