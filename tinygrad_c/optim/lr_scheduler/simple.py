"""Schedules by a user function, in steps, and along a curve."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from tinygrad_c.optim.lr_scheduler.base import LRScheduler, Multiplying, per_group
from tinygrad_c.optim.optimizer import Optimizer

# ---- By a user function.

class LambdaLR(LRScheduler):
    """initial rate * lr_lambda(epoch). lr_lambda: one function, or a list with one per group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
                 last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group("lr_lambdas", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * function(self.last_epoch) for base, function in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(LRScheduler):
    """Multiply the rate by lr_lambda(epoch) every epoch, from epoch 1 on."""

    _keeps_rate = True

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
                 last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group("lr_lambdas", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._initial:
            return self._rates()
        return [rate * function(self.last_epoch) for rate, function in zip(self._rates(), self.lr_lambdas)]


    def step(self, epoch: int | None = None) -> None:
        """Advance to the next epoch. epoch: the number to go on with (deprecated); the factor is applied once, as in torch."""
        if epoch is not None:
            self.last_epoch = epoch - 1
        super().step()

    def _begin_later(self) -> None:
        self.last_epoch = -1
        self._advance()


# ---- In steps.

class StepLR(Multiplying):
    """Multiply the rate by gamma every step_size epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return self.gamma if self.last_epoch > 0 and self.last_epoch % self.step_size == 0 else 1.0


class MultiStepLR(Multiplying):
    """Multiply the rate by gamma at each milestone."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return self.gamma ** self.milestones.get(self.last_epoch, 0)      # a file has a plain dict


class ConstantLR(Multiplying):
    """Multiply the rate by factor until epoch total_iters, then undo it."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1 / self.factor if self.last_epoch == self.total_iters else 1.0


# ---- Along a curve.

class LinearLR(Multiplying):
    """Multiply the rate by a factor that goes linearly from start_factor to end_factor in total_iters epochs."""

    _keeps_rate = True

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
                 last_epoch: int = -1) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if not 0 <= end_factor <= 1:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self.last_epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)


class ExponentialLR(Multiplying):
    """Multiply the rate by gamma every epoch."""

    _keeps_rate = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return 1.0 if self._initial else self.gamma


class PolynomialLR(Multiplying):
    """initial rate * (1 - epoch / total_iters)^power, then 0."""

    _keeps_rate = True

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self._initial or self.last_epoch > self.total_iters:
            return 1.0
        left = 1 - self.last_epoch / self.total_iters
        return (left / (1 - (self.last_epoch - 1) / self.total_iters)) ** self.power


class CosineAnnealingLR(LRScheduler):
    """eta_min + (initial rate - eta_min) * (1 + cos(pi * epoch / T_max)) / 2. Loshchilov & Hutter 2017."""

    _keeps_rate = True

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self) -> list[float]:
        epoch = self.last_epoch
        if self._initial:
            return self._rates()
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:    # the rate is eta_min: multiplying it could not increase it
            return [rate + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
                    for rate, base in zip(self._rates(), self.base_lrs)]
        factor = self._height(epoch) / self._height(epoch - 1)
        return [self.eta_min + factor * (rate - self.eta_min) for rate in self._rates()]
