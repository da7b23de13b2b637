"""Helpers of the tests of compiled steps and modules."""
from __future__ import annotations

import tinygrad_c as T

F = T.nn.functional


def content(value):
    """Tensors as bytes, to be compared."""
    if isinstance(value, T.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: content(each) for key, each in value.items()}
    return [content(each) for each in value] if isinstance(value, (list, tuple)) else value


def usual_step(net, optimizer, loss=F.cross_entropy):
    """The usual training step, not compiled."""
    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value
    return step
