"""How the joints of a tree form parts and bodies, and which of them are shoulders, spine and hands."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from psp.skeleton.derive import Pair, mirror_of, ranks_of
from psp.skeleton.names import FACE_WORDS, canonical, words

LARGEST_PART = 3
LEG_WORDS = {"hip", "hips", "thigh", "leg", "knee", "pelvis"}
LOWER_SPINE = ("pelvis", "hip", "hips", "mid hip", "hip centre", "hip center", "root", "spine base", "root of tail",
               "tail base", "tailbase")  # fmt: skip
UPPER_SPINE = ("spine shoulder", "shoulder centre", "shoulder center", "thorax", "chest", "spine chest", "neck",
               "withers", "neck base", "head bottom", "bottom head")  # fmt: skip


class Limbs:
    """A tree of joints, split into a trunk and limbs that hang off it.

    The trunk holds the joints on the mirror axis around the centre (the centre alone without mirror pairs), the mirror
    image of a centre that has one, the branching joints (two or more children with children of their own), everything
    between them and the centre, and limbs of the face or of less than half the size of the largest limb.
    """

    def __init__(self, joints: Sequence[str], bones: Sequence[Pair], centre: int, pairs: Sequence[Pair]) -> None:
        self.joints, self.centre, self.ranks = joints, centre, ranks_of(len(joints), pairs)
        self.parents = dict(bones)
        self.children: list[list[int]] = [[] for _ in joints]
        for child, parent in sorted(bones, key=lambda bone: self.ranks[bone[0]]):
            self.children[parent].append(child)
        self.mirror, self.paired = mirror_of(len(joints), pairs), bool(pairs)
        unpaired = {joint for joint, image in enumerate(self.mirror) if joint == image}
        self.axis = self._connected_to_centre({centre, self.mirror[centre]} | (unpaired if pairs else set()))
        self.trunk = self._trunk()
        roots = sorted(
            (j for j in self.parents if j not in self.trunk and self.parents[j] in self.trunk), key=self.rank
        )
        self.minor = self._minor(roots)
        self.roots = [root for root in roots if root not in self.minor]

    def rank(self, joint: int) -> Pair:
        """Return the sort key of a joint."""
        return self.ranks[joint]

    def below(self, joint: int) -> list[int]:
        """Return a joint and all joints below it, level by level."""
        found, front = [joint], [joint]
        while front := [child for one in front for child in self.children[one]]:
            found += front
        return found

    def parts(self) -> dict[str, tuple[int, ...]]:
        """Return groups of two or three neighbouring joints where possible, those of the trunk first."""
        groups = [group for chain in self._trunk_chains() for group in _chunks(chain)]
        for anchor in sorted({self.parents[root] for root in self.minor}, key=self.rank):
            groups.append([joint for root in self.minor if self.parents[root] == anchor for joint in self.below(root)])
        groups += [group for root in self.roots for group in _chunks(self.below(root))]
        return {self._part_name(group): tuple(group) for group in groups}

    def bodies(self, parts: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[str, ...]]:
        """Return one body for the trunk and one for each limb; a part belongs where its first joint does."""
        body_of = {joint: f"{self.joints[root]} limb" for root in self.roots for joint in self.below(root)}
        bodies: dict[str, tuple[str, ...]] = {}
        for name, members in parts.items():
            body = body_of.get(members[0], "torso")
            bodies[body] = (*bodies.get(body, ()), name)
        return bodies

    def hands(self, shoulders: Pair) -> Pair | None:
        """Return the ends of the arms that begin at the shoulders, None if the right one does not mirror the left."""
        left = self._tip(shoulders[0])
        right = self.mirror[left] if self.paired else self._tip(shoulders[1])
        return None if left == right or left == shoulders[0] else (left, right)

    def _tip(self, shoulder: int) -> int:
        """Return the joint furthest down the tree without passing a leg; of several the one with the lowest number."""
        reached = [shoulder]
        while following := [c for one in reached for c in self.children[one] if not words(self.joints[c]) & LEG_WORDS]:
            reached = following
        return min(reached)

    def _connected_to_centre(self, members: set[int]) -> set[int]:
        """Return the centre and the members whose path to it passes members only."""
        kept, front = {self.centre}, [self.centre]
        while front := [child for one in front for child in self.children[one] if child in members]:
            kept.update(front)
        return kept

    def _trunk(self) -> set[int]:
        trunk = set(self.axis)
        for joint, children in enumerate(self.children):
            if sum(bool(self.children[child]) for child in children) >= 2:
                while joint not in trunk:
                    trunk.add(joint)
                    joint = self.parents[joint]
        return trunk

    def _minor(self, roots: Sequence[int]) -> list[int]:
        size = {root: len(self.below(root)) for root in roots}
        minor = [r for r in roots if 2 * size[r] < max(size.values()) or words(self.joints[r]) & FACE_WORDS]
        return minor if len(minor) < len(roots) else []

    def _trunk_chains(self) -> list[list[int]]:
        """Return paths that cover the trunk, the first through the centre; none leaves the axis."""
        starts = self._onwards(self.centre)[1:]
        first = self._path(self.centre)
        if starts:
            first = self._path(starts[0])[::-1] + first
        chains, covered = [first], set(first)
        for joint in self.below(self.centre):
            if joint in self.trunk and joint not in covered:
                chains.append(self._path(joint))
                covered.update(chains[-1])
        return chains

    def _path(self, joint: int) -> list[int]:
        """Return the longest path down the trunk from a joint; it stays on the axis, or off it."""
        path = [joint]
        while onwards := self._onwards(path[-1]):
            path.append(onwards[0])
        return path

    def _onwards(self, joint: int) -> list[int]:
        """Return the children in the trunk, on the axis if the joint is, off it otherwise; longest path below first."""
        inside = [c for c in self.children[joint] if c in self.trunk and (c in self.axis) == (joint in self.axis)]
        return sorted(inside, key=lambda child: (-self._height(child), self.rank(child)))

    def _height(self, joint: int) -> int:
        return 1 + max((self._height(child) for child in self._onwards(joint)), default=0)

    def _part_name(self, group: Sequence[int]) -> str:
        first, last = self.joints[group[0]], self.joints[group[-1]]
        return first if len(group) == 1 else f"{first} to {last}"


def shoulders_of(joints: Sequence[str], pairs: Sequence[Pair]) -> Pair | None:
    """Return the pair that is named shoulder, the one with the shortest name; None without one."""
    named = [pair for pair in pairs if "shoulder" in words(joints[pair[0]])]
    return min(named, key=lambda pair: (len(words(joints[pair[0]])), pair), default=None)


def spine_of(joints: Sequence[str]) -> Pair | None:
    """Return the lower and upper end of the spine by their usual names; None without them."""
    number = {canonical(name): joint for joint, name in enumerate(joints)}
    lower = next((number[name] for name in LOWER_SPINE if name in number), None)
    upper = next((number[name] for name in UPPER_SPINE if name in number), None)
    return None if lower is None or upper is None else (lower, upper)


def _chunks(joints: Sequence[int]) -> list[list[int]]:
    """Cut a list into pieces of at most three whose lengths differ by at most one, the longer ones first."""
    number = -(-len(joints) // LARGEST_PART)
    size, longer = divmod(len(joints), number)
    ends = [at * size + min(at, longer) for at in range(number + 1)]
    return [list(joints[start:end]) for start, end in pairwise(ends)]
