"""The mean over the ranks of a model's parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.distributed.flat import Flat
from tinygrad_c.distributed.group import ProcessGroup, world_of

__all__ = ["average_parameters", "average_parameters_or_parameter_groups", "get_params_to_average"]
__getattr__, __dir__ = lazy_names(globals())


def average_parameters(params: Iterable[Tensor], process_group: ProcessGroup | None = None) -> None:
    """Replace each parameter by its mean over the ranks, by one all-reduce for each dtype.

    >>> average_parameters(net.parameters())        # doctest: +SKIP
    """
    found, params = world_of(process_group), list(params)
    Flat(params).average(params, found, agree=True)


def get_params_to_average(params: Iterable[Any]) -> list[Tensor]:
    """The parameters that have a gradient, of parameters or of an optimizer's groups.

    >>> get_params_to_average([tinygrad_c.ones(2)])
    []
    """
    found = []
    for each in params:
        for p in each["params"] if isinstance(each, dict) else [each]:
            if p.grad is not None:
                found.append(p)
    return found


def average_parameters_or_parameter_groups(params: Iterable[Any], process_group: ProcessGroup | None = None) -> None:
    """average_parameters of those that have a gradient.

    >>> average_parameters_or_parameter_groups(optimizer.param_groups)      # doctest: +SKIP
    """
    average_parameters(get_params_to_average(params), process_group)
