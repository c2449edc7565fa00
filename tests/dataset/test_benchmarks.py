import gzip
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.dataset.benchmarks import BENCHMARKS, NTU120_SUBJECTS, Benchmark
from psp.dataset.split import Split
from psp.dataset.store import Store
from psp.errors import SplitError
from stores import table_store

every_benchmark = pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)


def ntu_store(names: list[str], dataset: str = "ntu60") -> Store:
    """NTU file names read by position: SsssCccPpppRrrrAaaa."""
    numbers = {"setup": 1, "camera": 5, "subject": 9, "repetition": 13, "label": 17}
    columns = {key: np.array([int(name[at : at + 3]) for name in names]) for key, at in numbers.items()}
    return table_store(names, columns.pop("label") - 1, dataset, **columns)


def mixed_store(dataset: str, clips: int = 600, order: Sequence[int] | None = None) -> Store:
    """Clips with random facts, in any order."""
    rng = np.random.default_rng(0)
    limits = {"label": (0, 4), "subject": (1, 41), "camera": (1, 4), "setup": (1, 33)}
    ids = np.array([f"clip{number:04d}" for number in rng.permutation(clips)])
    columns = {name: rng.integers(*each, clips) for name, each in limits.items()}
    order = np.arange(clips) if order is None else order
    ordered = {name: values[order] for name, values in columns.items()}
    return table_store(ids[order].tolist(), ordered.pop("label"), dataset, **ordered)


def values(store: Store, column: str, index: np.ndarray) -> set[Any]:
    return set(store.clips.column(column)[index].tolist())


def sizes(split: Split) -> tuple[int, ...]:
    return (len(split.train), *map(len, split.tests.values()))


@pytest.fixture(scope="module")
def ntu60(shared_data: Path) -> Store:
    text = gzip.decompress((shared_data / "ntu-samples/ntu60_available_names.txt.gz").read_bytes()).decode()
    return ntu_store(text.split())


@pytest.mark.parametrize(("name", "expected"), [("ntu60-xsub", (40_091, 16_487)), ("ntu60-xview", (37_646, 18_932))])
def test_ntu60_has_the_published_numbers_of_clips(ntu60: Store, name: str, expected: tuple[int, int]):
    assert sizes(BENCHMARKS[name].make(ntu60)) == expected


def test_nw_ucla_has_the_known_numbers_of_clips(shared_data: Path):
    with zipfile.ZipFile(shared_data / "nw-ucla/all_sqe.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")]
    action, view = np.array([re.findall(r"a(\d\d)_.*_v(\d\d)", name)[0] for name in names]).astype(int).T
    store = table_store(names, np.searchsorted(np.unique(action), action), "nw-ucla", camera=view)
    split = BENCHMARKS["nw-ucla"].make(store)
    assert sizes(split) == (1_020, 464, 369)
    assert not {2, 3} & set(action[split.test_index(store, "clean")])
    development, reverse = (BENCHMARKS[f"nw-ucla-{name}"].make(store) for name in ("view1-to-view2", "view2-to-view1"))
    assert sizes(development) == (516, 504)
    assert (reverse.train, reverse.tests["full"]) == (development.tests["full"], development.train)


@every_benchmark
def test_training_and_test_clips_are_apart_and_in_the_order_of_their_ids(benchmark: Benchmark):
    store = mixed_store(benchmark.dataset)
    split = benchmark.make(store)
    assert store.clips.id[split.train_index(store)].tolist() == sorted(split.train)
    for name, ids in split.tests.items():
        assert store.clips.id[split.test_index(store, name)].tolist() == sorted(set(ids))
        assert not set(split.train) & set(ids)


@every_benchmark
def test_every_benchmark_names_itself_and_a_full_test(benchmark: Benchmark):
    assert BENCHMARKS[benchmark.name] is benchmark
    split = benchmark.make(mixed_store(benchmark.dataset))
    assert (split.name, split.description) == (benchmark.name, benchmark.description)
    assert "full" in split.tests
    assert benchmark.name.startswith(benchmark.dataset)


@every_benchmark
@settings(max_examples=8)
@given(seed=st.integers(0, 2**16))
def test_the_order_of_the_table_does_not_matter(benchmark: Benchmark, seed: int):
    order = np.random.default_rng(seed).permutation(300)
    here, there = (benchmark.make(mixed_store(benchmark.dataset, 300, each)) for each in (None, order))
    assert here == there
    assert here.hash == there.hash


def test_ntu120_trains_on_53_subjects_and_even_setups():
    assert len(set(NTU120_SUBJECTS)) == 53
    assert max(NTU120_SUBJECTS) == 103
    store = mixed_store("ntu120")
    split = BENCHMARKS["ntu120-xset"].make(store)
    assert values(store, "setup", split.train_index(store)) == set(range(2, 33, 2))
    assert values(store, "setup", split.test_index(store)) == set(range(1, 33, 2))


def test_nw_ucla_reports_with_and_without_the_leaked_classes():
    store = table_store(list("abcdef"), [0, 1, 0, 1, 2, 3], "nw-ucla", camera=[1, 2, 3, 3, 3, 3])
    split = BENCHMARKS["nw-ucla"].make(store)
    assert split.train == ("a", "b")
    assert split.tests == {"full": ("c", "d", "e", "f"), "clean": ("c", "f")}


def test_the_development_splits_leave_camera_3_out():
    store = mixed_store("nw-ucla")
    split = BENCHMARKS["nw-ucla-view1-to-view2"].make(store)
    assert values(store, "camera", split.train_index(store)) == {1}
    assert values(store, "camera", split.test_index(store)) == {2}


def test_the_built_in_data_divides_by_subject_and_by_camera():
    store = mixed_store("synthetic")
    by_subject, by_camera = (BENCHMARKS[f"synthetic-{kind}"].make(store) for kind in ("xsub", "xview"))
    assert all(subject % 2 == 1 for subject in values(store, "subject", by_subject.train_index(store)))
    assert all(subject % 2 == 0 for subject in values(store, "subject", by_subject.test_index(store)))
    assert values(store, "camera", by_camera.train_index(store)) == {2, 3}


def test_clips_without_a_label_train_but_do_not_test():
    store = table_store(list("abcd"), [-1, 0, -1, 0], "synthetic", subject=[1, 1, 2, 2])
    split = BENCHMARKS["synthetic-xsub"].make(store)
    assert (split.train, split.tests["full"]) == (("a", "b"), ("d",))


@pytest.mark.parametrize(("subject", "empty"), [(1, "test set 'full'"), (2, "training set")])
def test_an_empty_side_is_refused(subject: int, empty: str):
    store = table_store(["a"], [0], "synthetic", subject=[subject])
    with pytest.raises(SplitError, match=f"split 'synthetic-xsub': the {empty} is empty: built-in data"):
        BENCHMARKS["synthetic-xsub"].make(store)


def test_a_data_set_of_another_name_is_refused():
    with pytest.raises(SplitError, match=r"for 'nw-ucla', but .* 'synthetic'\. Use synthetic-xsub or synthetic-xview"):
        BENCHMARKS["nw-ucla"].make(mixed_store("synthetic"))
    with pytest.raises(SplitError, match=r"this data set is 'mine'. Use subject or fraction=0\.3"):
        BENCHMARKS["nw-ucla"].make(mixed_store("mine"))
