"""Base classes of the schedulers."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_c._base.warn import warn, warn_once
from tinygrad_c.optim.optimizer import Optimizer


class LRScheduler:
    """The base class. A subclass defines get_lr, which returns each group's rate in epoch last_epoch.

    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [rate / 2 ** self.last_epoch for rate in self.base_lrs]
    >>> w = tinygrad_c.ones(1, requires_grad=True)
    >>> scheduler = Halving(tinygrad_c.optim.SGD([w], lr=1.))
    >>> w.sum().backward()
    >>> scheduler.optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    # Resumed with last_epoch >= 0, the first step (in __init__) leaves the rates of the optimizer's state dict. As in torch,
    # not with schedulers that compute the rate from the initial one, or that change it at certain epochs only.
    _keeps_rate = False
    _initial = False            # while epoch 0 begins: in __init__ and _restart

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._resumed = last_epoch >= 0
        self._initial = True
        self._advance()
        self._resumed = False
        del self._initial

    def get_lr(self) -> list[float]:
        """The rates of this epoch, one per group.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)], lr=1.)
        >>> scheduler = tinygrad_c.optim.lr_scheduler.StepLR(optimizer, 1)
        >>> scheduler.get_lr()
        [1.0]
        """
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)], lr=1.)
        >>> scheduler = tinygrad_c.optim.lr_scheduler.StepLR(optimizer, 1)
        >>> scheduler.get_last_lr()
        [1.0]
        """
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Advance to the next epoch. Call it after the optimizer's steps. epoch: the epoch to go to (deprecated).

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)], lr=1.)
        >>> scheduler = tinygrad_c.optim.lr_scheduler.StepLR(optimizer, 1)
        >>> optimizer.param_groups[0]["params"][0].sum().backward()
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.1]
        """
        if self.last_epoch == 0 and self.optimizer._step_count == 0:
            warn_once("scheduler first",
                      "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite "
                      "order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this skips the first value of "
                      "the learning rate schedule.")
        if epoch is None:
            self._advance()
            return
        warn("The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
             "`scheduler.step()` to step the scheduler.")
        self._restart()
        while self.last_epoch < epoch:
            self._advance()

    def _advance(self) -> None:
        self.last_epoch += 1
        self._set(self._rates() if self._keeps_rate and self._resumed else self.get_lr())

    def _restart(self) -> None:
        """Go back to epoch 0 and the initial rates."""
        self._set(self.base_lrs)
        self.last_epoch = 0
        self._initial = True
        self._set(self.get_lr())
        del self._initial

    def _begin_later(self) -> None:
        """Begin at epoch 0 when a SequentialLR comes to this scheduler."""
        self._restart()

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's attributes, except the optimizer and functions.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)], lr=1.)
        >>> scheduler = tinygrad_c.optim.lr_scheduler.StepLR(optimizer, 1)
        >>> scheduler.state_dict()["last_epoch"]
        0
        """
        return {name: value for name, value in self.__dict__.items()
                if name not in ("optimizer", "lr_lambdas", "_scale_fn")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the attributes from a state_dict.

        >>> optimizer = tinygrad_c.optim.SGD([tensor([1.], requires_grad=True)], lr=1.)
        >>> scheduler = tinygrad_c.optim.lr_scheduler.StepLR(optimizer, 1)
        >>> scheduler.load_state_dict(scheduler.state_dict())
        """
        self.__dict__.update(state_dict)


class Multiplying(LRScheduler):
    """A scheduler that multiplies the rates by a factor that depends on the epoch."""

    def _factor(self) -> float:
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        factor = self._factor()
        return [rate * factor for rate in self._rates()]


def check_optimizer(optimizer: Any) -> None:
    """TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """A list with one value per group."""
    check_optimizer(optimizer)
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"Expected {count} {name}, but got {len(value)}")
    return list(value)
