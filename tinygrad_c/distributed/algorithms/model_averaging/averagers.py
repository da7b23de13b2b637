"""When the models are averaged."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributed.algorithms.model_averaging.utils import average_parameters_or_parameter_groups
from tinygrad_c.distributed.group import ProcessGroup, world_of

__all__ = ["ModelAverager", "PeriodicModelAverager"]
__getattr__, __dir__ = lazy_names(globals())


class ModelAverager(ABC):
    """Base class: counts the calls of average_parameters in `step`."""

    def __init__(self, process_group: ProcessGroup | None = None) -> None:
        self.process_group = world_of(process_group)
        self.step = 0

    @abstractmethod
    def average_parameters(self, params: Iterable[Any]) -> None:
        """Average the parameters, if it is their turn."""


class PeriodicModelAverager(ModelAverager):
    """Averages every `period` steps, after the first `warmup_steps` (local SGD: Stich 2018, arXiv:1805.09767).

    ValueError for a negative warmup_steps or a period below 1.

    >>> averager = PeriodicModelAverager(period=4, warmup_steps=100)        # doctest: +SKIP
    >>> averager.average_parameters(net.parameters())       # after each optimizer.step()       # doctest: +SKIP
    """

    def __init__(self, period: int, warmup_steps: int = 0, process_group: ProcessGroup | None = None) -> None:
        super().__init__(process_group)
        if warmup_steps < 0:
            raise ValueError("Arg ``warmup_steps`` must be a non-negative number.")
        if period < 1:
            raise ValueError("Arg ``period`` must be a positive value.")
        if period == 1:
            warnings.warn(
                "When period is 1, no need to use model averaging because the communication cost of all-reducing "
                "parameters will be no less than the cost of all-reducing gradients by DistributedDataParallel in the "
                "backward pass. Therefore, only DistributedDataParallel should be used for this case.",
                stacklevel=2,
            )
        self.warmup_steps, self.period = warmup_steps, period

    def average_parameters(self, params: Iterable[Any]) -> None:
        """Average the parameters that have a gradient, if it is their turn; params: parameters, or an optimizer's groups."""
        if self.step >= self.warmup_steps and (self.step - self.warmup_steps) % self.period == 0:
            average_parameters_or_parameter_groups(params, self.process_group)
        self.step += 1
