"""The name of torch.autograd.variable."""
from __future__ import annotations

from tinygrad_c._base.missing import public_names
from tinygrad_c.autograd import Variable

__all__ = ["Variable"]
__getattr__, __dir__ = public_names(globals())
