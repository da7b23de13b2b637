"""MultiheadAttention: several attention heads in parallel, each with its own projections."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import init
from tinygrad_c.nn.functional.heads import attend
from tinygrad_c.nn.linear import Linear
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter
from tinygrad_c.ops.create import create


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear with the class name that PyTorch's MultiheadAttention prints."""


class MultiheadAttention(Module):
    """concat(head_1, ..., head_h) W + b, head_i = softmax(Q_i K_i^T / sqrt(d)) V_i, d = embed_dim / num_heads: Vaswani 2017.

    Q_i, K_i, V_i are projections of query (L, B, embed_dim), key (S, B, kdim) and value (S, B, vdim) by rows of
    in_proj_weight, or by q_proj_weight, k_proj_weight and v_proj_weight if kdim or vdim is given. With batch_first=True the
    first two dimensions are swapped. Unbatched inputs have no B. add_bias_kv adds a learned key and value to the sequence;
    add_zero_attn adds a key and value of zeros.

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
        """(output, weights): output has query's shape; weights are (B, L, S), (B, num_heads, L, S) if not averaged, or None.

        key_padding_mask (B, S) and attn_mask (L, S) or (B * num_heads, L, S): bool, True where attention is *not* allowed,
        or float, added to the scores. is_causal is a hint that attn_mask is causal; it requires attn_mask.
        """
        weight = self.in_proj_weight if self._qkv_same_embed_dim else (
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return attend(query, key, value, self.embed_dim, self.num_heads, weight, self.in_proj_bias, self.bias_k, self.bias_v,
                      self.add_zero_attn, self.dropout, self.out_proj, self.training, key_padding_mask, need_weights, attn_mask,
                      average_attn_weights, is_causal, self.batch_first)
