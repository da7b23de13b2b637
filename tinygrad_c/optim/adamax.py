"""Adamax, NAdam and RAdam: variants of Adam."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c.ops.optim_steps.update import adamax_, nadam_, radam_
from tinygrad_c.optim.optimizer import ListOptimizer, check_betas, check_lr, check_not_negative, unsupported


class Adamax(ListOptimizer):
    """p <- p - lr * m / u, m the running mean of g, u <- max(beta2 * u, |g| + eps). Kingma & Ba 2015.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> Adamax([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.9000, -1.9000])
    """

    _slots = ("step", "exp_avg", "exp_inf")

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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, means, largest) in zip(self.param_groups, self._lists):
            moved += adamax_(group["params"], owners, means, largest, steps, group["lr"], *group["betas"], group["eps"],
                             group["weight_decay"], group["maximize"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss


class NAdam(ListOptimizer):
    """Adam with Nesterov momentum that increases with the steps. Dozat 2016.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> NAdam([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8944, -1.8944])
    """

    _slots = ("step", "exp_avg", "exp_avg_sq", "mu_product")
    _numbers = ("mu_product",)

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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, means, squares, products) in zip(self.param_groups, self._lists):
            moved += nadam_(group["params"], owners, means, squares, products, steps, group["lr"], *group["betas"],
                            group["eps"], group["weight_decay"], group["momentum_decay"], group["maximize"],
                            group["decoupled_weight_decay"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss


class RAdam(ListOptimizer):
    """Rectified Adam: no division by sqrt(v) until the variance of v is small enough. Liu et al. 2020.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> RAdam([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8000, -1.6000])
    """

    _slots = ("step", "exp_avg", "exp_avg_sq")

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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, means, squares) in zip(self.param_groups, self._lists):
            moved += radam_(group["params"], owners, means, squares, steps, group["lr"], *group["betas"], group["eps"],
                            group["weight_decay"], group["maximize"], group["decoupled_weight_decay"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss
