"""poisson and binomial, by NumPy's samplers with a seed drawn from our generator. (RandomState's streams are frozen: the same
seed gives the same numbers with any version of NumPy.)
"""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import tensor_arg
from tinygrad_c.ops.create.create import as_tensor, from_numpy
from tinygrad_c.ops.random.random import randint


def _sample(sampler: str, arguments: tuple, shape: tuple, like: Any, generator: Any) -> Any:
    import numpy
    state = numpy.random.RandomState(randint(2 ** 32, (), generator=generator).item())
    values = getattr(state, sampler)(*(each.detach().numpy() for each in arguments), size=shape)
    return from_numpy(numpy.asarray(values)).to(like.dtype)


@public
def poisson(input, generator=None):
    """Samples of the Poisson distribution, P(n) = rate^n e^-rate / n!, with input's elements as rates; in input's dtype.

    >>> tinygrad_c.poisson(tinygrad_c.zeros(3))
    tensor([0., 0., 0.])
    """
    rate = as_tensor(input)
    if not rate.is_floating_point() or bool((rate.detach() < 0).any()):
        raise RuntimeError("poisson expects floating-point rates that are not negative: invalid Poisson rate, expected rate to "
                           f"be non-negative; got {rate.detach()}")
    return _sample("poisson", (rate,), tuple(rate.shape), rate, generator)


@public
def binomial(count, prob, generator=None):
    """Samples of the binomial distribution: successes in `count` trials of probability `prob`; both are tensors, broadcast.

    >>> tinygrad_c.binomial(tinygrad_c.tensor([3., 5.]), tinygrad_c.tensor([1., 0.]))
    tensor([3., 0.])
    """
    tensor_arg(count, "binomial", "count")
    tensor_arg(prob, "binomial", "prob", 2)
    if bool(((prob < 0) | (prob > 1)).any()):
        raise RuntimeError(f"binomial expects probabilities from 0 to 1, got {prob.detach()}")
    shape = tuple((count + prob).shape)
    return _sample("binomial", (count.long(), prob), shape, prob, generator)
