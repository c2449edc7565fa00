"""`psp prepare`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from psp.cli.console import print_table, progress_bar, say
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NORMALISATIONS, NormaliseConfig
from psp.preprocess.prepare import prepare as prepare_store
from psp.synthetic import SyntheticConfig
from psp.config.override import changes_from_arguments, override


@dataclass(frozen=True)
class Settings:
    """What `--set` can change."""

    clean: CleanConfig = field(default_factory=CleanConfig)
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)


def prepare(
    dataset: Literal["ntu60", "ntu120", "nw-ucla", "synthetic"],
    source: str,
    dest: Path,
    normalise: Literal["default", "published", "none"] = "default",
    missing: Path | None = None,
    set: list[str] = [],  # noqa: B006
    skip_damaged: bool = False,
    workers: int | None = None,
    clips: int = 1200,
    seed: int = 0,
) -> None:
    """Turn recordings into a stored data set; an interrupted preparation goes on where it was.

    Args:
        dataset: which reader to use
        source: a folder or .zip of recordings; for synthetic the layout to make, ntu25 or kinect20
        dest: the folder to write; it must not exist
        normalise: how clips are centred, scaled and turned
        missing: a list of clips to leave out, as NTU RGB+D publishes it
        set: single settings, for example clean.fill_gaps=false or normalise.scale=none
        skip_damaged: leave damaged recordings out and note them in the manifest
        workers: processes to use, by default one per core
        clips: how many clips to make (synthetic)
        seed: of the made clips (synthetic)
    """
    made = SyntheticConfig(layout=source, clips=clips, seed=seed) if dataset == "synthetic" else SyntheticConfig()
    settings = override(Settings(normalise=NORMALISATIONS[normalise]), changes_from_arguments(set))
    with progress_bar(f"preparing {dataset}") as show:
        report = prepare_store(
            dataset,
            source,
            dest,
            clean=settings.clean,
            normalise=settings.normalise,
            workers=workers,
            skip_damaged=skip_damaged,
            missing=missing,
            synthetic=made,
            on_progress=show,
        )
    rows = [("clips stored", report.clips), *report.counts.items(), ("damaged, left out", len(report.skipped))]
    print_table(f"{dest}: prepared in {report.seconds:.1f} s", ("what", "count"), rows)
    for entry in report.skipped:
        say(f"left out: {entry.where}: {entry.reason}")
