"""Activation layers. Each calls the function of the same name, from the table of formulas or from nn.functional.

The most common ones use the compiled function itself as their forward. A Python function around it would cost as much as
the arithmetic of a small net.
"""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create.create import full
from tinygrad_c.ops.elementwise import elementwise as ops


class _Activation(Module):
    """Base class. repr shows the settings named in `_shown`."""

    _shown: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)
        if getattr(self, "inplace", False):
            shown += (", " if shown else "") + "inplace=True"
        return shown


class _Inplace(_Activation):
    """An activation that can overwrite its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


# ---- Activations without settings.

class ReLU(_Inplace):
    """max(x, 0).

    >>> ReLU()(tensor([-1., 2.]))
    tensor([0., 2.])
    """

    forward = staticmethod(ops.relu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace)
        if inplace:
            self.forward = ops.relu_


class ReLU6(_Inplace):
    """min(max(x, 0), 6).

    >>> ReLU6()(tensor([-1., 2., 8.]))
    tensor([0., 2., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class SELU(_Inplace):
    """1.0507 * (x where x > 0, else 1.6733 * (e^x - 1)).

    >>> SELU()(tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class SiLU(_Inplace):
    """x * sigmoid(x).

    >>> SiLU()(tensor([-1., 2.]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """x * tanh(log(1 + e^x)).

    >>> Mish()(tensor([-1., 2.]))
    tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardsigmoid(_Inplace):
    """min(max(x + 3, 0), 6) / 6.

    >>> Hardsigmoid()(tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_Inplace):
    """x * min(max(x + 3, 0), 6) / 6.

    >>> Hardswish()(tensor([-4., -1., 2.]))
    tensor([-0.0000, -0.3333,  1.6667])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class Sigmoid(_Activation):
    """1 / (1 + e^-x).

    >>> Sigmoid()(tensor([0., 2.]))
    tensor([0.5000, 0.8808])
    """

    forward = staticmethod(ops.sigmoid)


class Tanh(_Activation):
    """(e^x - e^-x) / (e^x + e^-x).

    >>> Tanh()(tensor([0., 2.]))
    tensor([0.0000, 0.9640])
    """

    forward = staticmethod(ops.tanh)


class LogSigmoid(_Activation):
    """log(sigmoid(x)).

    >>> LogSigmoid()(tensor([-1., 2.]))
    tensor([-1.3133, -0.1269])
    """

    forward = staticmethod(ops.logsigmoid)


class Softsign(_Activation):
    """x / (1 + |x|).

    >>> Softsign()(tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanhshrink(_Activation):
    """x - tanh(x).

    >>> Tanhshrink()(tensor([-1., 2.]))
    tensor([-0.2384,  1.0360])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


# ---- Activations with settings.

class LeakyReLU(_Inplace):
    """x where x > 0, else negative_slope * x.

    >>> LeakyReLU(0.1)(tensor([-1., 2.]))
    tensor([-0.1000,  2.0000])
    """

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class RReLU(_Inplace):
    """LeakyReLU with a random slope: uniform in [lower, upper) for each element in training, their mean in evaluation.

    >>> RReLU(0.1, 0.3).eval()(tensor([-1., 2.]))
    tensor([-0.2000,  2.0000])
    """

    _shown = ("lower", "upper")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class ELU(_Inplace):
    """x where x > 0, else alpha * (e^x - 1).

    >>> ELU()(tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)


class CELU(ELU):
    """max(x, 0) + min(0, alpha * (e^(x / alpha) - 1)).

    >>> CELU(2.)(tensor([-1., 2.]))
    tensor([-0.7869,  2.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)


class GELU(_Activation):
    """x * P(Z < x), Z standard normal. approximate='tanh' is a cheaper approximation with tanh.

    >>> GELU()(tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(_Activation):
    """log(1 + e^(beta x)) / beta where beta x <= threshold, else x.

    >>> Softplus()(tensor([-1., 2.]))
    tensor([0.3133, 2.1269])
    """

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


class Hardtanh(_Inplace):
    """min(max(x, min_val), max_val).

    >>> Hardtanh(-1., 1.)(tensor([-3., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        if min_val >= max_val:
            raise ValueError(f"max_val must be larger than min_val, got {max_val} and {min_val}")
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class Threshold(_Inplace):
    """x where x > threshold, else value.

    >>> Threshold(1., 0.)(tensor([0.5, 2.]))
    tensor([0., 2.])
    """

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)


class Hardshrink(_Activation):
    """x where |x| > lambd, else 0.

    >>> Hardshrink()(tensor([-1., 0.2, 2.]))
    tensor([-1.,  0.,  2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Hardshrink):
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0.

    RuntimeError if lambd < 0.

    >>> Softshrink()(tensor([-1., 0.2, 2.]))
    tensor([-0.5000,  0.0000,  1.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


# ---- Activations along a dimension.

class Softmax(_Activation):
    """e^x / sum(e^x) along dim.

    >>> Softmax(dim=1)(tensor([[0., 0.]]))
    tensor([[0.5000, 0.5000]])
    """

    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(Softmax):
    """x - log(sum(e^x)) along dim.

    >>> LogSoftmax(dim=1)(tensor([[0., 0.]]))
    tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(Softmax):
    """softmax(-x) along dim.

    >>> Softmin(0)(tensor([0., 2.]))
    tensor([0.8808, 0.1192])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class Softmax2d(_Activation):
    """e^x / sum(e^x) over the channels of x (N, C, H, W) or (C, H, W).

    >>> Softmax2d()(tensor([[[0.]], [[2.]]])).flatten()
    tensor([0.1192, 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)


class GLU(_Activation):
    """a * sigmoid(b), where a and b are the two halves of x along dim.

    A dimension of size 2 n becomes one of size n. RuntimeError if its size is odd.

    >>> GLU()(tensor([1., 2., 0., 9.]))
    tensor([0.5000, 1.9998])
    """

    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)


# ---- Activations with a parameter.

class PReLU(_Activation):
    """x where x > 0, else weight * x. weight is learned: one element, or one for each channel (dimension 1).

    >>> PReLU()(tensor([-1., 2.]))
    tensor([-0.2500,  2.0000], grad_fn=<PreluKernelBackward0>)
    """

    _shown = ("num_parameters",)

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), init, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)
