"""Shared helpers of linalg: argument checks and calls of NumPy."""
from __future__ import annotations

import numpy as np

from tinygrad_c import from_numpy, is_grad_enabled
from tinygrad_c._base import batched
from tinygrad_c._base.arguments import tensor_arg


class LinAlgError(RuntimeError):
    """A matrix is singular, or not positive definite, or an iteration did not converge.

    >>> issubclass(tinygrad_c.linalg.LinAlgError, RuntimeError)
    True
    """


def made(array):
    """A contiguous tensor on a NumPy array's memory."""
    return from_numpy(np.ascontiguousarray(array) if array.ndim else np.array(array))


def matrices(x, function: str, name: str = "A"):
    """x. RuntimeError unless it is a float tensor of at least 2 dimensions."""
    tensor_arg(x, f"linalg_{function}", name)
    if x.ndim < 2:
        raise RuntimeError(f"linalg.{function}: The input tensor {name} must have at least 2 dimensions.")
    if not x.is_floating_point():
        raise RuntimeError(f"linalg.{function}: Expected a floating point or complex tensor as input. Got {x.dtype}: call "
                           ".float()")
    return x


def recorded(*tensors) -> bool:
    """Whether the gradient of one of them is wanted, or one is a batch inside vmap: then a Function computes the value."""
    return batched.handler is not None or (is_grad_enabled() and any([x.requires_grad for x in tensors]))


def wrapped(dim: int, ndim: int) -> int:
    """A dimension's number, counted from the end if it is negative. IndexError if there is none."""
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    return dim % ndim


def square(x, function: str):
    """x. RuntimeError unless its matrices are square."""
    if matrices(x, function).shape[-2] != x.shape[-1]:
        raise RuntimeError(f"linalg.{function}: A must be batches of square matrices, but they are {x.shape[-2]} by "
                           f"{x.shape[-1]} matrices")
    return x


def called(function: str, message: str, routine, *args, **kwargs):
    """Call a NumPy routine. Its LinAlgError becomes our LinAlgError with torch's message."""
    try:
        return routine(*args, **kwargs)
    except np.linalg.LinAlgError:
        raise LinAlgError(f"linalg.{function}: {message}") from None


def of_finite(routine, array, *args, **kwargs):
    """Call a NumPy routine that uses the SVD. LAPACK may not terminate for infinite elements; for them the result is NaN, as in
    torch."""
    infinite = ~np.isfinite(array).all((-2, -1))
    if not infinite.any():
        return called("svd", "The algorithm failed to converge.", routine, array, *args, **kwargs)
    if np.isnan(array).any():
        raise LinAlgError("linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values.")
    found = routine(np.where(infinite[..., None, None], array.dtype.type(0), array), *args, **kwargs)
    for each in found if isinstance(found, tuple) else (found,):
        each[infinite] = np.nan
    return found
