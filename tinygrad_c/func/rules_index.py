"""Rules of vmap: indexing."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c.core.tape import TensorBase
from tinygrad_c.func.batched import IN_PLACE, Level, NoRule, batch_of, is_at, lowered, table, wrap
from tinygrad_c.func.rules import bound, padded, shifted
from tinygrad_c.ops.create.create import arange, as_tensor
from tinygrad_c.ops.indexing.index import getitem, setitem
from tinygrad_c.ops.shape.rearrange import broadcast_shapes, movedim
from tinygrad_c.ops.shape.shape import expand, reshape

DYNAMIC = ("vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over {}: the "
           "results of the elements could have different shapes")
MASK = ("vmap: We do not support batching operators that can support dynamic shape. Attempting to batch over indexing with a "
        "boolean mask: write where(mask, x, other)")


def is_advanced(part: Any) -> bool:
    """Whether a part of a key selects by an array of indices."""
    return isinstance(part, (TensorBase, list)) or hasattr(part, "__array__")


class Key:
    """A key for an element, as a key for the batch, and where the results have the batch's dimension."""

    def __init__(self, x: Any, key: Any, level: Level) -> None:
        parts = list(key) if isinstance(key, tuple) else [key]
        self.x, self.level = x, level
        used = 0
        for part in parts:
            if isinstance(part, TensorBase) and part.dtype.name in ("bool", "uint8"):
                if is_at(part, level):
                    raise RuntimeError(MASK)
                used += part.ndim
            elif part is not None and part is not Ellipsis and not isinstance(part, bool):
                used += 1
        if not any(part is Ellipsis for part in parts):
            parts.append(Ellipsis)
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts[at:at + 1] = [slice(None)] * (x.ndim - used)          # without ... the positions are known
        advanced = [i for i, part in enumerate(parts) if is_advanced(part)]
        batched = any(is_at(part, level) for part in parts)
        # An int beside an array of indices is an array, too.
        if advanced:
            advanced = [i for i, part in enumerate(parts)
                        if is_advanced(part) or (isinstance(part, int) and not isinstance(part, bool))]
        apart = bool(advanced) and advanced[-1] - advanced[0] + 1 != len(advanced)
        self.index_ndim = max([self.ndim_of(parts[i]) for i in advanced], default=0)
        # Where the dimensions of the indices are in an element's result: in the place of the first; in front if they are apart.
        before = parts[:advanced[0]] if advanced and not apart else []
        self.place = sum([part is None or isinstance(part, slice) for part in before])
        self.apart, self.batched = apart, batched
        self.rows = [lowered(part, level) for part in parts]
        if batched:
            for i in advanced:
                if is_at(parts[i], level):
                    self.rows[i] = padded(parts[i], level, self.index_ndim)
        self.parts = parts

    @staticmethod
    def ndim_of(part: Any) -> int:
        if isinstance(part, int):
            return 0
        part = part if isinstance(part, TensorBase) else as_tensor(part)
        return 1 if part.dtype.name in ("bool", "uint8") else part.ndim

    def for_batch(self) -> tuple[Any, tuple]:
        """(the tensor, the key) to index."""
        if not self.batched:
            return self.x.batch, (slice(None), *self.rows)
        if is_at(self.x, self.level):
            first = reshape(arange(self.level.size), (self.level.size, *(1,) * self.index_ndim))
            return self.x.batch, (first, *self.rows)
        return self.x, tuple(self.rows)

    def moves(self) -> tuple[list[int], list[int]]:
        """The dimensions of the batch's result to move, and where to, so that each element's result is in its place."""
        n, place = self.index_ndim, self.place
        if not self.batched:                # (indices, B, ..) if they are apart, else in place already
            return ([n], [0]) if self.apart else ([], [])
        if is_at(self.x, self.level):       # (B, indices, ..) unless the indices are at the front, too: the same
            return list(range(1, n + 1)), list(range(place + 1, place + n + 1))
        return [0 if self.apart else place], [0]        # (.., B, indices, ..)


def getitem_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, key = args
    if type(key) is int and is_at(x, level):
        if not x.ndim:
            raise IndexError("invalid index of a 0-dim tensor")
        return wrap(getitem(x.batch, (slice(None), key)), level)
    found = Key(x, key, level)
    out = getitem(*found.for_batch())
    source, target = found.moves()
    return wrap(movedim(out, tuple(source), tuple(target)) if source != target else out, level)


def setitem_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> None:
    x, key, value = args
    if not is_at(x, level):
        raise RuntimeError(IN_PLACE.format(op="inplace arithmetic"))
    found = Key(x, key, level)
    batch, batch_key = found.for_batch()
    if isinstance(value, TensorBase) and value.ndim:
        shape = getitem(batch, batch_key)           # only its shape is used
        source, target = found.moves()
        shape = (movedim(shape, tuple(source), tuple(target)) if source != target else shape).shape
        while value.ndim >= len(shape) and value.shape[0] == 1:       # x[0] = v with v of shape (1, n)
            value = value[0]
        value = expand(padded(value, level, len(shape) - 1), shape)
        value = movedim(value, tuple(target), tuple(source)) if source != target else value
    elif is_at(value, level):
        shape = getitem(batch, batch_key)
        source, target = found.moves()
        shape = (movedim(shape, tuple(source), tuple(target)) if source != target else shape).shape
        value = expand(reshape(value.batch, (level.size, *(1,) * (len(shape) - 1))), shape)
        value = movedim(value, tuple(target), tuple(source)) if source != target else value
    setitem(batch, batch_key, value)


def index_select_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x, index = given["input"], given["index"]
    dim = shifted(given["dim"], max(x.ndim, 1))
    if not x.ndim:
        raise NoRule
    if not is_at(index, level):
        return wrap(function(x.batch, dim, index), level)
    key = [slice(None)] * x.ndim
    key[dim if dim < 0 else dim - 1] = index if index.ndim else index.reshape(1)
    return getitem(x, tuple(key))


def take_along_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    given = bound(function, args, kwargs)
    x, indices, dim = given["input"], given["indices"], given.get("dim")
    if dim is None:
        x, indices, dim = x.reshape(-1), indices.reshape(-1), 0
    if x.ndim != indices.ndim:
        raise RuntimeError("take_along_dim: the numbers of dimensions differ")
    return wrap(function(batch_of(x, level), batch_of(indices, level), shifted(dim, x.ndim)), level)


def dynamic(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    raise RuntimeError(DYNAMIC.format(f"aten::{function.__name__}"))


def masked_select_rule(function: Callable, level: Level, args: tuple, kwargs: dict) -> Any:
    x, mask = bound(function, args, kwargs).values()
    if is_at(mask, level):
        return dynamic(function, level, args, kwargs)
    shape = broadcast_shapes(x.shape, mask.shape)           # the same elements of each
    return getitem(x.expand(shape), mask.expand(shape))


table |= {"getitem": getitem_rule, "setitem": setitem_rule, "index_select": index_select_rule,
          "take_along_dim": take_along_rule, "nonzero": dynamic, "masked_select": masked_select_rule}
