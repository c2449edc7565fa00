"""The 25 joints of Kinect v2 as NTU RGB+D records them (0-based; the data set's papers count from 1)."""

from psp.skeleton.layout import Layout

NTU25 = Layout(
    name="ntu25",
    joints=(
        "spine base", "spine middle", "neck", "head",
        "left shoulder", "left elbow", "left wrist", "left hand",
        "right shoulder", "right elbow", "right wrist", "right hand",
        "left hip", "left knee", "left ankle", "left foot",
        "right hip", "right knee", "right ankle", "right foot",
        "spine shoulder", "left hand tip", "left thumb", "right hand tip", "right thumb",
    ),
    bones=(
        (1, 0), (20, 1), (2, 20), (3, 2),
        (4, 20), (5, 4), (6, 5), (7, 6), (21, 7), (22, 6),
        (8, 20), (9, 8), (10, 9), (11, 10), (23, 11), (24, 10),
        (12, 0), (13, 12), (14, 13), (15, 14),
        (16, 0), (17, 16), (18, 17), (19, 18),
    ),
    mirror_pairs=(
        (4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19), (21, 23), (22, 24),
    ),
    centre=0,
    shoulders=(4, 8),
    spine=(0, 20),
    parts={
        "spine": (0, 1, 20), "head": (2, 3),
        "left arm": (4, 5, 6), "left hand": (7, 21, 22),
        "right arm": (8, 9, 10), "right hand": (11, 23, 24),
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
