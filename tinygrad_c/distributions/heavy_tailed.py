"""Continuous distributions of lifetimes and large values: Pareto, Weibull, HalfCauchy, FisherSnedecor and their kind."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import expm1, log1p, where
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.continuous import EULER, Cauchy, Exponential, Uniform, uniform_open
from tinygrad_c.distributions.distribution import Distribution, broadcast_all
from tinygrad_c.distributions.gamma import Gamma, reparametrised_gamma
from tinygrad_c.distributions.transformed import TransformedDistribution
from tinygrad_c.distributions.transforms import AbsTransform, AffineTransform, ExpTransform, PowerTransform

__all__ = ["FisherSnedecor", "GeneralizedPareto", "HalfCauchy", "InverseGamma", "Kumaraswamy", "Pareto", "Weibull"]


class Pareto(TransformedDistribution):
    """The density alpha scale^alpha / x^(alpha + 1), x >= scale.

    >>> tinygrad_c.distributions.Pareto(1., 3.).mean
    tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}        # noqa: RUF012  (torch's form)

    def __init__(self, scale, alpha, validate_args: bool | None = None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Any:
        return where(self.alpha > 1, self.alpha * self.scale / (self.alpha - 1), math.inf)

    @property
    def mode(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        a = self.alpha
        return where(a > 2, self.scale ** 2 * a / ((a - 1) ** 2 * (a - 2)), math.inf)

    def entropy(self) -> Any:
        return (self.scale / self.alpha).log() + 1 + self.alpha.reciprocal()


class Weibull(TransformedDistribution):
    """The density k / s (x / s)^(k - 1) exp(-(x / s)^k), s the scale, k the concentration.

    >>> tinygrad_c.distributions.Weibull(2., 1.).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}        # noqa: RUF012
    support: Any = constraints.positive

    def __init__(self, scale, concentration, validate_args: bool | None = None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(self.scale.new_ones(self.scale.shape), validate_args=validate_args)
        super().__init__(base, [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)], validate_args)

    def _moment(self, n: int) -> Any:
        return (1 + n * self.concentration_reciprocal).lgamma().exp()

    @property
    def mean(self) -> Any:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Any:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** self.concentration_reciprocal

    @property
    def variance(self) -> Any:
        return self.scale ** 2 * (self._moment(2) - self._moment(1) ** 2)

    def entropy(self) -> Any:
        return EULER * (1 - self.concentration_reciprocal) + (self.scale * self.concentration_reciprocal).log() + 1


class HalfCauchy(TransformedDistribution):
    """The distribution of |x| for x ~ Cauchy(0, scale). It has no mean.

    >>> tinygrad_c.distributions.HalfCauchy(1.).log_prob(tinygrad_c.tensor(0.))
    tensor(-0.4516)
    """

    arg_constraints = {"scale": constraints.positive}       # noqa: RUF012
    support: Any = constraints.nonnegative

    def __init__(self, scale, validate_args: bool | None = None):
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(), validate_args)

    @property
    def scale(self) -> Any:
        """The median.

        >>> tinygrad_c.distributions.HalfCauchy(2.).scale
        tensor(2.)
        """
        return self.base_dist.scale

    @property
    def mean(self) -> Any:
        return self.scale * 0 + math.inf

    @property
    def mode(self) -> Any:
        return self.scale * 0

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)


class InverseGamma(TransformedDistribution):
    """The distribution of 1 / x for x ~ Gamma(concentration, rate).

    >>> tinygrad_c.distributions.InverseGamma(3., 4.).mean
    tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}     # noqa: RUF012
    support: Any = constraints.positive

    def __init__(self, concentration, rate, validate_args: bool | None = None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args)

    @property
    def concentration(self) -> Any:
        """The exponent of the density at large x, less 1.

        >>> tinygrad_c.distributions.InverseGamma(3., 4.).concentration
        tensor(3.)
        """
        return self.base_dist.concentration

    @property
    def rate(self) -> Any:
        """The rate of 1 / x: the scale of x.

        >>> tinygrad_c.distributions.InverseGamma(3., 4.).rate
        tensor(4.)
        """
        return self.base_dist.rate

    @property
    def mean(self) -> Any:
        return where(self.concentration > 1, self.rate / (self.concentration - 1), math.inf)

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        a = self.concentration
        return where(a > 2, self.rate ** 2 / ((a - 1) ** 2 * (a - 2)), math.inf)

    def entropy(self) -> Any:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()


class Kumaraswamy(TransformedDistribution):
    """The density a b x^(a - 1) (1 - x^a)^(b - 1), 0 < x < 1; a is concentration1, b concentration0.

    >>> tinygrad_c.distributions.Kumaraswamy(1., 1.).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}      # noqa: RUF012
    support: Any = constraints.unit_interval

    def __init__(self, concentration1, concentration0, validate_args: bool | None = None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = self.concentration0.new_zeros(self.concentration0.shape)
        super().__init__(Uniform(zero, zero + 1, validate_args=validate_args), [
            PowerTransform(self.concentration0.reciprocal()), AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal())], validate_args)

    def _moment(self, n: int) -> Any:
        """E[x^n] = b B(1 + n / a, b)."""
        b, c = self.concentration0, 1 + n / self.concentration1
        return (c.lgamma() + (b + 1).lgamma() - (b + c).lgamma()).exp()

    @property
    def mean(self) -> Any:
        return self._moment(1)

    @property
    def mode(self) -> Any:
        a, b = self.concentration1, self.concentration0
        found = ((a - 1) / (a * b - 1)) ** a.reciprocal()
        return where((a < 1) | (b < 1) | ((a == 1) & (b == 1)), math.nan, found)

    @property
    def variance(self) -> Any:
        return self._moment(2) - self._moment(1) ** 2

    def entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        return 1 - b.reciprocal() + (1 - a.reciprocal()) * ((b + 1).digamma() + EULER) - a.log() - b.log()


class FisherSnedecor(Distribution):
    """The F distribution: the ratio of two chi-squared variables, each divided by its degrees of freedom df1 and df2.

    >>> tinygrad_c.distributions.FisherSnedecor(1., 4.).mean
    tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}        # noqa: RUF012
    support: Any = constraints.positive
    has_rsample = True

    def __init__(self, df1, df2, validate_args: bool | None = None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self) -> Any:
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return where(self.df1 > 2, found, math.nan)

    @property
    def variance(self) -> Any:
        m, n = self.df1, self.df2
        return where(n > 4, 2 * n ** 2 * (m + n - 2) / (m * (n - 2) ** 2 * (n - 4)), math.nan)

    def rsample(self, sample_shape=()) -> Any:
        shape = self._extended_shape(sample_shape)
        above, below = (reparametrised_gamma((df / 2).expand(shape)) / (df / 2) for df in (self.df1, self.df2))
        return above / below.clamp(min=1e-37)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        m, n = self.df1 / 2, self.df2 / 2
        ratio = self.df1 / self.df2
        log_beta = m.lgamma() + n.lgamma() - (m + n).lgamma()
        return m * ratio.log() + (m - 1) * value.log() - (m + n) * log1p(ratio * value) - log_beta


