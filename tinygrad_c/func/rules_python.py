"""Rules of vmap: functions written in Python whose code cannot run on batched tensors, @unbatched; most of them call NumPy."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import Level, NoRule, batch_of, innermost, is_at, lowered, table, without_levels, wrap, wrap_all
from tinygrad_c.func.rules import along, bound, plain, shifted
from tinygrad_c.func.rules_index import DYNAMIC
from tinygrad_c.ops.create.create import full_like
from tinygrad_c.ops.elementwise.elementwise import where
from tinygrad_c.ops.reduce.reduce import amax, amin
from tinygrad_c.ops.shape.rearrange import movedim
from tinygrad_c.ops.shape.shape import reshape


def median_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Of all elements it is one tensor, along a dimension (values, indices)."""
    given = bound(function, args, kwargs)
    if given.get("dim") is not None:
        return along()(function, level, args, kwargs)
    raise NoRule


def quantile_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """The first dimension of the result is that of q, the second the batch."""
    given = bound(function, args, kwargs)
    x, q, dim = given.pop("input"), given.pop("q"), given.pop("dim", None)
    if is_at(q, level) or not x.ndim:
        raise NoRule
    many = isinstance(q, (list, tuple)) or (isinstance(q, TensorBase) and q.ndim > 0)
    if dim is None:
        keep = (1,) * x.ndim if given.pop("keepdim", False) else ()
        out = function(reshape(x.batch, (level.size, -1)), q, 1, **given)
        out = reshape(out, (*out.shape, *keep))
    else:
        out = function(x.batch, q, shifted(dim, x.ndim), **given)
    return wrap(movedim(out, 0, 1) if many else out, level)


def searchsorted_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    rows, x = given.pop("sorted_sequence"), given.pop("input")
    if given.get("sorter") is not None or not isinstance(x, TensorBase):
        raise NoRule
    if not is_at(rows, level) and rows.ndim == 1:
        return wrap(function(rows, x.batch, **given), level)
    batch = batch_of(x, level)
    if rows.ndim == 1:          # each element has a sequence for all its numbers
        numbers = reshape(batch, (level.size, x.numel()))
        return wrap(reshape(function(batch_of(rows, level), numbers, **given), batch.shape), level)
    return wrap(function(batch_of(rows, level), batch, **given), level)


def body(*together: str) -> Callable:
    """The rule of a composed function that copies its first argument and writes to the copy: run its code, on a first argument
    that is batched; call it for each element if one of the parameters `together`, whose values it reads, is batched."""
    def rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
        given = bound(function, args, kwargs)
        first = next(iter(given))
        if innermost([given.get(name) for name in together], None) is level:
            raise NoRule
        if function.__name__[-1] != "_" and not is_at(given[first], level):
            given[first] = wrap(batch_of(given[first], level), level)
        return function.__wrapped__(**given)
    return rule


def matrices(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    """Functions of linalg, for which all dimensions but the last two are a batch."""
    return wrap_all(function(*[batch_of(each, level) if isinstance(each, TensorBase) else each for each in args],
                             **{k: lowered(v, level) for k, v in kwargs.items()}), level)


def embedding_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    index, weight, padding = given["input"], given["weight"], given.get("padding_idx")
    if not is_at(weight, level) and given.get("max_norm") is None and not given.get("scale_grad_by_freq"):
        return wrap(function(index.batch, weight, padding), level)
    if given.get("max_norm") is not None or given.get("scale_grad_by_freq") or weight.ndim != 2 or index.dtype.name not in (
            "int64", "int32"):
        raise NoRule
    numbers = without_levels(index)
    if numbers.numel() and not 0 <= amin(numbers).item() <= amax(numbers).item() < weight.shape[0]:
        raise IndexError("index out of range in self")
    rows = weight[index]
    if padding is not None:
        rows = where((index == padding % weight.shape[0]).unsqueeze(-1), rows.detach(), rows)
    return rows


def fill_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, value = bound(function, args, kwargs).values()
    if not isinstance(value, TensorBase) or not x.is_floating_point():
        raise NoRule
    return wrap(full_like(batch_of(x, level), 0), level) + value


def dynamic(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    raise RuntimeError(DYNAMIC.format(f"aten::{function.__name__}"))


table |= {
    "sort": along(-1), "topk": along(-1), "kthvalue": along(-1), "mode": along(-1), "median": median_rule,
    "nanmedian": median_rule,
    "quantile": quantile_rule, "nanquantile": quantile_rule, "searchsorted": searchsorted_rule, "frexp": plain,
    "unique": dynamic, "unique_consecutive": dynamic, "embedding": embedding_rule, "fill": fill_rule,
    "index_add": body("index"), "index_copy": body("index"), "index_fill": body("index", "value"),
    "index_put": body("indices"), "index_add_": body("index"), "index_copy_": body("index"),
    "index_fill_": body("index", "value"),
    "index_put_": body("indices"),
    "select_scatter": body(), "slice_scatter": body(), "diagonal_scatter": body(), "as_strided_scatter": body("input", "src"),
}
table |= dict.fromkeys(("qr", "svd", "svdvals", "matrix_rank", "lu", "lu_factor", "lu_factor_ex", "inv_ex", "cholesky_ex",
                        "geqrf"), matrices)
