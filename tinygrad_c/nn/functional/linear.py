"""Products with matrices as functions."""
from __future__ import annotations

from tinygrad_c.ops.matmul import linear
from tinygrad_c.ops.products import bilinear

__all__ = ["bilinear", "linear"]