class GeneralizedPareto(Distribution):
    """The density (1 + c z)^(-1 - 1 / c) / scale, z = (x - loc) / scale >= 0, c the concentration; exp(-z) / scale for c = 0.

    The limit distribution of what exceeds a high threshold (Pickands 1975).

    >>> tinygrad_c.distributions.GeneralizedPareto(0., 1., 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}   # noqa: RUF012
    has_rsample = True

    def __init__(self, loc, scale, concentration, validate_args: bool | None = None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        end = where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    @property
    def _is_exponential(self) -> Any:
        """Where c is so near 0 that the limit is more exact."""
        return self.concentration.abs() < 1e-7

    def _nonzero_concentration(self) -> Any:
        return where(self._is_exponential, 1.0, self.concentration)

    @property
    def mean(self) -> Any:
        return where(self.concentration < 1, self.loc + self.scale / (1 - self.concentration), math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        c = self.concentration
        return where(c < 0.5, self.scale ** 2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape=()) -> Any:
        return self.icdf(uniform_open(self._extended_shape(sample_shape), self.loc.dtype))

    def log_survival_function(self, value: Any) -> Any:
        """log P(X > value).

        >>> tinygrad_c.distributions.GeneralizedPareto(0., 1., 0.).log_survival_function(tinygrad_c.tensor(2.))
        tensor(-2.)
        """
        if self._validate_args:
            self._validate_sample(value)
        z, c = (value - self.loc) / self.scale, self._nonzero_concentration()
        return -where(self._is_exponential, z, log1p(c * z) / c)

    def log_cdf(self, value: Any) -> Any:
        """log P(X <= value).

        >>> tinygrad_c.distributions.GeneralizedPareto(0., 1., 0.).log_cdf(tinygrad_c.tensor(2.))
        tensor(-0.1454)
        """
        return self.cdf(value).log()

    def log_prob(self, value: Any) -> Any:
        c = where(self._is_exponential, 0.0, self.concentration)
        return (1 + c) * self.log_survival_function(value) - self.scale.log()

    def cdf(self, value: Any) -> Any:
        return -expm1(self.log_survival_function(value))

    def icdf(self, value: Any) -> Any:
        t, c = -log1p(-value), self._nonzero_concentration()
        return self.loc + self.scale * where(self._is_exponential, t, expm1(c * t) / c)

    def entropy(self) -> Any:
        return self.scale.log() + self.concentration + 1
