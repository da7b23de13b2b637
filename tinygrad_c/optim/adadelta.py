"""Adadelta: step sizes from the running mean of the squared updates."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import zeros_like
from tinygrad_c.optim.each import EachOptimizer
from tinygrad_c.optim.optimizer import check_lr, check_not_negative, unsupported


class Adadelta(EachOptimizer):
    """p <- p - lr * d, d = g * sqrt(a + eps) / sqrt(s + eps), s and a running means of g^2 and d^2. Zeiler 2012.

    ValueError for lr, eps or weight_decay < 0, or rho outside [0, 1].

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adadelta([w]).step()
    >>> w.data
    tensor([ 0.9968, -1.9968])
    """

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

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if "square_avg" not in state:
            state["square_avg"], state["acc_delta"] = zeros_like(p), zeros_like(p)
        rho, eps = group["rho"], group["eps"]
        squares, steps = state["square_avg"], state["acc_delta"]
        squares.mul_(rho).add_(g * g * (1 - rho))
        delta = (steps + eps).sqrt() / (squares + eps).sqrt() * g
        steps.mul_(rho).add_(delta * delta * (1 - rho))
        p.sub_(delta * group["lr"])
