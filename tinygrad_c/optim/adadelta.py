"""Adadelta: step sizes from the running mean of the squared updates."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import adadelta_
from tinygrad_c.optim.optimizer import ListOptimizer, check_lr, check_not_negative, unsupported


class Adadelta(ListOptimizer):
    """p <- p - lr * d, d = g * sqrt(a + eps) / sqrt(s + eps), s and a running means of g^2 and d^2. Zeiler 2012.

    ValueError for lr, eps or weight_decay < 0, or rho outside [0, 1].

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adadelta([w]).step()
    >>> w.data
    tensor([ 0.9968, -1.9968])
    """

    _slots = ("step", "square_avg", "acc_delta")

    def __init__(self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      capturable=capturable, foreach=foreach, differentiable=differentiable))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, squares, deltas) in zip(self.param_groups, self._lists):
            moved += adadelta_(group["params"], owners, squares, deltas, steps, group["lr"], group["rho"], group["eps"],
                               group["weight_decay"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
