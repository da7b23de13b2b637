"""Constraints on parameters and values: the `arg_constraints` and the `support` of a distribution.

The classes have torch's names, so that biject_to and transform_to, which look up a transform by the class of a constraint, can
be extended as in torch.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_c import cat as _cat
from tinygrad_c import finfo, full
from tinygrad_c import stack as _stack
from tinygrad_c._base.lazy import lazy_names

__all__ = ["Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
           "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval",
           "is_dependent", "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative",
           "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer", "positive_semidefinite",
           "real", "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval"]
__getattr__, __dir__ = lazy_names(globals())


class Constraint:
    """A set of values. check(value) tests each event in `value`, which is its last event_dim dimensions.

    >>> tinygrad_c.distributions.constraints.positive.check(tinygrad_c.tensor([1., -1.]))
    tensor([ True, False])
    """

    is_discrete: Any = False
    event_dim: Any = 0
    _shown: tuple[str, ...] = ()        # the attributes that repr shows

    def check(self, value: Any) -> Any:
        """Whether each event in `value` is in the set: a bool tensor without the last event_dim dimensions.

        >>> tinygrad_c.distributions.constraints.simplex.check(tinygrad_c.tensor([0.25, 0.75]))
        tensor(True)
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}({', '.join(f'{name}={getattr(self, name)}' for name in self._shown)})"


def _all_events(ok: Any, dims: int) -> Any:
    """Whether all elements of the last dimensions are True."""
    return ok.flatten(-dims).all(-1) if dims > 1 else ok.all(-1) if dims else ok


class _Dependent(Constraint):
    """A constraint that depends on other values. It cannot be checked by itself."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> bool:
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> int:
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        return _Dependent(is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
                          event_dim=self._event_dim if event_dim is NotImplemented else event_dim)

    def check(self, value: Any) -> Any:
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """A property whose value is a constraint. On the class it is a dependent constraint.

    >>> class Above(tinygrad_c.distributions.Distribution):
    ...     @tinygrad_c.distributions.constraints.dependent_property(is_discrete=False, event_dim=0)
    ...     def support(self):
    ...         return tinygrad_c.distributions.constraints.greater_than(self.low)
    >>> Above.support.event_dim
    0
    """

    def __init__(self, function: Callable[[Any], Any] | None = None, *, is_discrete: Any = NotImplemented,
                 event_dim: Any = NotImplemented):
        property.__init__(self, function)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, function: Callable[[Any], Any]) -> _DependentProperty:       # type: ignore[override]
        return _DependentProperty(function, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: Constraint) -> bool:
    """Whether a constraint depends on other values.

    >>> is_dependent(real)
    False
    """
    return isinstance(constraint, _Dependent)


class _OfOthers(Constraint):
    """Base class of the constraints that are made of others."""

    def _parts(self) -> list[Constraint]:
        raise NotImplementedError

    @property
    def is_discrete(self) -> bool:
        """Whether one of the constraints that it is made of is discrete.

        >>> tinygrad_c.distributions.constraints.independent(boolean, 1).is_discrete
        True
        """
        return any(each.is_discrete for each in self._parts())


class _IndependentConstraint(_OfOthers):
    """All elements of the last dimensions satisfy `base_constraint`.

    >>> tinygrad_c.distributions.constraints.independent(tinygrad_c.distributions.constraints.real, 1).event_dim
    1
    """

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int):
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    def _parts(self) -> list[Constraint]:
        return [self.base_constraint]

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Any) -> Any:
        ok = self.base_constraint.check(value)
        if ok.dim() < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return _all_events(ok, self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(_OfOthers):
    """Values of a mixture: `base_constraint`, the support of the components, holds for each component.

    >>> tinygrad_c.distributions.constraints.MixtureSameFamilyConstraint(real).check(tinygrad_c.zeros(3))
    tensor([True, True, True])
    """

    def __init__(self, base_constraint: Constraint):
        self.base_constraint = base_constraint

    def _parts(self) -> list[Constraint]:
        return [self.base_constraint]

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim

    def check(self, value: Any) -> Any:
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return self.base_constraint.check(value.unsqueeze(-1 - self.event_dim)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint})"


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class _OneHot(_Boolean):
    """A vector with a single 1."""

    event_dim = 1

    def check(self, value: Any) -> Any:
        return super().check(value).all(-1) & (value.sum(-1) == 1)


class _Real(Constraint):
    """Any number but NaN."""

    def check(self, value: Any) -> Any:
        return value == value


class _Above(Constraint):
    _shown = ("lower_bound",)

    def __init__(self, lower_bound: Any):
        self.lower_bound = lower_bound


class _Below(Constraint):
    _shown = ("upper_bound",)

    def __init__(self, upper_bound: Any):
        self.upper_bound = upper_bound


class _Between(Constraint):
    _shown = ("lower_bound", "upper_bound")

    def __init__(self, lower_bound: Any, upper_bound: Any):
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class _GreaterThan(_Above):
    """x > lower_bound.

    >>> tinygrad_c.distributions.constraints.greater_than(0.).check(tinygrad_c.tensor([0., 1.]))
    tensor([False,  True])
    """

    def check(self, value: Any) -> Any:
        return value > self.lower_bound


class _GreaterThanEq(_Above):
    """x >= lower_bound.

    >>> tinygrad_c.distributions.constraints.greater_than_eq(0.).check(tinygrad_c.tensor([0., -1.]))
    tensor([ True, False])
    """

    def check(self, value: Any) -> Any:
        return value >= self.lower_bound


class _LessThan(_Below):
    """x < upper_bound.

    >>> tinygrad_c.distributions.constraints.less_than(1.).check(tinygrad_c.tensor([0., 1.]))
    tensor([ True, False])
    """

    def check(self, value: Any) -> Any:
        return value < self.upper_bound


class _Interval(_Between):
    """lower_bound <= x <= upper_bound.

    >>> tinygrad_c.distributions.constraints.interval(0., 1.).check(tinygrad_c.tensor([0.5, 2.]))
    tensor([ True, False])
    """

    def check(self, value: Any) -> Any:
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class _HalfOpenInterval(_Between):
    """lower_bound <= x < upper_bound.

    >>> tinygrad_c.distributions.constraints.half_open_interval(0., 1.).check(tinygrad_c.tensor([0., 1.]))
    tensor([ True, False])
    """

    def check(self, value: Any) -> Any:
        return (value >= self.lower_bound) & (value < self.upper_bound)


class _IntegerInterval(_Between):
    """Integers from lower_bound to upper_bound.

    >>> tinygrad_c.distributions.constraints.integer_interval(0, 3).check(tinygrad_c.tensor([0.5, 2.]))
    tensor([False,  True])
    """

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound) & (value <= self.upper_bound)


class _IntegerGreaterThan(_Above):
    """Integers from lower_bound on."""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound)


class _Simplex(Constraint):
    """Vectors of non-negative numbers with the sum 1 (within 1e-6)."""

    event_dim = 1

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _Multinomial(Constraint):
    """Counts (the last dimension) with a sum of at most upper_bound.

    >>> tinygrad_c.distributions.constraints.multinomial(3).check(tinygrad_c.tensor([1., 2.]))
    tensor(True)
    """

    is_discrete, event_dim = True, 1

    def __init__(self, upper_bound: Any):
        self.upper_bound = upper_bound

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


class _LowerTriangular(Constraint):
    """Matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        return _all_events(value.tril() == value, 2)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Any) -> Any:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Lower triangular matrices with a positive diagonal and rows of norm 1: the factors of correlation matrices."""

    def check(self, value: Any) -> Any:
        within = finfo(value.dtype).eps * value.shape[-1] * 10
        return super().check(value) & ((value.detach().norm(dim=-1) - 1).abs() <= within).all(-1)


class _Square(Constraint):
    """Matrices with as many rows as columns."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        return full(tuple(value.shape[:-2]), value.shape[-2] == value.shape[-1])


