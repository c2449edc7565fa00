"""The meaning of the columns of a table of joints, by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

COORDINATES, SCORE = ("x", "y", "z"), "score"
SCORES = "score|scores|confidence|conf|visibility|likelihood|probability|prob|c|v|p"
PART = rf"x|y|z|{SCORES}"
SUFFIX = re.compile(rf"(?P<joint>.*?[^ _.:/-])[ _.:/-]+(?P<part>{PART})", re.IGNORECASE)
PREFIX = re.compile(rf"(?P<part>{PART})(?:[ _.:/-]+(?P<joint>.+)|(?P<number>\d+))", re.IGNORECASE)
CAMEL = re.compile(r"(?P<joint>.*[a-z0-9])(?P<part>[XYZ])")
CALLED = r"(?:\w+[ _.-]+)?(?:landmarks?|keypoints?|kpts?|kp|points?|joints?|markers?|lm)[ _.-]*"
NUMBERED = re.compile(rf"(?:{CALLED})?(\d+)", re.IGNORECASE)
BOX = re.compile(r"(?<![A-Za-z])(?i:b|bounding[\W_]?)?(?i:box)(?![a-z])")
"""Columns of the boxes around persons, which are left out."""

FACTS = {
    "frame": "frame frameid frameindex frameidx framenumber frameno framenum fnum",
    "time": "time times seconds timeseconds",
    "person": "person personid personidx track trackid body bodyid individual individuals pid actor actorid",
    "id": "id",
    "clip": "clip clipid file filename video videoid videoname recording sequence sequenceid sample sampleid path",
    "label": "label class action activity gesture behavior behaviour",
    "joint": "joint jointname jointid jointindex keypoint keypointname keypointid bodypart landmark landmarkid "
    "landmarkname landmarkindex marker name part",
}
"""Names of columns without spaces, underscores and capitals; an id is a person or the number of a line. Of several
columns that could name the joint, the first of these words does: a name or part may be that of a recording."""

FACT_OF = {word: fact for fact, words in FACTS.items() for word in words.split()}
FEWEST = 2
"""The smallest number of joints for which a table is taken as one of skeletons."""


@dataclass(frozen=True)
class Columns:
    """The indices of the columns of a table: of the facts, of the parts of each joint (x, y, z, score), and of others.

    `long` says that a line is one joint; `joints` has the single key "" then. `numbered` says that joints have numbers
    instead of names, `landmarks` that a column is called landmark, `tracks` that the persons are tracks.
    """

    facts: dict[str, int]
    joints: dict[str, dict[str, int]]
    others: dict[str, int]
    long: bool = False
    numbered: bool = False
    landmarks: bool = False
    tracks: bool = False


def columns_of(header: Sequence[str]) -> Columns | None:
    """Return the columns of a table of joints by the names in its first line; None if it is not such a table."""
    facts, parts, others = dict[str, int](), dict[str, dict[str, int]](), dict[str, int]()
    words = [re.sub(r"[\s_.-]", "", name.strip().lower()) for name in header]
    joint = next((word for word in FACTS["joint"].split() if word in words), "")
    for place, name in enumerate(header):
        found, fact = _joint_and_part(name), FACT_OF.get(words[place])
        if fact is not None and fact not in facts and (fact != "joint" or words[place] == joint):
            facts[fact] = place
        elif BOX.search(name):
            continue
        elif found is not None:
            if found[0] and found[1] != SCORE and found[1] in parts.get(found[0], {}):
                return None
            parts.setdefault(found[0], {}).setdefault(found[1], place)
        elif name.strip():
            others[name.strip()] = place
    landmarks = any(re.search(r"landmark|\blm", name, re.IGNORECASE) for name in header)
    tracks = "person" in facts and "track" in header[facts["person"]].lower()
    if {"x", "y"} <= parts.get("", {}).keys() and {"frame", "joint"} <= facts.keys():
        return Columns(facts, {"": parts[""]}, others, long=True, landmarks=landmarks, tracks=tracks)
    joints = {joint: each for joint, each in parts.items() if joint and {"x", "y"} <= each.keys()}
    if len(joints) < FEWEST:
        return None
    if "joint" in facts:
        place = facts.pop("joint")
        others[header[place].strip()] = place
    order, only_numbers = in_order(list(joints))
    sorted_joints = {joint: joints[joint] for joint in order}
    return Columns(facts, sorted_joints, others, numbered=only_numbers, landmarks=landmarks, tracks=tracks)


def in_order(joints: Sequence[str]) -> tuple[list[str], bool]:
    """Return joints and whether all are numbered; numbered ones are sorted by their numbers, others as they are."""
    numbers = [NUMBERED.fullmatch(joint) for joint in joints]
    found = [int(number[1]) for number in numbers if number is not None]
    if len(found) < len(joints) or len(set(found)) < len(found):
        return list(joints), False
    return [joint for _, joint in sorted(zip(found, joints, strict=True))], True


def _joint_and_part(name: str) -> tuple[str, str] | None:
    """Return the joint and the part of it that a column holds; the joint is "" for a column that is called only x."""
    cleaned = " ".join(re.sub(r"[()\[\]{}'\"]", " ", name).split())
    if re.fullmatch(PART, cleaned, re.I):
        joint, part = "", cleaned
    elif match := SUFFIX.fullmatch(cleaned) or PREFIX.fullmatch(cleaned) or CAMEL.fullmatch(cleaned):
        groups = match.groupdict()
        joint, part = groups["joint"] or groups["number"], groups["part"]
    else:
        return None
    return joint.strip(), part.lower() if part.lower() in COORDINATES else SCORE
