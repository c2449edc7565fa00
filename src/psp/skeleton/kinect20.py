"""The 20 joints of Kinect v1 as Northwestern-UCLA records them (0-based)."""

from psp.skeleton.layout import Layout

KINECT20 = Layout(
    name="kinect20",
    joints=(
        "hip centre", "spine", "shoulder centre", "head",
        "left shoulder", "left elbow", "left wrist", "left hand",
        "right shoulder", "right elbow", "right wrist", "right hand",
        "left hip", "left knee", "left ankle", "left foot",
        "right hip", "right knee", "right ankle", "right foot",
    ),
    bones=(
        (1, 0), (2, 1), (3, 2),
        (4, 2), (5, 4), (6, 5), (7, 6),
        (8, 2), (9, 8), (10, 9), (11, 10),
        (12, 0), (13, 12), (14, 13), (15, 14),
        (16, 0), (17, 16), (18, 17), (19, 18),
    ),
    mirror_pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19)),
    centre=0,
    shoulders=(4, 8),
    spine=(0, 2),
    parts={
        "spine": (0, 1), "head": (2, 3),
        "left arm": (4, 5), "left hand": (6, 7),
        "right arm": (8, 9), "right hand": (10, 11),
        "left leg": (12, 13), "left foot": (14, 15),
        "right leg": (16, 17), "right foot": (18, 19),
    },
    bodies={
        "torso": ("spine", "head"),
        "left upper limb": ("left arm", "left hand"),
        "right upper limb": ("right arm", "right hand"),
        "left lower limb": ("left leg", "left foot"),
        "right lower limb": ("right leg", "right foot"),
    },
)  # fmt: skip
