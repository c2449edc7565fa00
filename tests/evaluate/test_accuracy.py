import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from psp.evaluate.accuracy import accuracy


def test_it_agrees_with_scikit_learn():
    draw = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(200, 8, generator=draw), torch.randint(0, 8, (200,), generator=draw)
    found, guesses = accuracy(logits, labels), logits.argmax(dim=1).numpy()
    assert found.top1 == pytest.approx(100 * top_k_accuracy_score(labels.numpy(), logits.numpy(), k=1))
    assert found.top5 == pytest.approx(100 * top_k_accuracy_score(labels.numpy(), logits.numpy(), k=5))
    matrix = confusion_matrix(labels.numpy(), guesses)
    assert np.array_equal(found.confusion, matrix)
    assert found.per_class == pytest.approx(100 * matrix.diagonal() / matrix.sum(axis=1))


def test_a_class_without_test_clips_has_no_accuracy():
    found = accuracy(torch.eye(3)[:2], torch.tensor([0, 1]))
    assert found.per_class == (100.0, 100.0, None)
    assert found.top5 == 100.0
