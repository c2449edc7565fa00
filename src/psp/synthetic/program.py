"""Motion programs: keyframes and swings of joint angles, and their values in every frame of a performance."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from psp.synthetic.kinematics import CHANNELS
from psp.synthetic.pose import REST, Degrees, Pose

FRAMES_PER_SECOND = 30

LIMITS: dict[str, tuple[int, int]] = {
    "raise": (-50, 178), "out": (-60, 130), "roll": (-95, 100), "elbow": (3, 148), "wrist": (-45, 60),
    "hip": (-35, 125), "apart": (-8, 45), "turnout": (-20, 45), "knee": (2, 145), "toe": (-40, 70),
    "bend": (-30, 75), "lean": (-30, 75), "side": (-35, 35), "nod": (-40, 45), "gaze": (-75, 75),
}  # fmt: skip
"""The smallest and largest angle of each channel, in degrees."""


@dataclass(frozen=True)
class Swing:
    """A harmonic: `degrees` sin(2 pi (cycles q + `offset`)), q going from 0 to 1 over the program's window.

    The number of cycles is drawn once per performance, so that all swings of a program stay synchronous.
    """

    channel: str
    degrees: Degrees
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Program:
    """The motion of one person: keys are (phase in [0, 1], pose); between keys angles change smoothly.

    `cycles` is the range of the number of cycles of the swings, `window` the phases between which they last, `seconds`
    the mean duration, `facing` the standard deviation in degrees of the direction that a person faces.
    """

    keys: tuple[tuple[int | float, Pose], ...]
    swings: tuple[Swing, ...] = ()
    cycles: tuple[float, float] = (1.0, 1.0)
    window: tuple[float, float] = (0.0, 1.0)
    seconds: float = 2.2
    facing: float = 12.0


@dataclass(frozen=True)
class Timing:
    """The timing of one performance: the action fills [`begin`, `end`] of the clip, outside it the person is idle.

    With `ease` above 1 the action starts slowly and ends fast.
    """

    frames: int
    begin: float
    end: float
    ease: float
    cycles: float

    def phase(self) -> Float[np.ndarray, "t"]:
        """The phase of the program in every frame."""
        clock = np.linspace(0, 1, self.frames)
        return np.clip((clock - self.begin) / (self.end - self.begin), 0, 1) ** self.ease


def draw_timing(program: Program, tempo: float, rng: np.random.Generator) -> Timing:
    """Return a random timing of a program, of 32 to 120 frames."""
    seconds = program.seconds / tempo * np.exp(rng.normal(0, 0.10))
    begin, end = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    return Timing(
        frames=int(np.clip(round(seconds * FRAMES_PER_SECOND), 32, 120)),
        begin=begin,
        end=end,
        ease=float(np.exp(rng.normal(0, 0.15))),
        cycles=rng.uniform(*program.cycles),
    )


def program_angles(
    program: Program,
    phase: Float[np.ndarray, "t a"],
    cycles: float,
    gain: Float[np.ndarray, "a"],
    habit: Float[np.ndarray, "a"],
) -> Float[np.ndarray, "t a"]:
    """Return the angles of every frame, in degrees: smoothstep between keys, plus swings, clipped to LIMITS.

    `gain` multiplies the distance of each angle from rest; `habit` is the angle where a key sets none.
    """
    times, targets = _key_table(program)
    rest = channel_values(REST)
    values = np.where(np.isnan(targets), habit, rest + gain * (targets - rest))
    before = np.clip(np.searchsorted(times, phase, side="right") - 1, 0, len(times) - 2)
    part = (phase - times[before]) / (times[before + 1] - times[before])
    part = part * part * (3 - 2 * part)
    channel = np.arange(len(CHANNELS))
    angles = values[before, channel] * (1 - part) + values[before + 1, channel] * part
    return np.clip(angles + gain * _swing(program, phase, cycles), *_limit_table())


def channel_values(pose: Pose) -> Float[np.ndarray, "a"]:
    """Return a pose as an array over CHANNELS, zero for channels that the pose does not set."""
    return np.array([pose.get(channel, 0.0) for channel in CHANNELS], dtype=np.float64)


def _swing(program: Program, phase: Float[np.ndarray, "t a"], cycles: float) -> Float[np.ndarray, "t a"]:
    """The sum of all swings, faded in and out at the edges of the window."""
    first, last = program.window
    within = np.clip((phase - first) / (last - first), 0, 1)
    fade = np.clip(np.minimum(within, 1 - within) / 0.12, 0, 1)
    total = np.zeros_like(phase)
    for swing in program.swings:
        column = CHANNELS.index(swing.channel)
        turn = 2 * np.pi * (cycles * within[:, column] + swing.offset)
        total[:, column] += swing.degrees * fade[:, column] * np.sin(turn)
    return total


@cache
def _key_table(program: Program) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k a"]]:
    """The phases of the keys and their angles, NaN for channels that a key does not set."""
    times = np.array([time for time, _ in program.keys], dtype=np.float64)
    targets = [[pose.get(channel, np.nan) for channel in CHANNELS] for _, pose in program.keys]
    return times, np.array(targets, dtype=np.float64)


@cache
def _limit_table() -> Float[np.ndarray, "2 a"]:
    limits = [LIMITS.get(channel.split()[-1], (-180, 180)) for channel in CHANNELS]
    return np.array(limits, dtype=np.float64).T
