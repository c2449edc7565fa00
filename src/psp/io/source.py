"""Where recordings come from: the files of a folder, or of a zip archive, with given suffixes."""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

from psp.errors import RecordingError

BROKEN = "Copy or download it again."
UNREADABLE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a folder or an archive raises; the built-in ones besides OSError are unknown kinds of zip."""


@dataclass(frozen=True)
class SourceItem:
    """One recording: its name inside the source, and a stamp that changes when the recording does."""

    name: str
    stamp: str

    @property
    def id(self) -> str:
        """The name without folders and ending."""
        return Path(self.name).stem


@dataclass(frozen=True)
class FileSource:
    """A folder with its subfolders, a zip archive, or one file; files of the suffixes count, hidden ones do not."""

    path: Path
    suffixes: tuple[str, ...]

    def files(self) -> list[SourceItem]:
        """Return the files ordered by id; an empty source or a repeated id raises RecordingError."""
        files = sorted(self.walk(), key=lambda file: (file.id, file.name))
        if not files:
            kinds = " or ".join(f"*{suffix}" for suffix in self.suffixes)
            remedy = f"Name a folder or a zip archive that holds {kinds} files."
            raise RecordingError(f"there is no {kinds} file.", where=str(self.path), remedy=remedy)
        for first, second in pairwise(files):
            if first.id == second.id:
                what = f"{first.name} and {second.name} have the same name."
                raise RecordingError(what, where=str(self.path), remedy="Leave one of them out.")
        return files

    def read(self, name: str) -> bytes:
        """Return a file's content; one that cannot be read raises RecordingError."""
        try:
            if self.path.is_dir():
                return (self.path / name).read_bytes()
            if self._counts(self.path.name):
                return self.path.read_bytes()
            return _archive(self.path, self.path.stat().st_mtime_ns, os.getpid()).read(name)
        except (KeyError, *UNREADABLE) as error:
            raise RecordingError(f"the file cannot be read ({error}).", where=name, remedy=BROKEN) from error

    def walk(self) -> Iterator[SourceItem]:
        """Yield the files in any order; a source that cannot be listed raises RecordingError."""
        if not self.path.exists():
            raise RecordingError("the source does not exist.", where=str(self.path), remedy="Correct the path.")
        if self.path.is_dir():
            return self._walk_folder()
        if self._counts(self.path.name):
            return iter([SourceItem(self.path.name, _stamp(self.path))])
        return self._walk_archive()

    def has(self, matches: Callable[[str], bool]) -> bool:
        """Return whether the id of some file matches; a source that cannot be listed has none."""
        try:
            return any(matches(file.id) for file in self.walk())
        except RecordingError:
            return False

    def _counts(self, name: str) -> bool:
        return name.endswith(self.suffixes) and not name.startswith(".")

    def _walk_folder(self) -> Iterator[SourceItem]:
        for folder, inner, names in os.walk(self.path):
            inner[:] = [name for name in inner if not name.startswith(".")]
            for name in names:
                if self._counts(name):
                    path = Path(folder, name)
                    yield SourceItem(path.relative_to(self.path).as_posix(), _stamp(path))

    def _walk_archive(self) -> Iterator[SourceItem]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = archive.infolist()
        except UNREADABLE as error:
            what = f"this is neither a folder nor a readable zip archive ({error})."
            raise RecordingError(what, where=str(self.path), remedy=BROKEN) from error
        for member in members:
            *folders, name = PurePosixPath(member.filename).parts or ("",)
            if self._counts(name) and not any(folder.startswith(".") for folder in folders):
                yield SourceItem(member.filename, f"{member.file_size}-{member.CRC:08x}")


def _stamp(path: Path) -> str:
    """Size and time of a file; a link to nowhere has none, reading it names it as missing."""
    try:
        about = path.stat()
    except OSError:
        return "missing"
    return f"{about.st_size}-{about.st_mtime_ns}"


@lru_cache(maxsize=1)
def _archive(path: Path, changed: int, process: int) -> zipfile.ZipFile:
    """Keep the archive open: its directory of 56,880 names takes longer to read than many recordings.

    A forked process opens it again, as it would share the file position with its parent.
    """
    return zipfile.ZipFile(path)
