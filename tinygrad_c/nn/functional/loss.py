"""The losses as functions: the value of each element or row, then their mean, their sum, or each.

ops.loss has the usual ones as kernels; here they get PyTorch's signatures, and the rarer ones are composed.
"""
from __future__ import annotations

import math

from tinygrad_c._base.warn import warn, warn_once
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.loss import loss

# ---- What they share. (The usual losses ask before they call legacy_reduction: a call is 1% of a small net's step.)


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, from PyTorch's first two names for it too."""
    if size_average is None and reduce is None:
        return reduction
    result = "none" if reduce is False else "sum" if size_average is False else "mean"
    warn(f"size_average and reduce args will be deprecated, please use reduction='{result}' instead.")
    return result


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of the losses, or the losses."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    checked(reduction)
    return losses


def checked(reduction: str) -> str:
    """The word, if it is one."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction ({reduction} is not valid); one of 'mean', 'sum', "
                         "'none'")
    return reduction


def _weighted(losses: Tensor, weight: Tensor, reduction: str) -> Tensor:
    weighted = losses * weight
    return weighted.sum() / weight.expand_as(losses).sum() if reduction == "mean" else reduced(weighted, reduction)


# ---- Regression.

def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(x - t)^2: its mean, sum or each.

    x and t of one shape: others broadcast, with a warning.

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
    """|x - t|: its mean, sum or each.

    x and t of one shape: others broadcast, with a warning.

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


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """(x - t)^2 / 2 where |x - t| <= delta, else delta * (|x - t| - delta / 2).

    >>> huber_loss(tensor([0.5, 3.]), tensor([0., 0.]))
    tensor(1.3125)
    """
    if weight is not None:
        return reduced(loss.huber_loss(input, target, "none", delta) * weight, reduction)   # not by the weights' sum
    return loss.huber_loss(input, target, reduction, delta)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """(log(var) + (x - t)^2 / var) / 2, var at least eps; full adds log(2 pi) / 2: -log density of a normal distribution.

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
    if (var < 0).any():
        raise ValueError("var has negative entry/entries")
    var = var + (var.detach().clamp(min=eps) - var.detach())     # the value is cut at eps, the gradient is not
    losses = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """e^x - t x (or x - t log(x + eps), if x is not a logarithm); full adds Stirling's t log t - t + log(2 pi t) / 2, t > 1.

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
    """-(t log(x) + (1 - t) log(1 - x)), x a probability; the logarithms are cut at -100.

    x and t of one shape, else ValueError; RuntimeError for x below 0 or above 1.

    >>> binary_cross_entropy(tensor([0.9, 0.2]), tensor([1., 0.]))
    tensor(0.1643)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.binary_cross_entropy(input, target, weight, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """-(p t log(s) + (1 - t) log(1 - s)), s = sigmoid(x), p = pos_weight; for any x without overflow.

    x and t of one shape, else ValueError.

    >>> binary_cross_entropy_with_logits(tensor([2., -1.]), tensor([1., 0.]))
    tensor(0.2201)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.binary_cross_entropy_with_logits(input, target, weight, reduction, pos_weight)


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
    """-log(softmax(x)[t]): of logits x (N, C) and classes t (N), its mean, sum or each.

    Also x (C) with t (), and x (N, C, d1, ...) with t (N, d1, ...). t may be floats of x's shape: probabilities.
    The mean is weighted by weight[t]; rows whose target is ignore_index do not count.
    ValueError for another number of targets than rows, IndexError for a class not in 0 .. C - 1.

    >>> cross_entropy(tensor([[2., 0., 0.], [0., 0., 3.]]), tensor([0, 2]))
    tensor(0.1672)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-x[t]: of logarithms of probabilities x (N, C) and classes t (N), its mean (weighted by weight[t]), sum or each.

    >>> nll_loss(tensor([[0.9, 0.1], [0.2, 0.8]]).log(), tensor([0, 1]))
    tensor(0.1643)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    return loss.nll_loss(input, target, weight, ignore_index, reduction)


def kl_div(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t * (log(t) - x), x a logarithm of probabilities; reduction 'batchmean' divides the sum by the rows.

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
