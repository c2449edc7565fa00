"""The built-in layouts by name, and layouts from YAML files."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from psp.config.yaml_text import DAMAGED, load_yaml
from psp.errors import LayoutError
from psp.files import read_regular
from psp.skeleton.layout import Layout
from psp.text import shortened


@cache
def layout_names() -> tuple[str, ...]:
    """Return the names of the built-in layouts."""
    content = files("psp.skeleton").joinpath("layouts").iterdir()
    return tuple(sorted(each.name.removesuffix(".yaml") for each in content if each.name.endswith(".yaml")))


@cache
def layout_by_name(name: str) -> Layout:
    """Return a built-in layout; an unknown name raises LayoutError with the nearest one."""
    if name not in layout_names():
        near = get_close_matches(name, layout_names(), n=1)
        known = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(layout_names())}"
        remedy = f"{known} Or name a YAML file." if near else f"{known} or name a YAML file."
        raise LayoutError(f"there is no layout {name!r}.", remedy=remedy)
    text = files("psp.skeleton").joinpath("layouts", f"{name}.yaml").read_text(encoding="utf-8")
    return _from_yaml(text, name)


def open_layout(spec: str | Path | Layout) -> Layout:
    """Return the layout of a built-in name or a YAML file; a Layout is returned as it is.

    A YAML file holds the arguments of `Layout.from_graph`; without a name it is called like the file. Files that cannot
    be read or contradict themselves raise LayoutError.
    """
    if isinstance(spec, Layout):
        return spec
    path = Path(spec)
    if path.suffix not in (".yaml", ".yml") and path.name == str(spec):
        return layout_by_name(str(spec))
    try:
        return _from_yaml(read_regular(path).decode("utf-8"), path.stem)
    except LayoutError as error:
        raise LayoutError(error.what, where=str(path), remedy=error.remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Name a YAML file with the keys joints and edges, or a built-in layout."
        raise LayoutError(f"the layout cannot be read ({error}).", where=str(path), remedy=remedy) from error


def _from_yaml(text: str, name: str) -> Layout:
    remedy = "Write a mapping with the keys joints and edges."
    try:
        content = load_yaml(text)
    except DAMAGED as error:
        raise LayoutError(f"this is not YAML ({shortened(' '.join(str(error).split()))}).", remedy=remedy) from error
    if not isinstance(content, Mapping):
        raise LayoutError("the layout is not a mapping.", remedy=remedy)
    return Layout.from_dict({"name": name, **content})
