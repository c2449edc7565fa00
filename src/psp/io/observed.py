"""Which joints of a recording were observed, and with which confidence."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64

from psp.errors import RecordingError
from psp.io.format import Raw
from psp.skeleton.recording import LARGEST

PEAK, CENT = 10, 100
"""The largest confidence that is clipped to 1, as heights of peaks in heat maps are, and the largest in per cent."""


def with_confidence(raw: Raw, where: str) -> Raw:
    """Return a recording with its confidence as a share, None if it is 0 everywhere beside coordinates that are not.

    Confidences of which the largest lies above PEAK are per cent; above CENT it raises RecordingError.
    """
    if raw.confidence is None:
        return raw
    values = np.nan_to_num(raw.confidence)
    largest = values.max(initial=0)
    if largest > CENT:
        what = f"the largest confidence is {largest:g}."
        raise RecordingError(what, where=where, remedy="Bring them to the range from 0 to 1, or leave them out.")
    if largest > PEAK:
        note = f"Confidences are taken as per cent, as they exceed {PEAK}."
        return replace(raw, confidence=values / CENT, notes=(*raw.notes, note))
    is_known = values.any() or not np.nan_to_num(raw.joints).any()
    return raw if is_known else replace(raw, confidence=None)


def observed(
    raw: Raw, frames: slice, where: str
) -> tuple[Float64[np.ndarray, "m t v c"], Float32[np.ndarray, "m t v"]]:
    """Return joints and confidence of some frames; a joint that was not observed has position and confidence 0.

    No frames, more than 3 coordinates or a coordinate above LARGEST raise RecordingError.
    """
    joints = np.asarray(raw.joints)[:, frames].astype(np.float64)
    if joints.shape[1] == 0:
        raise RecordingError("the recording has no frames.", where=where, remedy="Correct this file or leave it out.")
    if joints.shape[3] not in (1, 2, 3) or 0 in joints.shape:
        what = f"the joints have the shape {joints.shape} (persons, frames, joints, coordinates)."
        raise RecordingError(what, where=where, remedy="Correct this file or leave it out.")
    if (np.abs(joints) > LARGEST).any():
        remedy = "Use NaN where a joint was not observed."
        raise RecordingError(f"a coordinate exceeds {LARGEST:g}.", where=where, remedy=remedy)
    known: np.ndarray = np.logical_not(np.isnan(joints).any(axis=3))
    if raw.zeros != "values":
        known &= np.any(joints, axis=3 if raw.zeros == "joints" else (2, 3), keepdims=True)[..., 0]
    confidence: np.ndarray = known.astype(np.float32)
    if raw.confidence is not None:
        confidence *= np.clip(np.nan_to_num(raw.confidence[:, frames]), 0, 1).astype(np.float32)
    return np.where(confidence[..., None] > 0, np.where(known[..., None], joints, 0.0), 0.0), confidence
