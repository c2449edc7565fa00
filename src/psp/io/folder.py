"""The content of a folder of recordings, and the folders that psp wrote, which hold none."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from psp.config.json_file import Form, read_json
from psp.errors import RecordingError

ARCHIVE = ".zip"
STORE, RUN = "a data set that psp prepared", "a run of psp train"
MARKS: dict[str, Form] = {"manifest.json": {"format": str}, "config.json": {"hash": str, "store": dict, "config": dict}}
"""The files by which stores and runs are known, and their forms."""


@dataclass(frozen=True)
class Folder:
    """The files of a folder and its sub-folders, the zip archives, and what is not entered: links, stores and runs."""

    files: list[Path] = field(default_factory=list)
    archives: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


def list_folder(root: Path, counts: Callable[[str], bool]) -> Folder:
    """Return the content of a folder without hidden names; `counts(name)` says whether a file is wanted."""
    found = Folder()
    for folder, inner, names in os.walk(root):
        if not MARKS.keys().isdisjoint(names) and written_by_psp(Path(folder)):
            found.written.append(Path(folder))
            inner.clear()
            continue
        inner[:] = [name for name in inner if not name.startswith(".")]
        found.links.extend(Path(folder, name) for name in inner if os.path.islink(os.path.join(folder, name)))
        found.files.extend(Path(folder, name) for name in names if counts(name))
        found.archives.extend(Path(folder, name) for name in names if not counts(name) and is_archive(name))
    return found


def is_archive(name: str) -> bool:
    """Return whether a name is that of a zip archive which is not hidden."""
    return name.lower().endswith(ARCHIVE) and not name.startswith(".")


def written_by_psp(folder: Path) -> str | None:
    """Return STORE or RUN for a folder that `psp prepare` or `psp train` wrote, None for any other path."""
    for name, form in MARKS.items():
        try:
            content = read_json(folder / name, form, RecordingError, "")
        except RecordingError:
            continue
        if name == "config.json":
            return RUN
        if content["format"].startswith("psp-store-"):
            return STORE
    return None


def refuse_written(path: Path) -> None:
    """Raise RecordingError for a store or a run, which are no recordings."""
    kind = written_by_psp(path)
    if kind is not None:
        use = f"'psp train {path}' trains on it" if kind == STORE else f"'psp predict {path} FILES' uses it"
        raise RecordingError(f"this is {kind}, not recordings.", where=str(path), remedy=f"Leave it out; {use}.")
