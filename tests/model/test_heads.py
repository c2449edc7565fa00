import torch

from psp.model.heads import Classifier, Projection


def test_projection_is_two_layers_with_a_rectifier_between() -> None:
    head, x = Projection(6), torch.randn(4, 6)
    hidden = (x @ head.hidden.weight.T + head.hidden.bias).clamp(min=0)
    torch.testing.assert_close(head(x), hidden @ head.output.weight.T + head.output.bias)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    head, x = Classifier(50, 3, dropout=0.5), torch.randn(4, 50)
    assert not torch.equal(head.train()(x), head(x))
    assert torch.equal(head.eval()(x), head.linear(x))
