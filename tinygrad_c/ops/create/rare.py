"""Less common functions that create tensors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_c._base.device import check_device
from tinygrad_c.core.array import dtype, dtype_named, get_default_dtype
from tinygrad_c.ops.arguments import takes_out
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise.elementwise import pow
from tinygrad_c.ops.shape.shape import as_strided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tinygrad_c.core.tape import TensorBase as Tensor


def scalar_tensor(s: float, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a 0-d tensor, of the default float dtype if none is given.

    >>> tinygrad_c.scalar_tensor(2)
    tensor(2.)
    """
    return create.tensor(s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], *, dtype: dtype | None = None, device: Any = None,
                   requires_grad: bool = False) -> Tensor:
    """An uninitialised tensor of the given size with the dimensions in memory in the order physical_layout.

    >>> tinygrad_c.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    check_device(device)
    if sorted(physical_layout) != [d for d, _ in enumerate(size)]:
        if len(set(physical_layout)) < len(physical_layout):
            raise RuntimeError(f"Duplicate dim not allowed in physical_layout: {tuple(physical_layout)}")
        if len(physical_layout) == len(size):
            raise RuntimeError(f"Dimension out of range in physical_layout: {tuple(physical_layout)}")
        raise RuntimeError("Number of dimensions in size does not match the length of the physical_layout: size "
                           f"{tuple(size)}, physical_layout {tuple(physical_layout)}")
    made = create.empty_(*[size[d] for d in physical_layout], dtype=dtype or get_default_dtype())
    back = [list(physical_layout).index(d) for d, _ in enumerate(size)]
    return made.permute(*back).requires_grad_(requires_grad)


@takes_out
def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: dtype | None = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """base ^ x for `steps` numbers x, evenly spaced from start to end, both included.

    >>> tinygrad_c.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    check_device(device)
    kind = dtype or get_default_dtype()
    for name, each in (("start", start), ("end", end)):
        if getattr(each, "ndim", 0):
            raise RuntimeError(f"logspace only supports 0-dimensional start and end tensors, but got {name} with "
                               f"{each.ndim} dimension(s).")
    if not kind.is_floating_point:      # as in torch, fractions are truncated first
        start, end = int(start), int(end)
    powers = pow(float(base), create.linspace(start, end, steps, dtype=dtype_named("float64")))
    return create.to(powers, kind).requires_grad_(requires_grad)


def range(start: float, end: float | None = None, step: float = 1, *, dtype: dtype | None = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """start, start + step, ... up to and including end. torch recommends arange instead, which excludes end.

    >>> tinygrad_c.range(1, 3)
    tensor([1., 2., 3.])
    """
    if end is None:
        start, end = 0, start
    count = int((end - start) / step) + 1
    made = create.arange(count, dtype=dtype_named("float64")) * step + start
    return create.to(made, dtype or get_default_dtype()).requires_grad_(requires_grad)


def asarray(obj: Any, *, dtype: dtype | None = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:
    """obj (a tensor, an array, a buffer, numbers) as a tensor that shares its memory if possible, unless copy=True.

    ValueError with copy=False if it would have to be copied.

    >>> tinygrad_c.asarray([1, 2])
    tensor([1, 2])
    """
    check_device(device)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        made = frombuffer(obj, dtype=dtype or get_default_dtype())
        return (made.clone() if copy else made).requires_grad_(requires_grad)
    made = create.as_tensor(obj, dtype=dtype)
    shared = made is obj or (hasattr(obj, "__array_interface__") and made.data_ptr() == obj.__array_interface__["data"][0])
    if copy is False and not shared:
        raise ValueError("can't alias arbitrary sequence into a tensor: leave copy=False out")
    if copy and shared:
        made = made.clone()
    return made.detach().requires_grad_() if requires_grad and not made.requires_grad else made


def frombuffer(buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A tensor that shares the memory of a bytes-like object: `count` elements (-1: all) from byte `offset` on.

    >>> tinygrad_c.frombuffer(bytearray(b"abc"), dtype=tinygrad_c.uint8)
    tensor([97, 98, 99], dtype=torch.uint8)
    """
    import numpy
    view = memoryview(buffer).cast("B")
    size, length = dtype.itemsize, len(view)
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) "
                         "minus 1")
    if count < 0 and (length - offset) % size:
        raise ValueError(f"buffer length ({length} bytes) after offset ({offset} bytes) must be a multiple of element size "
                         f"({size})")
    if count > 0 and offset + count * size > length:
        raise ValueError(f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be greater "
                         f"than actual buffer length ({length} bytes)")
    # If the offset is not a multiple of the element size, numpy.require copies: the memory is not shared.
    array = numpy.require(numpy.frombuffer(view, dtype.name, count, offset), requirements="A")
    return create.from_numpy(array).requires_grad_(requires_grad)


def empty_strided(size: tuple[int, ...], stride: tuple[int, ...], *, dtype: dtype | None = None, device: Any = None,
                  requires_grad: bool = False) -> Tensor:
    """An uninitialised tensor of the given size and strides.

    >>> tinygrad_c.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    check_device(device)
    extent = 0 if 0 in size else 1 + sum((n - 1) * step for n, step in zip(size, stride))
    return as_strided(create.empty_(extent, dtype=dtype), tuple(size), tuple(stride)).detach().requires_grad_(requires_grad)
