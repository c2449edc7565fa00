import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.batches.loader import SampleMaker
from psp.dataset.build import prepare
from psp.dataset.store import open_store
from psp.deploy import export
from psp.deploy.agreement import agreement, random_clip
from psp.deploy.clips import Padded, padded
from psp.deploy.export import export_onnx, onnx_bytes
from psp.deploy.onnx_runtime import OnnxRecogniser, sealed
from psp.deploy.recogniser import Recogniser
from psp.deploy.stream import StreamingPredictor
from psp.errors import CheckpointError, DestinationError
from psp.evaluate.arrays import recordings_of, store_of
from psp.evaluate.predict import predict_logits, predict_store
from psp.evaluate.trained import open_model
from psp.io.base import open_reader
from psp.model.model_file import TrainedModel, interface_of
from psp.model.predictor import make_predictor
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig, normalisation
from psp.train.api import make_task, preset_config
from psp.train.run import Run
from runs import SMALL_RUN
from stores import own_store


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "recogniser.onnx"
    return export_onnx(trained, out, open_store(trained.parent / "store")), out


def expected_probabilities(model: TrainedModel, clips: list[np.ndarray]) -> np.ndarray:
    """What preparation, a store and its batches give."""
    interface = model.interface
    return predict_store(model, store_of(recordings_of(clips, interface.layout, interface.up), interface)).numpy()


def bodies(clips: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.nan_to_num(clip), (~np.isnan(clip).any(axis=3)).astype(np.float32)) for clip in clips]


def untrained(store, **interface) -> TrainedModel:
    """A model with random weights whose probabilities differ between random recordings of a store's layout."""
    torch.manual_seed(0)
    model = TrainedModel(
        make_predictor(store.layout, 8, len(store.classes), SMALL_RUN.model, ("joint", "bone motion"), "mean").eval(),
        replace(interface_of(store, SMALL_RUN.data, 2, {}), **interface),
    )
    linear, clips = model.predictor.classifier("joint").linear, [random_clip(np.random.default_rng(9), model.interface)]
    torch.nn.init.normal_(linear.weight, std=3.0)
    recordings = store_of(recordings_of(clips, store.layout, model.interface.up), model.interface)
    logits = predict_logits(model.predictor, SampleMaker(recordings, SMALL_RUN.data), np.arange(1))
    linear.bias.data -= logits[0] / 2
    return model


def test_the_file_computes_what_pytorch_computes(exported):
    found, _ = exported
    assert found.random_clips == 24
    assert found.stored_clips == 16
    assert found.largest_difference < 1e-5


@pytest.mark.unchecked
def test_a_model_file_alone_is_enough(trained, tmp_path):
    model = tmp_path / "elsewhere.safetensors"
    model.write_bytes((trained / "model.safetensors").read_bytes())
    assert export_onnx(model, tmp_path / "recogniser.onnx").largest_difference < 1e-5


def test_the_comparison_is_not_blind(trained):
    """Another normalisation shows."""
    model = open_model(trained)
    other = TrainedModel(
        model.predictor, replace(model.interface, normalise=normalisation("none", model.interface.layout))
    )
    assert agreement(model, Recogniser(other)).largest_difference > 1e-3


@pytest.mark.unchecked
def test_all_modalities_of_the_best_preset_are_in_the_file(trained, tmp_path):
    task = make_task(trained.parent / "store", "all", "synthetic-xsub")
    config = preset_config(task, epochs=1, init="none")
    encoder = replace(config.model.encoder, blocks=((4, 4, 3, 2), (4, 8, 3, 1)))
    model = Run(task, replace(config, model=replace(config.model, encoder=encoder)), None, "cpu").model()
    model.save(tmp_path / "model.safetensors")
    assert export_onnx(tmp_path / "model.safetensors", tmp_path / "recogniser.onnx").largest_difference < 1e-5


@pytest.mark.parametrize(("clips", "persons", "frames"), [(1, 1, 1), (1, 2, 300), (3, 1, 8), (7, 2, 40)])
def test_any_number_of_clips_persons_and_frames(trained, exported, clips, persons, frames):
    draw, model = np.random.default_rng(clips), open_model(trained)
    one = replace(model.interface, persons=persons)
    recordings = [random_clip(draw, one)[:, :frames] for _ in range(clips)]
    expected = expected_probabilities(model, recordings)
    np.testing.assert_allclose(OnnxRecogniser(exported[1]).predict(recordings), expected, atol=1e-5)


def test_what_is_outside_a_clip_has_no_influence(trained, exported):
    recogniser = OnnxRecogniser(exported[1])
    clip = random_clip(np.random.default_rng(1), replace(recogniser.interface, persons=1))
    batch = padded(bodies([clip]), recogniser)
    joints = np.full((1, 2, clip.shape[1] + 5, 25, 3), np.nan, dtype=np.float32)
    confidence = np.ones(joints.shape[:4], dtype=np.float32)
    joints[:, :1, : clip.shape[1]] = clip
    confidence[:, :1, : clip.shape[1]] = batch.confidence
    found = recogniser.compute(Padded(joints, batch.frames, np.array([[True, False]]), confidence))
    np.testing.assert_allclose(found, recogniser.compute(batch), atol=1e-6)


