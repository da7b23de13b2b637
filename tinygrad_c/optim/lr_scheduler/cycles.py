"""Cyclic schedules: warm restarts, triangles, one cycle."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinygrad_c.optim.lr_scheduler.base import LRScheduler, check_optimizer, per_group
from tinygrad_c.optim.optimizer import Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing from the initial rate to eta_min in T_0 epochs, then restarts, each T_mult times as long."""

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Advance to the next epoch, or to the given one, which may be fractional: epoch + batch / batches.

        >>> optimizer = tinygrad_c.optim.SGD([tinygrad_c.ones(1, requires_grad=True)], lr=1.)
        >>> optimizer.param_groups[0]["params"][0].sum().backward()
        >>> optimizer.step()
        >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=4)
        >>> scheduler.step(2)
        >>> scheduler.get_last_lr()
        [0.5]
        """
        if epoch is None:
            super().step()
            return
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        self._locate(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self._current_rates())

    def _locate(self, epoch: float) -> None:
        """Set T_i, the length of the cycle that contains the epoch, and T_cur, the position in it."""
        self.T_i, self.T_cur = self.T_0, epoch
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        elif epoch >= self.T_0:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n

    def _current_rates(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def _advance(self) -> None:
        self.last_epoch += 1
        self.T_cur += 1
        if self.T_cur >= self.T_i:
            self.T_cur %= self.T_i
            self.T_i *= self.T_mult
        self._set(self._current_rates())

    def _restart(self) -> None:
        self._locate(0)
        super()._restart()

    def get_lr(self) -> list[float]:
        return self._current_rates()


class _WithMomentum(LRScheduler):
    """A scheduler that changes the momentum (or Adam's beta1) inversely to the rate."""

    cycle_momentum: bool

    def _check_momentum(self) -> None:
        defaults = self.optimizer.defaults
        if self.cycle_momentum and "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")

    def _set_momentum(self, values: Sequence[float]) -> None:
        for group, value in zip(self.optimizer.param_groups, values):
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value


class CyclicLR(_WithMomentum):
    """Triangle waves between base_lr and max_lr, step_size_up steps up and step_size_down steps down. Smith 2017.

    mode: 'triangular', 'triangular2' (the amplitude is halved each cycle) or 'exp_range' (amplitude * gamma^step). Or
    scale_fn, a function of the cycle or of the step, as scale_mode says. Call step after every batch.
    """

    def __init__(self, optimizer: Optimizer, base_lr: float | Sequence[float], max_lr: float | Sequence[float],
                 step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
                 scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
                 base_momentum: float | Sequence[float] = 0.8, max_momentum: float | Sequence[float] = 0.9,
                 last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.optimizer = optimizer
        self.cycle_momentum = cycle_momentum
        self._check_momentum()
        base_lrs = per_group("base_lr", base_lr, optimizer)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs):
                group["lr"] = rate
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
        self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn = scale_fn
        self.scale_mode = scale_mode
        # As torch: a group's initial_lr, if it has one already, is the base of the first rate.
        self._low = [group.get("initial_lr", low) for group, low in zip(optimizer.param_groups, base_lrs)]
        super().__init__(optimizer, last_epoch)
        self._low = base_lrs
        self.base_lrs = base_lrs

    def _scale(self, cycle: int) -> float:
        if self._scale_fn is not None:
            return self._scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (cycle - 1)
        return self.gamma**self.last_epoch if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self._scale(cycle)
        if self.cycle_momentum:
            self._set_momentum([high - (high - low) * height for low, high in zip(self.base_momentums, self.max_momentums)])
        return [low + (high - low) * height for low, high in zip(self._low, self.max_lrs)]


class OneCycleLR(_WithMomentum):
    """Up from max_lr / div_factor to max_lr in the first pct_start of all steps, then down to nearly 0. Smith & Topin 2018.

    Give total_steps, or epochs and steps_per_epoch. three_phase: first down to the initial rate in as many steps, then to
    nearly 0. Call step after every batch.
    """

    def __init__(self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | Sequence[float] = 0.85,
                 max_momentum: float | Sequence[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
                 three_phase: bool = False, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
            if epochs <= 0 or not isinstance(epochs, int):
                raise ValueError(f"Expected positive integer epochs, but got {epochs}")
            if steps_per_epoch <= 0 or not isinstance(steps_per_epoch, int):
                raise ValueError(f"Expected positive integer steps_per_epoch, but got {steps_per_epoch}")
            total_steps = epochs * steps_per_epoch
        if total_steps <= 0 or not isinstance(total_steps, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self.optimizer = optimizer
        self.cycle_momentum = cycle_momentum
        self._check_momentum()
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
        self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            for group, highest in zip(optimizer.param_groups, self.max_lrs):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = highest / div_factor / final_div_factor
        self._lows = [group["initial_lr"] for group in optimizer.param_groups]
        self._ends = [group["min_lr"] for group in optimizer.param_groups]
        rise = pct_start * total_steps - 1
        # The last step of each phase, and the rate there: initial, max or final.
        self.phases = ([(rise, "high"), (2 * pct_start * total_steps - 2, "low"), (total_steps - 1.0, "end")] if three_phase
                       else [(rise, "high"), (total_steps - 1.0, "end")])
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        begin, source = 0.0, "low"
        for i, (end, target) in enumerate(self.phases):
            if step <= end or i == len(self.phases) - 1:
                break
            begin, source = end, target
        share = (step - begin) / (end - begin)
        rates = {"low": self._lows, "high": self.max_lrs, "end": self._ends}
        momenta = {"low": self.max_momentums, "high": self.base_momentums, "end": self.max_momentums}
        if self.cycle_momentum:
            self._set_momentum([self._between(a, b, share) for a, b in zip(momenta[source], momenta[target])])
        return [self._between(a, b, share) for a, b in zip(rates[source], rates[target])]
