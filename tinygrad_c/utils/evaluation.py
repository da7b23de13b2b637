"""What a model answers: in evaluation mode and without history, and afterwards the model is as it was."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.module import Module
from tinygrad_c.ops.shape.shape import cat

__all__ = ["evaluating", "predict"]


@contextmanager
def evaluating(model: Module) -> Iterator[Module]:
    """Inside the block, the model is in evaluation mode and nothing is recorded; then each of its parts is in the mode that it
    was in, also after an error.

    TypeError for what is no Module.

    >>> model = tinygrad_c.nn.Sequential(tinygrad_c.nn.Linear(2, 1), tinygrad_c.nn.Dropout())
    >>> with evaluating(model):
    ...     print(model.training, model(tinygrad_c.ones(1, 2)).requires_grad)
    False False
    >>> model.training
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"evaluating(): argument 'model' (position 1) must be Module, not {type(model).__name__}")
    modes = [(each, each.training) for each in model.modules()]
    try:
        model.eval()
        with no_grad():
            yield model
    finally:
        for each, mode in modes:
            each.training = mode


def predict(model: Module, *inputs: Any, batch_size: int | None = None) -> Any:
    """model(*inputs) in evaluation mode and without history; the model's parts stay in the modes that they are in.

    batch_size: so many rows of the inputs, all (N, *), at a time, which takes less memory; the outputs, tensors, are joined.
    ValueError for batch_size < 1, or inputs that differ in N.

    >>> model = tinygrad_c.nn.Dropout(0.5)
    >>> predict(model, tinygrad_c.ones(4), batch_size=3), model.training
    (tensor([1., 1., 1., 1.]), True)
    """
    with evaluating(model):
        if batch_size is None:
            return model(*inputs)
        rows = {len(each) if isinstance(each, Tensor) and each.ndim else -1 for each in inputs}
        if batch_size < 1 or len(rows) != 1 or -1 in rows:
            raise ValueError(f"predict() with batch_size={batch_size} takes a batch_size of 1 or more, and tensors with one "
                             "first dimension, not "
                             f"{', '.join(str(list(getattr(each, 'shape', []))) for each in inputs) or 'none'}")
        outputs = [model(*(each[i:i + batch_size] for each in inputs)) for i in range(0, max(*rows, 1), batch_size)]
        if not isinstance(outputs[0], Tensor):
            raise TypeError(f"predict() with batch_size joins tensors, and the model gave {type(outputs[0]).__name__}: "
                            "leave batch_size out")
        return cat(outputs)
