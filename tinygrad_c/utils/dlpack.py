"""The names of torch.utils.dlpack: exchange memory with other libraries without a copy."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import from_numpy

__all__ = ["from_dlpack", "to_dlpack"]
__getattr__, __dir__ = lazy_names(globals())


class Capsule:
    """Wraps a capsule in an object with __dlpack__ and __dlpack_device__."""

    def __init__(self, capsule: Any):
        self.capsule = capsule

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares memory with an array of another library (torch, jax, NumPy, ...) or with a DLPack capsule.

    Writes to one are visible in the other. Read-only memory gives a tensor that cannot be written to.

    >>> import numpy
    >>> array = numpy.ones(2)
    >>> from_dlpack(array)[0] = 5
    >>> array
    array([5., 1.])
    """
    import numpy
    if isinstance(ext_tensor, Tensor):
        ext_tensor = ext_tensor.detach()
    if type(ext_tensor).__name__ == "PyCapsule":
        capsule = ext_tensor
    elif not hasattr(ext_tensor, "__dlpack__"):
        raise AttributeError(f"'{type(ext_tensor).__name__}' object has no attribute '__dlpack__': from_dlpack needs an array "
                             "of another library")
    elif next(iter(ext_tensor.__dlpack_device__())) != 1:
        raise BufferError("the memory is not on the CPU: move it to the CPU first")
    else:
        try:
            capsule = ext_tensor.__dlpack__(max_version=(1, 0))
        except TypeError:           # supports only the first version of the protocol
            capsule = ext_tensor.__dlpack__()
    first_version = "dltensor_versioned" not in repr(capsule)
    array = numpy.from_dlpack(Capsule(capsule))
    if first_version and not array.flags.writeable and not any(step < 0 for step in array.strides):
        array = writeable(array)    # the first version has no read-only flag, so NumPy makes all arrays read-only
    return from_numpy(array.copy() if copy else array)


def writeable(array: Any) -> Any:
    """A writable array that shares memory with this one and keeps it alive."""
    import ctypes

    import numpy
    size = sum((n - 1) * step for n, step in zip(array.shape, array.strides)) + array.itemsize if array.size else 0
    memory = (ctypes.c_char * size).from_address(array.ctypes.data)
    memory.owner = array
    flat = numpy.frombuffer(memory, numpy.uint8)[:size - size % array.itemsize].view(array.dtype)
    return numpy.lib.stride_tricks.as_strided(flat, array.shape, array.strides)


@public
def to_dlpack(tensor: Tensor) -> Any:
    """tensor.__dlpack__().

    >>> tinygrad_c.from_dlpack(tinygrad_c.to_dlpack(tensor([1., 2.])))
    tensor([1., 2.])
    """
    return tensor.__dlpack__()
