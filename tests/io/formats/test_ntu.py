import zipfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import RecordingError
from psp.io.base import open_reader
from psp.io.formats.ntu import parse_skeleton, read_missing, read_skeleton_file
from psp.io.formats.ntu_classes import NTU_CLASSES
from psp.io.formats.write_ntu import write_ntu_folder, write_skeleton_file
from psp.synthetic import SyntheticConfig, synthetic_clip

BODY = "0 1 1 1 1 0 0.1 -0.2 2"
NAME = "S001C002P003R004A005.skeleton"
DAMAGED = {"S005C002P013R002A056": 2086, "S012C001P008R002A030": 2819}


def text_of(
    frames: list[dict[str, np.ndarray]],
    newline: str = "\n",
    blank: str = " ",
    write: Callable[[float], str] = repr,
) -> bytes:
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, joints in bodies.items():
            lines += [
                f"{body} {BODY}",
                "25",
                *(blank.join(map(write, [*row, *[0.5] * 8, 2])) for row in joints.tolist()),
            ]
    return (newline.join(lines) + newline).encode()


@st.composite
def recordings(draw) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    seen = draw(st.lists(st.lists(st.integers(0, 4), unique=True, max_size=3), min_size=1, max_size=4))
    return [{str(72057594037927936 + body): rng.normal(size=(25, 3)) for body in bodies} for bodies in seen]


@given(recordings(), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read(frames, newline):
    recording = parse_skeleton(text_of(frames, newline), NAME)
    ids = list(dict.fromkeys(body for bodies in frames for body in bodies))
    assert recording.joints.shape == (len(ids), len(frames), 25, 3)
    for frame, bodies in enumerate(frames):
        for number, body in enumerate(ids):
            assert recording.seen[number, frame] == (body in bodies)
            np.testing.assert_array_equal(recording.joints[number, frame], bodies.get(body, np.zeros((25, 3))))


def plainly_parsed(content: bytes) -> dict[tuple[bytes, int], dict[int, np.ndarray]]:
    """Line by line, number by number: the joints of every body in every frame."""
    found = defaultdict(dict)
    lines = iter(content.split(b"\n"))
    for frame in range(int(next(lines))):
        ids = []
        for _ in range(int(next(lines))):
            body, joints = next(lines).split()[0], range(int(next(lines)))
            positions = [[float(word) for word in next(lines).split()[:3]] for _ in joints]
            found[body, ids.count(body)][frame] = np.array(positions)
            ids.append(body)
    return found


def assert_parsed_like(content: bytes) -> None:
    recording, expected = parse_skeleton(content, NAME), plainly_parsed(content)
    assert len(recording.joints) == len(expected)
    for confidence, joints, frames in zip(recording.confidence, recording.joints, expected.values(), strict=True):
        positions = np.array(list(frames.values()))
        observed = positions.any(axis=2)
        assert (confidence[list(frames)] == observed).all()
        assert (joints[list(frames)] == positions * observed[..., None]).all()
        outside = np.delete(np.arange(len(confidence)), list(frames))
        assert not joints[outside].any()
        assert not confidence[outside].any()


@given(
    recordings(),
    st.sampled_from(["\n", "\r\n", " \n"]),
    st.sampled_from([" ", "  ", "\t"]),
    st.sampled_from([repr, "{:.7g}".format, "{:.3e}".format, "{:.0f}".format, "{:+.2f}".format]),
)
def test_every_bit_is_that_of_a_plain_parser(frames, newline, blank, write):
    assert_parsed_like(text_of(frames, newline, blank, write))


@given(st.data())
def test_a_cut_file_is_refused_or_whole(data):
    frames = data.draw(recordings())
    text = text_of(frames, data.draw(st.sampled_from(["\n", "\r\n"])))
    with suppress(RecordingError):
        assert parse_skeleton(text[: data.draw(st.integers(0, len(text)))], NAME).joints.shape[1] <= len(frames)


@given(st.data())
def test_any_other_byte_raises_no_other_error(data):
    text = bytearray(text_of(data.draw(recordings())))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RecordingError):
        parse_skeleton(bytes(text), NAME)


def altered(line: int, content: str | None) -> bytes:
    """One frame of one body, with one line replaced or taken out; joints stand in lines 5 to 29."""
    lines = text_of([{"7": np.ones((25, 3))}]).decode().splitlines()
    lines[line - 1 : line] = [] if content is None else [content]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("line", "content", "where"),
    [
        (1, "x", 1), (1, "0", 1), (1, "2", 29), (2, "-1", 2), (2, "2", 29), (2, "0", 3), (3, "7 0 1", 3),
        (4, "24", 4), (6, None, 28), (6, "1 2 3", 6), (8, "1 2 x 0 0 0 0 0 0 0 0 2", 8),
        (29, "1 2 inf 0 0 0 0 0 0 0 0 2", 29), (29, "1 2 nancy 0 0 0 0 0 0 0 0 2", 29),
    ],
)  # fmt: skip
def test_damage_is_named_with_its_line(line, content, where):
    with pytest.raises(RecordingError) as caught:
        parse_skeleton(altered(line, content), NAME)
    assert caught.value.where == f"{NAME}:{where}"


def test_only_positions_must_be_numbers():
    assert parse_skeleton(altered(6, "1 2 3 -1.#IND nan 0 0 0 0 0 0 2"), NAME).joints[0, 0, 1, 2] == 3


def test_an_id_that_occurs_twice_in_a_frame_belongs_to_two_bodies():
    blocks = [text_of([{"7": np.full((25, 3), value)}]).split(b"\n", 2)[2] for value in (1.0, 2.0)]
    recording = parse_skeleton(b"1\n2\n" + b"".join(blocks), NAME)
    np.testing.assert_array_equal(recording.joints[:, 0, 0, 0], [1, 2])


