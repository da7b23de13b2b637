"""Linear functions: products with matrices."""
from __future__ import annotations

from tinygrad_c.ops.matmul.composed import bilinear
from tinygrad_c.ops.matmul.products import linear

__all__ = ["bilinear", "linear"]
