"""Continuous distributions on probabilities: relaxations of Bernoulli and of categories, and others."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import log1p, where
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.continuous import Normal, uniform_open
from tinygrad_c.distributions.discrete import ByProbsOrLogits, Choices
from tinygrad_c.distributions.distribution import Distribution, broadcast_all
from tinygrad_c.distributions.exp_family import ExponentialFamily
from tinygrad_c.distributions.transformed import TransformedDistribution
from tinygrad_c.distributions.transforms import ExpTransform, SigmoidTransform, StickBreakingTransform
from tinygrad_c.distributions.utils import clamp_probs
from tinygrad_c.nn.functional import softplus

__all__ = ["ContinuousBernoulli", "ExpRelaxedCategorical", "LogisticNormal", "LogitRelaxedBernoulli", "RelaxedBernoulli",
           "RelaxedOneHotCategorical"]


class LogitRelaxedBernoulli(ByProbsOrLogits):
    """The logit of a RelaxedBernoulli: (logits + L) / temperature, L with the logistic distribution.

    >>> from tinygrad_c.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
    >>> d = LogitRelaxedBernoulli(tensor(2.), logits=tensor(0.))
    >>> d.log_prob(tensor(0.))
    tensor(-0.6931)
    """

    support: Any = constraints.real
    _not_expanded = ("temperature",)

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        self.temperature = temperature
        self._set_two_way(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape=()) -> Any:
        u = uniform_open(self._extended_shape(sample_shape), self._param.dtype)
        return (self.logits + u.log() - log1p(-u)) / self.temperature

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        gap = logits - value * self.temperature
        return _log(self.temperature) + gap - 2 * softplus(gap)


def _log(temperature: Any) -> Any:
    return temperature.log() if hasattr(temperature, "log") else math.log(temperature)


class _Relaxed(TransformedDistribution):
    """Base class: the parameters of the distribution that is transformed."""

    has_rsample = True

    @property
    def temperature(self) -> Any:
        return self.base_dist.temperature

    @property
    def logits(self) -> Any:
        return self.base_dist.logits

    @property
    def probs(self) -> Any:
        return self.base_dist.probs


class RelaxedBernoulli(_Relaxed):
    """Numbers in (0, 1), near 0 or 1 for a low temperature, with gradients in probs (Maddison et al. 2017, Jang et al. 2017).

    >>> tinygrad_c.distributions.RelaxedBernoulli(tensor(1.), tensor(0.5)).log_prob(tensor(0.25))
    tensor(0.)
    """

    arg_constraints = ByProbsOrLogits.arg_constraints
    support: Any = constraints.unit_interval

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)


class ExpRelaxedCategorical(Choices):
    """The logarithm of a RelaxedOneHotCategorical: log_softmax((logits + G) / temperature), G with Gumbel distributions.

    >>> from tinygrad_c.distributions.relaxed_categorical import ExpRelaxedCategorical
    >>> d = ExpRelaxedCategorical(tensor(1.), tinygrad_c.ones(3))
    >>> round(d.rsample().exp().sum().item(), 4)
    1.0
    """

    support: Any = constraints.real_vector
    has_rsample = True
    _not_expanded = ("temperature",)

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        self.temperature = temperature
        batch_shape, n = self._set_choices(probs, logits)
        super().__init__(batch_shape, (n,), validate_args=validate_args)

    def rsample(self, sample_shape=()) -> Any:
        gumbel = -(-uniform_open(self._extended_shape(sample_shape), self._param.dtype).log()).log()
        return ((self.logits + gumbel) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n = self.event_shape[0]
        log_scale = math.lgamma(n) + (n - 1) * _log(self.temperature)
        return (self.logits - value * self.temperature).log_softmax(-1).sum(-1) + log_scale


class RelaxedOneHotCategorical(_Relaxed):
    """Probabilities, near a one-hot vector for a low temperature, with gradients in probs.

    >>> tinygrad_c.distributions.RelaxedOneHotCategorical(tensor(0.5), tinygrad_c.ones(3)).rsample().shape
    torch.Size([3])
    """

    arg_constraints = Choices.arg_constraints
    support: Any = constraints.simplex

    def __init__(self, temperature, probs=None, logits=None, validate_args: bool | None = None):
        super().__init__(ExpRelaxedCategorical(temperature, probs, logits), ExpTransform(), validate_args)


class LogisticNormal(TransformedDistribution):
    """n + 1 probabilities: the StickBreakingTransform of n normal variables.

    >>> tinygrad_c.distributions.LogisticNormal(tinygrad_c.zeros(3), tinygrad_c.ones(3)).event_shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}      # noqa: RUF012  (torch's form)
    support: Any = constraints.simplex
    has_rsample = True

    def __init__(self, loc, scale, validate_args: bool | None = None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> Any:
        """The means of the normal variables.

        >>> tinygrad_c.distributions.LogisticNormal(tinygrad_c.zeros(3), tinygrad_c.ones(3)).loc
        tensor([0., 0., 0.])
        """
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Any:
        """The standard deviations of the normal variables.

        >>> tinygrad_c.distributions.LogisticNormal(tinygrad_c.zeros(3), tinygrad_c.ones(3)).scale
        tensor([1., 1., 1.])
        """
        return self.base_dist.base_dist.scale


class ContinuousBernoulli(ByProbsOrLogits, ExponentialFamily):
    """The density C probs^x (1 - probs)^(1 - x), 0 <= x <= 1 (Loaiza-Ganem and Cunningham 2019).

    Formulas divide by 1 - 2 probs, so between lims their Taylor series at 1 / 2 are used.

    >>> tinygrad_c.distributions.ContinuousBernoulli(tensor(0.5)).log_prob(tensor(0.3))
    tensor(0.)
    """

    support: Any = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args: bool | None = None):
        self._lims = lims
        self._set_two_way(probs, logits)
        if "probs" in self.__dict__:
            given = self.__dict__["probs"]
            self.probs = clamp_probs(given)
        Distribution.__init__(self, self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not bool(constraints.unit_interval.check(given.detach()).all()):
            raise ValueError(f"The parameter probs has invalid values: {given}")

    def _away(self) -> Any:
        """(where probs is outside lims, probs with another value where it is not)."""
        away = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return away, where(away, self.probs, self._lims[0])

    def _log_constant(self) -> Any:
        """log C = log(2 atanh(1 - 2 p) / (1 - 2 p)); log 2 + (4 / 3 + 104 / 45 x^2) x^2 with x = p - 1/2 near 1 / 2."""
        away, p = self._away()
        exact = (log1p(-p) - p.log()).abs().log() - (1 - 2 * p).abs().log()
        square = (self.probs - 0.5) ** 2
        return where(away, exact, math.log(2) + (4 / 3 + 104 / 45 * square) * square)

    @property
    def mean(self) -> Any:
        away, p = self._away()
        x = self.probs - 0.5
        return where(away, p / (2 * p - 1) + 1 / (log1p(-p) - p.log()), 0.5 + (1 / 3 + 16 / 45 * x ** 2) * x)

    @property
    def variance(self) -> Any:
        away, p = self._away()
        square = (self.probs - 0.5) ** 2
        exact = p * (p - 1) / (1 - 2 * p) ** 2 + 1 / (log1p(-p) - p.log()) ** 2
        return where(away, exact, 1 / 12 - (1 / 15 - 128 / 945 * square) * square)

    def rsample(self, sample_shape=()) -> Any:
        return self.icdf(uniform_open(self._extended_shape(sample_shape), self.probs.dtype))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return value * self.logits - softplus(self.logits) + self._log_constant()

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        away, p = self._away()
        inside = (p ** value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, where(away, inside, value)))

    def icdf(self, value: Any) -> Any:
        away, p = self._away()
        return where(away, (log1p(-p + value * (2 * p - 1)) - log1p(-p)) / (p.log() - log1p(-p)), value)

    def entropy(self) -> Any:
        log_0, log_1 = log1p(-self.probs), self.probs.log()
        return self.mean * (log_0 - log_1) - self._log_constant() - log_0

    @property
    def _natural_params(self) -> tuple:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:
        """log((e^x - 1) / x); x / 2 + x^2 / 24 - x^4 / 2880 near 0."""
        away = x.abs() > 4e-3
        safe = where(away, x, 1.0)
        return where(away, (safe.expm1() / safe).log(), x / 2 + x ** 2 / 24 - x ** 4 / 2880)
