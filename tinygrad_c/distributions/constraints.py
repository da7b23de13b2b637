"""Constraints on parameters and values: the `arg_constraints` and the `support` of a distribution."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._base.lazy import lazy_names

__all__ = ["Constraint", "boolean", "dependent", "greater_than", "greater_than_eq", "independent", "integer_interval",
           "interval", "less_than", "lower_cholesky", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
           "positive", "positive_definite", "real", "real_vector", "simplex", "unit_interval"]
__getattr__, __dir__ = lazy_names(globals())


class Constraint:
    """A set of values. check(value) tests each event in `value`, which is its last event_dim dimensions.

    >>> tinygrad_c.distributions.constraints.positive.check(tinygrad_c.tensor([1., -1.]))
    tensor([ True, False])
    """

    def __init__(self, words: str, check: Callable[[Any], Any], event_dim: int = 0, is_discrete: bool = False):
        self.words, self.check, self.event_dim, self.is_discrete = words, check, event_dim, is_discrete

    def __repr__(self) -> str:
        return self.words


def independent(base: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """All elements of the last dimensions satisfy `base`.

    >>> independent(real, 1).event_dim
    1
    """
    def check(value: Any) -> Any:
        ok = base.check(value)
        for _ in range(reinterpreted_batch_ndims):
            ok = ok.all(-1)
        return ok
    return Constraint(f"IndependentConstraint({base}, {reinterpreted_batch_ndims})", check,
                      base.event_dim + reinterpreted_batch_ndims, base.is_discrete)


def greater_than(lower_bound) -> Constraint:
    """x > lower_bound.

    >>> greater_than(0.).check(tensor([0., 1.]))
    tensor([False,  True])
    """
    return Constraint(f"GreaterThan(lower_bound={lower_bound})", lambda x: x > lower_bound)


def greater_than_eq(lower_bound) -> Constraint:
    """x >= lower_bound.

    >>> greater_than_eq(0.).check(tensor([0., -1.]))
    tensor([ True, False])
    """
    return Constraint(f"GreaterThanEq(lower_bound={lower_bound})", lambda x: x >= lower_bound)


def less_than(upper_bound) -> Constraint:
    """x < upper_bound.

    >>> less_than(1.).check(tensor([0., 1.]))
    tensor([ True, False])
    """
    return Constraint(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


def interval(lower_bound, upper_bound) -> Constraint:
    """lower_bound <= x <= upper_bound.

    >>> interval(0., 1.).check(tensor([0.5, 2.]))
    tensor([ True, False])
    """
    return Constraint(f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})",
                      lambda x: (x >= lower_bound) & (x <= upper_bound))


def integer_interval(lower_bound, upper_bound) -> Constraint:
    """Integers from lower_bound to upper_bound.

    >>> integer_interval(0, 3).check(tensor([0.5, 2.]))
    tensor([False,  True])
    """
    return Constraint(f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
                      lambda x: (x % 1 == 0) & (x >= lower_bound) & (x <= upper_bound), is_discrete=True)


def multinomial(upper_bound) -> Constraint:
    """Counts (the last dimension) with a sum of at most upper_bound.

    >>> multinomial(3).check(tensor([1., 2.]))
    tensor(True)
    """
    return Constraint("Multinomial()", lambda x: (x >= 0).all(-1) & (x.sum(-1) <= upper_bound), 1, True)


def _near(x: Any, y: Any, within: float = 1e-6) -> Any:
    return (x - y).abs() < within


real = Constraint("Real()", lambda x: x == x)
positive, nonnegative, unit_interval = greater_than(0.0), greater_than_eq(0.0), interval(0.0, 1.0)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
nonnegative_integer = Constraint("IntegerGreaterThan(lower_bound=0)", lambda x: (x % 1 == 0) & (x >= 0), is_discrete=True)
simplex = Constraint("Simplex()", lambda x: (x >= 0).all(-1) & _near(x.sum(-1), 1), 1)
one_hot = Constraint("OneHot()", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), 1, True)
real_vector = independent(real, 1)
lower_cholesky = Constraint("LowerCholesky()", lambda x: (x.tril() == x).flatten(-2).all(-1)
                            & (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1), 2)
dependent = Constraint("Dependent()", lambda x: x == x)


def _positive_definite(x: Any) -> Any:
    from tinygrad_c.linalg import eigvalsh
    return _near(x, x.mT).flatten(-2).all(-1) & (eigvalsh(x.detach()) > 0).all(-1)


positive_definite = Constraint("PositiveDefinite()", _positive_definite, 2)
