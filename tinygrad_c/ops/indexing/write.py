"""Writing by index: index_add, index_copy, index_fill, index_put, scatter_reduce, take, put, masked_scatter."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.core.tape import TensorBase, _graphed
from tinygrad_c.ops.arguments import array_of, takes_out, tensor_arg
from tinygrad_c.ops.create.create import arange, clone, copy_, from_numpy, in_program, is_wrong
from tinygrad_c.ops.elementwise.elementwise import clamp, where
from tinygrad_c.ops.indexing import index as indexing
from tinygrad_c.ops.indexing.index import add_slices_, all_within, gather, getitem, scatter_add, scatter_add_, setitem
from tinygrad_c.ops.shape.rearrange import broadcast_tensors
from tinygrad_c.ops.shape.shape import expand, flatten, narrow, reshape, wrapped
from tinygrad_c.ops.sorting.order import unique

if TYPE_CHECKING:
    from tinygrad_c.core.tape import TensorBase, _graphed


def check_index(index, function: str):
    tensor_arg(index, function, "index", 3)
    if index.dtype.name not in ("int64", "int32", "uint8"):
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index but got: {index.dtype}: call .long()")
    if index.ndim > 1:
        raise IndexError(f"{function}(): Index is supposed to be a vector, but got dim: {index.ndim} and size: "
                         f"{list(index.shape)}")
    return reshape(index, -1)


def same_dtype(x, source, function: str) -> None:
    if source.dtype is not x.dtype:
        raise RuntimeError(f"{function}(): self ({x.dtype}) and source ({source.dtype}) must have the same scalar type "
                           "(dtype): convert with .to(...)")


def rows_key(dim: int, index) -> tuple:
    return (slice(None),) * dim + (index,)


def check_from_zero(index, size: int, error: type[Exception] = IndexError) -> None:
    """Raise for a number that is no slice's: unlike x[index], these functions do not count from the end."""
    if not in_program() and all_within(index, 0, size):
        return
    outside = (index < 0) | (index >= size)
    if is_wrong(outside.any()):
        raise error(f"index {index[outside].reshape(-1)[0].item()} is out of bounds: index out of range in self, which has "
                    f"{size} slices there")


