"""Products with matrices as functions."""
from __future__ import annotations

from tinygrad_c.ops.matmul import linear
from tinygrad_c.tensor import Tensor

__all__ = ["bilinear", "linear"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k. x1 is (*, m), x2 is (*, n), W is (k, m, n), b is (k); y is (*, k)."""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {tuple(input1.shape)} "
                           f"and {tuple(input2.shape)}")
    k, m, n = weight.shape
    if (input1.shape[-1], input2.shape[-1]) != (m, n):
        raise RuntimeError(f"bilinear(): input sizes do not match weight size: got {input1.shape[-1]} and "
                           f"{input2.shape[-1]} but expected {m} and {n}")
    batch = list(input1.shape[:-1])
    # (k, 1, m, n) x (B, n, 1) would make k copies; (B, m) @ (m, k n) makes one product, then a row-wise dot with x2.
    left = input1.reshape(-1, m) @ weight.permute(1, 0, 2).reshape(m, k * n)
    result = (left.reshape(-1, k, n) * input2.reshape(-1, 1, n)).sum(-1).reshape([*batch, k])
    return result if bias is None else result + bias
