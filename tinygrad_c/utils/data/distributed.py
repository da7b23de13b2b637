"""DistributedSampler: each rank's part of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import numpy as np

from tinygrad_c.distributed.group import get_rank, get_world_size
from tinygrad_c.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Indices rank, rank + num_replicas, rank + 2 num_replicas, .. of a dataset, in random order with shuffle=True.

    The order depends on seed and epoch alone: call set_epoch before each epoch, on all ranks. Where the dataset cannot be
    divided evenly, its first indices are repeated at the end, or with drop_last its last ones are left out. The indices are
    PyTorch's, also the random ones: of its Mersenne Twister.

    ValueError for a rank that is not from 0 to num_replicas - 1; the default of both is the process group's.

    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        num_replicas = get_world_size() if num_replicas is None else num_replicas
        rank = get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.shuffle, self.seed, self.drop_last = 0, shuffle, seed, drop_last
        rows = len(dataset)
        if drop_last and rows % num_replicas:
            self.num_samples = math.ceil((rows - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(rows / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        rows = len(self.dataset)
        indices = torch_randperm(rows, self.seed + self.epoch) if self.shuffle else list(range(rows))
        if self.drop_last:
            indices = indices[: self.total_size]
        elif (padding := self.total_size - rows) <= rows:
            indices += indices[:padding]
        else:
            indices += (indices * math.ceil(padding / rows))[:padding]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """The epoch, which the random order depends on.

        >>> DistributedSampler(range(4), 2, 0).set_epoch(1)
        """
        self.epoch = epoch


def torch_randperm(n: int, seed: int) -> list[int]:
    """PyTorch's randperm(n) with this seed: Fisher and Yates's shuffle by the remainders of MT19937's numbers."""
    order = list(range(n))
    if n > 1:
        bits = np.random.RandomState(seed & 0xFFFFFFFF).randint(0, 2**32, n - 1, dtype=np.uint32)
        for i, step in enumerate((bits % np.arange(n, 1, -1)).tolist()):
            order[i], order[i + step] = order[i + step], order[i]
    return order