def check_slices(x, d: int, index, source, function: str):
    """Check index, of size n, and source, of size n along dim d and x's sizes elsewhere."""
    index = check_index(index, function)
    tensor_arg(source, function, "source", 4)
    same_dtype(x, source, function)
    source = reshape(source, 1) if source.ndim == 0 else source
    if source.ndim != max(x.ndim, 1) or any(a != b for k, (a, b) in enumerate(zip(x.shape, source.shape)) if k != d):
        raise RuntimeError("source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                           f"self.shape = {list(x.shape)} source.shape = {list(source.shape)}")
    if index.numel() != source.shape[d]:
        raise (IndexError if function == "index_copy_" else RuntimeError)(
            f"{function}(): Number of indices ({index.numel()}) should be equal to source.size(dim): ({source.shape[d]}), for "
            f"dim: {d}")
    check_from_zero(index, x.shape[d] if x.ndim else 1,
                    RuntimeError if function == "index_add_" and x.ndim > 1 else IndexError)       # torch's, both
    return index, source


# ---- Slices along a dimension

@public("input index source", axis=True)
@unbatched
def index_add_(input, dim: int, index, source, *, alpha=1):
    """index_add in place."""
    x = tensor_arg(input, "index_add_")
    d = wrapped(dim, x.ndim)
    index, source = check_slices(x, d, index, source, "index_add_")
    source = source if alpha == 1 else source * alpha
    if x.ndim and x.is_floating_point():
        return add_slices_(x, d, index, source)
    along = expand(reshape(index, [-1 if k == d else 1 for k in range(source.ndim)]), source.shape)
    if x.ndim == 0:
        along, source = reshape(along[:1], ()), reshape(source[:1], ())
    scatter_add_(x, d, along, source)
    return input


@public("input index source", node="IndexAddBackward0", axis=True)
@takes_out
@unbatched
def index_add(input, dim: int, index, source, *, alpha=1):
    """A copy of input with alpha * source's slices added to the slices index[0], index[1], ... along dim.

    >>> tinygrad_c.index_add(tinygrad_c.zeros(3), 0, tinygrad_c.tensor([0, 2, 0]), tinygrad_c.tensor([1., 2., 3.]))
    tensor([4., 0., 2.])
    """
    return index_add_(clone(tensor_arg(input, "index_add")), dim, index, source, alpha=alpha)


@public("input index source", axis=True)
@unbatched
def index_copy_(input, dim: int, index, source):
    """index_copy in place."""
    x = tensor_arg(input, "index_copy_")
    d = wrapped(dim, x.ndim)
    index, source = check_slices(x, d, index, source, "index_copy_")
    setitem(reshape(x, 1) if x.ndim == 0 else x, rows_key(d, index), source)
    return x


@public("input index source", node="IndexCopyBackward0", axis=True)
@unbatched
def index_copy(input, dim: int, index, source):
    """A copy of input with the slices index[0], index[1], ... along dim replaced by source's slices.

    >>> tinygrad_c.index_copy(tinygrad_c.zeros(3), 0, tinygrad_c.tensor([0, 2]), tinygrad_c.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    return index_copy_(clone(tensor_arg(input, "index_copy")), dim, index, source)


@public("input index", axis=True)
@unbatched
def index_fill_(input, dim: int, index, value):
    """index_fill in place."""
    x = tensor_arg(input, "index_fill_")
    d = wrapped(dim, x.ndim)
    index = check_index(index, "index_fill_")
    if getattr(value, "ndim", 0) > 0:
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value.ndim} dimension(s).")
    if hasattr(value, "ndim"):          # its gradient comes once from each place, however often the index names it
        size = x.shape[d] if x.ndim else 1
        check_from_zero(index + size, 2 * size)
        index = unique(where(index < 0, index + size, index))
    setitem(reshape(x, 1) if x.ndim == 0 else x, rows_key(d, index), value)
    return x


@public("input index", node="IndexFillBackward0", axis=True)
@unbatched
def index_fill(input, dim: int, index, value):
    """A copy of input with the slices index[0], index[1], ... along dim filled with value.

    >>> tinygrad_c.index_fill(tinygrad_c.zeros(3), 0, tinygrad_c.tensor([0, 2]), 1)
    tensor([1., 0., 1.])
    """
    return index_fill_(clone(tensor_arg(input, "index_fill")), dim, index, value)


# ---- Positions of the flattened tensor

def flat_indices(x, key):
    """The flat indices of x[key]'s elements."""
    return getitem(reshape(arange(x.numel()), x.shape), key)


def is_vector_of_indices(each) -> bool:
    return isinstance(each, TensorBase) and each.ndim == 1 and not each.is_floating_point() and each.dtype.name != "bool"


@public
@unbatched
def index_put_(input, indices, values, accumulate: bool = False):
    """index_put in place.

    >>> x = tinygrad_c.zeros(3)
    >>> tinygrad_c.index_put_(x, [tensor([0, 2])], tensor([1., 5.]))
    tensor([1., 0., 5.])
    """
    x = tensor_arg(input, "index_put_")
    tensor_arg(values, "index_put_", "values", 3)
    if values.dtype is not x.dtype:
        raise RuntimeError("Index put requires the source and destination dtypes match, got "
                           f"{x.dtype} for the destination and {values.dtype} for the source.")
    key = tuple([slice(None) if each is None else each for each in indices])
    if not accumulate:
        setitem(x, key, values)
        return x
    if len(key) == 1 and x.ndim and x.is_floating_point() and values.numel() and is_vector_of_indices(key[0]):
        shape = (key[0].shape[0], *x.shape[1:])
        if values.ndim <= x.ndim and all(n in (1, m) for n, m in zip(values.shape[::-1], shape[::-1])):
            return add_slices_(x, 0, key[0], expand(values, shape))
    places = flat_indices(x, key)
    if values.ndim > places.ndim or any(n not in (1, m) for n, m in zip(values.shape[::-1], places.shape[::-1])):
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result "
                           f"of shape {list(places.shape)}")
    added = scatter_add(flatten(x), 0, flatten(places), flatten(expand(values, places.shape)))
    return copy_(x, reshape(added, x.shape))


