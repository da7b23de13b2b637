"""Optimizers that exchange parameters instead of gradients."""

from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.distributed.algorithms.model_averaging.averagers import ModelAverager
from tinygrad_c.optim.optimizer import Optimizer

__all__ = ["PostLocalSGDOptimizer"]
__getattr__, __dir__ = lazy_names(globals())


class PostLocalSGDOptimizer(Optimizer):
    """Post-local SGD (Lin et al. 2018, arXiv:1808.07217): steps of an optimizer, then `averager.average_parameters`.

    The first warmup_steps of the averager are not averaged by it: let DistributedDataParallel average their gradients, and call
    the model under `no_sync()` afterwards.

    >>> from tinygrad_c.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager       # doctest: +SKIP
    >>> PostLocalSGDOptimizer(optim.SGD(net.parameters(), lr=0.1), PeriodicModelAverager(period=4))         # doctest: +SKIP
    """

    def __init__(self, optim: Optimizer, averager: ModelAverager) -> None:
        self.optim, self.averager = optim, averager
        self.param_groups = optim.param_groups

    @property
    def state(self) -> Any:
        """The state of the optimizer.

        >>> optimizer.state is optimizer.optim.state        # doctest: +SKIP
        True
        """
        return self.optim.state

    def __repr__(self) -> str:
        return repr(self.optim)

    def step(self, closure: Any = None) -> Any:
        """A step of the optimizer; then the averager averages, if it is its turn."""
        loss = self.optim.step(closure) if closure is not None else self.optim.step()
        self.averager.average_parameters(self.param_groups)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As the optimizer's."""
        self.optim.zero_grad(set_to_none=set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As the optimizer's."""
        self.optim.add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, with the number of steps of the averager as "step"."""
        return {**self.optim.state_dict(), "step": self.averager.step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state of state_dict()."""
        self.optim.load_state_dict({name: value for name, value in state_dict.items() if name != "step"})
        self.param_groups = self.optim.param_groups
        self.averager.step = state_dict.get("step", 0)
