"""Pre-train encoders on generated recordings of random actions, for 'psp train' to start from.

They are made for one kind of recordings: those of STORE, or those of a layout of the human body.

Args:
    store: a folder written by 'psp prepare', to make encoders for its recordings
    layout: instead of STORE, a built-in layout (see 'psp layouts') or a YAML file
    channels: number of coordinates, with --layout; by default 3
    up: the axis that points up, with --layout; by default y, for two coordinates -y
    epochs: passes over the generated clips
    seed: seed of the recordings and of training
    out: the folder in which to write the weights, by default where 'psp train' finds them
    device: where to compute
"""

from pathlib import Path
from typing import Literal

from psp.cli.console import progress_bar, say
from psp.dataset.store import open_store
from psp.errors import ConfigError
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import open_layout
from psp.skeleton.recording import Up
from psp.train.device import Device
from psp.train.made_weights import Kind, kind_of
from psp.train.pretrain import PretrainConfig
from psp.train.pretrain import pretrain as run_pretraining


def pretrain(
    store: Path | None = None,
    layout: str | None = None,
    channels: Literal[2, 3] | None = None,
    up: Up | None = None,
    epochs: int = PretrainConfig.epochs,
    seed: int = PretrainConfig.seed,
    out: Path | None = None,
    device: Device = "auto",
) -> None:
    """Pre-train encoders on generated recordings of random actions, for 'psp train' to start from."""
    if (store is None) == (layout is None):
        raise ConfigError("STORE or --layout is needed, not both.", remedy="Write 'psp pretrain STORE'.")
    if store is not None and (channels or up):
        raise ConfigError("--channels and --up are those of STORE.", remedy="Leave them out, or use --layout instead.")
    if store is not None:
        kind = kind_of(open_store(store))
    else:
        assert layout is not None
        kind = Kind(open_layout(layout), channels or 3, up or ("-y" if channels == 2 else "y"), NormaliseConfig())
    config = PretrainConfig(epochs=epochs, seed=seed)
    with progress_bar("pre-training") as show:
        path = run_pretraining(
            kind, config, out, device,
            lambda done, total: show(done, total, "recordings generated"),
            lambda now: show(now.step, now.steps, f"steps, loss {now.reading.loss:.3f}"),
            handle_signals=True,
        )  # fmt: skip
    say(f"encoders: {path}. Next: psp train {store or 'STORE'}")
