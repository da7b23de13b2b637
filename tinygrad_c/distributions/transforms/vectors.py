"""Transforms of vectors and matrices, and of parts of tensors."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinygrad_c import Size, arange, cat, finfo, ones_like, stack, tril_indices
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import sum_rightmost
from tinygrad_c.distributions.transforms.scalar import TanhTransform, clipped_sigmoid
from tinygrad_c.distributions.transforms.transform import Transform
from tinygrad_c.linalg import cholesky
from tinygrad_c.nn.functional import logsigmoid

__all__ = ["CatTransform", "CorrCholeskyTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform", "ReshapeTransform",
           "SoftmaxTransform", "StackTransform", "StickBreakingTransform"]


class _Alike(Transform):
    """Base class of the transforms without parameters: two of one class are equal."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = object.__hash__


def _has_dims(shape: Any, n: int) -> Any:
    if len(shape) < n:
        raise ValueError(f"Too few dimensions on input: {tuple(shape)}, and one event has {n}")
    return shape


class SoftmaxTransform(_Alike):
    """y = exp(x) / sum of exp(x), over the last dimension. It is not bijective; its inverse is log(y).

    >>> tinygrad_c.distributions.transforms.SoftmaxTransform()(tinygrad_c.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain: Any = constraints.real_vector
    codomain: Any = constraints.simplex

    def _call(self, x: Any) -> Any:
        return x.softmax(-1)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return _has_dims(shape, 1)

    inverse_shape = forward_shape


class StickBreakingTransform(_Alike):
    """n real numbers to n + 1 probabilities: y_i = z_i (1 - z_0) .. (1 - z_(i-1)), z_i = sigmoid(x_i - log(n - i)).

    >>> tinygrad_c.distributions.transforms.StickBreakingTransform()(tinygrad_c.zeros(3))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    bijective: Any = True
    domain: Any = constraints.real_vector
    codomain: Any = constraints.simplex

    @staticmethod
    def _log_left(x: Any) -> Any:
        """log(n - i): with it, x = 0 gives equal probabilities."""
        n = x.shape[-1]
        return (n - arange(n, dtype=x.dtype)).log()

    def _call(self, x: Any) -> Any:
        z = clipped_sigmoid(x - self._log_left(x))
        one = ones_like(x[..., :1])
        return cat([z, one], -1) * cat([one, (1 - z).cumprod(-1)], -1)

    def _inverse(self, y: Any) -> Any:
        first = y[..., :-1]
        rest = (1 - first.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)      # rounding may make it negative
        return first.log() - rest.log() + self._log_left(first)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        t = x - self._log_left(x)
        return (logsigmoid(-t) + y[..., :-1].log()).sum(-1)         # dy_i / dx_i = y_i (1 - z_i), triangular

    def forward_shape(self, shape: Any) -> Any:
        return _has_dims(shape, 1)[:-1] + (shape[-1] + 1,)      # noqa: RUF005  (keeps a Size a Size)

    def inverse_shape(self, shape: Any) -> Any:
        return _has_dims(shape, 1)[:-1] + (shape[-1] - 1,)      # noqa: RUF005


