"""Random numbers of the built-in data: each purpose has its own generator, independent of the others."""

import numpy as np

SUBJECT, PARTNER, PERFORMANCE, CAMERA, SENSOR, PROGRAM = range(6)


def generator(seed: int, purpose: int, *numbers: int) -> np.random.Generator:
    """Return the generator of one purpose; equal arguments give equal numbers."""
    return np.random.default_rng((seed, purpose, *numbers))
