import csv
import pickle
import shutil
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest

from psp.dataset.build import prepare
from psp.dataset.store import open_store
from psp.deploy.agreement import random_clip
from psp.deploy.foreign import ForeignSource, Options, open_for
from psp.deploy.load import load
from psp.deploy.predict import Windows, predict_files
from psp.deploy.recogniser import Recogniser
from psp.deploy.timeline import windows_over
from psp.errors import CheckpointError, ConfigError, RecordingError
from psp.evaluate.predict import predict_store
from psp.evaluate.trained import open_model
from psp.io.format import Units
from psp.io.source import FileSource, SourceItem
from psp.preprocess.clean import CleanConfig
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.convert import conversion
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up


@pytest.fixture(scope="module")
def recordings(trained, tmp_path_factory):
    """Own arrays of the layout of the model; some joints are not observed."""
    folder, draw = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0)
    for number in range(5):
        np.save(folder / f"take{number}.npy", random_clip(draw, open_model(trained).interface))
    return folder


def probabilities(found) -> np.ndarray:
    return np.stack([each.probabilities for each in found.found])


def test_a_threshold_that_is_no_probability_is_refused():
    with pytest.raises(ConfigError, match=r"^--none-below: 1\.5 is out of range"):
        Windows(none_below=1.5)


def test_every_kind_of_model_predicts_a_store_alike(trained, exported):
    store = open_store(trained.parent / "store")
    expected = predict_store(open_model(trained), store).numpy()
    for model in (trained, trained / "model.safetensors", exported):
        found = predict_files(model, [trained.parent / "store"])
        assert [each.id for each in found.found] == store.clips.id.tolist()
        assert [each.true_label for each in found.found] == [store.classes[label] for label in store.clips.label]
        assert found.classes == open_model(trained).interface.classes
        np.testing.assert_allclose(probabilities(found), expected, atol=1e-5)


def test_recordings_are_prepared_as_the_model_expects(trained, exported, recordings, tmp_path):
    interface = open_model(trained).interface
    options = {"layout": interface.layout, "clean": interface.clean, "normalise": interface.normalise}
    prepare(recordings, tmp_path / "store", **options, workers=1)
    expected = predict_store(open_model(trained), open_store(tmp_path / "store")).numpy()
    for model in (trained, exported):
        found = predict_files(model, [recordings])
        assert [each.id for each in found.found] == [f"take{number}" for number in range(5)]
        np.testing.assert_allclose(probabilities(found), expected, atol=1e-5)
        for each in found.found:
            assert each.label == found.classes[each.probabilities.argmax()]
            assert each.probability == each.probabilities.max()
            assert (each.start, each.unit, each.true_label) == (0, "frames", None)


def test_a_timeline_is_made_of_windows(trained, recordings):
    recogniser = load(trained)
    (path,) = recordings.glob("take3.npy")
    clip = np.load(path)
    frames = clip.shape[1]
    spans = windows_over(frames, 12, 6)
    rows = recogniser.predict([clip[:, start:end] for start, end in spans])
    by_frame = np.array([
        np.mean([row for row, (start, end) in zip(rows, spans, strict=True) if start <= frame < end], axis=0)
        for frame in range(frames)
    ])  # fmt: skip
    found = predict_files(recogniser, [path], Options(fps=10), Windows("1.2s", "6")).found
    assert found[0].start == 0
    assert found[-1].end == pytest.approx(frames / 10)
    for each in found:
        inside = by_frame[slice(*each.frames)]
        assert {found.label for found in (each,)} == {recogniser.classes[best] for best in inside.argmax(axis=1)}
        np.testing.assert_allclose(each.probabilities, inside.mean(axis=0), atol=1e-5)
    assert len(predict_files(recogniser, [path], Options(), Windows("12", "6", "1000")).found) == 1
    sure = predict_files(recogniser, [path], Options(), Windows("12", "6", none_below=1.0)).found
    assert [each.label for each in sure] == [None]