class LowerCholeskyTransform(_Alike):
    """A square matrix to a lower triangular one with a positive diagonal: exp of the diagonal, zeros above it.

    >>> tinygrad_c.distributions.transforms.LowerCholeskyTransform()(tinygrad_c.ones(2, 2))
    tensor([[2.7183, 0.0000],
            [1.0000, 2.7183]])
    """

    domain: Any = constraints.independent(constraints.real, 2)
    codomain: Any = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Alike):
    """A square matrix to the positive definite L L^T, L its LowerCholeskyTransform.

    >>> tinygrad_c.distributions.transforms.PositiveDefiniteTransform()(tinygrad_c.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain: Any = constraints.independent(constraints.real, 2)
    codomain: Any = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(_Alike):
    """n (n - 1) / 2 real numbers to the Cholesky factor of a correlation matrix of n variables.

    The numbers are the rows below the diagonal. With r = tanh(x), y_ij = r_ij sqrt(1 - r_i0^2) .. sqrt(1 - r_i(j-1)^2), and
    the diagonal element makes the norm of each row 1 (Lewandowski, Kurowicka, Joe 2009: canonical partial correlations).

    >>> tinygrad_c.distributions.transforms.CorrCholeskyTransform()(tinygrad_c.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    bijective: Any = True
    domain: Any = constraints.real_vector
    codomain: Any = constraints.corr_cholesky

    def _call(self, x: Any) -> Any:
        eps = finfo(x.dtype).eps
        n = self.forward_shape(x.shape)[-1]
        rows, columns = tril_indices(n, n, -1)
        r = x.tanh().clamp(-1 + eps, 1 - eps)
        matrix = x.new_zeros(*x.shape[:-1], n, n).index_put((..., rows, columns), r)
        left = (1 - matrix ** 2).sqrt().cumprod(-1)
        left = cat([ones_like(left[..., :1]), left[..., :-1]], -1)
        return (matrix + x.new_ones(n).diag_embed()) * left

    def _inverse(self, y: Any) -> Any:
        n = y.shape[-1]
        rows, columns = tril_indices(n, n, -1)
        squares = y ** 2
        left = 1 - (squares.cumsum(-1) - squares)       # what the elements before leave of the squared norm 1
        r = y[..., rows, columns] / left[..., rows, columns].sqrt()
        return r.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """For the elements below the diagonal: r_ij occurs in y_ij and in the i - 1 - j elements between it and the diagonal.

        >>> t = tinygrad_c.distributions.CorrCholeskyTransform()
        >>> t.log_abs_det_jacobian(tinygrad_c.zeros(3), None)
        tensor(0.)
        """
        n = self.forward_shape(x.shape)[-1]
        rows, columns = tril_indices(n, n, -1)
        return ((1 + (rows - 1 - columns) / 2) * TanhTransform().log_abs_det_jacobian(x, None)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        count = _has_dims(shape, 1)[-1]
        n = (1 + math.isqrt(1 + 8 * count)) // 2
        if n * (n - 1) // 2 != count:
            raise ValueError(f"Input is not a flattened lower-diagonal number: {count} is not n (n - 1) / 2")
        return shape[:-1] + (n, n)      # noqa: RUF005

    def inverse_shape(self, shape: Any) -> Any:
        n = _has_dims(shape, 2)[-1]
        if shape[-2] != n:
            raise ValueError(f"Input is not square: {tuple(shape)}")
        return shape[:-2] + (n * (n - 1) // 2,)     # noqa: RUF005


class ReshapeTransform(Transform):
    """The last dimensions, in_shape, become out_shape.

    >>> tinygrad_c.distributions.transforms.ReshapeTransform((2, 3), (6,))(tinygrad_c.zeros(5, 2, 3)).shape
    torch.Size([5, 6])
    """

    bijective: Any = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements: "
                             f"{tuple(self.in_shape)}, {tuple(self.out_shape)}")

    @constraints.dependent_property
    def domain(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _copy(self, cache_size: int) -> Transform:
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x.new_zeros(tuple(x.shape[:x.dim() - len(self.in_shape)]))

    @staticmethod
    def _exchanged(shape: Any, old: Size, new: Size) -> Any:
        cut = len(_has_dims(shape, len(old))) - len(old)
        if tuple(shape[cut:]) != tuple(old):
            raise ValueError(f"Shape mismatch: expected {tuple(old)} but got {tuple(shape[cut:])}")
        return shape[:cut] + new

    def forward_shape(self, shape: Any) -> Any:
        return self._exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._exchanged(shape, self.out_shape, self.in_shape)


class CatTransform(Transform):
    """Transforms of parts of a tensor, of `lengths` along `dim`.

    >>> t = tinygrad_c.distributions.transforms
    >>> t.CatTransform([t.ExpTransform(), t.identity_transform], 0, [1, 2])(tinygrad_c.zeros(3))
    tensor([1., 0., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0):
        super().__init__(cache_size)
        self.transforms, self.dim = [each.with_cache(cache_size) for each in tseq], dim
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.transforms), "one length for each transform"

    @property
    def event_dim(self) -> int:
        return max(each.event_dim for each in self.transforms)

    @property
    def length(self) -> int:
        """The size along `dim`.

        >>> tinygrad_c.distributions.CatTransform([tinygrad_c.distributions.ExpTransform()], 0, [4]).length
        4
        """
        return sum(self.lengths)

    @property
    def bijective(self) -> bool:
        return all(each.bijective for each in self.transforms)

    @constraints.dependent_property
    def domain(self) -> constraints.Constraint:
        return constraints.cat([each.domain for each in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> constraints.Constraint:
        return constraints.cat([each.codomain for each in self.transforms], self.dim, self.lengths)

    def _copy(self, cache_size: int) -> Transform:
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, value: Any) -> Any:
        assert value.shape[self.dim] == self.length, (
            f"size({self.dim}) = {value.shape[self.dim]} must equal length {self.length}")
        return value.split(self.lengths, self.dim)

    def _call(self, x: Any) -> Any:
        return cat([each(part) for each, part in zip(self.transforms, self._parts(x), strict=True)], self.dim)

    def _inverse(self, y: Any) -> Any:
        return cat([each.inv(part) for each, part in zip(self.transforms, self._parts(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        event_dim = self.event_dim
        found = [sum_rightmost(each.log_abs_det_jacobian(a, b), event_dim - each.event_dim)
                 for each, a, b in zip(self.transforms, self._parts(x), self._parts(y), strict=True)]
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + event_dim
        return cat(found, dim) if dim < 0 else sum(found)       # parts of one event are added


class StackTransform(Transform):
    """Transforms of the slices of a tensor along `dim`.

    >>> t = tinygrad_c.distributions.transforms
    >>> t.StackTransform([t.ExpTransform(), t.identity_transform], 0)(tinygrad_c.zeros(2, 3))
    tensor([[1., 1., 1.],
            [0., 0., 0.]])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size)
        self.transforms, self.dim = [each.with_cache(cache_size) for each in tseq], dim

    @property
    def bijective(self) -> bool:
        return all(each.bijective for each in self.transforms)

    @constraints.dependent_property
    def domain(self) -> constraints.Constraint:
        return constraints.stack([each.domain for each in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> constraints.Constraint:
        return constraints.stack([each.codomain for each in self.transforms], self.dim)

    def _copy(self, cache_size: int) -> Transform:
        return StackTransform(self.transforms, self.dim, cache_size)

    def _slices(self, value: Any) -> Any:
        assert value.shape[self.dim] == len(self.transforms), (
            f"size({self.dim}) = {value.shape[self.dim]} must equal len(transforms) {len(self.transforms)}")
        return value.unbind(self.dim)

    def _call(self, x: Any) -> Any:
        return stack([each(part) for each, part in zip(self.transforms, self._slices(x), strict=True)], self.dim)

    def _inverse(self, y: Any) -> Any:
        return stack([each.inv(part) for each, part in zip(self.transforms, self._slices(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        parts = zip(self.transforms, self._slices(x), self._slices(y), strict=True)
        return stack([each.log_abs_det_jacobian(a, b) for each, a, b in parts], self.dim)
