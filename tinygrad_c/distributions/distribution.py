"""The base class Distribution, with shapes and validation, and Independent."""
from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from tinygrad_c import Size, Tensor, broadcast_shapes, broadcast_tensors, get_default_dtype, tensor
from tinygrad_c.autograd import enable_grad, no_grad
from tinygrad_c.distributions import constraints


def broadcast_all(*values) -> tuple:
    """Broadcast numbers and tensors to tensors of one shape. Numbers get the dtype of the first tensor."""
    kind = next((v.dtype for v in values if isinstance(v, Tensor)), get_default_dtype())
    for v in values:
        if not isinstance(v, (Tensor, int, float)):
            raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                             f"__torch_function__: got {type(v).__name__}; wrap it in torch.tensor(...)")
    return tuple(broadcast_tensors(*(v if isinstance(v, Tensor) else tensor(v, dtype=kind) for v in values)))


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last `dims` dimensions."""
    return value.sum(tuple(range(-dims, 0))) if dims else value


class lazy:
    """A property that is computed on first access, with gradients enabled, and cached in the object's __dict__."""

    def __init__(self, compute: Callable[[Any], Any]):
        self.compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = instance.__dict__[self.name] = self.compute(instance)
        return value


class Distribution:
    """Base class. A subclass defines rsample or sample, log_prob, and entropy, mean and variance if they are known.

    batch_shape is the shape of the distributions, event_shape the shape of one sample of one of them. With validate_args (the
    default), parameters and values outside `arg_constraints` and `support` raise ValueError.

    >>> tinygrad_c.distributions.Normal(tinygrad_c.zeros(3), 1.).batch_shape
    torch.Size([3])
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: Any = {}      # noqa: RUF012  (torch's form)
    _not_expanded: tuple[str, ...] = ()     # tensors that have not the batch shape
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether new distributions validate their arguments.

        >>> Distribution.set_default_validate_args(True)
        """
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args: bool | None = None):
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__ and not constraints.is_dependent(constraint):
                    value = self.__dict__[name]
                    if not bool(constraint.check(value.detach()).all()):
                        raise ValueError(
                            f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                            f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}")

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions, from the shapes of the parameters.

        >>> tinygrad_c.distributions.Normal(tinygrad_c.zeros(3), tinygrad_c.ones(3)).batch_shape
        torch.Size([3])
        """
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution.

        >>> tinygrad_c.distributions.Categorical(tinygrad_c.ones(5)).event_shape
        torch.Size([])
        """
        return self._event_shape

    @property
    def support(self) -> constraints.Constraint:
        """The set of possible samples.

        >>> tinygrad_c.distributions.Exponential(tensor(1.)).support
        GreaterThanEq(lower_bound=0.0)
        """
        raise NotImplementedError

    @property
    def mean(self) -> Any:
        """The mean.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).mean
        tensor(0.)
        """
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The value with the highest density or probability.

        >>> tinygrad_c.distributions.Gamma(tensor(3.), tensor(1.)).mode
        tensor(2.)
        """
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).variance
        tensor(4.)
        """
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The square root of the variance.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).stddev
        tensor(2.)
        """
        return self.variance.sqrt()

    def sample(self, sample_shape=()) -> Any:
        """Sample without gradients: a tensor of shape sample_shape + batch_shape + event_shape.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).sample((3,)).shape
        torch.Size([3])
        """
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()) -> Any:
        """Sample with gradients with respect to the parameters (the reparametrisation trick).

        >>> loc = tensor(0., requires_grad=True)
        >>> tinygrad_c.distributions.Normal(loc, tensor(1.)).rsample().requires_grad
        True
        """
        raise NotImplementedError(f"{type(self).__name__} has no rsample(): its samples are not differentiable in its "
                                  "parameters; use sample() and log_prob()")

    def sample_n(self, n: int) -> Any:
        """sample((n,)).

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).sample_n(3).shape
        torch.Size([3])
        """
        return self.sample(Size([n]))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density or probability of `value`.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).log_prob(tensor(0.))
        tensor(-1.6121)
        """
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability that a sample is at most `value`.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).cdf(tensor(0.))
        tensor(0.5000)
        """
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The inverse of cdf.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).icdf(tensor(0.975))
        tensor(3.9199)
        """
        raise NotImplementedError

    def entropy(self) -> Any:
        """-E[log_prob].

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).entropy()
        tensor(2.1121)
        """
        raise NotImplementedError

    def perplexity(self) -> Any:
        """exp(entropy).

        >>> tinygrad_c.distributions.Categorical(tinygrad_c.ones(5)).perplexity()
        tensor(5.)
        """
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Any:
        """All possible values of a discrete distribution, along a new first dimension.

        >>> tinygrad_c.distributions.Bernoulli(tensor(0.3)).enumerate_support()
        tensor([0., 1.])
        """
        raise NotImplementedError

    def expand(self, batch_shape, _instance=None) -> Any:
        """Expand the distribution to another batch_shape.

        >>> tinygrad_c.distributions.Normal(tensor(0.), tensor(2.)).expand((2, 3)).batch_shape
        torch.Size([2, 3])
        """
        new, own = copy(self), len(self._batch_shape)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor) and name not in self._not_expanded:
                new.__dict__[name] = value.expand(tuple(batch_shape) + tuple(value.shape[own:]))
            elif isinstance(value, Distribution):
                new.__dict__[name] = value.expand(tuple(batch_shape) + tuple(value.batch_shape[own:]))
        new._batch_shape = Size(batch_shape)
        return new

    def _extended_shape(self, sample_shape=()) -> Size:
        return Size(tuple(sample_shape) + tuple(self._batch_shape) + tuple(self._event_shape))

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        if tuple(value.shape[max(value.ndim - len(self._event_shape), 0):]) != tuple(self._event_shape):
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}.")
        own = tuple(self._batch_shape) + tuple(self._event_shape)
        if any(i != j and i != 1 and j != 1 for i, j in zip(reversed(value.shape), reversed(own))):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {Size(own)}.")
        support = self._support()
        if support is not None and not bool(support.check(value.detach()).all()):
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the "
                             f"support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}")

    def _support(self) -> constraints.Constraint | None:
        try:
            return self.support
        except NotImplementedError:
            return None

    def __repr__(self) -> str:
        known = [(name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__]
        return f"{type(self).__name__}(" + ", ".join(
            f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in known) + ")"


class Centred(Distribution):
    """Base class of distributions with mean and mode `loc`."""

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc


class Independent(Distribution):
    """Reinterpret the last batch dimensions of a distribution as event dimensions: log_prob sums over them.

    >>> d = tinygrad_c.distributions
    >>> d.Independent(d.Normal(tinygrad_c.zeros(2, 3), 1.), 1).log_prob(tinygrad_c.zeros(2, 3))
    tensor([-2.7568, -2.7568])
    """

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None):
        batch, n = base_distribution.batch_shape, reinterpreted_batch_ndims
        if n > len(batch):
            raise ValueError("Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                             f"actual {n} vs {len(batch)}")
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        cut = len(batch) - n
        super().__init__(batch[:cut], tuple(batch[cut:]) + tuple(base_distribution.event_shape), validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        n = self.reinterpreted_batch_ndims
        return constraints.independent(self.base_dist.support, n) if n else self.base_dist.support

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape=()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape=()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    @property
    def has_enumerate_support(self) -> bool:
        """Whether enumerate_support gives all values.

        >>> d = tinygrad_c.distributions
        >>> d.Independent(d.Bernoulli(tinygrad_c.zeros(3)), 0).has_enumerate_support
        True
        """
        return self.base_dist.has_enumerate_support and not self.reinterpreted_batch_ndims

    def enumerate_support(self, expand: bool = True) -> Any:
        if self.reinterpreted_batch_ndims:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def expand(self, batch_shape, _instance=None) -> Independent:
        base, n = self.base_dist, self.reinterpreted_batch_ndims
        inner = tuple(base.batch_shape[len(base.batch_shape) - n:])
        return Independent(base.expand(tuple(batch_shape) + inner), n, validate_args=self._validate_args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"


__all__ = ["Centred", "Distribution", "Independent", "broadcast_all", "broadcast_shapes", "lazy", "sum_rightmost"]
