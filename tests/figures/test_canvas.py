from pathlib import Path

import pytest
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image

from psp.errors import ConfigError
from psp.figures.canvas import PALETTE, save

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}


@pytest.mark.parametrize(("kind", "beginning"), BEGINNINGS.items())
def test_the_extension_chooses_the_kind(tmp_path: Path, kind: str, beginning: bytes):
    save(Figure(), tmp_path / f"picture{kind}")
    assert (tmp_path / f"picture{kind}").read_bytes().startswith(beginning)


@pytest.mark.parametrize("name", ["picture", "picture.txt"])
def test_another_kind_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match=r"pictures of this format cannot be written.*\.png, \.svg, \.pdf"):
        save(Figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_one_figure_is_saved_in_several_kinds_and_always_as_the_same_bytes(tmp_path: Path):
    figure = Figure()
    figure.add_subplot().plot([1, 2], [3, 4], marker="o")
    first, second = ([tmp_path / f"{name}{kind}" for kind in (".png", ".svg", ".pdf")] for name in ("a", "b"))
    save(figure, *first)
    save(figure, *second)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_picture_of_few_colours_keeps_them(tmp_path: Path):
    figure = Figure(facecolor="white")
    figure.add_axes((0, 0, 1, 1)).imshow([[0, 1], [2, 3]], cmap=ListedColormap(PALETTE[:4]), aspect="auto")
    save(figure, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        colours = {"#{:02X}{:02X}{:02X}".format(*colour) for _, colour in picture.convert("RGB").getcolors(100_000)}
    assert set(PALETTE[:4]) <= colours


def test_an_earlier_picture_outlives_an_interruption(tmp_path: Path):
    class Broken(Figure):
        def savefig(self, place: Path, **options: object) -> None:
            Path(place).write_text("half")
            raise KeyboardInterrupt

    path = tmp_path / "picture.svg"
    path.write_text("whole")
    with pytest.raises(KeyboardInterrupt):
        save(Broken(), path)
    assert [each.name for each in tmp_path.iterdir()] == ["picture.svg"]
    assert path.read_text() == "whole"
