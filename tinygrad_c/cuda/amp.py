"""torch.cuda.amp's names."""
from tinygrad_c.absent import public_names
from tinygrad_c.amp import GradScaler, autocast, custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
__getattr__, __dir__ = public_names(globals())