@pytest.mark.parametrize("line", ["nan 2 3", "1 -nan(ind) 3", "1 2 NaN", "1.#QNAN 2 3", "1 2 -1.#IND", "0 0 0"])
def test_a_joint_without_a_position_was_not_observed(line):
    recording = parse_skeleton(altered(7, f"{line} 0 0 0 0 0 0 0 0 2"), NAME)
    np.testing.assert_array_equal(np.flatnonzero(recording.confidence[0, 0] == 0), [2])
    np.testing.assert_array_equal(recording.joints[0, 0, 2], 0)
    assert recording.seen.all()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_synthetic_files(tmp_path, newline):
    clip = synthetic_clip(SyntheticConfig(), 0)
    path = tmp_path / NAME
    write_skeleton_file(path, clip, newline=newline, spurious=5)
    recording = read_skeleton_file(path)
    np.testing.assert_allclose(recording.joints[0], clip.joints[0], rtol=6e-7)
    np.testing.assert_array_equal(np.flatnonzero(recording.seen[-1]), np.arange(clip.frames)[-5:])


@pytest.mark.parametrize("action", [1, 120])
def test_the_name_tells_the_facts(action):
    recording = parse_skeleton(altered(2, "1"), f"S001C002P003R0004A{action:03}.skeleton")
    assert list(recording.info.columns.items()) == [("subject", 3), ("camera", 2), ("setup", 1), ("repetition", 4)]
    assert recording.info.label == action - 1


@pytest.mark.parametrize(
    ("name", "label", "columns"),
    [
        ("my walk", None, {}),
        ("S001C002P003R004A005x", None, {}),
        ("S001C002P003R004A000", None, {"subject": 3, "camera": 2, "setup": 1, "repetition": 4}),
        ("S001C002P003R004", None, {"subject": 3, "camera": 2, "setup": 1, "repetition": 4}),
        ("P003A005", 4, {"subject": 3}),
        ("s001c002p003r004a005", 4, {"subject": 3, "camera": 2, "setup": 1, "repetition": 4}),
    ],
)
def test_a_name_that_tells_less_leaves_it_open(name, label, columns):
    info = parse_skeleton(altered(2, "1"), f"{name}.skeleton").info
    assert (info.id, info.label, info.columns) == (name, label, columns)


def test_there_are_120_actions_with_different_names():
    assert len(set(NTU_CLASSES)) == 120
    assert NTU_CLASSES[0] == "drink water"
    assert (NTU_CLASSES[59], NTU_CLASSES[119]) == ("walking apart", "rock-paper-scissors")


@pytest.fixture
def folder(tmp_path):
    write_ntu_folder(tmp_path / "raw", SyntheticConfig(clips=3))
    return tmp_path / "raw"


@pytest.mark.parametrize("form", ["{}", "{}.skeleton", "{}\r", "  raw/{}.SKELETON, ", "302 samples are missing:\n{}"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_list_of_missing_skeletons_in_every_usual_form(tmp_path, folder, form, case, encoding):
    name = min(folder.iterdir()).stem
    text = form.format(case(name)) + "\nS032C001P001R001A001\n"
    (tmp_path / "missing.txt").write_text(text, encoding=encoding)
    items, counts = open_reader(folder, missing=tmp_path / "missing.txt").items()
    assert name not in {item.id for item in items}
    assert len(items) == 2
    assert counts == {
        "named in the list of missing skeletons, left out": 1,
        "names in the list of missing skeletons": 2,
        "names of that list that were found": 1,
    }


def test_a_list_of_which_no_name_is_found_is_told(tmp_path, folder):
    (tmp_path / "missing.txt").write_text("S032C001P001R001A001")
    items, counts = open_reader(folder, missing=tmp_path / "missing.txt").items()
    assert len(items) == 3
    assert counts["names of that list that were found"] == 0
    assert "names of that list that were found" in counts


def test_unlabelled_files_lie_beside_labelled_ones(tmp_path, folder):
    min(folder.iterdir()).rename(folder / "at home.skeleton")
    reader = open_reader(folder)
    assert reader.items()[1] == {"recordings without a label": 1}
    assert [reader.read(item).info.label is None for item in reader.items()[0]] == [False, False, True]
    assert open_reader(folder / "at home.skeleton").items()[0][0].id == "at home"


@pytest.mark.parametrize("content", [b"", b"no names here", b"\xff\xfeS\x000\x00"])
def test_a_list_without_names_is_refused(tmp_path, content):
    (tmp_path / "missing.txt").write_bytes(content)
    with pytest.raises(RecordingError, match=r"missing\.txt"):
        read_missing(tmp_path / "missing.txt")


def test_the_data_set_follows_from_the_actions(folder):
    assert open_reader(folder).dataset == "ntu60"
    assert "A060" in open_reader(folder).notes[0]
    first = min(folder.iterdir())
    first.rename(first.with_name("S018C001P001R001A061.skeleton"))
    assert open_reader(folder).dataset == "ntu120"
    assert "S018C001P001R001A061" in open_reader(folder).notes[0]
    assert open_reader(folder, "ntu60").dataset == "ntu60"


def test_real_recordings(shared_data):
    with zipfile.ZipFile(shared_data / "ntu-samples/raw_skeletons.zip") as archive:
        for file in archive.namelist():
            name = file.split("/")[-1]
            if name[:20] in DAMAGED:
                with pytest.raises(RecordingError, match=f"{name}:{DAMAGED[name[:20]]}: .*ends"):
                    parse_skeleton(archive.read(file), name)
                continue
            assert_parsed_like(archive.read(file))
            recording = parse_skeleton(archive.read(file), name)
            assert recording.joints.shape[1] == int(archive.read(file).split()[0])
            assert recording.seen.all()
