"""What stands beside nn and optim: utils.data."""
from tinygrad_c.absent import public_names
from tinygrad_c.utils import data

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "tensorboard"]
__getattr__, __dir__ = public_names(globals(), {"": "benchmark checkpoint dlpack tensorboard"})
