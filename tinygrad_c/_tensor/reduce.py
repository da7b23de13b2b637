"""Reductions, cumulative operations and statistics."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c._base.arguments import numpy_words, takes_out
from tinygrad_c._base.lazy import load
from tinygrad_c._base.public import public
from tinygrad_c.ops.reduce import reduce, scan, softmax, statistics

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


@public
@takes_out
def norm(input, p="fro", dim=None, keepdim: bool = False, dtype=None) -> Tensor:
    """The p-norm, sum(|x|^p)^(1/p), of all elements or over the dimensions `dim`. Default p=2; inf: max(|x|); "nuc": the
    sum of a matrix's singular values.

    The gradient is 0 where the norm is 0. RuntimeError for integers.

    >>> tinygrad_c.norm(tinygrad_c.tensor([3., 4.]))
    tensor(5.)
    """
    if p == "nuc":
        return load("linalg.norms", "matrix_norm")(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return reduce.norm(input, p, dim, keepdim, dtype=dtype)


class Reductions:
    __slots__ = ()

    def sum(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None, dtype=None) -> Tensor:
        """The sum of the elements, or along dim."""
        return reduce.sum(self, dim, keepdim if keepdims is None else keepdims, dtype=dtype, axis=axis)

    def mean(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None, dtype=None) -> Tensor:
        """The mean of the elements, or along dim."""
        return reduce.mean(self, dim, keepdim if keepdims is None else keepdims, dtype=dtype, axis=axis)

    def prod(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None, dtype=None) -> Tensor:
        """The product of the elements, or along dim."""
        return reduce.prod(self, dim, keepdim if keepdims is None else keepdims, dtype=dtype, axis=axis)

    def var(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, keepdims=None, correction=None) -> Tensor:
        """The variance with denominator n - correction; correction is 1 by default."""
        return reduce.var(self, dim, unbiased, keepdim if keepdims is None else keepdims, correction=correction, axis=axis)

    def std(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, keepdims=None, correction=None) -> Tensor:
        """The standard deviation: the root of var."""
        return reduce.std(self, dim, unbiased, keepdim if keepdims is None else keepdims, correction=correction, axis=axis)

    def norm(self, p="fro", dim=None, keepdim: bool = False, dtype=None) -> Tensor:
        """The p-norm of all elements or over dim; p="nuc": the sum of a matrix's singular values."""
        return norm(self, p, dim, keepdim, dtype=dtype)

    def max(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None):
        """The largest element; along dim, (values, indices)."""
        return reduce.max(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def min(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None):
        """The smallest element; along dim, (values, indices)."""
        return reduce.min(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def amax(self, dim=(), keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """The largest element along dim. Equal elements share the gradient."""
        return reduce.amax(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def amin(self, dim=(), keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """The smallest element along dim. Equal elements share the gradient."""
        return reduce.amin(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def argmax(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """The index of the largest element, in the flattened tensor or along dim."""
        return reduce.argmax(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def argmin(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """The index of the smallest element, in the flattened tensor or along dim."""
        return reduce.argmin(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def all(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """Whether all elements are true."""
        return reduce.all(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def any(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """Whether any element is true."""
        return reduce.any(self, dim, keepdim if keepdims is None else keepdims, axis=axis)

    def cumsum(self, dim=None, *, axis=None, dtype=None) -> Tensor:
        """The cumulative sum along dim."""
        return reduce.cumsum(self, dim, axis=axis, dtype=dtype)

    def softmax(self, dim=None, dtype=None, *, axis=None) -> Tensor:
        """e^x / sum of e^x along dim."""
        if dim is None and axis is None:
            raise TypeError('softmax() missing 1 required positional arguments: "dim"')
        return softmax.softmax(self, dim, dtype, axis=axis)

    def log_softmax(self, dim=None, dtype=None, *, axis=None) -> Tensor:
        """x - log(sum of e^x) along dim."""
        if dim is None and axis is None:
            raise TypeError('log_softmax() missing 1 required positional arguments: "dim"')
        return softmax.log_softmax(self, dim, dtype, axis=axis)

    def logsumexp(self, dim=None, keepdim: bool = False, *, axis=None, keepdims=None) -> Tensor:
        """log(sum of e^x) along dim."""
        return softmax.logsumexp(self, dim, keepdim, axis=axis, keepdims=keepdims)

    # ---- Cumulative along a dimension

    def cumprod(self, dim: int, *, dtype=None) -> Tensor:
        """The cumulative product along dim."""
        return reduce.cumprod(self, dim, dtype=dtype)

    @public(node="LogcumsumexpBackward0")
    def logcumsumexp(self, dim: int) -> Tensor:
        """The logarithm of the cumulative sum of e^x along dim."""
        return scan.logcumsumexp(self, dim)

    def cummax(self, dim: int):
        """The cumulative maximum along dim: (values, indices)."""
        return scan.cummax(self, dim)

    def cummin(self, dim: int):
        """The cumulative minimum along dim: (values, indices)."""
        return scan.cummin(self, dim)

    def diff(self, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
        """The n-th differences of adjacent elements along dim."""
        return scan.diff(self, n, dim, prepend, append)

    # ---- Statistics

    def aminmax(self, *, dim: int | None = None, keepdim: bool = False):
        """The smallest and the largest element: (min, max)."""
        return statistics.aminmax(self, dim=dim, keepdim=keepdim)

    def count_nonzero(self, dim=None) -> Tensor:
        """The number of nonzero elements."""
        return statistics.count_nonzero(self, dim)

    @public(node="NansumBackward0")
    def nansum(self, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
        """The sum with NaN treated as 0."""
        return statistics.nansum(self, dim, keepdim, dtype=dtype)

    def nanmean(self, dim=None, keepdim: bool = False, *, dtype=None) -> Tensor:
        """The mean of the elements that are not NaN."""
        return statistics.nanmean(self, dim, keepdim, dtype=dtype)

    def median(self, dim: int | None = None, keepdim: bool = False):
        """The median; along dim, (values, indices)."""
        return statistics.median(self, dim, keepdim)

    def nanmedian(self, dim: int | None = None, keepdim: bool = False):
        """The median of the elements that are not NaN."""
        return statistics.nanmedian(self, dim, keepdim)

    @public(node="ModeBackward0")
    def mode(self, dim: int = -1, keepdim: bool = False):
        """The most frequent element along dim: (values, indices)."""
        return statistics.mode(self, dim, keepdim)

    def quantile(self, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
        """The q-th quantile, interpolated between elements."""
        return statistics.quantile(self, q, dim, keepdim, interpolation=interpolation)

    def nanquantile(self, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
        """quantile of the elements that are not NaN."""
        return statistics.nanquantile(self, q, dim, keepdim, interpolation=interpolation)

    def cov(self, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor:
        """The covariance matrix of the rows."""
        return statistics.cov(self, correction=correction, fweights=fweights, aweights=aweights)

    def corrcoef(self) -> Tensor:
        """The correlation coefficients of the rows."""
        return statistics.corrcoef(self)

    def dist(self, other: Tensor, p: float = 2) -> Tensor:
        """The p-norm of the difference."""
        return statistics.dist(self, other, p)

    @public(node="RenormBackward0", axis=True)
    def renorm(self, p: float, dim: int, maxnorm: float) -> Tensor:
        """Scale each slice along dim down to norm maxnorm if its norm is larger."""
        return statistics.renorm(self, p, dim, maxnorm)

    cumsum_, cumprod_ = scan.cumsum_, scan.cumprod_

    (cumprod, logcumsumexp, cummax, cummin, diff, aminmax, count_nonzero, nansum, nanmean, median, nanmedian, mode, quantile,
     nanquantile, cumsum_, cumprod_, norm) = map(numpy_words, (
         cumprod, logcumsumexp, cummax, cummin, diff, aminmax, count_nonzero, nansum, nanmean, median, nanmedian, mode,
         quantile, nanquantile, cumsum_, cumprod_, norm))
