"""Logs for TensorBoard."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from psp.errors import ConfigError
from psp.train.run import OnLog


def require_tensorboard() -> None:
    """Raise ConfigError if the package tensorboard is not installed."""
    if find_spec("tensorboard") is None:
        remedy = "Install it: pip install 'psp-learning[tensorboard]'."
        raise ConfigError("the package tensorboard is not installed.", where="--tensorboard", remedy=remedy)


@contextmanager
def tensorboard_log(folder: Path) -> Iterator[OnLog]:
    """Yield an `on_log` that writes event files for TensorBoard into a folder; ConfigError without the package."""
    require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415, needs the optional package

    with SummaryWriter(str(folder)) as writer:

        def on_log(step: int, values: Mapping[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        yield on_log
