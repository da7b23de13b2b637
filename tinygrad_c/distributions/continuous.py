"""Continuous distributions of one real variable: location-scale families, Exponential, Uniform."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import empty, expm1, log1p, where
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Centred, Distribution, broadcast_all
from tinygrad_c.distributions.exp_family import ExponentialFamily

__all__ = ["Cauchy", "Exponential", "Gumbel", "HalfNormal", "Laplace", "LocScale", "Normal", "Uniform"]
HALF_LOG_2PI = math.log(2 * math.pi) / 2
EULER = 0.57721566490153286


def uniform_open(shape: Any, dtype: Any) -> Any:
    """Uniform samples in the open interval (0, 1): at its ends logarithms are infinite."""
    u = empty(tuple(shape), dtype=dtype).uniform_()
    tiny = 2.0 ** -24 if u.element_size() == 4 else 2.0 ** -53
    return u.clamp(tiny / 2, 1 - tiny)


class LocScale(Centred):
    """Base class of location-scale families: loc + scale * z. A subclass defines _standard, which draws z."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}     # noqa: RUF012  (torch's form)
    has_rsample = True
    support: Any = constraints.real

    def __init__(self, loc, scale, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def rsample(self, sample_shape=()) -> Any:
        return self.loc + self._standard(self._extended_shape(sample_shape)) * self.scale

    def _standard(self, shape) -> Any:
        """Samples for loc 0 and scale 1, a tensor of this shape."""
        raise NotImplementedError

    def _z(self, value: Any) -> Any:
        """Check value and return (value - loc) / scale."""
        if self._validate_args:
            self._validate_sample(value)
        return (value - self.loc) / self.scale


class Normal(LocScale, ExponentialFamily):
    """The density exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi)).

    >>> tinygrad_c.distributions.Normal(0., 1.).log_prob(tinygrad_c.tensor([0., 1.]))
    tensor([-0.9189, -1.4189])
    """

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.scale ** 2

    def _standard(self, shape) -> Any:
        return empty(tuple(shape), dtype=self.loc.dtype).normal_()

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return -((value - self.loc) ** 2) / (2 * self.scale ** 2) - self.scale.log() - HALF_LOG_2PI

    def cdf(self, value: Any) -> Any:
        return 0.5 * (1 + (self._z(value) / math.sqrt(2)).erf())

    def icdf(self, value: Any) -> Any:
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + HALF_LOG_2PI + self.scale.log()

    @property
    def _natural_params(self) -> tuple:
        return self.loc / self.scale ** 2, -0.5 * self.scale ** -2

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        return -0.25 * x ** 2 / y + 0.5 * (-math.pi / y).log()


class Laplace(LocScale):
    """The density exp(-|x - loc| / scale) / (2 scale).

    >>> tinygrad_c.distributions.Laplace(0., 1.).log_prob(tinygrad_c.tensor([0., 1.]))
    tensor([-0.6931, -1.6931])
    """

    @property
    def variance(self) -> Any:
        return 2 * self.scale ** 2

    @property
    def stddev(self) -> Any:
        return math.sqrt(2) * self.scale

    def _standard(self, shape) -> Any:
        u = uniform_open(shape, self.loc.dtype) - 0.5
        return -u.sign() * log1p(-2 * u.abs())

    def log_prob(self, value: Any) -> Any:
        return -self._z(value).abs() - (2 * self.scale).log()

    def cdf(self, value: Any) -> Any:
        z = self._z(value)
        return 0.5 - 0.5 * z.sign() * expm1(-z.abs())

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * log1p(-2 * term.abs())

    def entropy(self) -> Any:
        return 1 + (2 * self.scale).log()


class Cauchy(LocScale):
    """The density 1 / (pi scale (1 + ((x - loc) / scale)^2)). It has no mean.

    >>> tinygrad_c.distributions.Cauchy(0., 1.).log_prob(tinygrad_c.tensor(0.))
    tensor(-1.1447)
    """

    @property
    def mean(self) -> Any:
        return self.loc * math.nan

    @property
    def variance(self) -> Any:
        return self.loc.abs() * 0 + math.inf

    def _standard(self, shape) -> Any:
        return (math.pi * (uniform_open(shape, self.loc.dtype) - 0.5)).tan()

    def log_prob(self, value: Any) -> Any:
        return -math.log(math.pi) - self.scale.log() - log1p(self._z(value) ** 2)

    def cdf(self, value: Any) -> Any:
        return self._z(value).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        return self.loc + self.scale * (math.pi * (value - 0.5)).tan()

    def entropy(self) -> Any:
        return math.log(4 * math.pi) + self.scale.log()


class Gumbel(LocScale):
    """The density exp(-z - exp(-z)) / scale, z = (x - loc) / scale: the limit distribution of a maximum.

    >>> tinygrad_c.distributions.Gumbel(0., 1.).log_prob(tinygrad_c.tensor(0.))
    tensor(-1.)
    """

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * EULER

    @property
    def variance(self) -> Any:
        return (math.pi ** 2 / 6) * self.scale ** 2

    def _standard(self, shape) -> Any:
        return -(-uniform_open(shape, self.loc.dtype).log()).log()

    def log_prob(self, value: Any) -> Any:
        z = self._z(value)
        return -z - (-z).exp() - self.scale.log()

    def cdf(self, value: Any) -> Any:
        return (-(-self._z(value)).exp()).exp()

    def icdf(self, value: Any) -> Any:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Any:
        return self.scale.log() + (1 + EULER)


class HalfNormal(LocScale):
    """The distribution of |x| for x ~ Normal(0, scale).

    >>> tinygrad_c.distributions.HalfNormal(1.).mean
    tensor(0.7979)
    """

    arg_constraints = {"scale": constraints.positive}       # noqa: RUF012
    support = constraints.nonnegative

    def __init__(self, scale, validate_args: bool | None = None):
        super().__init__(0.0, scale, validate_args)

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        return self.scale ** 2 * (1 - 2 / math.pi)

    def _standard(self, shape) -> Any:
        return empty(tuple(shape), dtype=self.loc.dtype).normal_().abs()

    def log_prob(self, value: Any) -> Any:
        return math.log(2) - HALF_LOG_2PI - self._z(value) ** 2 / 2 - self.scale.log() + where(value >= 0, 0.0, -math.inf)

    def cdf(self, value: Any) -> Any:
        return (self._z(value) / math.sqrt(2)).erf()

    def icdf(self, value: Any) -> Any:
        return self.scale * value.erfinv() * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + HALF_LOG_2PI - math.log(2) + self.scale.log()


class Exponential(ExponentialFamily):
    """The density rate exp(-rate x), x >= 0.

    >>> tinygrad_c.distributions.Exponential(2.).mean
    tensor(0.5000)
    """

    arg_constraints = {"rate": constraints.positive}        # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate, validate_args: bool | None = None):
        self.rate, = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate.reciprocal()

    @property
    def mode(self) -> Any:
        return self.rate * 0

    @property
    def variance(self) -> Any:
        return self.rate ** -2

    def rsample(self, sample_shape=()) -> Any:
        return empty(tuple(self._extended_shape(sample_shape)), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return -expm1(-self.rate * value)

    def icdf(self, value: Any) -> Any:
        return -log1p(-value) / self.rate

    def entropy(self) -> Any:
        return 1 - self.rate.log()

    @property
    def _natural_params(self) -> tuple:
        return (-self.rate,)

    def _log_normalizer(self, x: Any) -> Any:
        return -(-x).log()


class Uniform(Distribution):
    """The density 1 / (high - low), low <= x < high.

    >>> tinygrad_c.distributions.Uniform(0., 4.).log_prob(tinygrad_c.tensor(1.))
    tensor(-1.3863)
    """

    has_rsample = True

    def __init__(self, low, high, validate_args: bool | None = None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low >= high")

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        return self.high * math.nan

    @property
    def variance(self) -> Any:
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape=()) -> Any:
        u = empty(tuple(self._extended_shape(sample_shape)), dtype=self.low.dtype).uniform_()
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        inside = (self.low <= value) & (value < self.high)
        return where(inside, 0.0, -math.inf) - (self.high - self.low).log()

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Any) -> Any:
        return self.low + value * (self.high - self.low)

    def entropy(self) -> Any:
        return (self.high - self.low).log()
