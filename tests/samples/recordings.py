"""Helpers of the tests of compiled steps and modules."""
from __future__ import annotations

import tinygrad_c as T


def content(value):
    """Tensors as bytes, to be compared."""
    if isinstance(value, T.Tensor):
        return str(value.dtype), tuple(value.shape), value.detach().contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: content(each) for key, each in value.items()}
    return [content(each) for each in value] if isinstance(value, (list, tuple)) else value
