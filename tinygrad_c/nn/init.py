"""Initialization of tensors in place: the names of torch.nn.init.

fan_in and fan_out of a weight are its columns and rows, times the kernel's size for convolutions: the number of inputs of
each output, and the number of outputs of each input.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard_all
from tinygrad_c._base.warn import warn
from tinygrad_c._tensor.tensor import Tensor, float64
from tinygrad_c.autograd import no_grad
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.random import random

__all__ = ["calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
           "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_"]
_find, __dir__ = lazy_names(globals())

_GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0,
          "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain of the weights before this nonlinearity. param: leaky_relu's negative slope.

    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        if isinstance(param, bool) or not isinstance(param, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + param**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; use one of {', '.join(_GAINS)}, leaky_relu")
    return _GAINS[nonlinearity]


# ---- Constant values.

def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with val.

    >>> constant_(tinygrad_c.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.

    >>> ones_(tinygrad_c.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.

    >>> zeros_(tinygrad_c.empty(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: 1 on the diagonal, 0 elsewhere.

    ValueError unless the tensor has 2 dimensions.

    >>> eye_(tinygrad_c.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        return tensor.copy_(create.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight so that it is the identity: 1 at the centre of each channel's own kernel.

    ValueError unless the weight has 3, 4 or 5 dimensions.

    >>> dirac_(tinygrad_c.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
    <BLANKLINE>
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels, in_channels, *kernel = tensor.shape
    if out_channels % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(tuple(tensor.shape))
    per_group = out_channels // groups
    for group in range(groups):
        for channel in range(min(per_group, in_channels)):
            values[(group * per_group + channel, channel, *(size // 2 for size in kernel))] = 1
    return _copy(tensor, values)


# ---- Random values.

def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with samples of U[a, b).

    >>> uniform_(tinygrad_c.empty(1000), 2., 3.).mean()
    tensor(2.5162)
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with samples of N(mean, std^2).

    >>> normal_(tinygrad_c.empty(1000), 5., 0.1).mean()
    tensor(5.0052)
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> Tensor:
    """Fill with samples of N(mean, std^2) truncated to [a, b].

    >>> bool(trunc_normal_(tinygrad_c.empty(1000), a=-1., b=1.).abs().max() <= 1)
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.")
    with no_grad():
        tensor.normal_(mean, std, generator=generator)
        for _ in range(100):
            outside = (tensor < a) | (tensor > b)
            if not outside.any():
                break
            tensor.copy_(elementwise.where(outside, create.empty_like_(tensor).normal_(mean, std, generator=generator), tensor))
        return tensor.clamp_(a, b)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill uniformly in +-gain * sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010.

    ValueError for fewer than 2 dimensions.

    >>> xavier_uniform_(tinygrad_c.empty(60, 90)).abs().max()
    tensor(0.2000)
    """
    bound = gain * math.sqrt(6 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with normal samples of std gain * sqrt(2 / (fan_in + fan_out)): Glorot & Bengio 2010.

    ValueError for fewer than 2 dimensions.

    >>> xavier_normal_(tinygrad_c.empty(600, 200)).std()
    tensor(0.0501)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> Tensor:
    """Fill uniformly in +-gain * sqrt(3 / fan): He et al. 2015. a: the negative slope of the leaky_relu that follows.

    >>> kaiming_uniform_(tinygrad_c.empty(1000, 6)).abs().max()
    tensor(0.9999)
    """
    if 0 in tensor.shape:
        warn("Initializing zero-element tensors is a no-op")
        return tensor
    bound = math.sqrt(3) * calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> Tensor:
    """Fill with normal samples of std gain / sqrt(fan): He et al. 2015.

    fan: the weight's fan_in, or with mode='fan_out' its fan_out. ValueError for fewer than 2 dimensions.

    >>> kaiming_normal_(tinygrad_c.empty(1000, 50)).std()
    tensor(0.2001)
    """
    if 0 in tensor.shape:
        warn("Initializing zero-element tensors is a no-op")
        return tensor
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with gain times a random matrix whose rows (or columns, if there are more rows) are orthonormal: Saxe 2013.

    >>> w = orthogonal_(tinygrad_c.empty(2, 3))
    >>> tinygrad_c.allclose(w @ w.T, tinygrad_c.eye(2), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    drawn = random.randn(max(rows, columns), min(rows, columns), dtype=float64, generator=generator)
    q, r = np.linalg.qr(drawn.numpy())
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)   # makes it uniformly distributed over the orthogonal matrices
    return _copy(tensor, gain * (q.T if rows < columns else q).reshape(tuple(tensor.shape)))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix with samples of N(0, std^2), then set the fraction `sparsity` of each column to 0: Martens 2010.

    ValueError unless the tensor has 2 dimensions.

    >>> (sparse_(tinygrad_c.empty(10, 2), 0.8) == 0).sum(0)
    tensor([8, 8])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    n_zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator)
    values = tensor.detach().numpy().copy()
    for column in range(columns):
        values[random.randperm(rows, generator=generator).numpy()[:n_zeros], column] = 0
    return _copy(tensor, values)


# ---- Helpers.

def _copy(tensor: Tensor, values: np.ndarray) -> Tensor:
    with no_grad():
        return tensor.copy_(create.from_numpy(np.ascontiguousarray(values)))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _fan(tensor: Tensor, mode: str) -> int:
    fans = dict(zip(("fan_in", "fan_out"), _calculate_fan_in_and_fan_out(tensor)))
    if mode.lower() not in fans:
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return fans[mode.lower()]


OLD = ("constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal", "sparse", "uniform",
       "xavier_normal", "xavier_uniform")       # deprecated names without the final _


def __getattr__(name: str) -> Any:
    if name not in OLD:
        return _find(name)
    function = globals()[name + "_"]

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning)
        return function(*args, **kwargs)

    old.__doc__ = f"{name}_, by its deprecated name."
    return old


guard_all(globals(), keywords=True)
