"""The built-in data as a source of recordings: clips are made instead of read."""

from collections import Counter
from dataclasses import dataclass, replace

from psp.skeleton.recording import RawRecording, recording_of_clip
from psp.io.source import SourceItem
from psp.synthetic import SyntheticConfig, synthetic_clip
from psp.errors import RecordingError
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import layout_by_name


@dataclass(frozen=True)
class SyntheticReader:
    """The clips of one configuration, made where they are needed."""

    config: SyntheticConfig
    dataset: str = "synthetic"

    @property
    def layout(self) -> Layout:
        """The layout of the made skeletons."""
        return layout_by_name(self.config.layout)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the made actions."""
        return self.config.classes

    @property
    def source(self) -> str:
        """The configuration in words."""
        return repr(self.config)

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """Name the clips by their index."""
        if not self.config.clips:
            raise RecordingError("no clip is to be made.", where="synthetic", remedy="Ask for 1 clip or more.")
        stamp = repr(replace(self.config, clips=0))
        return [SourceItem(str(index), stamp) for index in range(self.config.clips)], Counter()

    def read(self, item: SourceItem) -> RawRecording:
        """Make one recording."""
        return recording_of_clip(synthetic_clip(self.config, int(item.name)))