class _Symmetric(_Square):
    """Matrices that are their own transposes."""

    def check(self, value: Any) -> Any:
        square_ = super().check(value)
        return _all_events(value.isclose(value.mT, atol=1e-6), 2) if bool(square_.all()) else square_


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices without negative eigenvalues."""

    def check(self, value: Any) -> Any:
        ok = super().check(value)
        if not bool(ok.all()):
            return ok
        from tinygrad_c.linalg import eigvalsh
        return eigvalsh(value.detach()).ge(0).all(-1)


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues."""

    def check(self, value: Any) -> Any:
        ok = super().check(value)
        if not bool(ok.all()):
            return ok
        from tinygrad_c.linalg import cholesky_ex
        return cholesky_ex(value.detach()).info.eq(0)


class _Cat(_OfOthers):
    """Constraints for the parts of a tensor, of `lengths` along `dim`, as cat puts them together.

    >>> c = tinygrad_c.distributions.constraints
    >>> c.cat([c.real, c.positive], 0, [1, 2]).check(tinygrad_c.tensor([-1., -1., 1.]))
    tensor([ True, False,  True])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None):
        self.cseq, self.dim = list(cseq), dim
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        assert len(self.lengths) == len(self.cseq), "one length for each constraint"

    def _parts(self) -> list[Constraint]:
        return self.cseq

    @property
    def event_dim(self) -> int:
        return max(each.event_dim for each in self.cseq)

    def check(self, value: Any) -> Any:
        parts = value.split(self.lengths, self.dim)
        return _cat([each.check(part) for each, part in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_OfOthers):
    """Constraints for the slices of a tensor along `dim`, as stack puts them together.

    >>> c = tinygrad_c.distributions.constraints
    >>> c.stack([c.real, c.positive], 0).check(tinygrad_c.tensor([-1., -1.]))
    tensor([ True, False])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0):
        self.cseq, self.dim = list(cseq), dim

    def _parts(self) -> list[Constraint]:
        return self.cseq

    @property
    def event_dim(self) -> int:
        most = max(each.event_dim for each in self.cseq)
        return most + 1 if self.dim + most < 0 else most

    def check(self, value: Any) -> Any:
        return _stack([each.check(part) for each, part in zip(self.cseq, value.unbind(self.dim), strict=True)], self.dim)


dependent, dependent_property = _Dependent(), _DependentProperty
independent, greater_than, greater_than_eq, less_than = _IndependentConstraint, _GreaterThan, _GreaterThanEq, _LessThan
interval, half_open_interval, integer_interval, multinomial = _Interval, _HalfOpenInterval, _IntegerInterval, _Multinomial
cat, stack = _Cat, _Stack
real, boolean, one_hot, simplex = _Real(), _Boolean(), _OneHot(), _Simplex()
positive, nonnegative, unit_interval = greater_than(0.0), greater_than_eq(0.0), interval(0.0, 1.0)
nonnegative_integer, positive_integer = _IntegerGreaterThan(0), _IntegerGreaterThan(1)
real_vector = independent(real, 1)
lower_triangular, lower_cholesky, corr_cholesky = _LowerTriangular(), _LowerCholesky(), _CorrCholesky()
square, symmetric = _Square(), _Symmetric()
positive_semidefinite, positive_definite = _PositiveSemidefinite(), _PositiveDefinite()
