"""`psp layouts`."""

from pathlib import Path

from psp.cli.console import print_table, say
from psp.figures.layouts import draw_layouts
from psp.skeleton.catalogue import layout_by_name, layout_names, open_layout
from psp.skeleton.layout import Layout


def layouts(layout: str | None = None, out: Path | None = None) -> None:
    """List the built-in skeleton layouts, or show one and what was derived for it; draw them.

    Args:
        layout: name of a built-in layout or a YAML file with joints and edges; by default all built-in ones
        out: the picture to write, .png, .svg or .pdf
    """
    if layout is None:
        shown = [layout_by_name(name) for name in layout_names()]
        _list(shown)
    else:
        shown = [open_layout(layout)]
        _describe(shown[0])
    if out:
        draw_layouts(out, shown)
        say(f"drawn: {out}")


def _list(shown: list[Layout]) -> None:
    rows = [(each.name, len(each.joints), len(each.parts), len(each.bodies)) for each in shown]
    print_table("layouts", ("name", "joints", "parts", "bodies"), rows)


def _describe(layout: Layout) -> None:
    """Print joints with their parents, parts and bodies, and then what was derived."""
    parts, bodies = list(layout.parts), list(layout.bodies)
    rows = []
    for joint, name in enumerate(layout.joints):
        part = layout.part_of_joint[joint]
        parent = "" if joint == layout.centre else layout.joints[layout.parents[joint]]
        rows.append((name, joint, parent, parts[part], bodies[layout.body_of_part[part]]))
    print_table(f"layout {layout.name}", ("joint", "number", "parent", "part", "body"), rows)
    say("Derived from the names and edges:" if layout.derived else "Nothing was derived.")
    for sentence in layout.derived:
        say(f"  {sentence}")
