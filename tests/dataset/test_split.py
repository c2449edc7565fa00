import gzip
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.dataset.split import (
    NTU120_SUBJECTS,
    PROTOCOLS,
    Protocol,
    Selection,
    protocol_by_name,
    split,
    split_store,
)
from psp.dataset.store import Store
from psp.dataset.clip_table import COLUMNS, ClipTable
from psp.errors import ProtocolError
from psp.skeleton.ntu25 import NTU25

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


def table(ids: list[str], **columns: object) -> ClipTable:
    """A clip table of which only some columns matter."""
    known = {name: np.asarray(values, dtype=np.int64) for name, values in columns.items()}
    names = ("label", "subject", "camera", "setup", "repetition", "persons", "frames", "first_row")
    zeros = {name: np.zeros(len(ids), dtype=np.int64) for name in names}
    return ClipTable(np.array(ids), **(zeros | known))


def ntu_table(names: list[str]) -> ClipTable:
    """NTU file names read by position: SsssCcccPpppRrrrAaaa."""
    numbers = {"setup": 1, "camera": 5, "subject": 9, "repetition": 13, "label": 17}
    columns = {key: np.array([int(name[at : at + 3]) for name in names]) for key, at in numbers.items()}
    columns["label"] -= 1
    return table(names, **columns)


def mixed_table(clips: int = 600) -> ClipTable:
    rng = np.random.default_rng(0)
    columns = {"label": (0, 4), "subject": (1, 41), "camera": (1, 4), "setup": (1, 33)}
    ids = [f"clip{number:04d}" for number in rng.permutation(clips)]
    return table(ids, **{name: rng.integers(*limits, clips) for name, limits in columns.items()})


@pytest.fixture(scope="module")
def ntu60(shared_data: Path) -> ClipTable:
    text = gzip.decompress((shared_data / "ntu-samples/ntu60_available_names.txt.gz").read_bytes()).decode()
    return ntu_table(text.split())


@pytest.mark.parametrize(("name", "train", "test"), [("ntu60-xsub", 40_091, 16_487), ("ntu60-xview", 37_646, 18_932)])
def test_ntu60_has_the_published_numbers_of_clips(ntu60: ClipTable, name: str, train: int, test: int):
    parts = split(PROTOCOLS[name], ntu60)
    assert (len(parts.train), len(parts.tests["full"])) == (train, test)


def test_nw_ucla_has_the_known_numbers_of_clips(shared_data: Path):
    with zipfile.ZipFile(shared_data / "nw-ucla/all_sqe.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")]
    action, view = np.array([re.findall(r"a(\d\d)_.*_v(\d\d)", name)[0] for name in names]).astype(int).T
    clips = table(names, label=np.searchsorted(np.unique(action), action), camera=view)
    parts = split(PROTOCOLS["nw-ucla"], clips)
    assert (len(parts.train), len(parts.tests["full"]), len(parts.tests["clean"])) == (1_020, 464, 369)
    assert not {2, 3} & set(action[parts.tests["clean"]])
    development = split(PROTOCOLS["nw-ucla-view1-to-view2"], clips)
    assert (len(development.train), len(development.tests["full"])) == (516, 504)
    reverse = split(PROTOCOLS["nw-ucla-view2-to-view1"], clips)
    assert np.array_equal(reverse.train, development.tests["full"])
    assert np.array_equal(reverse.tests["full"], development.train)


@every_protocol
def test_training_and_test_clips_are_apart_and_in_the_order_of_their_ids(protocol: Protocol):
    clips = mixed_table()
    parts = split(protocol, clips)
    for rows in (parts.train, *parts.tests.values()):
        assert np.array_equal(rows, sorted(rows, key=lambda row: clips.id[row]))
        assert len(rows) == len(set(rows.tolist()))
    for rows in parts.tests.values():
        assert not set(parts.train) & set(rows)


@every_protocol
def test_every_protocol_names_itself_and_a_full_test(protocol: Protocol):
    assert PROTOCOLS[protocol.name] is protocol
    assert "full" in protocol.tests
    assert protocol.name.startswith(protocol.dataset)


