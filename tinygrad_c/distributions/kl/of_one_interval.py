"""KL(p || q) of two distributions of different families on intervals, and of counts.

KL(p || q) = -H(p) - E_p[log q], and log q of these families is a sum of few functions of x: x, x^2, log x, log(1 - x),
exp(-x / b). So a table of their means under p, a table of E_p[log q], and one of the intervals give all pairs. It is infinite
where the interval of p is not within that of q.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinygrad_c import full, full_like, log1p, where, xlogy
from tinygrad_c.distributions.continuous import EULER, HALF_LOG_2PI, Exponential, Gumbel, Laplace, Normal, Uniform
from tinygrad_c.distributions.discrete import Bernoulli, Binomial, Poisson
from tinygrad_c.distributions.gamma import Beta, Gamma
from tinygrad_c.distributions.heavy_tailed import Pareto
from tinygrad_c.distributions.kl.registry import register_kl
from tinygrad_c.distributions.relaxed import ContinuousBernoulli

# The ends of the interval on which the density is positive.
ENDS: dict[type, Callable[[Any], tuple]] = {
    Beta: lambda p: (0.0, 1.0), ContinuousBernoulli: lambda p: (0.0, 1.0), Exponential: lambda p: (0.0, math.inf),
    Gamma: lambda p: (0.0, math.inf), Gumbel: lambda p: (-math.inf, math.inf), Laplace: lambda p: (-math.inf, math.inf),
    Normal: lambda p: (-math.inf, math.inf), Pareto: lambda p: (p.scale, math.inf), Uniform: lambda p: (p.low, p.high),
}


def _over_uniform(integral: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The mean under Uniform(low, high), given the integral."""
    return lambda p: (integral(p.high) - integral(p.low)) / (p.high - p.low)


# E_p[log x], E_p[log(1 - x)] and E_p[exp(-x / b)].
MEAN_LOG: dict[type, Callable[[Any], Any]] = {
    Beta: lambda p: p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma(),
    Exponential: lambda p: -EULER - p.rate.log(),
    Gamma: lambda p: p.concentration.digamma() - p.rate.log(),
    Pareto: lambda p: p.scale.log() + 1 / p.alpha,
    Uniform: _over_uniform(lambda x: xlogy(x, x) - x),
}
MEAN_LOG_REST: dict[type, Callable[[Any], Any]] = {
    Uniform: _over_uniform(lambda x: -xlogy(1 - x, 1 - x) - x),
}
MEAN_EXP: dict[type, Callable[[Any, Any], Any]] = {
    Exponential: lambda p, b: p.rate / (p.rate + 1 / b),
    Gamma: lambda p, b: (p.rate / (p.rate + 1 / b)) ** p.concentration,
    Normal: lambda p, b: (-p.loc / b + 0.5 * (p.scale / b) ** 2).exp(),
    Uniform: lambda p, b: b * ((-p.low / b).exp() - (-p.high / b).exp()) / (p.high - p.low),
}


def _mean(table: dict[type, Callable[..., Any]], p: Any, *args: Any) -> Any:
    """The entry for p's class or its nearest base class."""
    return next(table[kind] for kind in type(p).__mro__ if kind in table)(p, *args)


def _to_beta(p: Any, q: Beta) -> Any:
    a, b = q.concentration1, q.concentration0
    return ((a - 1) * _mean(MEAN_LOG, p) + (b - 1) * _mean(MEAN_LOG_REST, p)
            - a.lgamma() - b.lgamma() + (a + b).lgamma())


def _to_gamma(p: Any, q: Gamma) -> Any:
    a = q.concentration
    return a * q.rate.log() - a.lgamma() + (a - 1) * _mean(MEAN_LOG, p) - q.rate * p.mean


def _to_gumbel(p: Any, q: Gumbel) -> Any:
    return -q.scale.log() - (p.mean - q.loc) / q.scale - (q.loc / q.scale).exp() * _mean(MEAN_EXP, p, q.scale)


def _to_normal(p: Any, q: Normal) -> Any:
    return -q.scale.log() - HALF_LOG_2PI - (p.variance + (p.mean - q.loc) ** 2) / (2 * q.scale ** 2)


def _to_laplace(p: Normal, q: Laplace) -> Any:
    """E|x - loc| of a normal variable (the mean of a folded normal distribution)."""
    away = p.loc - q.loc
    z = away / p.scale
    distance = p.scale * math.sqrt(2 / math.pi) * (-0.5 * z ** 2).exp() + away * (z / math.sqrt(2)).erf()
    return -(2 * q.scale).log() - distance / q.scale


# E_p[log q] where the interval of p is within that of q.
CROSS: dict[type, Callable[[Any, Any], Any]] = {
    Beta: _to_beta, Gamma: _to_gamma, Gumbel: _to_gumbel, Normal: _to_normal, Laplace: _to_laplace,
    ContinuousBernoulli: lambda p, q: p.mean * q.logits + log1p(-q.probs) + q._log_constant(),
    Exponential: lambda p, q: q.rate.log() - q.rate * p.mean,
    Pareto: lambda p, q: q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean(MEAN_LOG, p),
    Uniform: lambda p, q: -(q.high - q.low).log(),
}
PAIRS: dict[type, tuple[type, ...]] = {
    Beta: (ContinuousBernoulli, Exponential, Gamma, Normal, Pareto, Uniform),
    ContinuousBernoulli: (Exponential, Normal, Pareto, Uniform),
    Exponential: (Beta, ContinuousBernoulli, Gamma, Gumbel, Normal, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Exponential, Gumbel, Normal, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Normal, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Normal, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Exponential, Gamma, Normal, Uniform),
    Uniform: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Normal, Pareto),
}



def _register(p_type: type, q_type: type) -> None:
    @register_kl(p_type, q_type)
    def divergence(p: Any, q: Any) -> Any:
        (low, high), (bottom, top) = ENDS[p_type](p), ENDS[q_type](q)
        outside = (low < bottom) | (high > top)
        if outside is False:
            return -p.entropy() - CROSS[q_type](p, q)
        if outside is True or bool(outside.all()):
            return full(tuple(p.batch_shape), math.inf, dtype=p.mean.dtype)
        return where(outside, math.inf, -p.entropy() - CROSS[q_type](p, q))


for _p, _others in PAIRS.items():
    for _q in _others:
        _register(_p, _q)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Any:
    return -p.entropy() - (xlogy(p.probs, q.rate) - q.rate)


@register_kl(Poisson, Bernoulli)
@register_kl(Poisson, Binomial)
def _poisson_bounded(p: Poisson, q: Any) -> Any:
    return full_like(p.rate, math.inf)
