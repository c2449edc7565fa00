"""Pickles that were made to crash or deceive their reader, and many that are damaged."""

import os
import pickle
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from attack.attacks import FACTOR, mutated
from psp.errors import RecordingError
from psp.io.parse.pickles import load_restricted

ROUNDS = 400 * FACTOR
DTYPE = b"cnumpy\ndtype\n"
ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
OBJECTS = DTYPE + b"(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
FLOATS = DTYPE + b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"

HOSTILE = {
    "objects of bytes": ARRAY + b"(I1\n(I1\nt" + OBJECTS + b"I0\nS'AAAAAAAA'\ntb.",
    "objects of a buffer": b"cnumpy._core.numeric\n_frombuffer\n(S'AAAAAAAA'\n" + OBJECTS + b"(I1\ntS'C'\ntR.",
    "a scalar of objects": b"cnumpy._core.multiarray\nscalar\n(" + OBJECTS + b"S'AAAAAAAA'\ntR.",
    "a type with fields": DTYPE + b"(S'V8'\nI0\nI1\ntR.",
    "a type of a list": DTYPE + b"((lp0\ntR.",
    "a nested type": DTYPE + b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\n" + FLOATS + b"NNI-1\nI-1\nI0\ntb.",
    "a huge shape": ARRAY + b"(I1\n(L99999999999999999999L\nI99999999\nt" + FLOATS + b"I0\nS''\ntb.",
    "a negative shape": ARRAY + b"(I1\n(I-1\nt" + FLOATS + b"I0\nS'AAAAAAAA'\ntb.",
    "a shape of other things": ARRAY + b"(I1\n(S'a'\nt" + FLOATS + b"I0\nS'AAAAAAAA'\ntb.",
    "too few bytes": ARRAY + b"(I1\n(I9\nt" + FLOATS + b"I0\nS'AAAAAAAA'\ntb.",
    "content given twice": ARRAY + (b"(I1\n(I1\nt" + FLOATS + b"I0\nS'AAAAAAAA'\ntb") * 2 + b".",
    "an array without content": ARRAY + b".",
    "an array in itself": ARRAY + b"p1\n(I1\n(I1\nt" + OBJECTS + b"I0\n(lp2\ng1\natb.",
    "foreign state": b"(lp0\n(dS'append'\nI1\nsb.",
    "state of a function": b"cnumpy\ndtype\n(N}S'__code__'\nI1\nstb.",
    "a list in itself": b"(lp0\ng0\na.",
    "a dict in itself": b"(dp0\nS'a'\ng0\ns.",
    "twice as many, forty times": b"]q\x00"
    + b"".join(b"]q%c(h%ch%ce" % (n, n - 1, n - 1) for n in range(1, 41))
    + b".",
    "a deep tuple as a key": b"}" + b")" + b"\x85" * 2 * 10**5 + b"Ns.",
    "a deep tuple in a set": b"\x8f(" + b")" + b"\x85" * 2 * 10**5 + b"\x90.",
    "a deep list": b"]" * 2 * 10**5 + b"a" * (2 * 10**5 - 1) + b".",
    "a large place in the memo": b"Nr" + struct.pack("<I", 2**31 - 1) + b".",
    "many bytes announced": b"\x96" + struct.pack("<Q", 2**40) + b"a.",
    "a long text announced": b"\x8d" + struct.pack("<Q", 2**40) + b"a.",
    "a long number announced": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"a.",
    "a frame announced": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.",
    "a number of many digits": b"I" + b"9" * 5000 + b"\n.",
    "an instance": b"(iposix\nsystem\n.",
    "a new object": b"cnumpy\nndarray\n)\x81.",
    "an extension": b"\x82\x01.",
    "a persistent object": b"Pabc\n.",
    "another buffer": b"\x97.",
    "nothing": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pickle_is_refused(content):
    """In this process, which a crash would end; what is harmless may be read."""
    found: object = None
    with suppress(RecordingError):
        found = load_restricted(content, "hostile.pkl")
    assert found is None or isinstance(found, str | bytes | list | bytearray)


def test_objects_come_through_the_unpickler(tmp_path):
    array = np.array([["a", None], [1, [2.5]]], dtype=object)
    for protocol in range(6):
        found = load_restricted(pickle.dumps(array, protocol), "objects.pkl")
        assert found.shape == (2, 2)
        assert found.tolist() == array.tolist()


def fuzz(seed: int, rounds: int) -> None:
    """Read mutated pickles of all protocols."""
    draw = np.random.default_rng(seed)
    arrays = [np.arange(6.0).reshape(2, 3), np.array(["a", None], dtype=object), np.array(["a", "bc"]), np.float32(1)]
    whole = [pickle.dumps({"names": ["a", ("b", 1)], "joints": arrays}, protocol) for protocol in range(6)]
    seeds = [*whole, *(content for content in HOSTILE.values() if 0 < len(content) < 10**4)]
    for _ in range(rounds):
        content = seeds[draw.integers(len(seeds))]
        for _ in range(draw.integers(1, 4)):
            content = mutated(content, draw) or b"."
        with suppress(RecordingError):
            load_restricted(content, "mutated.pkl")


def test_mutated_pickles_raise_no_other_error():
    fuzz(0, ROUNDS)


@pytest.mark.skipif(FACTOR < 10, reason="part of `make attack`")
@pytest.mark.parametrize("seed", range(1, 5))
def test_a_hundred_thousand_mutated_pickles_end_no_process(seed):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, __file__, str(seed), "25000"], check=True, timeout=1200, env=environment)


if __name__ == "__main__":
    fuzz(int(sys.argv[1]), int(sys.argv[2]))
