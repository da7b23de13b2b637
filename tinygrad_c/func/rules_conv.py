"""Rules of vmap: convolution, pooling and normalisation. The batch joins the samples or, if each element has its weights,
the channels."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.func.batched import Level, batch_of, is_at, table, wrap
from tinygrad_c.ops.elementwise.elementwise import add, mul
from tinygrad_c.ops.shape.shape import reshape, transpose


def samples(batch: Any) -> Any:
    """(B, N, *) as (B N, *)."""
    return reshape(batch, (batch.shape[0] * batch.shape[1], *batch.shape[2:]))


def channels(batch: Any) -> Any:
    """(B, N, C, *) as (N, B C, *)."""
    shape = batch.shape
    return reshape(transpose(batch, 0, 1), (shape[1], shape[0] * shape[2], *shape[3:]))


def from_samples(out: Any, level: Level, n: int) -> Any:
    return wrap(reshape(out, (level.size, n, *out.shape[1:])), level)


def from_channels(out: Any, level: Level) -> Any:
    return wrap(transpose(reshape(out, (out.shape[0], level.size, out.shape[1] // level.size, *out.shape[2:])), 0, 1), level)


def convolution_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, weight, bias, geometry, groups = args
    if is_at(weight, level):
        batch = channels(batch_of(x, level))
        out = from_channels(function(batch, samples(weight.batch), None, geometry, groups * level.size), level)
    else:
        batch = samples(batch_of(x, level))
        out = from_samples(function(batch, weight, None if is_at(bias, level) else bias, geometry, groups), level, x.shape[0])
        if not is_at(bias, level):
            return out
    return out if bias is None else add(out, bias.reshape(-1, 1, 1))


def windows(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """columns, fold and largest: (N, *) and a geometry."""
    x, geometry = args
    out = function(samples(x.batch), geometry)
    n = x.shape[0]
    return tuple([from_samples(each, level, n) for each in out]) if isinstance(out, tuple) else from_samples(out, level, n)


def normalised_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, weight, bias, eps, kind, number = args
    batch = batch_of(x, level)
    if kind == "layer" and not is_at(weight, level) and not is_at(bias, level):
        out, mean, variance = function(batch, weight, bias, eps, kind, number)
        weight = bias = None
    elif kind == "batch":
        out, mean, variance = function(channels(batch), None, None, eps, kind, number)
        out = from_channels(out, level).batch
    else:
        out, mean, variance = function(batch if kind == "layer" else samples(batch), None, None, eps, kind, number)
    out = wrap(reshape(out, batch.shape), level)
    stats = [wrap(reshape(each, (level.size, each.numel() // max(level.size, 1))), level) for each in (mean, variance)]
    out = out if weight is None else mul(out, weight)
    return (out if bias is None else add(out, bias), *stats)


table |= {"convolution": convolution_rule, "columns": windows, "fold": windows, "largest": windows,
          "normalised": normalised_rule}
