import math

import torch

from psp.model.position import PositionEncoding, sinusoids


def test_table_is_the_formula() -> None:
    table = sinusoids(6, 11)
    for node in range(11):
        for pair in range(3):
            angle = node / 10000 ** (2 * pair / 6)
            assert math.isclose(table[2 * pair, node], math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[2 * pair + 1, node], math.cos(angle), abs_tol=1e-6)


def test_odd_channels_keep_the_last_sine() -> None:
    assert sinusoids(5, 4).shape == (5, 4)


def test_any_length_is_encoded_and_nothing_is_stored() -> None:
    encoding = PositionEncoding(4, 8)
    assert not encoding.state_dict()
    for length in (3, 8, 20):
        added = encoding(torch.zeros(1, 4, 2, length))
        assert torch.equal(added[0, :, 1], sinusoids(4, length))
