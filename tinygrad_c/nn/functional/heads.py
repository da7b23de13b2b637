"""multi_head_attention_forward: MultiheadAttention with its weights as arguments."""
from __future__ import annotations

from functools import partial
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.matmul.matmul import linear


def multi_head_attention_forward(
        query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
        in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
        out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
        q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
        static_k: Tensor | None = None, static_v: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """(output, weights) of nn.MultiheadAttention's formula: query (L, B, E), key and value (S, B, E).

    >>> x, w = tinygrad_c.ones(2, 1, 4), tinygrad_c.eye(4)
    >>> y, weights = multi_head_attention_forward(x, x, x, 4, 2, tinygrad_c.cat([w, w, w]), None, None, None, False, 0.0, w,
    ...                                           None)
    >>> y.shape, weights
    (torch.Size([2, 1, 4]), tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]]))
    """
    from tinygrad_c.nn.attention import MultiheadAttention
    if query.shape[-1] != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {query.shape[-1]}")
    if static_k is not None or static_v is not None:
        raise NotImplementedError("static_k and static_v are left out: call scaled_dot_product_attention with them")
    attention: Any = MultiheadAttention.__new__(MultiheadAttention)
    super(MultiheadAttention, attention).__init__()
    attention.__dict__.update(
        embed_dim=embed_dim_to_check, kdim=key.shape[-1], vdim=value.shape[-1], num_heads=num_heads, batch_first=False,
        head_dim=embed_dim_to_check // num_heads, dropout=dropout_p, add_zero_attn=add_zero_attn, training=training,
        _qkv_same_embed_dim=not use_separate_proj_weight, in_proj_weight=in_proj_weight, in_proj_bias=in_proj_bias,
        bias_k=bias_k, bias_v=bias_v, q_proj_weight=q_proj_weight, k_proj_weight=k_proj_weight, v_proj_weight=v_proj_weight,
        out_proj=partial(linear, weight=out_proj_weight, bias=out_proj_bias))
    return attention.forward(query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal)
