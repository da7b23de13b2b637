"""DataLoader: iterate over a dataset in batches."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.indexing.index import gather_rows
from tinygrad_c.utils.data.collate import default_collate, default_convert
from tinygrad_c.utils.data.dataset import IterableDataset, rows_behind
from tinygrad_c.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, knows_order

T = TypeVar("T")
FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class DataLoader(Generic[T]):
    """Iterate over the batches of a dataset: `for x, y in DataLoader(dataset, batch_size=32, shuffle=True)`.

    shuffle draws a new order for each epoch from `generator`, or from the default generator (manual_seed). drop_last drops a
    shorter last batch. collate_fn makes a batch from a list of samples. num_workers threads, if any, prefetch samples in the
    same order. Settings for worker processes (worker_init_fn, timeout, pin_memory, ...) are stored but have no effect.
    batch_size=None gives single samples. If the dataset has __getitems__(indices), it is called once per batch.

    ValueError for settings that exclude each other.

    The rows of a TensorDataset are gathered by one compiled call per tensor. A batch is always a copy.

    >>> data = TensorDataset(tensor([1.0, 2.0, 3.0]))
    >>> [batch for batch, in DataLoader(data, batch_size=2)]
    [tensor([1., 2.]), tensor([3.])]
    """

    _made = False

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable[Any] | None = None, batch_sampler: Iterable[list[Any]] | None = None,
                 num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], None] | None = None,
                 multiprocessing_context: Any = None, generator: Any = None, *, prefetch_factor: int | None = None,
                 persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True) -> None:
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
                             "multiprocessing, otherwise set prefetch_factor to None.")
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            if shuffle:
                raise ValueError("DataLoader with IterableDataset: expected unspecified shuffle option, "
                                 f"but got shuffle={shuffle}")
            if sampler is not None or batch_sampler is not None:
                raise ValueError("DataLoader with IterableDataset: expected unspecified sampler option, but got one")
        elif sampler is None and batch_sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None and not self._iterable:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)    # type: ignore[arg-type]
            self._own_batches = True
        else:
            self._own_batches = False
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None or self._own_batches else None
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if batch_size is not None else default_convert)
        self.drop_last = drop_last
        self.generator = generator
        self.prefetch_factor = prefetch_factor if prefetch_factor is not None or num_workers == 0 else 2
        self.pin_memory, self.pin_memory_device, self.timeout = pin_memory, pin_memory_device, timeout
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made and name in FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """The number of batches per epoch."""
        if self._iterable:
            count = len(self.dataset)
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        if self._own_batches and self.collate_fn is default_collate and knows_order(self.sampler):
            found = rows_behind(self.dataset)
            if found is not None:
                return self._gather_batches(*found)
        if self._iterable:
            return self._iterable_batches()
        keys = self.sampler if self.batch_sampler is None else self.batch_sampler
        return self._fetch_batches(iter(keys)) if self.num_workers == 0 else self._prefetch_batches(iter(keys))  # type: ignore

    def _gather_batches(self, tensors: tuple[Tensor, ...], indices: Tensor | None) -> Iterator[list[Tensor]]:
        order, size = self.sampler._order(), self.batch_size    # type: ignore[union-attr]
        if indices is not None:
            order = indices[order]
        end = len(order)
        if self.drop_last:
            end -= end % size       # type: ignore[operator]
        for start in range(0, end, size):   # type: ignore[arg-type]
            yield gather_rows(tensors, order, start, start + size)      # type: ignore[operator]

    def _iterable_batches(self) -> Iterator[Any]:
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def _fetch(self, key: Any) -> Any:
        if self.batch_sampler is None:
            return self.collate_fn(self.dataset[key])
        together = getattr(self.dataset, "__getitems__", None)
        return self.collate_fn(together(key) if together else [self.dataset[index] for index in key])

    def _fetch_batches(self, keys: Iterator[Any]) -> Iterator[Any]:
        for key in keys:
            yield self._fetch(key)

    def _prefetch_batches(self, keys: Iterator[Any]) -> Iterator[Any]:
        from concurrent.futures import ThreadPoolExecutor  # imported here: it takes 10 ms

        with ThreadPoolExecutor(self.num_workers) as pool:
            ahead = self.num_workers * max(self.prefetch_factor, 1)    # type: ignore[type-var]
            waiting = deque(pool.submit(self._fetch, key) for key in islice(keys, ahead))
            try:
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self._fetch, key) for key in islice(keys, 1))
                    yield batch
            finally:
                for job in waiting:
                    job.cancel()
