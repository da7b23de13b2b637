"""Datasets: samples by index (Dataset) or in sequence (IterableDataset)."""
from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, Generic, TypeVar

from tinygrad_c._base.warn import typename, warn
from tinygrad_c._tensor.tensor import Tensor, int64
from tinygrad_c.ops.create import create
from tinygrad_c.ops.random import random

T = TypeVar("T")


class Dataset(Generic[T]):
    """Base class of datasets with samples by index. Define __getitem__(index) and __len__().

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, i):
    ...         return i, i * i
    >>> Squares()[3]
    (3, 9)
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__} is missing __getitem__(self, index)")

    def __add__(self, other: Dataset[T]) -> ConcatDataset[T]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Base class of datasets that are iterated in sequence. Define __iter__().

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(4))
    >>> list(DataLoader(Count(), batch_size=2))
    [tensor([0, 1]), tensor([2, 3])]
    """

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} is missing __iter__(self)")

    def __add__(self, other: Dataset[T]) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample i is the tuple of row i of each tensor.

    >>> data = TensorDataset(tensor([[1.0], [2.0]]), tensor([0, 1]))
    >>> data[1]
    (tensor([2.]), tensor(1))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        for each in tensors:
            if not isinstance(each, Tensor):
                raise TypeError(f"TensorDataset holds tensors, not {typename(each)}; write tensor(...) or from_numpy(...)")
        if len({each.shape[0] for each in tensors}) > 1:
            raise AssertionError("Size mismatch between tensors: all need the same number of rows, "
                                 f"but their shapes are {', '.join(str(tuple(each.shape)) for each in tensors)}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(each[index] for each in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset[Any]):
    """Sample i is the tuple, or with keywords the dict, of sample i of each dataset.

    >>> StackDataset("ab", [1, 2])[1]
    ('b', 2)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like input/output "
                             "types, but none or both were given")
        self.datasets: Any = args or kwargs
        sizes = {len(each) for each in (args or kwargs.values())}
        if len(sizes) > 1:
            raise ValueError("Size mismatch between datasets")
        self._length = sizes.pop()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: each[index] for name, each in self.datasets.items()}
        return tuple(each[index] for each in self.datasets)

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T]):
    """Concatenate several datasets.

    >>> both = ConcatDataset(["ab", "cde"])
    >>> len(both), both[3]
    (5, 'd')
    """

    def __init__(self, datasets: Iterable[Dataset[T]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(each, IterableDataset) for each in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(accumulate(len(each) for each in self.datasets))   # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset[T]):
    """Chain several iterable datasets.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Dataset[T]]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self.datasets)   # type: ignore[arg-type]


class Subset(Dataset[T]):
    """The samples of a dataset at the given indices.

    >>> list(Subset("abcde", [0, 3]))
    ['a', 'd']
    """

    def __init__(self, dataset: Dataset[T], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Dataset[T], lengths: Sequence[float], generator: Any = None) -> list[Subset[T]]:
    """Randomly split a dataset into non-overlapping parts of the given lengths, or of fractions that sum to 1.

    >>> [len(part) for part in random_split(TensorDataset(tensor([1, 2, 3, 4, 5])), [0.6, 0.4])]
    [3, 2]
    """
    total = len(dataset)    # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9 and any(isinstance(length, float) for length in lengths):
        lengths = _from_fractions(lengths, total)
    if sum(lengths) != total:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset! "
                         f"{' + '.join(map(str, lengths))} is not {total}")
    order = random.randperm(total, generator=generator).tolist()
    return [Subset(dataset, order[end - length:end]) for end, length in zip(accumulate(lengths), lengths)]  # type: ignore


def _from_fractions(fractions: Sequence[float], total: int) -> list[int]:
    lengths = []
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1")
        lengths.append(math.floor(total * fraction))
    for i in range(total - sum(lengths)):       # distribute the remainder round-robin
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warn(f"Length of split at index {i} is 0. This might result in an empty dataset.")
    return lengths


def rows_behind(dataset: Any) -> tuple[tuple[Tensor, ...], Tensor | None] | None:
    """For a TensorDataset or a Subset of one: its tensors, and the row indices of the samples (None: all rows, in order).

    For these, default_collate of samples equals gathering rows. Returns None for other datasets.
    """
    own = getattr(type(dataset), "__getitem__", None)
    if isinstance(dataset, TensorDataset) and own is TensorDataset.__getitem__:
        return None if any(each.requires_grad for each in dataset.tensors) else (dataset.tensors, None)
    if not isinstance(dataset, Subset) or own is not Subset.__getitem__:
        return None
    found = rows_behind(dataset.dataset)
    if found is None:
        return None
    tensors, inner = found
    numbers = create.tensor(list(dataset.indices), dtype=int64)
    return tensors, numbers if inner is None else inner[numbers]
