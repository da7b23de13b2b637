"""share_memory_: tensors on memory that several processes map.

The memory is a file without a name (memfd_create, or a temporary file), mapped shared. A forked child has the same mapping;
another process maps the file's descriptor, which multiprocessing.py sends. The memory lives as long as a process maps it.
"""
from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from typing import TYPE_CHECKING, NamedTuple

import numpy

from tinygrad_c.ops.create.create import exchanged, from_numpy, retyped

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Block(NamedTuple):
    """Where shared memory lies; `descriptor` is its file, -1 on Windows."""

    address: int
    size: int
    descriptor: int


_blocks: weakref.WeakKeyDictionary[mmap.mmap, Block] = weakref.WeakKeyDictionary()


def new_memory(size: int, descriptor: int | None = None) -> mmap.mmap:
    """Shared memory of some bytes, or that of another process with this descriptor."""
    size = max(size, 1)
    if os.name == "nt":
        memory, descriptor = mmap.mmap(-1, size), -1    # this process alone: Windows has no fork, and no descriptors to send
    else:
        descriptor = _new_file(size) if descriptor is None else descriptor
        memory = mmap.mmap(descriptor, size)
        weakref.finalize(memory, os.close, descriptor)
    address = numpy.frombuffer(memory, numpy.uint8).__array_interface__["data"][0]
    _blocks[memory] = Block(address, size, descriptor)
    return memory


def tensor_on(memory: mmap.mmap, dtype: str, shape: tuple, stride: tuple | None = None, offset: int = 0) -> Tensor:
    """A tensor at `offset` bytes of the memory; strides in bytes."""
    return from_numpy(numpy.ndarray(shape, dtype, memory, offset, stride))      # type: ignore[arg-type]


def _new_file(size: int) -> int:
    """The descriptor of a new file of this size, which disappears with its last user."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tinygrad_c")
    else:
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(descriptor, size)
    return descriptor


def move(x: Tensor) -> Tensor:
    """Give x shared memory with a copy of its elements."""
    if block_of(x) is None:
        array = exchanged(x.detach()).numpy()
        shared = tensor_on(new_memory(array.nbytes), array.dtype.str, array.shape)
        shared.numpy()[...] = array
        x.data = retyped(shared, x.dtype)
    return x


def block_of(x: Tensor) -> Block | None:
    """The shared memory in which x lies, or None."""
    address = x.data_ptr()
    return next((block for block in _blocks.values() if block.address <= address < block.address + block.size), None)


def known(device: int, inode: int) -> mmap.mmap | None:
    """The memory that maps this file already, or None."""
    for memory, block in list(_blocks.items()):
        file = os.fstat(block.descriptor)
        if (file.st_dev, file.st_ino) == (device, inode):
            return memory
    return None


def is_shared(x: Tensor) -> bool:
    """Whether x lies in shared memory."""
    return block_of(x) is not None
