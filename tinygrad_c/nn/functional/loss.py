"""The losses as functions: value of each element or row, then their mean, sum, or none of both.

The plain cases are single kernels (ops.loss); weights and rarer losses are composed of other ops.
"""
from __future__ import annotations

import math

from tinygrad_c import creation, ops
from tinygrad_c.notices import typename, warn, warn_once
from tinygrad_c.tensor import Tensor

# ---- What they share.

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
    if reduction == "none":
        return losses
    raise ValueError(f"{reduction} is not a valid value for reduction; one of 'mean', 'sum', 'none'")


def _warn_of_broadcast(input: Tensor, target: Tensor) -> None:
    """PyTorch's warning, once for each pair of shapes, with what broadcasting makes of them and the line to write."""
    try:
        result = ops.broadcast_shapes(input.shape, target.shape)
    except RuntimeError:
        return      # the op itself raises, and says why
    hint = "target.reshape(input.shape)" if input.numel() == target.numel() else "tensors of one shape"
    warn_once(("broadcast", tuple(input.shape), tuple(target.shape)),
              f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely "
              f"lead to incorrect results due to broadcasting: all pairs are compared, {tuple(result)}. "
              f"Please ensure they have the same size; write {hint}")


def _pair(name: str, input: Tensor, target: Tensor) -> None:
    for what, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{what}' must be Tensor, not {typename(value)}; write tensor({what})")
    if input.shape != target.shape:
        _warn_of_broadcast(input, target)


def _weighted(losses: Tensor, weight: Tensor, reduction: str) -> Tensor:
    weighted = losses * weight
    return weighted.sum() / weight.sum() if reduction == "mean" else reduced(weighted, reduction)


# ---- Regression.

def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """(x - t)^2: its mean, sum or each."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if not ops.same_shape(input, target):
        _pair("mse_loss", input, target)
    if weight is not None:
        return _weighted(ops.mse_loss(input, target, "none"), weight, reduction)
    return ops.mse_loss(input, target, reduction)


def l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """|x - t|: its mean, sum or each."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if not ops.same_shape(input, target):
        _pair("l1_loss", input, target)
    if weight is not None:
        return _weighted(ops.l1_loss(input, target, "none"), weight, reduction)
    return ops.l1_loss(input, target, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """(x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss does not support negative values for beta: {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    if not ops.same_shape(input, target):
        _pair("smooth_l1_loss", input, target)
    return ops.smooth_l1_loss(input, target, legacy_reduction(size_average, reduce, reduction), beta)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """(x - t)^2 / 2 where |x - t| <= delta, else delta * (|x - t| - delta / 2)."""
    if delta <= 0:
        raise ValueError(f"huber_loss does not support non-positive values for delta: {delta}")
    if not ops.same_shape(input, target):
        _pair("huber_loss", input, target)
    if weight is not None:
        return _weighted(ops.huber_loss(input, target, "none", delta), weight, reduction)
    return ops.huber_loss(input, target, reduction, delta)


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """(log(var) + (x - t)^2 / var) / 2, var at least eps; full adds log(2 pi) / 2: -log density of a normal distribution."""
    if not isinstance(var, Tensor):
        var = creation.full_like(input, var)
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.shape[:-1] != var.shape[:-1] or var.shape[-1] != 1:
            raise ValueError("var is of incorrect size")
    if (var < 0).any():
        raise ValueError("var has negative entry/entries")
    var = var + (var.detach().clamp(min=eps) - var.detach())     # the value is cut at eps, the gradient is not
    losses = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """e^x - t x (or x - t log(x + eps), if x is not a logarithm); full adds Stirling's t log t - t + log(2 pi t) / 2, t > 1."""
    losses = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        larger = creation.where(target > 1, target, creation.ones_like(target))
        stirling = larger * ops.log(larger) - larger + 0.5 * ops.log(2 * math.pi * larger)
        losses = losses + ops.where(target > 1, stirling, creation.zeros_like(stirling))
    return reduced(losses, legacy_reduction(size_average, reduce, reduction))


# ---- Two classes.

def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-(t log(x) + (1 - t) log(1 - x)), x a probability; the logarithms are cut at -100."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if not ops.same_shape(input, target):
        raise ValueError(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
                         "deprecated. Please ensure they have the same size; write target.reshape(input.shape)")
    if weight is not None:
        return reduced(ops.binary_cross_entropy(input, target, "none") * weight, reduction)
    return ops.binary_cross_entropy(input, target, reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """-(p t log(s) + (1 - t) log(1 - s)), s = sigmoid(x), p = pos_weight; for any x without overflow."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if not ops.same_shape(input, target):
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape}); "
                         "write target.reshape(input.shape)")
    if weight is None and pos_weight is None:
        return ops.binary_cross_entropy_with_logits(input, target, reduction)
    if pos_weight is None:
        losses = ops.binary_cross_entropy_with_logits(input, target, "none")
    else:
        log_weight = (pos_weight - 1) * target + 1
        losses = (1 - target) * input - log_weight * ops.logsigmoid(input)
    return reduced(losses if weight is None else losses * weight, reduction)


def soft_margin_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:
    """log(1 + e^(-t x)), t = 1 or -1."""
    return reduced(-ops.logsigmoid(target * input), legacy_reduction(size_average, reduce, reduction))


# ---- Many classes.

def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:
    """-log(softmax(x)[t]): of logits x (N, C) and classes t (N), its mean, sum or each.

    Also x (C) with t (), and x (N, C, d1, ...) with t (N, d1, ...). t may be of floats of x's shape: probabilities.
    The mean is weighted by weight[t]; rows whose target is ignore_index do not count.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if input.ndim > 2 or target.is_floating_point():
        return _cross_entropy_general(input, target, weight, ignore_index, reduction, label_smoothing)
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def _cross_entropy_general(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,
                           label_smoothing: float) -> Tensor:
    if target.is_floating_point():
        if input.shape != target.shape:
            raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.type().split('.')[-1][:-6]}: "
                               f"probabilities as targets need the shape of the input, {tuple(input.shape)}, not "
                               f"{tuple(target.shape)}; for class numbers write target.long()")
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing)
    rows, classes = _rows(input, target)
    return _unrows(ops.cross_entropy(rows, classes, weight, ignore_index, reduction, label_smoothing), target, reduction)