def test_windows_without_anybody_have_no_class(trained, tmp_path):
    clip = random_clip(np.random.default_rng(3), replace(open_model(trained).interface, persons=1))[:, :1]
    clip = np.nan_to_num(clip).repeat(60, axis=1)
    clip[:, 20:50] = np.nan
    np.save(tmp_path / "take.npy", clip)
    found = predict_files(trained, [tmp_path], windows=Windows("10")).found
    empty = [each for each in found if each.label is None]
    assert [each.probabilities for each in empty] == [None]
    assert 20 <= empty[0].start < empty[0].end <= 50
    with pytest.raises(ConfigError, match="State --fps"):
        predict_files(trained, [tmp_path], windows=Windows("2s"))


def test_joints_of_less_confidence_than_in_training_are_nobody(trained, tmp_path):
    model = open_model(trained)
    recogniser = Recogniser(replace(model, interface=replace(model.interface, clean=CleanConfig(least_confidence=0.5))))
    joints = random_clip(np.random.default_rng(3), replace(model.interface, persons=1))[:, :1].repeat(60, axis=1)
    confidence = np.full(joints.shape[:3], 0.2)
    np.savez(tmp_path / "take.npz", joints=np.nan_to_num(joints), confidence=confidence)
    for windows in (Windows(), Windows("10")):
        with pytest.raises(RecordingError, match=r"no person is observed in any frame"):
            predict_files(recogniser, [tmp_path], windows=windows)
    doubtful = Recording(ClipInfo("take"), np.nan_to_num(joints), confidence.astype(np.float32))
    with pytest.raises(RecordingError, match="take: no person is observed in any frame"):
        recogniser.predict_recordings([doubtful])
    confidence[:, :30] = 0.7
    np.savez(tmp_path / "take.npz", joints=np.nan_to_num(joints), confidence=confidence)
    found = predict_files(recogniser, [tmp_path], windows=Windows("10")).found
    assert [each.probabilities is None for each in found] == [False, True]
    assert 30 <= found[1].start <= 35


def test_a_table_of_intervals_does_not_cut_what_is_cut_into_windows(trained, recordings, tmp_path):
    folder = shutil.copytree(recordings, tmp_path / "labelled")
    (folder / "clips.csv").write_text("id,start_frame,end_frame,label\ntake1,0,6,walk\nabsent,0,6,walk\n")
    windows = Windows("6")
    cut, whole = (predict_files(trained, [each], windows=windows) for each in (folder, recordings))
    assert [(each.id, each.frames) for each in cut.found] == [(each.id, each.frames) for each in whole.found]
    (clip,) = (each for each in predict_files(trained, [folder]).found if each.true_label == "walk")
    assert (clip.id, clip.frames) == ("take1:0-6", (0, 6))


def test_flat_arrays_have_the_joints_of_the_model(trained, recordings, tmp_path):
    take = np.load(recordings / "take0.npy")[0]
    np.save(tmp_path / "take0.npy", take.reshape(len(take), -1))
    np.save(tmp_path / "take1.npy", take)
    flat, joints = predict_files(trained, [tmp_path]).found
    np.testing.assert_allclose(flat.probabilities, joints.probabilities, atol=1e-6)


def test_recordings_of_two_files_are_predicted_in_the_order_of_their_ids(trained, recordings, tmp_path, monkeypatch):
    takes = [{"frame_dir": path.stem, "keypoint": np.load(path)} for path in sorted(recordings.iterdir())]
    for name, chosen in {"two/a.pkl": takes[::2], "two/b.pkl": takes[1::2], "one/c.pkl": takes}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(pickle.dumps(chosen))
    files, read = list[str](), FileSource.read
    monkeypatch.setattr(
        FileSource, "read", lambda source, name, most=-1: files.append(name) or read(source, name, most)
    )
    two = predict_files(trained, [tmp_path / "two"])
    assert files[-2:] == ["a.pkl", "b.pkl"]
    assert len(files) == 6  # to find the format, to list the recordings, and to read them
    assert [each.id for each in two.found] == [take["frame_dir"] for take in takes]
    one = predict_files(trained, [tmp_path / "one"])
    np.testing.assert_array_equal(probabilities(two), probabilities(one))


