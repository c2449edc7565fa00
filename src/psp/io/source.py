"""Sources of recordings: the files with given suffixes in folders and zip archives, or single files."""

import gzip
import lzma
import os
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

from psp.errors import RecordingError
from psp.files import Binary, open_regular
from psp.io.folder import list_folder, refuse_written
from psp.io.format import without_suffix
from psp.io.kinds import certain_kind_of, kind_of
from psp.io.parse.limits import read_limited

BROKEN = "Copy or download it again."
UNREADABLE = (
    OSError, EOFError, RuntimeError, ValueError, OverflowError, struct.error, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
"""The errors that reading a folder or an archive raises; zipfile raises RuntimeError for unsupported archives."""

PACKED, SHOWN = ".gz", 3
"""The ending of packed files, and how many names a sentence lists."""

NOT_READ = "Not read: "
"""The beginning of the notes that name what a source holds and no reader reads."""

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One path or several."""

Identity = tuple[object, ...]
"""What is equal for two names of the same file."""


@dataclass(frozen=True)
class SourceItem:
    """One recording: its name inside the source, and a stamp that changes when the recording does."""

    name: str
    stamp: str

    @property
    def id(self) -> str:
        """The name without folders and ending."""
        return without_suffix(self.name).rpartition("/")[2]


@dataclass(frozen=True)
class FileSource:
    """The files with given suffixes in folders and subfolders, zip archives or single files, without hidden ones.

    A file may be compressed with gzip (`.csv.gz`). Archives inside a folder are read only if the folder has no such
    file outside of archives; links to folders, stores and runs inside a folder are not read. If there are several
    paths, the names of files begin with the name of their path.
    """

    path: Path | tuple[Path, ...]
    suffixes: tuple[str, ...]

    @cached_property
    def roots(self) -> dict[str, Path]:
        """Each path by the prefix of the names of its files, which is empty for a single path."""
        if isinstance(self.path, Path):
            return {"": self.path}
        names = [path.absolute().name for path in self.path]
        times, numbered = Counter(names), enumerate(zip(names, self.path, strict=True), start=1)
        return {name if times[name] == 1 else f"{number}-{name}": path for number, (name, path) in numbered}

    @property
    def name(self) -> str:
        """The name of the folder, archive or file; of several, the first names and how many more there are."""
        return some([path.absolute().name for path in self.roots.values()], " + ")

    @property
    def where(self) -> str:
        """The paths, or the first ones of many, for error messages."""
        return some(list(map(str, self.roots.values())))

    @property
    def not_read(self) -> list[str]:
        """Sentences that name what is in the folders but is not read."""
        found, named = dict[str, list[str]](), set(self.roots.values())
        for start, path in self.roots.items():
            inside = list_folder(path, self._counts)
            reasons = {"archives beside other files; name them separately": inside.archives if inside.files else []}
            reasons |= {"links to folders; name them separately": inside.links, "written by psp": inside.written}
            for reason, paths in reasons.items():
                names = [f"{start}/{_inner(each, path)}".lstrip("/") for each in paths if each not in named]
                found.setdefault(reason, []).extend(sorted(names))
        return [f"{NOT_READ}{some(names)} ({reason})." for reason, names in found.items() if names]

    def __hash__(self) -> int:
        return hash((self.path if isinstance(self.path, Path) else self.path[:SHOWN], self.suffixes))

    def files(self) -> list[SourceItem]:
        """Return the files ordered by id; an empty source or a repeated id raises RecordingError."""
        files = sorted(self.walk(), key=lambda file: (file.id, file.name))
        if not files:
            kinds = " or ".join(f"*{suffix}" for suffix in self.suffixes)
            remedy = f"Name a folder or a zip archive that holds {kinds} files."
            raise RecordingError(f"there is no {kinds} file.", where=self.where, remedy=remedy)
        self.require_each([file.name for file in files])
        for first, second in pairwise(files):
            if first.id == second.id:
                what = f"{first.name} and {second.name} have the same name."
                raise RecordingError(what, where=self.where, remedy="Leave one of them out.")
        return files

    def require_each(self, names: Sequence[str]) -> None:
        """Raise RecordingError that names those of several paths that hold none of the files `names`."""
        used = {name.partition("/")[0] for name in names}
        unused = [str(path) for start, path in self.roots.items() if start and start not in used]
        if unused:
            what = f"there is no {' or '.join(f'*{suffix}' for suffix in self.suffixes)} file."
            raise RecordingError(what, where=", ".join(unused), remedy="Leave it out, or correct its files.")

    def read(self, name: str, most: int = -1) -> bytes:
        """Return a file's content, or its first bytes; one that cannot be read raises RecordingError.

        So does a whole file that is a Git-LFS pointer or a web page, or unpacks to more than
        `psp.io.parse.limits.largest()`.
        """
        try:
            container, file = self._open(name)
            with file:
                unpacked = _unpacked(file) if name.lower().endswith(PACKED) else file
                content = read_limited(unpacked, most, container.stat().st_size, name)
        except (KeyError, *UNREADABLE) as error:
            raise RecordingError(f"the file cannot be read ({error}).", where=name, remedy=BROKEN) from error
        kind = certain_kind_of(content) if most < 0 else None
        if kind is not None:
            raise RecordingError(f"this is {kind.name}.", where=name, remedy=kind.remedy)
        return content

    def walk(self) -> Iterator[SourceItem]:
        """Yield the files in any order.

        A source that cannot be listed, and a file that two of several paths lead to, raise RecordingError.
        """
        seen: dict[Identity, str] = {}
        for start, path in self.roots.items():
            if not path.exists():
                raise RecordingError("the source does not exist.", where=str(path), remedy="Correct the path.")
            for inner, stamp, same in self._walk(path):
                other = seen.setdefault(same, start) if same else start
                if other != start:
                    what = f"{inner or 'this file'} is also read from {self.roots[other]}, and would be read twice."
                    raise RecordingError(what, where=str(path), remedy="Leave one of them out.")
                yield SourceItem("/".join(part for part in (start, inner) if part), stamp)

    def has(self, matches: Callable[[str], bool]) -> bool:
        """Return whether the id of a file matches; False for a source that cannot be listed."""
        try:
            return any(matches(file.id) for file in self.walk())
        except RecordingError:
            return False

    def _open(self, name: str) -> tuple[Path, Binary]:
        """Open a file; the path to it passes folders and at most one archive. Return also the archive or the file."""
        root, inner = self.roots.get(""), name
        if root is None:
            start, _, inner = name.partition("/")
            root = self.roots[start]
        if not root.is_dir():
            return root, open_regular(root) if self._counts(root.name) else _opened(root, inner)
        parts = PurePosixPath(inner).parts
        for depth in range(len(parts)):
            step = root.joinpath(*parts[:depth])
            if step.is_file():
                return step, _opened(step, "/".join(parts[depth:]))
        return root / inner, open_regular(root / inner)

    def _counts(self, name: str) -> bool:
        return name.lower().removesuffix(PACKED).endswith(self.suffixes) and not name.startswith(".")

    def _walk(self, path: Path) -> Iterator[tuple[str, str, Identity]]:
        """Yield the names of the files inside a path, their stamps and identities."""
        if path.is_dir():
            return self._walk_folder(path)
        if self._counts(path.name):
            return iter([("" if self.roots.get("") != path else path.name, *_state(path))])
        return self._walk_archive(path)

    def _walk_folder(self, root: Path) -> Iterator[tuple[str, str, Identity]]:
        inside = list_folder(root, self._counts)
        for path in inside.files:
            yield _inner(path, root), *_state(path)
        for archive in [] if inside.files else sorted(inside.archives):
            for name, stamp, same in self._walk_archive(archive):
                yield f"{_inner(archive, root)}/{name}", stamp, same

    def _walk_archive(self, path: Path) -> Iterator[tuple[str, str, Identity]]:
        try:
            with open_regular(path) as file, zipfile.ZipFile(file) as archive:
                members = archive.infolist()
        except UNREADABLE as error:
            raise _not_an_archive(path, error) from error
        _, same = _state(path)
        for member in members:
            inner = _member_name(member)
            *folders, name = inner.split("/")
            hidden = any(folder.startswith((".", "__MACOSX")) for folder in folders)
            if self._counts(name) and not hidden:
                yield inner, f"{member.file_size}-{member.CRC:08x}", same and (*same, inner)


def open_paths(source: Paths) -> Path | tuple[Path, ...]:
    """Return one path, or a tuple of several; a store or a run raises RecordingError."""
    paths = tuple(map(Path, [source] if isinstance(source, str | os.PathLike) else source))
    for path in paths:
        refuse_written(path)
    return paths[0] if len(paths) == 1 else paths


def by_file(items: Sequence[SourceItem]) -> list[int]:
    """Return the indices of items file by file: read in this order, a file of many recordings is loaded once."""
    return sorted(range(len(items)), key=lambda index: items[index].name)


def some(names: Sequence[str], comma: str = ", ") -> str:
    """Return the first names and how many more there are."""
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return comma.join([*names[:SHOWN], *more])


def _not_an_archive(path: Path, error: Exception) -> RecordingError:
    """Return the error for a file that has none of the suffixes and is not a readable zip archive."""
    try:
        with open_regular(path) as file:
            head = file.read(512)
    except OSError:
        head = b""
    kind = kind_of(head, path.name)
    if kind is not None:
        return RecordingError(f"this is {kind.name}.", where=str(path), remedy=kind.remedy)
    if head.startswith(b"PK\x03\x04"):
        what = f"this zip archive is cut off or damaged ({error})."
        return RecordingError(what, where=str(path), remedy=BROKEN)
    what = f"this is neither a folder nor a readable zip archive ({error})."
    return RecordingError(what, where=str(path), remedy=BROKEN)


def _unpacked(file: Binary) -> Binary:
    """Return a file that is unpacked when it is read; one that is not compressed is returned as it is."""
    is_packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if is_packed else file


def _inner(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _state(path: Path) -> tuple[str, Identity]:
    """Return size and time of a file, and its identity, empty if the system tells none.

    A broken link is "missing"; its error is raised when it is read.
    """
    try:
        about = path.stat()
    except OSError:
        return "missing", ()
    return f"{about.st_size}-{about.st_mtime_ns}", (about.st_dev, about.st_ino) if about.st_ino else ()


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a file in an archive with slashes, which some programs write as backslashes."""
    return PurePosixPath(member.filename.replace("\\", "/").lstrip("/")).as_posix()


def _opened(archive: Path, name: str) -> Binary:
    """Open a file of an archive by `_member_name`."""
    file, members = _archive(archive, archive.stat().st_mtime_ns, os.getpid())
    return file.open(members[name])


@lru_cache(maxsize=4)
def _archive(path: Path, changed: int, process: int) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """Return an open archive and its files by their names.

    Both are cached: the directory of one with 56,880 names takes longer to read than many recordings. `process` is the
    process id: a forked process opens archives again, as it would share the file position.
    """
    file = zipfile.ZipFile(open_regular(path))
    return file, {_member_name(member): member for member in file.infolist()}