def _cross_entropy_of_probabilities(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str,
                                    label_smoothing: float) -> Tensor:
    dim = 0 if input.ndim == 1 else 1
    classes = input.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    losses = -ops.log_softmax(input, dim) * target
    if weight is not None:
        losses = losses * weight.reshape([classes if d == dim else 1 for d in range(input.ndim)])
    if reduction == "mean":
        return losses.sum() / max(input.numel() // classes, 1)
    return reduced(losses.sum(dim), reduction)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-x[t]: of logarithms of probabilities x (N, C) and classes t (N), its mean (weighted by weight[t]), sum or each."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    if input.ndim > 2:
        rows, classes = _rows(input, target)
        return _unrows(ops.nll_loss(rows, classes, weight, ignore_index, reduction), target, reduction)
    return ops.nll_loss(input, target, weight, ignore_index, reduction)


def _rows(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, d1, ...) and (N, d1, ...) as (N * d1 * ..., C) and (N * d1 * ...)."""
    if tuple(target.shape) != (input.shape[0], *input.shape[2:]):
        raise RuntimeError(f"size mismatch (got input: {list(input.shape)} , target: {list(target.shape)}): the target's "
                           f"shape must be {[input.shape[0], *input.shape[2:]]}, the input's without its classes")
    return input.movedim(1, -1).reshape(-1, input.shape[1]), target.reshape(-1)


def _unrows(losses: Tensor, target: Tensor, reduction: str) -> Tensor:
    return losses.reshape(target.shape) if reduction == "none" else losses


def kl_div(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t * (log(t) - x), x a logarithm of probabilities; reduction 'batchmean' divides the sum by the rows."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    if log_target:
        losses = ops.exp(target) * (target - input)
    else:
        positive = target > 0
        logarithm = ops.log(ops.where(positive, target, creation.ones_like(target)))
        losses = ops.where(positive, target * logarithm, creation.zeros_like(target)) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0]
    if reduction == "mean":
        warn_once("kl_div", "reduction: 'mean' divides the total loss by both the batch size and the support size. "
                            "'batchmean' divides only by the batch size, and aligns with the KL math definition.")
    return reduced(losses, reduction)
