"""Derivation of all fields of a layout from a partial definition that gives joints by name or number."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from operator import index
from typing import Any, SupportsIndex

from psp.skeleton.checks import check_names, check_tree, fail
from psp.skeleton.derive import Pair, centre_of, connect, symmetric_pairs, tree_of
from psp.skeleton.limbs import Limbs, shoulders_of, spine_of
from psp.skeleton.names import pairs_by_name

Joint = str | SupportsIndex
"""A joint by name or number."""


def derived_facts(name: str, joints: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a Layout besides name and joints; entries of `given` that are None are derived.

    The field `derived` lists the derived ones in sentences. Contradictions that prevent the derivation raise
    LayoutError; Layout itself checks the rest.
    """
    check_names(name, joints)
    definition = _Definition(name, tuple(joints), given)
    definition.connect()
    definition.group()
    return {**definition.facts, "derived": tuple(definition.derived)}


class _Definition:
    """One derivation: the given entries, the fields found so far, and the sentences about derived ones."""

    def __init__(self, name: str, joints: tuple[str, ...], given: Mapping[str, Any]) -> None:
        self.name, self.joints, self.given = name, joints, given
        self.facts: dict[str, Any] = {}
        self.derived: list[str] = []

    def connect(self) -> None:
        """Find the mirror pairs, edges that connect everything, the centre and the tree."""
        bones = self._pairs("bones", "bone")
        edges = {_ordered(pair) for pair in (*self._edges(), *(bones or ()))}
        pairs = self._pairs("mirror_pairs", "mirror pair")
        named = pairs_by_name(self.joints) if pairs is None else pairs
        if bones is None:
            edges |= self._links(edges, named)
        if pairs is None:
            pairs = symmetric_pairs(len(self.joints), named, edges)
            self._say_pairs(named, pairs)
        centre = self._centre(edges, pairs, bones)
        if bones is None:
            bones = tree_of(len(self.joints), edges, centre, pairs)
            self._say_loops(edges - {_ordered(bone) for bone in bones})
        check_tree(self.name, self.joints, bones, centre)
        self.facts = {"edges": tuple(edges), "mirror_pairs": pairs, "centre": centre, "bones": bones}

    def group(self) -> None:
        """Find shoulders, spine, hands, parts and bodies."""
        pairs = self.facts["mirror_pairs"]
        limbs = Limbs(self.joints, self.facts["bones"], self.facts["centre"], pairs)
        shoulders = self._ends("shoulders", shoulders_of(self.joints, pairs))
        self.facts |= {"shoulders": shoulders, "spine": self._ends("spine", spine_of(self.joints))}
        self.facts["hands"] = self._ends("hands", shoulders and limbs.hands(shoulders))
        parts, bodies = self._groups("parts"), self._groups("bodies")
        if parts is None:
            members = limbs.parts()
            self.derived.append(f"{len(members)} parts: {', '.join(members)}.")
        else:
            members = {part: self._indices(joints, f"part {part!r}") for part, joints in parts.items()}
        if bodies is None:
            bodies = limbs.bodies(members)
            self.derived.append(f"{len(bodies)} bodies: {', '.join(bodies)}.")
        named = {body: tuple(map(str, parts_of_body)) for body, parts_of_body in bodies.items()}
        self.facts |= {"parts": members, "bodies": named}

    def _links(self, edges: set[Pair], pairs: Sequence[Pair]) -> set[Pair]:
        """Return edges that attach unconnected pieces to the rest."""
        links = connect(self.joints, edges, pairs)
        if links:
            named = ", ".join(f"{self.joints[one]} to {self.joints[other]}" for one, other in links)
            self.derived.append(f"Edges added to connect joints without an edge to the rest: {named}.")
        return {_ordered(link) for link in links}

    def _centre(self, edges: set[Pair], pairs: Sequence[Pair], bones: Sequence[Pair] | None) -> int:
        everything = range(len(self.joints))
        if self.given["centre"] is not None:
            return self._index(self.given["centre"], "centre")
        if bones is None:
            centre = centre_of(self.joints, edges, pairs, everything)
        else:
            roots = sorted(set(everything) - {child for child, _ in bones})
            centre = roots[0] if roots else 0
        self.derived.append(f"Centre: {self.joints[centre]}.")
        return centre

    def _ends(self, key: str, found: Pair | None) -> Pair | None:
        given = self.given[key]
        if given is not None:
            joints = self._indices(self._list(self.given, key), key)
            if len(joints) not in (0, 2):
                fail(self.name, f"{key} names {len(joints)} joints.", "Name two joints, or none as [].")
            return (joints[0], joints[1]) if joints else None
        names = f"{self.joints[found[0]]} and {self.joints[found[1]]}" if found else "none found by name"
        self.derived.append(f"{key.capitalize()}: {names}.")
        return found

    def _say_pairs(self, named: Sequence[Pair], kept: Sequence[Pair]) -> None:
        found = f"{len(kept)} mirror pairs, from left and right" if named else "No mirror pairs, no left and right"
        self.derived.append(f"{found} in the joint names.")
        refused = [
            f"{self.joints[left]} and {self.joints[right]}" for left, right in named if (left, right) not in kept
        ]
        if refused:
            self.derived.append(f"No mirror pairs, because their edges are not symmetric: {', '.join(refused)}.")

    def _say_loops(self, edges: set[Pair]) -> None:
        if edges:
            named = ", ".join(f"{self.joints[one]} - {self.joints[other]}" for one, other in sorted(edges))
            self.derived.append(f"Edges that close loops, left out of the tree: {named}.")

    def _edges(self) -> list[Pair]:
        """Return the given edges, chains split into pairs."""
        chains = [self._indices(self._list([chain], 0, "edge"), "edge") for chain in self._list(self.given, "edges")]
        if any(len(chain) < 2 for chain in chains):
            fail(self.name, "an edge names fewer than two joints.", "Name both ends.")
        return [pair for chain in chains for pair in pairwise(chain)]

    def _pairs(self, key: str, kind: str) -> tuple[Pair, ...] | None:
        if self.given[key] is None:
            return None
        pairs = [self._indices(self._list([pair], 0, kind), kind) for pair in self._list(self.given, key)]
        if any(len(pair) != 2 for pair in pairs):
            fail(self.name, f"a {kind} does not name two joints.", "Name two joints in each.")
        return tuple((one, other) for one, other in pairs)

    def _groups(self, key: str) -> dict[str, tuple[Any, ...]] | None:
        """Return the given parts or bodies with their members as given."""
        groups = self.given[key]
        if groups is None:
            return None
        if not isinstance(groups, Mapping):
            fail(self.name, f"{key} is {groups!r}, which is not a mapping.", "Write it as {name: [members]}.")
        return {str(group): tuple(self._list(groups, group)) for group in groups}

    def _list(self, content: Any, key: Any, kind: str | None = None) -> Sequence[Any]:
        """Return an entry of `content`, () for None; LayoutError unless it is a list."""
        value = () if content[key] is None else content[key]
        if isinstance(value, str) or not isinstance(value, Sequence):
            fail(self.name, f"{kind or key} is {value!r}, which is not a list.", "Write it as [a, b].")
        return value

    def _indices(self, joints: Sequence[Any], kind: str) -> tuple[int, ...]:
        return tuple(self._index(joint, kind) for joint in joints)

    def _index(self, joint: Any, kind: str) -> int:
        """Return the number of a joint given by name or number."""
        if isinstance(joint, str) and joint in self.joints:
            return self.joints.index(joint)
        if isinstance(joint, SupportsIndex) and not isinstance(joint, bool) and 0 <= index(joint) < len(self.joints):
            return index(joint)
        near = get_close_matches(str(joint), self.joints, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Use joints 0 to {len(self.joints) - 1} or their names."
        return fail(self.name, f"{_article(kind)} names joint {joint!r}, which does not exist.", remedy)


def _ordered(pair: Pair) -> Pair:
    return (min(pair), max(pair))


def _article(kind: str) -> str:
    """Return a kind of connection with its article; parts and the like have none."""
    articles = {"edge": "an edge", "bone": "a bone", "mirror pair": "a mirror pair", "centre": "the centre"}
    return articles.get(kind, kind)
