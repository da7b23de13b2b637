"""Adam and AdamW: step sizes of about lr per element, independent of the scale of the gradient."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.optim_steps.update import adam_
from tinygrad_c.optim.optimizer import ListOptimizer, check_betas, check_lr, check_not_negative, unsupported


class Adam(ListOptimizer):
    """p <- p - lr * m / (sqrt(v) + eps), m and v running means of g and g^2 with bias correction.

    Kingma & Ba 2015. betas: the decay rates of m and v. weight_decay adds weight_decay * p to g; with
    decoupled_weight_decay it multiplies p by 1 - lr * weight_decay (AdamW). amsgrad: use the maximum of all v so far.

    >>> w = tensor([1.], requires_grad=True)
    >>> (3 * w).sum().backward()
    >>> Adam([w], lr=0.1).step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _slots = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:
        check_lr(lr)
        if foreach and not capturable and isinstance(lr, Tensor):
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True: remove foreach")
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        unsupported(differentiable)
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize, foreach=foreach,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=decoupled_weight_decay))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else self._evaluate(closure)
        moved = 0
        for group, (owners, steps, means, squares, largest) in zip(self.param_groups, self._lists):
            beta1, beta2 = group["betas"]
            moved += adam_(group["params"], owners, means, squares, largest, steps, group["lr"], beta1, beta2,
                           group["eps"], group["weight_decay"], group["amsgrad"], group["maximize"],
                           group["decoupled_weight_decay"])
        self._step_count += 1
        if self._step_count <= 2:
            self._warn_common_mistakes(moved)
        return loss


class AdamW(Adam):
    """Adam with decoupled weight decay: p <- p * (1 - lr * weight_decay) before the step. Loshchilov & Hutter 2019.

    >>> w = tensor([1., -2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> AdamW([w], lr=0.1).step()
    >>> w.data
    tensor([ 0.8990, -1.8980])
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True)
