import pickle
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import RecordingError
from psp.io.parse.pickles import read_restricted

ARRAYS = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0),
    np.array(["a", "bc"]),
    np.array([True, False]),
    np.zeros((0, 4), dtype=np.int64),
]


class Harmful:
    """Creates the file `path` if it is unpickled by a program that trusts it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_scalars_of_every_protocol(tmp_path, protocol):
    path = tmp_path / "arrays.pkl"
    path.write_bytes(pickle.dumps({"arrays": ARRAYS, "scalar": np.float32(0.1)}, protocol))
    found = read_restricted(path)
    assert found["scalar"] == np.float32(0.1)
    for array, expected in zip(found["arrays"], ARRAYS, strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(plain, st.integers(0, 5))
def test_plain_values_come_back(tmp_path_factory, value, protocol):
    path = tmp_path_factory.getbasetemp() / "plain.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_restricted(path) == value


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_executed(tmp_path, protocol):
    path, traces = tmp_path / "harmful.pkl", tmp_path / "traces"
    path.write_bytes(pickle.dumps(["labels", Harmful(traces)], protocol))
    with pytest.raises(RecordingError, match="holds more than plain values"):
        read_restricted(path)
    assert not traces.exists()


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "numpy.load", "numpy._core.multiarray.fromfile"])
def test_other_functions_are_refused(tmp_path, name):
    module, function = name.rsplit(".", 1)
    path = tmp_path / "names.pkl"
    path.write_bytes(f"c{module}\n{function}\n.".encode())
    with pytest.raises(RecordingError, match="names"):
        read_restricted(path)


@given(st.data())
def test_damage_never_raises_another_error(tmp_path_factory, data):
    content = bytearray(pickle.dumps({"names": ["a", "b"], "joints": ARRAYS}, data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(RecordingError):
        read_restricted(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"nowhere\.pkl"):
        read_restricted(tmp_path / "nowhere.pkl")


def test_pickles_of_another_program(shared_data):
    recordings = read_restricted(shared_data / "ntu-samples/raw_skes_data.pkl")
    assert len(recordings) == 11
    assert recordings[0]["name"] == "S017C003P020R002A050"


def test_a_pickle_cannot_alter_numpy(tmp_path):
    function = np.zeros(1).__reduce_ex__(5)[0]
    before = function.__defaults__
    path = tmp_path / "altering.pkl"
    path.write_bytes(f"c{function.__module__}\n{function.__name__}\n(N}}S'__defaults__'\n(I1\ntstb.".encode())
    with suppress(RecordingError):
        read_restricted(path)
    assert function.__defaults__ == before


def test_texts_of_python_2(tmp_path):
    path = tmp_path / "old.pkl"
    path.write_bytes(b"U\x02\xe9\xe8.")
    assert read_restricted(path) == "éè"
