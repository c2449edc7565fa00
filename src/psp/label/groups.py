"""Groups of clips in which the recogniser is sure of one class, which are labelled together."""

import numpy as np
from jaxtyping import Bool, Int64

from psp.label.features import Recognised

SURE, LEAST, MOST = 0.9, 3, 12
"""The probability from which a clip belongs to a group, and the least and largest number of clips of a group."""


def sure_groups(
    found: Recognised, cluster: Int64[np.ndarray, "n"], open: Bool[np.ndarray, "n"]
) -> list[tuple[str, list[int]]]:
    """Return the groups of open clips of one cluster and one class: the class, and the clips nearest to the centre.

    Groups with many clips come first.
    """
    likely, usable = found.probabilities.argmax(axis=1), open & (found.probabilities.max(axis=1) >= SURE)
    groups = list[tuple[int, str, list[int]]]()
    for number, label in {(int(cluster[row]), int(likely[row])) for row in np.flatnonzero(usable)}:
        own = np.flatnonzero(usable & (cluster == number) & (likely == label))
        if len(own) >= LEAST:
            distance = np.linalg.norm(found.features[own] - found.features[own].mean(axis=0), axis=1)
            groups.append((len(own), found.classes[label], own[np.argsort(distance, kind="stable")].tolist()))
    return [(label, rows[:MOST]) for _, label, rows in sorted(groups, key=lambda each: (-each[0], each[1:]))]
