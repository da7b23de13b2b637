"""Activation functions. Those in the table of formulas are single kernels; the others are composed of them."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._base.arguments import takes_out
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import zeros_like
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.elementwise.elementwise import logsigmoid, relu_, sigmoid, tanh  # noqa: F401  (signatures as torch's)
from tinygrad_c.ops.random import random
from tinygrad_c.ops.reduce import softmax as softmax_ops


def _apply(function: Callable[..., Tensor], input: Tensor, inplace: bool, *settings: float) -> Tensor:
    """function(input). In place it reads a copy of input, because the backward pass needs the old values."""
    return input.copy_(function(input.clone(), *settings)) if inplace else function(input, *settings)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise.

    >>> relu(tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return ops.relu_(input) if inplace else ops.relu(input)


@public
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x.

    >>> leaky_relu(tensor([-1., 2.]))
    tensor([-0.0100,  2.0000])
    """
    return (ops.leaky_relu_ if inplace else ops.leaky_relu)(input, negative_slope)


@public
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (e^x - 1).

    >>> elu(tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    return (ops.elu_ if inplace else ops.elu)(input, alpha)


@public
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 * (x where x > 0, else 1.6733 * (e^x - 1)).

    >>> selu(tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return (ops.selu_ if inplace else ops.selu)(input)


@public(node="CeluBackward0")
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(x, 0) + min(0, alpha * (e^(x / alpha) - 1)).

    RuntimeError for alpha = 0.

    >>> celu(tensor([-1., 2.]), 2.)
    tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _apply(lambda x: ops.elu(x / alpha) * alpha, input, inplace)


@takes_out
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * P(Z < x), Z standard normal. approximate='tanh' is a cheaper approximation with tanh.

    >>> gelu(tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """
    return ops.gelu(input, approximate=approximate)


@public
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x).

    >>> silu(tensor([-1., 2.]))
    tensor([-0.2689,  1.7616])
    """
    return (ops.silu_ if inplace else ops.silu)(input)


@public
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(log(1 + e^x)).

    >>> mish(tensor([-1., 2.]))
    tensor([-0.3034,  1.9440])
    """
    return (ops.mish_ if inplace else ops.mish)(input)


@public
@takes_out
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta where beta x <= threshold, else x.

    >>> softplus(tensor([-1., 2.]))
    tensor([0.3133, 2.1269])
    """
    return ops.softplus(input, beta, threshold)


@public
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|).

    >>> softsign(tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


@public
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x).

    >>> tanhshrink(tensor([-1., 2.]))
    tensor([-0.2384,  1.0360])
    """
    return input - ops.tanh(input)


@public
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """min(max(x, min_val), max_val). The derivative is 0 at both limits and beyond.

    ValueError if min_val > max_val.

    >>> hardtanh(tensor([-3., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if not input.is_floating_point():
        return _apply(lambda x: x.clamp(int(min_val), int(max_val)), input, inplace)
    return (ops.hardtanh_ if inplace else ops.hardtanh)(input, min_val, max_val)


@public
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6).

    >>> relu6(tensor([-1., 2., 8.]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


@public
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x + 3, 0), 6) / 6.

    >>> hardsigmoid(tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return (ops.hardsigmoid_ if inplace else ops.hardsigmoid)(input)


@public
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6.

    >>> hardswish(tensor([-4., -1., 2.]))
    tensor([-0.0000, -0.3333,  1.6667])
    """
    return (ops.hardswish_ if inplace else ops.hardswish)(input)


@public
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value.

    >>> threshold(tensor([0.5, 2.]), 1., 0.)
    tensor([0., 2.])
    """
    return (ops.threshold_ if inplace else ops.threshold)(input, threshold, value)


@public
@takes_out
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0.

    >>> hardshrink(tensor([-1., 0.2, 2.]))
    tensor([-1.,  0.,  2.])
    """
    return ops.hardshrink(input, lambd)


@public
@takes_out
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0.

    RuntimeError if lambd < 0.

    >>> softshrink(tensor([-1., 0.2, 2.]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be in range [0, infinity) for input dtype {input.dtype}, but found {lambd}.")
    return ops.softshrink(input, lambd)


@public("input weight")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight * x; weight has one element, or one for each channel (dimension 1).

    >>> prelu(tensor([-1., 2.]), tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    if input.ndim == 0 and weight.numel() != 1:
        raise RuntimeError("Not allow zero-dim input tensor.")
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() == 1:
        weight = weight.reshape([1] * input.ndim)
    else:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError("Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{weight.numel()} and channel size = {channels}.")
        weight = weight.reshape([1, channels] + [1] * (input.ndim - 2))
    return ops.prelu(input, weight)


@public(node="RreluWithNoiseBackward0")
def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Tensor:
    """leaky_relu with a random slope: uniform in [lower, upper) for each element in training, their mean in evaluation.

    >>> rrelu(tensor([-1., 2.]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound, but got [{lower}, {upper}]")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    slopes = random.rand_like(input) * (upper - lower) + lower
    return _apply(lambda x: ops.where(x >= 0, x, x * slopes), input, inplace)


@public(node="GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b), where a and b are the two halves of x along dim.

    A dimension of size 2 n becomes one of size n. RuntimeError if its size is odd.

    >>> glu(tensor([1., 2., 0., 9.]))
    tensor([0.5000, 1.9998])
    """
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim % input.ndim} is size {size}")
    a, b = input.chunk(2, dim)
    return a * ops.sigmoid(b)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """e^x / sum(e^x) along dim.

    Without dim, warns and chooses one as torch does: 1 for a matrix.

    >>> softmax(tensor([0., 2.]), 0)
    tensor([0.1192, 0.8808])
    """
    return softmax_ops.softmax(input, dim, dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """x - log(sum(e^x)) along dim.

    >>> log_softmax(tensor([0., 2.]), 0)
    tensor([-2.1269, -0.1269])
    """
    return softmax_ops.log_softmax(input, dim, dtype)


@public
def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along dim.

    >>> softmin(tensor([0., 2.]), 0)
    tensor([0.8808, 0.1192])
    """
    return softmax_ops.softmax(-input, softmax_ops.implicit_dim(dim, input, "softmin"), dtype)


@public
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """softmax((x + G) / tau), G ~ Gumbel(0, 1): Jang et al. 2016. hard: one-hot output with the gradient of the softmax.

    >>> gumbel_softmax(tinygrad_c.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    noise = -ops.log(-ops.log(random.rand_like(logits).clamp(min=eps)))
    soft = softmax_ops.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    best = soft.detach().argmax(dim, keepdim=True)
    return zeros_like(soft).scatter(dim, best, 1.0) - soft.detach() + soft


# ---- In place

@public
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu in place.

    >>> leaky_relu_(tensor([-1., 2.]))
    tensor([-0.0100,  2.0000])
    """
    return leaky_relu(input, negative_slope, inplace=True)


@public
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """elu in place.

    >>> elu_(tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    return elu(input, alpha, inplace=True)


@public
def selu_(input: Tensor) -> Tensor:
    """selu in place.

    >>> selu_(tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return selu(input, inplace=True)


@public
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """celu in place.

    >>> celu_(tensor([-1., 2.]), 2.)
    tensor([-0.7869,  2.0000])
    """
    return celu(input, alpha, inplace=True)


@public
def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """rrelu in place.

    >>> rrelu_(tensor([-1., 2.]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])
    """
    return rrelu(input, lower, upper, training, inplace=True)


@public
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """hardtanh in place.

    >>> hardtanh_(tensor([-3., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    return hardtanh(input, min_val, max_val, inplace=True)


@public
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """threshold in place.

    >>> threshold_(tensor([0.5, 2.]), 1., 0.)
    tensor([0., 2.])
    """
    return ops.threshold_(input, threshold, value)
