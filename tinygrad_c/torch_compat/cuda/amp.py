"""The names of torch.cuda.amp."""
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.torch_compat.amp import GradScaler, autocast, custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
__getattr__, __dir__ = lazy_names(globals())
