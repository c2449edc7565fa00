"""Losses of decoders: values by hand, and scikit-learn's nearest neighbours as an oracle of the Chamfer distance."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from psp.loss.reconstruction import chamfer, cosine_error, displacement_classes, squared_error


def test_squared_errors_count_masked_positions_only():
    found, wanted = torch.zeros(2, 3, 4, 5), torch.ones(2, 3, 4, 5)
    mask = torch.zeros(2, 1, 4, 5, dtype=torch.bool)
    mask[0, 0, 1, 2] = True
    sums, counts = squared_error(found, 2 * wanted, mask)
    assert sums.tolist() == [12.0, 0.0]
    assert counts.tolist() == [3.0, 0.0]
    sums, counts = squared_error(found, wanted)
    assert sums.tolist() == counts.tolist() == [60.0, 60.0]


def test_cosine_errors_do_not_depend_on_lengths():
    wanted = torch.randn(1, 3, 2, 2)
    mask = torch.ones(1, 1, 2, 2, dtype=torch.bool)
    for factor, error in ((3.0, 0.0), (-0.5, 2.0**2)):
        sums, counts = cosine_error(factor * wanted, wanted, mask, 2.0)
        torch.testing.assert_close(sums / counts, torch.tensor([error]), atol=1e-5, rtol=1e-5)


def test_the_chamfer_distance_equals_that_of_nearest_neighbours():
    draw = torch.Generator().manual_seed(0)
    first, second = (torch.randn(2, size, 6, generator=draw, dtype=torch.float64) for size in (30, 50))
    wanted = []
    for one, other in zip(first.numpy(), second.numpy(), strict=True):
        there, back = (
            NearestNeighbors(n_neighbors=1).fit(end).kneighbors(start)[0] for start, end in ((one, other), (other, one))
        )
        wanted.append((there**2).mean() + (back**2).mean())
    torch.testing.assert_close(chamfer(first, second), torch.tensor(wanted))
    torch.testing.assert_close(chamfer(first, first.flip(1)), torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)


def test_displacements_are_classified_by_sign_and_length():
    joints = torch.zeros(1, 3, 3, 1)
    joints[0, :, 1, 0] = torch.tensor([0.3, -0.3, 0.0])
    joints[0, :, 2, 0] = torch.tensor([0.3, -0.3, 9.0])
    direction, magnitude = displacement_classes(joints, 1, 0.1, 14)
    still = 13
    assert direction[0, :, 0].tolist() == [still, 9 * 2 + 3 * 0 + 1, 9 * 1 + 3 * 1 + 2]
    assert magnitude[0, :, 0].tolist() == [0, 4, 14]


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_displacements_are_those_over_the_interval(interval):
    joints = torch.arange(4.0)[None, None, :, None].expand(1, 3, 4, 2)
    _, magnitude = displacement_classes(joints, interval, 3**0.5, 14)
    assert magnitude[0, :, 0].tolist() == [min(frame, interval) for frame in range(4)]
