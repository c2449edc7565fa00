import shutil

import numpy as np
import pytest

from psp.deploy.load import load
from psp.errors import CheckpointError
from psp.evaluate.arrays import InputError


@pytest.fixture(scope="module")
def recogniser(trained, tmp_path_factory):
    """A model that knows nothing but its one file."""
    alone = tmp_path_factory.mktemp("alone") / "copy.safetensors"
    shutil.copy(trained / "model.safetensors", alone)
    return load(alone, device="auto")


def test_arrays_of_any_form_are_recognised(recogniser):
    clip = np.random.default_rng(0).normal(size=(9, 25, 3))
    forms = [[clip], [clip[None]], clip[None], clip[None, None], clip.reshape(9, 75).T[None], [clip.tolist()]]
    found = [recogniser.predict(form) for form in forms]
    assert found[0].shape == (1, len(recogniser.classes))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_many_clips_are_recognised_as_one_by_one(recogniser):
    draw = np.random.default_rng(0)
    clips = [draw.normal(size=(1 + number % 2, 3 + number % 7, 25, 3)) for number in range(70)]
    alone = np.concatenate([recogniser.predict([clip]) for clip in clips[60:]])
    np.testing.assert_allclose(recogniser.predict(clips)[60:], alone, atol=1e-5)
    assert recogniser.predict([]).shape == (0, len(recogniser.classes))


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([np.ones((5, 24, 3))], "clip 0: the shape .* 25 joints of 3 coordinates"),
        ([np.ones((5, 25, 3)), np.ones((5, 25, 2))], "clip 1: the shape"),
        ([np.ones((0, 25, 3))], "clip 0: the recording has no frames"),
        ([np.full((5, 25, 3), np.nan)], "no joint was observed"),
        ([np.full((5, 25, 3), np.inf)], "exceeds"),
        ([["a", "b"]], "not an array of numbers"),
        ("model", "clips of type str"),
        (3, "clips of type int"),
    ],
)
def test_other_input_is_refused_in_one_sentence(recogniser, clips, message):
    with pytest.raises(InputError, match=message):
        recogniser.predict(clips)


def test_a_missing_or_damaged_model_is_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        load(tmp_path / "absent.onnx")
    content = (trained / "model.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load(tmp_path / "half.safetensors")
