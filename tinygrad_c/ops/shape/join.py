"""Repeating, stacking and splitting tensors."""
from __future__ import annotations

import itertools

from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import numpy_words, takes_out, tensor_arg, tensors_arg, unpacked
from tinygrad_c.ops.create.create import arange, clone, zeros_
from tinygrad_c.ops.indexing.index import index_select
from tinygrad_c.ops.shape.shape import cat, chunk, expand, narrow, reshape, split, stack, unsqueeze, wrapped

# ---- Repeating


def repeat(input, *counts, repeats=None):
    """Repeat the tensor repeats[d] times along each dimension d; extra repeats add dimensions in front. A copy.

    >>> repeat(tinygrad_c.tensor([1, 2]), 2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    x, counts = tensor_arg(input, "repeat"), unpacked(counts, repeats)
    if len(counts) < x.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got "
                           f"{len(counts)} repeats for shape {list(x.shape)}")
    if any(n < 0 for n in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeats {list(counts)}")
    along = [d for d, n in enumerate(counts) if n != 1]
    if len(along) > 1 and len(counts) + len(along) > 12:        # too many dimensions at once: one at a time
        d = along[-1]
        return repeat(repeat(x, *counts[:d], *[1] * (len(counts) - d)), *[n if k == d else 1 for k, n in enumerate(counts)])
    sizes = (*[1] * (len(counts) - x.ndim), *x.shape)
    split = [1 if k else size for n, size in zip(counts, sizes) for k in ((1, 0) if n != 1 else (0,))]
    over = [n if k else size for n, size in zip(counts, sizes) for k in ((1, 0) if n != 1 else (0,))]
    return reshape(clone(expand(reshape(x, split), over)), [n * size for n, size in zip(counts, sizes)])


def repeat_along(x, dim: int, count: int, at: int):
    """Repeat x `count` times along dim: the whole sequence (at = dim), or each element (at = dim + 1)."""
    shape = [*x.shape[:at], count, *x.shape[at:]]
    return reshape(expand(unsqueeze(x, at), shape), (*x.shape[:dim], x.shape[dim] * count, *x.shape[dim + 1:]))


@public(node="RepeatBackward0")
def tile(input, *counts, dims=None):
    """repeat, with `dims` padded in front with ones to the number of dimensions.

    >>> tinygrad_c.tile(tinygrad_c.tensor([[1, 2]]), (2,))
    tensor([[1, 2, 1, 2]])
    """
    x, counts = tensor_arg(input, "tile"), unpacked(counts, dims)
    return repeat(x, *[1] * (x.ndim - len(counts)), *counts)


@public
@numpy_words
def repeat_interleave(input, repeats=None, dim: int | None = None, *, output_size: int | None = None):
    """Repeat each element consecutively, along dim or flattened; repeats may be a tensor with a count for each element.

    With a tensor of counts as the only argument: the index of each count, repeated that many times.

    >>> tinygrad_c.repeat_interleave(tinygrad_c.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    x = tensor_arg(input, "repeat_interleave")
    if repeats is None:
        return repeat_interleave(arange(x.numel()), x, 0, output_size=output_size)
    if dim is None:
        x, dim = reshape(x, -1), 0
    d = wrapped(dim, x.ndim)
    if isinstance(repeats, (list, tuple)):
        repeats = x.new_tensor(repeats, dtype=int)
    if isinstance(repeats, int) or repeats.numel() == 1:
        count = repeats if isinstance(repeats, int) else int(repeats.item())
        if count < 0:
            raise RuntimeError("repeats can not be negative" if isinstance(repeats, int) else "repeats has negative value")
        return repeat_along(x, d, count, d + 1)
    if repeats.ndim != 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.is_floating_point():
        raise RuntimeError("repeats has to be Long or Int tensor")
    counts = repeats.tolist()
    if len(counts) != x.shape[d]:
        raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = {len(counts)} and "
                           f"input.size({d}) = {x.shape[d]}")
    if any(n < 0 for n in counts):
        raise RuntimeError("repeats can not be negative")
    return index_select(x, d, x.new_tensor([i for i, n in enumerate(counts) for _ in range(n)], dtype=int))


# ---- A minimum number of dimensions

def each_of(tensors: tuple, function: str, change):
    """change(x) for one tensor, or a tuple of change(x) for several."""
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        return change(tensor_arg(tensors[0], function))
    return tuple([change(tensor_arg(x, function)) for x in unpacked(tensors)])


