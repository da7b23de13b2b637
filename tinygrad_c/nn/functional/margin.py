"""Margin losses: the right class or pair must be better than the wrong one by at least a margin."""
from __future__ import annotations

from collections.abc import Callable

from tinygrad_c._base.arguments import tensor_arg
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, bool_
from tinygrad_c.nn.functional.distance import pairwise_distance
from tinygrad_c.nn.functional.loss import checked, legacy_reduction, reduced
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import gather, scatter_add
from tinygrad_c.ops.reduce import reduce as reductions


def _labels(target: Tensor) -> Tensor:
    """The labels; RuntimeError unless they are integers."""
    if target.is_floating_point() or target.dtype is bool_:
        raise RuntimeError(f"expected scalar type Long but found {target.type()[6:-6]}: write target.long()")
    return target


# ---- Losses of single scores

@public("input target")
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """x where t = 1, max(0, margin - x) where t = -1: x is a distance, t says whether the pair is similar.

    >>> hinge_embedding_loss(tinygrad_c.tensor([0.5, 0.25]), tinygrad_c.tensor([1.0, -1.0]), reduction="none")
    tensor([0.5000, 0.7500])
    """
    tensor_arg(target, "hinge_embedding_loss", "target", 2)
    alike = ops.where(target != -1, input, 0)
    unlike = ops.where(target != 1, (margin - input).clamp(min=0), 0)
    return reduced(alike + unlike, legacy_reduction(size_average, reduce, reduction))


@public("input1 input2 target")
def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """max(0, margin - t * (x1 - x2)): t = 1 where x1 should be larger, -1 where x2.

    >>> margin_ranking_loss(tensor([1.]), tensor([1.2]), tensor([1.]), margin=0.5)
    tensor(0.7000)
    """
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got sizes: "
                           f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} ")
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), legacy_reduction(size_average, reduce, reduction))


# ---- Losses of vectors

@public("input1 input2 target")
def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
                          reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """1 - cos(x1, x2) where t = 1, max(0, cos(x1, x2) - margin) where t = -1: x1, x2 (N, D) or (D).

    >>> cosine_embedding_loss(tensor([[1., 0.]]), tensor([[3., 4.]]), tensor([1]))
    tensor(0.4000)
    """
    if target.ndim + 1 != input1.ndim or input1.ndim != input2.ndim:
        raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with "
                           f"sizes {list(input1.shape)} and {list(input2.shape)}.")
    eps = 1e-12     # added to each squared norm, as in PyTorch
    product = reductions.sum(input1 * input2, -1)
    lengths = (reductions.sum(input1 * input1, -1) + eps) * (reductions.sum(input2 * input2, -1) + eps)
    cosine = product / lengths.sqrt()
    losses = ops.where(target == 1, 1 - cosine, 0) + ops.where(target == -1, (cosine - margin).clamp(min=0), 0)
    return reduced(losses, legacy_reduction(size_average, reduce, reduction))


@public("anchor positive negative")
def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, size_average: bool | None = None, reduce: bool | None = None,
                        reduction: str = "mean") -> Tensor:
    """max(0, |a - p| - |a - n| + margin): the anchor should be nearer to the positive than to the negative sample.

    swap: |a - n| is replaced by min(|a - n|, |p - n|) (Balntas et al. 2016).

    >>> triplet_margin_loss(tensor([[0., 0.]]), tensor([[0., 1.]]), tensor([[0., 1.5]]))
    tensor(0.5000)
    """
    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return _triplet(anchor, positive, negative, distance, margin, swap, legacy_reduction(size_average, reduce, reduction))


@public("anchor positive negative")
def triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *,
                                      distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
                                      margin: float = 1.0, swap: bool = False, reduction: str = "mean") -> Tensor:
    """triplet_margin_loss with a custom distance function.

    >>> triplet_margin_with_distance_loss(tensor([[0., 0.]]), tensor([[0., 1.]]), tensor([[0., 1.5]]),
    ...                                   distance_function=lambda a, b: (a - b).abs().sum(-1))
    tensor(0.5000)
    """
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(anchor: Tensor, positive: Tensor, negative: Tensor, distance: Callable[[Tensor, Tensor], Tensor], margin: float,
             swap: bool, reduction: str) -> Tensor:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of dimensions, but "
                           f"got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs")
    far = distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced((distance(anchor, positive) - far + margin).clamp(min=0), reduction)


