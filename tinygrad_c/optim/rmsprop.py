"""RMSprop: gradients divided by the root of the running mean of their squares."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import rmsprop_
from tinygrad_c.optim.optimizer import ListOptimizer, check_lr, check_not_negative, unsupported


class RMSprop(ListOptimizer):
    """p <- p - lr * g / (sqrt(s) + eps), s <- alpha * s + (1 - alpha) * g^2.

    Hinton 2012, lecture 6e. centered: use the variance of g instead of s. momentum: accumulate g / sqrt(s) with this decay.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RMSprop([w], lr=0.05).step()
    >>> w.data
    tensor([ 0.5000, -1.5000])
    """

    _slots = ("step", "square_avg", "momentum_buffer", "grad_avg")

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        unsupported(differentiable)
        super().__init__(params, dict(
            lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay,
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, squares, buffers, means) in zip(self.param_groups, self._lists):
            moved += rmsprop_(group["params"], owners, squares, buffers, means, steps, group["lr"], group["alpha"],
                              group["eps"], group["weight_decay"], group["momentum"], group["centered"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
