"""A run that has learnt something, for everything that is made of runs."""

from dataclasses import replace

import pytest

from psp.preprocess.prepare import prepare
from psp.dataset.store import open_store
from psp.synthetic import SyntheticConfig
from psp.train.train import train_run
from runs import SMALL_RUN


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a small run on built-in recordings of one and two persons; it predicts from two stretches."""
    folder = tmp_path_factory.mktemp("trained")
    prepare("synthetic", None, folder / "store", synthetic=SyntheticConfig(clips=90), workers=1)
    sample = replace(SMALL_RUN.data.sample, test_crops=((0.0, 1.0), (0.1, 0.8)))
    config = replace(SMALL_RUN, epochs=2, data=replace(SMALL_RUN.data, sample=sample))
    return train_run(open_store(folder / "store"), config, folder / "run")
