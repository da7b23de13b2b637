"""Loss layers. Create one, then call it with the prediction and the target."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn.functional.loss import checked, legacy_reduction
from tinygrad_c.nn.module import Module
from tinygrad_c.ops.loss import loss


class _Loss(Module):
    """Base class: the reduction, 'mean', 'sum' or 'none'."""

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        if isinstance(size_average, Tensor) or isinstance(reduce, Tensor):
            raise _called_too_early(type(self).__name__)
        self.reduction = legacy_reduction(size_average, reduce, reduction)
        self._check_reduction()

    def _check_reduction(self) -> None:
        checked(self.reduction)


class _WeightedLoss(_Loss):
    """Base class of losses with a weight, which is a buffer."""

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
                 reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


def _called_too_early(name: str) -> TypeError:
    return TypeError(f"{name}() makes a loss object; call it: {name}()(input, target)")


# ---- Regression.

class MSELoss(_Loss):
    """(x - t)^2, reduced by mean, by sum or not at all.

    >>> MSELoss()(tensor([1., 2.]), tensor([1., 4.]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """|x - t|, reduced by mean, by sum or not at all.

    >>> L1Loss(reduction="none")(tensor([1., 2.]), tensor([1., 4.]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """(x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2.

    >>> SmoothL1Loss()(tensor([0.5, 3.]), tensor([0., 0.]))
    tensor(1.3125)
    """

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """(x - t)^2 / 2 where |x - t| <= delta, else delta * (|x - t| - delta / 2).

    >>> HuberLoss()(tensor([1., 2.]), tensor([1., 4.]))
    tensor(0.7500)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if isinstance(reduction, Tensor):
            raise _called_too_early("HuberLoss")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.huber_loss(input, target, self.reduction, self.delta)


class GaussianNLLLoss(_Loss):
    """(log(var) + (x - t)^2 / var) / 2, var clamped to at least eps. full adds log(2 pi) / 2.

    x, t and var have the same shape, or var has a last dimension of 1.

    >>> GaussianNLLLoss()(tensor([1.]), tensor([3.]), tensor([2.]))
    tensor(1.3466)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """e^x - t x, or x - t log(x + eps) if log_input is False.

    >>> PoissonNLLLoss()(tensor([0., 1.]), tensor([1., 2.]))
    tensor(0.8591)
    """

    def __init__(self, log_input: bool = True, full: bool = False, size_average: Any = None, eps: float = 1e-8,
                 reduce: Any = None, reduction: str = "mean") -> None:
        if isinstance(log_input, Tensor):
            raise _called_too_early("PoissonNLLLoss")
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, None, self.eps, None, self.reduction)


# ---- Two classes.

class BCELoss(_WeightedLoss):
    """-(t log(x) + (1 - t) log(1 - x)), x a probability, the output of a Sigmoid.

    >>> BCELoss()(tensor([0.5, 0.9]), tensor([0., 1.]))
    tensor(0.3993)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """-(p t log(s) + (1 - t) log(1 - s)), s = sigmoid(x), p = pos_weight. x are logits, without a Sigmoid.

    >>> BCEWithLogitsLoss()(tensor([0., 3.]), tensor([0., 1.]))
    tensor(0.3709)
    """

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
                 reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class SoftMarginLoss(_Loss):
    """log(1 + e^(-t x)), t = 1 or -1.

    >>> SoftMarginLoss()(tensor([0., 2.]), tensor([1., -1.]))
    tensor(1.4100)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, None, None, self.reduction)


# ---- Many classes.

class CrossEntropyLoss(_WeightedLoss):
    """-log(softmax(x)[t]) for logits x (N, C), without a Softmax, and classes t (N) from 0 to C - 1.

    >>> CrossEntropyLoss()(tensor([[2.0, 0.0]]), tensor([0]))
    tensor(0.1269)
    """

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
                 reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """-x[t] for log probabilities x (N, C), the output of a LogSoftmax, and classes t (N).

    >>> NLLLoss()(tensor([[-0.5, -1.0]]), tensor([1]))
    tensor(1.)
    """

    def __init__(self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
                 reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return loss.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class KLDivLoss(_Loss):
    """t * (log(t) - x), x log probabilities. reduction='batchmean' divides the sum by the batch size.

    >>> KLDivLoss(reduction="batchmean")(tensor([[0.5, 0.5]]).log(), tensor([[0.9, 0.1]]))
    tensor(0.3681)
    """

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
                 log_target: bool = False) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def _check_reduction(self) -> None:
        if self.reduction != "batchmean":
            super()._check_reduction()

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, None, None, self.reduction, self.log_target)
