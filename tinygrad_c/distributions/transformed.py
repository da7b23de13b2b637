"""Distributions of functions of a random variable."""
from __future__ import annotations

from copy import copy
from typing import Any

from tinygrad_c import Size, Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.continuous import Normal
from tinygrad_c.distributions.distribution import Distribution, Independent, sum_rightmost
from tinygrad_c.distributions.transforms import ComposeTransform, ExpTransform, Transform

__all__ = ["LogNormal", "TransformedDistribution"]


class TransformedDistribution(Distribution):
    """y = t(x), x ~ base distribution: log p(y) = log p(x) - log |dy / dx|.

    >>> d = tinygrad_c.distributions
    >>> d.TransformedDistribution(d.Normal(0., 1.), [d.transforms.TanhTransform()]).log_prob(tinygrad_c.tensor(0.5))
    tensor(-0.7821)
    """

    def __init__(self, base_distribution: Distribution, transforms: Transform | list[Transform],
                 validate_args: bool | None = None):
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(each, Transform) for each in self.transforms):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        whole, own = ComposeTransform(self.transforms), len(base_distribution.event_shape)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(shape) < whole.domain.event_dim:
            raise ValueError("base_distribution needs to have shape with size at least "
                             f"{whole.domain.event_dim}, but got {shape}.")
        found = Size(whole.forward_shape(shape))
        wanted = Size(whole.inverse_shape(found))
        if wanted != shape:             # the transforms' parameters have a larger batch
            base_distribution = base_distribution.expand(wanted[:len(wanted) - own])
        more = whole.domain.event_dim - own
        self.base_dist = Independent(base_distribution, more) if more > 0 else base_distribution
        cut = len(found) - (whole.codomain.event_dim + max(-more, 0))
        super().__init__(found[:cut], found[cut:], validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    def expand(self, batch_shape, _instance=None) -> Any:
        new, shape = copy(self), Size(batch_shape) + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(shape[:len(shape) - len(self.base_dist.event_shape)])
        for name, value in self.__dict__.items():       # parameters that a subclass keeps: scale
            if isinstance(value, Tensor):
                new.__dict__[name] = value.expand(tuple(batch_shape))
        new._batch_shape = Size(batch_shape)
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> constraints.Constraint:
        if not self.transforms:
            return self.base_dist.support
        codomain = self.transforms[-1].codomain
        missing = len(self.event_shape) - codomain.event_dim
        return constraints.independent(codomain, missing) if missing > 0 else codomain

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()) -> Any:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        event_dim, change = len(self.event_shape), 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            change = change - sum_rightmost(transform.log_abs_det_jacobian(x, value), event_dim - transform.domain.event_dim)
            value = x
        return change + sum_rightmost(self.base_dist.log_prob(value), event_dim - len(self.base_dist.event_shape))

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        rising = ComposeTransform(self.transforms).sign
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return _cdf_of_monotone(self.base_dist.cdf(value), rising)

    def icdf(self, value: Any) -> Any:
        rising = ComposeTransform(self.transforms).sign
        return self._transformed(self.base_dist.icdf(_cdf_of_monotone(value, rising)))


def _cdf_of_monotone(p: Any, rising: Any) -> Any:
    """The cdf of a monotone function of x: increasing (1) or decreasing (-1)."""
    return rising * (p - 0.5) + 0.5


class LogNormal(TransformedDistribution):
    """exp(x), x ~ Normal(loc, scale).

    >>> tinygrad_c.distributions.LogNormal(0., 1.).mean
    tensor(1.6487)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}      # noqa: RUF012
    support: Any = constraints.positive

    def __init__(self, loc, scale, validate_args: bool | None = None):
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Any:
        """The mean of the logarithm.

        >>> LogNormal(tensor(0.), tensor(2.)).loc
        tensor(0.)
        """
        return self.base_dist.loc

    @property
    def scale(self) -> Any:
        """The standard deviation of the logarithm.

        >>> LogNormal(tensor(0.), tensor(2.)).scale
        tensor(2.)
        """
        return self.base_dist.scale

    @property
    def mean(self) -> Any:
        return (self.loc + self.scale ** 2 / 2).exp()

    @property
    def mode(self) -> Any:
        return (self.loc - self.scale ** 2).exp()

    @property
    def variance(self) -> Any:
        return (self.scale ** 2).expm1() * (2 * self.loc + self.scale ** 2).exp()

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc
