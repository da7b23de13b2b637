"""weight_norm as a parametrization: the weight is computed from a length and a direction whenever it is read."""
from __future__ import annotations

from tinygrad_c.nn.module import Module
from tinygrad_c.nn.utils.norms import _lengths
from tinygrad_c.nn.utils.parametrize import register_parametrization
from tinygrad_c.tensor import Tensor


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / _lengths(weight_v, None if self.dim == -1 else self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction of a weight."""
        return _lengths(weight, None if self.dim == -1 else self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """w = g * v / |v|: parametrizations.weight.original0 is g, original1 is v. Salimans & Kingma 2016."""
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
