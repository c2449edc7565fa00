"""Draw docs/method.svg, the way of a clip through PSP Learning (after figure 2 of the paper).

python docs/make_method_figure.py
"""

from pathlib import Path

BLUE, ORANGE, GREEN, INK, PALE = "#0072b2", "#d55e00", "#009e73", "#222222", "#f4f4f4"
LEVELS = (("bodies", 5, 62), ("parts", 10, 132), ("joints", 20, 202))


def box(x: float, y: float, width: float, height: float, words: str, colour: str = INK) -> str:
    """Return a rounded box with its words, one line each."""
    lines = words.split("\n")
    first = y + height / 2 - 8 * (len(lines) - 1) + 4
    shown = "".join(text(x + width / 2, first + 16 * number, line) for number, line in enumerate(lines))
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{PALE}" stroke="{colour}"/>'
    return shape + shown


def text(x: float, y: float, words: str, colour: str = INK, size: int = 13) -> str:
    """Return centred text."""
    return f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" text-anchor="middle">{words}</text>'


def arrow(points: str, colour: str = INK, *, both: bool = False) -> str:
    """Return a line with a head at its end, or at both ends."""
    start = f' marker-start="url(#{colour[1:]})"' if both else ""
    line = f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"'
    return f'{line} marker-end="url(#{colour[1:]})"{start}/>'


def heads() -> str:
    """Return the arrow heads of all colours."""
    shape = 'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"'
    return "".join(
        f'<marker id="{colour[1:]}" {shape}><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
        for colour in (BLUE, ORANGE, GREEN, INK)
    )


def level(x: float, y: float, nodes: int, colour: str) -> str:
    """Return the nodes of a level in a row."""
    gap = 116 / nodes
    return "".join(
        f'<circle cx="{x + gap * (number + 0.5):.1f}" cy="{y}" r="{min(6, gap / 2.6):.1f}" fill="{colour}"/>'
        for number in range(nodes)
    )


def pyramid(x: float, colour: str, name: str) -> str:
    """Return the three levels of a modality, with attention handed down between them."""
    frame = f'<rect x="{x}" y="34" width="132" height="196" rx="7" fill="white" stroke="{colour}"/>'
    rows = "".join(level(x + 8, y, nodes, colour) for _, nodes, y in LEVELS)
    down = "".join(arrow(f"{x + 66},{y + 14} {x + 66},{y + 54}", GREEN) for _, _, y in LEVELS[:2])
    return frame + rows + down + text(x + 66, 24, name, colour)


def figure() -> str:
    """Return the whole drawing."""
    parts = [
        box(12, 104, 78, 56, "skeleton\nclip"),
        arrow("90,122 130,84", BLUE),
        arrow("90,142 130,180", ORANGE),
        box(132, 64, 84, 36, "joints", BLUE),
        box(132, 164, 84, 36, "motion", ORANGE),
        arrow("216,82 256,118", BLUE),
        arrow("216,182 256,146", ORANGE),
        box(258, 104, 84, 56, "encoder"),
        arrow("342,122 386,122", BLUE),
        pyramid(388, BLUE, "joint modality"),
        arrow("342,142 364,142 364,246 666,246 666,232", ORANGE),
        pyramid(600, ORANGE, "motion modality"),
    ]
    for name, _, y in LEVELS:
        parts += [arrow(f"524,{y} 596,{y}", both=True), text(560, y - 8, name)]
    parts += [
        text(580, 272, "contrast on all three levels (CCL), no labels needed"),
        text(806, 118, "attention handed", GREEN),
        text(806, 135, "down from bodies to", GREEN),
        text(806, 152, "parts to joints (PPA)", GREEN),
        arrow("300,160 300,266"),
        box(236, 268, 128, 44, "classifier\nlabelled clips only"),
        arrow("236,290 158,290"),
        text(92, 294, "class probabilities"),
    ]
    style = 'font-family="Helvetica, Arial, sans-serif"'
    white = '<rect width="100%" height="100%" fill="white"/>'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 890 322" width="890" height="322" {style}>'
    return "\n".join([opening, f"<defs>{heads()}</defs>", white, *parts, "</svg>\n"])


if __name__ == "__main__":
    (Path(__file__).parent / "method.svg").write_text(figure())