def atleast_1d(*tensors):
    """0-d tensors become vectors of one element; others are returned unchanged.

    >>> tinygrad_c.atleast_1d(tinygrad_c.tensor(1.))
    tensor([1.])
    """
    return each_of(tensors, "atleast_1d", lambda x: reshape(x, 1) if x.ndim == 0 else x)


def atleast_2d(*tensors):
    """0-d tensors and vectors become matrices of one row; others are returned unchanged.

    >>> tinygrad_c.atleast_2d(tinygrad_c.tensor([1., 2.]))
    tensor([[1., 2.]])
    """
    return each_of(tensors, "atleast_2d",
                   lambda x: reshape(x, 1, 1) if x.ndim == 0 else unsqueeze(x, 0) if x.ndim == 1 else x)


def atleast_3d(*tensors):
    """Tensors with at least three dimensions: a vector becomes (1, n, 1), a matrix (m, n, 1).

    >>> tinygrad_c.atleast_3d(tinygrad_c.tensor([1., 2.])).shape
    torch.Size([1, 2, 1])
    """
    return each_of(tensors, "atleast_3d", lambda x: reshape(x, 1, 1, 1) if x.ndim == 0 else reshape(x, 1, -1, 1)
                   if x.ndim == 1 else unsqueeze(x, -1) if x.ndim == 2 else x)


# ---- Joining

def non_empty(tensors, function: str) -> list:
    """The tensors as a list; RuntimeError if there are none."""
    found = tensors_arg(tensors, function)
    if not found:
        raise RuntimeError(f"{function} expects a non-empty TensorList")
    return found


@takes_out
def hstack(tensors):
    """Concatenate along dimension 1; vectors along dimension 0.

    >>> tinygrad_c.hstack([tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3])])
    tensor([1, 2, 3])
    """
    parts = [atleast_1d(x) for x in non_empty(tensors, "hstack")]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@takes_out
def vstack(tensors):
    """Concatenate along dimension 0; a vector is a row.

    >>> tinygrad_c.vstack([tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([atleast_2d(x) for x in non_empty(tensors, "vstack")], 0)


@takes_out
def dstack(tensors):
    """Concatenate along dimension 2, after atleast_3d.

    >>> tinygrad_c.dstack([tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    return cat([atleast_3d(x) for x in non_empty(tensors, "dstack")], 2)


@takes_out
def column_stack(tensors):
    """Concatenate along dimension 1; a vector is a column.

    >>> tinygrad_c.column_stack([tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    return hstack([reshape(x, -1, 1) if x.ndim < 2 else x for x in non_empty(tensors, "column_stack")])


def block_diag(*tensors):
    """A block diagonal matrix of the given matrices; a vector is a matrix of one row.

    >>> tinygrad_c.block_diag(tinygrad_c.tensor([[1, 2]]), tinygrad_c.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    for i, x in enumerate(tensors):
        if tensor_arg(x, "block_diag", "tensors").ndim > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} "
                               "dimensions")
    blocks = [atleast_2d(x) for x in tensors]
    if not blocks:
        return zeros_(1, 0)
    width, before, rows = sum([x.shape[1] for x in blocks]), 0, []
    for x in blocks:
        after = width - before - x.shape[1]
        rows.append(cat([x.new_zeros(x.shape[0], before), x, x.new_zeros(x.shape[0], after)], 1))
        before += x.shape[1]
    return cat(rows, 0)


# ---- Combining

def meshgrid(*tensors, indexing: str | None = None):
    """The coordinates of all points of a grid: for vectors of n0, n1, ... elements, tensors of shape (n0, n1, ...).

    indexing="ij" (the default), or "xy", which swaps the first two dimensions.

    >>> tinygrad_c.meshgrid(tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3, 4]), indexing="ij")[0]
    tensor([[1, 1],
            [2, 2]])
    """
    tensors = [tensor_arg(x, "meshgrid", "tensors") for x in unpacked(tensors)]
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(x.shape)}")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swapped = indexing == "xy" and len(tensors) > 1
    order = [tensors[1], tensors[0], *tensors[2:]] if swapped else tensors
    shape = [x.numel() for x in order]
    grids = [expand(reshape(x, *[-1 if k == d else 1 for k in range(len(order))]), shape) for d, x in enumerate(order)]
    return (grids[1], grids[0], *grids[2:]) if swapped else tuple(grids)


