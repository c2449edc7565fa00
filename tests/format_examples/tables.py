"""CSV tables: a wide one, and a long one of two persons with clips in it."""

import numpy as np

from format_examples import Example, skeletons

JOINTS = ("tail", "back", "head")


def example(draw: np.random.Generator) -> Example:
    wide, long = skeletons(draw, 1, 6, 3, 2), [skeletons(draw, 2, 4, 3, 2), skeletons(draw, 1, 3, 3, 2)]
    wide[0, 3] = np.nan
    score = np.round(draw.uniform(0.1, 1, wide.shape[:3]), 3)
    score[0, 3] = 0
    head = ";".join(f"{joint}_x;{joint}_y;{joint}_likelihood" for joint in JOINTS)
    lines = [f"frame;label;{head}"]
    for frame in (0, 1, 2, 4, 5):
        parts = np.concatenate([wide[0, frame], score[0, frame, :, None]], axis=1)
        lines.append(f"{frame + 1};{'rest' if frame < 3 else 'run'};" + ";".join(map(text, parts.reshape(-1))))
    first = "\n".join(lines).replace(".", ",")
    lines = ["clip,frame,person,joint,x,y,subject"]
    for clip, joints in enumerate(long):
        for (person, frame, joint), _ in np.ndenumerate(joints[..., 0]):
            x, y = joints[person, frame, joint]
            lines.append(f"c{clip}.mp4,{frame},{'ab'[person]},{JOINTS[joint]},{text(x)},{text(y)},{clip + 5}")
    files = {"one.csv": first.encode(), "two.csv": "\r\n".join(lines).encode()}
    return Example(
        files, [wide[:, :4], wide[:, 4:], *long], [score[:, :4], score[:, 4:], None, None], ["rest", "run", None, None]
    )


def text(number: float) -> str:
    return "" if np.isnan(number) else f"{number}"
