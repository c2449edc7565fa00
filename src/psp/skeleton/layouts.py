"""The layouts that psp ships, by name."""

from difflib import get_close_matches

from psp.errors import LayoutError
from psp.skeleton.kinect20 import KINECT20
from psp.skeleton.layout import Layout
from psp.skeleton.ntu25 import NTU25

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (NTU25, KINECT20)}


def layout_by_name(name: str) -> Layout:
    """Return a shipped layout; an unknown name raises LayoutError with the nearest one."""
    if name in LAYOUTS:
        return LAYOUTS[name]
    near = get_close_matches(name, LAYOUTS, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(LAYOUTS)}."
    raise LayoutError(f"there is no layout {name!r}.", remedy=remedy)
