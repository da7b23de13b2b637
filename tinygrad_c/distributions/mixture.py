"""Mixture distributions."""
from __future__ import annotations

from typing import Any

from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.discrete import Categorical
from tinygrad_c.distributions.distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """The density sum over i of P(i) p_i(x): P a Categorical, p_i the components (last batch dimension).

    >>> d = tinygrad_c.distributions
    >>> two = d.Normal(tinygrad_c.tensor([-1., 1.]), 1.)
    >>> d.MixtureSameFamily(d.Categorical(tinygrad_c.ones(2)), two).log_prob(tinygrad_c.tensor(0.))
    tensor(-1.4189)
    """

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: bool | None = None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        ours, theirs = mixture_distribution._num_events, component_distribution.batch_shape[-1:]
        if tuple(theirs) != (ours,):
            raise ValueError(f"`mixture_distribution` component ({ours}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({theirs[0] if theirs else 'none'})")
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        each = component_distribution
        super().__init__(each.batch_shape[:-1], each.event_shape, validate_args=validate_args)

    @property
    def mixture_distribution(self) -> Categorical:
        """The Categorical that chooses the component.

        >>> two = tinygrad_c.distributions.Normal(tensor([0., 4.]), tensor([1., 1.]))
        >>> MixtureSameFamily(tinygrad_c.distributions.Categorical(tensor([0.25, 0.75])), two).mixture_distribution.probs
        tensor([0.2500, 0.7500])
        """
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components, along the last batch dimension.

        >>> two = tinygrad_c.distributions.Normal(tensor([0., 4.]), tensor([1., 1.]))
        >>> MixtureSameFamily(tinygrad_c.distributions.Categorical(tensor([0.25, 0.75])), two).component_distribution.mean
        tensor([0., 4.])
        """
        return self._component_distribution

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    def _weights(self) -> Any:
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *[1] * len(self.event_shape))

    def _mixed(self, each: Any) -> Any:
        return (self._weights() * each).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Any:
        return self._mixed(self._component_distribution.mean)

    @property
    def variance(self) -> Any:
        of_means = (self._component_distribution.mean - self.mean.unsqueeze(-1 - len(self.event_shape))) ** 2
        return self._mixed(self._component_distribution.variance) + self._mixed(of_means)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        each = self._component_distribution.log_prob(value.unsqueeze(-1 - len(self.event_shape)))
        return (each + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def cdf(self, value: Any) -> Any:
        each = self._component_distribution.cdf(value.unsqueeze(-1 - len(self.event_shape)))
        return (each * self._mixture_distribution.probs).sum(-1)

    def sample(self, sample_shape=()) -> Any:
        with no_grad():
            chosen, each = self._mixture_distribution.sample(sample_shape), self._component_distribution.sample(sample_shape)
            at = len(each.shape) - 1 - len(self.event_shape)
            index = chosen.reshape(*chosen.shape, *[1] * (each.dim() - chosen.dim()))
            index = index.expand(*each.shape[:at], 1, *each.shape[at + 1:])
            return each.gather(at, index).squeeze(at)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