def cartesian_prod(*tensors):
    """The Cartesian product: all tuples with one element of each vector, as rows.

    >>> tinygrad_c.cartesian_prod(tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3]))
    tensor([[1, 3],
            [2, 3]])
    """
    for x in tensors:
        if tensor_arg(x, "cartesian_prod", "tensors").ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(x, -1) for x in meshgrid(*tensors)], 1)


@public
def combinations(input, r: int = 2, with_replacement: bool = False):
    """All combinations of r elements of a vector, as rows, in the order of the elements.

    >>> tinygrad_c.combinations(tinygrad_c.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    x = tensor_arg(input, "combinations")
    if x.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return x.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(x.numel()), r))
    index = x.new_tensor([i for row in rows for i in row], dtype=int)
    return reshape(index_select(x, 0, index), len(rows), r)


# ---- Splitting

@public
@numpy_words
def tensor_split(input, indices_or_sections, dim: int = 0):
    """Split into n parts, of which the first are larger by one if the size is not a multiple, or at the given indices. Views.

    >>> tinygrad_c.tensor_split(tinygrad_c.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    x = tensor_arg(input, "tensor_split")
    if x.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    d = wrapped(dim, x.ndim)
    n, at = x.shape[d], indices_or_sections
    if hasattr(at, "tolist"):
        at = at.tolist()
    if isinstance(at, int):
        if at <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {at}")
        if at > 1 << 24:
            raise RuntimeError(f"tensor_split into {at} sections makes more tensors than memory can hold")
        bounds = [n // at * i + min(i, n % at) for i in range(at + 1)]
    else:
        inner = [min(max(i + n if i < 0 else i, 0), n) for i in at]
        bounds = [0, *inner, n]
    return tuple([narrow(x, d, start, max(end - start, 0)) for start, end in itertools.pairwise(bounds)])


def divided(x, indices_or_sections, dim: int, function: str) -> tuple:
    if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or x.shape[dim] % indices_or_sections):
        raise RuntimeError(f"torch.{function} attempted to split along dimension {dim}, but the size of the dimension "
                           f"{x.shape[dim]} is not divisible by the split_size {indices_or_sections}!")
    return tensor_split(x, indices_or_sections, dim)


@public
def hsplit(input, indices_or_sections):
    """Split along dimension 1 (vectors: 0) into equal parts, or at the given indices. Views.

    >>> tinygrad_c.hsplit(tinygrad_c.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    x = tensor_arg(input, "hsplit")
    if x.ndim < 1:
        raise RuntimeError("torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 dimensions!")
    return divided(x, indices_or_sections, 0 if x.ndim == 1 else 1, "hsplit")


@public
def vsplit(input, indices_or_sections):
    """Split along dimension 0 into equal parts, or at the given indices. Views.

    >>> tinygrad_c.vsplit(tinygrad_c.tensor([[1, 2], [3, 4]]), 2)[1]
    tensor([[3, 4]])
    """
    x = tensor_arg(input, "vsplit")
    if x.ndim < 2:
        raise RuntimeError(f"torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with {x.ndim} "
                           "dimensions!")
    return divided(x, indices_or_sections, 0, "vsplit")


@public
def dsplit(input, indices_or_sections):
    """Split along dimension 2 into equal parts, or at the given indices. Views.

    >>> [x.shape for x in tinygrad_c.dsplit(tinygrad_c.zeros(1, 2, 4), 2)]
    [torch.Size([1, 2, 2]), torch.Size([1, 2, 2])]
    """
    x = tensor_arg(input, "dsplit")
    if x.ndim < 3:
        raise RuntimeError(f"torch.dsplit requires a tensor with at least 3 dimension, but got a tensor with {x.ndim} "
                           "dimensions!")
    return divided(x, indices_or_sections, 2, "dsplit")


@public(axis=True)
def split_with_sizes(input, split_sizes, dim: int = 0):
    """Split into parts of the given sizes. Views.

    >>> tinygrad_c.split_with_sizes(tinygrad_c.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return split(input, list(split_sizes), dim)


@public(axis=True)
def unsafe_chunk(input, chunks: int, dim: int = 0) -> tuple:
    """chunk. In torch, writes to the parts are not checked; here they are.

    >>> tinygrad_c.unsafe_chunk(tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return chunk(input, chunks, dim)


@public(axis=True)
def unsafe_split(tensor, split_size, dim: int = 0) -> tuple:
    """split. In torch, writes to the parts are not checked; here they are.

    >>> tinygrad_c.unsafe_split(tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return split(tensor, split_size, dim)
