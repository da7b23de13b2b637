"""SGD: stochastic gradient descent, optionally with momentum."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import sgd_
from tinygrad_c.optim.optimizer import ListOptimizer, check_lr, check_not_negative, unsupported


class SGD(ListOptimizer):
    """p <- p - lr * g; with momentum p <- p - lr * b, b <- momentum * b + (1 - dampening) * g.

    weight_decay adds weight_decay * p to g. nesterov uses g + momentum * b instead of b. maximize maximizes the loss.

    >>> w = tensor([1.], requires_grad=True)
    >>> (3 * w).sum().backward()
    >>> SGD([w], lr=0.1).step()
    >>> w
    tensor([0.7000], requires_grad=True)
    """

    _slots = ("momentum_buffer",)

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        check_lr(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        unsupported(differentiable)
        super().__init__(params, dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize,
            foreach=foreach, differentiable=differentiable, fused=fused))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, buffers) in zip(self.param_groups, self._lists):
            moved += sgd_(group["params"], owners, buffers, group["lr"], group["momentum"], group["dampening"],
                          group["weight_decay"], group["nesterov"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
