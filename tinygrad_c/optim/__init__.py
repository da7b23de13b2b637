"""Optimizers, from simple to complex: the names of torch.optim."""
from typing import TYPE_CHECKING

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c.optim.adagrad import Adagrad
from tinygrad_c.optim.adam import Adam, AdamW
from tinygrad_c.optim.optimizer import Optimizer
from tinygrad_c.optim.rmsprop import RMSprop
from tinygrad_c.optim.sgd import SGD

if TYPE_CHECKING:
    from tinygrad_c.optim import lr_scheduler
    from tinygrad_c.optim.adadelta import Adadelta
    from tinygrad_c.optim.adamax import Adamax, NAdam, RAdam
    from tinygrad_c.optim.lbfgs import LBFGS
    from tinygrad_c.optim.rprop import ASGD, Rprop

__all__ = [     # noqa: RUF022  (from simple to complex)
    "Optimizer", "SGD", "Adagrad", "RMSprop", "Adam", "AdamW",
    # Optimizers without their own kernels, imported when first asked for.
    "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD", "LBFGS",
    "Adafactor", "Muon",
    "lr_scheduler", "swa_utils",
]
__getattr__, __dir__ = lazy_names(globals(), {
    "adadelta": "Adadelta", "adamax": "Adamax NAdam RAdam", "rprop": "Rprop ASGD", "lbfgs": "LBFGS", "adafactor": "Adafactor",
    "muon": "Muon", "": "lr_scheduler swa_utils adadelta adamax lbfgs rprop each",
}, guard)

guard_all(globals())
