import torch

from psp.dataset.store import open_store
from psp.deploy.predict import predict_clips_onnx
from psp.evaluate.predict import predict_clips


def test_onnxruntime_predicts_a_store_as_pytorch_does(trained):
    store = open_store(trained.parent / "store")
    classes, probabilities = predict_clips_onnx(trained, store)
    expected_classes, expected = predict_clips(trained, store, "cpu")
    assert classes == expected_classes
    torch.testing.assert_close(probabilities, expected, atol=1e-5, rtol=0)