@public
@unbatched
def index_put(input, indices, values, accumulate: bool = False):
    """A copy of input with input[indices] = values; with accumulate=True values are added, repeated indices too.

    >>> tinygrad_c.index_put(tinygrad_c.zeros(2), (tinygrad_c.tensor([1, 1]),), tinygrad_c.tensor([1., 2.]), accumulate=True)
    tensor([0., 3.])
    """
    return index_put_(clone(tensor_arg(input, "index_put")), indices, values, accumulate)


def check_flat(x, index, function: str):
    tensor_arg(index, function, "index", 2)
    if index.is_floating_point() or index.dtype.name == "bool":
        raise RuntimeError(f"{function}(): Expected a long tensor for index, but got {index.dtype}: call .long()")
    flat, n = flatten(index), x.numel()
    if not in_program() and all_within(flat, 0, n):
        return flat
    outside = (flat < -n) | (flat >= n)
    if is_wrong(outside.any()):
        raise IndexError(f"out of range: tried to access index {flat[outside][0].item()} on a tensor of {n} elements.")
    return where(flat < 0, flat + n, flat)


@public("input index", node="TakeBackward0")
@takes_out
@unbatched
def take(input, index):
    """The elements of the flattened input at the given indices, in index's shape.

    >>> tinygrad_c.take(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([0, 3]))
    tensor([1., 4.])
    """
    x = tensor_arg(input, "take")
    tensor_arg(index, "take", "index", 2)
    try:
        return reshape(gather(flatten(x), 0, flatten(index)), index.shape)
    except (IndexError, RuntimeError):
        places = check_flat(x, index, "take")   # counted from the end, or IndexError in torch's words
        return reshape(gather(flatten(x), 0, places), index.shape)


@public("input index source", node="PutBackward0")
@unbatched
def put(input, index, source, accumulate: bool = False):
    """A copy of input with source written at indices of the flattened tensor; with accumulate=True it is added.

    >>> tinygrad_c.put(tinygrad_c.zeros(2, 2), tinygrad_c.tensor([0, 3]), tinygrad_c.tensor([1., 4.]))
    tensor([[1., 0.],
            [0., 4.]])
    """
    x = tensor_arg(input, "put")
    places = check_flat(x, index, "put_")
    same_dtype(x, tensor_arg(source, "put_", "source", 3), "put_")
    if source.numel() != index.numel():
        raise IndexError("put_(): Expected source and index to have the same number of elements, but got source.numel() = "
                         f"{source.numel()}, index.numel() = {index.numel()}")
    write = scatter_add if accumulate else indexing.scatter
    return reshape(write(flatten(x), 0, places, flatten(source)), x.shape)


@unbatched
def put_(input, index, source, accumulate: bool = False):
    """put in place."""
    return copy_(tensor_arg(input, "put_"), put(input, index, source, accumulate))


@unbatched
def masked_scatter_(input, mask, source):
    """masked_scatter in place."""
    x = tensor_arg(input, "masked_scatter_")
    if tensor_arg(mask, "masked_scatter_", "mask", 2).dtype.name != "bool":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}: compare first, "
                           "as in x > 0")
    same_dtype(x, tensor_arg(source, "masked_scatter_", "source", 3), "masked_scatter: expected same dtypes; masked_scatter_")
    mask = expand(mask, x.shape)
    n = int(mask.sum().item())
    if source.numel() < n:
        raise RuntimeError(f"Number of elements of source < number of ones in mask: {source.numel()} < {n}")
    setitem(reshape(x, 1) if x.ndim == 0 else x, reshape(mask, 1) if x.ndim == 0 else mask, narrow(flatten(source), 0, 0, n))
    return x


