"""Distances and the cosine similarity of vectors."""
from __future__ import annotations

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.reduce import reduce
from tinygrad_c.ops.shape.rearrange import broadcast_tensors


@public("x1 x2", axis=True)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) * max(|x2|, eps)) along dim.

    >>> cosine_similarity(tinygrad_c.tensor([1.0, 0.0]), tinygrad_c.tensor([1.0, 1.0]), dim=0)
    tensor(0.7071)
    """
    if x1.shape != x2.shape:
        x1, x2 = broadcast_tensors(x1, x2)
    return ((x1 / _length(x1, dim, eps)) * (x2 / _length(x2, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """max(|x|, eps) with the gradient of |x|, as in PyTorch."""
    length = reduce.norm(x, 2, dim, True)
    return length + (length.detach().clamp(min=eps) - length.detach())


@public("x1 x2", axis=True)
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """|x1 - x2 + eps|_p along the last dimension.

    >>> pairwise_distance(tinygrad_c.tensor([[0.0, 0.0]]), tinygrad_c.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return reduce.norm(x1 - x2 + eps, p, -1, keepdim)


@public(node="PdistBackward0")
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """|x_i - x_j|_p of all pairs of rows i < j, as one vector.

    x (N, D) gives (N (N - 1) / 2).

    >>> pdist(tensor([[0., 0.], [3., 4.], [0., 1.]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    n = input.shape[0]
    first = [i for i in range(n) for _ in range(i + 1, n)]
    second = [j for i in range(n) for j in range(i + 1, n)]
    if not first:
        return input[:0].sum(-1)
    return reduce.norm(input[first] - input[second], p, -1)
