"""Methods that select elements by index or by order."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c._base.arguments import numpy_words
from tinygrad_c._base.public import public
from tinygrad_c.ops.indexing import index as indexing
from tinygrad_c.ops.indexing import write
from tinygrad_c.ops.sorting import order

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Indexing:
    __slots__ = ()

    @public("self index", axis=True)
    def gather(self, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
        """out[i][j] = self[index[i][j]][j] for dim 0, and so on."""
        return indexing.gather(self, dim, index)

    @public("self index", axis=True)
    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The slices of dimension dim at the indices in index."""
        return indexing.index_select(self, dim, index)

    @public("self index src", axis=True)
    def scatter_add(self, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """A copy with src added at the positions in index."""
        return indexing.scatter_add(self, dim, index, src)

    @public("self index", axis=True)
    def scatter(self, dim: int, index: Tensor, src: Tensor | float | None = None, *, value: float | None = None,
                reduce: str | None = None) -> Tensor:
        """A copy with src, or a number, written to the positions in index."""
        return write.scatter(self, dim, index, src, value=value, reduce=reduce)

    @public("self index src", node="ScatterReduceBackward0", axis=True)
    def scatter_reduce(self, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
        """A copy with each position reduced with the elements of src for it: sum, prod, mean, amax or amin."""
        return write.scatter_reduce(self, dim, index, src, reduce, include_self=include_self)

    @public("self indices", axis=True)
    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """gather, with self and indices broadcast in all dimensions except dim."""
        return indexing.take_along_dim(self, indices, dim)

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where mask is True, as a 1-d tensor."""
        return indexing.masked_select(self, mask)

    def nonzero(self, *, as_tuple: bool = False):
        """The indices of the elements that are not 0."""
        return indexing.nonzero(self, as_tuple=as_tuple)

    def masked_fill(self, mask: Tensor, value) -> Tensor:
        """value where mask is true, else self."""
        return indexing.masked_fill(self, mask, value)

    @public("self mask source", node="MaskedScatterBackward0")
    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """A copy with source's elements where mask is true."""
        return write.masked_scatter(self, mask, source)

    @public("self index source", node="IndexAddBackward0", axis=True)
    def index_add(self, dim: int, index: Tensor, source: Tensor, *, alpha=1) -> Tensor:
        """A copy with source's slices added to the slices at index."""
        return write.index_add(self, dim, index, source, alpha=alpha)

    @public("self index source", node="IndexCopyBackward0", axis=True)
    def index_copy(self, dim: int, index: Tensor, source: Tensor) -> Tensor:
        """A copy with the slices at index replaced by source's slices."""
        return write.index_copy(self, dim, index, source)

    @public("self index", node="IndexFillBackward0", axis=True)
    def index_fill(self, dim: int, index: Tensor, value) -> Tensor:
        """A copy with the slices at index filled with value."""
        return write.index_fill(self, dim, index, value)

    def index_put(self, indices, values: Tensor, accumulate: bool = False) -> Tensor:
        """A copy with values at self[indices]."""
        return write.index_put(self, indices, values, accumulate)

    @public("self index", node="TakeBackward0")
    def take(self, index: Tensor) -> Tensor:
        """The elements of the flattened tensor at the positions in index."""
        return write.take(self, index)

    @public("self index source", node="PutBackward0")
    def put(self, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
        """A copy with source's elements at positions of the flattened tensor."""
        return write.put(self, index, source, accumulate)

    def argwhere(self) -> Tensor:
        """The indices of the elements that are not 0."""
        return indexing.nonzero(self)

    # ---- In place

    scatter_add_ = indexing.scatter_add_
    scatter_ = write.scatter_
    scatter_reduce_ = write.scatter_reduce_
    masked_fill_ = indexing.masked_fill_
    masked_scatter_ = write.masked_scatter_
    index_add_ = write.index_add_
    index_copy_ = write.index_copy_
    index_fill_ = write.index_fill_
    index_put_ = write.index_put_
    put_ = write.put_

    # ---- Sorting

    def sort(self, dim: int = -1, descending: bool = False, *, stable: bool = True):
        """The elements sorted along dim: (values, indices)."""
        return order.sort(self, dim, descending, stable=stable)

    def argsort(self, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Tensor:
        """The indices that sort the elements along dim."""
        return order.argsort(self, dim, descending, stable=stable)

    def msort(self) -> Tensor:
        """The elements sorted along the first dimension."""
        return order.msort(self)

    def topk(self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
        """The k largest (or smallest) elements along dim: (values, indices)."""
        return order.topk(self, k, dim, largest, sorted)

    @public(node="KthvalueBackward0")
    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False):
        """The k-th smallest element along dim: (values, indices)."""
        return order.kthvalue(self, k, dim, keepdim)

    def unique(self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
        """The unique elements, or the unique slices along dim."""
        return order.unique(self, sorted, return_inverse, return_counts, dim)

    def unique_consecutive(self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
        """The elements without consecutive duplicates."""
        return order.unique_consecutive(self, return_inverse, return_counts, dim)

    def bincount(self, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
        """The number of occurrences of each integer 0, 1, ...."""
        return order.bincount(self, weights, minlength)

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
        """The histogram: the number of elements in each of the bins of [min, max]."""
        return order.histc(self, bins, min, max)

    sort, argsort, topk, kthvalue = map(numpy_words, (sort, argsort, topk, kthvalue))
