"""Recordings by which facts of a whole source are found, such as its joints and its vertical axis."""

from collections.abc import Sequence
from contextlib import suppress

from psp.errors import RecordingError
from psp.io.format import Format, Raw
from psp.io.listing import Listed, groups_of, parsed
from psp.io.observed import observed, with_confidence
from psp.io.source import FileSource


def first_recording(format: Format, files: FileSource) -> Raw:
    """Return the first recording that can be read; if none can, the error of the first one is raised."""
    failure: RecordingError | None = None
    for names, stamp in groups_of(format, files).values():
        try:
            return _checked(format, files, names, stamp, 0)
        except RecordingError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def samples_of(format: Format, files: FileSource, listed: Sequence[Listed]) -> list[tuple[str, Raw]]:
    """Return up to four recordings that can be read, each with its file.

    They are the first, the middle and the last one, and the one for which most joint names are listed.
    """
    most = max(listed, key=lambda each: len(each.names))
    chosen = [listed[0], most, listed[len(listed) // 2], listed[-1]]
    found = list[tuple[str, Raw]]()
    for names, stamp, part in dict.fromkeys((each.files, each.stamp, each.part) for each in chosen):
        with suppress(RecordingError):
            found.append((names[0], _checked(format, files, names, stamp, part)))
    return found


def _checked(format: Format, files: FileSource, names: tuple[str, ...], stamp: str, part: int) -> Raw:
    raw = with_confidence(parsed(format, files, names, stamp)[part], names[0])
    observed(raw, slice(None), names[0])
    return raw
