"""Sorting and searching: kernels compute the indices (ranks.pyx), and gather takes the elements and records the gradient."""
from __future__ import annotations

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.core.tape import TensorBase, _named, _without_derivative
from tinygrad_c.ops.arguments import array_of, numpy_words, results, takes_out, tensor_arg
from tinygrad_c.ops.create.create import clone, from_numpy
from tinygrad_c.ops.create.create import tensor as new_tensor
from tinygrad_c.ops.elementwise.elementwise import eq
from tinygrad_c.ops.indexing.index import gather
from tinygrad_c.ops.shape.shape import flatten, squeeze, wrapped
from tinygrad_c.ops.sorting.ranks import counted, first_in_order, groups, index_of_rank, search

sort_result = results("sort", "values", "indices")
topk_result = results("topk", "values", "indices")
kthvalue_result = results("kthvalue", "values", "indices")


def order_of(x, dim: int):
    """The indices that sort x along dim, stable, NaN as the largest: a NumPy array."""
    return array_of(first(x, dim, x.shape[dim] if x.ndim else 1))


def first(x, dim: int, count: int, descending: bool = False):
    """The indices of the first `count` elements in sorted order: int64."""
    return first_in_order(x, dim, count, descending) if x.ndim else new_tensor(0)


def take_sorted(x, dim: int, index, op: str):
    """(values, indices) of x at the given indices along dim; `op` is the name of the node."""
    return _named(clone(x) if x.ndim == 0 else gather(x, dim, index), op), index


@public
@takes_out
@unbatched
def sort(input, dim: int = -1, descending: bool = False, *, stable: bool = True):
    """Sort along dim: (values, indices). NaN is the largest; equal elements keep their order.

    >>> tinygrad_c.sort(tinygrad_c.tensor([3., 1., 2.])).values
    tensor([1., 2., 3.])
    """
    x = tensor_arg(input, "sort")
    d = wrapped(dim, x.ndim)
    return sort_result(take_sorted(x, d, first(x, d, x.shape[d] if x.ndim else 1, descending), "SortBackward0"))


