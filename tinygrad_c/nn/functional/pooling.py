"""Pooling: the maximum, the mean or the p-norm of each window."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from itertools import product
from typing import Any

import numpy as np

from tinygrad_c._base.arguments import takes_out
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.core.tape import _named
from tinygrad_c.nn.functional.conv import columns_of, geometry_of
from tinygrad_c.nn.functional.padding import pad
from tinygrad_c.ops.conv.unfold import largest
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import gather, scatter
from tinygrad_c.ops.random import random
from tinygrad_c.ops.reduce import reduce
from tinygrad_c.ops.shape.shape import as_strided, stack


def by(sizes) -> str:
    """Sizes as error messages print them: 1x4x4."""
    return "x".join(map(str, sizes))


def _tuple(value: Any, n: int, name: str) -> tuple[int, ...]:
    value = (value,) * n if isinstance(value, int) else tuple(value)
    value = value * n if len(value) == 1 else value
    if len(value) != n:
        raise RuntimeError(f"pooling: {name} must either be a single int, or a tuple of {n} ints, got {value}")
    return value


def _windows(name: str, n: int, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any,
             ceil_mode: bool) -> tuple[Tensor, Any, Any, Any, Any, list[int]]:
    """x with a batch dimension; kernel, stride, padding and dilation as tuples; the number of windows of each dimension."""
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input: Expected "
                           f"{n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, but "
                           f"got: {list(x.shape)}")
    kernel = _tuple(kernel, n, "kernel_size")
    stride = kernel if stride is None or (not isinstance(stride, int) and not tuple(stride)) else _tuple(stride, n, "stride")
    padding, dilation = _tuple(padding, n, "padding"), _tuple(dilation, n, "dilation")
    if min(kernel) <= 0:
        raise RuntimeError(f"kernel size should be greater than zero: kernel_size must be greater than zero, but got {kernel}")
    if min(stride) <= 0:
        raise RuntimeError(f"stride should not be zero: stride must be greater than zero, but got {min(stride)}")
    if min(dilation) <= 0:
        raise RuntimeError(f"dilation must be greater than zero, but got {min(dilation)}")
    for p, k, d in zip(padding, kernel, dilation):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                               f"dilation={d}")
    x = x if x.ndim == n + 2 else x.unsqueeze(0)
    if 0 in x.shape[1:] and "max" in name:
        raise RuntimeError(f"{name}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for "
                           f"input (Expected input's non-batch dimensions to have positive length), but got: {list(x.shape)}")
    out_size = []
    for size, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation):
        span = size + 2 * p - d * (k - 1) - 1
        count = (span + (s - 1 if ceil_mode else 0)) // s + 1
        out_size.append(count - 1 if ceil_mode and (count - 1) * s >= size + p else count)   # no window starts beyond the input
    if min(out_size) < 1:
        raise RuntimeError(f"Given input size: ({by(x.shape[1:])}). Calculated output size: ({by((x.shape[1], *out_size))}). "
                           f"Output size is too small. Invalid computed output size: {min(out_size)}")
    return x, kernel, stride, padding, dilation, out_size


# ---- Max pooling

@public
def max_pool1d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maximum of each window of x (N, C, L) or (C, L). return_indices also gives its index.

    >>> max_pool1d(tensor([[1., 3., 2., 0.]]), 2, return_indices=True)
    (tensor([[3., 2.]]), tensor([[1, 2]]))
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@public(node="MaxPool2DWithIndicesBackward0")
def max_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maximum of each window of x (N, C, H, W) or (C, H, W). return_indices also gives its flat index in the plane.

    stride defaults to kernel_size. Of equal elements the first gets the gradient.

    >>> max_pool2d(tinygrad_c.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@public(node="MaxPool3DWithIndicesBackward0")
def max_pool3d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maximum of each window of x (N, C, D, H, W) or (C, D, H, W). return_indices also gives its flat index.

    >>> max_pool3d(tinygrad_c.arange(8.).view(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    if not input.is_floating_point():
        return _of_integers(max_pool3d, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    x, kernel, stride, padding, dilation, out_size = _windows("max_pool3d", 3, input, kernel_size, stride, padding, dilation,
                                                              ceil_mode)
    after = [max((o - 1) * s + d * (k - 1) + 1 - size - p, 0)
             for o, s, d, k, size, p in zip(out_size, stride, dilation, kernel, x.shape[2:], padding)]
    sides = [each for p, q in zip(reversed(padding), reversed(after)) for each in (p, q)]
    x = pad(x, sides, value=-math.inf) if any(sides) else x.contiguous()
    steps = x.stride()
    windows = as_strided(x, (*x.shape[:2], *out_size, *kernel), (
        *steps[:2], *(a * s for a, s in zip(steps[2:], stride)), *(a * d for a, d in zip(steps[2:], dilation))))
    y, best = reduce.max(windows.flatten(5), -1)
    results = [y]
    if return_indices:
        flat_indices = np.zeros((1,) * 6, np.int64)        # flat indices of each window's elements
        for k in range(3):
            line = np.arange(out_size[k])[:, None] * stride[k] - padding[k] + np.arange(kernel[k]) * dilation[k]
            shape = [1] * 6
            shape[k], shape[3 + k] = line.shape
            flat_indices = flat_indices * input.shape[k - 3] + line.reshape(shape)
        table = create.tensor(flat_indices.reshape(1, 1, *out_size, -1)).expand(*windows.shape[:5], math.prod(kernel))
        results.append(gather(table, -1, best.unsqueeze(-1)).squeeze(-1))
    results = [each if input.ndim == 5 else each.squeeze(0) for each in results]
    return tuple(results) if return_indices else results[0]


def _of_integers(function: Any, x: Tensor, *settings: Any) -> Any:
    """Pool integers as float64, which is exact up to 2^53."""
    results = function(x.double(), *settings)
    return (results[0].to(x.dtype), results[1]) if isinstance(results, tuple) else results.to(x.dtype)


def _max_pool(name: str, n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
              return_indices: bool) -> Any:
    if not input.is_floating_point():
        return _of_integers(partial(_max_pool, name, n), input, kernel, stride, padding, dilation, ceil_mode, return_indices)
    x, kernel, stride, padding, dilation, out_size = _windows(name, n, input, kernel, stride, padding, dilation, ceil_mode)
    x = x if n == 2 else x.unsqueeze(2)
    results = largest(x, geometry_of(x.shape[2:], kernel, stride, padding, dilation, out_size))
    results = [_shaped(each, n, input.ndim) for each in results]
    return tuple(results) if return_indices else results[0]


def _shaped(y: Tensor, n: int, ndim: int) -> Tensor:
    """Remove the row and batch dimensions that were added."""
    y = y if n == 2 else y.squeeze(2)
    return y if ndim == n + 2 else y.squeeze(0)


def with_indices(pool: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with return_indices=True."""
    both = update_wrapper(partial(pool, return_indices=True), pool)
    both.__name__ = both.__qualname__ = f"{pool.__name__}_with_indices"
    return both


