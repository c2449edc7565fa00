"""The built-in data as a source of recordings: clips are generated instead of read."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from psp.config.ranges import require
from psp.errors import RecordingError
from psp.io.format import Units
from psp.io.source import SourceItem
from psp.skeleton.catalogue import layout_names, open_layout
from psp.skeleton.convert import turned
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording, Up, recording_of_clip
from psp.synthetic import SyntheticConfig, synthetic_clip

SOURCE = "synthetic"
"""The source that stands for the built-in data, unless a file or folder has this name."""


MOST_CLIPS, LEAST_FRAMES = 10_000_000, 20
"""The most clips that are generated, and a number of frames that every clip exceeds."""


@dataclass(frozen=True)
class SyntheticReader:
    """The clips of one configuration, generated when they are read, with the axis `turned_up` up if it is given."""

    config: SyntheticConfig
    dataset: str = SOURCE
    tracked: bool = False
    notes: tuple[str, ...] = ()
    turned_up: Up | None = None

    @property
    def up(self) -> Up:
        """The axis that points up, as generated y, or -y in images."""
        return self.turned_up or self._generated_up

    @property
    def _generated_up(self) -> Up:
        return "y" if self.config.channels == 3 else "-y"

    @property
    def units(self) -> Units:
        """The unit of the coordinates."""
        return "metres" if self.config.channels == 3 else "pixels"

    @property
    def layout(self) -> Layout:
        """The layout of the generated skeletons."""
        return open_layout(self.config.layout)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the generated actions."""
        return self.config.classes

    @property
    def source(self) -> str:
        """The configuration in words."""
        return repr(self.config)

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """Return the clips, named by their index."""
        if not self.config.clips:
            raise RecordingError("the number of clips is 0.", where=SOURCE, remedy="Use --clips with 1 or more.")
        require(self.config.clips <= MOST_CLIPS, "clips", self.config.clips, f"at most {MOST_CLIPS}")
        stamp = repr(replace(self.config, clips=0))
        return [SourceItem(str(index), stamp) for index in range(self.config.clips)], Counter()

    def read(self, item: SourceItem) -> Recording:
        """Return one generated recording."""
        recording = recording_of_clip(synthetic_clip(self.config, int(item.name)), self._generated_up)
        return replace(recording, up="none") if self.up == "none" else turned(recording, self.up)


def open_synthetic(
    source: Path | tuple[Path, ...], layout: str | Path | Layout = "ntu25", clips: int = 1200, seed: int = 0
) -> SyntheticReader:
    """Return the reader of `clips` generated clips; `source` is not used."""
    named = layout if isinstance(layout, str) and layout in layout_names() else open_layout(layout)
    return SyntheticReader(SyntheticConfig(layout=named, clips=clips, seed=seed))


def detects_synthetic(source: Path | tuple[Path, ...]) -> bool:
    """Return whether a source is the word `synthetic` and not a file or folder."""
    return source == Path(SOURCE) and isinstance(source, Path) and not source.exists()
