"""The checks that keep a layout consistent; each failure is one LayoutError."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

from psp.errors import LayoutError
from psp.skeleton.derive import Pair, mirror_of

if TYPE_CHECKING:
    from psp.skeleton.layout import Layout


def check_layout(layout: "Layout") -> None:
    """Raise LayoutError for the first contradiction in a layout."""
    check_names(layout.name, layout.joints)
    _check_numbers(layout)
    check_tree(layout.name, layout.joints, layout.bones, layout.centre)
    _check_mirror(layout)
    _check_ends(layout)
    _check_groups(layout.name, "joint", dict(enumerate(layout.joints)), "part", layout.parts)
    _check_groups(layout.name, "part", {part: part for part in layout.parts}, "body", layout.bodies)


def check_names(name: str, joints: Sequence[Any]) -> None:
    """Raise LayoutError unless there is a joint and every joint has a name of its own."""
    if not joints:
        fail(name, "there are no joints.", "Name at least one joint.")
    for joint in joints:
        if not isinstance(joint, str) or not joint:
            fail(name, f"joint name {joint!r} is not text.", "Write the name in quotes.")
    repeated = sorted({joint for joint in joints if joints.count(joint) > 1})
    if repeated:
        fail(name, f"joint names are repeated: {', '.join(repeated)}.", "Give every joint its own name.")


def check_tree(name: str, joints: Sequence[str], bones: Sequence[Pair], centre: int) -> None:
    """Raise LayoutError unless (child, parent) bones form a tree rooted at the centre."""
    if sorted(child for child, _ in bones) != [joint for joint in range(len(joints)) if joint != centre]:
        fail(name, "the bones are not a tree.", "Give every joint but the centre exactly one (child, parent) bone.")
    parent = dict(bones)
    for joint in range(len(joints)):
        ancestor = joint
        for _ in joints:
            ancestor = parent.get(ancestor, ancestor)
        if ancestor != centre:
            fail(name, f"joint {joints[joint]!r} is not connected to the centre.", "Remove the loop in its bones.")


def fail(name: str, what: str, remedy: str) -> NoReturn:
    """Raise the LayoutError of a layout."""
    raise LayoutError(what, where=f"layout {name!r}", remedy=remedy)


def _check_numbers(layout: "Layout") -> None:
    ends = {"shoulder": layout.shoulders, "spine end": layout.spine, "hand": layout.hands}
    used: dict[str, tuple[tuple[int, ...], ...]] = {"edge": layout.edges, "bone": layout.bones}
    used |= {"mirror pair": layout.mirror_pairs, "centre": ((layout.centre,),)}
    used |= {kind: (pair,) for kind, pair in ends.items() if pair is not None}
    for kind, groups in used.items():
        for joint in chain.from_iterable(groups):
            if not 0 <= joint < len(layout.joints):
                what = f"a {kind} names joint {joint}, which does not exist."
                fail(layout.name, what, f"Use joints 0 to {len(layout.joints) - 1}.")
    for one, other in layout.edges:
        if one == other:
            what = f"an edge joins joint {layout.joints[one]!r} with itself."
            fail(layout.name, what, "Remove the edge.")


def _check_mirror(layout: "Layout") -> None:
    members = list(chain.from_iterable(layout.mirror_pairs))
    if len(members) != len(set(members)):
        fail(layout.name, "a joint is in two mirror pairs.", "Name every left/right pair once.")
    mirror, edges = mirror_of(len(layout.joints), layout.mirror_pairs), set(layout.edges)
    for kind, links in (("bone", layout.bones), ("edge", layout.edges)):
        for one, other in links:
            if not {(mirror[one], mirror[other]), (mirror[other], mirror[one])} & edges:
                what = f"the mirror image of {kind} {layout.joints[one]} - {layout.joints[other]} is not {_a(kind)}."
                fail(layout.name, what, "Make the edges and the mirror pairs symmetric.")


def _check_ends(layout: "Layout") -> None:
    mirror = mirror_of(len(layout.joints), layout.mirror_pairs)
    for kind, pair in (("shoulders", layout.shoulders), ("hands", layout.hands)):
        if pair and (pair[0] == pair[1] or (layout.mirror_pairs and mirror[pair[0]] != pair[1])):
            remedy = "Name the left and the right joint of one mirror pair."
            fail(layout.name, f"the {kind} are not a mirror pair.", remedy)
    if layout.spine and layout.spine[0] == layout.spine[1]:
        fail(layout.name, "the spine begins and ends at one joint.", "Name its lower and its upper end.")


def _check_groups(
    layout: str, kind: str, names: Mapping[Any, str], group_kind: str, groups: Mapping[str, tuple[Any, ...]]
) -> None:
    for group, members in groups.items():
        if not members:
            fail(layout, f"{group_kind} {group!r} is empty.", f"Give it {kind}s or remove it.")
        for member in members:
            if member not in names:
                remedy = f"Use one of {', '.join(map(str, names))}."
                fail(layout, f"{group_kind} {group!r} names {kind} {member!r}, which does not exist.", remedy)
    for member, name in names.items():
        owners = [repr(group) for group, members in groups.items() for one in members if one == member]
        if len(owners) != 1:
            where = f"{len(owners)} groups: {' and '.join(owners)}" if owners else f"no {group_kind}"
            fail(layout, f"{kind} {name!r} is in {where}.", f"Put it in exactly one {group_kind}.")


def _a(kind: str) -> str:
    return "an edge" if kind == "edge" else "a bone"
