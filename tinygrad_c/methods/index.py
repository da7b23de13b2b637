"""Methods that choose numbers by their place."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import index

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Indexing:
    __slots__ = ()

    def gather(self, dim: int, index_: Tensor) -> Tensor:
        """out[i][j] = self[index[i][j]][j] for dim 0, and so on."""
        return index.gather(self, dim, index_)

    def index_select(self, dim: int, index_: Tensor) -> Tensor:
        """The rows (or columns, ...) whose numbers stand in the index."""
        return index.index_select(self, dim, index_)

    def scatter_add(self, dim: int, index_: Tensor, src: Tensor) -> Tensor:
        """A copy with src added at the places that the index names."""
        return index.scatter_add(self, dim, index_, src)

    def scatter_add_(self, dim: int, index_: Tensor, src: Tensor) -> Tensor:
        """scatter_add in place"""
        return index.scatter_add_(self, dim, index_, src)

    def scatter(self, dim: int, index_: Tensor, src: Tensor | float) -> Tensor:
        """A copy with src, or a number, written to the places that the index names."""
        return index.scatter(self, dim, index_, src)

    def scatter_(self, dim: int, index_: Tensor, src: Tensor | float) -> Tensor:
        """scatter in place"""
        return index.scatter_(self, dim, index_, src)

    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """gather, with self and indices broadcast together but for dim."""
        return index.take_along_dim(self, indices, dim)

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where mask is true, in a row."""
        return index.masked_select(self, mask)

    def nonzero(self, *, as_tuple: bool = False):
        """The indices of the elements that are not 0."""
        return index.nonzero(self, as_tuple=as_tuple)

    def masked_fill(self, mask: Tensor, value) -> Tensor:
        """value where mask is true, else self."""
        return index.masked_fill(self, mask, value)

    def masked_fill_(self, mask: Tensor, value) -> Tensor:
        """masked_fill in place"""
        return index.masked_fill_(self, mask, value)
