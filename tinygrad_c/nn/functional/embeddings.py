"""Embeddings: rows of a weight matrix, looked up by index."""
from __future__ import annotations

from itertools import pairwise

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, int32, int64
from tinygrad_c.autograd import Function, is_grad_enabled, no_grad
from tinygrad_c.ops.create import create
from tinygrad_c.ops.create.create import one_hot
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import add_row_sums, all_within, row_sums, rows_at
from tinygrad_c.ops.reduce import reduce
from tinygrad_c.ops.shape.shape import stack

__all__ = ["embedding", "embedding_bag", "one_hot"]


@public("input weight", node="EmbeddingBackward0")
@unbatched
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
              norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """weight[input]: indices (*) and weight (V, D) give rows (*, D).

    padding_idx: a row that gets no gradient. max_norm: rows that are used are first scaled, in place, to at most this norm.
    scale_grad_by_freq: divide each row's gradient by the number of times it is used. IndexError for an index out of range.

    >>> embedding(tinygrad_c.tensor([1, 0]), tinygrad_c.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    _check_indices(input, weight, sparse)
    if padding_idx is not None:
        padding_idx = _row(padding_idx, weight)
        if weight.requires_grad and is_grad_enabled():
            weight = _RowWithoutGradient.apply(weight, padding_idx)
    if max_norm is not None:
        rows_at(weight, input)          # raises for an index out of range, before anything is scaled
        _renormalise(input, weight, max_norm, norm_type)
    rows = rows_at(weight, input) if input.ndim else rows_at(weight, input.reshape(1))[0]
    if scale_grad_by_freq:
        counts = create.zeros_(weight.shape[0], dtype=weight.dtype)
        flat = input.reshape(-1).long()
        counts.scatter_add_(0, flat, create.ones(flat.shape[0], dtype=weight.dtype))
        rows = rows.detach() + (rows - rows.detach()) / counts[input].unsqueeze(-1)
    return rows


class _RowWithoutGradient(Function):
    """The weight; the gradient of one row is 0."""

    @staticmethod
    def forward(ctx, weight, row):
        ctx.row = row
        return weight

    @staticmethod
    def backward(ctx, g):
        return g.index_fill(0, create.tensor([ctx.row]), 0.0), None


def _check_indices(input: Tensor, weight: Tensor, sparse: bool) -> None:
    if sparse:
        raise NotImplementedError("sparse gradients are not supported: remove sparse=True, and the gradient is dense")
    if not isinstance(input, Tensor):
        raise TypeError(f"embedding(): argument 'indices' (position 2) must be Tensor, not {type(input).__name__}")
    if input.dtype not in (int64, int32):
        raise RuntimeError("Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
                           f"but got {input.type()} instead (while checking arguments for embedding); write input.long()")
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got shape {tuple(weight.shape)}")


def _row(padding_idx: int, weight: Tensor) -> int:
    if not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError("padding_idx must be within num_embeddings")
    return padding_idx % weight.shape[0]


def _renormalise(input: Tensor, weight: Tensor, max_norm: float, norm_type: float) -> None:
    with no_grad():
        used = sorted(set(input.reshape(-1).tolist()))
        if used:
            rows = weight[used]
            norms = reduce.norm(rows, norm_type, 1, True)
            weight[used] = ops.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)


class _RowSums(Function):
    """The sums of the rows of weight that the rows of input name, for bags of one length."""

    @staticmethod
    def forward(ctx, weight, input):
        ctx.save_for_backward(input)
        ctx.size = weight.shape[0]
        return row_sums(weight, input)

    @staticmethod
    def backward(ctx, g):
        return _RowSumsGradient.apply(g, *ctx.saved_tensors, ctx.size), None


class _RowSumsGradient(Function):
    @staticmethod
    def forward(ctx, g, index, size):
        ctx.save_for_backward(index)
        return add_row_sums(g, index, size)

    @staticmethod
    def backward(ctx, gg):
        return _RowSums.apply(gg, *ctx.saved_tensors), None, None


@public("input weight offsets? per_sample_weights?", node="EmbeddingBagBackward0")
@unbatched
def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """The sum, mean or maximum of weight[i] over each bag of indices: a row of input (B, n), or input[offsets[b]:offsets[b+1]].

    per_sample_weights: a factor for each index, only with mode='sum'. padding_idx: an index that is ignored.

    >>> embedding_bag(tensor([0, 1, 2]), tensor([[1., 2.], [3., 4.], [5., 6.]]), tensor([0, 1]), mode="sum")
    tensor([[ 1.,  2.],
            [ 8., 10.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
                                  f"mode='sum' (got mode='{mode}'). Please open a feature request on GitHub.")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                             f"sequences. However, found offsets of type {type(offsets)}")
        lengths = [input.shape[1]] * input.shape[0]
    elif input.ndim == 1:
        lengths = _bag_lengths(input, offsets, include_last_offset)
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    flat = input.reshape(-1)
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise RuntimeError(f"padding_idx must be within the number of embeddings, -{weight.shape[0]} through "
                           f"{weight.shape[0] - 1}, but got {padding_idx}")
    _check_indices(input, weight, sparse)
    outside = None if not create.in_program() and all_within(flat, 0, weight.shape[0]) else (
        (flat < 0) | (flat >= weight.shape[0]))
    if outside is not None and create.is_wrong(reduce.any(outside)):
        raise RuntimeError(f"Index of input takes value {flat[outside][0].item()} which is not in the valid range [0, "
                           f"{weight.shape[0]})")
    plain = max_norm is None and not scale_grad_by_freq and padding_idx is None and weight.is_floating_point()
    plain = plain and per_sample_weights is None and mode != "max" and not create.in_program()  # it sums in the same order
    if plain and input.ndim == 2 and input.shape[1]:
        total = _RowSums.apply(weight, input)
        return total if mode == "sum" else total / input.shape[1]
    rows = embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    counts = create.ones(flat.shape[0], dtype=weight.dtype)
    if padding_idx is not None:
        counts = ops.where(flat == padding_idx % weight.shape[0], 0, counts)
    bags = len(lengths)
    if input.ndim == 2:
        bag = create.arange(bags).unsqueeze(-1).expand(*input.shape).reshape(-1)
    else:
        bag = create.tensor([b for b, n in enumerate(lengths) for _ in range(n)], dtype=int64)
    if mode == "max":
        return _bag_maximum(rows, counts, lengths)
    rows = rows * (counts if per_sample_weights is None else counts * per_sample_weights.reshape(-1)).unsqueeze(-1)
    total = create.zeros_(bags, weight.shape[1], dtype=weight.dtype).scatter_add(0, bag.unsqueeze(-1).expand(rows.shape), rows)
    if mode == "mean":
        total = total / create.zeros_(bags, dtype=weight.dtype).scatter_add(0, bag, counts).clamp(min=1).unsqueeze(-1)
    return total


def _bag_lengths(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> list[int]:
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = offsets.tolist() + ([] if include_last_offset else [input.shape[0]])
    if starts[0] != 0:
        raise ValueError("offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                         f"However, got {starts[0]}")
    if starts[-1] > input.shape[0]:
        raise ValueError(f"offsets[-1] can not be greater than input's length({input.shape[0]}), but got offsets[-1] of "
                         f"{starts[-1]}")
    return [end - start for start, end in pairwise(starts)]


def _bag_maximum(rows: Tensor, counts: Tensor, lengths: list[int]) -> Tensor:
    counted = [count > 0 for count in counts.tolist()]
    bags, start = [], 0
    for n in lengths:
        kept = [i for i in range(start, start + n) if counted[i]]
        bags.append(reduce.max(rows[kept], 0)[0] if kept else rows.new_zeros(rows.shape[1]))
        start += n
    return stack(bags)
