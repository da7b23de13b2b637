"""Samplers: the order of the sample indices."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

from tinygrad_c._tensor.tensor import Tensor, float64, int64
from tinygrad_c.ops.create import create
from tinygrad_c.ops.random import random

T = TypeVar("T")


class Sampler(Generic[T]):
    """Base class. Define __iter__() and, if the length is known, __len__().

    >>> class Backwards(Sampler):
    ...     def __init__(self, data):
    ...         self.data = data
    ...     def __iter__(self):
    ...         return iter(range(len(self.data))[::-1])
    >>> list(Backwards("abc"))
    [2, 1, 0]
    """

    def __init__(self, data_source: Any = None) -> None:
        """data_source is not used."""

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} is missing __iter__(self)")


class _Ordered(Sampler[int]):
    """A sampler that has the whole order in advance, as an int64 tensor."""

    def _order(self) -> Tensor:
        """The indices of one epoch. Random samplers draw new ones at each call."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter(self._order().tolist())


def knows_order(sampler: Any) -> bool:
    """Whether iterating over the sampler gives `sampler._order()`. False for a subclass that overrides __iter__."""
    return getattr(type(sampler), "__iter__", None) is _Ordered.__iter__


class SequentialSampler(_Ordered):
    """0, 1, 2, ...

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def _order(self) -> Tensor:
        return create.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(_Ordered):
    """All indices in random order. With replacement=True, num_samples indices drawn independently.

    >>> sorted(RandomSampler(range(5)))
    [0, 1, 2, 3, 4]
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
                 generator: Any = None) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={self.num_samples}")

    @property
    def num_samples(self) -> int:
        """The number of samples per epoch.

        >>> RandomSampler("abc").num_samples
        3
        """
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _order(self) -> Tensor:
        total, wanted = len(self.data_source), self.num_samples
        if self.replacement:
            return random.randint(0, total, (wanted,), generator=self.generator)
        if wanted == total:
            return random.randperm(total, generator=self.generator)
        rounds = [random.randperm(total, generator=self.generator).tolist() for _ in range(-(-wanted // total))]
        return create.tensor([number for one in rounds for number in one][:wanted])

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(_Ordered):
    """The given indices in random order.

    >>> sorted(SubsetRandomSampler([1, 4, 7]))
    [1, 4, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def _order(self) -> Tensor:
        numbers = list(self.indices)
        return create.tensor([numbers[i] for i in random.randperm(len(numbers), generator=self.generator).tolist()],
                               dtype=int64)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_Ordered):
    """num_samples indices from 0 to len(weights) - 1, drawn with probabilities proportional to the weights.

    ValueError for num_samples < 1.

    >>> list(WeightedRandomSampler([0., 1., 0.], 3))
    [1, 1, 1]
    """

    def __init__(self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = create.as_tensor(weights, dtype=float64)
        if self.weights.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def _order(self) -> Tensor:
        return random.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of batch_size indices from a sampler. drop_last drops a shorter last batch.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(islice(numbers, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)   # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
