"""The least work of a computation: operations of its matrix products, bytes that they read and write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

PASSES = (nn.BatchNorm2d, nn.LeakyReLU)
"""Layers that only pass over memory."""


@dataclass(frozen=True)
class Rates:
    """What the machine can do: floating-point operations and bytes a second."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """(operations, bytes) of every matrix product, and the bytes of the layers between them."""

    products: tuple[tuple[int, int], ...]
    between: int

    @property
    def operations(self) -> int:
        """The floating-point operations of all products."""
        return sum(operations for operations, _ in self.products)

    @property
    def bytes(self) -> int:
        """The bytes of the operands and results of all products, each once."""
        return sum(size for _, size in self.products)

    def floor(self, rates: Rates) -> float:
        """Return the seconds of the products alone, each limited by its operations or its bytes; all else is free."""
        return sum(max(operations / rates.operations, size / rates.bytes) for operations, size in self.products)

    def floor_of_layers(self, rates: Rates) -> float:
        """Return the seconds if norms and activations are not fused with products: their values move as well."""
        return self.floor(rates) + self.between / rates.bytes


def count_work(function: Callable[[], object], network: nn.Module) -> Work:
    """Return the work of one call, forward and backward, of a network that has not been compiled.

    Norms and activations move input and output once forward and, going back, twice: the gradients of both, and both
    again.
    """
    passed: list[int] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        passed.append(3 * (_bytes(inputs) + _bytes(output)))

    hooks = [each.register_forward_hook(note) for each in network.modules() if isinstance(each, PASSES)]
    try:
        with _Watch() as watch:
            function()
    finally:
        for hook in hooks:
            hook.remove()
    return Work(tuple(watch.products), sum(passed))


class _Watch(TorchDispatchMode):
    """Notes every operator; those that PyTorch's flop counter knows are matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[tuple[int, int]] = []

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        operations = flop_registry.get(func._overloadpacket)
        if operations is not None:
            self.products.append((operations(*args, **kwargs, out_val=result), _bytes((args, kwargs, result))))
        return result


def _bytes(values: object) -> int:
    return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
