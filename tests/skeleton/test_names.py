"""Joint names of any script and spelling, and which of two lists mean the same joints."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.skeleton.names import canonical, matches, pairs_by_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LShoulder", "left shoulder"), ("SHOULDER_LEFT", "left shoulder"), ("左手_1", "左手 1"), ("हाथ-L", "left हाथ"),
        ("Левая_рука", "левая рука"), ("Ärm", "ärm"), (normalize("NFD", "LeftÄrm2"), "left ärm 2"), ("+", ""),
    ],
)  # fmt: skip
def test_letters_of_every_script_are_words(name: str, expected: str) -> None:
    assert canonical(name) == expected


def test_pairs_of_other_scripts() -> None:
    assert pairs_by_name(["手_L", "手_R", "头", "Fuß_right", "Fuß_left"]) == ((0, 1), (4, 3))


def test_joints_are_matched_by_their_own_names_first() -> None:
    assert matches(["m-", "m+"], ["m+", "m-"]) == [1, 0]
    assert matches(["Left Arm", "left_arm"], ["left_arm", "Left Arm", "arm"]) == [1, 0, -1]
    assert matches(["m+"], ["m", "m+"]) == [-1, 0]
    assert matches(["Ürm", "Ärm"], [normalize("NFD", "ärm"), "urm"]) == [1, -1]


NAMES = st.lists(st.text(st.sampled_from("mMlL左右Ääé́ +-_1"), max_size=4), max_size=8, unique=True)


@given(NAMES, st.randoms())
def test_a_list_in_another_order_is_matched_one_to_one(names: list[str], random) -> None:
    shuffled = random.sample(names, len(names))
    assert [shuffled[place] for place in matches(shuffled, names)] == names


@given(NAMES, NAMES)
def test_no_two_joints_are_the_same_one(names: list[str], joints: list[str]) -> None:
    found = [place for place in matches(names, joints) if place >= 0]
    assert len(set(found)) == len(found)
