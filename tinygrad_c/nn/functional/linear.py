"""Products with matrices as functions."""
from __future__ import annotations

from tinygrad_c.ops.matmul.matmul import linear
from tinygrad_c.ops.matmul.products import bilinear

__all__ = ["bilinear", "linear"]
