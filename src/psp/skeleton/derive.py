"""Facts derived from the names and edges of a skeleton: mirror pairs, connections, the centre and a tree."""

from collections.abc import Collection, Iterable, Sequence

from psp.skeleton.names import related, side, words

Pair = tuple[int, int]
ROOT_WORDS = {"pelvis", "root", "hip", "hips", "mid", "middle", "centre", "center"}


def neighbours_of(count: int, edges: Iterable[Pair]) -> list[set[int]]:
    """Return the joints that share an edge with each joint."""
    near: list[set[int]] = [set() for _ in range(count)]
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    return near


def steps_from(start: int, near: Sequence[Collection[int]]) -> dict[int, int]:
    """Return how many edges each joint is away from `start`, without the joints that cannot be reached."""
    steps, front = {start: 0}, [start]
    while front:
        front = sorted({joint for one in front for joint in near[one] if joint not in steps})
        steps |= dict.fromkeys(front, max(steps.values()) + 1)
    return steps


def pieces_of(near: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the connected pieces of a graph, each sorted, in the order of their first joints."""
    pieces: list[list[int]] = []
    for joint in range(len(near)):
        if not any(joint in piece for piece in pieces):
            pieces.append(sorted(steps_from(joint, near)))
    return pieces


def mirror_of(count: int, pairs: Iterable[Pair]) -> list[int]:
    """Return the permutation that swaps left and right joints."""
    mirror = list(range(count))
    for left, right in pairs:
        mirror[left], mirror[right] = right, left
    return mirror


def ranks_of(count: int, pairs: Iterable[Pair]) -> list[Pair]:
    """Return a sort key for each joint; those of a joint and its mirror image differ only in the second number.

    A choice by these keys is the mirrored choice on the other side.
    """
    ranks = [(joint, 0) for joint in range(count)]
    for left, right in pairs:
        ranks[left], ranks[right] = (min(left, right), 0), (min(left, right), 1)
    return ranks


def symmetric_pairs(count: int, pairs: Sequence[Pair], edges: Collection[Pair]) -> tuple[Pair, ...]:
    """Return the pairs whose edges all have a mirror image among the edges."""
    kept = tuple(pairs)
    while True:
        mirror = mirror_of(count, kept)
        images = {edge: _sorted(mirror[edge[0]], mirror[edge[1]]) for edge in edges}
        lone = {joint for edge, image in images.items() if image not in edges for joint in edge}
        remaining = tuple(pair for pair in kept if not lone.intersection(pair))
        if remaining == kept:
            return kept
        kept = remaining


def connect(joints: Sequence[str], edges: Collection[Pair], pairs: Sequence[Pair]) -> list[Pair]:
    """Return new edges, (stray joint, joint it is attached to), that connect the pieces of a graph symmetrically.

    First come mirror images of edges that exist. Each remaining piece is attached to the largest one: the mirror image
    of the centre to the centre, others to the joint whose name shares most words, else to the centre.
    """
    count, mirror, added = len(joints), mirror_of(len(joints), pairs), list[Pair]()

    def attach(one: int, other: int) -> None:
        if other not in steps_from(one, neighbours_of(count, [*edges, *added])):
            added.append((one, other))

    for one, other in sorted(edges):
        attach(mirror[other], mirror[one])
    near = neighbours_of(count, [*edges, *added])
    paired = {joint for pair in pairs for joint in pair}
    main, *stray = sorted(pieces_of(near), key=lambda piece: (-len(piece), paired.issuperset(piece), piece))
    for piece in sorted(stray):
        if main[0] not in steps_from(piece[0], neighbours_of(count, [*edges, *added])):
            one, other = _nearest(joints, piece, main, near, pairs)
            attach(one, other)
            image = mirror[one], mirror[other]
            if image[0] in piece and set(image) != {one, other}:
                added.append(image)
            else:
                attach(*image)
    return added


def centre_of(joints: Sequence[str], edges: Iterable[Pair], pairs: Sequence[Pair], among: Sequence[int]) -> int:
    """Return the centre of connected joints: on the mirror axis if there is one; a pelvis, else the middle-most."""
    near = neighbours_of(len(joints), edges)
    paired = {joint for pair in pairs for joint in pair}
    axis = [joint for joint in among if joint not in paired] or among
    named = [joint for joint in axis if words(joints[joint]) and words(joints[joint]) <= ROOT_WORDS]
    ranks = ranks_of(len(joints), pairs)
    return min(named or axis, key=lambda joint: (sum(steps_from(joint, near).values()), ranks[joint]))


def tree_of(count: int, edges: Iterable[Pair], centre: int, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return the (child, parent) bones of a breadth-first tree.

    A parent on the mirror axis is preferred, then one of a low number, and of a mirror pair the one on the same side.
    """
    near, ranks = neighbours_of(count, edges), ranks_of(count, pairs)
    steps, mirror = steps_from(centre, near), mirror_of(count, pairs)

    def preference(child: int, parent: int) -> tuple[bool, int, bool]:
        return mirror[parent] != parent, ranks[parent][0], ranks[parent][1] != ranks[child][1]

    bones = []
    for child in range(count):
        above = [joint for joint in near[child] if steps[joint] < steps[child]]
        if child != centre:
            bones.append((child, min(above, key=lambda parent: preference(child, parent))))
    return tuple(bones)


def _nearest(
    joints: Sequence[str], piece: Sequence[int], main: Sequence[int], near: Sequence[set[int]], pairs: Sequence[Pair]
) -> Pair:
    """Return the edge between a stray piece and the main one, (joint of the piece, joint of the main one)."""
    edges = [(one, other) for one in range(len(near)) for other in near[one]]
    centre = centre_of(joints, edges, pairs, main)
    image = mirror_of(len(joints), pairs)[centre]
    if image in piece:
        return image, centre
    alike = {(one, other): related(joints[one], joints[other]) for one in piece for other in main}
    sides = {(one, other): {side(joints[one]), side(joints[other])} for one, other in alike}
    allowed = [link for link, count in alike.items() if count and sides[link] != {"left", "right"}]
    if allowed:
        return min(allowed, key=lambda link: (-alike[link], len(sides[link]), link))
    ends = [joint for joint in piece if len(near[joint]) < 2]
    chain = ends and all(len(near[joint]) <= 2 for joint in piece)
    return ends[0] if chain else centre_of(joints, edges, pairs, piece), centre


def _sorted(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)
