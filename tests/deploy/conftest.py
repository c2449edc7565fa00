"""A run that has learnt something, for everything that is made of runs."""

from dataclasses import replace

import pytest

from psp.data.prepare import prepare
from psp.data.store import open_store
from psp.data.synthetic import SyntheticConfig
from psp.train.train import train_run
from runs import SMALL_RUN


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a small run on built-in recordings of one and two persons."""
    folder = tmp_path_factory.mktemp("trained")
    prepare("synthetic", None, folder / "store", synthetic=SyntheticConfig(clips=90), workers=1)
    return train_run(open_store(folder / "store"), replace(SMALL_RUN, epochs=2), folder / "run")
