"""Clips and skeletons as JSON for the skeleton player, and the script and style sheet of the player.

The head of player.js describes the player and what it takes. A page embeds JSON by `psp.text.json_for_html` and allows
the script and the style sheet by their hashes (`content_policy`).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped, UInt8

from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up

FPS = 30.0
"""The frame rate of clips, which data sets do not hold."""

SCRIPTS = ("film.js", "draw.js", "player.js")


def player_script() -> str:
    """Return the JavaScript of the player, which defines `PspPlayer`."""
    return "\n".join(page_file(name) for name in SCRIPTS)


def player_style() -> str:
    """Return the style sheet of the player."""
    return page_file("player.css")


@cache
def page_file(name: str) -> str:
    """Return the text of a file of this folder."""
    return files("psp.report").joinpath(name).read_text(encoding="utf-8")


def content_policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return the Content-Security-Policy that allows inline scripts and styles of these texts and nothing else."""
    allowed = {"script-src": scripts, "style-src": styles}
    parts = [f"{name} {' '.join(map(_hash, texts))}" for name, texts in allowed.items() if texts]
    return "; ".join(["default-src 'none'", *parts, "img-src data:"])


def skeleton_for_player(layout: Layout, up: Up, channels: int) -> dict[str, Any]:
    """Return a layout as the player takes it, for clips with a number of coordinates and a vertical axis."""
    sides = np.zeros(len(layout.joints), dtype=int)
    for left, right in layout.mirror_pairs:
        sides[left], sides[right] = 1, 2
    return {
        "joints": list(layout.joints),
        "edges": [list(edge) for edge in layout.edges],
        "sides": sides.tolist(),
        "centre": layout.centre,
        "head": _head(layout),
        "shoulders": None if layout.shoulders is None else list(layout.shoulders),
        "up": up,
        "channels": channels,
    }


def clip_for_player(
    clip: Clip,
    *,
    most: int | None = None,
    bits: Literal[8, 16] = 16,
    fps: float = FPS,
    values: Mapping[str, Float[np.ndarray, "..."]] | None = None,
) -> dict[str, Any]:
    """Return a clip as the player takes it, with coordinates rounded to 1/65,000 or 1/255 of their range.

    With 8 bits the confidence is only whether a joint was observed. Of more than `most` frames so many are kept, at
    equal distances. `values` are numbers of every joint by name, with the shape (m, v) or (m, t, v), that give joints
    their size and colour.
    """
    kept = np.arange(clip.frames)
    if most is not None and clip.frames > most:
        kept = np.linspace(0, clip.frames - 1, most).round().astype(int)
    joints = clip.joints[:, kept]
    confidence = None if clip.confidence is None else clip.confidence[:, kept]
    seen = np.ones(joints.shape[:3], dtype=bool) if confidence is None else confidence > 0
    numbers, scale, offset = _rounded(joints, seen, bits)
    packed: dict[str, Any] = {"shape": list(joints.shape), "bits": bits, "scale": scale, "offset": offset}
    packed |= {"seconds": round(max(clip.frames - 1, 1) / fps, 3), "data": _base64(numbers)}
    if confidence is not None and not (confidence == 1).all():
        known = np.ceil(255 * confidence).astype(np.uint8)
        packed["confidence"] = _base64(known if bits == 16 else np.packbits(known > 0))
    if values:
        packed["values"] = {name: _packed_values(each, kept) for name, each in values.items()}
    return packed


def _head(layout: Layout) -> int | None:
    """Return the joint that is drawn as a head, which is one called head at the end of a limb."""
    ends = [joint for joint, name in enumerate(layout.joints) if name == "head"]
    return next((joint for joint in ends if sum(joint in edge for edge in layout.edges) == 1), None)


def _rounded(
    joints: Float32[np.ndarray, "m t v c"], seen: Bool[np.ndarray, "m t v"], bits: int
) -> tuple[Shaped[np.ndarray, "m t v c"], float, list[float]]:
    """Return whole numbers, and the scale and offset with which they are the coordinates again."""
    known = joints[seen] if seen.any() else np.zeros((1, joints.shape[3]), dtype=np.float32)
    low, high = known.min(axis=0).astype(np.float64), known.max(axis=0).astype(np.float64)
    kind: np.dtype[np.integer[Any]]
    if bits == 8:
        scale, offset, limits, kind = float((high - low).max()) / 255 or 1.0, low, (0, 255), np.dtype("<u1")
    else:
        scale, offset = float((high - low).max()) / 65_000 or 1.0, (low + high) / 2
        limits, kind = (-32_767, 32_767), np.dtype("<i2")
    numbers = np.clip(np.rint((joints - offset) / scale), *limits)
    numbers[~seen] = 0
    return numbers.astype(kind), float(f"{scale:.7g}"), [float(f"{each:.7g}") for each in offset]


def _packed_values(values: Float[np.ndarray, "..."], kept: Shaped[np.ndarray, "t"]) -> dict[str, Any]:
    """Return numbers as bytes, from the least (0) to the greatest (255)."""
    is_per_frame = values.ndim == 3
    chosen = values[:, kept] if is_per_frame else values
    low, high = float(chosen.min()), float(chosen.max())
    share = (chosen - low) / (high - low) if high > low else np.ones_like(chosen)
    data = _base64(np.rint(255 * share).astype(np.uint8))
    return {"low": low, "high": high, "perFrame": is_per_frame, "data": data}


def _base64(numbers: Shaped[np.ndarray, "..."] | UInt8[np.ndarray, "..."]) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode("ascii")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
