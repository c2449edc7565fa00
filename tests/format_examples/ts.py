"""Time series of aeon: two recordings with their labels."""

import numpy as np

from format_examples import Example, skeletons
from psp.skeleton.layout import Layout

LAYOUT = Layout.from_graph("three", ["tail", "back", "head"], [["tail", "back", "head"]])


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 1, length, 3, 3) for length in (4, 6)]
    lines = ["# made", "@problemName made", "@timeStamps false", "@univariate false", "@dimensions 9"]
    lines += ["@classLabel true sit wave", "@data"]
    for label, each in zip(("wave", "sit"), joints, strict=True):
        channels = each[0].reshape(len(each[0]), -1).T.tolist()
        numbers = [",".join("?" if number != number else repr(number) for number in channel) for channel in channels]
        lines.append(":".join([*numbers, label]))
    files = {"made_TEST.ts": "\n".join(lines).encode()}
    return Example(files, joints, labels=["wave", "sit"], options={"layout": LAYOUT})
