"""What stands beside nn and optim: utils.data."""
from tinygrad_c.utils import data

__all__ = ["data"]
