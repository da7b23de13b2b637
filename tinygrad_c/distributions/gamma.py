"""Gamma, and the distributions that are sampled with gamma variables: Beta, Dirichlet, Chi2, StudentT."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_c import arange, empty, from_numpy, igamma, log1p, randint, stack, where, xlogy
from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.continuous import LocScale
from tinygrad_c.distributions.distribution import broadcast_all
from tinygrad_c.distributions.exp_family import ExponentialFamily
from tinygrad_c.nn.functional import one_hot

__all__ = ["Beta", "Chi2", "Dirichlet", "Gamma", "StudentT"]


def standard_gamma(a: Any) -> Any:
    """Samples of Gamma(a, 1) by NumPy's sampler, under a seed that our generator draws; RandomState's streams are frozen."""
    state = np.random.RandomState(randint(2 ** 32, ()).item())
    return from_numpy(np.asarray(state.standard_gamma(a.detach().numpy(), size=tuple(a.shape)))).to(a.dtype)


def reparametrised_gamma(a: Any) -> Any:
    """Samples of Gamma(a, 1) with dx/da = -(dP(a, x)/da) / p(x): implicit reparametrisation (Figurnov et al. 2018).

    P(a, x) = sum over n of t_n = x^(a + n) e^-x / Gamma(a + n + 1), so dP/da = sum of t_n (log x - digamma(a + n + 1)). The
    terms are largest at n = x - a and negligible ten standard deviations beyond. In float64: the sum cancels in the tails.
    """
    tiny = 1e-37 if a.element_size() == 4 else 1e-300
    x = standard_gamma(a).clamp(min=tiny)
    if not a.requires_grad:
        return x
    with no_grad():
        a64, x64 = a.detach().double().unsqueeze(-1), x.double().unsqueeze(-1)
        terms = int((x64 - a64 + 10 * (x64.sqrt() + 3)).max().item()) + 20 if x.numel() else 1
        order = a64 + arange(terms, dtype=a64.dtype)
        weights = (order * x64.log() - x64 - (order + 1).lgamma()).exp()
        slope = (weights * (x64.log() - (order + 1).digamma())).sum(-1)
        density = ((a64 - 1) * x64.log() - x64 - a64.lgamma()).exp().squeeze(-1)
        slope = where(density > 0, -slope / density, 0.0).to(a.dtype)
    return x + (a - a.detach()) * slope


class Gamma(ExponentialFamily):
    """The density rate^a x^(a - 1) e^(-rate x) / Gamma(a) for x > 0, a the concentration.

    >>> tinygrad_c.distributions.Gamma(2., 4.).mean
    tensor(0.5000)
    """

    arg_constraints: Any = {"concentration": constraints.positive, "rate": constraints.positive}    # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args: bool | None = None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.rate

    @property
    def mode(self) -> Any:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Any:
        return self.concentration / self.rate ** 2

    def rsample(self, sample_shape=()) -> Any:
        shape = self._extended_shape(sample_shape)
        return reparametrised_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return xlogy(a, rate) + xlogy(a - 1, value) - rate * value - a.lgamma()

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return igamma(self.concentration, self.rate * value)

    def entropy(self) -> Any:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()

    @property
    def _natural_params(self) -> tuple:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return (x + 1).lgamma() - (x + 1) * (-y).log()


class Chi2(Gamma):
    """The sum of the squares of df standard normal variables: Gamma(df / 2, 1 / 2).

    >>> tinygrad_c.distributions.Chi2(3.).mean
    tensor(3.)
    """

    arg_constraints = {"df": constraints.positive}      # noqa: RUF012

    def __init__(self, df, validate_args: bool | None = None):
        self.df, = broadcast_all(df)
        super().__init__(0.5 * self.df, 0.5, validate_args)


class Dirichlet(ExponentialFamily):
    """Probabilities (..., n) that sum to 1, with density prod x_i^(a_i - 1) / B(a), a the concentration.

    >>> tinygrad_c.distributions.Dirichlet(tinygrad_c.tensor([1., 3.])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}       # noqa: RUF012
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args: bool | None = None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Any:
        excess = (self.concentration - 1).clamp(min=0)
        inside, corner = excess / excess.sum(-1, keepdim=True), one_hot(self.concentration.argmax(-1), self.event_shape[0])
        return where((self.concentration < 1).all(-1, keepdim=True), corner.to(inside.dtype), inside)

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total ** 2 * (total + 1))

    def rsample(self, sample_shape=()) -> Any:
        parts = reparametrised_gamma(self.concentration.expand(self._extended_shape(sample_shape)))
        return parts / parts.sum(-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return xlogy(a - 1, value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Any:
        a, total, n = self.concentration, self.concentration.sum(-1), self.concentration.shape[-1]
        return a.lgamma().sum(-1) - total.lgamma() - (n - total) * total.digamma() - ((a - 1) * a.digamma()).sum(-1)

    @property
    def _natural_params(self) -> tuple:
        return (self.concentration,)

    def _log_normalizer(self, x: Any) -> Any:
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()


class Beta(ExponentialFamily):
    """The density x^(concentration1 - 1) (1 - x)^(concentration0 - 1) / B for 0 < x < 1.

    >>> tinygrad_c.distributions.Beta(1., 3.).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}      # noqa: RUF012
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args: bool | None = None):
        one, zero = broadcast_all(concentration1, concentration0)
        self._dirichlet = Dirichlet(stack([one, zero], -1), validate_args=validate_args)
        super().__init__(one.shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Any:
        """alpha.

        >>> Beta(tensor(2.), tensor(3.)).concentration1
        tensor(2.)
        """
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Any:
        """beta.

        >>> Beta(tensor(2.), tensor(3.)).concentration0
        tensor(3.)
        """
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Any:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Any:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Any:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total ** 2 * (total + 1))

    def rsample(self, sample_shape=()) -> Any:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(stack([value, 1 - value], -1))

    def entropy(self) -> Any:
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return x.lgamma() + y.lgamma() - (x + y).lgamma()


class StudentT(LocScale):
    """loc + scale * t, t Student's t with df degrees of freedom: the density falls as |t|^-(df + 1).

    >>> tinygrad_c.distributions.StudentT(1.).log_prob(tinygrad_c.tensor(0.))
    tensor(-1.1447)
    """

    arg_constraints = {"df": constraints.positive, **LocScale.arg_constraints}      # noqa: RUF012

    def __init__(self, df, loc=0.0, scale=1.0, validate_args: bool | None = None):
        self.df, loc, scale = broadcast_all(df, loc, scale)
        super().__init__(loc, scale, validate_args)

    @property
    def mean(self) -> Any:
        return where(self.df > 1, self.loc, math.nan)

    @property
    def variance(self) -> Any:
        wide = self.scale ** 2 * self.df / (self.df - 2).clamp(min=1e-30)
        return where(self.df > 2, wide, where(self.df > 1, math.inf, math.nan))

    def _standard(self, shape) -> Any:
        chi2 = 2 * reparametrised_gamma((0.5 * self.df).expand(shape))
        return empty(tuple(shape), dtype=self.loc.dtype).normal_() * (self.df / chi2).sqrt()

    def log_prob(self, value: Any) -> Any:
        z, df = self._z(value), self.df
        norm = self.scale.log() + 0.5 * (df.log() + math.log(math.pi)) + (df / 2).lgamma() - ((df + 1) / 2).lgamma()
        return -0.5 * (df + 1) * log1p(z ** 2 / df) - norm

    def entropy(self) -> Any:
        half, df = (self.df + 1) / 2, self.df
        log_beta = (df / 2).lgamma() + math.log(math.pi) / 2 - half.lgamma()
        return self.scale.log() + half * (half.digamma() - (df / 2).digamma()) + 0.5 * df.log() + log_beta
