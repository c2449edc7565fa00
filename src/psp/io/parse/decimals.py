"""Fast reading of many decimal numbers in a text, with the same results as `float`."""

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

WIDTH = 15
"""Integers of up to this many digits are exact in double precision."""

PLACES = np.arange(WIDTH - 1, -1, -1, dtype=np.uint8)[:, None]
POWERS = np.array([10**place for place in range(WIDTH - 1, -1, -1)], dtype=np.float64)


def read_decimals(
    text: UInt8[np.ndarray, "characters"], begins: Int64[np.ndarray, "n"], ends: Int64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n"]:
    """Return the numbers in the words text[begin:end]; NaN for words that are not numbers.

    -12.345 is -12345 / 10^3: both are exact, so that the division rounds correctly (Clinger, How to read floating
    point numbers accurately, 1990). Words of another form or more than 15 characters are left to `float`.
    """
    lengths = np.minimum(ends - begins, WIDTH + 1).astype(np.uint8)
    places = PLACES[max(WIDTH - int(lengths.max(initial=0)), 0) :]
    characters = text.take(ends - 1 - places, mode="clip")
    characters *= lengths > places
    digits, is_point = characters - np.uint8(ord("0")), characters == ord(".")
    is_digit, negative = digits < 10, text[begins] == ord("-")
    count, points = is_digit.sum(axis=0, dtype=np.uint8), is_point.sum(axis=0, dtype=np.uint8)
    values = _quotients(digits * is_digit, is_point)
    values = np.where(negative, -values, values)
    plain = (lengths <= WIDTH) & (count + points + negative == lengths) & (count > 0) & (points < 2)
    for word in np.flatnonzero(~plain).tolist():
        values[word] = _number(text[begins[word] : ends[word]].tobytes())
    return values


def _quotients(
    digits: UInt8[np.ndarray, "places n"], is_point: Bool[np.ndarray, "places n"]
) -> Float64[np.ndarray, "n"]:
    """Return the value of digits with a zero at the point: that digit is removed and the power of ten divided out."""
    powers = POWERS[WIDTH - len(digits) :]
    written, point = powers @ digits, powers @ is_point
    unit = np.maximum(point, 1)
    whole = np.floor(written / (10 * unit))
    return (written - 9 * point * whole) / unit


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
