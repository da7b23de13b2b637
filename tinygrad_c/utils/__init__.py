"""Utilities: utils.data, utils.checkpoint, utils.benchmark, utils.tensorboard, utils.dlpack, predict and evaluating."""
from typing import TYPE_CHECKING

from tinygrad_c._base.lazy import lazy_names

if TYPE_CHECKING:
    from tinygrad_c.utils import data

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "evaluating", "predict", "tensorboard"]
__getattr__, __dir__ = lazy_names(
    globals(), {"": "benchmark checkpoint data dlpack tensorboard", "evaluation": "evaluating predict"})
