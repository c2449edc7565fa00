import builtins

import pytest

from psp.deploy.onnx_runtime import OnnxRecogniser, optional_module
from psp.errors import CheckpointError, PSPError


def test_other_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        OnnxRecogniser(tmp_path / "absent.onnx")
    (tmp_path / "other.onnx").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="not a recogniser"):
        OnnxRecogniser(tmp_path / "other.onnx")
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(CheckpointError, match="not a recogniser"):
        OnnxRecogniser(tmp_path / "empty.onnx")


def test_a_missing_package_is_named_with_the_way_to_get_it():
    with pytest.raises(PSPError, match=r"not installed.*psp-learning\[onnx\]"):
        optional_module("a_package_that_nobody_wrote")
    assert optional_module("builtins") is builtins
