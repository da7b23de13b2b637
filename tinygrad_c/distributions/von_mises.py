"""The von Mises distribution of angles."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_c import from_numpy, randint
from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Centred, broadcast_all
from tinygrad_c.special import i0e, i1e

__all__ = ["VonMises"]


class VonMises(Centred):
    """The density exp(concentration cos(x - loc)) / (2 pi I0(concentration)) of an angle x in radians.

    >>> tinygrad_c.distributions.VonMises(0., 1.).log_prob(tinygrad_c.tensor(0.))
    tensor(-1.0738)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}      # noqa: RUF012  (torch's form)
    support: Any = constraints.real
    has_rsample = False

    def __init__(self, loc, concentration, validate_args: bool | None = None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def variance(self) -> Any:
        """The circular variance, 1 - I1(concentration) / I0(concentration).

        >>> tinygrad_c.distributions.VonMises(0., 1.).variance
        tensor(0.5536)
        """
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape=()) -> Any:
        """Angles from -pi to pi, by NumPy's sampler (Best and Fisher 1979) under a seed that our generator draws.

        >>> tinygrad_c.distributions.VonMises(0., 1.).sample((3,)).shape
        torch.Size([3])
        """
        with no_grad():
            shape = tuple(self._extended_shape(sample_shape))
            state = np.random.RandomState(randint(2 ** 32, ()).item())
            loc, concentration = self.loc.detach().double().numpy(), self.concentration.detach().double().numpy()
            drawn = np.asarray(state.vonmises(0.0, np.broadcast_to(concentration, shape), size=shape))
            return from_numpy((drawn + loc + math.pi) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()
