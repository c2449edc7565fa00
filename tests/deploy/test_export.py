import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from psp.preprocess.normalise import NORMALISATIONS, normalise
from psp.dataset.store import open_store
from psp.deploy import export
from psp.deploy.agreement import agreement, expected_probabilities, random_clip
from psp.deploy.clips import padded
from psp.deploy.export import export_onnx, metadata, onnx_bytes
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import Recogniser, recogniser_of
from psp.errors import CheckpointError, ConfigError
from psp.skeleton.layouts import LAYOUTS
from psp.train.presets import best
from psp.train.run import open_run
from psp.train.train import train_run
from runs import SMALL_RUN


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "recogniser.onnx"
    return export_onnx(trained, out), out


def test_the_file_computes_what_pytorch_computes(exported):
    found, _ = exported
    assert found.random_clips == 24
    assert found.stored_clips == 16
    assert found.largest_difference < 1e-5


def test_the_comparison_is_not_blind(trained, exported):
    """Another normalisation, or forgetting that a person is absent, shows."""
    run = open_run(trained)
    recogniser = recogniser_of(run)
    other = replace(recogniser.reading, normalise=NORMALISATIONS["none"])
    assert agreement(run, Recogniser(recogniser.network, other)).largest_difference > 1e-3


def test_all_streams_of_the_best_preset_are_in_the_file(trained, tmp_path):
    settings = best(SMALL_RUN.protocol, SMALL_RUN.budget, "light")
    run = train_run(open_store(trained.parent / "store"), replace(settings, epochs=1, steps=1), tmp_path / "run")
    assert export_onnx(run, tmp_path / "recogniser.onnx").largest_difference < 1e-5


@pytest.mark.parametrize(("clips", "persons", "frames"), [(1, 1, 1), (1, 2, 300), (3, 1, 8), (7, 2, 40)])
def test_any_number_of_clips_persons_and_frames(trained, exported, clips, persons, frames):
    draw = np.random.default_rng(clips)
    run, recogniser = open_run(trained), OnnxRecogniser(exported[1])
    recordings = [random_clip(draw, LAYOUTS["ntu25"], persons)[:, :frames] for _ in range(clips)]
    expected = expected_probabilities(run, LAYOUTS["ntu25"], recordings)
    np.testing.assert_allclose(recogniser.predict(*padded(recordings, recogniser)), expected, atol=1e-5)


def test_what_is_outside_a_clip_has_no_influence(trained, exported):
    recogniser = OnnxRecogniser(exported[1])
    joints, frames, persons = padded([random_clip(np.random.default_rng(1), LAYOUTS["ntu25"], 1)], recogniser)
    wider = np.full((1, 2, joints.shape[2] + 5, 25, 3), 7.0, dtype=np.float32)
    wider[:, :1, : joints.shape[2]] = joints
    found = recogniser.predict(wider, frames, np.array([[True, False]]))
    np.testing.assert_allclose(found, recogniser.predict(joints, frames, persons), atol=1e-6)


def test_the_file_says_what_it_is(trained, exported):
    recogniser, run = OnnxRecogniser(exported[1]), open_run(trained)
    assert list(recogniser.classes) == run.store_facts["classes"]
    assert recogniser.layout is LAYOUTS["ntu25"]
    assert recogniser.facts["config hash"] == run.config.hash
    assert recogniser.facts["joint names"][0] == LAYOUTS["ntu25"].joints[0]
    assert recogniser.facts["preprocessing"]["normalise"]["scale"] == "mean-spine"
    assert recogniser.facts["normalisation inside"] is True


@pytest.mark.parametrize("persons", ["all", "present"])
@pytest.mark.parametrize("motion", ["recorded", "resampled"])
def test_other_ways_of_reading_clips(trained, persons, motion):
    """Absent persons as zeros, motion of recorded frames and the published normalisation, inside the graph."""
    run = open_run(trained)
    plain = recogniser_of(run)
    data = replace(plain.reading.data, views="apart", motion=motion)
    plain.network.config = replace(plain.network.config, persons=persons)
    reading = replace(plain.reading, normalise=NORMALISATIONS["published"], data=data)
    recogniser = Recogniser(plain.network, reading)
    session = OnnxRecogniser(onnx_bytes(recogniser, metadata(run, recogniser)))
    draw = np.random.default_rng(3)
    clips = [random_clip(draw, LAYOUTS["ntu25"], 1 + number % 2) for number in range(4)]
    batch = padded(clips, session)
    np.testing.assert_allclose(session.predict(*batch), recogniser.predict(*batch), atol=1e-5)
    ready = [normalise(clip, LAYOUTS["ntu25"], NORMALISATIONS["published"]) for clip in clips]
    alone = Recogniser(plain.network, replace(reading, normalise=None))
    np.testing.assert_allclose(session.predict(*batch), alone.predict(*padded(ready, session)), atol=1e-5)


def test_a_network_that_differs_is_not_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(CheckpointError, match="differs from PyTorch"):
        export_onnx(trained, tmp_path / "recogniser.onnx")
    assert not list(tmp_path.iterdir())


def test_impossible_places_are_refused(trained, exported, tmp_path):
    with pytest.raises(ConfigError, match="already exists"):
        export_onnx(trained, exported[1])
    with pytest.raises(ConfigError, match="does not exist"):
        export_onnx(trained, tmp_path / "absent" / "recogniser.onnx")


def test_an_unknown_normalisation_is_refused(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    content = json.loads((copy / "config.json").read_text())
    content["store"]["preprocessing"]["normalise"]["fashion"] = "new"
    (copy / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="normalisation is not known"):
        recogniser_of(open_run(copy))
