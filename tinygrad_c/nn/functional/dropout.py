"""Dropout functions."""
from __future__ import annotations

from tinygrad_c._base.arguments import tensor_arg
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.random import random

SELU_LIMIT = -1.7580993408473766    # selu(-infinity), Klambauer et al. 2017


def check_probability(p: float) -> None:
    """ValueError unless 0 <= p <= 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


@public
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each element is 0 with probability p, else x / (1 - p). In evaluation, x.

    >>> dropout(tinygrad_c.ones(1000), 0.5).unique()
    tensor([0., 2.])
    """
    check_probability(p)
    result = random.dropout(input, p, training)
    return input.copy_(result) if inplace else result


@public
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False,
                  _shape: list[int] | None = None) -> Tensor:
    """Dropout that sets elements to selu's lower limit and rescales, to keep mean 0 and variance 1: Klambauer et al. 2017.

    >>> alpha_dropout(tensor([1., 2.]), 0.5)
    tensor([1., 2.])
    """
    check_probability(p)
    if not training or p == 0:
        return tensor_arg(input, "alpha_dropout")
    if p == 1:
        result = input * 0
    else:
        scale = (1 / ((1 - p) * (1 + p * SELU_LIMIT**2))) ** 0.5
        draws = random.rand_like(input) if _shape is None else random.rand(*_shape)
        result = elementwise.where(draws >= p, input, SELU_LIMIT) * scale - scale * p * SELU_LIMIT
    return input.copy_(result) if inplace else result


def _dropout_with_mask(input: Tensor, p: float, training: bool, inplace: bool, shape: list[int]) -> Tensor:
    """Dropout with a mask of this shape, broadcast to input."""
    check_probability(p)
    if not training or p == 0:
        return input
    result = input * random.dropout(create.ones(*shape, dtype=input.dtype), p, True)
    return input.copy_(result) if inplace else result


@public
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of x (N, C, L) or (C, L).

    >>> dropout1d(tinygrad_c.ones(3, 2)).sum(1).unique()
    tensor([0., 4.])
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d "
                           "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, "
                           "and an optional batch dimension (i.e. 2D or 3D inputs).")
    return _dropout_with_mask(input, p, training, inplace, [*input.shape[:-1], 1])


@public
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of x (N, C, H, W): Tompson et al. 2015.

    >>> dropout2d(tinygrad_c.ones(2, 5, 1, 2)).sum((2, 3)).unique()
    tensor([0., 4.])
    """
    return _dropout_with_mask(input, p, training, inplace, [*input.shape[:2], *[1] * (input.ndim - 2)])


@public
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of x (N, C, D, H, W).

    >>> dropout3d(tinygrad_c.ones(2, 5, 1, 1, 2)).sum((2, 3, 4)).unique()
    tensor([0., 4.])
    """
    return dropout2d(input, p, training, inplace)


@public
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """alpha_dropout of whole channels (dimension 1).

    >>> feature_alpha_dropout(tinygrad_c.ones(1, 8, 4), 0.5, training=True).std(2).sum()
    tensor(0.)
    """
    return alpha_dropout(input, p, training, inplace, [*input.shape[:2], *[1] * (input.ndim - 2)])