@public
@numpy_words
def argsort(input, dim: int = -1, descending: bool = False, *, stable: bool = True):
    """The indices that sort the elements along dim: the indices of sort.

    >>> tinygrad_c.argsort(tinygrad_c.tensor([3., 1., 2.]))
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending)[1]


@public
@takes_out
def msort(input):
    """Sort along the first dimension.

    >>> tinygrad_c.msort(tinygrad_c.tensor([3., 1., 2.]))
    tensor([1., 2., 3.])
    """
    return sort(input, 0)[0]


@public
@takes_out
@unbatched
def topk(input, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """The k largest (or smallest) elements along dim, in descending (ascending) order: (values, indices).

    Raises RuntimeError if there are fewer than k.

    >>> tinygrad_c.topk(tinygrad_c.tensor([3., 1., 2.]), 2).values
    tensor([3., 2.])
    """
    x = tensor_arg(input, "topk")
    d = wrapped(dim, x.ndim)
    n = x.shape[d] if x.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(f"selected index k out of range: topk of {k} from {n} elements along dimension {d}")
    return topk_result(take_sorted(x, d, first(x, d, k, largest), "TopkBackward0"))


@public(node="KthvalueBackward0")
@takes_out
@unbatched
def kthvalue(input, k: int, dim: int = -1, keepdim: bool = False):
    """The k-th smallest element along dim, k counted from 1: (values, indices).

    >>> tinygrad_c.kthvalue(tinygrad_c.tensor([3., 1., 2.]), 2).values
    tensor(2.)
    """
    x = tensor_arg(input, "kthvalue")
    d = wrapped(dim, x.ndim)
    n = x.shape[d] if x.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}: k={k} of {n} elements")
    return kthvalue_result(at_rank(x, d, k - 1, keepdim))


def at_rank(x, d: int, rank: int, keepdim: bool) -> tuple:
    """(values, indices) of the element at position `rank` in sorted order; of equal elements, the first index."""
    if x.ndim == 0:
        return clone(x), new_tensor(0)
    index = index_of_rank(x, d, rank)
    values = gather(x, d, index)
    return (values, index) if keepdim else (squeeze(values, d), squeeze(index, d))


# ---- Searching in sorted sequences

@public("sorted_sequence input")
@takes_out
@unbatched
def searchsorted(sorted_sequence, input, *, out_int32: bool = False, right: bool = False, side: str | None = None,
                 sorter=None):
    """Where to insert each number in a sorted sequence: before equal elements; with right=True, after them.

    sorted_sequence: a vector, or (..., n) with input's leading dimensions. input: a tensor, or a number.

    >>> tinygrad_c.searchsorted(tinygrad_c.tensor([1., 2., 3.]), tinygrad_c.tensor([2., 9.]))
    tensor([1, 3])
    """
    import numpy
    rows = tensor_arg(sorted_sequence, "searchsorted", "sorted_sequence")
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was "
                           "True")
    x = input if isinstance(input, TensorBase) else new_tensor(input, dtype=rows.dtype)
    if rows.ndim != 1 and (rows.ndim == 0 or rows.shape[:-1] != x.shape[:-1]):
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
                           "boundaries tensor and input value tensor must match, but we got boundaries tensor "
                           f"{list(rows.shape)} and input value tensor {list(x.shape)}")
    side = "right" if right or side == "right" else "left"
    if rows.dtype is x.dtype:
        found = search(rows if sorter is None else gather(rows, -1, sorter), x, side == "right")
        return found.int() if out_int32 else found
    bounds, wanted = array_of(rows), array_of(x)            # NumPy promotes the dtypes
    if sorter is not None:
        bounds = numpy.take_along_axis(bounds, array_of(sorter), -1)
    if rows.ndim == 1:
        found = numpy.searchsorted(bounds, wanted, side)
    else:
        found = numpy.empty(wanted.shape, numpy.int64)
        for at in numpy.ndindex(wanted.shape[:-1]):
            found[at] = numpy.searchsorted(bounds[at], wanted[at], side)
    return from_numpy(numpy.asarray(found, numpy.int32 if out_int32 else numpy.int64))


@public
@takes_out
def bucketize(input, boundaries, *, out_int32: bool = False, right: bool = False):
    """The bucket of each number: the number of boundaries that are smaller (right=True: or equal).

    >>> tinygrad_c.bucketize(tinygrad_c.tensor([0.5, 2., 9.]), tinygrad_c.tensor([1., 2., 3.]))
    tensor([0, 1, 3])
    """
    if tensor_arg(boundaries, "bucketize", "boundaries", 2).ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@takes_out
@unbatched
def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False):
    """Whether each element is one of test_elements; with invert=True, whether it is not.

    >>> tinygrad_c.isin(tinygrad_c.tensor([1, 2, 3]), tinygrad_c.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    import numpy
    a, b = (array_of(x) if isinstance(x, TensorBase) else x for x in (elements, test_elements))
    if a is elements and b is test_elements:
        raise ValueError("isin(): at least one of elements and test_elements must be a tensor")
    if isinstance(elements, TensorBase) and isinstance(test_elements, TensorBase) and test_elements.numel() and (
            elements.dtype is test_elements.dtype):
        known = flatten(test_elements.detach())
        known = gather(known, 0, first(known, 0, known.numel()))
        at = search(known, elements.detach(), False).clamp_(max=known.numel() - 1)
        found = eq(gather(known, 0, flatten(at)).view(elements.shape), elements)
        return found.logical_not_() if invert else found
    return from_numpy(numpy.asarray(numpy.isin(a, b, assume_unique=assume_unique, invert=invert)))


# ---- Unique elements

@public
@unbatched
def unique(input, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """The unique elements in ascending order; along dim, the unique slices. NaN differs from itself.

    With return_inverse, also the index of each element of input in the result; with return_counts, also the counts.

    >>> tinygrad_c.unique(tinygrad_c.tensor([2, 1, 2]))
    tensor([1, 2])
    >>> tinygrad_c.unique(tinygrad_c.tensor([2, 1, 2]), return_inverse=True, return_counts=True)
    (tensor([1, 2]), tensor([1, 0, 1]), tensor([1, 2]))
    """
    import numpy
    x = tensor_arg(input, "unique")
    if dim is not None and x.ndim:
        dim = wrapped(dim, x.ndim)
    else:
        dim = None
    if dim is None:
        return _distinct(x, False, return_inverse, return_counts)
    found = numpy.unique(array_of(x), return_inverse=return_inverse, return_counts=return_counts, axis=dim, equal_nan=False)
    found = list(found) if isinstance(found, tuple) else [found]
    out = [from_numpy(numpy.ascontiguousarray(found[0]))]
    if return_inverse:
        out.append(from_numpy(numpy.asarray(found[1].reshape(-1), numpy.int64)))
    if return_counts:
        out.append(from_numpy(numpy.asarray(found[-1], numpy.int64)))
    return tuple(out) if len(out) > 1 else out[0]


def _distinct(x, consecutive: bool, return_inverse: bool, return_counts: bool):
    flat = flatten(x.detach())
    at, inverse, counts = groups(flat, consecutive)
    out = [gather(flat, 0, at), *([inverse.view(x.shape)] if return_inverse else []), *([counts] if return_counts else [])]
    return tuple(out) if len(out) > 1 else out[0]


@public
@unbatched
def unique_consecutive(input, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """Remove elements (or, along dim, slices) that equal the one before. The other results are those of unique.

    >>> tinygrad_c.unique_consecutive(tinygrad_c.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = tensor_arg(input, "unique_consecutive")
    if dim is None:
        return _distinct(x, True, return_inverse, return_counts)
    import numpy
    array = array_of(x)
    d = wrapped(dim, x.ndim) if x.ndim else 0
    rows = numpy.moveaxis(array, d, 0) if x.ndim else array.reshape(-1)
    n = rows.shape[0]
    new = numpy.ones(n, bool)
    if n > 1:
        new[1:] = (rows[1:] != rows[:-1]).reshape(n - 1, -1).any(1)
    starts = numpy.flatnonzero(new)
    out = [from_numpy(numpy.array(numpy.moveaxis(rows[starts], 0, d), order="C"))]
    if return_inverse:
        out.append(from_numpy(numpy.asarray(numpy.cumsum(new) - 1, numpy.int64)))
    if return_counts:
        out.append(from_numpy(numpy.diff(starts, append=n).astype(numpy.int64)))
    return tuple(out) if len(out) > 1 else out[0]


# ---- Counting

@public("input weights?")
@unbatched
def bincount(input, weights: TensorBase | None = None, minlength: int = 0):
    """The number of occurrences of 0, 1, ... in a vector of non-negative integers; with weights, the sums of their weights.

    >>> tinygrad_c.bincount(tinygrad_c.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    x = tensor_arg(input, "bincount")
    if x.is_floating_point():
        raise NotImplementedError('"bincount_cpu" not implemented for floating point: call .long()')
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if x.ndim != 1 or (x.numel() and x.min().item() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    size = max(minlength, int(x.max().item()) + 1 if x.numel() else 0)
    if weights is None:
        return counted(x.long(), size, None)
    if weights.shape != x.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    out = counted(x.long(), size, weights.detach().double())
    return _without_derivative(out.float() if weights.dtype.name == "float32" else out, "bincount", weights)


@public
@takes_out
@unbatched
def histc(input, bins: int = 100, min: float = 0, max: float = 0):
    """The number of elements in each of `bins` equal bins of [min, max]; by default, the range of the elements.

    >>> tinygrad_c.histc(tinygrad_c.tensor([1., 2., 2., 4.]), bins=3, min=1, max=4)
    tensor([1., 2., 1.])
    """
    import numpy
    x = tensor_arg(input, "histc")
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if max < min:
        raise RuntimeError("torch.histc: max must be larger than min")
    if not x.is_floating_point():
        raise NotImplementedError('"histogram_cpu" not implemented for integers: call .float()')
    array = array_of(x)
    if min == max and array.size:
        min, max = array.min(), array.max()
    if not (numpy.isfinite(min) and numpy.isfinite(max)):
        raise RuntimeError(f"torch.histc: range of [{min}, {max}] is not finite")
    if min == max:
        min, max = min - 1, max + 1
    array = array[(array >= min) & (array <= max)]
    place = numpy.minimum(((array - min) * (bins / (max - min))).astype(int), bins - 1)
    return from_numpy(numpy.bincount(place, minlength=bins).astype(array.dtype))
