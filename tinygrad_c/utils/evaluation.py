"""evaluating and predict: use a model in evaluation mode without recording, then restore its modes."""
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
    """In the `with` block, the model is in evaluation mode and nothing is recorded. At its end each submodule gets its previous
    mode back, also after an error.

    TypeError if model is not a Module.

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
    """model(*inputs) in evaluation mode without recording. The modes of the model and its submodules are restored.

    batch_size: process that many rows of the inputs (N, *) at a time, to save memory, and concatenate the outputs, which must
    be tensors. ValueError for batch_size < 1, or if the inputs differ in N.

    >>> model = tinygrad_c.nn.Dropout(0.5)
    >>> predict(model, tinygrad_c.ones(4), batch_size=3), model.training
    (tensor([1., 1., 1., 1.]), True)
    """
    with evaluating(model):
        if batch_size is None:
            return model(*inputs)
        rows = {len(each) if isinstance(each, Tensor) and each.ndim else -1 for each in inputs}
        if batch_size < 1 or len(rows) != 1 or -1 in rows:
            raise ValueError(f"predict() with batch_size={batch_size} needs batch_size >= 1 and tensors with the same "
                             "first dimension, but got "
                             f"{', '.join(str(list(getattr(each, 'shape', []))) for each in inputs) or 'none'}")
        outputs = [model(*(each[i:i + batch_size] for each in inputs)) for i in range(0, max(*rows, 1), batch_size)]
        if not isinstance(outputs[0], Tensor):
            raise TypeError("predict() with batch_size concatenates tensors, but the model returned "
                            f"{type(outputs[0]).__name__}: remove batch_size")
        return cat(outputs)
