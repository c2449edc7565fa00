"""Conversion of recordings to another layout, by the names of the joints, and to another vertical axis."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical, keys, matches
from psp.skeleton.recording import Recording, Up

SAME = (
    ("pelvis", "hip centre", "hip center", "mid hip", "hip", "hips", "root", "spine base"),
    ("spine middle", "spine mid", "spine", "spine 2", "spine navel", "spine naval", "belly"),
    ("spine shoulder", "shoulder centre", "shoulder center", "thorax"),
    ("left hand tip", "left handtip"),
    ("right hand tip", "right handtip"),
    ("left clavicle", "left collar"),
    ("right clavicle", "right collar"),
)
"""Names of the same joint in different layouts, without side where it lies on the mirror axis."""

MEANS = {
    "pelvis": (("left hip", "right hip"),),
    "neck": (("left shoulder", "right shoulder"),),
    "spine shoulder": (("left clavicle", "right clavicle"), ("left shoulder", "right shoulder")),
}
"""Joints that are defined as the mean of two others; the first pair that exists in a layout is used."""

SHOWN = 6
"""How many missing joints an error names."""

_STANDARD = {name: names[0] for names in SAME for name in names}


@dataclass(frozen=True)
class Conversion:
    """For each joint of the layout `target` the one or two joints of `source` whose mean it is."""

    source: Layout
    target: Layout
    joints: tuple[tuple[int, ...], ...]

    @property
    def changes(self) -> bool:
        """Whether anything but the name of the layout changes."""
        return self.joints != tuple((joint,) for joint in range(len(self.source.joints)))

    @property
    def sentence(self) -> str:
        """The conversion in words, for the user."""
        means = [
            f"{name} is the mean of {' and '.join(self.source.joints[joint] for joint in pair)}"
            for name, pair in zip(self.target.joints, self.joints, strict=True)
            if len(pair) > 1
        ]
        what = f"Layout {self.source.name!r} is converted to {self.target.name!r} by the names of the joints"
        return "; ".join([what, *means]) + "."

    def __call__(self, recording: Recording) -> Recording:
        """Return a recording of `source` as one of `target`; the mean of two joints has the lower confidence."""
        first, last = ([pair[end] for pair in self.joints] for end in (0, -1))
        joints = (recording.joints[:, :, first] + recording.joints[:, :, last]) / 2
        confidence = np.minimum(recording.confidence[:, :, first], recording.confidence[:, :, last])
        return replace(recording, joints=np.where(confidence[..., None] > 0, joints, 0.0), confidence=confidence)


def conversion(source: Layout, target: Layout) -> Conversion:
    """Return how recordings of a layout become recordings of another.

    A joint is found by its name in any spelling (`psp.skeleton.names.matches`), by another name of it (SAME), or as the
    mean of two joints that define it (MEANS). No joint of `source` becomes two of `target`. RecordingError names the
    joints of `target` that `source` lacks.
    """
    names, others = _names(source), _names(target)
    exact = matches(names, others)
    standard = {key: number for number, key in reversed(list(enumerate(map(_standard, keys(names)))))}
    free = {key: number for key, number in standard.items() if number not in exact}
    found = [
        _find(_standard(key), standard, free) if number < 0 else (number,)
        for key, number in zip(keys(others), exact, strict=True)
    ]
    missing = [name for name, joints in zip(target.joints, found, strict=True) if not joints]
    if missing:
        shown = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        what = f"recordings of layout {source.name!r} lack joints of {target.name!r}: {shown}."
        raise RecordingError(what, remedy=f"Use recordings with these joints, or a model of layout {source.name!r}.")
    return Conversion(source, target, tuple(found))


def turned(recording: Recording, up: Up) -> Recording:
    """Return a recording turned by the shortest rotation from its vertical axis to `up`.

    Opposite axes are turned about x (about y if they are x and -x), so that -y becomes y as from camera to screen
    coordinates. RecordingError if exactly one of the two axes is not known.
    """
    if recording.up == up:
        return recording
    if "none" in (recording.up, up):
        ours, models = ("not known" if axis == "none" else axis for axis in (recording.up, up))
        what = f"the axis that points up is {ours} in the recording and {models} in the model."
        raise RecordingError(what, where=recording.info.id, remedy="State the axis with --up, or use another model.")
    channels = recording.joints.shape[3]
    if channels < 3 and "z" in (recording.up[-1], up[-1]):
        what = f"two coordinates cannot be turned from {recording.up} to {up}."
        raise RecordingError(what, where=recording.info.id, remedy="State the axis with --up.")
    rotation = _rotation(recording.up, up)[:channels, :channels]
    return replace(recording, joints=recording.joints @ rotation.T, up=up)


def _rotation(start: Up, end: Up) -> Float64[np.ndarray, "3 3"]:
    """Return the shortest rotation from one axis to another."""
    here, there = (np.eye(3)["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1) for up in (start, end))
    if start[-1] != end[-1]:
        fixed = np.eye(3) - np.outer(here, here) - np.outer(there, there)
        return fixed + np.outer(there, here) - np.outer(here, there)
    about = 1 if start[-1] == "x" else 0
    return np.diag([1.0 if axis == about else -1.0 for axis in range(3)])


def _names(layout: Layout) -> list[str]:
    """Return the names of the joints; a foot below a knee without an ankle between them is the ankle (Human3.6M)."""
    plain = [canonical(name) for name in layout.joints]
    feet = {f"{side} foot": f"{side} ankle" for side in ("left", "right") if f"{side} knee" in plain}
    return [
        feet[key] if key in feet and feet[key] not in plain else name
        for key, name in zip(plain, layout.joints, strict=True)
    ]


def _standard(key: str) -> str:
    return _STANDARD.get(key, key)


def _find(known: str, standard: dict[str, int], free: dict[str, int]) -> tuple[int, ...]:
    """Return the joints whose mean is the joint of a name, or none; a single one is taken out of `free`."""
    if known in free:
        return (free.pop(known),)
    pairs = [pair for pair in MEANS.get(known, ()) if standard.keys() >= set(pair)]
    return tuple(standard[each] for each in pairs[0]) if pairs else ()
