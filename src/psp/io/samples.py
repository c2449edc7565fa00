"""Recordings by which facts of a whole source are found, such as its joints and its vertical axis."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from psp.errors import RecordingError
from psp.io.format import Format, Raw
from psp.io.joints import names_of
from psp.io.listing import Listed, groups_of, list_recordings, parsed
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


class Sampled(NamedTuple):
    """Recordings of a source: `raws` begin with the first one, `decisive` is the one whose joints are those of all.

    `names` are recordings, each the name of its file and of its joints, and `listed` all of them; empty and None if the
    format states the layout or no names.
    """

    decisive: Raw
    raws: list[Raw]
    names: list[tuple[str, tuple[str, ...]]]
    listed: list[Listed] | None


def sample(first: Raw, format: Format, files: FileSource, needs_lengths: bool) -> Sampled:
    """Return the recordings that stand for a source, of which `first` is the first one."""
    if not first.names or first.layout is not None:
        return Sampled(first, [first], [], None)
    listed = list_recordings(format, files, needs_lengths)
    samples = samples_of(format, files, listed)
    names = [(each.files[0], each.names) for each in listed if each.names]
    names = names or [(name, names_of(each)) for name, each in samples]
    raws = [first, *(each for _, each in samples)]
    return Sampled(max(raws, key=lambda each: len(names_of(each))), raws, names, listed)


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
