"""Methods that fill with random numbers."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import random

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Randoms:
    __slots__ = ()

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator=None) -> Tensor:
        """Fill with numbers drawn evenly from [from, to)."""
        return random.uniform_(self, from_, to, generator=generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator=None) -> Tensor:
        """Fill with numbers drawn from the normal distribution."""
        return random.normal_(self, mean, std, generator=generator)

    def bernoulli_(self, p: float = 0.5, *, generator=None) -> Tensor:
        """Fill with ones with probability p, zeros otherwise."""
        return random.bernoulli_(self, p, generator=generator)

    def random_(self, *args, generator=None) -> Tensor:
        """Fill with whole numbers drawn evenly."""
        return random.random_(self, *args, generator=generator)
