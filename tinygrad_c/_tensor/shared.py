"""share_memory_: tensors on memory that a process shares with those that it forks."""
from __future__ import annotations

import mmap
import weakref
from typing import TYPE_CHECKING

import numpy

from tinygrad_c.ops.create.create import exchanged, from_numpy, retyped

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor

_blocks: weakref.WeakKeyDictionary[mmap.mmap, tuple[int, int]] = weakref.WeakKeyDictionary()     # address, bytes


def move(x: Tensor) -> Tensor:
    """Give x shared memory with a copy of its elements."""
    if not is_shared(x):
        block = mmap.mmap(-1, max(x.numel() * x.element_size(), 1))        # anonymous and MAP_SHARED, where there is fork
        values = exchanged(x.detach()).numpy()
        array = numpy.frombuffer(block, values.dtype, x.numel()).reshape(x.shape)
        array[...] = values
        _blocks[block] = array.__array_interface__["data"][0], len(block)
        x.data = retyped(from_numpy(array), x.dtype)
    return x


def is_shared(x: Tensor) -> bool:
    """Whether x lies in memory that move() has made."""
    return any(start <= x.data_ptr() < start + size for start, size in _blocks.values())
