"""`psp layouts`."""

from pathlib import Path

from psp.cli.console import print_table, say
from psp.figures.layouts import draw_layouts
from psp.skeleton.layouts import LAYOUTS


def layouts(out: Path | None = None) -> None:
    """List the shipped skeleton layouts and draw them with their parts in colour.

    Args:
        out: picture to write, .png or .svg
    """
    rows = [(name, len(each.joints), len(each.parts), len(each.bodies)) for name, each in LAYOUTS.items()]
    print_table("layouts", ("name", "joints", "parts", "bodies"), rows)
    if out:
        draw_layouts(out, list(LAYOUTS.values()))
        say(f"drawn: {out}")
