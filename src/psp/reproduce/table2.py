"""Table 2: NTU RGB+D 60, both protocols, four label budgets."""

from psp.reproduce.experiment import Column, Experiment, Quick
from psp.reproduce.systems import compared_systems

PROTOCOLS = {"cs": "ntu60-xsub", "cv": "ntu60-xview"}
SHARES = {5: "1/class", 10: "2/class", 20: "4/class", 40: "8/class"}
"""Percentages, and the labels per class of the quick version, in the same proportions."""

COLUMNS = tuple(
    Column(f"{share}-{short}", f"{share} % {short.upper()}", protocol, f"{share}%", 3, few)
    for share, few in SHARES.items()
    for short, protocol in PROTOCOLS.items()
)
NAMES = tuple(column.name for column in COLUMNS)

OTHERS = {
    "S4L": (48.4, 55.1, 58.1, 63.6, 63.1, 71.1, 68.2, 76.9),
    "Pseudolabels": (50.9, 56.3, 58.4, 65.8, 63.9, 71.2, 69.5, 77.7),
    "VAT": (51.3, 57.9, 60.3, 66.3, 65.6, 72.6, 70.4, 78.6),
    "VAT+EntMin": (51.7, 58.3, 61.4, 67.5, 65.9, 73.3, 70.8, 78.9),
    "ASSL": (57.3, 63.6, 64.3, 69.8, 68.0, 74.7, 72.3, 80.0),
    "AL+K": (57.8, None, 62.9, None, None, None, None, None),
    "X-CAR": (67.3, 70.0, 76.1, 78.2, 79.4, 85.7, 84.1, 90.4),
    "AS-CAL": (None, None, 52.2, 57.3, None, None, None, None),
    "LongT GAN": (None, None, 62.0, None, None, None, None, None),
    "Holden et al.": (None, None, None, None, None, None, 72.9, 81.1),
    "EnGAN-PoseRNN": (None, None, None, None, None, None, 78.7, 86.5),
    "MS2L": (None, None, 65.2, None, None, None, None, None),
    "Skeleton-Contrastive": (59.6, 65.7, 65.9, 72.5, 70.8, 78.2, None, None),
    "GL-Transformer": (64.5, 68.5, 68.6, 74.9, None, None, None, None),
    "CPM": (None, None, 73.0, 77.1, None, None, None, None),
    "3s-Colorization": (65.7, 70.3, 71.7, 78.9, 76.4, 82.7, 79.8, 86.8),
    "3s-CrosSCLR": (None, None, 74.4, 77.8, None, None, None, None),
    "CMD": (71.0, 75.3, 75.4, 80.2, 78.7, 84.3, None, None),
    "PSP Learning": (72.2, 76.3, 78.1, 82.1, 82.6, 86.9, 85.4, 90.8),
}
"""Accuracies of table 2 of the paper, in the order of the columns; None where it has no figure."""

FIGURES = {
    system: {name: value for name, value in zip(NAMES, values, strict=True) if value is not None}
    for system, values in OTHERS.items()
}

TABLE2 = Experiment(
    "table2",
    "Table 2: NTU RGB+D 60, cross-subject (CS) and cross-view (CV)",
    rows=compared_systems({"5-cs": 68.8}, FIGURES["PSP Learning"]),
    columns=COLUMNS,
    quick=Quick(columns=8, seeds=1, epochs=1, steps=8),
    others=FIGURES,
    references=("supervised",),
)
