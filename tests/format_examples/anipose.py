"""Anipose: a table with a gap in its frame numbers."""

import numpy as np

from format_examples import Example, skeletons

POINTS = ("MCP", "PIP", "DIP", "tip")


def example(draw: np.random.Generator) -> Example:
    joints, scores = skeletons(draw, 1, 6, 4, 3), np.round(draw.uniform(0.1, 1, (1, 6, 4)), 3)
    joints[:, 2] = np.nan
    kinds = ("x", "y", "z", "error", "ncams", "score")
    extra = [*(f"M_{a}{b}" for a in range(3) for b in range(3)), *(f"center_{a}" for a in range(3)), "fnum"]
    lines = [",".join([*(f"{point}_{kind}" for point in POINTS for kind in kinds), *extra])]
    for number in (0, 1, 3, 4, 5):
        numbers = np.concatenate(
            [np.concatenate([joints[0, number, joint], [0.5, 2, scores[0, number, joint]]]) for joint in range(4)]
        )
        entries = ["" if np.isnan(value) else repr(float(value)) for value in numbers]
        lines.append(",".join([*entries, *["1.0"] * 12, str(number + 10)]))
    return Example({"run/a.csv": "\n".join(lines).encode()}, [joints], [scores], ["run"])
