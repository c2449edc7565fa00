"""The tensor operations against the NumPy cleaning of each clip alone."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.deploy.fill import fill
from psp.preprocess.clean import CleanConfig, clean
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

LAYOUTS = [layout_by_name(name) for name in ("coco17", "openpose25", "ntu25", "ap10k")]
CONFIG = CleanConfig(bodies=None, drop_empty_frames=False)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), missing=st.sampled_from([0.05, 0.5, 0.9]), channels=st.sampled_from([2, 3]),
    layout=st.sampled_from(LAYOUTS), up=st.sampled_from(["y", "-y", "none"]),
)  # fmt: skip
def test_every_person_is_filled_as_cleaning_does_it(seed: int, missing: float, channels: int, layout: Layout, up: Up):
    draw, count = np.random.default_rng(seed), len(layout.joints)
    joints = draw.normal(size=(2, 3, int(draw.integers(1, 12)), count, channels))
    confidence = (draw.random(joints.shape[:4]) >= missing).astype(np.float32)
    confidence[:, :, :, draw.random(count) < 0.2] = 0
    unknown = np.where(confidence[..., None] > 0, joints, np.nan)
    found = fill(torch.from_numpy(unknown), torch.from_numpy(confidence) > 0, layout, up)
    for clip in range(2):
        known = confidence[clip].any(axis=(1, 2))
        if known.any():
            recording = Recording(ClipInfo("clip"), joints[clip][known], confidence[clip][known], up)
            expected, _, _ = clean(recording, layout, CONFIG)
            np.testing.assert_allclose(found[clip][torch.from_numpy(known)], expected.joints, atol=1e-12)
        assert not found[clip][torch.from_numpy(~known)].any()
