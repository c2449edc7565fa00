"""One performance: a subject carries out a program, alone or with a partner, somewhere in the room."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from psp.synthetic.body import body
from psp.synthetic.classes import ACTIONS, ENCOUNTERS, SYNTHETIC_CLASSES
from psp.synthetic.encounters import Encounter, meet
from psp.synthetic.kinematics import CHANNELS, free_channels, positions, turn_about_vertical
from psp.synthetic.program import FRAMES_PER_SECOND, Program, Timing, draw_timing, program_angles
from psp.synthetic.random_actions import own_way, random_program
from psp.synthetic.randomness import PARTNER, PERFORMANCE, PROGRAM, SUBJECT, generator
from psp.synthetic.subject import Subject, draw_partner, draw_subject, restrained

OTHER_HAND = 0.05
"""The probability that a subject uses the hand they do not prefer."""

OWN_WAY = 0.5
"""The probability that a subject uses their own variant of an action instead of a random one."""

SLIP = 0.03
"""Relative standard deviation of the angles between two performances of the same person."""

SWAY = 2.0
"""Standard deviation, in degrees, of the slow movements of a subject who keeps still."""


@lru_cache(maxsize=4)
def perform(seed: int, action: int, subject: int, repetition: int) -> Float[np.ndarray, "m t v 3"]:
    """Return the ntu25 joints of one performance in room coordinates: floor at y = 0, the front camera at -z.

    Actions are numbered as SYNTHETIC_CLASSES, and random ones follow.
    The array is read-only: the last few performances are kept, because all cameras see the same one.
    """
    rng = generator(seed, PERFORMANCE, action, subject, repetition)
    person = draw_subject(generator(seed, SUBJECT, subject))
    if action >= len(SYNTHETIC_CLASSES):
        program = own_way(random_program(seed, action), generator(seed, PROGRAM, action, subject))
        joints = _solo((program,), person, rng)
    elif (name := SYNTHETIC_CLASSES[action]) in ENCOUNTERS:
        partner = draw_partner(person, generator(seed, PARTNER, action, subject, repetition))
        joints = _pair(ENCOUNTERS[name], person, partner, rng)
    else:
        joints = _solo(ACTIONS[name], person, rng)
    joints.setflags(write=False)
    return joints


def mirrored(joints: Float[np.ndarray, "*m t v 3"]) -> Float[np.ndarray, "*m t v 3"]:
    """Return the movement with left and right exchanged."""
    return joints[..., body().mirror, :] * np.array([-1, 1, 1])


def _solo(variants: tuple[Program, ...], person: Subject, rng: np.random.Generator) -> Float[np.ndarray, "1 t v 3"]:
    """One person who faces the front camera."""
    preference = person.preference if rng.random() < OWN_WAY else rng.random()
    program = variants[int(preference * len(variants))]
    joints = _act(program, person, draw_timing(program, person.tempo, rng), rng)[None]
    left_handed = person.left_handed ^ (rng.random() < OTHER_HAND)
    return _put_in_room(mirrored(joints) if left_handed else joints, 180 + rng.normal(0, program.facing), rng)


def _pair(
    encounter: Encounter, person: Subject, partner: Subject, rng: np.random.Generator
) -> Float[np.ndarray, "2 t v 3"]:
    """Two persons, seen from the side by the front camera; both follow the first one's clock."""
    timing = draw_timing(encounter.first, person.tempo, rng)
    first = _act(encounter.first, restrained(person), timing, rng)
    second = _act(encounter.second, restrained(partner), timing, rng)
    side = 90 if rng.random() < 0.5 else -90
    return _put_in_room(
        meet(encounter, first, second, timing.phase()), side + rng.normal(0, encounter.first.facing), rng
    )


def _act(program: Program, person: Subject, timing: Timing, rng: np.random.Generator) -> Float[np.ndarray, "t v 3"]:
    """One person's performance, with random deviations, so that repetitions differ."""
    slips = np.exp(rng.normal(0, SLIP, len(CHANNELS)) * free_channels())
    phase = timing.phase()[:, None] * (1 - person.delay)
    angles = program_angles(program, phase, timing.cycles, person.gain * slips, person.habit * slips)
    return positions(angles + _sway(timing.frames, rng), person.offsets)


def _sway(frames: int, rng: np.random.Generator) -> Float[np.ndarray, "t a"]:
    """A slow sine on every free angle."""
    speed, start = rng.uniform(0.2, 0.7, len(CHANNELS)), rng.uniform(0, 1, len(CHANNELS))
    seconds = np.arange(frames)[:, None] / FRAMES_PER_SECOND
    size = rng.normal(0, SWAY, len(CHANNELS)) * free_channels()
    return size * np.sin(2 * np.pi * (speed * seconds + start))


def _put_in_room(
    joints: Float[np.ndarray, "m t v 3"], facing: float, rng: np.random.Generator
) -> Float[np.ndarray, "m t v 3"]:
    """Return the persons turned to `facing` degrees, with the middle of their path near the middle of the room."""
    middle = joints[:, :, body().centre].mean(axis=(0, 1)) * (1, 0, 1)
    return (joints - middle) @ turn_about_vertical(facing).T + rng.normal(0, 0.2, 3) * (1, 0, 1)
