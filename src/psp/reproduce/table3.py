"""Table 3: Northwestern-UCLA, four label budgets, and all labels to see how far the few are from them."""

from psp.reproduce.experiment import Column, Experiment, Quick, Row
from psp.reproduce.systems import compared_systems, psp_best_short, supervised_best_short, temporal_convolution

SEEDS = {5: 5, 15: 5, 30: 3, 40: 3}
"""How many label budgets are drawn for each percentage: the fewer the labels, the larger the luck of the draw."""

OTHERS = {
    "S4L": {"5": 35.3, "15": 46.6, "30": 54.5, "40": 60.6},
    "Pseudolabels": {"5": 35.6, "15": 48.9, "30": 60.6, "40": 65.7},
    "VAT": {"5": 44.8, "15": 63.8, "30": 73.7, "40": 73.9},
    "VAT+EntMin": {"5": 46.8, "15": 66.2, "30": 75.4, "40": 75.6},
    "ASSL": {"5": 52.6, "15": 74.8, "30": 78.0, "40": 78.4},
    "AL+K": {"5": 63.6, "15": 76.8, "30": 77.2, "40": 78.9},
    "X-CAR": {"5": 68.7, "15": 77.5, "30": 80.9, "40": 83.1},
    "GL-Transformer": {"5": 58.5},
    "MS2L": {"15": 60.5},
    "PSP Learning": {"5": 69.2, "15": 77.8, "30": 80.6, "40": 83.6},
}
"""Accuracies of table 3 of the paper."""

SUPERVISED = {"5": 59.1}
"""Labels alone, from figure 7 of the paper."""

TABLE3 = Experiment(
    "table3",
    "Table 3: Northwestern-UCLA",
    rows=(
        *compared_systems(SUPERVISED, OTHERS["PSP Learning"]),
        Row("temporal-convolution", "supervised only, temporal convolution", temporal_convolution, SUPERVISED, "light"),
        Row("supervised-best-short", "supervised only, settings of best (short)", supervised_best_short, SUPERVISED),
        Row("best-short", "preset best (short)", psp_best_short, OTHERS["PSP Learning"]),
    ),
    columns=(
        *(Column(f"{share}", f"{share} %", "nw-ucla", f"{share}%", seeds) for share, seeds in SEEDS.items()),
        Column("all", "all labels", "nw-ucla", "all", 3),
    ),
    quick=Quick(columns=1, seeds=2, epochs=2, steps=16),
    others=OTHERS,
    references=("supervised", "supervised-best", "temporal-convolution", "supervised-best-short"),
)
