"""Scaled dot-product attention."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, bool_
from tinygrad_c.nn.functional.dropout import dropout
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.reduce import reduce
from tinygrad_c.ops.reduce import softmax as softmax_ops
from tinygrad_c.ops.shape.diagonals import tril

NEVER = -math.inf


@public("query key value attn_mask?", node="UnsafeViewBackward0")
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:
    """softmax(Q K^T * scale + mask) V, scale 1 / sqrt(E) unless given: Vaswani et al. 2017.

    query is (*, L, E), key (*, S, E), value (*, S, D), the result (*, L, D). attn_mask broadcasts to
    (*, L, S): bool, True where attention is allowed, or float, added to the scores. is_causal: query i attends to keys 0 to i.
    dropout_p: the probability of dropping a weight, in any mode. A query with no allowed key gets zeros. enable_gqa:
    key and value have fewer heads (dimension -3), each shared by several heads of query.

    >>> q = k = tinygrad_c.zeros(1, 2, 1)
    >>> scaled_dot_product_attention(q, k, tinygrad_c.tensor([[[1.0], [3.0]]]))
    tensor([[[2.],
             [2.]]])
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if query.ndim < 2 or key.ndim < 2 or value.ndim < 2:
        raise RuntimeError("scaled_dot_product_attention: Expected query, key, and value to all be at least 2 dimensional, but "
                           f"got {query.ndim}, {key.ndim} and {value.ndim}")
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got query.dtype: "
                           f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead.")
    if enable_gqa and query.ndim > 2 and key.shape[-3] != query.shape[-3]:
        key, value = (_shared_heads(each, query.shape[-3]) for each in (key, value))
    scores = attention_scores(query, key, scale)
    if is_causal:
        attn_mask = tril(create.ones(query.shape[-2], key.shape[-2], dtype=bool_))
    if attn_mask is None:
        weights = softmax_ops.softmax(scores, -1)
    else:
        scores = masked(scores, attn_mask if attn_mask.dtype != bool_ else ~attn_mask)
        nowhere = reduce.amax(scores.detach(), -1, True) == NEVER
        weights = ops.where(nowhere, 0, softmax_ops.softmax(ops.where(nowhere, 0, scores), -1))
    if dropout_p:
        weights = dropout(weights, dropout_p, True)
    return weights @ value


def _shared_heads(x: Tensor, heads: int) -> Tensor:
    """Repeat each head of (*, G, S, E) so that there are `heads` of them."""
    *lead, groups, s, e = x.shape
    if heads % groups:
        raise RuntimeError(f"enable_gqa: the query's heads ({heads}) must be a multiple of those of key and value ({groups})")
    times = heads // groups
    return x.unsqueeze(-3).expand(*lead, groups, times, s, e).reshape(*lead, heads, s, e)


def attention_scores(query: Tensor, key: Tensor, scale: float | None = None) -> Tensor:
    """Q K^T * scale. The query is scaled, because it is usually smaller than the product."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return (query * scale) @ key.transpose(-2, -1)


def masked(scores: Tensor, mask: Tensor) -> Tensor:
    """The scores with -inf where a bool mask is True, or with a float mask added."""
    return ops.where(mask, NEVER, scores) if mask.dtype == bool_ else scores + mask


def merged_mask(first: Tensor | None, second: Tensor | None, dtype: Any) -> Tensor | None:
    """Both masks merged (True: not allowed): bool if both are bool, else float."""
    if first is None or second is None:
        return second if first is None else first
    if first.dtype == bool_ and second.dtype == bool_:
        return first | second
    first, second = (ops.where(each, NEVER, create.zeros_(1, dtype=dtype)) if each.dtype == bool_ else each
                     for each in (first, second))
    return first + second
