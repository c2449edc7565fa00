"""SLEAP: real analysis files against h5py alone, pieces of tracks, and files that do not fit."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from format_examples.sleap import EDGES, NODES, hdf5
from psp.errors import RecordingError
from psp.io.format import File
from psp.io.formats.sleap import parse_sleap
from psp.io.parse import hdf5 as psp_hdf5

WALK = np.random.default_rng(0).uniform(0, 100, (2, 6, 4, 2))


def test_real_files(shared_data: Path) -> None:
    for name, shape in {
        "deepof/testDLC_sleap": (1, 101, 14, 2),
        "mice-ethome/sleap_predictions": (2, 3000, 13, 2),
    }.items():
        path = shared_data / f"own-samples/{name}.analysis.h5"
        (raw,) = parse_sleap([File(path.name, path.read_bytes())])
        assert raw.joints.shape == shape
        with h5py.File(path) as file:
            np.testing.assert_array_equal(raw.joints.transpose(0, 3, 2, 1), file["tracks"][:])
            assert [name.encode() for name in raw.names] == file["node_names"][:].tolist()
            edges = file["edge_names"][:].tolist() if "edge_names" in file else []
            assert [[one.encode(), other.encode()] for one, other in raw.edges] == edges
            if "point_scores" in file:
                np.testing.assert_array_equal(raw.confidence[0].T, file["point_scores"][0])
        assert raw.persons == "persons"


def test_points_set_by_a_person_are_certain_and_edges_have_names() -> None:
    scores = np.full((2, 6, 4), 0.5)
    scores[0, 0] = np.nan
    (raw,) = parse_sleap([File("x.h5", hdf5(WALK, scores))])
    assert (raw.confidence[0, 0] == 1).all()
    assert (raw.confidence[0, 1:] == 0.5).all()
    assert raw.edges == tuple((NODES[one], NODES[other]) for one, other in EDGES)


def test_more_tracks_than_animals_are_pieces() -> None:
    apart = WALK.copy()
    apart[0, 3:] = np.nan
    apart[1, :3] = np.nan
    (raw,) = parse_sleap([File("x.h5", hdf5(apart, None))])
    assert raw.persons == "bodies"


def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    good = hdf5(WALK, None)
    with pytest.raises(RecordingError, match=r"there are 4 node names"):
        parse_sleap([File("x.h5", hdf5(WALK[:, :, :3], None))])
    with pytest.raises(RecordingError, match=r"x\.h5: the HDF5 file is damaged or incomplete"):
        parse_sleap([File("x.h5", good[: len(good) // 2])])
    monkeypatch.setattr(psp_hdf5, "find_spec", lambda name: None)
    with pytest.raises(RecordingError, match=r"need the package h5py\. Install it: pip install 'psp-learning\[hdf5\]'"):
        parse_sleap([File("x.h5", good)])
