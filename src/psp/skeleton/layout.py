"""A skeleton layout: which joints there are, how they are connected and how they form parts and bodies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from psp.skeleton.checks import check_layout, fail
from psp.skeleton.definition import Joint, derived_facts


@dataclass(frozen=True, eq=False)
class Layout:
    """An immutable skeleton definition without contradictions; `Layout.from_graph` makes one from names and edges.

    Joints are numbered from 0 in the order of `joints`. `edges` are the undirected connections, which may close loops;
    `bones` are (child, parent) pairs, a tree of edges rooted at `centre`. `mirror_pairs`, `shoulders` and `hands` are
    (left, right), `spine` is (lower, upper); the last three are None where the skeleton has none. `parts` names groups
    of joints and `bodies` names groups of parts, as in section 3.2 of the PSP paper. `derived` says in sentences what
    was not given but derived. Layouts are equal if everything but `derived` is. Contradictions raise LayoutError.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    centre: int
    bones: tuple[tuple[int, int], ...]
    mirror_pairs: tuple[tuple[int, int], ...]
    shoulders: tuple[int, int] | None
    spine: tuple[int, int] | None
    hands: tuple[int, int] | None
    parts: Mapping[str, tuple[int, ...]]
    bodies: Mapping[str, tuple[str, ...]]
    derived: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        edges = {(min(pair), max(pair)) for pair in (*self.edges, *self.bones)}
        canonical = {"edges": sorted(edges), "bones": sorted(self.bones), "mirror_pairs": sorted(self.mirror_pairs)}
        for name, pairs in canonical.items():
            object.__setattr__(self, name, tuple(pairs))
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))
        object.__setattr__(self, "bodies", MappingProxyType(dict(self.bodies)))
        check_layout(self)

    @classmethod
    def from_graph(
        cls,
        name: str,
        joints: Sequence[str],
        edges: Sequence[Sequence[Joint]] = (),
        *,
        centre: Joint | None = None,
        bones: Sequence[Sequence[Joint]] | None = None,
        mirror_pairs: Sequence[Sequence[Joint]] | None = None,
        shoulders: Sequence[Joint] | None = None,
        spine: Sequence[Joint] | None = None,
        hands: Sequence[Joint] | None = None,
        parts: Mapping[str, Sequence[Joint]] | None = None,
        bodies: Mapping[str, Sequence[str]] | None = None,
    ) -> "Layout":
        """Return the layout of a graph; what is None is derived from the names and edges.

        Joints are given by name or by number. An edge of more than two joints is a chain. Empty `mirror_pairs`,
        `shoulders`, `spine` or `hands` mean that the skeleton has none.
        """
        given: dict[str, Any] = {
            "edges": edges,
            "centre": centre,
            "bones": bones,
            "mirror_pairs": mirror_pairs,
            "spine": spine,
        }
        given |= {"shoulders": shoulders, "hands": hands, "parts": parts, "bodies": bodies}
        return cls(name=name, joints=tuple(joints), **derived_facts(name, joints, given))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Layout":
        """Return the layout of a mapping, as `to_dict` or a YAML file has it: the arguments of `from_graph` by name."""
        name = str(content.get("name", "without a name"))
        known = [each.name for each in fields(cls) if each.name != "derived"]
        for key in content:
            if key not in known:
                near = get_close_matches(str(key), known, n=1) or known
                fail(name, f"there is no key {key!r}.", f"Use {' or '.join(near)}.")
        if not isinstance(content.get("joints"), Sequence) or isinstance(content["joints"], str):
            fail(name, "there is no list of joints.", "Name the joints under the key joints.")
        given = {key: content.get(key) for key in known if key not in ("name", "joints")}
        return cls(name=name, joints=tuple(content["joints"]), **derived_facts(name, content["joints"], given))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but `derived` as lists, mappings and text, joints by name; JSON and YAML can hold it."""
        content: dict[str, Any] = {"name": self.name, "joints": list(self.joints), "centre": self.joints[self.centre]}
        for key in ("edges", "bones", "mirror_pairs"):
            content[key] = [self._names(pair) for pair in getattr(self, key)]
        for key in ("shoulders", "spine", "hands"):
            content[key] = self._names(getattr(self, key) or ())
        content["parts"] = {part: self._names(members) for part, members in self.parts.items()}
        content["bodies"] = {body: list(members) for body, members in self.bodies.items()}
        return content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __reduce__(self) -> tuple[type["Layout"], tuple[object, ...]]:
        values = (getattr(self, each.name) for each in fields(self))
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

    @cached_property
    def _content(self) -> tuple[object, ...]:
        values = (getattr(self, each.name) for each in fields(self) if each.name != "derived")
        return tuple(tuple(value.items()) if isinstance(value, Mapping) else value for value in values)

    def _names(self, joints: Sequence[int]) -> list[str]:
        return [self.joints[joint] for joint in joints]


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
