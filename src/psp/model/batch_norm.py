"""Batch normalisation over the whole batch, however many ranks share it (Ioffe and Szegedy 2015)."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from psp.distributed import of_every_rank, rank_count, sum_of_ranks
from psp.errors import ConfigError

OTHERS = (0, 2, 3)
"""The axes over which the statistics of channels are taken."""


class BatchNorm(nn.BatchNorm2d):
    """nn.BatchNorm2d with the mean and the variance of all ranks' values together.

    On one rank, and in evaluation mode, it equals nn.BatchNorm2d to the last bit. PyTorch's SyncBatchNorm does the same
    for GPUs only. The parts of the ranks may differ in size, but every rank needs at least one value per channel.
    """

    def forward(self, x: Float[Tensor, "r c t v"]) -> Float[Tensor, "r c t v"]:
        """Return gamma (x - mean) / sqrt(variance + eps) + beta and, in training, update the running statistics.

        ConfigError in training with only one value per channel.
        """
        if not self.training or rank_count() == 1:
            if self.training and x.numel() == x.shape[1]:
                what = "batch normalisation got one value per channel, which has no variance."
                raise ConfigError(what, remedy="Use larger batches or chunks, or more frames.")
            return super().forward(x)
        y, count, mean, variance = joint_batch_norm(x, self.weight, self.bias, self.eps)
        self._track(count, mean, variance)
        return y

    @torch.no_grad()
    def _track(self, count: Float[Tensor, ""], mean: Float[Tensor, "c"], variance: Float[Tensor, "c"]) -> None:
        assert self.momentum is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        unbiased = variance * (count / (count - 1))
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def moments(x: Float[Tensor, "r c t v"]) -> tuple[Float[Tensor, ""], Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Return count, mean and biased variance of this rank's values, in single precision or better."""
    wide = x.detach().to(torch.promote_types(x.dtype, torch.float32))
    variance, mean = torch.var_mean(wide, dim=OTHERS, correction=0)
    return mean.new_full((), x.numel() // x.shape[1]), mean, variance


def joint_moments(
    count: Float[Tensor, ""], mean: Float[Tensor, "c"], variance: Float[Tensor, "c"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Return count, mean and biased variance of all ranks' values together, without gradients.

    N = sum n_r;  mean = sum n_r mean_r / N;  variance = sum n_r (variance_r + (mean_r - mean)^2) / N, which avoids the
    cancellation of a difference of two sums (Chan, Golub and LeVeque 1983). It takes one exchange between ranks.
    """
    every = of_every_rank(torch.cat([count[None], mean, variance]))
    counts, means, variances = every.split([1, len(mean), len(mean)], dim=1)
    total = counts.sum()
    joint = (counts * means).sum(0) / total
    return total, joint, (counts * (variances + (means - joint) ** 2)).sum(0) / total


def joint_batch_norm(
    x: Float[Tensor, "r c t v"], weight: Float[Tensor, "c"], bias: Float[Tensor, "c"], eps: float
) -> tuple[Float[Tensor, "r c t v"], Float[Tensor, ""], Float[Tensor, "c"], Float[Tensor, "c"]]:
    """Return the values normalised over all ranks, with the joint count, mean and biased variance (no gradients).

    The gradients of weight and bias are this rank's share of the sum, like those of every other weight.
    """
    return _JointBatchNorm.apply(x, weight, bias, eps)


class _JointBatchNorm(torch.autograd.Function):
    """With u = (x - mean) / s and the joint sums over N values, dx = gamma / s (dy - sum dy / N - u sum(dy u) / N)."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "r c t v"], weight: Float[Tensor, "c"], bias: Float[Tensor, "c"], eps: float
    ) -> tuple[Float[Tensor, "r c t v"], Float[Tensor, ""], Float[Tensor, "c"], Float[Tensor, "c"]]:
        """Return gamma u + beta with the joint count, mean and biased variance."""
        count, mean, variance = joint_moments(*moments(x))
        ctx.eps = eps
        ctx.save_for_backward(x, weight, count, mean, variance)
        ctx.mark_non_differentiable(count, mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), count, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "r c t v"], *_: Any) -> tuple[Tensor | None, ...]:
        """Return dx and this rank's share of dgamma = sum(dy u) and dbeta = sum dy; none for eps."""
        x, weight, count, mean, variance = ctx.saved_tensors
        fixed, to_weight, to_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        slope = weight * (variance + ctx.eps).rsqrt()
        along, shift = slope * sum_of_ranks(torch.stack([to_weight, to_bias])) / count
        return fixed - F.batch_norm(x, mean, variance, along, shift, False, 0.0, ctx.eps), to_weight, to_bias, None
