"""Rules of vmap: matrix products."""
from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from tinygrad_c.func.batched import Level, batch_of, is_at, lowered, table, wrap
from tinygrad_c.func.rules import bound, padded
from tinygrad_c.ops.elementwise.elementwise import add, mul, relu
from tinygrad_c.ops.matmul.products import linear, linear_of_batch, matmul
from tinygrad_c.ops.shape.shape import expand, reshape, squeeze, transpose, unsqueeze


def product(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """matmul, mm, bmm, mv and dot."""
    a, b = bound(function, args, kwargs).values()
    n, m = a.ndim, b.ndim
    if n == 0 or m == 0 or FIXED.get(function.__name__, (n, m)) != (n, m):
        raise RuntimeError(f"{function.__name__}: the shapes are {list(a.shape)} and {list(b.shape)}")
    x, y = lowered(a, level), lowered(b, level)
    row, column = n == 1 and (is_at(a, level) or m > 2), m == 1 and (is_at(b, level) or n > 2)
    if is_at(a, level) and not is_at(b, level) and m <= 2:
        return wrap(matmul(x, y), level)                    # one product for the whole batch
    if (n, m) == (2, 1) and not is_at(a, level):
        return wrap(matmul(y, transpose(x, 0, 1)), level)   # the same
    if row:
        x = unsqueeze(x, -2)
    if column:
        y = unsqueeze(y, -1)
    ndim = max(n + row, m + column)
    if is_at(a, level):
        x = padded(wrap(x, level), level, ndim)
    if is_at(b, level):
        y = padded(wrap(y, level), level, ndim)
    out = matmul(x, y)
    if column:
        out = squeeze(out, -1)
    if row:
        out = squeeze(out, -1 if column else -2)
    return wrap(out, level)


FIXED = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


def linear_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise RuntimeError(f"linear: the shapes are {list(x.shape)} and {list(weight.shape)}")
    if not is_at(weight, level):
        if not is_at(bias, level):
            return wrap(linear(x.batch, weight, bias), level)
        return add(wrap(linear(x.batch, weight), level) if is_at(x, level) else linear(x, weight), bias)
    lead, outputs, inputs = x.shape[:-1], *weight.shape
    bias = None if bias is None else batch_of(bias, level)
    if is_at(x, level):
        out = linear_of_batch(reshape(x.batch, (level.size, prod(lead), inputs)), weight.batch, bias)
    else:                                   # the same rows for all: one product with the weights one below the other
        bias = None if bias is None else reshape(bias, (level.size * outputs,))
        out = linear(reshape(x, (prod(lead), inputs)), reshape(weight.batch, (level.size * outputs, inputs)), bias)
        out = transpose(reshape(out, (prod(lead), level.size, outputs)), 0, 1)
    return wrap(reshape(out, (level.size, *lead, outputs)), level)


def linear_relu_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    return relu(linear(*args, **kwargs))


def addmm_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    if given["mat1"].ndim != 2 or given["mat2"].ndim != 2:
        raise RuntimeError("addmm takes matrices")
    return add_scaled_rule(function, level, (given["input"], matmul(given["mat1"], given["mat2"]), given.get("beta", 1),
                                             given.get("alpha", 1)), {})


def add_scaled_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, out, beta, alpha = args
    if not out.is_floating_point():
        beta, alpha = int(beta), int(alpha)
    out = out if alpha == 1 else mul(out, alpha)
    return out if beta == 0 else add(out, expand(x if beta == 1 else mul(x, beta), out.shape))


table |= {"matmul": product, "mm": product, "bmm": product, "mv": product, "dot": product, "linear": linear_rule,
          "linear_relu": linear_relu_rule, "addmm": addmm_rule, "add_scaled": add_scaled_rule}
