import csv

import numpy as np
import pytest

from psp.cli.predict import predict
from psp.dataset.store import open_store
from psp.deploy.agreement import random_clip
from psp.deploy.export import export_onnx
from psp.deploy.load import load
from psp.deploy.predict import predict_source
from psp.errors import DestinationError, RecordingError
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import open_model


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("predict") / "recogniser.onnx"
    export_onnx(trained, out)
    return out


@pytest.fixture(scope="module")
def recordings(trained, tmp_path_factory):
    """Own arrays of the layout of the model; some joints are not observed."""
    folder, draw = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for number in range(5):
        np.save(folder / f"take{number}.npy", random_clip(draw, open_model(trained).interface))
    return folder


def test_every_kind_of_model_predicts_a_store_alike(trained, exported):
    store = open_store(trained.parent / "store")
    expected = predict_store(open_model(trained), store).numpy()
    for model in (trained, trained / "model.safetensors", exported):
        found = predict_source(model, trained.parent / "store")
        assert found.ids == tuple(store.clips.id)
        assert found.classes == store.classes
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)


def test_recordings_are_prepared_as_the_model_expects(trained, exported, recordings):
    found = predict_source(trained, recordings, workers=1)
    assert found.ids == tuple(f"take{number}" for number in range(5))
    clips = [np.load(path) for path in sorted(recordings.iterdir())]
    for model in (trained, exported):
        np.testing.assert_allclose(load(model).predict(clips), found.probabilities, atol=1e-5)
    np.testing.assert_allclose(
        predict_source(exported, recordings, workers=1).probabilities, found.probabilities, atol=1e-5
    )


def test_recordings_of_another_layout_are_refused(trained, tmp_path):
    np.save(tmp_path / "take.npy", np.ones((5, 17, 3)))
    with pytest.raises(RecordingError, match="17 joints"):
        predict_source(trained, tmp_path, workers=1)


def test_the_command_writes_a_table(trained, recordings, tmp_path):
    predict(trained / "model.safetensors", recordings, tmp_path / "found.csv", workers=1)
    with (tmp_path / "found.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    classes = open_model(trained).interface.classes
    assert head == ["id", "class", *classes]
    for name, label, *values in lines:
        numbers = [float(value) for value in values]
        assert name.startswith("take")
        assert label == classes[int(np.argmax(numbers))]
        assert sum(numbers) == pytest.approx(1, abs=1e-2)
    with pytest.raises(DestinationError, match="already exists"):
        predict(trained, recordings, tmp_path / "found.csv")
    with pytest.raises(DestinationError, match="does not exist"):
        predict(trained, recordings, tmp_path / "absent/found.csv")
