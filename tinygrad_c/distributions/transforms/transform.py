"""The base class Transform, inverses, and the transforms that are made of other transforms."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import zeros_like
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import lazy, sum_rightmost

__all__ = ["ComposeTransform", "IndependentTransform", "Transform", "identity_transform"]


class Transform:
    """y = t(x) and x = t.inv(y). A subclass defines _call(x), _inverse(y) and log_abs_det_jacobian(x, y).

    cache_size=1 caches the last x and y, so t.inv(t(x)) is exactly x.

    >>> t = tinygrad_c.distributions.transforms.ExpTransform()
    >>> t.inv(t(tinygrad_c.tensor(2.)))
    tensor(2.)
    """

    @property
    def bijective(self) -> Any:
        """Whether there is one x for each y.

        >>> tinygrad_c.distributions.AbsTransform().bijective
        False
        """
        return False

    @property
    def domain(self) -> Any:
        """The constraint on x.

        >>> tinygrad_c.distributions.ExpTransform().domain
        Real()
        """
        raise NotImplementedError

    @property
    def codomain(self) -> Any:
        """The constraint on y.

        >>> tinygrad_c.distributions.ExpTransform().codomain
        GreaterThan(lower_bound=0.0)
        """
        raise NotImplementedError

    def __init__(self, cache_size: int = 0):
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._cached_x_y: tuple = (None, None)
        self._inv: Transform | None = None

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_inv": None, "_cached_x_y": (None, None)}

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

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
    def event_dim(self) -> int:
        """The number of last dimensions that form one input, and one output.

        >>> tinygrad_c.distributions.ExpTransform().event_dim
        0
        """
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse transform; t.inv.inv is t.

        >>> tinygrad_c.distributions.ExpTransform().inv(tensor(1.))
        tensor(0.)
        """
        if self._inv is None:
            self._inv = _InverseTransform(self)
        return self._inv

    @property
    def sign(self) -> Any:
        """1 if y increases with x, -1 if it decreases.

        >>> tinygrad_c.distributions.AffineTransform(0., -2.).sign
        -1
        """
        raise NotImplementedError

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with another cache_size.

        >>> tinygrad_c.distributions.ExpTransform().with_cache() == tinygrad_c.distributions.ExpTransform()
        True
        """
        return self if self._cache_size == cache_size else self._copy(cache_size)

    def _copy(self, cache_size: int) -> Transform:
        if type(self).__init__ is not Transform.__init__:
            raise NotImplementedError(f"{type(self)}.with_cache is not implemented")
        return type(self)(cache_size=cache_size)

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |det dy / dx|.

        >>> t = tinygrad_c.distributions.AffineTransform(0., 3.)
        >>> t.log_abs_det_jacobian(tensor(1.), t(tensor(1.)))
        tensor(1.0986)
        """
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        """The shape of y, given that of x.

        >>> tinygrad_c.distributions.StickBreakingTransform().forward_shape((5, 2))
        (5, 3)
        """
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x, given that of y.

        >>> tinygrad_c.distributions.StickBreakingTransform().inverse_shape((5, 3))
        (5, 2)
        """
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _InverseTransform(Transform):
    def __init__(self, of: Transform):
        super().__init__(of._cache_size)
        self._inv: Any = of

    def __getstate__(self) -> dict:
        return self.__dict__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._inv == other._inv

    __hash__ = object.__hash__

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> constraints.Constraint:
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> constraints.Constraint:
        return self._inv.domain

    @property
    def bijective(self) -> bool:
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def _copy(self, cache_size: int) -> Transform:
        return self._inv.with_cache(cache_size).inv

    def __call__(self, x: Any) -> Any:
        return self._inv._inv_call(x)

    def _inv_call(self, y: Any) -> Any:
        return self._inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._inv!r})"


def _widened(constraint: constraints.Constraint, event_dim: int) -> constraints.Constraint:
    """The constraint for events of event_dim dimensions."""
    more = event_dim - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


class ComposeTransform(Transform):
    """Apply several transforms in order.

    >>> t = tinygrad_c.distributions.transforms
    >>> t.ComposeTransform([t.AffineTransform(1., 2.), t.ExpTransform()])(tinygrad_c.tensor(0.))
    tensor(2.7183)
    """

    def __init__(self, parts: list[Transform], cache_size: int = 0):
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else list(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = object.__hash__

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> constraints.Constraint:
        if not self.parts:
            return constraints.real
        dim = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):       # a part leaves dimensions before its own events as they are
            dim = max(dim - part.codomain.event_dim, 0) + part.domain.event_dim
        return _widened(self.parts[0].domain, dim)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> constraints.Constraint:
        if not self.parts:
            return constraints.real
        dim = self.parts[0].domain.event_dim
        for part in self.parts:
            dim = max(dim - part.domain.event_dim, 0) + part.codomain.event_dim
        return _widened(self.parts[-1].codomain, dim)

    @lazy
    def bijective(self) -> bool:
        return all(part.bijective for part in self.parts)

    @lazy
    def sign(self) -> Any:
        return math.prod(part.sign for part in self.parts)

    @property
    def inv(self) -> Transform:
        if self._inv is None:
            self._inv = ComposeTransform([part.inv for part in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def _copy(self, cache_size: int) -> Transform:
        return ComposeTransform(self.parts, cache_size)

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def _inv_call(self, y: Any) -> Any:
        return self.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return zeros_like(x)
        points = [x]
        for part in self.parts[:-1]:
            points.append(part(points[-1]))
        points.append(y)
        total, dim = 0.0, self.domain.event_dim
        for part, before, after in zip(self.parts, points, points[1:], strict=False):
            total = total + sum_rightmost(part.log_abs_det_jacobian(before, after), dim - part.domain.event_dim)
            dim += part.codomain.event_dim - part.domain.event_dim
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return "ComposeTransform(\n    " + ",\n    ".join(repr(part) for part in self.parts) + "\n)"


class IndependentTransform(Transform):
    """A transform whose last batch dimensions form one event: the logarithms of its derivatives are added up.

    >>> t = tinygrad_c.distributions.transforms
    >>> t.IndependentTransform(t.ExpTransform(), 1).log_abs_det_jacobian(tinygrad_c.tensor([1., 2.]), None)
    tensor(3.)
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0):
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> constraints.Constraint:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> constraints.Constraint:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _copy(self, cache_size: int) -> Transform:
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    def _checked(self, value: Any, constraint: constraints.Constraint) -> Any:
        if value.dim() < constraint.event_dim:
            raise ValueError(f"Too few dimensions on input: {value.dim()}, and one event has {constraint.event_dim}")
        return value

    def _call(self, x: Any) -> Any:
        return self.base_transform(self._checked(x, self.domain))

    def _inverse(self, y: Any) -> Any:
        return self.base_transform.inv(self._checked(y, self.codomain))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


identity_transform = ComposeTransform([])
