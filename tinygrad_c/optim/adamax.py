"""Adamax, NAdam and RAdam: variants of Adam."""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import zeros_like
from tinygrad_c.ops.elementwise.elementwise import maximum
from tinygrad_c.optim.each import EachOptimizer
from tinygrad_c.optim.optimizer import check_betas, check_lr, check_not_negative, unsupported


def _moments(g: Tensor, state: dict[str, Any], betas: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Update and return the running means of g and g^2."""
    if "exp_avg" not in state:
        state["exp_avg"], state["exp_avg_sq"] = zeros_like(g), zeros_like(g)
    mean, squares = state["exp_avg"], state["exp_avg_sq"]
    mean.add_((g - mean) * (1 - betas[0]))
    squares.mul_(betas[1]).add_(g * g * (1 - betas[1]))
    return mean, squares


class Adamax(EachOptimizer):
    """p <- p - lr * m / u, m the running mean of g, u <- max(beta2 * u, |g| + eps). Kingma & Ba 2015.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adamax([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.9000, -1.9000])
    """

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, capturable=capturable))

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_inf"] = zeros_like(p), zeros_like(p)
        beta1, beta2 = group["betas"]
        mean = state["exp_avg"]
        mean.add_((g - mean) * (1 - beta1))
        state["exp_inf"] = maximum(state["exp_inf"] * beta2, g.abs() + group["eps"])
        p.sub_(mean / state["exp_inf"] * (group["lr"] / (1 - beta1 ** state["step"])))


class NAdam(EachOptimizer):
    """Adam with Nesterov momentum that increases with the steps. Dozat 2016.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> NAdam([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8944, -1.8944])
    """

    def __init__(self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                                      decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach,
                                      capturable=capturable, differentiable=differentiable))

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        step, (beta1, beta2) = state["step"], group["betas"]
        mean, squares = _moments(g, state, (beta1, beta2))
        root = (squares / (1 - beta2**step)).sqrt() + group["eps"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (n * group["momentum_decay"])) for n in (step, step + 1))
        product = state["mu_product"] = float(state.get("mu_product", 1.0)) * mu
        p.sub_(g / root * (group["lr"] * (1 - mu) / (1 - product)))
        p.sub_(mean / root * (group["lr"] * mu_next / (1 - product * mu_next)))


class RAdam(EachOptimizer):
    """Rectified Adam: no division by sqrt(v) until the variance of v is small enough. Liu et al. 2020.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RAdam([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8000, -1.6000])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      foreach=foreach, capturable=capturable, differentiable=differentiable,
                                      decoupled_weight_decay=decoupled_weight_decay))

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        step, (beta1, beta2) = state["step"], group["betas"]
        mean, squares = _moments(g, state, (beta1, beta2))
        direction = mean / (1 - beta1**step)
        longest = 2 / (1 - beta2) - 1                                               # maximum length of the moving average
        length = longest - 2 * step * beta2**step / (1 - beta2**step)               # its length at this step
        if length > 5:
            rectified = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            direction = direction * (rectified * math.sqrt(1 - beta2**step)) / (squares.sqrt() + group["eps"])
        p.sub_(direction * group["lr"])
