"""Recordings that are neither NTU RGB+D nor Northwestern-UCLA, as arrays with labels and a test part.

They are read from the folder of own samples: JHMDB (2-D people; Jhuang et al. 2013), NATOPS (3-D upper bodies; Ghouaiel
et al. 2017), hands of MediaPipe, and two mice tracked by DeepLabCut with BORIS events. Nothing was tuned on
their test parts.
"""

import csv
import gzip
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from psp.io.joints import edges_by_distance
from psp.io.parse.pickles import load_restricted
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up

NATOPS_POINTS = [f"{side} {point}" for point in ("hand tip", "elbow", "wrist", "thumb") for side in ("left", "right")]
NATOPS_EDGES = [[f"{side} {end}" for end in chain] for side in ("left", "right") for chain in (
    ("elbow", "wrist", "hand tip"), ("wrist", "thumb"))] + [["left elbow", "right elbow"]]  # fmt: skip
HAND_WINDOW, HAND_STRIDE, HAND_TEST = 30, 15, 0.6
"""Frames of a window and from one to the next; the first 60 % of a recording train."""

MOUSE_WINDOW, MOUSE_TEST = 15, 116.0
"""Frames of a window (half a second), and the second from which on windows test."""


@dataclass(frozen=True, eq=False)
class OwnData:
    """Clips (m, t, v, c) with labels, which of them test, layout and upward axis; NaN where no joint was observed."""

    clips: list[Float64[np.ndarray, "m t v c"]]
    labels: list[str]
    tests: Bool[np.ndarray, "n"]
    layout: Layout
    up: Up


def jhmdb(samples: Path) -> OwnData:
    """Return the 433 training and 176 test clips of JHMDB's first split, 14 classes of 15 joints in pixels."""
    clips, labels, tests = [], [], []
    with zipfile.ZipFile(samples / "jhmdb-2d" / "jhmdb_split1.zip") as archive:
        for name in ("GT_train_1.pkl", "GT_test_1.pkl"):
            content = load_restricted(archive.read(name), name)
            clips += [np.asarray(pose, dtype=np.float64)[None] for pose in content["pose"]]
            labels += list(content["label"])
            tests += ["test" in name] * len(content["label"])
    return OwnData(clips, labels, np.array(tests), layout_by_name("jhmdb15"), "-y")


def natops(samples: Path) -> OwnData:
    """Return the 180 training and 180 test clips of NATOPS, 6 gestures of 8 points of the arms."""
    clips, labels, tests = [], [], []
    with zipfile.ZipFile(samples / "natops" / "natops.zip") as archive:
        for name in ("NATOPS_TRAIN.ts", "NATOPS_TEST.ts"):
            lines = archive.read(name).decode().splitlines()
            for line in lines[lines.index("@data") + 1 :]:
                *channels, label = line.split(":")
                values = np.array([[float(each) for each in channel.split(",")] for channel in channels])
                clips.append(values.T.reshape(1, -1, len(NATOPS_POINTS), 3))
                labels.append(label)
                tests.append("TEST" in name)
    layout = Layout.from_graph("natops8", NATOPS_POINTS, NATOPS_EDGES)
    return OwnData(clips, labels, np.array(tests), layout, "y")


def hands(samples: Path) -> OwnData:
    """Return windows of three continuous recordings of a hand; the last part of each tests, after a gap."""
    clips, labels, tests = [], [], []
    for path in sorted((samples / "hands-kairess").glob("*.npy")):
        rows = np.load(path)
        joints = rows[:, :84].reshape(-1, 21, 4)[None, ..., :3].astype(np.float64)
        border = int(HAND_TEST * len(rows))
        for start in range(0, len(rows) - HAND_WINDOW + 1, HAND_STRIDE):
            if start + HAND_WINDOW <= border or start >= border + HAND_WINDOW:
                clips.append(joints[:, start : start + HAND_WINDOW])
                labels.append(path.name.split("_")[1])
                tests.append(start >= border)
    return OwnData(clips, labels, np.array(tests), layout_by_name("hand21"), "y")


def mice(samples: Path) -> OwnData:
    """Return windows of two mice from above, inside a bout of interaction or outside; the last 74 seconds test."""
    joints, names = _mice(samples / "mice-ethome" / "madlc_122332.csv.gz")
    bouts = _bouts(samples / "mice-ethome" / "boris_122332.csv")
    clips, labels, tests = [], [], []
    for start in range(0, joints.shape[1] - MOUSE_WINDOW + 1, MOUSE_WINDOW):
        begin, end = start / 30, (start + MOUSE_WINDOW) / 30
        inside = sum(max(0.0, min(end, stop) - max(begin, first)) for first, stop in bouts) * 30 / MOUSE_WINDOW
        if inside in (0,) or inside > 0.5:
            clips.append(joints[:, start : start + MOUSE_WINDOW])
            labels.append("interact" if inside else "other")
            tests.append(begin >= MOUSE_TEST)
    layout = Layout.from_graph("mouse7", names, edges_by_distance(joints, names))
    return OwnData(clips, labels, np.array(tests), layout, "none")


OWN_DATA: dict[str, Callable[[Path], OwnData]] = {"JHMDB": jhmdb, "NATOPS": natops, "hands": hands, "mice": mice}


def _mice(path: Path) -> tuple[Float64[np.ndarray, "m t v 2"], list[str]]:
    """Return the joints of a DeepLabCut table of two animals, and their names; likelihood below 0.1 is unobserved."""
    with gzip.open(path, "rt", newline="") as file:
        _, individuals, points, _, *rows = csv.reader(file)
    persons, names = (list(dict.fromkeys(line[1::3])) for line in (individuals, points))
    values = np.array([[float(each or "nan") for each in row[1:]] for row in rows])
    values = values.reshape(len(rows), len(persons), len(names), 3).transpose(1, 0, 2, 3)
    return np.where(values[..., 2:] >= 0.1, values[..., :2], np.nan), names


def _bouts(path: Path) -> list[tuple[float, float]]:
    """Return start and stop of the events of a BORIS file in seconds."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row[-1] in ("START", "STOP")]
    times = [float(row[0]) for row in rows]
    return list(zip(times[::2], times[1::2], strict=True))
