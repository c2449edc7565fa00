"""A skeleton layout: which joints there are, how they are connected and how they form parts and bodies."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from psp.errors import LayoutError


@dataclass(frozen=True, eq=False)
class Layout:
    """An immutable skeleton definition that refuses to be inconsistent.

    Joints are numbered from 0 in the order of `joints`. `bones` are (child, parent) pairs that form a tree rooted at
    `centre`. `mirror_pairs` are (left, right). `shoulders` is (left, right), `spine` is (lower, upper). `parts` names
    groups of joints and `bodies` names groups of parts, as in section 3.2 of the PSP paper.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    mirror_pairs: tuple[tuple[int, int], ...]
    centre: int
    shoulders: tuple[int, int]
    spine: tuple[int, int]
    parts: Mapping[str, tuple[int, ...]]
    bodies: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))
        object.__setattr__(self, "bodies", MappingProxyType(dict(self.bodies)))
        self._check_joints()
        self._check_bones()
        self._check_mirror()
        self._check_groups("part", self.parts, range(len(self.joints)), self.joints)
        self._check_groups("body", self.bodies, self.parts, {part: part for part in self.parts})

    def __reduce__(self) -> tuple[type["Layout"], tuple[object, ...]]:
        groups = (dict(self.parts), dict(self.bodies))
        return Layout, (self.name, self.joints, self.bones, self.mirror_pairs, self.centre, self.shoulders, self.spine, *groups)

    @cached_property
    def parents(self) -> Int[np.ndarray, "v"]:
        """Each joint's parent; the centre is its own."""
        parents = np.arange(len(self.joints))
        for child, parent in self.bones:
            parents[child] = parent
        return _frozen(parents)

    @cached_property
    def mirror(self) -> Int[np.ndarray, "v"]:
        """The permutation that swaps left and right joints."""
        order = np.arange(len(self.joints))
        for left, right in self.mirror_pairs:
            order[[left, right]] = right, left
        return _frozen(order)

    @cached_property
    def part_of_joint(self) -> Int[np.ndarray, "v"]:
        """The index of the part that each joint belongs to (phi of eq. 9, joint to part)."""
        index = np.empty(len(self.joints), dtype=np.int64)
        for number, members in enumerate(self.parts.values()):
            index[list(members)] = number
        return _frozen(index)

    @cached_property
    def body_of_part(self) -> Int[np.ndarray, "p"]:
        """The index of the body that each part belongs to (phi of eq. 7)."""
        part_names = list(self.parts)
        index = np.empty(len(part_names), dtype=np.int64)
        for number, members in enumerate(self.bodies.values()):
            index[[part_names.index(part) for part in members]] = number
        return _frozen(index)

    @cached_property
    def joint_to_part(self) -> Float[np.ndarray, "v p"]:
        """One-hot membership of joints in parts."""
        return _frozen(np.eye(len(self.parts))[self.part_of_joint])

    @cached_property
    def part_to_body(self) -> Float[np.ndarray, "p b"]:
        """One-hot membership of parts in bodies."""
        return _frozen(np.eye(len(self.bodies))[self.body_of_part])

    def _fail(self, what: str, remedy: str) -> None:
        raise LayoutError(what, where=f"layout {self.name!r}", remedy=remedy)

    def _check_joints(self) -> None:
        repeated = sorted({joint for joint in self.joints if self.joints.count(joint) > 1})
        if repeated:
            self._fail(f"joint names are repeated: {', '.join(repeated)}.", "Give every joint its own name.")
        pairs = chain(self.bones, self.mirror_pairs, [self.shoulders, self.spine], [(self.centre,)])
        for index in chain.from_iterable(pairs):
            if not 0 <= index < len(self.joints):
                self._fail(f"joint {index} does not exist.", f"Use joints 0 to {len(self.joints) - 1}.")

    def _check_bones(self) -> None:
        children = [child for child, _ in self.bones]
        expected = set(range(len(self.joints))) - {self.centre}
        if len(children) != len(set(children)) or set(children) != expected:
            self._fail("the bones are not a tree.", "Give every joint but the centre exactly one (child, parent) bone.")
        for joint in expected:
            steps, at = 0, joint
            while at != self.centre and steps <= len(self.joints):
                at, steps = int(self.parents[at]), steps + 1
            if at != self.centre:
                self._fail(f"joint {self.joints[joint]!r} is not connected to the centre.", "Remove the loop in its bones.")

    def _check_mirror(self) -> None:
        members = list(chain.from_iterable(self.mirror_pairs))
        if len(members) != len(set(members)):
            self._fail("a joint stands in two mirror pairs.", "Name every left/right pair once.")
        for child, parent in self.bones:
            if self.parents[self.mirror[child]] != self.mirror[parent]:
                bone = f"{self.joints[child]} - {self.joints[parent]}"
                self._fail(f"the mirror image of bone {bone} is not a bone.", "Make bones and mirror pairs symmetric.")

    def _check_groups(
        self, kind: str, groups: Mapping[str, tuple], members: object, names: object
    ) -> None:
        known = list(members)  # type: ignore[call-overload]
        placed = list(chain.from_iterable(groups.values()))
        for member in placed:
            if member not in known:
                self._fail(f"{kind} member {member!r} does not exist.", f"Use one of {known}.")
        for member in known:
            count, name = placed.count(member), names[member]  # type: ignore[index]
            if count != 1:
                self._fail(f"{name!r} is in {count} {kind} groups.", f"Put it in exactly one {kind}.")
        if any(not group for group in groups.values()):
            self._fail(f"a {kind} is empty.", "Give it members or remove it.")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
