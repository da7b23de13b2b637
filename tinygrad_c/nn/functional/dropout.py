"""Dropout as functions."""
from __future__ import annotations

from tinygrad_c.ops import elementwise, random
from tinygrad_c.tensor import Tensor

SELU_LIMIT = -1.7580993408473766    # selu(-infinity), Klambauer et al. 2017


def check_probability(p: float) -> None:
    """ValueError unless 0 <= p <= 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each element is 0 with probability p and x / (1 - p) else; else x."""
    check_probability(p)
    result = random.dropout(input, p, training)
    return input.copy_(result) if inplace else result


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that sets to selu's lower limit and rescales, so that mean 0 and variance 1 stay: Klambauer et al. 2017."""
    check_probability(p)
    if not training or p == 0:
        return input
    if p == 1:
        result = input * 0
    else:
        scale = (1 / ((1 - p) * (1 + p * SELU_LIMIT**2))) ** 0.5
        result = elementwise.where(random.rand_like(input) >= p, input, SELU_LIMIT) * scale - scale * p * SELU_LIMIT
    return input.copy_(result) if inplace else result
