"""Rules of vmap: losses. The loss of each element is computed without reduction, then reduced within the element."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.func.batched import Level, NoRule, batch_of, is_at, table, wrap
from tinygrad_c.func.rules import bound, padded
from tinygrad_c.ops.create.create import to
from tinygrad_c.ops.elementwise.elementwise import div, mul, ne, where
from tinygrad_c.ops.indexing.index import getitem
from tinygrad_c.ops.reduce.reduce import mean, sum
from tinygrad_c.ops.shape.shape import reshape


def pairs(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Losses of pairs of numbers: mse_loss and the like."""
    given = bound(function, args, kwargs)
    reduction = given.pop("reduction", "mean")
    x, target = given.pop("input"), given.pop("target")
    if x.shape != target.shape or reduction not in ("mean", "sum", "none"):
        raise NoRule
    for name in ("weight", "pos_weight"):
        given[name] = padded(given.get(name), level, x.ndim)
        if given[name] is None:
            del given[name]
    losses = function(batch_of(x, level), batch_of(target, level), reduction="none", **given)
    return wrap(reduced(losses, level, reduction), level)


def reduced(losses: Any, level: Level, reduction: str) -> Any:
    """The mean or sum within each element of the batch."""
    if reduction == "none":
        return losses
    if losses.ndim == 1:
        return losses
    return (mean if reduction == "mean" else sum)(reshape(losses, (level.size, -1)) if losses.ndim > 2 else losses, 1)


def classes(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """cross_entropy and nll_loss."""
    given = bound(function, args, kwargs)
    reduction = given.pop("reduction", "mean")
    x, target, weight = given.pop("input"), given.pop("target"), given.get("weight")
    ignore = given.get("ignore_index", -100)
    if is_at(weight, level) or x.ndim == 0 or not level.size:
        raise NoRule
    if (x.ndim == 1 and target.ndim != 0 and not target.is_floating_point()) or (
            not target.is_floating_point() and x.ndim > 1 and target.shape != (x.shape[0], *x.shape[2:])):
        raise RuntimeError(f"the shapes do not fit: {list(x.shape)} and {list(target.shape)}")
    logits, t = batch_of(x, level), batch_of(target, level)
    shape = (x.shape[0], *x.shape[2:]) if x.ndim > 1 else ()
    if x.ndim > 1:                          # the batch of each element joins the batch of vmap
        logits, t = (reshape(each, (-1, *each.shape[2:])) for each in (logits, t))
    losses = reshape(function(logits, t, reduction="none", **given), (level.size, *shape))
    if reduction != "mean":
        return wrap(reduced(losses, level, reduction), level)
    losses = reshape(losses, (level.size, -1))
    if target.is_floating_point():
        return wrap(mean(losses, 1), level)
    count = ne(t, ignore)
    if weight is not None:                  # the mean is weighted by the weights of the targets
        count = mul(getitem(weight, (where(count, t, 0),)), count)
    count = to(reshape(count, (level.size, -1)), losses.dtype)
    return wrap(div(sum(losses, 1), sum(count, 1)), level)


table |= dict.fromkeys(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
                        "binary_cross_entropy_with_logits"), pairs)
table |= {"cross_entropy": classes, "nll_loss": classes}
