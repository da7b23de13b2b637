"""Methods that see the same numbers in another shape."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import shape

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Shapes:
    __slots__ = ()

    def reshape(self, *shape_) -> Tensor:
        """The same elements in another shape: a view where the strides allow it, else a copy."""
        return shape.reshape(self, *shape_)

    def view(self, *shape_) -> Tensor:
        """The same memory in another shape."""
        if len(shape_) == 1 and not isinstance(shape_[0], (int, tuple, list)) and hasattr(shape_[0], "itemsize"):
            raise RuntimeError("view(dtype) is not supported here: .to(dtype) converts")
        return shape.view(self, *shape_)

    def view_as(self, other: Tensor) -> Tensor:
        """view in other's shape."""
        return shape.view(self, other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """reshape in other's shape."""
        return shape.reshape(self, other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions start_dim to end_dim become one."""
        return shape.flatten(self, start_dim, end_dim)

    def ravel(self) -> Tensor:
        """All dimensions become one."""
        return shape.flatten(self)

    def squeeze(self, dim=None) -> Tensor:
        """Without the dimensions of size 1, or without those that dim names."""
        return shape.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of size 1 put in at dim."""
        return shape.unsqueeze(self, dim)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """With two dimensions swapped."""
        return shape.transpose(self, dim0, dim1)

    swapaxes = swapdims = transpose

    def permute(self, *dims) -> Tensor:
        """With the dimensions in the given order."""
        return shape.permute(self, *dims)

    def expand(self, *sizes) -> Tensor:
        """Dimensions of size 1 repeated to the given sizes, without memory."""
        return shape.expand(self, *sizes)

    def expand_as(self, other: Tensor) -> Tensor:
        """expand to other's shape."""
        return shape.expand(self, other.shape)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """Elements start to start + length of a dimension."""
        return shape.narrow(self, dim, start, length)

    def select(self, dim: int, index: int) -> Tensor:
        """Element `index` of a dimension, which goes away."""
        return shape.select(self, dim, index)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The parts along a dimension, without it."""
        return shape.unbind(self, dim)

    def split(self, split_size, dim: int = 0) -> tuple[Tensor, ...]:
        """Parts of the given size or sizes."""
        return shape.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts of equal size."""
        return shape.chunk(self, chunks, dim)

    def t(self) -> Tensor:
        """The transpose of a matrix."""
        return shape.t(self)
