"""Methods that change the shape, split, repeat and reorder elements."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c._base.arguments import numpy_words
from tinygrad_c._base.public import public
from tinygrad_c.ops.create import create
from tinygrad_c.ops.shape import diagonals, join, rearrange, reshape_inplace, shape

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Shapes:
    __slots__ = ()

    def reshape(self, *shape_) -> Tensor:
        """The same elements in another shape: a view if the strides allow it, else a copy."""
        return shape.reshape(self, *shape_)

    def view(self, *shape_) -> Tensor:
        """A view of the same memory in another shape, or, for view(dtype), read as another dtype of the same size.

        RuntimeError if the strides do not allow it; reshape makes a copy instead.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).view(4)
        tensor([1, 2, 3, 4])
        >>> tinygrad_c.tensor([1.]).view(tinygrad_c.int32)
        tensor([1065353216], dtype=torch.int32)
        """
        if len(shape_) == 1 and not isinstance(shape_[0], (int, tuple, list)) and hasattr(shape_[0], "itemsize"):
            return create.retyped(self, shape_[0])
        return shape.view(self, *shape_)

    def view_as(self, other: Tensor) -> Tensor:
        """view with other's shape.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).view_as(tinygrad_c.ones(1, 4))
        tensor([[1, 2, 3, 4]])
        """
        return shape.view(self, other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """reshape to other's shape.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).reshape_as(tinygrad_c.ones(4))
        tensor([1, 2, 3, 4])
        """
        return shape.reshape(self, other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Flatten dimensions start_dim to end_dim into one."""
        return shape.flatten(self, start_dim, end_dim)

    def ravel(self) -> Tensor:
        """Flatten to one dimension."""
        return shape.flatten(self)

    def unflatten(self, dim: int, sizes) -> Tensor:
        """Split one dimension into several."""
        return rearrange.unflatten(self, dim, sizes)

    def squeeze(self, dim=None, *, axis=None) -> Tensor:
        """Remove all dimensions of size 1, or those in dim."""
        return shape.squeeze(self, dim, axis=axis)

    def unsqueeze(self, dim: int | None = None, *, axis: int | None = None) -> Tensor:
        """Insert a dimension of size 1 at dim."""
        return shape.unsqueeze(self, dim, axis=axis)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Swap two dimensions."""
        return shape.transpose(self, dim0, dim1)

    swapaxes = swapdims = transpose

    def permute(self, *order, dims=None) -> Tensor:
        """Reorder the dimensions."""
        return shape.permute(self, *order, dims=dims)

    def expand(self, *sizes) -> Tensor:
        """Expand dimensions of size 1 to the given sizes, as a view."""
        return shape.expand(self, *sizes)

    def expand_as(self, other: Tensor) -> Tensor:
        """expand to other's shape.

        >>> tinygrad_c.tensor([1, 2]).expand_as(tinygrad_c.ones(2, 2))
        tensor([[1, 2],
                [1, 2]])
        """
        return shape.expand(self, other.shape)

    @public(axis=True)
    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """Elements start to start + length of a dimension."""
        return shape.narrow(self, dim, start, length)

    @public(axis=True)
    def select(self, dim: int, index: int) -> Tensor:
        """The slice at `index` of a dimension, without that dimension."""
        return shape.select(self, dim, index)

    def unbind(self, dim: int = 0, *, axis: int | None = None) -> tuple[Tensor, ...]:
        """The slices along a dimension, without that dimension."""
        return shape.unbind(self, dim, axis=axis)

    def split(self, split_size, dim: int = 0) -> tuple[Tensor, ...]:
        """Parts of the given size or sizes."""
        return shape.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0, *, axis: int | None = None) -> tuple[Tensor, ...]:
        """At most `chunks` parts of equal size."""
        return shape.chunk(self, chunks, dim, axis=axis)

    def t(self) -> Tensor:
        """The transpose of a matrix."""
        return shape.t(self)

    def movedim(self, source, destination) -> Tensor:
        """Move dimensions to other positions."""
        return rearrange.movedim(self, source, destination)

    moveaxis = movedim

    def adjoint(self) -> Tensor:
        """Swap the last two dimensions."""
        return rearrange.adjoint(self)

    def broadcast_to(self, size) -> Tensor:
        """Expand dimensions of size 1 to the given sizes, as a view."""
        return rearrange.broadcast_to(self, size)

    def sum_to_size(self, *size) -> Tensor:
        """Sum over the dimensions that broadcasting from `size` to this shape would repeat.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).sum_to_size(1, 2)
        tensor([[4, 6]])
        """
        return rearrange.sum_to_size(self, *size)

    @public(node="FlipBackward0")
    def flip(self, *along, dims=None) -> Tensor:
        """Reverse the elements along dims."""
        return rearrange.flip(self, *along, dims=dims)

    @public(node="FlipBackward0")
    def fliplr(self) -> Tensor:
        """Reverse the columns."""
        return rearrange.fliplr(self)

    @public(node="FlipBackward0")
    def flipud(self) -> Tensor:
        """Reverse the rows."""
        return rearrange.flipud(self)

    @public(node="RollBackward0")
    def roll(self, shifts, dims=None) -> Tensor:
        """Shift elements along dims, with wrap-around."""
        return rearrange.roll(self, shifts, dims)

    @public(node="Rot90Backward0")
    def rot90(self, k: int = 1, dims=(0, 1)) -> Tensor:
        """Rotate by 90 degrees k times."""
        return rearrange.rot90(self, k, dims)

    # ---- Repeat and split

    @public(node="RepeatBackward0")
    def repeat(self, *counts, repeats=None) -> Tensor:
        """Repeat the tensor repeats[d] times along each dimension d.

        >>> tinygrad_c.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
        """
        return join.repeat(self, *counts, repeats=repeats)

    @public(node="RepeatBackward0")
    def tile(self, *counts, dims=None) -> Tensor:
        """repeat; missing leading repeats are 1."""
        return join.tile(self, *counts, dims=dims)

    def repeat_interleave(self, repeats, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
        """Repeat each element consecutively."""
        return join.repeat_interleave(self, repeats, dim, output_size=output_size)

    def tensor_split(self, indices_or_sections, dim: int = 0) -> tuple[Tensor, ...]:
        """Split into n parts, or at the given indices."""
        return join.tensor_split(self, indices_or_sections, dim)

    def hsplit(self, indices_or_sections) -> tuple[Tensor, ...]:
        """Split along the columns."""
        return join.hsplit(self, indices_or_sections)

    def vsplit(self, indices_or_sections) -> tuple[Tensor, ...]:
        """Split along the rows."""
        return join.vsplit(self, indices_or_sections)

    def dsplit(self, indices_or_sections) -> tuple[Tensor, ...]:
        """Split along dimension 2."""
        return join.dsplit(self, indices_or_sections)

    @public(axis=True)
    def split_with_sizes(self, split_sizes, dim: int = 0) -> tuple[Tensor, ...]:
        """Parts of the given sizes."""
        return join.split_with_sizes(self, split_sizes, dim)

    # ---- Diagonals, windows

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """The diagonals of two dimensions, as the last dimension of a view."""
        return shape.diagonal(self, offset, dim1, dim2)

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:
        """Windows along a dimension: a view with the elements of each window in a new last dimension.

        >>> tinygrad_c.tensor([1, 2, 3, 4]).unfold(0, 2, 1)
        tensor([[1, 2],
                [2, 3],
                [3, 4]])
        """
        return shape.unfold(self, dimension, size, step)

    def as_strided(self, size, stride, storage_offset: int | None = None) -> Tensor:
        """A view of the memory with any shape and strides."""
        return shape.as_strided(self, size, stride, storage_offset)

    def diag(self, diagonal: int = 0) -> Tensor:
        """A vector as a diagonal matrix, or a matrix's diagonal."""
        return diagonals.diag(self, diagonal)

    def diagflat(self, offset: int = 0) -> Tensor:
        """A matrix with all elements on a diagonal."""
        return diagonals.diagflat(self, offset)

    @public(node="DiagEmbedBackward0")
    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        """Put the last dimension on the diagonal of two new dimensions."""
        return diagonals.diag_embed(self, offset, dim1, dim2)

    @public(node="TraceBackward0")
    def trace(self) -> Tensor:
        """The sum of a matrix's diagonal."""
        return diagonals.trace(self)

    def tril(self, diagonal: int = 0) -> Tensor:
        """The lower triangle; zeros above."""
        return diagonals.tril(self, diagonal)

    def triu(self, diagonal: int = 0) -> Tensor:
        """The upper triangle; zeros below."""
        return diagonals.triu(self, diagonal)

    tril_, triu_ = diagonals.tril_, diagonals.triu_

    # ---- Copies with a part replaced

    def select_scatter(self, src: Tensor, dim: int, index: int) -> Tensor:
        """A copy with the slice at `index` of a dimension replaced by src."""
        return diagonals.select_scatter(self, src, dim, index)

    def slice_scatter(self, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
                      step: int = 1) -> Tensor:
        """A copy with elements start to end of a dimension replaced by src."""
        return diagonals.slice_scatter(self, src, dim, start, end, step)

    def diagonal_scatter(self, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """A copy with the diagonal replaced by src."""
        return diagonals.diagonal_scatter(self, src, offset, dim1, dim2)

    def narrow_copy(self, dim: int, start: int, length: int) -> Tensor:
        """A copy of narrow.

        >>> tinygrad_c.tensor([1, 2, 3]).narrow_copy(0, 1, 2)
        tensor([2, 3])
        """
        return shape.narrow(self, dim, start, length).clone()

    # ---- In place

    squeeze_, unsqueeze_ = reshape_inplace.squeeze_, reshape_inplace.unsqueeze_
    transpose_, t_ = reshape_inplace.transpose_, reshape_inplace.t_
    swapaxes_ = swapdims_ = transpose_
    resize_, resize_as_ = reshape_inplace.resize_, reshape_inplace.resize_as_

    def fill_diagonal_(self, fill_value: float, wrap: bool = False) -> Tensor:
        """Set the diagonal's elements.

        >>> tinygrad_c.zeros(2, 2).fill_diagonal_(5)
        tensor([[5., 0.],
                [0., 5.]])
        """
        if self.ndim < 2:
            raise RuntimeError("dimensions must larger than 1")
        if self.ndim > 2 and len(set(self.shape)) > 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        if wrap and self.ndim == 2 and self.shape[0] > self.shape[1]:
            self.view(-1)[::self.shape[1] + 1].fill_(fill_value)
        elif self.ndim == 2:
            self.diagonal().fill_(fill_value)
        else:
            self.as_strided((self.shape[0],), (sum(self.stride()),)).fill_(fill_value)
        return self

    repeat_interleave, tensor_split, slice_scatter = map(numpy_words, (repeat_interleave, tensor_split, slice_scatter))
