"""torch.cuda.amp's names."""
from tinygrad_c.amp import GradScaler, autocast

__all__ = ["GradScaler", "autocast"]
