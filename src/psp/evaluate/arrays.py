"""Conversion of arrays of joints to recordings, and of recordings to a data set prepared for a model."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from psp.dataset.store import Store
from psp.errors import RecordingError
from psp.io.formats.arrays import parse_joints
from psp.io.reader import check_up
from psp.model.model_file import Interface
from psp.preprocess.clean import CleanConfig
from psp.preprocess.prepare import prepare_recording
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

AS_GIVEN = CleanConfig(bodies=None)
"""The cleaning of arrays: all persons are kept."""

FORMS = "Give (t, v, c) or (m, t, v, c) arrays, or (v * c, t) ones: frames, joints, coordinates; m persons."


class InputError(RecordingError, ValueError):
    """An array of joints or labels has a wrong shape, type or value."""


def recordings_of(clips: Any, layout: Layout, up: Up | None = None, channels: int | None = None) -> list[Recording]:
    """Return the recordings of arrays of joints.

    `clips` is a list of arrays (t, v, c), (m, t, v, c) or (v * c, t), each of any length, or one array of clips of
    equal length, with a first axis for the clips. c is 2 or 3 (`channels`, if given); v * c runs joint by joint: x, y,
    z of joint 0, then of joint 1. A joint with a NaN or masked coordinate was not observed. `up` is the axis that
    points up, by default y, in two dimensions -y as in images. InputError names the first clip that does not fit;
    ConfigError for an axis that the clips do not have.
    """
    if hasattr(clips, "__array__"):
        clips = np.asanyarray(clips)
    if isinstance(clips, str | bytes) or not isinstance(clips, Iterable):
        raise InputError(f"clips of type {type(clips).__name__} are not supported.", remedy=FORMS)
    found = [_recording(number, each, layout, up, channels) for number, each in enumerate(clips)]
    if len({recording.joints.shape[3] for recording in found}) > 1:
        remedy = "Give all clips the same number of coordinates."
        raise InputError("some clips have two coordinates, others three.", remedy=remedy)
    if found:
        check_up(up, found[0].joints.shape[3])
    return found


def cleaning(interface: Interface) -> CleanConfig:
    """Return the cleaning settings of a model; AS_GIVEN if they are not known."""
    return AS_GIVEN if interface.clean is None else interface.clean


def store_of(recordings: Sequence[Recording], interface: Interface) -> Store:
    """Return recordings as a data set in memory, cleaned and normalised for a model."""
    config = cleaning(interface)
    clips = [prepare_recording(each, interface.layout, config, interface.normalise)[0] for each in recordings]
    return Store.in_memory(
        clips, interface.layout, interface.classes, up=interface.prepared_up, normalise=interface.normalise,
        clean=config,
    )  # fmt: skip


def _recording(number: int, clip: Any, layout: Layout, up: Up | None, channels: int | None) -> Recording:
    where, size = f"clip {number}", len(layout.joints)
    try:
        given = np.asanyarray(clip)
        array = np.ma.filled(given.real.astype(np.float64), np.nan)
    except (TypeError, ValueError) as error:
        raise InputError("this is not an array of numbers.", where=where, remedy=FORMS) from error
    if np.iscomplexobj(given):
        raise InputError("Complex data not supported: coordinates are real numbers.", where=where, remedy=FORMS)
    allowed = (2, 3) if channels is None else (channels,)
    if array.ndim == 2 and len(array) in [size * c for c in allowed]:
        array = array.T.reshape(array.shape[1], size, -1)
    if array.ndim in (3, 4) and array.shape[-3] == 0:
        raise InputError("the recording has no frames.", where=where, remedy=FORMS)
    if array.ndim not in (3, 4) or array.shape[-2] != size or array.shape[-1] not in allowed or not array.size:
        what = f"the shape {array.shape} does not fit layout {layout.name!r}: {size} joints of "
        raise InputError(f"{what}{' or '.join(map(str, allowed))} coordinates.", where=where, remedy=FORMS)
    try:
        joints, confidence = parse_joints(array, where)
    except RecordingError as error:
        raise InputError(error.what, where=error.where, remedy=error.remedy) from error
    if not confidence.any():
        raise InputError("no joint was observed.", where=where, remedy="Leave this clip out.")
    return Recording(ClipInfo(where), joints, confidence, up or ("y" if array.shape[-1] == 3 else "-y"))