@every_protocol
@given(seed=st.integers(0, 2**16))
def test_the_order_of_the_table_does_not_matter(protocol: Protocol, seed: int):
    clips = mixed_table(300)
    order = np.random.default_rng(seed).permutation(len(clips))
    shuffled = ClipTable(**{name: getattr(clips, name)[order] for name in COLUMNS})
    here, there = split(protocol, clips), split(protocol, shuffled)
    assert np.array_equal(clips.id[here.train], shuffled.id[there.train])


def test_ntu120_trains_on_53_subjects_and_even_setups():
    assert len(set(NTU120_SUBJECTS)) == 53
    assert max(NTU120_SUBJECTS) == 103
    clips = mixed_table()
    by_setup = split(PROTOCOLS["ntu120-xset"], clips)
    assert set(clips.setup[by_setup.train]) == set(range(2, 33, 2))
    assert set(clips.setup[by_setup.tests["full"]]) == set(range(1, 33, 2))


def test_nw_ucla_reports_with_and_without_the_leaked_classes():
    clips = table(list("abcdef"), label=[0, 1, 0, 1, 2, 3], camera=[1, 2, 3, 3, 3, 3])
    parts = split(PROTOCOLS["nw-ucla"], clips)
    assert parts.train.tolist() == [0, 1]
    assert parts.tests["full"].tolist() == [2, 3, 4, 5]
    assert parts.tests["clean"].tolist() == [2, 5]


def test_the_development_protocol_never_sees_view_3():
    clips = mixed_table()
    parts = split(PROTOCOLS["nw-ucla-view1-to-view2"], clips)
    assert set(clips.camera[parts.train]) == {1}
    assert set(clips.camera[parts.tests["full"]]) == {2}


def test_the_built_in_data_divides_by_subject_and_by_view():
    clips = mixed_table()
    by_subject, by_view = (split(PROTOCOLS[f"synthetic-{kind}"], clips) for kind in ("xsub", "xview"))
    assert (clips.subject[by_subject.train] % 2 == 1).all()
    assert (clips.subject[by_subject.tests["full"]] % 2 == 0).all()
    assert set(clips.camera[by_view.train]) == {2, 3}


def test_clips_without_a_label_train_but_do_not_test():
    clips = table(list("abcd"), label=[-1, 0, -1, 0], subject=[1, 1, 2, 2])
    parts = split(PROTOCOLS["synthetic-xsub"], clips)
    assert parts.train.tolist() == [0, 1]
    assert parts.tests["full"].tolist() == [3]


def test_a_selection_can_be_turned_round():
    clips = table(list("abc"), subject=[1, 2, 3], label=[0, 0, 7])
    assert Selection("subject", (2,)).mask(clips).tolist() == [False, True, False]
    assert Selection("subject", (2,), outside=True).mask(clips).tolist() == [True, False, True]
    assert Selection("subject", (2,), outside=True, without_labels=(7,)).mask(clips).tolist() == [
        True,
        False,
        False,
    ]


def test_an_empty_part_is_refused():
    with pytest.raises(ProtocolError, match="the full set is empty"):
        split(PROTOCOLS["synthetic-xsub"], table(["a"], subject=[1]))
    with pytest.raises(ProtocolError, match="the training set is empty"):
        split(PROTOCOLS["synthetic-xsub"], table(["a"], subject=[2]))


def test_a_store_of_another_data_set_is_refused(tmp_path: Path):
    joints = np.zeros((0, 25, 3), dtype=np.float32)
    store = Store(tmp_path, NTU25, ("walk",), "synthetic", {}, mixed_table(), joints)
    assert len(split_store(PROTOCOLS["synthetic-xsub"], store).train)
    with pytest.raises(ProtocolError, match=r"this store holds 'synthetic'.*synthetic-xsub or synthetic-xview"):
        split_store(PROTOCOLS["nw-ucla"], store)
    with pytest.raises(ProtocolError, match=r"Add a Protocol for 'mine' to PROTOCOLS.*docs/extending\.md"):
        split_store(PROTOCOLS["nw-ucla"], replace(store, dataset="mine"))


def test_an_unknown_protocol_is_answered_with_the_nearest():
    with pytest.raises(ProtocolError, match="Did you mean 'ntu60-xsub'"):
        protocol_by_name("ntu60-xsubject")
    with pytest.raises(ProtocolError, match="Choose one of ntu60-xsub"):
        protocol_by_name("?")
    assert protocol_by_name("nw-ucla").name == "nw-ucla"
