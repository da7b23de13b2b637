"""Invertible transforms with the logarithm of their derivative, for TransformedDistribution."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import Tensor, full_like
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import sum_rightmost
from tinygrad_c.nn.functional import softplus

__all__ = ["AffineTransform", "ComposeTransform", "ExpTransform", "SigmoidTransform", "SoftplusTransform", "TanhTransform",
           "Transform"]
__getattr__, __dir__ = lazy_names(globals())


class Transform:
    """y = t(x) and x = t.inv(y). A subclass defines _call(x), _inverse(y) and log_abs_det_jacobian(x, y).

    cache_size=1 caches the last x and y, so t.inv(t(x)) is exactly x.

    >>> t = tinygrad_c.distributions.transforms.ExpTransform()
    >>> t.inv(t(tinygrad_c.tensor(2.)))
    tensor(2.)
    """

    bijective = True
    domain: Any = constraints.real
    codomain: Any = constraints.real
    sign: Any = 1           # 1 if y increases with x, -1 if it decreases

    def __init__(self, cache_size: int = 0):
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached_x_y: tuple = (None, None)

    def __call__(self, x: Any) -> Any:
        if self._cache_size and x is self._cached_x_y[0]:
            return self._cached_x_y[1]
        y = self._call(x)
        if self._cache_size:
            self._cached_x_y = x, y
        return y

    def _inv_call(self, y: Any) -> Any:
        if self._cache_size and y is self._cached_x_y[1]:
            return self._cached_x_y[0]
        x = self._inverse(y)
        if self._cache_size:
            self._cached_x_y = x, y
        return x

    @property
    def inv(self) -> Transform:
        """The inverse transform.

        >>> tinygrad_c.distributions.ExpTransform().inv(tensor(1.))
        tensor(0.)
        """
        return _Inverse(self)

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |dy / dx|.

        >>> t = tinygrad_c.distributions.AffineTransform(0., 3.)
        >>> t.log_abs_det_jacobian(tensor(1.), t(tensor(1.)))
        tensor(1.0986)
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, of: Transform):
        super().__init__()
        self._of = of
        self.domain, self.codomain, self.sign = of.codomain, of.domain, of.sign

    def __call__(self, x: Any) -> Any:
        return self._of._inv_call(x)

    def _inv_call(self, y: Any) -> Any:
        return self._of(y)

    @property
    def inv(self) -> Transform:
        return self._of

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._of.log_abs_det_jacobian(y, x)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._of!r})"


class ComposeTransform(Transform):
    """Apply several transforms in order.

    >>> t = tinygrad_c.distributions.transforms
    >>> t.ComposeTransform([t.AffineTransform(1., 2.), t.ExpTransform()])(tinygrad_c.tensor(0.))
    tensor(2.7183)
    """

    def __init__(self, parts: list[Transform], cache_size: int = 0):
        super().__init__(cache_size)
        self.parts = list(parts)
        if self.parts:
            self.domain, self.codomain = self.parts[0].domain, self.parts[-1].codomain
        self.sign = math.prod(part.sign for part in self.parts)

    def _call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        total, event_dim = 0.0, max((max(p.domain.event_dim, p.codomain.event_dim) for p in self.parts), default=0)
        for part in self.parts:
            y = part(x)
            total = total + sum_rightmost(part.log_abs_det_jacobian(x, y), event_dim - part.domain.event_dim)
            x = y
        return total

    def __repr__(self) -> str:
        return "ComposeTransform(\n    " + ",\n    ".join(repr(part) for part in self.parts) + "\n)"


class ExpTransform(Transform):
    """y = exp(x).

    >>> tinygrad_c.distributions.transforms.ExpTransform()(tinygrad_c.tensor(0.))
    tensor(1.)
    """

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x)).

    >>> tinygrad_c.distributions.transforms.SigmoidTransform()(tinygrad_c.tensor(0.))
    tensor(0.5000)
    """

    codomain = constraints.unit_interval

    def _call(self, x: Any) -> Any:
        return x.sigmoid().clamp(1e-37, 1 - 2.0 ** -24)

    def _inverse(self, y: Any) -> Any:
        y = y.clamp(1e-37, 1 - 2.0 ** -24)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Transform):
    """y = log(1 + exp(x)).

    >>> tinygrad_c.distributions.transforms.SoftplusTransform()(tinygrad_c.tensor(0.))
    tensor(0.6931)
    """

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class TanhTransform(Transform):
    """y = tanh(x).

    >>> tinygrad_c.distributions.transforms.TanhTransform()(tinygrad_c.tensor(0.))
    tensor(0.)
    """

    codomain = constraints.interval(-1.0, 1.0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TanhTransform)

    __hash__ = object.__hash__

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()        # not clamped, as in torch; near 1, cache_size=1 keeps the inverse exact

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AffineTransform(Transform):
    """y = loc + scale x. event_dim: the number of last dimensions that form one event.

    >>> tinygrad_c.distributions.transforms.AffineTransform(1., 2.)(tinygrad_c.tensor(3.))
    tensor(7.)
    """

    def __init__(self, loc, scale, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim
        if event_dim:
            self.domain = self.codomain = constraints.independent(constraints.real, event_dim)

    @property
    def sign(self) -> Any:
        return self.scale.sign() if isinstance(self.scale, Tensor) else math.copysign(1, self.scale)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if isinstance(self.scale, Tensor):
            found = self.scale.abs().log().expand(x.shape)
        else:
            found = full_like(x, math.log(abs(self.scale)))
        return sum_rightmost(found, self.event_dim)
