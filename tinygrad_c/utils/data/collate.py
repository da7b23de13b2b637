"""Collate a list of samples to a batch."""
from __future__ import annotations

from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from tinygrad_c._tensor.tensor import Tensor, float64
from tinygrad_c.ops.create import create
from tinygrad_c.ops.shape.shape import stack


def default_convert(data: Any) -> Any:
    """Convert arrays to tensors, also in lists, tuples and dicts; keep other objects. Used for single samples.

    >>> default_convert([np.zeros(1), "a"])
    [tensor([0.], dtype=torch.float64), 'a']
    """
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in "USO" else create.from_numpy(data)
    if isinstance(data, np.generic):
        return create.from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return _of_kind(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _of_kind(data, [default_convert(each) for each in data])
    return data


def _of_kind(first: Any, made: Any) -> Any:
    """Convert `made`, a dict or a list, to the container type of `first`, with its other state (a defaultdict's factory).
    Unchanged for a tuple, and for a type that cannot be filled."""
    if type(first) is type(made) or isinstance(first, tuple):
        return made
    if not isinstance(first, (MutableMapping, MutableSequence)):
        try:
            return type(first)(made)    # type: ignore[call-arg]
        except TypeError:
            return made
    filled = copy(first)
    for key, value in made.items() if isinstance(made, dict) else enumerate(made):
        filled[key] = value
    return filled


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples along a new first dimension. Tensors, arrays and numbers become tensors. Dicts, tuples and lists are
    collated recursively. Strings stay a list.

    >>> default_collate([(tensor([1.0]), 0), (tensor([2.0]), 1)])
    [tensor([[1.],
            [2.]]), tensor([0, 1])]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch), 0)
    if isinstance(first, np.ndarray) and first.dtype.kind not in "SaUO":
        return stack([create.as_tensor(each) for each in batch], 0)
    if isinstance(first, np.generic):
        return create.from_numpy(np.array(batch)) if len(set(map(type, batch))) == 1 else create.tensor(list(batch))
    if isinstance(first, float):
        return create.tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return create.tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _of_kind(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(samples) for samples in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _of_kind(first, [default_collate(samples) for samples in zip(*batch)])
    raise TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
                    f"found {type(first)}")
