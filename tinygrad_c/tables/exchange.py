"""`mpirun -n 2 python -m tinygrad_c train`: each process trains on its part of a step's rows, and all take the same step."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from tinygrad_c import Tensor, distributed, from_numpy
from tinygrad_c.distributed.flat import Flat


def started_by_mpirun() -> bool:
    """Whether there are other processes, by what Open MPI, MPICH and Slurm tell theirs."""
    return any(os.environ.get(name, "1") not in ("", "1") for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"))


class Exchange:
    """The processes of a training: what they add up and average. All of them hold the same weights, to the bit."""

    def __init__(self) -> None:
        if not distributed.is_initialized():
            distributed.init_process_group("mpi")
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.seed = 1_000_003 * self.rank  # added to the seed of dropout: each process drops other units
        self._flat: Flat | None = None

    def part(self, rows: np.ndarray) -> np.ndarray:
        """This process's part of the rows [nets, rows] of a step."""
        return rows[:, self.rank :: self.size]

    def share(self, rows: int) -> float:
        """What this process's mean loss of its part of so many rows is multiplied by, so that the mean over the processes is
        the mean loss of all rows.
        """
        return len(range(self.rank, rows, self.size)) * self.size / rows

    def average(self, loss: Tensor, parameters: Sequence[Tensor]) -> float:
        """Replace the gradients by their means over the processes; the mean of the loss."""
        value = loss.detach().reshape(1)
        tensors = [value, *(p.grad for p in parameters)]
        if self._flat is None:
            self._flat = Flat([value, *parameters])
        for p, mean in zip(parameters, self._flat.average(tensors, distributed.group.WORLD)[1:]):
            p.grad = mean
        return value.item()

    def answers(self, rows: int) -> range:
        """This process's part of so many rows that are only asked."""
        return range(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def joined(self, outputs: np.ndarray) -> np.ndarray:
        """The answers of all processes, each of which is zero beyond its own part."""
        distributed.all_reduce(from_numpy(outputs))
        return outputs
