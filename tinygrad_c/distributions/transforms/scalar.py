"""Transforms of each element by itself."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import Tensor, broadcast_shapes, finfo, full_like
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Distribution, broadcast_all, lazy, sum_rightmost
from tinygrad_c.distributions.transforms.transform import Transform
from tinygrad_c.nn.functional import softplus

__all__ = ["AbsTransform", "AffineTransform", "CumulativeDistributionTransform", "ExpTransform", "PowerTransform",
           "SigmoidTransform", "SoftplusTransform", "TanhTransform"]


class _Increasing(Transform):
    """Base class of the increasing functions of real numbers without parameters."""

    bijective: Any = True
    domain: Any = constraints.real
    sign: Any = 1

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = object.__hash__


class ExpTransform(_Increasing):
    """y = exp(x).

    >>> tinygrad_c.distributions.transforms.ExpTransform()(tinygrad_c.tensor(0.))
    tensor(1.)
    """

    codomain: Any = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


def clipped_sigmoid(x: Any) -> Any:
    """sigmoid(x) within the open interval (0, 1)."""
    limits = finfo(x.dtype)
    return x.sigmoid().clamp(limits.tiny, 1 - limits.eps)


class SigmoidTransform(_Increasing):
    """y = 1 / (1 + exp(-x)).

    >>> tinygrad_c.distributions.transforms.SigmoidTransform()(tinygrad_c.tensor(0.))
    tensor(0.5000)
    """

    codomain: Any = constraints.unit_interval

    def _call(self, x: Any) -> Any:
        return clipped_sigmoid(x)

    def _inverse(self, y: Any) -> Any:
        limits = finfo(y.dtype)
        y = y.clamp(limits.tiny, 1 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(_Increasing):
    """y = log(1 + exp(x)).

    >>> tinygrad_c.distributions.transforms.SoftplusTransform()(tinygrad_c.tensor(0.))
    tensor(0.6931)
    """

    codomain: Any = constraints.positive

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class TanhTransform(_Increasing):
    """y = tanh(x).

    >>> tinygrad_c.distributions.transforms.TanhTransform()(tinygrad_c.tensor(0.))
    tensor(0.)
    """

    codomain: Any = constraints.interval(-1.0, 1.0)

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()        # not clamped, as in torch; near 1, cache_size=1 keeps the inverse exact

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(Transform):
    """y = |x|. It is not bijective; its inverse is y itself.

    >>> tinygrad_c.distributions.transforms.AbsTransform()(tinygrad_c.tensor(-2.))
    tensor(2.)
    """

    domain: Any = constraints.real
    codomain: Any = constraints.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    __hash__ = object.__hash__

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


def _equal(a: Any, b: Any) -> bool:
    """Whether two numbers or tensors have the same values."""
    same = a == b
    return bool(same.all()) if isinstance(same, Tensor) else same


def _shape_with(shape: Any, *parameters: Any) -> Any:
    return broadcast_shapes(shape, *(p.shape for p in parameters if isinstance(p, Tensor)))


class PowerTransform(Transform):
    """y = x^exponent for x > 0.

    >>> tinygrad_c.distributions.transforms.PowerTransform(2.)(tinygrad_c.tensor(3.))
    tensor(9.)
    """

    bijective: Any = True
    domain: Any = constraints.positive
    codomain: Any = constraints.positive

    def __init__(self, exponent: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.exponent, = broadcast_all(exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _equal(self.exponent, other.exponent)

    __hash__ = object.__hash__

    def _copy(self, cache_size: int) -> Transform:
        return PowerTransform(self.exponent, cache_size)

    @lazy
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        return _shape_with(shape, self.exponent)

    inverse_shape = forward_shape


class AffineTransform(Transform):
    """y = loc + scale x. event_dim: the number of last dimensions that form one event.

    >>> tinygrad_c.distributions.transforms.AffineTransform(1., 2.)(tinygrad_c.tensor(3.))
    tensor(7.)
    """

    bijective: Any = True

    def __init__(self, loc, scale, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _equal(self.loc, other.loc) and _equal(self.scale, other.scale)

    __hash__ = object.__hash__

    def _copy(self, cache_size: int) -> Transform:
        return AffineTransform(self.loc, self.scale, self._event_dim, cache_size)

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, self._event_dim) if self._event_dim else constraints.real

    codomain: Any = domain

    @property
    def sign(self) -> Any:
        return self.scale.sign() if isinstance(self.scale, Tensor) else (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if isinstance(self.scale, Tensor):
            found = self.scale.abs().log().expand(_shape_with(x.shape, self.scale))
        else:
            found = full_like(x, math.log(abs(self.scale)))
        return sum_rightmost(found, self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        return _shape_with(shape, self.loc, self.scale)

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """y = P(X <= x) of a distribution with cdf and icdf: y is uniform if x is drawn from it.

    >>> d = tinygrad_c.distributions
    >>> d.CumulativeDistributionTransform(d.Normal(0., 1.))(tinygrad_c.tensor(0.))
    tensor(0.5000)
    """

    bijective: Any = True
    codomain: Any = constraints.unit_interval
    sign: Any = 1

    def __init__(self, distribution: Distribution, cache_size: int = 0):
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> constraints.Constraint:     # type: ignore[override]
        return self.distribution.support

    def _copy(self, cache_size: int) -> Transform:
        return CumulativeDistributionTransform(self.distribution, cache_size)

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)
