"""Which formula is used for a pair of distributions."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_c._base.warn import warn
from tinygrad_c.distributions.distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]
_KL_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Decorator that registers a function for kl_divergence of these two classes and their subclasses.

    >>> class Point(tinygrad_c.distributions.Normal):
    ...     pass
    >>> @register_kl(Point, Point)
    ... def distance(p, q):
    ...     return (p.loc - q.loc).abs()
    >>> kl_divergence(Point(tensor(0.), tensor(1.)), Point(tensor(3.), tensor(1.)))
    tensor(3.)
    """
    for name, each in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(each, type) and issubclass(each, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {each}")

    def keep(function: Callable) -> Callable:
        _KL_REGISTRY[type_p, type_q] = function
        return function
    return keep


def _formula(type_p: type, type_q: type) -> Callable[[Any, Any], Any] | None:
    """The formula of the nearest base classes: the nearest of p's, then of q's; with a warning if the other order differs."""
    first = next((_KL_REGISTRY[a, b] for a in type_p.__mro__ for b in type_q.__mro__ if (a, b) in _KL_REGISTRY), None)
    other = next((_KL_REGISTRY[a, b] for b in type_q.__mro__ for a in type_p.__mro__ if (a, b) in _KL_REGISTRY), None)
    if first is not other:
        warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({type_p.__name__}, "
             f"{type_q.__name__})", RuntimeWarning)
    return first


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q), a tensor of the batch shape.

    >>> d = tinygrad_c.distributions
    >>> d.kl_divergence(d.Normal(0., 1.), d.Normal(1., 1.))
    tensor(0.5000)
    """
    formula = _formula(type(p), type(q))
    if formula is not None:
        return formula(p, q)
    raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}; "
                              "estimate it by (p.log_prob(x) - q.log_prob(x)).mean() with x = p.sample((n,))")
