"""Diagonals and triangles of matrices."""
from __future__ import annotations

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import takes_out, tensor_arg
from tinygrad_c.ops.create.create import arange, clone
from tinygrad_c.ops.elementwise.elementwise import in_place
from tinygrad_c.ops.shape.shape import as_strided, flatten, select, stack, triangle, unsqueeze, wrapped
from tinygrad_c.ops.shape.shape import diagonal as diagonal_of


@public
@takes_out
def diag(input, diagonal: int = 0):
    """A matrix with the vector input on its diagonal; for a matrix, a copy of its diagonal.

    >>> tinygrad_c.diag(tinygrad_c.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    x = tensor_arg(input, "diag")
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim == 2:
        return clone(diagonal_of(x, diagonal))
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")


@public(node="DiagEmbedBackward0")
def diagflat(input, offset: int = 0):
    """A matrix with the flattened input on its diagonal.

    >>> tinygrad_c.diagflat(tinygrad_c.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(flatten(tensor_arg(input, "diagflat")), offset)


@public(node="DiagEmbedBackward0")
def diag_embed(input, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """Matrices in dimensions dim1 and dim2, with input's last dimension on the diagonal and zeros elsewhere.

    >>> tinygrad_c.diag_embed(tinygrad_c.tensor([[1, 2]]))
    tensor([[[1, 0],
             [0, 2]]])
    """
    x = tensor_arg(input, "diag_embed")
    if x.ndim == 0:
        raise RuntimeError("diag_embed: expected at least 1 dimension, but the tensor has none")
    d1, d2 = wrapped(dim1, x.ndim + 1), wrapped(dim2, x.ndim + 1)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = x.shape[-1] + abs(offset)
    rest = iter(x.shape[:-1])
    out = x.new_zeros([n if d in (d1, d2) else next(rest) for d in range(x.ndim + 1)])
    diagonal_of(out, offset, d1, d2).copy_(x)
    return out


@public(node="TraceBackward0")
def trace(input):
    """The sum of a matrix's diagonal.

    >>> tinygrad_c.trace(tinygrad_c.tensor([[1., 2.], [3., 4.]]))
    tensor(5.)
    """
    if tensor_arg(input, "trace").ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return diagonal_of(input).sum()


# ---- Triangles

def part(x, k: int, upper: bool, function: str):
    if tensor_arg(x, function).ndim < 2:
        raise RuntimeError(f"{function}: input tensor must have at least 2 dimensions")
    return triangle(x, k, upper)


@public
@takes_out
def tril(input, diagonal: int = 0):
    """The lower triangle, up to the given diagonal; the elements above it are 0.

    >>> tinygrad_c.tril(tinygrad_c.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return part(input, diagonal, False, "tril")


@public
@takes_out
def triu(input, diagonal: int = 0):
    """The upper triangle, from the given diagonal on; the elements below it are 0.

    >>> tinygrad_c.triu(tinygrad_c.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return part(input, diagonal, True, "triu")


tril_, triu_ = in_place(tril), in_place(triu)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype=int, device=None):
    """The indices of the lower triangle of a (row, col) matrix: row indices, then column indices.

    >>> tinygrad_c.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return triangle_indices(unsqueeze(arange(offset, row + offset), 1) >= arange(col), dtype, row, col)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype=int, device=None):
    """The indices of the upper triangle of a (row, col) matrix: row indices, then column indices.

    >>> tinygrad_c.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return triangle_indices(unsqueeze(arange(offset, row + offset), 1) <= arange(col), dtype, row, col)


def triangle_indices(inside, dtype, row: int, col: int):
    if row < 0 or col < 0:
        raise RuntimeError(f"row must be non-negative, got {row}" if row < 0 else f"col must be non-negative, got {col}")
    return stack(inside.nonzero(as_tuple=True)).to(dtype)


@public
def vander(x, N: int | None = None, increasing: bool = False):
    """The powers x^(N-1), ..., x, 1 of each element, in a new last dimension; with increasing=True, 1, x, ...

    >>> tinygrad_c.vander(tinygrad_c.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    x = tensor_arg(x, "vander", "x")
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.numel() if N is None else N
    x = x if x.is_floating_point() else x.long()
    parts = [x.new_ones(x.shape)]
    for _ in range(n - 1):
        parts.append(parts[-1] * x)
    if n <= 0:
        return x.new_empty((*x.shape, 0))
    return stack(parts if increasing else parts[::-1], -1)


# ---- Copies with a part replaced

def replaced(input, src, part_of, function: str):
    """A copy of input in which the view part_of(copy) is overwritten by src."""
    out = clone(tensor_arg(input, function))
    view = part_of(out)
    if view.shape != tensor_arg(src, function, "src", 2).shape:
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size "
                           f"= {list(view.shape)}")
    view.copy_(src)
    return out


@public("input src", node="SelectScatterBackward0")
@unbatched
def select_scatter(input, src, dim: int, index: int):
    """A copy of input with the slice at `index` of dimension dim replaced by src.

    >>> tinygrad_c.select_scatter(tinygrad_c.zeros(2, 2), tinygrad_c.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    return replaced(input, src, lambda x: select(x, dim, index), "select_scatter")


@public("input src", node="SliceScatterBackward0")
@takes_out
@unbatched
def slice_scatter(input, src, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """A copy of input with the slice start:end:step of dimension dim replaced by src.

    >>> tinygrad_c.slice_scatter(tinygrad_c.zeros(3), tinygrad_c.ones(2), 0, 1)
    tensor([0., 1., 1.])
    """
    key = slice(start, end, step)
    return replaced(input, src, lambda x: x[(slice(None),) * wrapped(dim, x.ndim) + (key,)], "slice_scatter")


@public("input src", node="AsStridedScatterBackward0")
@unbatched
def as_strided_scatter(input, src, size, stride, storage_offset: int = 0):
    """A copy of input with the view as_strided(copy, size, stride, storage_offset) overwritten by src.

    >>> tinygrad_c.as_strided_scatter(tinygrad_c.zeros(3), tinygrad_c.ones(2), (2,), (2,))
    tensor([1., 0., 1.])
    """
    return replaced(input, src, lambda x: as_strided(x, size, stride, storage_offset or 0), "as_strided_scatter")


@public("input src", node="DiagonalScatterBackward0")
@unbatched
def diagonal_scatter(input, src, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """A copy of input with a diagonal replaced by src.

    >>> tinygrad_c.diagonal_scatter(tinygrad_c.zeros(2, 2), tinygrad_c.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return replaced(input, src, lambda x: diagonal_of(x, offset, dim1, dim2), "diagonal_scatter")
