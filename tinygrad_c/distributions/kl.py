"""Kullback-Leibler divergences KL(p || q) = E_p[log p - log q] in closed form."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinygrad_c import where, xlogy
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributions.continuous import Exponential, Laplace, Normal, Uniform
from tinygrad_c.distributions.discrete import Bernoulli, Binomial, Categorical, Geometric, OneHotCategorical, Poisson
from tinygrad_c.distributions.distribution import Distribution, Independent, sum_rightmost
from tinygrad_c.distributions.gamma import Beta, Dirichlet, Gamma
from tinygrad_c.distributions.multivariate import MultivariateNormal
from tinygrad_c.distributions.transformed import LogNormal
from tinygrad_c.linalg import solve_triangular

__all__ = ["kl_divergence", "register_kl"]
__getattr__, __dir__ = lazy_names(globals())
_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """Decorator that registers a function for kl_divergence of these two classes and their subclasses.

    >>> class Point(Normal):
    ...     pass
    >>> @register_kl(Point, Point)
    ... def distance(p, q):
    ...     return (p.loc - q.loc).abs()
    >>> kl_divergence(Point(tensor(0.), tensor(1.)), Point(tensor(3.), tensor(1.)))
    tensor(3.)
    """
    def keep(function: Callable) -> Callable:
        _FORMULAS[type_p, type_q] = function
        return function
    return keep


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q), a tensor of the batch shape.

    >>> d = tinygrad_c.distributions
    >>> d.kl_divergence(d.Normal(0., 1.), d.Normal(1., 1.))
    tensor(0.5000)
    """
    for one in type(p).__mro__:
        for two in type(q).__mro__:
            if (one, two) in _FORMULAS:
                return _FORMULAS[one, two](p, q)
    raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}; "
                              "estimate it by (p.log_prob(x) - q.log_prob(x)).mean() with x = p.sample((n,))")


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Any:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(LogNormal, LogNormal)
def _log_normal(p: LogNormal, q: LogNormal) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Any:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Any:
    inside = (q.low <= p.low) & (p.high <= q.high)
    return where(inside, ((q.high - q.low) / (p.high - p.low)).log(), math.inf)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Any:
    return (xlogy(p.probs, p.probs) - xlogy(p.probs, q.probs)
            + xlogy(1 - p.probs, 1 - p.probs) - xlogy(1 - p.probs, 1 - q.probs))


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Any:
    found = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return where(p.total_count > q.total_count, math.inf, found)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(OneHotCategorical, OneHotCategorical)
@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Any:
    each = where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, p.probs * (p.logits - q.logits)))
    return each.sum(-1)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Any:
    a, b = p.concentration, q.concentration
    return b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    return (total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
            + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1))


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Any:
    spread = (solve_triangular(q.scale_tril, p.scale_tril, upper=False) ** 2).sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (spread + q._distance(q.loc - p.loc) - p.event_shape[0])


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL of Independent distributions with different reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
