"""Learning rate schedulers: the names of torch.optim.lr_scheduler.

    for epoch in range(epochs):
        ...                     # optimizer steps of this epoch
        scheduler.step()

Most multiply the current rate by a factor that depends on the epoch, so several schedulers can share one optimizer.
`last_epoch` is the number of steps taken. The constructor sets the rate of epoch 0.
"""
from tinygrad_c._base.docstrings import continued
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard_all
from tinygrad_c.optim.lr_scheduler.base import LRScheduler
from tinygrad_c.optim.lr_scheduler.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from tinygrad_c.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tinygrad_c.optim.lr_scheduler.several import ChainedScheduler, SequentialLR
from tinygrad_c.optim.lr_scheduler.simple import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

_LRScheduler = LRScheduler         # its name before torch 2.0, still in use

__all__ = [     # noqa: RUF022  (from simple to complex)
    "LRScheduler", "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR",
    "PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR", "ReduceLROnPlateau",
    "SequentialLR", "ChainedScheduler",
]
__getattr__, __dir__ = lazy_names(globals())

EXAMPLES = (    # the arguments after the optimizer, and the rates of four epochs from lr=1
    (LambdaLR, "lambda epoch: 0.5 ** epoch", "0.5 0.25 0.125 0.0625"),
    (MultiplicativeLR, "lambda epoch: 0.5", "0.5 0.25 0.125 0.0625"),
    (StepLR, "step_size=2, gamma=0.5", "1.0 0.5 0.5 0.25"),
    (MultiStepLR, "milestones=[1, 3], gamma=0.5", "0.5 0.5 0.25 0.25"),
    (ConstantLR, "factor=0.5, total_iters=2", "0.5 1.0 1.0 1.0"),
    (LinearLR, "start_factor=0.2, total_iters=4", "0.4 0.6 0.8 1.0"),
    (ExponentialLR, "gamma=0.5", "0.5 0.25 0.125 0.0625"),
    (PolynomialLR, "total_iters=4", "0.75 0.5 0.25 0.0"),
    (CosineAnnealingLR, "T_max=4", "0.8536 0.5 0.1464 0.0"),
    (CosineAnnealingWarmRestarts, "T_0=2", "0.5 1.0 0.5 1.0"),
    (CyclicLR, "base_lr=1, max_lr=2, step_size_up=2, cycle_momentum=False", "1.5 2.0 1.5 1.0"),
    (OneCycleLR, "max_lr=1, total_steps=5, pct_start=0.4, cycle_momentum=False", "1.0 0.75 0.25 0.0"),
    (ReduceLROnPlateau, "factor=0.5, patience=1", "1.0 1.0 0.5 0.5"),
    (SequentialLR, "[lr_scheduler.ConstantLR(optimizer, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.5)], [2]",
     "0.5 1.0 0.5 0.25"),
    (ChainedScheduler, "[lr_scheduler.ConstantLR(optimizer, 0.5, 2), lr_scheduler.ExponentialLR(optimizer, 0.5)]",
     "0.25 0.25 0.125 0.0625"),
)
for _class, _settings, _rates in EXAMPLES:
    _first = "" if _class is ChainedScheduler else "optimizer, "
    _class.__doc__ = continued((_class.__doc__ or "").rstrip(), f"""

    >>> from tinygrad_c.optim import SGD, lr_scheduler
    >>> w = tinygrad_c.ones(1, requires_grad=True)
    >>> optimizer = SGD([w], lr=1.)
    >>> scheduler = lr_scheduler.{_class.__name__}({_first}{_settings})
    >>> for epoch in range(4):
    ...     optimizer.zero_grad()
    ...     w.sum().backward()
    ...     optimizer.step()
    ...     scheduler.step({"metrics=1." if _class is ReduceLROnPlateau else ""})
    ...     print(round(scheduler.get_last_lr()[0], 4), end=" ")
    {_rates}
    """)


guard_all(globals())
