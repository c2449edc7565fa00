"""Random numbers that are pure functions of (seed, pass, clip, purpose), for whole batches at once.

A counter-based generator: the counter is hashed with the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast
splittable pseudorandom number generators"), so a number does not depend on what was drawn before it, on the number of
workers, on the rank or on when a run was interrupted.
"""

import hashlib
import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

_GOLDEN = -7046029254386353131  # 2**64 / golden ratio, odd, as a signed number
_FIRST, _SECOND = -4658895280553007687, -7723592293110705685


def draw_keys(clip_keys: Int64[Tensor, "n"], seed: int | str, passes: Int64[Tensor, "n"] | int) -> Int64[Tensor, "n"]:
    """Return one key per draw, made of the clip's key, the seed and the pass (how often the clip was drawn before)."""
    return _mix(_mix(clip_keys ^ _word(f"seed {seed}")) + _times_golden(passes))


def uniform(keys: Int64[Tensor, "n"], purpose: str, *shape: int) -> Float[Tensor, "n ..."]:
    """Return numbers from [0, 1), one array of `shape` per key; another purpose gives independent numbers."""
    counters = torch.arange(math.prod(shape), device=keys.device) * _GOLDEN
    words = _mix(_mix(keys ^ _word(purpose))[:, None] + counters)
    return _shift(words, 40).to(torch.float32).mul_(2.0**-24).reshape(len(keys), *shape)


def between(keys: Int64[Tensor, "n"], purpose: str, low: float, high: float, *shape: int) -> Float[Tensor, "n ..."]:
    """Return numbers from [low, high), one array of `shape` per key."""
    return uniform(keys, purpose, *shape).mul_(high - low).add_(low)


def normal(keys: Int64[Tensor, "n"], purpose: str, *shape: int) -> Float[Tensor, "n ..."]:
    """Return standard normal numbers, by inversion of the distribution function."""
    centred = uniform(keys, purpose, *shape).mul_(2).sub_(1).add_(2.0**-24)
    return centred.erfinv_().mul_(math.sqrt(2))


def _times_golden(passes: Int64[Tensor, "n"] | int) -> Int64[Tensor, "n"] | int:
    """Return the product with 64-bit wrap-around; a plain number is multiplied here and not sent to the device."""
    if isinstance(passes, Tensor):
        return passes * _GOLDEN
    return (passes * _GOLDEN + 2**63) % 2**64 - 2**63


def _word(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _mix(words: Int64[Tensor, "..."]) -> Int64[Tensor, "..."]:
    words = _shift(words, 30).bitwise_xor_(words).mul_(_FIRST)
    words = _shift(words, 27).bitwise_xor_(words).mul_(_SECOND)
    return _shift(words, 31).bitwise_xor_(words)


def _shift(words: Int64[Tensor, "..."], bits: int) -> Int64[Tensor, "..."]:
    """Return the words shifted right with zeros from the left; the shift of int64 alone would copy the sign."""
    return (words >> bits).bitwise_and_((1 << (64 - bits)) - 1)
