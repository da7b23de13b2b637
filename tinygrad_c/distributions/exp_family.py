"""Exponential families: the density exp(<t(x), theta> - A(theta)) h(x), theta the natural parameters."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import names_of
from tinygrad_c.autograd import enable_grad, grad
from tinygrad_c.distributions.distribution import Distribution, sum_rightmost

__all__ = ["ExponentialFamily"]
__getattr__ = names_of("tinygrad_c.distributions")      # what this path gave in 0.1.0


class ExponentialFamily(Distribution):
    """Base class. A subclass defines _natural_params, _log_normalizer(*natural_params), and _mean_carrier_measure, E[log h(x)],
    for the entropy.

    >>> isinstance(tinygrad_c.distributions.Normal(0., 1.), tinygrad_c.distributions.ExponentialFamily)
    True
    """

    @property
    def _natural_params(self) -> tuple:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def entropy(self) -> Any:
        """A(theta) - <theta, grad A(theta)> - E[log h(x)].

        >>> tinygrad_c.distributions.Gamma(tensor(1.), tensor(1.)).entropy()
        tensor(1.)
        """
        carrier = self._mean_carrier_measure
        theta, log_normalizer, means = self._natural()
        for each, mean in zip(theta, means, strict=True):
            log_normalizer = log_normalizer - self._dot(each, mean)
        return log_normalizer - carrier

    def _natural(self) -> tuple:
        """The natural parameters theta, A(theta), and its gradient: the means of the sufficient statistics t(x)."""
        with enable_grad():
            theta = [each if each.requires_grad else each.detach().requires_grad_() for each in self._natural_params]
            log_normalizer = self._log_normalizer(*theta)
            return theta, log_normalizer, grad(log_normalizer.sum(), theta, create_graph=True)

    def _dot(self, a: Any, b: Any) -> Any:
        return sum_rightmost(a * b, (a * b).dim() - len(self.batch_shape))
