"""What a file is by its first bytes, where it is none of the formats that are read."""

import re
from dataclasses import dataclass

DOWNLOAD = "Download the file itself."
UNPACK = "Unpack it, or pack it as a zip archive."
ESTIMATE = "Run a pose estimator on it and prepare what that writes."


@dataclass(frozen=True)
class Kind:
    """What a file is, with its article, and what to do instead of reading it."""

    name: str
    remedy: str


KINDS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"version https://git-lfs"), Kind("a Git-LFS pointer, not the data", "Fetch it with 'git lfs pull'.")),
    (re.compile(rb"\s*(\xef\xbb\xbf)?\s*<(!doctype html|html|head)", re.IGNORECASE), Kind("a web page", DOWNLOAD)),
    (re.compile(rb"\s*<\?xml"), Kind("an XML file", "Export the recordings in a known format.")),
    (re.compile(rb".{257}ustar", re.DOTALL), Kind("a tar archive", UNPACK)),
    (re.compile(rb"\x1f\x8b"), Kind("a file compressed with gzip", UNPACK)),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), Kind("a 7z archive", UNPACK)),
    (re.compile(rb"Rar!"), Kind("a RAR archive", UNPACK)),
    (re.compile(rb"\xfd7zXZ"), Kind("a file compressed with xz", UNPACK)),
    (re.compile(rb"BZh"), Kind("a file compressed with bzip2", UNPACK)),
    (re.compile(rb"....ftyp|RIFF....AVI |\x1aE\xdf\xa3", re.DOTALL), Kind("a video", ESTIMATE)),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), Kind("a picture", ESTIMATE)),
    (re.compile(rb"Kaydara FBX"), Kind("an FBX file", "Export it as BVH.")),
    (re.compile(rb"#ROSBAG"), Kind("a ROS bag", "Export the skeletons as CSV or NumPy arrays.")),
    (
        re.compile(rb"[\x01-\x0a]P", re.DOTALL),
        Kind("a C3D file of markers", "Export the joints as CSV."),
    ),
    (
        re.compile(rb"MATLAB 5.0"),
        Kind("a MATLAB file", "Save the joints as a NumPy array."),
    ),
    (re.compile(rb"PAR1"), Kind("a Parquet file", "Export the table as CSV.")),
    (re.compile(rb"\xd0\xcf\x11\xe0"), Kind("an Excel file", "Export the table as CSV.")),
    (re.compile(rb"%PDF"), Kind("a PDF file", DOWNLOAD)),
)
"""Signatures of known files that are not read, the more certain ones first."""


def kind_of(head: bytes) -> Kind | None:
    """Return what a file is that begins with `head`, None if that is not known."""
    return next((kind for signature, kind in KINDS if signature.match(head)), None)
