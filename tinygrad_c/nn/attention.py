"""MultiheadAttention: several attentions side by side, each on projections of its own."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor, bool_
from tinygrad_c.nn import init
from tinygrad_c.nn.functional import dropout, linear
from tinygrad_c.nn.functional.attention import attention_scores, masked, merged_mask, scaled_dot_product_attention
from tinygrad_c.nn.linear import Linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create import create
from tinygrad_c.ops.reduce import softmax as softmax_ops
from tinygrad_c.ops.shape.shape import cat


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, by the name that PyTorch prints within MultiheadAttention."""


class MultiheadAttention(Module):
    """concat(head_1, ..., head_h) W + b, head_i = softmax(Q_i K_i^T / sqrt(d)) V_i, d = embed_dim / num_heads: Vaswani 2017.

    Q_i, K_i, V_i are products of query (L, B, embed_dim), key (S, B, kdim) and value (S, B, vdim) with rows of
    in_proj_weight, or of q_proj_weight, k_proj_weight and v_proj_weight if kdim or vdim is given. With batch_first the first
    two dimensions are swapped; without a batch there is no B. add_bias_kv: one more key and value, learnt; add_zero_attn: one
    more, of zeros.

    >>> attention = MultiheadAttention(8, 2, batch_first=True)
    >>> x = tinygrad_c.ones(3, 5, 8)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 5]))
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
                 add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
                 device: Any = None, dtype: Any = None) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                             f"num_heads={num_heads} instead")
        super().__init__()
        if embed_dim % num_heads:
            raise AssertionError("embed_dim must be divisible by num_heads")
        self.embed_dim = embed_dim
        self.kdim = kdim if kdim is not None else embed_dim
        self.vdim = vdim if vdim is not None else embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim)} if self._qkv_same_embed_dim else {
            "q_proj_weight": (embed_dim, embed_dim), "k_proj_weight": (embed_dim, self.kdim),
            "v_proj_weight": (embed_dim, self.vdim)}
        for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight"):
            shape = shapes.get(name)
            self.register_parameter(name, None if shape is None else Parameter(create.empty_(*shape, dtype=dtype)))
        self.register_parameter("in_proj_bias", Parameter(create.empty_(3 * embed_dim, dtype=dtype)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, Parameter(create.empty_(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
                need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """(output, weights): output as query; weights (B, L, S), for each head (B, num_heads, L, S) if not averaged, or None.

        key_padding_mask (B, S) and attn_mask (L, S) or (B * num_heads, L, S): bools, true where a query may *not* look, or
        numbers that are added. is_causal says that attn_mask is causal, and needs it.
        """
        if query.ndim not in (2, 3):
            raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor")
        if key.ndim != query.ndim or value.ndim != query.ndim:
            raise AssertionError(f"For {'' if query.ndim == 3 else 'un'}batched query, expected `key` and `value` to be "
                                 f"{query.ndim}-D but found {key.ndim}-D and {value.ndim}-D tensors respectively")
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        batched = query.ndim == 3
        mask = self._mask(key_padding_mask, attn_mask, query, batched)
        q, k, v = self._projections(query, key, value, batched)
        if need_weights:
            scores = attention_scores(q, k)
            weights = softmax_ops.softmax(scores if mask is None else masked(scores, mask), -1)
            if self.dropout and self.training:
                weights = dropout(weights, self.dropout)
            heads = weights @ v
        else:
            allowed = ~mask if mask is not None and mask.dtype == bool_ else mask
            heads = scaled_dot_product_attention(q, k, v, allowed, self.dropout if self.training else 0.0)
            weights = None
        b, _, length, _ = heads.shape
        y = self.out_proj(heads.transpose(1, 2).reshape(b, length, self.embed_dim))
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return y.squeeze(0), None if weights is None else weights.squeeze(0)
        return y if self.batch_first else y.transpose(0, 1), weights

    def _projections(self, query: Tensor, key: Tensor, value: Tensor, batched: bool) -> list[Tensor]:
        """Queries, keys and values of all heads: (B, num_heads, L or S, head_dim)."""
        e = self.embed_dim
        if query.shape[-1] != e:
            raise AssertionError(f"was expecting embedding dimension of {e}, but got {query.shape[-1]}")
        biases = [None] * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        if query is key and key is value and self._qkv_same_embed_dim:
            made = linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        else:
            weights = (self.in_proj_weight.chunk(3) if self._qkv_same_embed_dim else
                       (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight))
            made = [linear(x, weight, bias) for x, weight, bias in zip((query, key, value), weights, biases)]
        if not batched:
            made = [x.unsqueeze(0) for x in made]
        elif not self.batch_first:
            made = [x.transpose(0, 1) for x in made]
        q, k, v = made
        b = q.shape[0]
        if self.bias_k is not None:
            k, v = cat([k, self.bias_k.expand(b, 1, e)], 1), cat([v, self.bias_v.expand(b, 1, e)], 1)
        if self.add_zero_attn:
            zeros = create.zeros_(b, 1, e, dtype=k.dtype)
            k, v = cat([k, zeros], 1), cat([v, zeros], 1)
        return [x.reshape(b, x.shape[1], self.num_heads, self.head_dim).transpose(1, 2) for x in (q, k, v)]

    def _mask(self, padding: Tensor | None, attention: Tensor | None, query: Tensor, batched: bool) -> Tensor | None:
        """Both masks as one that broadcasts to (B, num_heads, L, S), with places for the keys that are added."""
        more = (self.bias_k is not None) + self.add_zero_attn
        if attention is not None:
            if attention.ndim == 3:
                attention = attention.reshape(-1, self.num_heads, *attention.shape[1:])
            elif attention.ndim != 2:
                raise RuntimeError(f"attn_mask's dimension {attention.ndim} is not supported")
        if padding is not None:
            padding = padding.reshape(-1, 1, 1, padding.shape[-1])
        mask = merged_mask(attention, padding, query.dtype)
        if mask is not None and more:
            mask = cat([mask, create.zeros_(*mask.shape[:-1], more, dtype=mask.dtype)], -1)
        return mask
