"""Linear, Bilinear and Identity."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import init
from tinygrad_c.nn.functional import bilinear, linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create.create import empty_ as empty


class Identity(Module):
    """y = x. Arguments are ignored.

    >>> Identity()(tensor(3.))
    tensor(3.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x W^T + b.

    x is (*, in_features), W is (out_features, in_features), b is (out_features), y is (*, out_features).
    W and b are initialized uniformly in +-1/sqrt(in_features).

    >>> Linear(3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """

    in_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        self.bias = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Re-initialize the weights as PyTorch does: kaiming_uniform with a = sqrt(5) is uniform in +-1/sqrt(in_features).

        >>> layer = Linear(2, 1)
        >>> layer.reset_parameters()
        >>> bool(layer.weight.abs().max() < 2 ** -0.5)
        True
        """
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        try:
            return linear(input, self.weight, self.bias)
        except RuntimeError as error:
            if isinstance(input, Tensor) and input.ndim and input.shape[-1] != self.in_features:
                raise RuntimeError(f"{error}\n{self} received last dimension {input.shape[-1]}: "
                                   f"input {tuple(input.shape)}") from None
            raise

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k.

    x1 is (*, in1_features), x2 is (*, in2_features), W is (out_features, in1_features, in2_features).

    >>> Bilinear(2, 3, 4)(tinygrad_c.ones(5, 2), tinygrad_c.ones(5, 3)).shape
    torch.Size([5, 4])
    """

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, dtype=dtype))
        self.bias = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Re-initialize the weights, uniform in +-1/sqrt(in1_features).

        >>> layer = Bilinear(2, 2, 1)
        >>> layer.reset_parameters()
        >>> bool(layer.weight.abs().max() < 2 ** -0.5)
        True
        """
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")
