"""A small trained run, for everything that is made of models."""

from dataclasses import replace

import pytest

from psp.dataset.build import prepare
from psp.deploy.export import export_onnx
from psp.io.base import open_reader
from psp.train.api import make_task, train_run
from runs import SMALL_RUN, with_stage


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a run on built-in recordings of one and two persons; it predicts from two stretches."""
    folder = tmp_path_factory.mktemp("trained")
    prepare(open_reader("synthetic", clips=90), folder / "store", workers=1)
    resample = replace(SMALL_RUN.data.resample, test_crops=((0.0, 1.0), (0.1, 0.8)))
    config = replace(with_stage(SMALL_RUN, epochs=2), data=replace(SMALL_RUN.data, resample=resample))
    return train_run(make_task(folder / "store", "all", "synthetic-xsub"), config, folder / "run")


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """The same model as an ONNX file."""
    out = tmp_path_factory.mktemp("exported") / "recogniser.onnx"
    export_onnx(trained, out)
    return out
