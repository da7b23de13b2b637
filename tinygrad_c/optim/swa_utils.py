"""Averages of weights during training: stochastic weight averaging (Izmailov et al. 2018), exponential moving averages."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import Tensor, int64
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.norm import _BatchNorm
from tinygrad_c.ops.create.create import is_wrong, tensor
from tinygrad_c.optim.lr_scheduler import LRScheduler
from tinygrad_c.optim.optimizer import Optimizer

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
           "update_bn"]
__getattr__, __dir__ = lazy_names(globals())


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """An avg_fn for AveragedModel: average <- decay * average + (1 - decay) * value.

    >>> get_ema_avg_fn(0.9)(tensor(1.), tensor(2.), 5)
    tensor(1.1000)
    """
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def average(mean: Any, value: Any, num_averaged: Any) -> Any:
        return decay * mean + (1 - decay) * value
    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """A multi_avg_fn for AveragedModel, which takes lists: average <- decay * average + (1 - decay) * value.

    >>> average = [tensor(1.)]
    >>> get_ema_multi_avg_fn(0.9)(average, [tensor(2.)], 5)
    >>> average
    [tensor(1.1000)]
    """
    one = get_ema_avg_fn(decay)

    def averages(means: list, values: list, num_averaged: Any) -> None:
        for mean, value in zip(means, values):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.dtype), 1 - decay)
            else:
                mean.copy_(one(mean, value, num_averaged))
    return averages


def get_swa_avg_fn() -> Callable:
    """An avg_fn for AveragedModel: average <- average + (value - average) / (n + 1), the mean of all values.

    >>> get_swa_avg_fn()(tensor(1.), tensor(5.), 3)
    tensor(2.)
    """
    def average(mean: Any, value: Any, num_averaged: Any) -> Any:
        return mean + (value - mean) / (num_averaged + 1)
    return average


def get_swa_multi_avg_fn() -> Callable:
    """get_swa_avg_fn for lists.

    >>> average = [tensor(1.)]
    >>> get_swa_multi_avg_fn()(average, [tensor(5.)], 3)
    >>> average
    [tensor(2.)]
    """
    one = get_swa_avg_fn()

    def averages(means: list, values: list, num_averaged: Any) -> None:
        for mean, value in zip(means, values):
            mean.copy_(one(mean, value, num_averaged))
    return averages


class AveragedModel(Module):
    """A copy of a model with averaged parameters. Each call of update_parameters(model) adds the model's parameters.

    The average is the mean of all values, or avg_fn(average, value, num_averaged), or it is computed by multi_avg_fn for all
    parameters at once. use_buffers=True averages the buffers too; False copies them.

    >>> model = tinygrad_c.nn.Linear(1, 1)
    >>> average = tinygrad_c.optim.swa_utils.AveragedModel(model)
    >>> average.update_parameters(model)
    >>> average.n_averaged
    tensor(1)
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Callable | None = None, multi_avg_fn: Callable | None = None,
                 use_buffers: bool = False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        return [*model.parameters(), *(model.buffers() if self.use_buffers else ())]

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Add the model's present parameters to the average.

        >>> net = tinygrad_c.nn.Linear(1, 1)
        >>> average = AveragedModel(net)
        >>> average.update_parameters(net)
        >>> average.n_averaged
        tensor(1)
        """
        means, values = self._averaged(self.module), self._averaged(model)
        if is_wrong(self.n_averaged == 0):          # the first time
            for mean, value in zip(means, values):
                mean.copy_(value)
        elif self.avg_fn is not None:
            for mean, value in zip(means, values):
                mean.copy_(self.avg_fn(mean, value, self.n_averaged))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(means, values, self.n_averaged)
        if not self.use_buffers:
            for mean, value in zip(self.module.buffers(), model.buffers()):
                mean.copy_(value)
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable, model: Module, device: Any = None) -> None:
    """Recompute the running statistics of the model's batch norms in one pass over the loader.

    If a batch is a list or tuple, its first item is the input.

    >>> net = tinygrad_c.nn.BatchNorm1d(1)
    >>> update_bn([tensor([[1.], [3.]]), tensor([[5.], [7.]])], net)
    >>> net.running_mean
    tensor([4.])
    """
    norms = {module: module.momentum for module in model.modules() if isinstance(module, _BatchNorm)}
    if not norms:
        return
    was_training = model.training
    model.train()
    for module in norms:
        module.reset_running_stats()
        module.momentum = None          # the mean over all batches
    for batch in loader:
        model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for module, momentum in norms.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneal each group's learning rate to swa_lr in anneal_epochs steps, by a cosine or linearly; then keep it.

    >>> w = tinygrad_c.zeros(1, requires_grad=True)
    >>> w.sum().backward()
    >>> optimizer = tinygrad_c.optim.SGD([w], lr=1.0)
    >>> scheduler = tinygrad_c.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(3):
    ...     optimizer.step(); scheduler.step(); print(scheduler.get_last_lr())
    [0.75]
    [0.5]
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10,
                 anneal_strategy: str = "cos", last_epoch: int = -1):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(f"swa_lr must have the same length as optimizer.param_groups: swa_lr has {len(rates)}, "
                             f"optimizer.param_groups has {len(groups)}")
        for group, rate in zip(groups, rates):
            group["swa_lr"] = rate
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        self._step_count = 0            # as torch: the steps since this object was made count, not the epoch
        super().__init__(optimizer, last_epoch)

    def _advance(self) -> None:
        self._step_count += 1
        super()._advance()

    def step(self, epoch: int | None = None) -> None:
        """Advance to the next epoch, or to the given one (deprecated): a step of the annealing, either way."""
        if epoch is not None:
            self.last_epoch = epoch - 1
        super().step()

    def _restart(self) -> None:
        self._step_count = 1
        super()._restart()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the attributes from a state_dict."""
        super().load_state_dict({"_step_count": state_dict["last_epoch"] + 1, **state_dict})

    def _share(self, t: float) -> float:
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        """Replace the last step's share of swa_lr in the present rates by this step's. Others may change the rates too."""
        step = self._step_count - 1
        before, now = (self._share(max(0.0, min(1.0, k / max(1, self.anneal_epochs)))) for k in (step - 1, step))
        if not self.anneal_epochs:
            before, now = (0.0 if step <= 0 else 1.0), 1.0
        rates = []
        for group in self.optimizer.param_groups:
            lr = group["swa_lr"] if before == 1 else (group["lr"] - before * group["swa_lr"]) / (1 - before)
            rates.append(group["swa_lr"] * now + lr * (1 - now))
        return rates
