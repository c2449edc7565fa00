"""Known files that are not read are named with what to do: alone, in folders and in archives."""

import io
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from psp.cli.main import main
from psp.errors import PSPError
from psp.io.base import detect_format, open_reader


def packed(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 99)
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def hdf5() -> bytes:
    with h5py.File(io.BytesIO(), "w") as file:
        file["something"] = np.zeros(3)
        file.flush()
        return file.id.get_file_image()


FILES = {
    "a.mp4": (b"\0\0\0\x20ftypisom", "a video.*pose estimator"),
    "a.MOV": (b"\0\0\0\x14moov", "a video"),
    "a.jpg": (b"\xff\xd8\xff\xe0", "a picture.*pose estimator"),
    "a.c3d": (b"\x02P\0\0", "a C3D file of markers"),
    "a.fbx": (b"Kaydara FBX Binary", "an FBX file.*BVH"),
    "a.slp": (hdf5(), "a SLEAP project.*Export Analysis HDF5"),
    "a.h5": (hdf5(), "an HDF5 file of unknown content"),
    "a.pose": (b"\xcd\xcc\x4c\x3e", "a .pose file"),
    "a.trc": (b"PathFileType\t4\t(X/Y/Z)\ta.trc", "a TRC file of markers"),
    "a.mot": (b"Coordinates\nversion=1\n", "an OpenSim file"),
    "a.bag": (b"#ROSBAG V2.0\n", "a ROS bag"),
    "a.mat": (b"MATLAB 7.3 MAT-file, Platform", "a MATLAB file"),
    "a.xlsx": (packed("[Content_Types].xml", "xl/workbook.xml"), "an Excel file.*CSV"),
    "a.xls": (b"\xd0\xcf\x11\xe0", "an Excel file"),
    "a.tar": (b"x" * 257 + b"ustar", "an archive of another kind than zip.*zip"),
    "a.7z": (b"7z\xbc\xaf\x27\x1c", "zip"),
    "a.rar": (b"Rar!\x1a", "zip"),
    "a.boris": (b'{"time_format": "s"}', "a BORIS project.*--table"),
    "a.eaf": (b'<?xml version="1.0"?>', "an ELAN file.*--table"),
    "a.parquet": (b"PAR1", "a Parquet file"),
    "a.csv": (b"version https://git-lfs.github.com/spec/v1\n", "a Git-LFS pointer.*git lfs pull"),
    "a.csv.gz": (b"version https://git-lfs.github.com/spec/v1\n", "a Git-LFS pointer.*git lfs pull"),
    "b.json": (b"<!DOCTYPE html><html>", "a web page"),
    "cut.h5": (hdf5()[:-100], "damaged or incomplete"),
    "empty.csv": (b"", "empty.csv is empty"),
    "labels.csv": (b"Time,Behavior,Status\n1,run,START\n2,run,STOP\n", "a table of labels.*--table"),
    "data_3d.npz": (npz(positions_3d=np.array({"S1": 1}, dtype=object)), "a VideoPose3D file"),
    "walk_poses.npz": (npz(trans=np.zeros((2, 3)), mocap_framerate=np.array(120.0)), "an AMASS"),
}  # fmt: skip


def refusal(source: Path) -> str:
    with pytest.raises(PSPError) as error:
        open_reader(source, layout="coco17")
    assert error.value.remedy
    return str(error.value)


@pytest.mark.parametrize("name", FILES)
def test_it_is_named_alone_in_a_folder_and_in_an_archive(name: str, tmp_path: Path) -> None:
    content, says = FILES[name]
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/sub" / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr(f"sub/{name}", content)
    for source in (tmp_path / "folder/sub" / name, tmp_path / "folder", tmp_path / "packed.zip"):
        assert re.search(says, refusal(source)), refusal(source)


@pytest.mark.parametrize("header", ["\nPelvis_x,Pelvis_y,b_x,b_y", "BZhip_x,BZhip_y,b_x,b_y"])
def test_text_is_no_binary_file(header: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n1,2,3,4\n5,6,7,8\n")
    assert open_reader(tmp_path).items()[0]


def test_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    content = packed("a.npy", "b.npy")
    (tmp_path / "x.zip").write_bytes(content[: len(content) // 2])
    assert "x.zip: this zip archive is cut off or damaged" in refusal(tmp_path / "x.zip")


def test_joints_beside_body_model_parameters_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz(betas=np.zeros(10), joints=np.ones((4, 17, 3))))
    assert detect_format(tmp_path) == "arrays"
    assert open_reader(tmp_path, layout="coco17").items()[0]


def test_the_command_ends_with_the_message(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "walk.mp4").write_bytes(FILES["a.mp4"][0])
    assert main(["prepare", str(tmp_path / "walk.mp4"), str(tmp_path / "store")]) == 2
    assert "this is a video. Run a pose estimator on it" in " ".join(capsys.readouterr().err.split())
