import builtins
import json

import numpy as np
import pytest

from psp.deploy.onnx_runtime import UNSEALED, OnnxRecogniser, optional_module, sealed
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


def changed(exported, change) -> bytes:
    """The exported model with a change of its graph or header, and a sha256 that fits."""
    graph = pytest.importorskip("onnx").load(exported)
    header = json.loads(graph.metadata_props[0].value)
    change(graph.graph, header)
    graph.metadata_props[0].value = json.dumps({**header, "sha256": UNSEALED})
    return sealed(graph.SerializeToString())


@pytest.mark.parametrize(
    ("name", "value"),
    [("classes", ["a", "b", "c"]), ("channels", 2), ("layout", {}), ("up", None), ("data", [])],
)
def test_a_header_that_does_not_describe_the_graph_is_refused(exported, name, value):
    def change(graph, header):
        header["interface"][name] = value

    with pytest.raises(CheckpointError, match="the exported model: this is not a recogniser written by 'psp export'"):
        OnnxRecogniser(changed(exported, change))


def test_a_graph_that_computes_something_else_is_refused_in_a_sentence(exported):
    def lie(graph, header):
        header["interface"]["classes"] = ["a", "b", "c"]
        graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3

    def conceal(graph, header):
        header["interface"]["classes"] = ["a", "b", "c"]
        graph.output[0].type.tensor_type.shape.dim[1].dim_param = "classes"

    def fail(graph, header):
        (last,) = (node for node in graph.node if "probabilities" in node.output)
        last.output[0] = "hidden"
        graph.node.add(op_type="Gather", input=["hidden", "frames"], output=["probabilities"])

    shape, index = r"the result has the shape \(1, ", ".*indices element out of data bounds"
    for change, reason in ((lie, shape), (conceal, shape), (fail, index)):
        recogniser = OnnxRecogniser(changed(exported, change))
        with pytest.raises(CheckpointError, match=rf"the exported model cannot be computed \({reason}"):
            recogniser.predict(np.random.default_rng(0).normal(size=(1, 1, 9, 25, 3)))


def test_a_graph_that_names_other_files_is_refused(exported, tmp_path, monkeypatch):
    def change(graph, header):
        weight = max(graph.initializer, key=lambda each: len(each.raw_data))
        (tmp_path / "secret.bin").write_bytes(weight.raw_data)
        weight.ClearField("raw_data")
        weight.data_location = weight.EXTERNAL
        weight.external_data.add(key="location", value="secret.bin")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="takes weights from other files"):
        OnnxRecogniser(changed(exported, change))


def test_a_class_may_be_called_location(exported):
    def change(graph, header):
        header["interface"]["classes"][0] = "location"

    assert OnnxRecogniser(changed(exported, change)).classes[0] == "location"
