"""Label the clips that are worth it on a local page; networks are trained meanwhile and choose the next clips.

The page is for browsers on this machine only. Everything is written at once: stop with Ctrl-C and start the same
command again to go on. Training is 'psp train STORE --labels OUT/labels.csv --split OUT/split.json --new-classes' at
low priority; --new-classes adds the classes that were typed on the page.

Args:
    store: a folder written by 'psp prepare'
    out: the folder of the labels, the journal and the networks, by default STORE-labels
    labels: a CSV file with labels given elsewhere, which are taken up
    split: the clips to label are the training clips of this split, given as for 'psp train'; by default all clips
    select: which clips are proposed - typical ones (first those nearest to cluster centres, then TypiClust, and past
        ten labels per class those of least margin), uncertain ones as soon as there is a network, or random ones
    every: train a network after this many new labels
    preset: paper (its text), published (its program) or best (ours)
    method: the training method, by default that of the preset
    size: the size of the network, by default that of the preset
    epochs: length of every stage of training, by default that of the preset
    device: where training computes
    niceness: how much training yields to other programs, from 0 (not at all) to 19
    seed: the seed of proposals and of training
"""

import shlex
from pathlib import Path

import torch

from psp.cli.console import say
from psp.cli.local_page import page_module, serve
from psp.config.ranges import require, require_choice
from psp.dataset.split import UNDIVIDED, resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.label.folder import LabelFolder
from psp.label.rounds import NICENESS, Rounds
from psp.label.select import Criterion
from psp.label.session import Session
from psp.methods import METHODS
from psp.model.encoder import Size
from psp.train.device import Device
from psp.train.presets import PresetName

LONG = 20
"""A clip of so many times the median length is a long recording."""


def label(
    store: Path,
    out: Path | None = None,
    labels: Path | None = None,
    split: str = UNDIVIDED,
    select: Criterion = "typical",
    every: int = 20,
    preset: PresetName = "best",
    method: str | None = None,
    size: Size | None = None,
    epochs: int | None = None,
    device: Device = "auto",
    niceness: int = NICENESS,
    seed: int = 0,
) -> None:
    """Label the clips that are worth it on a local page; networks are trained meanwhile and choose the next clips."""
    if every < 1:
        raise ConfigError("there must be at least one new label.", where="--every", remedy="Use 1 or more.")
    require(epochs is None or epochs >= 1, "--epochs", epochs or 0, "1 or more")
    require(0 <= seed < 2**32, "--seed", seed, "0 to 4294967295")
    require(0 <= niceness <= 19, "--niceness", niceness, "0 (not at all) to 19")
    if method:
        require_choice(method, "method", METHODS)
    pages, server = page_module("psp.label.page"), page_module("psp.serve.server")
    opened, path = open_store(store), out or store.resolve().with_name(f"{store.resolve().name}-labels")
    options = {"preset": preset, "method": method, "size": size, "epochs": epochs, "device": device, "seed": seed}
    given = [part for name, value in options.items() if value is not None for part in (f"--{name}", str(value))]
    folder = LabelFolder(path, opened, resolve_split(split, opened))
    if labels is not None:
        say(f"{folder.take_up(labels)} labels taken up from {labels}")
    _say_long(opened)
    torch.set_num_threads(1)
    with Session(folder, Rounds(path / "rounds", store.resolve(), given, niceness), select, every, seed) as session:
        say(f"{len(folder.known)} of {len(session.ids)} clips are labelled. Labels: {folder.table}")
        serve(server, pages.label_app(session))
    say(f"stopped. Train with: {training_command(store, folder)}")


def training_command(store: Path, folder: LabelFolder) -> str:
    """Return the command that trains on the labels of a folder, whose classes may be new to the data set."""
    words = ["psp", "train", str(store), "--labels", str(folder.table), "--split", str(folder.split_file)]
    added = set(folder.known.values()) - set(folder.store.classes)
    return shlex.join([*words, "--new-classes"] if added else words)


def _say_long(store: Store) -> None:
    frames = sorted(store.clips.frames.tolist())
    long = [each for each in frames if each > LONG * frames[len(frames) // 2] or each > 3000]
    if long:
        say(f"note: {len(long)} clips are long recordings. 'psp prepare --window 2s' cuts them into timelines.")
