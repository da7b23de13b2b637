"""Functions for those who write distributions: the names of torch.distributions.utils."""
from __future__ import annotations

from typing import Any

from tinygrad_c import finfo, log1p, tril_indices
from tinygrad_c._base.lazy import lazy_names, names_of
from tinygrad_c.distributions.continuous import EULER as euler_constant
from tinygrad_c.distributions.distribution import broadcast_all
from tinygrad_c.distributions.distribution import lazy as lazy_property

__all__ = ["broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits",
           "tril_matrix_to_vec", "vec_to_tril_matrix"]
_find, __dir__ = lazy_names(globals())
__getattr__ = names_of("tinygrad_c.distributions")      # what this path gave in 0.1.0


def clamp_probs(probs: Any) -> Any:
    """Probabilities clamped to [eps, 1 - eps], so that their logarithms are finite.

    >>> clamp_probs(tensor([0., 0.5]))
    tensor([1.1921e-07, 5.0000e-01])
    """
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """sigmoid(logits) if is_binary, otherwise their softmax over the last dimension.

    >>> logits_to_probs(tensor([0., 0.]))
    tensor([0.5000, 0.5000])
    """
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """log(probs / (1 - probs)) if is_binary, otherwise log(probs), of clamped probabilities.

    >>> probs_to_logits(tensor(0.5), is_binary=True)
    tensor(0.)
    """
    p = clamp_probs(probs)
    return p.log() - log1p(-p) if is_binary else p.log()


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Any:
    """The elements on and below the diagonal `diag` of matrices (..., n, n), row by row.

    >>> tril_matrix_to_vec(tensor([[1., 0.], [2., 3.]]))
    tensor([1., 2., 3.])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = tril_indices(n, n, diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Any:
    """Lower triangular matrices from their elements on and below the diagonal `diag`, row by row.

    >>> vec_to_tril_matrix(tensor([1., 2., 3.]))
    tensor([[1., 0.],
            [2., 3.]])
    """
    count, n = vec.shape[-1], 0
    while tril_indices(n, n, diag).shape[1] < count:
        n += 1
    rows, columns = tril_indices(n, n, diag)
    if rows.numel() != count:
        raise ValueError(f"The size of last dimension is {count} which cannot be expressed as the lower triangular part of a "
                         "square D x D matrix.")
    return vec.new_zeros(*vec.shape[:-1], n, n).index_put((..., rows, columns), vec)
