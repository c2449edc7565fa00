"""Random actions: motion programs drawn at random, as many classes as are asked for, to pre-train encoders on.

A class is a program drawn once; every subject performs it in a way of their own.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from psp.synthetic.kinematics import SIDES
from psp.synthetic.pose import Pose, arm, leg, legs
from psp.synthetic.program import LIMITS, Program, Swing
from psp.synthetic.randomness import PROGRAM, generator

OWN_WAY = 9.0
"""Standard deviation, in degrees, of a key's angles among subjects."""

GAIT: tuple[Swing, ...] = (
    Swing("right hip", 25), Swing("right knee", 27, 0.35), Swing("left hip", 25, 0.5), Swing("left knee", 27, 0.85),
    Swing("right raise", 15, 0.5), Swing("left raise", 15),
)  # fmt: skip
"""The swings of a person who walks."""


@lru_cache(maxsize=4096)
def random_program(seed: int, number: int) -> Program:
    """Return action `number`: limbs that move, one to three poses of them, and perhaps swings about these poses."""
    rng = generator(seed, PROGRAM, number)
    base, swings = _base(rng)
    moving = _moving_parts(rng)
    poses = [base | _pose(moving, rng) for _ in range(rng.choice((1, 2, 3), p=(0.45, 0.35, 0.2)))]
    first, last = (base if rng.random() < 0.75 else base | _pose(moving, rng) for _ in range(2))
    if rng.random() < 0.45:
        swings = (*swings, *_swings(moving, rng))
    return Program(
        _keys(first, poses, last, rng), swings, cycles=_cycles(rng), window=(0.15, 0.85),
        seconds=rng.uniform(1.6, 2.8), facing=rng.choice((12.0, 40.0)),
    )  # fmt: skip


def own_way(program: Program, rng: np.random.Generator) -> Program:
    """Return a program with the keys of one subject: other angles and other times."""
    inner = [time + rng.normal(0, 0.025) for time, _ in program.keys[1:-1]]
    times = (0.0, *sorted(np.clip(inner, 0.05, 0.95)), 1.0)
    poses = [
        {channel: _within(channel, angle + rng.normal(0, OWN_WAY)) for channel, angle in pose.items()}
        for _, pose in program.keys
    ]
    return replace(program, keys=tuple(zip(times, poses, strict=True)))


def _base(rng: np.random.Generator) -> tuple[Pose, tuple[Swing, ...]]:
    """Return what the body does all the time: it stands, sits, crouches or walks."""
    kind = rng.choice(4, p=(0.68, 0.14, 0.08, 0.10))
    if kind == 1:
        return legs(rng.uniform(78, 95), rng.uniform(80, 100)) | {"lean": rng.uniform(-8, 10)}, ()
    if kind == 2:
        depth = rng.uniform(40, 100)
        return legs(depth, 1.2 * depth) | {"lean": rng.uniform(0, 35)}, ()
    return ({}, GAIT) if kind == 3 else ({}, ())


def _moving_parts(rng: np.random.Generator) -> tuple[str, ...]:
    """Return the parts of the body that an action moves."""
    choices: tuple[tuple[str, ...], ...] = (
        ("right arm",), ("both arms",), ("right arm", "left arm"), ("right arm", "trunk"), ("both arms", "trunk"),
        ("trunk",), ("right leg",), ("both legs",), ("both legs", "both arms"), ("right leg", "both arms"),
        ("both legs", "trunk", "right arm"), ("turn", "right arm"),
    )  # fmt: skip
    weights = np.array((6, 4, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1))
    return choices[rng.choice(len(choices), p=weights / weights.sum())]


def _pose(parts: tuple[str, ...], rng: np.random.Generator) -> Pose:
    """Return random angles of the moving parts."""
    pose: Pose = {}
    for part in parts:
        pose |= _pose_of(part, rng)
    return pose


def _pose_of(part: str, rng: np.random.Generator) -> Pose:
    if part.endswith("arm") or part.endswith("arms"):
        low, high = ((5, 60), (60, 110), (110, 172))[rng.choice(3, p=(0.3, 0.45, 0.25))]
        angles = (rng.uniform(low, high), rng.uniform(-25, 105), rng.uniform(-40, 95), 140 * rng.beta(1.1, 1.2) + 4)
        return {name: angle for side in _sides(part) for name, angle in arm(*angles, side).items()}
    if part == "right leg":
        return leg("right", rng.uniform(-30, 95), rng.uniform(5, 120), rng.uniform(-30, 50))
    if part == "both legs":
        depth = rng.uniform(15, 105)
        return legs(depth, 1.2 * depth) | ({"lift": rng.uniform(12, 35)} if rng.random() < 0.2 else {})
    if part == "turn":
        return {"turn": rng.uniform(-150, 150)}
    lean = rng.uniform(-10, 65) if rng.random() < 0.6 else 0.0
    return {
        "lean": lean, "bend": rng.uniform(-15, 50), "side": rng.uniform(-25, 25), "twist": rng.uniform(-40, 40),
        "nod": rng.uniform(-35, 35), "gaze": rng.uniform(-50, 50),
    }  # fmt: skip


def _sides(part: str) -> tuple[str, ...]:
    return SIDES if part.startswith("both") else (part.split()[0],)


def _swings(parts: tuple[str, ...], rng: np.random.Generator) -> tuple[Swing, ...]:
    """Return one or two swings of a moving part; of both arms in step or in turn."""
    part = parts[rng.integers(len(parts))]
    names = {
        "arm": ("raise", "out", "roll", "elbow"), "arms": ("raise", "out", "roll", "elbow"), "leg": ("hip", "knee"),
        "legs": ("hip", "knee"), "trunk": ("bend", "side", "twist", "nod"), "turn": ("twist",),
    }[part.split()[-1]]  # fmt: skip
    offset = rng.choice((0.0, 0.5))
    swings: list[Swing] = []
    count = min(len(names), int(rng.integers(1, 3)))
    for name in rng.choice(np.array(names), size=count, replace=False):
        degrees, phase = rng.uniform(10, 35), rng.uniform(0, 1)
        if part.split()[-1] in ("trunk", "turn"):
            swings.append(Swing(str(name), degrees / 2, phase))
            continue
        swings += [
            Swing(f"{side} {name}", degrees, phase + number * offset) for number, side in enumerate(_sides(part))
        ]
    return tuple(swings)


def _cycles(rng: np.random.Generator) -> tuple[float, float]:
    least = rng.uniform(1, 3)
    return least, 1.6 * least


def _keys(first: Pose, poses: list[Pose], last: Pose, rng: np.random.Generator) -> tuple[tuple[float, Pose], ...]:
    """Return the keys: each pose is held for a while, except some that are only passed."""
    cuts = np.cumsum(rng.uniform(0.6, 1.4, 2 * len(poses) + 1))
    times = cuts[:-1] / cuts[-1]
    keys = [(0.0, first)]
    for number, pose in enumerate(poses):
        keys.append((float(times[2 * number]), pose))
        if rng.random() < 0.6:
            keys.append((float(times[2 * number + 1]), pose))
    return (*keys, (1.0, last))


def _within(channel: str, angle: float) -> float:
    low, high = LIMITS.get(channel.split()[-1], (-180, 180))
    return float(np.clip(angle, low, high))
