"""Learning rates that change from epoch to epoch: PyTorch's torch.optim.lr_scheduler.

    for epoch in range(epochs):
        ...                     # the epoch's steps of the optimizer
        scheduler.step()

Most multiply the rate that they find by a factor of the epoch, so that several on one optimizer work together.
`last_epoch` is the number of steps taken; the rate of epoch 0 is set when the scheduler is made.
"""
from tinygrad_c.absent import unknown
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

_LRScheduler = LRScheduler         # the name that it had before torch 2.0, and that programs still write

__all__ = [     # noqa: RUF022  (from simple to elaborate)
    "LRScheduler", "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR",
    "PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR", "ReduceLROnPlateau",
    "SequentialLR", "ChainedScheduler",
]


def __getattr__(name: str):
    raise unknown(__name__, name, globals())
