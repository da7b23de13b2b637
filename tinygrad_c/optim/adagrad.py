"""Adagrad: gradients divided by the root of the sum of their squares."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import adagrad_
from tinygrad_c.optim.optimizer import ListOptimizer, check_lr, check_not_negative, unsupported


class Adagrad(ListOptimizer):
    """p <- p - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps), s <- s + g^2. Duchi, Hazan & Singer 2011.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adagrad([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.9000, -1.9000])
    """

    _slots = ("step", "sum")

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        check_lr(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        unsupported(differentiable)
        super().__init__(params, dict(
            lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
            differentiable=differentiable, fused=fused))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, sums) in zip(self.param_groups, self._lists):
            moved += adagrad_(group["params"], owners, sums, steps, group["lr"], group["lr_decay"], group["eps"],
                              group["weight_decay"], group["initial_accumulator_value"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
