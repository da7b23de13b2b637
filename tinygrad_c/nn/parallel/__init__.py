"""Modules that are trained by several processes: the names of torch.nn.parallel."""

from tinygrad_c._base.lazy import lazy_names

__all__ = ["DistributedDataParallel"]
__getattr__, __dir__ = lazy_names(globals(), {"distributed": "DistributedDataParallel"})
