"""What stands beside nn and optim: utils.data, and what a model answers, utils.predict."""
from typing import TYPE_CHECKING

from tinygrad_c._base.missing import public_names

if TYPE_CHECKING:
    from tinygrad_c.utils import data

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "evaluating", "predict", "tensorboard"]
__getattr__, __dir__ = public_names(
    globals(), {"": "benchmark checkpoint data dlpack tensorboard", "evaluation": "evaluating predict"})
