"""multi_head_attention_forward, and the code that it shares with nn.MultiheadAttention: attention with several heads."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, bool_
from tinygrad_c.nn.functional.attention import attention_scores, masked, merged_mask, scaled_dot_product_attention
from tinygrad_c.nn.functional.dropout import dropout
from tinygrad_c.ops.create import create
from tinygrad_c.ops.matmul.products import linear
from tinygrad_c.ops.reduce import softmax as softmax_ops
from tinygrad_c.ops.shape.shape import cat


def attend(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_heads: int,
           in_proj_weight: Tensor | tuple[Tensor | None, ...] | None, in_proj_bias: Tensor | None, bias_k: Tensor | None,
           bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float, out_proj: Callable[[Tensor], Tensor],
           training: bool, key_padding_mask: Tensor | None, need_weights: bool, attn_mask: Tensor | None,
           average_attn_weights: bool, is_causal: bool, batch_first: bool) -> tuple[Tensor, Tensor | None]:
    """(output, weights), see nn.MultiheadAttention. in_proj_weight: one weight for all three inputs, or a tuple of three.

    >>> x, w = tinygrad_c.ones(2, 4), tinygrad_c.eye(4)
    >>> y, weights = attend(x, x, x, 4, 2, (w, w, w), None, None, None, False, 0.0, lambda y: y, False, None, False, None, True,
    ...                     False, True)
    >>> y.shape, weights
    (torch.Size([2, 4]), None)
    """
    if query.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor")
    if key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(f"For {'' if query.ndim == 3 else 'un'}batched query, expected `key` and `value` to be "
                             f"{query.ndim}-D but found {key.ndim}-D and {value.ndim}-D tensors respectively")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    batched = query.ndim == 3
    mask = _whole_mask(key_padding_mask, attn_mask, query, num_heads, (bias_k is not None) + add_zero_attn)
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    projected = _projections(query, key, value, in_proj_weight, in_proj_bias)
    if not batched:
        projected = [x.unsqueeze(0) for x in projected]
    elif not batch_first:
        projected = [x.transpose(0, 1) for x in projected]
    q, k, v = projected
    b = q.shape[0]
    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v must both be given, or neither")
    if bias_k is not None and bias_v is not None:
        k, v = cat([k, bias_k.expand(b, 1, embed_dim)], 1), cat([v, bias_v.expand(b, 1, embed_dim)], 1)
    if add_zero_attn:
        zeros = create.zeros_(b, 1, embed_dim, dtype=k.dtype)
        k, v = cat([k, zeros], 1), cat([v, zeros], 1)
    q, k, v = (x.reshape(b, x.shape[1], num_heads, embed_dim // num_heads).transpose(1, 2) for x in (q, k, v))
    if need_weights:
        scores = attention_scores(q, k)
        weights = softmax_ops.softmax(scores if mask is None else masked(scores, mask), -1)
        if dropout_p and training:
            weights = dropout(weights, dropout_p)
        heads = weights @ v
    else:
        allowed = ~mask if mask is not None and mask.dtype == bool_ else mask
        heads = scaled_dot_product_attention(q, k, v, allowed, dropout_p if training else 0.0)
        weights = None
    y = out_proj(heads.transpose(1, 2).reshape(b, heads.shape[2], embed_dim))
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    if not batched:
        return y.squeeze(0), None if weights is None else weights.squeeze(0)
    return y if batch_first else y.transpose(0, 1), weights


def _projections(query: Tensor, key: Tensor, value: Tensor, weight: Tensor | tuple[Tensor | None, ...] | None,
                 bias: Tensor | None) -> list[Tensor]:
    """Queries, keys and values, each with the layout of its input. If the three inputs are one tensor, in one product."""
    if query is key and key is value and not isinstance(weight, tuple):
        return list(linear(query, weight, bias).chunk(3, -1))
    weights = weight if isinstance(weight, tuple) else weight.chunk(3)
    biases = [None] * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]


def _whole_mask(padding: Tensor | None, attention: Tensor | None, query: Tensor, num_heads: int, more: int) -> Tensor | None:
    """Both masks merged into one that broadcasts to (B, num_heads, L, S + more), False or 0 for the appended keys."""
    if attention is not None:
        if attention.ndim == 3:
            attention = attention.reshape(-1, num_heads, *attention.shape[1:])
        elif attention.ndim != 2:
            raise RuntimeError(f"attn_mask's dimension {attention.ndim} is not supported")
    if padding is not None:
        padding = padding.reshape(-1, 1, 1, padding.shape[-1])
    mask = merged_mask(attention, padding, query.dtype)
    if mask is not None and more:
        mask = cat([mask, create.zeros_(*mask.shape[:-1], more, dtype=mask.dtype)], -1)
    return mask


@public("query key value in_proj_weight? in_proj_bias? bias_k? bias_v? out_proj_weight out_proj_bias? key_padding_mask? "
        "attn_mask? q_proj_weight? k_proj_weight? v_proj_weight? static_k? static_v?")
def multi_head_attention_forward(
        query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
        in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
        out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
        q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
        static_k: Tensor | None = None, static_v: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """(output, weights) of nn.MultiheadAttention: query (L, B, E), key and value (S, B, E).

    >>> x, w = tinygrad_c.ones(2, 1, 4), tinygrad_c.eye(4)
    >>> y, weights = multi_head_attention_forward(x, x, x, 4, 2, tinygrad_c.cat([w, w, w]), None, None, None, False, 0.0, w,
    ...                                           None)
    >>> y.shape, weights
    (torch.Size([2, 1, 4]), tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]]))
    """
    if query.shape[-1] != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {query.shape[-1]}")
    if static_k is not None or static_v is not None:
        raise NotImplementedError("static_k and static_v are not supported: pass them to scaled_dot_product_attention")
    weight = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    return attend(query, key, value, embed_dim_to_check, num_heads, weight, in_proj_bias, bias_k, bias_v, add_zero_attn,
                  dropout_p, partial(linear, weight=out_proj_weight, bias=out_proj_bias), training, key_padding_mask,
                  need_weights, attn_mask, average_attn_weights, is_causal, False)
