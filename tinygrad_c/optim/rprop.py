"""Rprop, which uses only the sign of the gradient, and ASGD, which averages the parameters."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import full_like, zeros_like
from tinygrad_c.ops.elementwise.elementwise import where
from tinygrad_c.optim.each import EachOptimizer
from tinygrad_c.optim.optimizer import check_lr, check_not_negative, unsupported


class Rprop(EachOptimizer):
    """p <- p - s * sign(g). s grows while g keeps its sign and shrinks when the sign changes. For full-batch gradients.

    Riedmiller & Braun 1993. etas: the factors to shrink and to grow s. step_sizes: the limits of s, which starts at lr.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Rprop([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.9000, -1.9000])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if "prev" not in state:
            state["prev"], state["step_size"] = zeros_like(p), full_like(p, float(group["lr"]))
        turned = g * state["prev"]
        factor = where(turned > 0, group["etas"][1], where(turned < 0, group["etas"][0], full_like(p, 1.0)))
        state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        state["prev"] = where(turned < 0, 0.0, g)       # where the sign changed, skip one step
        p.sub_(state["prev"].sign() * state["step_size"])


class ASGD(EachOptimizer):
    """p <- p - eta * (g + lambd * p), eta decreasing with the steps. state['ax'] is the average of p from step t0 on.

    Polyak & Juditsky 1992.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> ASGD([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8000, -1.6000])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
                 capturable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, capturable=capturable))

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if "ax" not in state:
            state["eta"], state["mu"], state["ax"] = float(group["lr"]), 1.0, zeros_like(p)
        step, lr = state["step"], group["lr"]
        p.mul_(1 - group["lambd"] * state["eta"])
        p.sub_(g * state["eta"])
        state["ax"].add_((p - state["ax"]) * state["mu"])
        state["eta"] = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        state["mu"] = 1 / max(1, step - group["t0"])