# ---- Losses of the scores of many classes

def not_empty(x: Tensor) -> None:
    """RuntimeError if there are no classes."""
    if x.ndim > 2 or (x.ndim and x.shape[-1] == 0):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(x.shape)}")


@public("input target weight?", node="MultiMarginLossBackward0")
def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
                      size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """sum over i != t of max(0, margin - x[t] + x[i])^p, times weight[t], divided by the number of classes: x (N, C) or (C).

    >>> multi_margin_loss(tensor([[0.1, 0.2, 0.4, 0.8]]), tensor([3]))
    tensor(0.3250)
    """
    reduction = checked(legacy_reduction(size_average, reduce, reduction))
    not_empty(input)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    x, t = (input, target) if input.ndim == 2 else (input.reshape(1, -1), target.reshape(-1))
    if x.ndim != 2 or tuple(t.shape) != (x.shape[0],):
        raise RuntimeError("target tensor should be 1-D with size equal to the number of rows: inconsistent target size. "
                         f"Expected target size [{x.shape[0]}], but got {list(target.shape)}")
    classes = x.shape[1]
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional, got {weight.ndim} dimensions")
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    t = _labels(t)
    if create.is_wrong(reductions.any((t < 0) | (t >= classes))):
        raise RuntimeError(f"target out of range: classes are 0 to {classes - 1}")
    t = t.long().unsqueeze(1)
    losses = (margin - gather(x, 1, t) + x).clamp(min=0) ** p
    if weight is not None:
        losses = losses * weight[t.squeeze(1)].unsqueeze(1)
    losses = ops.where(create.arange(classes).unsqueeze(0) == t, 0, losses)
    losses = reduced(reductions.sum(losses, -1) / classes, reduction)
    return losses.squeeze(0) if input.ndim < 2 and reduction == "none" else losses


@public("input target", node="MultilabelMarginLossBackward0")
def multilabel_margin_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                           reduction: str = "mean") -> Tensor:
    """sum over the right classes t and the wrong classes i of max(0, 1 - (x[t] - x[i])), divided by the number of classes.

    x is (N, C) or (C). target has the same shape: the right classes first, then -1.

    >>> multilabel_margin_loss(tensor([0.1, 0.2, 0.4, 0.8]), tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """
    reduction = checked(legacy_reduction(size_average, reduce, reduction))
    not_empty(input)
    if input.shape != target.shape:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    target = _labels(target)
    x, t = (input, target) if input.ndim == 2 else (input.reshape(1, -1), target.reshape(1, -1))
    n, classes = x.shape
    if create.is_wrong(reductions.any((t < -1) | (t >= classes))):
        raise RuntimeError(f"argument #2 'target' is out of range: classes are 0 to {classes - 1}, and -1 ends a row's list")
    counted = reductions.cumprod((t >= 0).long(), 1).to(x.dtype)        # 1 up to the first -1
    t = t.long().clamp(min=0)
    right = scatter_add(create.zeros_(n, classes, dtype=x.dtype), 1, t, counted) > 0
    of_right = gather(x, 1, t)
    hinges = (1 - of_right.unsqueeze(2) + x.unsqueeze(1)).clamp(min=0) * counted.unsqueeze(2)
    losses = reductions.sum(ops.where(right.unsqueeze(1), 0, hinges), (1, 2)) / classes
    losses = reduced(losses, reduction)
    return losses.squeeze(0) if input.ndim < 2 and reduction == "none" else losses


@public("input target weight?")
def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                                reduce: bool | None = None, reduction: str = "mean") -> Tensor:
    """-mean over the classes of t log(sigmoid(x)) + (1 - t) log(sigmoid(-x)), times weight: x and t (N, C).

    >>> multilabel_soft_margin_loss(tensor([[0., 2.]]), tensor([[1., 0.]]))
    tensor(1.4100)
    """
    losses = -(target * ops.logsigmoid(input) + (1 - target) * ops.logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduced(reductions.sum(losses, -1) / input.shape[-1], legacy_reduction(size_average, reduce, reduction))

