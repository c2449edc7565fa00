"""Known kinds of files that are not read, recognised by their first bytes or names, and what to do with them."""

import re
from dataclasses import dataclass

DOWNLOAD = "Download the file itself."
UNPACK = "Unpack it, or pack it as a zip archive."
AS_CSV = "Export the table as CSV."
AS_UTF_8 = 'Save it as UTF-8, in Excel as "CSV UTF-8".'
ESTIMATE = "Run a pose estimator on it and prepare what that writes."


@dataclass(frozen=True)
class Kind:
    """A kind of file, its name with an article, and what to do instead of reading it."""

    name: str
    remedy: str


VIDEO, PICTURE, EXCEL = Kind("a video", ESTIMATE), Kind("a picture", ESTIMATE), Kind("an Excel file", AS_CSV)
MARKERS = "Export the positions of joints (not of markers) as CSV or NumPy arrays."

CERTAIN: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"version https://git-lfs"), Kind("a Git-LFS pointer, not the data", "Fetch it with 'git lfs pull'.")),
    (re.compile(rb"\s*(\xef\xbb\xbf)?\s*<(!doctype html|html|head)", re.IGNORECASE), Kind("a web page", DOWNLOAD)),
)
"""Signatures that are decisive whatever the name of the file is."""

ENDINGS: dict[str, Kind] = {
    ".slp": Kind("a SLEAP project", 'Export it with "Export Analysis HDF5" or sleap-convert --format analysis.'),
    ".boris": Kind("a BORIS project", "Export its events as CSV and name them with --table beside the recordings."),
    ".eaf": Kind("an ELAN file", "Export it as tab-delimited text and name that with --table beside the recordings."),
    ".c3d": Kind("a C3D file of markers", MARKERS),
    ".trc": Kind("a TRC file of markers", MARKERS),
    ".mot": Kind("an OpenSim file of angles", "Export the positions of joints as CSV."),
    ".sto": Kind("an OpenSim file of angles", "Export the positions of joints as CSV."),
    ".asf": Kind("an ASF skeleton", "Convert it with its AMC motion to BVH."),
    ".amc": Kind("an AMC motion", "Convert it with its ASF skeleton to BVH."),
    ".fbx": Kind("an FBX file", "Export it as BVH."),
    ".pose": Kind("a .pose file of pose-format", "Save its body data as NumPy arrays (frames, persons first)."),
    ".bag": Kind("a ROS bag", "Export the skeletons as CSV or NumPy arrays."),
    ".db3": Kind("a ROS bag", "Export the skeletons as CSV or NumPy arrays."),
    ".mcap": Kind("a ROS bag", "Export the skeletons as CSV or NumPy arrays."),
    ".mat": Kind("a MATLAB file", "Save the joints as a NumPy array."),
    ".mkv": Kind("a recording of a camera or a video", ESTIMATE),
    ".parquet": Kind("a Parquet file", AS_CSV),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), EXCEL),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".webm", ".wmv", ".mpg", ".mpeg", ".m4v", ".flv", ".mts"), VIDEO),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"), PICTURE),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".onnx"), Kind("the weights of a network", "Name recordings.")),
    **dict.fromkeys((".tar", ".tgz", ".7z", ".rar"), Kind("an archive of another kind than zip", UNPACK)),
}
"""Files that are known by their endings."""

KINDS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    *CERTAIN,
    (re.compile(rb"\s*<\?xml"), Kind("an XML file", "Export the recordings in a known format.")),
    (re.compile(rb".{257}ustar", re.DOTALL), Kind("a tar archive", UNPACK)),
    (re.compile(rb"\x1f\x8b"), Kind("a file compressed with gzip", UNPACK)),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), Kind("a 7z archive", UNPACK)),
    (re.compile(rb"Rar!"), Kind("a RAR archive", UNPACK)),
    (re.compile(rb"\xfd7zXZ"), Kind("a file compressed with xz", UNPACK)),
    (re.compile(rb"BZh[1-9]"), Kind("a file compressed with bzip2", UNPACK)),
    (re.compile(rb"RIFF....WEBP|\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*", re.DOTALL), PICTURE),
    (
        re.compile(rb"....(ftyp|moov|mdat)|RIFF....AVI |\x1aE\xdf\xa3|\x30\x26\xb2\x75\x8e\x66|FLV\x01", re.DOTALL),
        VIDEO,
    ),
    (re.compile(rb"Kaydara FBX"), ENDINGS[".fbx"]),
    (re.compile(rb"#ROSBAG|\x89MCAP0"), ENDINGS[".bag"]),
    (re.compile(rb"PathFileType"), ENDINGS[".trc"]),
    (re.compile(rb"[\x01-\x08]P[^K]", re.DOTALL), ENDINGS[".c3d"]),
    (re.compile(rb"MATLAB [57]\."), ENDINGS[".mat"]),
    (re.compile(rb"PAR1"), ENDINGS[".parquet"]),
    (re.compile(rb"\xd0\xcf\x11\xe0|PK\x03\x04.*(\[Content_Types\]\.xml|spreadsheet)", re.DOTALL), EXCEL),
    (
        re.compile(rb"PK\x03\x04.*positions_[23]d\.npy", re.DOTALL),
        Kind(
            "a VideoPose3D file, which pickles its arrays", "Save each recording as an array (frames, joints, 2 or 3)."
        ),
    ),
    (
        re.compile(rb"PK\x03\x04(?!.*joints\.npy).*(mocap_frame_?rate|betas|dmpls)\.npy", re.DOTALL),
        Kind(
            "an AMASS file of body model parameters", "Compute the joints with the body model and save them as arrays."
        ),
    ),
    (re.compile(rb"\xff\xfe|\xfe\xff"), Kind("text in UTF-16", AS_UTF_8)),
    (re.compile(rb"%PDF"), Kind("a PDF file", DOWNLOAD)),
    (re.compile(rb"SQLite format 3"), Kind("an SQLite database", AS_CSV)),
)
"""Signatures of known files that are not read, the more certain ones first."""

HDF5 = Kind("an HDF5 file of unknown content", "Use files of DeepLabCut, SLEAP analysis, NWB or movement.")


def certain_kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file that is no data whatever its name, None if it is not one of these."""
    return next((kind for signature, kind in CERTAIN if signature.match(head)), None)


def kind_of(head: bytes, name: str = "") -> Kind | None:
    """Return the kind of a file by its first bytes and its name, None if it is not known."""
    by_name = next((kind for ending, kind in ENDINGS.items() if name.lower().endswith(ending)), None)
    by_content = next((kind for signature, kind in KINDS if signature.match(head)), None)
    return certain_kind_of(head) or by_name or by_content or (HDF5 if head.startswith(b"\x89HDF") else None)
