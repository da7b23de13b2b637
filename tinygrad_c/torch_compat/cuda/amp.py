"""The names of torch.cuda.amp."""
from tinygrad_c._base.missing import public_names
from tinygrad_c.torch_compat.amp import GradScaler, autocast, custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
__getattr__, __dir__ = public_names(globals())