max_pool1d_with_indices = with_indices(max_pool1d)
max_pool2d_with_indices = with_indices(max_pool2d)
max_pool3d_with_indices = with_indices(max_pool3d)


@public("input indices")
@unbatched
def max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
                 output_size: Any = None) -> Tensor:
    """The reverse of max_pool1d: each element at its index, zeros elsewhere.

    >>> max_unpool1d(tensor([[3., 2.]]), tensor([[1, 2]]), 2)
    tensor([[0., 3., 2., 0.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@public("input indices", node="MaxUnpool2DBackward0")
@unbatched
def max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
                 output_size: Any = None) -> Tensor:
    """The reverse of max_pool2d: each element at its index in the plane, zeros elsewhere.

    >>> max_unpool2d(tensor([[[3.]]]), tensor([[[2]]]), 2)
    tensor([[[0., 0.],
             [3., 0.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@public("input indices", node="MaxUnpool3DBackward0")
@unbatched
def max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
                 output_size: Any = None) -> Tensor:
    """The reverse of max_pool3d: each element at its index in the volume, zeros elsewhere.

    >>> max_unpool3d(tensor([[[[3.]]]]), tensor([[[[5]]]]), 2).flatten()
    tensor([0., 0., 0., 0., 0., 3., 0., 0.])
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(n: int, x: Tensor, indices: Tensor, kernel: Any, stride: Any, padding: Any, output_size: Any) -> Tensor:
    if x.shape != indices.shape:
        raise RuntimeError("Expected shape of indices to be same as that of the input tensor ("
                           f"{[*x.shape, *[1] * (2 - n)]}) but got indices tensor with shape: {list(indices.shape)}")
    kernel = _tuple(kernel, n, "kernel_size")
    stride = kernel if stride is None else _tuple(stride, n, "stride")
    padding = _tuple(padding, n, "padding")
    size = [(p - 1) * s - 2 * q + k for p, s, q, k in zip(x.shape[-n:], stride, padding, kernel)]
    size = list(output_size)[-n:] if output_size is not None else size
    lead = list(x.shape[:-n])
    if indices.numel():
        for each in (indices.min().item(), indices.max().item()):
            if not 0 <= each < math.prod(size):
                raise RuntimeError(f"Found an invalid max index: {each} (output volumes are of size "
                                   f"{'x'.join(map(str, size))}{'x1' * (n == 1)})")
    zeros = create.zeros_(*lead, math.prod(size), dtype=x.dtype)
    return scatter(zeros, -1, indices.reshape(*lead, -1), x.reshape(*lead, -1)).reshape(*lead, *size)


# ---- Average pooling

@public
def avg_pool1d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """The mean of each window of x (N, C, L) or (C, L). count_include_pad: the mean includes the padding zeros.

    >>> avg_pool1d(tensor([[1., 3., 2., 0.]]), 2)
    tensor([[2., 1.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@public(node="AvgPool2DBackward0")
@takes_out
def avg_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of each window of x (N, C, H, W) or (C, H, W). divisor_override: divide the sum by this instead.

    >>> avg_pool2d(tinygrad_c.arange(16.).view(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@public(node="AvgPool3DBackward0")
@takes_out
def avg_pool3d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of each window of x (N, C, D, H, W) or (C, D, H, W).

    >>> avg_pool3d(tinygrad_c.arange(8.).view(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    return _avg_pool("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_pool(name: str, n: int, input: Tensor, kernel: Any, stride: Any, padding: Any, ceil_mode: bool,
              count_include_pad: bool, divisor: int | None) -> Tensor:
    if not input.is_floating_point():
        return _of_integers(partial(_avg_pool, name, n), input, kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    x, kernel, stride, padding, dilation, out_size = _windows(name, n, input, kernel, stride, padding, 1, ceil_mode)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    size = x.shape[2:]
    if x.numel() == 0:
        y = (reduce.sum(x) * 0).expand(*x.shape[:2], *out_size)
        return y if input.ndim == n + 2 else y.squeeze(0)
    after = [max((o - 1) * s + k - m - p, 0) for o, s, k, m, p in zip(out_size, stride, kernel, size, padding)]
    windows = columns_of(x, kernel, stride, padding, after, dilation, out_size)
    total = reduce.sum(windows.reshape(*x.shape[:2], math.prod(kernel), windows.shape[2]), 2).reshape(*x.shape[:2], *out_size)
    if divisor is None and not any(after) and (count_include_pad or not any(padding)):
        divisor = math.prod(kernel)
    if divisor is not None:
        y = total / divisor
    else:
        y = total
        for d, (m, k, s, p, o) in enumerate(zip(size, kernel, stride, padding, out_size)):
            starts = [i * s - p for i in range(o)]
            counts = [min(a + k, m + p) - a if count_include_pad else min(a + k, m) - max(a, 0) for a in starts]
            y = y / create.tensor(counts, dtype=x.dtype).reshape([-1] + [1] * (n - 1 - d))
    y = _named(y, f"AvgPool{max(n, 2)}DBackward0")
    return y if input.ndim == n + 2 else y.squeeze(0)


@public
def lp_pool1d(input: Tensor, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over each window of x (N, C, L).

    >>> lp_pool1d(tensor([[[3., 4., 6., 8.]]]), 2, 2)
    tensor([[[ 5., 10.]]])
    """
    return _lp_pool(avg_pool1d(input ** norm_type, kernel_size, stride, 0, ceil_mode), norm_type, _tuple(kernel_size, 1, ""))


@public
def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over each window of x (N, C, H, W).

    >>> lp_pool2d(tinygrad_c.ones(1, 1, 2, 4), 2, 2)
    tensor([[[[2., 2.]]]])
    """
    return _lp_pool(avg_pool2d(input ** norm_type, kernel_size, stride, 0, ceil_mode), norm_type, _tuple(kernel_size, 2, ""))


@public
def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over each window of x (N, C, D, H, W).

    x (N, C, D, H, W).

    >>> lp_pool3d(tinygrad_c.ones(1, 1, 2, 2, 4), 1, 2)
    tensor([[[[[8., 8.]]]]])
    """
    return _lp_pool(avg_pool3d(input ** norm_type, kernel_size, stride, 0, ceil_mode), norm_type, _tuple(kernel_size, 3, ""))


def _lp_pool(mean: Tensor, p: float, kernel: Sequence[int]) -> Tensor:
    return (ops.sign(mean) * ops.relu(mean.abs()) * math.prod(kernel)) ** (1 / p)


# ---- Adaptive pooling: the number of windows is given

@public
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The mean of each of output_size windows of x (*, L). Window i is floor(i L / n) to ceil((i + 1) L / n).

    >>> adaptive_avg_pool1d(tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg(input, _sizes(input, output_size, 1), 1)


@public
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The mean of each of output_size windows of x (*, H, W). output_size: an int or (rows, columns); None keeps the size.

    >>> adaptive_avg_pool2d(tinygrad_c.arange(8.).view(1, 2, 4), (1, 2))
    tensor([[[2.5000, 4.5000]]])
    """
    return _adaptive_avg(input, _sizes(input, output_size, 2), 2)


@public
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """The mean of each of output_size windows of x (*, D, H, W).

    >>> adaptive_avg_pool3d(tinygrad_c.arange(8.).view(1, 2, 2, 2), 1)
    tensor([[[[3.5000]]]])
    """
    return _adaptive_avg(input, _sizes(input, output_size, 3), 3)


def _sizes(x: Tensor, output_size: Any, n: int) -> list[int]:
    if x.ndim not in (n + 1, n + 2):
        if x.ndim < n + 1:
            raise ValueError(f"Input dimension should be at least {n + 1}: adaptive pooling of {list(x.shape)}")
        raise RuntimeError(f"adaptive pooling: Expected {n + 1}D or {n + 2}D tensor, but got {list(x.shape)}")
    given = [output_size] * n if output_size is None or isinstance(output_size, int) else list(output_size)
    given = given * n if len(given) == 1 else given
    if len(given) != n:
        raise RuntimeError(f"adaptive pooling: output_size must be {n}: 'output_size' should contain "
                           f"{('one int', 'two ints', 'three ints')[n - 1]}, got {len(given)} ints")
    sizes = [size if wanted is None else wanted for wanted, size in zip(given, x.shape[-n:])]
    if min(sizes) < 0:
        raise RuntimeError(f"adaptive pooling: elements of output_size must be greater than or equal to 0 but received "
                           f"{sizes}. Trying to create tensor with negative dimension")
    if max(sizes) > 1 << 24:
        raise RuntimeError(f"adaptive pooling: an output_size of {sizes} is larger than memory")
    if 0 in x.shape[-n:]:
        raise RuntimeError("adaptive pooling: Expected input to have non-zero size for non-batch dimensions, but input has "
                           f"sizes {list(x.shape)}")
    return sizes


def _bounds(size: int, parts: int) -> list[tuple[int, int]]:
    return [(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]


def _adaptive_avg(x: Tensor, sizes: list[int], n: int) -> Tensor:
    if all(size == 1 for size in sizes):
        return reduce.mean(x, tuple(range(-n, 0)), True)
    given = x
    for d, parts in enumerate(sizes, -n):
        size = x.shape[d]
        if parts == size:
            continue
        rows = [[1 / (end - start) if start <= j < end else 0.0 for j in range(size)] for start, end in _bounds(size, parts)]
        means = create.tensor(rows, dtype=x.dtype).reshape(parts, size)
        x = (x.transpose(d, -1) @ means.t()).transpose(d, -1)
    return _named(x.clone() if x is given else x.contiguous(), f"AdaptiveAvgPool{max(n, 2)}DBackward0")


@public
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows of x (*, L).

    >>> adaptive_max_pool1d(tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[3., 5.]])
    """
    values, where = _adaptive_max(input.unsqueeze(-2), [1, *_sizes(input, output_size, 1)])
    return (values.squeeze(-2), where.squeeze(-2)) if return_indices else values.squeeze(-2)


@public(node="AdaptiveMaxPool2DBackward0")
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows of x (*, H, W). return_indices also gives the flat indices.

    >>> adaptive_max_pool2d(tinygrad_c.arange(8.).view(1, 2, 4), (1, 2))
    tensor([[[5., 7.]]])
    """
    results = _adaptive_max(input, _sizes(input, output_size, 2))
    return results if return_indices else results[0]


@public(node="AdaptiveMaxPool3DBackward0")
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The maximum of each of output_size windows of x (*, D, H, W). return_indices also gives the flat indices.

    >>> adaptive_max_pool3d(tinygrad_c.arange(8.).view(1, 2, 2, 2), 1)
    tensor([[[[7.]]]])
    """
    results = _adaptive_max(input, _sizes(input, output_size, 3))
    return results if return_indices else results[0]


adaptive_max_pool1d_with_indices = with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = with_indices(adaptive_max_pool3d)


def _adaptive_max(x: Tensor, sizes: list[int]) -> tuple[Tensor, Tensor]:
    values, indices = [], []
    n = len(sizes)
    numbers = create.arange(math.prod(x.shape[-n:])).reshape(x.shape[-n:])
    for bounds in product(*[_bounds(size, parts) for size, parts in zip(x.shape[-n:], sizes)]):
        key = tuple(slice(start, end) for start, end in bounds)
        value, at = reduce.max(x[(..., *key)].flatten(-n), -1)
        values.append(value)
        indices.append(numbers[key].reshape(-1)[at])
    shape = [*x.shape[:-n], *sizes]
    return _named(stack(values, -1).reshape(shape), f"AdaptiveMaxPool{n}DBackward0"), stack(indices, -1).reshape(shape)


# ---- Fractional pooling: windows at random positions

@public("input _random_samples?", node="FractionalMaxPool2DBackward0")
@unbatched
def fractional_max_pool2d(input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                          return_indices: bool = False, _random_samples: Tensor | None = None) -> Any:
    """The maximum of windows at pseudo-random positions: Graham 2015. x (N, C, H, W) or (C, H, W).

    The result has output_size rows and columns, or output_ratio times those of x.

    >>> fractional_max_pool2d(tinygrad_c.ones(1, 6, 8), 2, output_ratio=(0.5, 0.5)).shape
    torch.Size([1, 3, 4])
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@public("input _random_samples?", node="FractionalMaxPool3DBackward0")
@unbatched
def fractional_max_pool3d(input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
                          return_indices: bool = False, _random_samples: Tensor | None = None) -> Any:
    """fractional_max_pool2d for x (N, C, D, H, W) or (C, D, H, W).

    >>> fractional_max_pool3d(tinygrad_c.ones(1, 8, 8, 8), 2, output_size=3).shape
    torch.Size([1, 3, 3, 3])
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


fractional_max_pool2d_with_indices = with_indices(fractional_max_pool2d)
fractional_max_pool3d_with_indices = with_indices(fractional_max_pool3d)


def _fractional(n: int, x: Tensor, kernel_size: Any, output_size: Any, ratio: Any, return_indices: bool,
                samples: Tensor | None) -> Any:
    if output_size is None and ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    if x.ndim not in (n + 1, n + 2) or 0 in x.shape[x.ndim - n - 1:]:
        raise RuntimeError(f"fractional_max_pool{n}d(): Expected {n + 1}D or {n + 2}D tensor with non-empty dimensions, but "
                           f"got: {list(x.shape)}")
    kernel = _tuple(kernel_size, n, "kernel_size")
    size = x.shape[-n:]
    wanted = _tuple(output_size, n, "output_size") if output_size is not None else tuple(
        int(m * r) for m, r in zip(size, (ratio,) * n if isinstance(ratio, float) else ratio))
    for m, k, o in zip(size, kernel, wanted):
        if o + k - 1 > m:
            raise RuntimeError(f"fractional_max_pool{n}d(): pool size ({k}) too large relative to input size ({m})")
    lead = x.shape[:-n] if x.ndim == n + 2 else (1, x.shape[0])
    if samples is None:
        samples = random.rand(*lead, n, dtype=x.dtype)
    flat = x.reshape(math.prod(lead), math.prod(size))
    drawn = samples.numpy()[:lead[0]].reshape(math.prod(lead), n)
    place = np.zeros((len(drawn), *[1] * (2 * n)), np.int64)        # flat indices of each window's elements
    for d, (m, k, o) in enumerate(zip(size, kernel, wanted)):
        u = drawn[:, 1 - d if n == 2 else d]    # torch's order: (columns, rows) in 2D, (depth, rows, columns) in 3D
        step = (m - k) / (o - 1) if o > 1 else 0.0
        starts = np.stack([((i + u) * step).astype(int) - (u * step).astype(int) for i in range(o)], 1)
        starts[:, -1] = m - k
        line = starts[:, :, None] + np.arange(k)
        shape = [len(drawn)] + [1] * (2 * n)
        shape[1 + d], shape[1 + n + d] = o, k
        place = place * m + line.reshape(shape)
    place = place.reshape(len(drawn), math.prod(wanted), math.prod(kernel))
    table = create.tensor(place)
    windows = gather(flat, 1, table.reshape(len(drawn), math.prod(place.shape[1:]))).reshape(place.shape)
    y, best = reduce.max(windows, -1)
    shape = [*x.shape[:-n], *wanted]
    where = gather(table, 2, best.unsqueeze(2)).reshape(shape)
    return (y.reshape(shape), where) if return_indices else y.reshape(shape)
