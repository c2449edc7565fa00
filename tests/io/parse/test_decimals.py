from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psp.io.parse.decimals import WIDTH, read_decimals

WRITTEN = [repr, "{:.7g}".format, "{:.9g}".format, "{:.3f}".format, "{:.4e}".format]
PLAIN = st.from_regex(r"-?[0-9]{0,9}\.?[0-9]{0,9}", fullmatch=True).filter(bool)
WORDS = st.one_of(
    st.builds(lambda write, value: write(value), st.sampled_from(WRITTEN), st.floats()),
    st.builds(lambda write, value: write(value), st.sampled_from(WRITTEN), st.floats(-9, 9)),
    PLAIN,
    st.text("-+.0123456789e_x", min_size=1, max_size=WIDTH + 3),
).map(str.encode)


def read(words: list[bytes], blank: bytes = b" ") -> np.ndarray:
    text = np.frombuffer(blank.join(words), dtype=np.uint8)
    lengths = np.array([len(word) for word in words])
    ends = np.cumsum(lengths + len(blank)) - len(blank)
    return read_decimals(text, ends - lengths, ends)


def one_by_one(words: list[bytes]) -> np.ndarray:
    values = np.full(len(words), np.nan)
    for index, word in enumerate(words):
        with suppress(ValueError):
            values[index] = float(word)
    return values


@given(st.lists(WORDS, min_size=1, max_size=30))
@example([b"-0", b"-0.0", b"0.3", b"-.5", b"7.", b"999999999999999", b"99999999999999.9", b"0.0000000000001"])
@example([b"-1.2345678901234", b"-1.23456789012345678", b"9007199254740993", b"12345678901234.5"])
@example([b".", b"-", b"-.", b"1.2.3", b"1-2", b"--1", b"+1", b"1_0", b"nan", b"-inf", b"1e400", b"\xff", b"1" * 300])
def test_every_bit_is_that_of_float(words):
    expected = one_by_one(words)
    np.testing.assert_array_equal(read(words).view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize("places", range(WIDTH - 1))
def test_every_number_of_places(places):
    words = [f"{-(10**9) // 7 * 10**-9:.{places}f}"[:WIDTH].encode(), f"{0.1 + places:.{places}f}"[:WIDTH].encode()]
    np.testing.assert_array_equal(read(words), one_by_one(words))


def test_neighbours_do_not_matter():
    assert read([b"12", b"3.5", b"-4"], blank=b"9.9-").tolist() == [12, 3.5, -4]
