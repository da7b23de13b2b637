"""The names of torch.autograd.grad_mode."""
from __future__ import annotations

from tinygrad_c._base.missing import public_names
from tinygrad_c.autograd import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
__getattr__, __dir__ = public_names(globals())
