"""Rprop, which uses only the sign of the gradient, and ASGD, which averages the parameters."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import asgd_, rprop_
from tinygrad_c.optim.optimizer import ListOptimizer, check_lr, check_not_negative, unsupported


class Rprop(ListOptimizer):
    """p <- p - s * sign(g). s grows while g keeps its sign and shrinks when the sign changes. For full-batch gradients.

    Riedmiller & Braun 1993. etas: the factors to shrink and to grow s. step_sizes: the limits of s, which starts at lr.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Rprop([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.9000, -1.9000])
    """

    _slots = ("step", "prev", "step_size")

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, before, sizes) in zip(self.param_groups, self._lists):
            moved += rprop_(group["params"], owners, before, sizes, steps, group["lr"], *group["etas"], *group["step_sizes"],
                            group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss


class ASGD(ListOptimizer):
    """p <- p - eta * (g + lambd * p), eta decreasing with the steps. state['ax'] is the average of p from step t0 on.

    Polyak & Juditsky 1992.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> ASGD([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8000, -1.6000])
    """

    _slots = ("step", "eta", "mu", "ax")
    _numbers = ("eta", "mu")

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
                 capturable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, capturable=capturable))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, etas, mus, averages) in zip(self.param_groups, self._lists):
            moved += asgd_(group["params"], owners, etas, mus, averages, steps, group["lr"], group["lambd"], group["alpha"],
                           group["t0"], group["weight_decay"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
