"""The optimiser Muon: steps of equal size in all directions of a weight matrix."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
SIZE_OF_ADAMW = 0.2


class Muon(torch.optim.AdamW):
    """Muon for `matrices`, whose step is the orthogonal factor of their momentum, and AdamW for the groups `others`.

    A convolution kernel is used as the matrix (outputs, inputs times kernel size). The step has the usual size of
    AdamW's step, so that both share learning rate and weight decay (Jordan et al. 2024; Liu et al. 2025, "Muon is
    scalable for LLM training"). `matrices` are the first parameter group.
    """

    def __init__(
        self, matrices: Iterable[Tensor], others: list[dict[str, Any]], learning_rate: float,
        weight_decay: float, momentum: float,
    ) -> None:  # fmt: skip
        first = {"params": list(matrices), "weight_decay": weight_decay, "momentum": momentum}
        super().__init__([first, *others], learning_rate, betas=(0.9, 0.999), fused=True)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step, unless the tensor `found_inf`, set as for PyTorch's fused optimisers, is 1."""
        matrices, *others = self.param_groups
        self._step_of_matrices(matrices)
        self.param_groups = others
        try:
            super().step(closure)
        finally:
            self.param_groups = [matrices, *others]

    def _step_of_matrices(self, group: dict[str, Any]) -> None:
        """Take the step of all matrices of the same shape at once, which saves time with several networks."""
        refused = getattr(self, "found_inf", None)
        alike: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for weight in group["params"]:
            if weight.grad is not None:
                alike[tuple(weight.shape)].append(weight)
        for weights in alike.values():
            stacked = torch.stack(weights)
            step = orthogonal(self._directions(weights, group["momentum"]).flatten(2)).view_as(stacked)
            size = group["lr"] * SIZE_OF_ADAMW * max(stacked[0].flatten(1).shape) ** 0.5
            change = -group["lr"] * group["weight_decay"] * stacked - size * step
            if refused is not None:
                change = change.masked_fill(refused.bool(), 0.0)
            torch._foreach_add_(weights, change.unbind())

    def _directions(self, weights: list[Tensor], momentum: float) -> Float[Tensor, "n ..."]:
        """Return Nesterov's momentum: gradients combined with the running means of gradients."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        means = [self._mean_of_gradients(weight) for weight in weights]
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        return torch.stack(torch._foreach_lerp(gradients, means, momentum))

    def _mean_of_gradients(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:  # AdamW needs the key "step" when states are loaded
            state.update(momentum=torch.zeros_like(weight), step=torch.zeros(()))
        mean: Tensor = state["momentum"]
        return mean


def orthogonal(matrices: Float[Tensor, "n a b"]) -> Float[Tensor, "n a b"]:
    """Return approximately U V^T of every matrix U S V^T, with singular values between about 0.7 and 1.2.

    Five rounds of a Newton-Schulz iteration, X <- a X + b (X X^T) X + c (X X^T)^2 X, after division by the norm.
    """
    a, b, c = COEFFICIENTS
    x = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if matrices.shape[1] <= matrices.shape[2] else x.mT
