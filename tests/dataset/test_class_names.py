from pathlib import Path

import pytest

from psp.dataset.class_names import with_class_names
from psp.dataset.store import Store
from psp.errors import StoreError
from stores import table_store


def numbered(*classes: str) -> Store:
    store = table_store([f"clip{number}" for number in range(len(classes))], list(range(len(classes))))
    object.__setattr__(store, "classes", classes)
    return store


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("wave\nclap\nsit down\n", ("sit down", "wave", "clap")),
        ("\ufeff2,wave\n\n12,sit down\n3,clap\n4,run\n", ("sit down", "wave", "clap")),
        ('number,name\n2,"wave, twice"\n3,clap\n12,sit\n', ("sit", "wave, twice", "clap")),
        ("12;sit\n2;wave\n3;clap\n", ("sit", "wave", "clap")),
    ],
)
def test_numbers_get_names(tmp_path: Path, text: str, names: tuple[str, ...]):
    (tmp_path / "names.txt").write_text(text, encoding="utf-8")
    store = numbered("12", "2", "3")
    named = with_class_names(store, tmp_path / "names.txt")
    assert named.classes == names
    assert named.clips is store.clips


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        ("wave\nclap\n", ("1", "2", "3"), "2 lines, the data set 3 classes"),
        ("1,wave\n2,clap\n1,run\n", ("1", "2"), "a class is named twice"),
        ("wave\nclap\n", ("1", "--2"), "'--2' of the data set is not a number"),
        ("1,wave\n2,clap\n", ("1", "2", "3"), "class 3 has no name"),
        ("wave\nwave\n", ("1", "2"), "'wave' is named twice"),
        ("wave\nclap\n", ("1", "jump"), "'jump' of the data set is not a number"),
        ("", ("1", "2"), "0 lines"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path: Path, text: str, classes: tuple[str, ...], message: str):
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(StoreError, match=message):
        with_class_names(numbered(*classes), tmp_path / "names.txt")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(StoreError, match=r"nowhere\.txt"):
        with_class_names(numbered("1", "2"), tmp_path / "nowhere.txt")
