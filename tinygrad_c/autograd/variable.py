"""torch.autograd.variable's name."""
from __future__ import annotations

from tinygrad_c.autograd import Variable

__all__ = ["Variable"]
