"""Scans along a dimension: cumulative ops and their gradients, differences, the trapezoidal rule."""
from __future__ import annotations

from tinygrad_c._base.public import public
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.arguments import numpy_words, results, takes_out, tensor_arg
from tinygrad_c.ops.create.create import clone
from tinygrad_c.ops.elementwise.elementwise import in_place, isinf, logaddexp, maximum, ne, where
from tinygrad_c.ops.reduce.reduce import cumprod, cumsum, cumulative_extreme, sum
from tinygrad_c.ops.shape.rearrange import flip
from tinygrad_c.ops.shape.shape import cat, narrow, reshape, unsqueeze, wrapped

cummax_result = results("cummax", "values", "indices")
cummin_result = results("cummin", "values", "indices")


def scanned(x, dim: int, join):
    """y[i] = join(x[0], ..., x[i]) along dim, for an associative join: log2(n) rounds, each doubles the length joined."""
    step, n = 1, x.shape[dim] if x.ndim else 1
    while step < n:
        joined = join(narrow(x, dim, 0, n - step), narrow(x, dim, step, n - step))
        x = cat([narrow(x, dim, 0, step), joined], dim)
        step *= 2
    return x


def product_gradient(g, x, dim: int):
    """The gradient of cumprod without division: dx[k] = x[0] ... x[k - 1] t[k], where t[k] = g[k] + x[k + 1] t[k + 1]."""
    n = x.shape[dim] if x.ndim else 1
    if n == 1:
        return g
    one = x.new_ones([1 if d == dim else size for d, size in enumerate(x.shape)])
    before = cat([one, narrow(cumprod(x, dim), dim, 0, n - 1)], dim)
    a, step = cat([narrow(x, dim, 1, n - 1), 0 * one], dim), 1
    while step < n:                                 # g[k]: the first `step` terms of t[k]; a[k]: the factor of the next
        head, behind = narrow(a, dim, 0, n - step), narrow(g, dim, n - step, step)
        g = cat([narrow(g, dim, 0, n - step) + head * narrow(g, dim, step, n - step), behind], dim)
        a = cat([head * narrow(a, dim, step, n - step), narrow(a, dim, n - step, step)], dim)
        step *= 2
    return before * g


def products_of_others(x, dim: int | None):
    """For each element the product of all others along dim (None: all of x), from cumulative products from both ends. No
    division: it is differentiable at zeros too."""
    if dim is None:
        return reshape(products_of_others(reshape(x, -1), 0), x.shape)
    n = x.shape[dim]
    one = x.new_ones([1 if d == dim else size for d, size in enumerate(x.shape)])
    before = cumprod(cat([one, narrow(x, dim, 0, n - 1)], dim), dim)
    behind = cumprod(cat([one, flip(narrow(x, dim, 1, n - 1), dim)], dim), dim)
    return before * flip(behind, dim)


@public(node="LogcumsumexpBackward0")
@takes_out
def logcumsumexp(input, dim: int):
    """log(cumsum(exp(x))) along a dimension, without overflow.

    >>> tinygrad_c.logcumsumexp(tinygrad_c.tensor([0., 0.]), 0)
    tensor([0.0000, 0.6931])
    """
    x = tensor_arg(input, "logcumsumexp")
    if not x.is_floating_point():
        raise NotImplementedError('"logcumsumexp_out_cpu" not implemented for integers: call .float()')
    out = scanned(x, wrapped(dim, x.ndim), log_of_sum)
    return clone(out) if out is input else out


def log_of_sum(a, b):
    """log(e^a + e^b); for two equal infinities that infinity, since inf - inf would be NaN."""
    alike = (a == b) & isinf(a)
    return where(alike, maximum(a, b), logaddexp(where(alike, 0, a), where(alike, 0, b)))


@public
@takes_out
def cummax(input, dim: int):
    """The cumulative maximum along a dimension: (values, indices).

    >>> tinygrad_c.cummax(tinygrad_c.tensor([1., 3., 2.]), 0).values
    tensor([1., 3., 3.])
    """
    return cummax_result(cumulative_extreme(tensor_arg(input, "cummax"), dim, True))


@public
@takes_out
def cummin(input, dim: int):
    """The cumulative minimum along a dimension: (values, indices).

    >>> tinygrad_c.cummin(tinygrad_c.tensor([3., 1., 2.]), 0).values
    tensor([3., 1., 1.])
    """
    return cummin_result(cumulative_extreme(tensor_arg(input, "cummin"), dim, False))


# ---- Differences, areas

@public
@takes_out
def diff(input, n: int = 1, dim: int = -1, prepend=None, append=None):
    """x[i + 1] - x[i] along a dimension, applied n times; prepend and append are concatenated to x first.

    >>> tinygrad_c.diff(tinygrad_c.tensor([1., 4., 9.]))
    tensor([3., 5.])
    """
    x = tensor_arg(input, "diff")
    if x.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = wrapped(dim, x.ndim)
    if n and (prepend is not None or append is not None):
        x = cat([each for each in (prepend, x, append) if each is not None], d)
    for _ in range(min(n, x.shape[d])):
        size = max(x.shape[d] - 1, 0)
        left, right = narrow(x, d, 0, size), narrow(x, d, x.shape[d] - size, size)
        x = ne(right, left) if x.dtype.name == "bool" else right - left
    return clone(x) if x is input else x


def areas(y, x, dx, dim: int, function: str):
    """The area of the trapezoid between each two adjacent points."""
    tensor_arg(y, function, "y")
    if x is not None and dx is not None:
        raise TypeError(f"{function}() got both x and dx: pass the points x or their distance dx")
    d = wrapped(dim, y.ndim)
    n = max((y.shape[d] if y.ndim else 1) - 1, 0)
    if y.ndim == 0 or y.shape[d] == 0:
        middle = y * 0.0 if y.ndim else y[None][:0]
    else:
        middle = (narrow(y, d, 0, n) + narrow(y, d, 1, n)) / 2
    if isinstance(x, TensorBase):
        steps = diff(x, dim=d if x.ndim == y.ndim else -1)
        if x.ndim != y.ndim:
            for _ in range(y.ndim - 1 - d):
                steps = unsqueeze(steps, -1)
        return middle * steps, d
    return middle * (1 if dx is None else dx), d


@public
@numpy_words
def trapezoid(y, x=None, *, dx: float | None = None, dim: int = -1):
    """The integral of y along a dimension by the trapezoidal rule, at the points x or at distances dx (default 1).

    >>> tinygrad_c.trapezoid(tinygrad_c.tensor([1., 2., 3.]))
    tensor(4.)
    """
    parts, d = areas(y, x, dx, dim, "trapezoid")
    return sum(parts, d)


@public
@numpy_words
def cumulative_trapezoid(y, x=None, *, dx: float | None = None, dim: int = -1):
    """The integral from the first point to each later point, by the trapezoidal rule.

    >>> tinygrad_c.cumulative_trapezoid(tinygrad_c.tensor([1., 2., 3.]))
    tensor([1.5000, 4.0000])
    """
    parts, d = areas(y, x, dx, dim, "cumulative_trapezoid")
    return cumsum(parts, d)


cumsum_, cumprod_ = in_place(cumsum), in_place(cumprod)