@public("input mask source", node="MaskedScatterBackward0")
@unbatched
def masked_scatter(input, mask, source):
    """A copy of input with source's elements, in order, where mask is True.

    >>> tinygrad_c.masked_scatter(tinygrad_c.zeros(3), tinygrad_c.tensor([True, False, True]), tinygrad_c.tensor([1., 2., 3.]))
    tensor([1., 0., 2.])
    """
    x = tensor_arg(input, "masked_scatter")
    if x.shape != mask.shape:
        x = broadcast_tensors(x, mask)[0]
    return masked_scatter_(clone(x), mask, source)


# ---- scatter_reduce

@public("input index src", node="ScatterReduceBackward0", axis=True)
@takes_out
@unbatched
def scatter_reduce(input, dim: int, index, src, reduce: str, *, include_self: bool = True):
    """A copy of input with each element reduced (sum, prod, mean, amax, amin) with the elements of src that index sends to it.

    Input's own element is included, unless include_self=False. Elements that no index names are unchanged.
    Equal extremes share the gradient evenly.

    >>> tinygrad_c.scatter_reduce(tinygrad_c.zeros(2), 0, tinygrad_c.tensor([0, 0, 1]), tinygrad_c.tensor([1., 3., 5.]), "mean",
    ...                include_self=False)
    tensor([2., 5.])
    """
    x = tensor_arg(input, "scatter_reduce")
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    d = wrapped(dim, x.ndim)
    same_dtype(x, tensor_arg(src, "scatter_reduce", "src", 4), "scatter_reduce")
    if not include_self:
        x = indexing.scatter(x, d, index, {"prod": 1, "amax": lowest(x), "amin": highest(x)}.get(reduce, 0))
    if reduce == "sum":
        return scatter_add(x, d, index, src)
    if reduce == "mean":
        ones = x.new_ones(src.shape)
        own = x.new_ones(x.shape)
        count = scatter_add(own if include_self else indexing.scatter(own, d, index, 0), d, index, ones)
        total, count = scatter_add(x, d, index, src), clamp(count, min=1)
        return total / count if x.is_floating_point() else from_numpy(array_of(total) // array_of(count))
    if x.ndim == 0:
        x, index, src = reshape(x, 1), reshape(index, 1), reshape(src, 1)
        return reshape(scatter_reduce(x, 0, index, src, reduce), ())
    src = src[tuple([slice(0, n) for n in index.shape])]
    if reduce == "prod":                # within one slice of index no position repeats: multiply slice by slice
        for i in range(index.shape[d]):
            x = _graphed(x * indexing.scatter(x.new_ones(x.shape), d, narrow(index, d, i, 1), narrow(src, d, i, 1)), True)
        return x if index.shape[d] else clone(x)
    return extreme(x, d, index, src, reduce)


def lowest(x):
    return -float("inf") if x.is_floating_point() else 0 if x.dtype.name in ("uint8", "bool") else -2 ** (
        8 * x.element_size() - 1)


def highest(x):
    return float("inf") if x.is_floating_point() else {"uint8": 255, "bool": 1}.get(x.dtype.name) or 2 ** (
        8 * x.element_size() - 1) - 1


def extreme(x, d: int, index, src, reduce: str):
    """amax or amin of x and of what index sends to it; equal elements share the gradient."""
    import numpy
    out = array_of(x).copy(order="C")
    place = array_of(index) * math.prod(x.shape[d + 1:])         # in the flattened x: NumPy's ufunc.at is fast for one index
    for e, n in enumerate(index.shape):
        if e != d:
            along = numpy.arange(n) * math.prod(x.shape[e + 1:])
            place = place + along.reshape([-1 if k == e else 1 for k in range(index.ndim)])
    gather(x, d, index) if index.numel() else None          # IndexError for an index out of bounds
    flat = out.reshape(-1)                                  # a view: a copy of a tensor is contiguous
    with numpy.errstate(invalid="ignore"):                  # NaN
        (numpy.maximum if reduce == "amax" else numpy.minimum).at(flat, place.reshape(-1), array_of(src).reshape(-1))
    best = from_numpy(out)
    if not x.is_floating_point() or not (x.requires_grad or src.requires_grad):
        return best
    own, sent = x == best, src == gather(best, d, index)
    count = scatter_add(own.to(x.dtype), d, index, sent.to(x.dtype))
    zeros = x.new_zeros(())
    total = scatter_add(where(own, x, zeros), d, index, where(sent, src, zeros))
    return where(best.isnan(), best, total / clamp(count, min=1))


@public("input index src", axis=True)
def scatter_reduce_(input, dim: int, index, src, reduce: str, *, include_self: bool = True):
    """scatter_reduce in place."""
    x = tensor_arg(input, "scatter_reduce_")
    # Reduce a clone: a product saves its factors for the backward pass.
    return copy_(x, scatter_reduce(clone(x), dim, index, src, reduce, include_self=include_self))


@public("input index source", node="IndexReduceBackward0", axis=True)
@takes_out
@unbatched
def index_reduce(input, dim: int, index, source, reduce: str, *, include_self: bool = True):
    """A copy of input with the slices index[0], index[1], ... along dim reduced (prod, mean, amax or amin) with source's
    slices; include_self=False leaves out input's own.

    >>> tinygrad_c.index_reduce(tinygrad_c.ones(2), 0, tinygrad_c.tensor([0, 0]), tinygrad_c.tensor([3., 5.]), "amax")
    tensor([5., 1.])
    """
    x = tensor_arg(input, "index_reduce")
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    d = wrapped(dim, x.ndim)
    index, source = check_slices(x, d, index, source, "index_reduce")
    along = expand(reshape(index, [-1 if k == d else 1 for k in range(source.ndim)]), source.shape)
    if x.ndim == 0:
        return reshape(scatter_reduce(reshape(x, 1), 0, along, source, reduce, include_self=include_self), ())
    return scatter_reduce(x, d, along, source, reduce, include_self=include_self)


# ---- scatter, with all of torch's arguments

@public("input index", axis=True)
@takes_out
def scatter(input, dim: int, index, src: TensorBase | float | None = None, *, value=None, reduce: str | None = None):
    """A copy of input with out[index[i][j]][j] = src[i][j] for dim 0, out[i][index[i][j]] for dim 1, ...; src may be a number.

    Of several elements with one place the last stays; with reduce="add" or "multiply" all are added or multiplied to it.
    Raises RuntimeError for shapes that do not fit and for an index out of bounds (a negative one, too).

    >>> tinygrad_c.scatter(tinygrad_c.zeros(2, 3), 1, tinygrad_c.tensor([[2], [0]]), 1.)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    src = value if src is None else src
    if reduce is None:
        return indexing.scatter(input, dim, index, src)
    if reduce not in ("add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply., got {reduce}: scatter_reduce has others")
    src = src if hasattr(src, "ndim") else expand(input.new_full((), src), index.shape)
    return scatter_reduce(input, dim, index, src, "sum" if reduce == "add" else "prod")


@public("input index", axis=True)
def scatter_(input, dim: int, index, src: TensorBase | float | None = None, *, value=None, reduce: str | None = None):
    """scatter in place."""
    if reduce is None:
        return indexing.scatter_(input, dim, index, value if src is None else src)
    x = tensor_arg(input, "scatter_")
    return copy_(x, scatter(clone(x), dim, index, src, value=value, reduce=reduce))
