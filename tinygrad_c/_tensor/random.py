"""Methods that fill a tensor with random numbers."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tinygrad_c.ops.random import random

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Randoms:
    __slots__ = ()

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator=None) -> Tensor:
        """Fill with samples of the uniform distribution on [from, to).

        >>> tinygrad_c.empty(1000).uniform_(2, 3).mean()
        tensor(2.5162)
        """
        return random.uniform_(self, from_, to, generator=generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator=None) -> Tensor:
        """Fill with samples of N(mean, std^2).

        >>> tinygrad_c.empty(1000).normal_(5, 0.1).mean()
        tensor(5.0052)
        """
        return random.normal_(self, mean, std, generator=generator)

    def bernoulli_(self, p: float = 0.5, *, generator=None) -> Tensor:
        """Fill with 1 with probability p, else 0.

        >>> tinygrad_c.empty(1000).bernoulli_(0.25).mean()
        tensor(0.2300)
        """
        return random.bernoulli_(self, p, generator=generator)

    def random_(self, *args, generator=None) -> Tensor:
        """Fill with uniformly distributed integers.

        >>> tinygrad_c.empty(1000).random_(3).unique()
        tensor([0., 1., 2.])
        """
        return random.random_(self, *args, generator=generator)

    def exponential_(self, lambd: float = 1.0, *, generator=None) -> Tensor:
        """Fill with samples of the density lambd e^(-lambd x).

        RuntimeError unless lambd > 0.

        >>> tinygrad_c.empty(10000).exponential_(2).mean()
        tensor(0.4979)
        """
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return random.uniform_(self, 0.0, 1.0, generator=generator).neg_().log1p_().mul_(-1.0 / lambd)

    def geometric_(self, p: float, *, generator=None) -> Tensor:
        """Fill with samples of the geometric distribution: the number of trials to the first success, 1, 2, ...

        RuntimeError unless 0 < p < 1.

        >>> tinygrad_c.empty(10000).geometric_(0.5).mean()
        tensor(1.9982)
        """
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        if not self.is_floating_point():
            return self.copy_(self.double().geometric_(p, generator=generator))
        return random.uniform_(self, 0.0, 1.0, generator=generator).neg_().log1p_().mul_(1.0 / math.log1p(-p)).floor_().add_(1)

    def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator=None) -> Tensor:
        """Fill with samples of the Cauchy distribution.

        RuntimeError unless sigma > 0.

        >>> tinygrad_c.empty(10000).cauchy_(3, 0.1).median()
        tensor(3.0001)
        """
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        return random.uniform_(self, -0.5, 0.5, generator=generator).mul_(math.pi).tan_().mul_(sigma).add_(median)

    def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator=None) -> Tensor:
        """Fill with samples of the log-normal distribution.

        RuntimeError unless std > 0.

        >>> tinygrad_c.empty(10000).log_normal_(0, 1).median()
        tensor(1.0007)
        """
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
        return random.normal_(self, mean, std, generator=generator).exp_()

    def bernoulli(self, p: float | None = None, *, generator=None) -> Tensor:
        """1 with the probability in each element, or with probability p, else 0."""
        if p is not None:
            return self.detach().clone().bernoulli_(p, generator=generator)
        return random.bernoulli(self, generator=generator)

    def multinomial(self, num_samples: int, replacement: bool = False, *, generator=None) -> Tensor:
        """Indices sampled with each row's elements as weights."""
        return random.multinomial(self, num_samples, replacement, generator=generator)