def test_a_manifest_of_another_program_makes_no_data_set(trained, recordings, tmp_path):
    folder = shutil.copytree(recordings, tmp_path / "web")
    (folder / "manifest.json").write_text('{"name": "my app"}')
    assert len(predict_files(trained, [folder]).found) == 5


def test_what_cannot_be_used_is_named_and_the_rest_predicted(trained, recordings, tmp_path):
    for name in ("take0", "take1"):
        shutil.copy(recordings / f"{name}.npy", tmp_path)
    (tmp_path / "broken.npy").write_bytes((recordings / "take0.npy").read_bytes()[:200])
    np.save(tmp_path / "nobody.npy", np.full((5, 25, 3), np.nan))
    np.save(tmp_path / "others.npy", np.ones((5, 17, 3)))
    found = predict_files(trained, [tmp_path])
    assert [each.id for each in found.found] == ["take0", "take1"]
    assert [each.where for each in found.skipped] == ["broken.npy", "nobody.npy", "others.npy"]
    some = predict_files(trained, [tmp_path / "take1.npy", tmp_path / "absent.npy", trained.parent / "store"])
    assert Counter(each.id.startswith("take") for each in some.found) == {True: 1, False: 90}
    assert "absent.npy" in some.skipped[0].where
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a.csv").write_text("<html>")
    (tmp_path / "empty").mkdir()
    sources = [tmp_path / "html", recordings, tmp_path / "empty", tmp_path / "take0.npy"]
    rest = predict_files(trained, sources)
    assert [each.id for each in rest.found] == [*(f"{recordings.name}/take{number}" for number in range(5)), "take0"]
    assert [(each.where, each.reason.partition(" ")[0]) for each in rest.skipped] == [
        (str(tmp_path / "html"), "a.csv"), (str(tmp_path / "empty"), "there"),
    ]  # fmt: skip
    alone = predict_files(trained, [trained.parent / "store", tmp_path / "empty"])
    assert (len(alone.found), alone.skipped[0].where) == (90, str(tmp_path / "empty"))
    with pytest.raises(RecordingError, match=r"broken.npy: .*\n.*nobody.npy"):
        predict_files(trained, [tmp_path / "broken.npy", tmp_path / "nobody.npy"])


def test_what_a_folder_holds_and_is_not_read_is_named(trained, recordings, tmp_path):
    shutil.copy(recordings / "take0.npy", tmp_path)
    (tmp_path / "more").symlink_to(recordings)
    found = predict_files(trained, [tmp_path])
    assert [each.id for each in found.found] == ["take0"]
    assert "Not read: more (links to folders; name them separately)." in found.notes


def test_other_recordings_are_refused(trained, tmp_path):
    np.save(tmp_path / "take.npy", np.ones((5, 17, 3)))
    with pytest.raises(ConfigError, match=r"17 joints.*--layout"):
        predict_files(trained, [tmp_path])
    with pytest.raises(RecordingError, match=r"lack joints of 'ntu25'.*and 4 more"):
        predict_files(trained, [tmp_path], Options(layout="coco17"))
    np.save(tmp_path / "take.npy", np.ones((5, 25, 2)))
    with pytest.raises(RecordingError, match=r"2 coordinates .* the model needs 3"):
        predict_files(trained, [tmp_path])
    with pytest.raises(ConfigError, match="cannot be cut into windows"):
        predict_files(trained, [trained.parent / "store"], windows=Windows("2s"))
    with pytest.raises(ConfigError, match="need --window"):
        Windows(stride="5")
    prepare("synthetic", tmp_path / "store", layout="coco17", clips=3, workers=1)
    with pytest.raises(CheckpointError, match="coco17"):
        predict_files(trained, [tmp_path / "store"])


