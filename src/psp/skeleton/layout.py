"""A skeleton layout: which joints there are, how they are connected and how they form parts and bodies."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float, Int

from psp.errors import LayoutError


@dataclass(frozen=True, eq=False)
class Layout:
    """An immutable skeleton definition that refuses to be inconsistent.

    Joints are numbered from 0 in the order of `joints`. `bones` are (child, parent) pairs that form a tree
    rooted at `centre`. `mirror_pairs` and `shoulders`, one of them unless there are none, are (left, right), `spine` is
    (lower, upper). `parts` names groups of joints and `bodies` names groups of parts, as in section 3.2 of the PSP
    paper.
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
        self._check_groups("joint", dict(enumerate(self.joints)), "part", self.parts)
        self._check_groups("part", {part: part for part in self.parts}, "body", self.bodies)

    def __reduce__(self) -> tuple[type["Layout"], tuple[object, ...]]:
        values = (getattr(self, field.name) for field in fields(self))
        return Layout, tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)

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
    def hands(self) -> tuple[int, int]:
        """The end of the left arm, the joint furthest down the tree from the shoulder, and its mirror image."""
        left = self._tip(self.shoulders[0])
        return left, int(self.mirror[left])

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

    def _tip(self, joint: int) -> int:
        """The joint furthest down the tree from a joint; of several as far, the one with the lowest number."""
        reached = [joint]
        while following := [child for child, parent in sorted(self.bones) if parent in reached]:
            reached = following
        return reached[0]

    def _fail(self, what: str, remedy: str) -> NoReturn:
        raise LayoutError(what, where=f"layout {self.name!r}", remedy=remedy)

    def _check_joints(self) -> None:
        repeated = sorted({joint for joint in self.joints if self.joints.count(joint) > 1})
        if repeated:
            self._fail(f"joint names are repeated: {', '.join(repeated)}.", "Give every joint its own name.")
        used: dict[str, tuple[tuple[int, ...], ...]] = {"bone": self.bones, "mirror pair": self.mirror_pairs}
        used |= {"centre": ((self.centre,),), "shoulder": (self.shoulders,), "spine end": (self.spine,)}
        for kind, groups in used.items():
            for joint in chain.from_iterable(groups):
                if not 0 <= joint < len(self.joints):
                    remedy = f"Use joints 0 to {len(self.joints) - 1}."
                    self._fail(f"a {kind} names joint {joint}, which does not exist.", remedy)

    def _check_bones(self) -> None:
        children = sorted(child for child, _ in self.bones)
        if children != [joint for joint in range(len(self.joints)) if joint != self.centre]:
            remedy = "Give every joint but the centre exactly one (child, parent) bone."
            self._fail("the bones are not a tree.", remedy)
        ancestors = np.arange(len(self.joints))
        for _ in self.joints:
            ancestors = self.parents[ancestors]
        astray = np.flatnonzero(ancestors != self.centre)
        if len(astray):
            what = f"joint {self.joints[astray[0]]!r} is not connected to the centre."
            self._fail(what, "Remove the loop in its bones.")

    def _check_mirror(self) -> None:
        members = list(chain.from_iterable(self.mirror_pairs))
        if len(members) != len(set(members)):
            self._fail("a joint stands in two mirror pairs.", "Name every left/right pair once.")
        for child, parent in self.bones:
            if self.parents[self.mirror[child]] != self.mirror[parent]:
                what = f"the mirror image of bone {self.joints[child]} - {self.joints[parent]} is not a bone."
                self._fail(what, "Make bones and mirror pairs symmetric.")
        left, right = self.shoulders
        if left == right or (self.mirror_pairs and self.mirror[left] != right):
            self._fail("the shoulders are not a mirror pair.", "Name the left and the right one of a pair.")
        if self.spine[0] == self.spine[1]:
            self._fail("the spine begins and ends at one joint.", "Name its lower and its upper end.")

    def _check_groups(
        self, kind: str, names: Mapping[Any, str], group_kind: str, groups: Mapping[str, tuple[Any, ...]]
    ) -> None:
        for group, members in groups.items():
            if not members:
                self._fail(f"{group_kind} {group!r} is empty.", f"Give it {kind}s or remove it.")
            for member in members:
                if member not in names:
                    remedy = f"Use one of {', '.join(map(str, names))}."
                    self._fail(f"{group_kind} {group!r} names {kind} {member!r}, which does not exist.", remedy)
        for member, name in names.items():
            homes = [repr(group) for group, members in groups.items() for one in members if one == member]
            if len(homes) != 1:
                place = f"{len(homes)} groups: {' and '.join(homes)}" if homes else f"no {group_kind}"
                self._fail(f"{kind} {name!r} is in {place}.", f"Put it in exactly one {group_kind}.")


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
