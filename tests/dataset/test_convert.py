"""A store becomes one of another layout and vertical axis, the same as if its recordings had been prepared so."""

from pathlib import Path

import numpy as np
import pytest

from psp.dataset.build import prepare
from psp.dataset.convert import convert_store
from psp.dataset.store import open_store
from psp.errors import PSPError
from psp.preprocess.normalise import NormaliseConfig, normalisation
from psp.skeleton.catalogue import layout_by_name

HALPE, COCO = layout_by_name("halpe26"), layout_by_name("coco17")


def recordings(folder: Path, joints: slice = slice(None), flip: int = 1) -> Path:
    for number in range(3):
        draw = np.random.default_rng(number)
        made = draw.normal(size=(6 + number, len(HALPE.joints), 3)) * [1, 2, 0.5]
        made[1:4, 5] = np.nan
        folder.joinpath("ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        np.save(folder / "ab"[number % 2] / f"{number}.npy", made[:, joints] * [1, flip, flip])
    return folder


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_converted_store_is_that_of_converted_recordings(tmp_path: Path, in_memory: bool) -> None:
    order = [HALPE.joints.index(joint) for joint in COCO.joints]
    prepare(recordings(tmp_path / "halpe"), tmp_path / "from", layout="halpe26", up="y", workers=1)
    prepare(recordings(tmp_path / "coco", order, -1), tmp_path / "expected", layout="coco17", up="-y", workers=1)
    store, expected = open_store(tmp_path / "from"), open_store(tmp_path / "expected")
    dest = None if in_memory else tmp_path / "to"
    found, sentence = convert_store(store, COCO, "-y", NormaliseConfig(), dest)
    assert (found.layout, found.up, found.classes) == (COCO, "-y", ("a", "b"))
    assert "'halpe26' is converted to 'coco17'" in sentence
    for number in range(3):
        ours, theirs = found.clip(number), expected.clip(number)
        assert ours.info == theirs.info
        np.testing.assert_allclose(ours.joints, theirs.joints, atol=1e-5)
        np.testing.assert_array_equal(ours.confidence, theirs.confidence)


def test_what_cannot_be_converted_is_told(tmp_path: Path) -> None:
    prepare(recordings(tmp_path / "in"), tmp_path / "store", layout="halpe26", workers=1)
    store = open_store(tmp_path / "store")
    with pytest.raises(PSPError, match="lack joints of 'ntu25'"):
        convert_store(store, layout_by_name("ntu25"), "y", NormaliseConfig())
    with pytest.raises(PSPError, match="normalised differently"):
        convert_store(store, COCO, "y", normalisation("none", COCO))
