"""Arrays and pickles of graph convolution programs: joints, padding, parts, labels and axes are those of the files."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from psp.dataset.build import prepare
from psp.dataset.split import resolve_split
from psp.dataset.store import open_store
from psp.errors import ConfigError, RecordingError
from psp.io.base import open_reader
from psp.io.format import File
from psp.io.formats.gcn_arrays import STGCN, parse_ctrgcn, parse_stgcn
from psp.io.formats.pyskl import parse_pyskl


@pytest.fixture(scope="module")
def published(shared_data: Path) -> np.ndarray:
    """Joints of eleven recordings of two persons, (recordings, frames, persons, joints, 3), filled up with zeros."""
    with np.load(shared_data / "ntu-samples" / "NTU60_CV.npz") as arrays:
        return arrays["x_train"].reshape(11, 111, 2, 25, 3)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def labels(count: int) -> File:
    names = [f"S017C003P0{20 + number % 2}R002A0{50 + number}.skeleton" for number in range(count)]
    return File("train_label.pkl", pickle.dumps((names, [49 + number for number in range(count)])))


def lengths(padded: np.ndarray) -> list[int]:
    return [int(np.flatnonzero(each.any(axis=(1, 2, 3))).max()) + 1 for each in padded]


def test_recordings_of_ctr_gcn_are_those_of_their_array(shared_data: Path, published: np.ndarray) -> None:
    reader = open_reader(shared_data / "ntu-samples" / "NTU60_CV.npz")
    items, counts = reader.items()
    recordings = [reader.read(item) for item in items]
    assert (reader.layout.name, reader.up, reader.units, counts) == ("ntu25", "y", "metres", {})
    assert reader.classes == tuple(map(str, range(49, 60)))
    assert [recording.joints.shape[1] for recording in recordings] == lengths(published)
    for number, recording in enumerate(recordings):
        assert recording.info.columns == {"part": "train"}
        assert recording.info.label == number
        expected = published[number, : recording.joints.shape[1]].transpose(1, 0, 2, 3)
        np.testing.assert_array_equal(recording.joints, expected)
        np.testing.assert_array_equal(recording.confidence.all(axis=2), expected.any(axis=(2, 3)))
    assert not recordings[0].joints[0, 0, 1].any()
    assert recordings[0].confidence[0, 0, 1] == 1


def test_repetitions_and_turned_trunks_of_2s_agcn_are_recognised(published: np.ndarray) -> None:
    filled = published.astype(np.float32)
    for recording, length in zip(filled, lengths(published), strict=True):
        trunk = recording[0, 0, 1] - recording[0, 0, 0]
        turn, _ = Rotation.align_vectors([[0, 0, 1]], [trunk])
        recording[:] = turn.apply(recording.reshape(-1, 3)).reshape(recording.shape)
        recording[length:] = np.resize(recording[:length], recording[length:].shape)
    array = filled.transpose(0, 4, 1, 3, 2)
    raws = parse_stgcn([File("xsub/train_data_joint.npy", npy(array)), labels(11)])
    assert [raw.joints.shape[1] for raw in raws] == lengths(published)
    assert {raw.up for raw in raws} == {"z"}
    assert "2s-AGCN" in raws[0].notes[0]
    assert (raws[3].id, raws[3].label) == ("S017C003P021R002A053", "52")
    assert raws[3].columns == {"part": "train", "subject": 21, "camera": 3, "setup": 17, "repetition": 2}
    plain = published.transpose(0, 4, 1, 3, 2)
    assert {raw.up for raw in parse_stgcn([File("val_data.npy", npy(plain))])} == {"y"}


def test_the_third_coordinate_of_kinetics_is_its_score() -> None:
    draw = np.random.default_rng(0)
    array = np.zeros((2, 3, 9, 18, 2), dtype=np.float32)
    array[:, :2, :6] = draw.uniform(-0.5, 0.5, (2, 2, 6, 18, 2))
    array[:, 2, :6] = draw.uniform(0.1, 1, (2, 6, 18, 2))
    raws = parse_stgcn([File("kinetics/val_data.npy", npy(array)), labels(2)])
    assert raws[0].joints.shape == (2, 6, 18, 2)
    assert (raws[0].layout, raws[0].up, raws[0].units) == ("coco18", "-y", "shares of the image")
    assert raws[0].persons == "detections"
    np.testing.assert_array_equal(raws[1].confidence, array[1, 2, :6].transpose(2, 0, 1))
    assert raws[0].columns["part"] == "val"


def test_labels_beside_an_array_belong_to_it_and_bones_do_not_count() -> None:
    names = [
        "a/train_data_joint.npy",
        "a/train_data_bone.npy",
        "a/val_data.npy",
        "a/train_label.pkl",
        "b/val_label.pkl",
    ]
    groups = STGCN.group(names)
    assert groups == {"a/train_data_joint": (names[0], names[3]), "a/val_data": (names[2],)}
    array = npy(np.ones((2, 3, 4, 25, 1), dtype=np.float32))
    assert "labels" in parse_stgcn([File("x.npy", array)])[0].notes[0]
    with pytest.raises(RecordingError, match=r"3 names and 3 labels for 2 recordings"):
        parse_stgcn([File("x.npy", array), labels(3)])
    file = io.BytesIO()
    np.savez(file, x_train=np.ones((2, 4, 150)), y_train=np.ones((2, 3)))
    with pytest.raises(RecordingError, match="not one class"):
        parse_ctrgcn([File("x.npz", file.getvalue())])


def annotation(name: str, *shape: int, **facts: object) -> dict[str, object]:
    joints = np.random.default_rng(len(name)).uniform(1, 9, shape).astype(np.float16)
    return {"frame_dir": name, "label": 1, "total_frames": shape[1], "keypoint": joints, **facts}


def test_splits_of_pyskl_are_columns_to_split_by(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    annotations = [
        annotation(
            f"S001C001P00{n}R001A00{n % 2 + 1}", 1, 8, 25, 3, label=n % 2, keypoint=draw.normal(size=(1, 8, 25, 3))
        )
        for n in range(6)
    ]
    names = [str(each["frame_dir"]) for each in annotations]
    split = {"xsub_train": names[:4], "xsub_val": names[4:], "xview_train": names[::2], "xview_val": names[1::2]}
    (tmp_path / "ntu60_3danno.pkl").write_bytes(pickle.dumps({"split": split, "annotations": annotations}))
    prepare(tmp_path / "ntu60_3danno.pkl", tmp_path / "store")
    found = resolve_split("xsub=val", open_store(tmp_path / "store"))
    assert sorted(found.train) == names[:4]
    assert sorted(found.tests["full"]) == names[4:]
    assert list(open_store(tmp_path / "store").clips.column("subject")) == list(range(6))


def test_names_of_splits_without_a_prefix_and_recordings_in_none() -> None:
    split = {"train": ["a"], "test1": ["b"], "train1": ["a"], "val": ["b", "a"]}
    annotations = [annotation(name, 1, 3, 17, 2) for name in ("a", "b", "c")]
    raws = parse_pyskl([File("x.pkl", pickle.dumps({"split": split, "annotations": annotations}))])
    assert [raw.columns["part"] for raw in raws] == ["train", "val", "none"]
    assert [raw.columns["split1"] for raw in raws] == ["train", "test", "none"]


@pytest.mark.parametrize(
    ("shape", "layout"), [((25, 3), "ntu25"), ((25, 2), "openpose25"), ((18, 2), "coco18"), ((21, 2), "hand21")]
)
def test_joints_and_coordinates_tell_the_layout_of_pyskl(shape: tuple[int, int], layout: str) -> None:
    (raw,) = parse_pyskl([File("x.pkl", pickle.dumps([annotation("a", 2, 3, *shape, img_shape=(480, 640))]))])
    assert (raw.layout, raw.size, raw.label) == (layout, (640, 480), "1")
    assert (raw.persons, raw.units) == (("bodies", "metres") if shape[1] == 3 else ("detections", "pixels"))


def test_large_arrays_are_not_copied() -> None:
    content = npy(np.ones((3, 3, 50, 25, 2), dtype=np.float32))
    assert all(
        np.shares_memory(raw.joints, np.frombuffer(content, "u1")) for raw in parse_stgcn([File("x.npy", content)])
    )
    (raw,) = parse_pyskl([File("x.pkl", pickle.dumps([annotation("a", 1, 1000, 25, 3)]))])
    assert raw.joints.dtype == np.float16


def test_tables_of_kinetics_without_skeletons_and_code_are_refused(shared_data: Path) -> None:
    with pytest.raises(RecordingError, match=r"annotation 0 \(\w+\): this annotation of .* holds no skeleton"):
        open_reader(shared_data / "own-samples" / "pyskl" / "mmaction2_sample.pkl")
    with pytest.raises(RecordingError, match=r"it names (posix|nt)\.system"):
        parse_pyskl([File("x.pkl", b"cposix\nsystem\n(S'echo'\ntR.")])


def test_20_joints_in_three_dimensions_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([annotation("a", 1, 4, 20, 3)]))
    with pytest.raises(ConfigError, match=r"these 20 joints is not known.*--layout.*kinect20"):
        open_reader(tmp_path)
    assert open_reader(tmp_path, layout="kinect20").layout.name == "kinect20"


def test_arrays_of_other_widths_under_the_names_of_ctr_gcn_are_read(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    parts = {"x_train": draw.normal(size=(3, 6, 51)), "x_test": draw.normal(size=(1, 6, 51))}
    np.savez(tmp_path / "a.npz", **parts, y_train=np.eye(2)[[0, 1, 0]], y_test=np.eye(2)[[1]])
    reader = open_reader(tmp_path / "a.npz", layout="coco17")
    found = [reader.read(item) for item in reader.items()[0]]
    assert [(each.info.id, each.info.label, each.info.columns["part"]) for each in found] == [
        ("a/test-0", 1, "test"), ("a/train-0", 0, "train"), ("a/train-1", 1, "train"), ("a/train-2", 0, "train"),
    ]  # fmt: skip
    np.testing.assert_allclose(found[3].joints[0].reshape(6, 51), parts["x_train"][2])
