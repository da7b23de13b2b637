"""Discrete distributions: counts and categories, with parameters probs or logits."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import arange, bernoulli, binomial, empty, log1p, multinomial, poisson, where, xlogy
from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Distribution, broadcast_all, broadcast_shapes, lazy
from tinygrad_c.distributions.exp_family import ExponentialFamily
from tinygrad_c.distributions.gamma import standard_gamma
from tinygrad_c.nn.functional import binary_cross_entropy_with_logits, logsigmoid, one_hot, softplus

__all__ = ["Bernoulli", "Binomial", "Categorical", "Geometric", "Multinomial", "NegativeBinomial",
           "OneHotCategorical", "OneHotCategoricalStraightThrough", "Poisson"]


def _clamped(probs: Any) -> Any:
    """Clamp probabilities so that their logarithms are finite."""
    eps = 2.0 ** -23 if probs.element_size() == 4 else 2.0 ** -52
    return probs.clamp(eps, 1 - eps)


class ByProbsOrLogits(Distribution):
    """Base class of distributions with the parameter probs or logits. The other one is computed on first access."""

    arg_constraints: Any = {"probs": constraints.unit_interval, "logits": constraints.real}     # noqa: RUF012  (torch's form)

    def _set_param(self, probs: Any, logits: Any) -> Any:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        return logits if probs is None else probs

    def _set_two_way(self, probs: Any, logits: Any, *others: Any) -> tuple:
        """Set probs or logits, broadcast with the other parameters. Returns the others, broadcast."""
        *others, value = broadcast_all(*others, self._set_param(probs, logits))
        self.__dict__["logits" if probs is None else "probs"] = value
        return tuple(others)

    @property
    def _param(self) -> Any:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @lazy
    def logits(self) -> Any:
        """log(probs / (1 - probs))"""
        p = _clamped(self.probs)
        return p.log() - log1p(-p)

    @lazy
    def probs(self) -> Any:
        """sigmoid(logits)"""
        return self.logits.sigmoid()

    @property
    def param_shape(self) -> Any:
        return self._param.shape


class Bernoulli(ByProbsOrLogits, ExponentialFamily):
    """1 with probability probs, otherwise 0. logits is log(probs / (1 - probs)).

    >>> tinygrad_c.distributions.Bernoulli(tinygrad_c.tensor(0.25)).log_prob(tinygrad_c.tensor([0., 1.]))
    tensor([-0.2877, -1.3863])
    """

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        self._set_two_way(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value.to(logits.dtype), reduction="none")

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        values = arange(2, dtype=self._param.dtype).reshape(-1, *[1] * len(self.batch_shape))
        return values.expand(2, *self.batch_shape) if expand else values

    @property
    def _natural_params(self) -> tuple:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:
        return softplus(x)


class Geometric(ByProbsOrLogits):
    """The number of failures before the first success: P(n) = (1 - probs)^n probs, n = 0, 1, ...

    >>> tinygrad_c.distributions.Geometric(tinygrad_c.tensor(0.5)).log_prob(tinygrad_c.tensor([0., 2.]))
    tensor([-0.6931, -2.0794])
    """

    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        self._set_two_way(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Any:
        return self.probs * 0

    @property
    def variance(self) -> Any:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            drawn = empty(tuple(self._extended_shape(sample_shape)), dtype=self._param.dtype).exponential_()
            return (drawn / -log1p(-_clamped(self.probs))).floor()

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return xlogy(value, 1 - self.probs) + self.probs.log()

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class Binomial(ByProbsOrLogits):
    """The number of successes in total_count trials with success probability probs.

    >>> tinygrad_c.distributions.Binomial(2, tinygrad_c.tensor(0.5)).log_prob(tinygrad_c.tensor([0., 1.])).exp()
    tensor([0.2500, 0.5000])
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, **ByProbsOrLogits.arg_constraints}   # noqa: RUF012

    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args: bool | None = None):
        self.total_count, = self._set_two_way(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        above = (logits.clamp(min=0) + logits - logits.clamp(max=0)) / 2      # max(logits, 0) with derivative 1/2 at 0
        return ways + value * logits - n * (above + log1p((-logits.abs()).exp()))

    def entropy(self) -> Any:
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        top = int(self.total_count.max().item())
        if not bool((self.total_count == top).all()):
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        values = arange(1 + top, dtype=self._param.dtype).reshape(-1, *[1] * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values


class NegativeBinomial(ByProbsOrLogits):
    """The number of successes, of probability probs each, before total_count failures.

    P(n) = Gamma(total_count + n) / (n! Gamma(total_count)) (1 - probs)^total_count probs^n, total_count any number > 0.

    >>> tinygrad_c.distributions.NegativeBinomial(3, tinygrad_c.tensor(0.4)).log_prob(tinygrad_c.tensor(2))
    tensor(-1.5733)
    """

    arg_constraints = {"total_count": constraints.nonnegative, "probs": constraints.half_open_interval(0.0, 1.0),    # noqa: RUF012
                       "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args: bool | None = None):
        self.total_count, = self._set_two_way(probs, logits, total_count)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Any:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape=()) -> Any:
        """A Poisson variable whose rate is drawn from Gamma(total_count, exp(-logits)).

        >>> tinygrad_c.distributions.NegativeBinomial(3, tinygrad_c.tensor(0.4)).sample((2,)).shape
        torch.Size([2])
        """
        with no_grad():
            shape = self._extended_shape(sample_shape)
            return poisson(standard_gamma(self.total_count.expand(shape)) * self.logits.exp())

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        ways = (n + value).lgamma() - (value + 1).lgamma() - n.lgamma()
        return n * logsigmoid(-self.logits) + value * logsigmoid(self.logits) + where(n + value == 0, 0.0, ways)


class Poisson(ExponentialFamily):
    """P(n) = rate^n e^-rate / n!, n = 0, 1, ...

    >>> tinygrad_c.distributions.Poisson(1.).log_prob(tinygrad_c.tensor([0., 2.]))
    tensor([-1.0000, -1.6931])
    """

    arg_constraints = {"rate": constraints.nonnegative}     # noqa: RUF012
    support = constraints.nonnegative_integer

    def __init__(self, rate, validate_args: bool | None = None):
        self.rate, = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate

    @property
    def mode(self) -> Any:
        return self.rate.floor()

    @property
    def variance(self) -> Any:
        return self.rate

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return xlogy(value, self.rate) - self.rate - (value + 1).lgamma()

    @property
    def _natural_params(self) -> tuple:
        return (self.rate.log(),)

    def _log_normalizer(self, x: Any) -> Any:
        return x.exp()


class Choices(ByProbsOrLogits):
    """Base class of distributions over n categories, with unnormalised probs or logits (..., n)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}     # noqa: RUF012

    def _set_choices(self, probs: Any, logits: Any) -> tuple:
        given = self._set_param(probs, logits)
        if given.dim() < 1:
            raise ValueError(f"`{'logits' if probs is None else 'probs'}` parameter must be at least one-dimensional.")
        if probs is None:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        else:
            self.probs = probs / probs.sum(-1, keepdim=True)
        return tuple(given.shape[:-1]), given.shape[-1]

    @lazy
    def logits(self) -> Any:
        """log(probs)"""
        return _clamped(self.probs).log()

    @lazy
    def probs(self) -> Any:
        """softmax(logits)"""
        return self.logits.softmax(-1)

    def _indices(self, sample_shape: Any) -> Any:
        """Sampled category indices, of shape sample_shape + batch_shape."""
        with no_grad():
            flat = self.probs.reshape(-1, self.probs.shape[-1])
            count = math.prod(sample_shape)
            found = multinomial(flat, count, True).t() if count and len(flat) else arange(0)
            return found.reshape(tuple(sample_shape) + tuple(self.probs.shape[:-1]))

    def entropy(self) -> Any:
        lowest = -3.4028234663852886e38 if self.logits.element_size() == 4 else -1.7976931348623157e308
        return -(self.logits.clamp(min=lowest) * self.probs).sum(-1)


class Categorical(Choices):
    """An index from 0 to n - 1: P(i) = probs[..., i] / sum of probs, or softmax(logits)[..., i].

    >>> c = tinygrad_c.distributions.Categorical(tinygrad_c.tensor([1., 3.]))
    >>> c.log_prob(tinygrad_c.tensor([0, 1])), c.entropy()
    (tensor([-1.3863, -0.2877]), tensor(0.5623))
    """

    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        batch_shape, self._num_events = self._set_choices(probs, logits)
        super().__init__(batch_shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Any:
        return self.probs.detach().sum(-1) * math.nan

    @property
    def variance(self) -> Any:
        return self.mean

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    def sample(self, sample_shape=()) -> Any:
        return self._indices(sample_shape)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        value = value.long().unsqueeze(-1)
        shape = tuple(broadcast_shapes(value.shape[:-1], self.logits.shape[:-1]))
        logits = self.logits.expand(*shape, self._num_events)
        return logits.gather(-1, value.expand(*shape, 1)).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        values = arange(self._num_events).reshape(-1, *[1] * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values


class OneHotCategorical(Choices):
    """Categorical with one-hot vectors as samples.

    >>> tinygrad_c.distributions.OneHotCategorical(tinygrad_c.tensor([0., 1.])).sample()
    tensor([0., 1.])
    """

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args: bool | None = None):
        batch_shape, n = self._set_choices(probs, logits)
        super().__init__(batch_shape, (n,), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return one_hot(self.probs.argmax(-1), self.probs.shape[-1]).to(self.probs.dtype)

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Any:
        return one_hot(self._indices(sample_shape), self.probs.shape[-1]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return (value * self.logits).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        n = self.event_shape[0]
        values = one_hot(arange(n), n).to(self._param.dtype).reshape(n, *[1] * len(self.batch_shape), n)
        return values.expand(n, *self.batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical with a straight-through rsample: its gradient goes to probs unchanged.

    >>> tinygrad_c.distributions.OneHotCategoricalStraightThrough(tinygrad_c.tensor([0., 1.])).rsample()
    tensor([0., 1.])
    """

    has_rsample = True

    def rsample(self, sample_shape=()) -> Any:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(Choices):
    """The counts of each category in total_count draws.

    >>> tinygrad_c.distributions.Multinomial(4, tinygrad_c.tensor([0., 1.])).sample()
    tensor([0., 4.])
    """

    def __init__(self, total_count: int = 1, probs=None, logits=None, validate_args: bool | None = None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        batch_shape, n = self._set_choices(probs, logits)
        super().__init__(batch_shape, (n,), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()) -> Any:
        return one_hot(self._indices((self.total_count, *sample_shape)), self.probs.shape[-1]).sum(0).to(self.probs.dtype)

    def entropy(self) -> Any:
        n = self.total_count
        parts = Binomial(n, self.probs)
        counts = parts.enumerate_support(False)[1:]
        spread = (parts.log_prob(counts).exp() * (counts + 1).lgamma()).sum((0, -1))
        return n * super().entropy() - math.lgamma(n + 1) + spread

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + xlogy(value, self.probs).sum(-1)