def test_another_layout_and_axis_are_converted_and_told(trained, recordings, tmp_path):
    """The same persons by another sensor, which calls its joints otherwise and has z up."""
    model, azure = open_model(trained).interface.layout, layout_by_name("kinect32")
    for path in recordings.iterdir():
        given = np.load(path)
        joints = np.full((*given.shape[:2], 32, 3), np.nan)
        for number, sources in enumerate(conversion(azure, model).joints):
            joints[:, :, list(sources)] = given[:, :, [number]]
        np.save(tmp_path / path.name, np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], axis=-1))
    expected = predict_files(trained, [recordings])
    found = predict_files(trained, [tmp_path], Options(layout="kinect32", up="z"))
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-5)
    assert any("converted to 'ntu25'" in note for note in found.notes)
    assert any("vertical axis z" in note for note in found.notes)
    assert any("taken to be those of the model" in note for note in expected.notes)


COCO = layout_by_name("coco17")


@dataclass(frozen=True)
class OneRecording:
    """A source of one recording with three coordinates."""

    units: Units
    dataset: str = "one"
    source: str = "one"
    layout: Layout = COCO
    classes: tuple[str, ...] = ()
    up: Up = "-y"
    tracked: bool = True
    notes: tuple[str, ...] = ()

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        return [SourceItem("take", "")], Counter()

    def read(self, item: SourceItem) -> Recording:
        joints = np.random.default_rng(0).normal(size=(1, 5, 17, 3))
        return Recording(ClipInfo(item.name), joints, np.ones((1, 5, 17), dtype=np.float32), "-y")


@pytest.mark.parametrize("units", ["pixels", "shares of the image", "metres", "unknown units"])
def test_a_depth_is_left_out_of_image_coordinates_only(trained, units):
    flat = replace(open_model(trained).interface, layout=COCO, channels=2, up="-y")
    source = ForeignSource(OneRecording(units), flat, conversion(COCO, COCO), "-y", ())
    (item,) = source.items()
    if units in ("pixels", "shares of the image"):
        np.testing.assert_array_equal(source.read(item).joints, source.reader.read(item).joints[..., :2])
    else:
        with pytest.raises(RecordingError, match="3 coordinates"):
            source.read(item)


def test_persons_are_chosen_among_detections_for_a_model_of_tracked_persons(trained):
    """One person walks, another detection flickers and comes first when it is there."""
    recogniser, draw = load(trained), np.random.default_rng(0)
    interface = replace(recogniser.interface, clean=CleanConfig(bodies=None), persons=1)
    person = np.cumsum(draw.normal(0, 0.02, (30, 1, 3)), axis=0) + draw.normal(0, 0.4, (25, 3))
    joints, confidence = np.zeros((2, 30, 25, 3)), np.zeros((2, 30, 25), dtype=np.float32)
    for frame in range(30):
        slot = int(frame % 10 == 3)
        joints[slot, frame], confidence[slot, frame] = person[frame], 1
        if slot:
            joints[0, frame], confidence[0, frame] = person[frame] + 9, 1
    recording = Recording(ClipInfo("take"), joints, confidence, "y", detections=True)
    layout = interface.layout
    source = ForeignSource(OneRecording("metres", tracked=False), interface, conversion(layout, layout), "y", ())
    found = recogniser.predict_recordings([recording], source.clean)
    np.testing.assert_allclose(found, recogniser.predict([person]), atol=1e-5)
    assert ForeignSource(OneRecording("metres"), interface, conversion(layout, layout), "y", ()).clean.bodies is None


def test_labels_of_a_table_are_the_true_ones(trained, recordings, tmp_path):
    shutil.copytree(recordings, tmp_path / "labelled")
    with (tmp_path / "labelled" / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), ("take0", "walk"), ("take2", "kick"), ("take4", "")])
    found = predict_files(trained, [tmp_path / "labelled"]).found
    assert [each.true_label for each in found] == ["walk", None, "kick", None, None]


def test_files_that_tell_their_layout_and_axis_are_taken_at_their_word(trained):
    interface = open_model(trained).interface
    source = open_for(interface, "synthetic", Options(fps=25))
    assert source.notes == ()
    assert source.read(source.items()[0]).fps == 25
    with pytest.raises(RecordingError, match="lack joints"):
        open_for(replace(interface, layout=layout_by_name("hand21")), "synthetic")