def test_hips_and_neck_that_are_never_observed_are_placed_as_in_preparation(trained, exported):
    model = open_model(trained)
    layout = model.interface.layout
    clips = [random_clip(np.random.default_rng(seed), model.interface) for seed in range(4)]
    for clip, hidden in zip(clips, ("spine base|hip", "spine base", "spine shoulder", "shoulder"), strict=True):
        clip[:, :, [bool(re.search(hidden, joint)) for joint in layout.joints]] = np.nan
    found = OnnxRecogniser(exported[1]).predict(clips)
    np.testing.assert_allclose(found, expected_probabilities(model, clips), atol=1e-5)
    upright = TrainedModel(model.predictor, replace(model.interface, normalise=normalisation("published", layout)))
    stored = store_of(recordings_of(clips, layout, upright.interface.up), upright.interface)
    expected = predict_store(upright, stored).numpy()
    np.testing.assert_allclose(Recogniser(upright).predict(clips), expected, atol=1e-5)
    np.testing.assert_allclose(Recogniser(upright).predict_store(stored), expected, atol=1e-5)


def test_a_coordinate_of_exactly_zero_means_nothing_special(trained, exported):
    draw = np.random.default_rng(2)
    clip = draw.normal(size=(1, 10, 25, 3))
    clip[:, 3:6, 4] = 0.0
    clip[:, 8] = 0.0
    found = OnnxRecogniser(exported[1]).predict([clip])
    np.testing.assert_allclose(found, expected_probabilities(open_model(trained), [clip]), atol=1e-5)
    missing = clip.copy()
    missing[:, 3:6, 4] = np.nan
    assert np.abs(found - OnnxRecogniser(exported[1]).predict([missing])).max() > 1e-6


def test_the_file_says_what_it_is(trained, exported):
    recogniser, model = OnnxRecogniser(exported[1]), open_model(trained)
    assert recogniser.classes == model.interface.classes
    assert recogniser.layout == model.interface.layout
    assert {**recogniser.interface.facts, "versions": 0} == {**model.interface.facts, "versions": 0}
    assert replace(recogniser.interface, facts={}) == replace(model.interface, facts={})


@pytest.mark.unchecked
@pytest.mark.parametrize(("persons", "motion"), [("all", "recorded"), ("present", "recorded"), ("all", "resampled")])
def test_other_ways_of_reading_clips(trained, persons, motion):
    """Absent persons as zeros, motion of recorded frames and the published normalisation, inside the graph."""
    plain = open_model(trained)
    backbone = plain.predictor.backbone
    backbone.config = replace(backbone.config, persons=persons)
    interface = replace(
        plain.interface,
        data=replace(plain.interface.data, modalities="apart", motion=motion),
        normalise=normalisation("published", plain.interface.layout),
    )
    model = TrainedModel(plain.predictor, interface)
    draw = np.random.default_rng(3)
    clips = [random_clip(draw, interface) for _ in range(4)]
    recogniser, session = Recogniser(model), OnnxRecogniser(onnx_bytes(model))
    expected = expected_probabilities(model, clips)
    np.testing.assert_allclose(recogniser.predict(clips), expected, atol=1e-5)
    np.testing.assert_allclose(session.predict(clips), expected, atol=1e-5)


@pytest.mark.unchecked
@pytest.mark.parametrize(("layout", "fill_gaps"), [("beetle", True), ("coco17", False)])
def test_own_layouts_and_two_dimensions(layout, fill_gaps):
    store = own_store(None, layout)
    clean = CleanConfig(bodies=None, fill_gaps=fill_gaps)
    model = untrained(store, clean=clean, normalise=NormaliseConfig(facing="first-frame"))
    session = OnnxRecogniser(onnx_bytes(model))
    assert session.layout == store.layout
    assert agreement(model, session).largest_difference < 1e-5
    clips = [random_clip(np.random.default_rng(number), model.interface) for number in range(3)]
    found = Recogniser(model).predict(clips)
    np.testing.assert_allclose(found, session.predict(clips), atol=1e-5)
    assert np.abs(found - found.mean(axis=0)).max() > 0.01


def test_recordings_are_stood_up_as_in_preparation(tmp_path):
    reader = open_reader("synthetic", clips=6)
    prepare(reader, tmp_path / "store", normalise=normalisation("published", reader.layout), workers=1)
    store = open_store(tmp_path / "store")
    model = untrained(store)
    assert (store.up, model.interface.up, model.interface.prepared_up) == ("z", "y", "z")
    assert agreement(model, Recogniser(model), store).largest_difference < 1e-5


def test_a_model_that_differs_is_not_written(trained, exported, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "onnx_bytes", lambda _: exported[1].read_bytes())
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(CheckpointError, match="differs from PyTorch"):
        export_onnx(trained, tmp_path / "recogniser.onnx")
    assert not list(tmp_path.iterdir())


def test_impossible_destinations_are_refused(trained, exported, tmp_path):
    with pytest.raises(DestinationError, match="already exists"):
        export_onnx(trained, exported[1])
    with pytest.raises(DestinationError, match=r"end with \.onnx"):
        export_onnx(trained, tmp_path / "recogniser.pt")


def test_another_version_of_the_file_is_refused(exported):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(exported[1])
    header = json.loads(graph.metadata_props[0].value)
    graph.metadata_props[0].value = json.dumps({**header, "format": 99})
    with pytest.raises(CheckpointError, match="format 99"):
        OnnxRecogniser(sealed(graph.SerializeToString()))
    del graph.metadata_props[:]
    with pytest.raises(CheckpointError, match="states no sha256"):
        OnnxRecogniser(graph.SerializeToString())


def test_one_flipped_bit_of_an_exported_model_is_noticed(exported, tmp_path):
    content, path = bytearray(exported[1].read_bytes()), tmp_path / "recogniser.onnx"
    for at in range(5, len(content), len(content) // 20):
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"recogniser\.onnx: .*(damaged|sha256)"):
            StreamingPredictor.open(path)
        content[at] ^= 1
    path.write_bytes(content)
    assert StreamingPredictor.open(path).classes
