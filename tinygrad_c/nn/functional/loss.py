"""Loss functions: a value for each element or row, then reduced to their mean or sum, or not reduced.

ops.loss has kernels for the common losses. Here they get PyTorch's signatures, and the other losses are composed of ops.
"""
from __future__ import annotations

import math

from tinygrad_c._base.public import public
from tinygrad_c._base.warn import warn, warn_once
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.loss import loss

# ---- Reductions. The common losses test before they call legacy_reduction: a call is 1% of a small net's step.


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, also from PyTorch's deprecated arguments size_average and reduce."""
    if size_average is None and reduce is None:
        return reduction
    result = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(f"size_average and reduce args will be deprecated, please use reduction='{result}' instead.")
    return result


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses, reduced by their mean, by their sum, or not at all."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    checked(reduction)
    return losses


def checked(reduction: str) -> str:
    """The reduction; ValueError if it is not valid."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction ({reduction} is not valid); use 'mean', 'sum' "
                         "or 'none'")
    return reduction


def _weighted(losses: Tensor, weight: Tensor, reduction: str) -> Tensor:
    weighted = losses * weight
    return weighted.sum() / weight.expand_as(losses).sum() if reduction == "mean" else reduced(weighted, reduction)


# ---- Regression.

def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(x - t)^2, reduced by mean, by sum or not at all.

    x and t should have the same shape. Other shapes broadcast, with a warning.

    >>> mse_loss(tensor([1., 2.]), tensor([0., 4.]))
    tensor(2.5000)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if weight is not None:
        return _weighted(loss.mse_loss(input, target, "none"), weight, reduction)
    return loss.mse_loss(input, target, reduction)


def l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|x - t|, reduced by mean, by sum or not at all.

    x and t should have the same shape. Other shapes broadcast, with a warning.

    >>> l1_loss(tensor([1., 2.]), tensor([0., 4.]))
    tensor(1.5000)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if weight is not None:
        return _weighted(loss.l1_loss(input, target, "none"), weight, reduction)
    return loss.l1_loss(input, target, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2.

    >>> smooth_l1_loss(tensor([0.5, 3.]), tensor([0., 0.]))
    tensor(1.3125)
    """
    return loss.smooth_l1_loss(input, target, legacy_reduction(size_average, reduce, reduction), beta)


@public("input target weight?")
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """(x - t)^2 / 2 where |x - t| <= delta, else delta * (|x - t| - delta / 2).

    >>> huber_loss(tensor([0.5, 3.]), tensor([0., 0.]))
    tensor(1.3125)
    """
    if weight is not None:
        # As in torch, the mean divides by the number of elements, not by the sum of the weights.
        return reduced(loss.huber_loss(input, target, "none", delta) * weight, reduction)
    return loss.huber_loss(input, target, reduction, delta)


@public("input target var#")
def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """(log(var) + (x - t)^2 / var) / 2, var clamped to at least eps. full adds log(2 pi) / 2: the -log density of N(x, var).

    >>> gaussian_nll_loss(tensor([1.]), tensor([3.]), tensor([2.]))
    tensor(1.3466)
    """
    if not isinstance(var, Tensor):
        var = create.full_like(input, var)
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or any(n not in (1, m) for n, m in zip(var.shape, input.shape)):
            raise ValueError("var is of incorrect size")
    if create.is_wrong((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    var = var + (var.detach().clamp(min=eps) - var.detach())     # clamps the value but not the gradient
    losses = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


@public("input target")
def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """e^x - t x, or x - t log(x + eps) if not log_input. full adds Stirling's t log t - t + log(2 pi t) / 2 where t > 1.

    >>> poisson_nll_loss(tensor([0., 1.]), tensor([1., 2.]))
    tensor(0.8591)
    """
    losses = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        larger = ops.where(target > 1, target, 1)
        stirling = larger * ops.log(larger) - larger + 0.5 * ops.log(2 * math.pi * larger)
        losses = losses + ops.where(target > 1, stirling, 0)
    return reduced(losses, legacy_reduction(size_average, reduce, reduction))


# ---- Two classes.

def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-(t log(x) + (1 - t) log(1 - x)), x a probability. The logarithms are clamped to at least -100.

    ValueError unless x and t have the same shape. RuntimeError for x below 0 or above 1.

    >>> binary_cross_entropy(tensor([0.9, 0.2]), tensor([1., 0.]))
    tensor(0.1643)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """-(p t log(s) + (1 - t) log(1 - s)), s = sigmoid(x), p = pos_weight. It does not overflow for any x.

    ValueError unless x and t have the same shape.

    >>> binary_cross_entropy_with_logits(tensor([2., -1.]), tensor([1., 0.]))
    tensor(0.2201)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.binary_cross_entropy_with_logits(input, target, weight, reduction, pos_weight)


@public("input target", node="SoftMarginLossBackward0")
def soft_margin_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """log(1 + e^(-t x)), t = 1 or -1.

    >>> soft_margin_loss(tensor([0., 2.]), tensor([1., -1.]))
    tensor(1.4100)
    """
    return reduced(-ops.logsigmoid(target * input), legacy_reduction(size_average, reduce, reduction))


# ---- Many classes.

def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:
    """-log(softmax(x)[t]) for logits x (N, C) and classes t (N), reduced by mean, by sum or not at all.

    Also x (C) with t (), and x (N, C, d1, ...) with t (N, d1, ...). t may also be probabilities, floats of
    x's shape. The mean is weighted by weight[t]. Rows with the target ignore_index are left out.
    ValueError if there are not as many targets as rows, IndexError for a class outside 0 ... C - 1.

    >>> cross_entropy(tensor([[2., 0., 0.], [0., 0., 3.]]), tensor([0, 2]))
    tensor(0.1672)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-x[t] for log probabilities x (N, C) and classes t (N), reduced by mean (weighted by weight[t]), by sum or not at all.

    >>> nll_loss(tensor([[0.9, 0.1], [0.2, 0.8]]).log(), tensor([0, 1]))
    tensor(0.1643)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.nll_loss(input, target, weight, ignore_index, reduction)


@public("input target")
def kl_div(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t * (log(t) - x), x log probabilities. reduction='batchmean' divides the sum by the batch size.

    >>> kl_div(tensor([[0.5, 0.5]]).log(), tensor([[0.9, 0.1]]), reduction="batchmean")
    tensor(0.3681)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if log_target:
        losses = ops.exp(target) * (target - input)
    else:
        losses = ops.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return losses.sum() / (input.shape[0] if input.ndim else 1)
    if reduction == "mean":
        warn_once("kl_div", "reduction: 'mean' divides the total loss by both the batch size and the support size. "
                            "'batchmean' divides only by the batch size, and aligns with the KL math definition.")
    return reduced(losses, reduction)
