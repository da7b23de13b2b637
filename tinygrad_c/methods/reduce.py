"""Methods that take many numbers to one, along dimensions."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import reduce, softmax

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Reductions:
    __slots__ = ()

    def sum(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The sum of the elements, or along dim."""
        return reduce.sum(self, dim, keepdim, dtype=dtype, axis=axis)

    def mean(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The mean of the elements, or along dim."""
        return reduce.mean(self, dim, keepdim, dtype=dtype, axis=axis)

    def prod(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The product of the elements, or along dim."""
        return reduce.prod(self, dim, keepdim, dtype=dtype, axis=axis)

    def var(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, correction=None) -> Tensor:
        """The variance, with n - correction (1 unless given) in the denominator."""
        return reduce.var(self, dim, unbiased, keepdim, correction=correction, axis=axis)

    def std(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, correction=None) -> Tensor:
        """The standard deviation: the root of var."""
        return reduce.std(self, dim, unbiased, keepdim, correction=correction, axis=axis)

    def norm(self, p="fro", dim=None, keepdim: bool = False) -> Tensor:
        """(sum |x|^p)^(1/p); p = 2 unless given."""
        return reduce.norm(self, p, dim, keepdim)

    def max(self, dim=None, keepdim: bool = False, *, axis=None):
        """The largest element; along dim, (values, indices)."""
        return reduce.max(self, dim, keepdim, axis=axis)

    def min(self, dim=None, keepdim: bool = False, *, axis=None):
        """The smallest element; along dim, (values, indices)."""
        return reduce.min(self, dim, keepdim, axis=axis)

    def amax(self, dim=(), keepdim: bool = False, *, axis=None) -> Tensor:
        """The largest element along dim; equal ones share the gradient."""
        return reduce.amax(self, dim, keepdim, axis=axis)

    def amin(self, dim=(), keepdim: bool = False, *, axis=None) -> Tensor:
        """The smallest element along dim; equal ones share the gradient."""
        return reduce.amin(self, dim, keepdim, axis=axis)

    def argmax(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Where the largest element is: its number in the flattened tensor, or its index along dim."""
        return reduce.argmax(self, dim, keepdim, axis=axis)

    def argmin(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Where the smallest element is: its number in the flattened tensor, or its index along dim."""
        return reduce.argmin(self, dim, keepdim, axis=axis)

    def all(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Whether all elements are true."""
        return reduce.all(self, dim, keepdim, axis=axis)

    def any(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Whether any element is true."""
        return reduce.any(self, dim, keepdim, axis=axis)

    def cumsum(self, dim, *, dtype=None) -> Tensor:
        """The running sum along dim."""
        return reduce.cumsum(self, dim, dtype=dtype)

    def softmax(self, dim, dtype=None) -> Tensor:
        """e^x / sum of e^x along dim."""
        return softmax.softmax(self, dim, dtype=dtype)

    def log_softmax(self, dim, dtype=None) -> Tensor:
        """x - log(sum of e^x) along dim."""
        return softmax.log_softmax(self, dim, dtype=dtype)

    def logsumexp(self, dim, keepdim: bool = False) -> Tensor:
        """log(sum of e^x) along dim."""
        return softmax.logsumexp(self, dim, keepdim)
