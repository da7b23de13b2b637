"""Dtypes and layouts: limits of a dtype, type promotion, memory formats."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_c._base.public import public
from tinygrad_c.core.array import dtype, get_default_dtype
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise.elementwise import category_of as category
from tinygrad_c.ops.elementwise.elementwise import promoted_dtype, result_dtype_of

if TYPE_CHECKING:
    from tinygrad_c.core.tape import TensorBase as Tensor

FLOATS = {      # eps, smallest normal number, largest number, decimal digits
    "float16": (2.0**-10, 2.0**-14, 65504.0, 3),
    "bfloat16": (2.0**-7, 2.0**-126, (2 - 2.0**-7) * 2.0**127, 2),
    "float32": (2.0**-23, 2.0**-126, (2 - 2.0**-23) * 2.0**127, 6),
    "float64": (2.0**-52, 2.0**-1022, (2 - 2.0**-52) * 2.0**1023, 15),
}
INTEGERS = {f"int{n}": (-(2**(n - 1)), 2**(n - 1) - 1) for n in (8, 16, 32, 64)} | {
    f"uint{n}": (0, 2**n - 1) for n in (8, 16, 32, 64)}


# ---- Limits

class finfo:
    """The limits of a floating dtype: eps (1 + eps is the number after 1), max, min = -max, smallest_normal = tiny, ...

    >>> tinygrad_c.finfo(tinygrad_c.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: Any = None):
        kind = type or get_default_dtype()
        if not isinstance(kind, dtype) or kind.name not in FLOATS:
            raise TypeError(f"torch.finfo() requires a floating point input type, not {kind}. Use iinfo for integers")
        self.dtype, self.bits = kind.name, kind.itemsize * 8
        self.eps, self.tiny, self.max, digits = FLOATS[kind.name]
        self.min, self.smallest_normal, self.resolution = -self.max, self.tiny, float(f"1e-{digits}")

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):.6g}' for name in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: min and max.

    >>> tinygrad_c.iinfo(tinygrad_c.uint8)
    iinfo(min=0, max=255, dtype=uint8)
    """

    def __init__(self, type: Any):
        if not isinstance(type, dtype) or type.name not in INTEGERS:
            raise TypeError(f"torch.iinfo() requires an integer input type, not {type}. Use finfo for floating types")
        self.dtype, self.bits = type.name, type.itemsize * 8
        self.min, self.max = INTEGERS[type.name]

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


# ---- Type promotion

def dtype_arg(x: object, function: str, name: str, position: int) -> None:
    """Raise torch's TypeError if x is not a dtype."""
    if not isinstance(x, dtype):
        raise TypeError(f"{function}(): argument '{name}' (position {position}) must be torch.dtype, not {type(x).__name__}")


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The dtype of the sum of two tensors of these dtypes. RuntimeError for uint16, uint32 or uint64 and another integer.

    >>> tinygrad_c.promote_types(tinygrad_c.int64, tinygrad_c.float32)
    torch.float32
    """
    dtype_arg(type1, "promote_types", "type1", 1)
    dtype_arg(type2, "promote_types", "type2", 2)
    return promoted_dtype(type1, type2)


@public("tensor1# tensor2#")
def result_type(tensor1: Tensor | float, tensor2: Tensor | float) -> dtype:
    """The dtype of tensor1 + tensor2. Of a number, or a 0-d tensor beside a larger one, only the category counts.

    >>> tinygrad_c.result_type(tinygrad_c.tensor([1, 2]), 2.5)
    torch.float32
    """
    return result_dtype_of(tensor1, tensor2)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether type promotion allows a cast from one dtype to the other: not from float to integer, nor to bool.

    >>> tinygrad_c.can_cast(tinygrad_c.float32, tinygrad_c.int64)
    False
    """
    dtype_arg(from_, "can_cast", "from_", 1)
    dtype_arg(to, "can_cast", "to", 2)
    return category(from_) <= category(to)


@public("input other")
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the two have the same shape.

    >>> tinygrad_c.is_same_size(tinygrad_c.ones(2), tinygrad_c.ones(1, 2))
    False
    """
    return create.sizes(input) == create.sizes(other)


@public
def is_signed(input: Tensor) -> bool:
    """Whether the dtype can hold negative numbers.

    >>> tinygrad_c.is_signed(tinygrad_c.ones(2, dtype=tinygrad_c.uint8))
    False
    """
    return create.dtype_of(input).is_signed


# ---- Layouts and memory formats

class layout:
    """How a tensor is stored: `strided`, always.

    >>> tinygrad_c.ones(2).layout
    torch.strided
    """

    def __repr__(self) -> str:
        return "torch.strided"


class memory_format:
    """A memory format: accepted and ignored. Tensors are created in C order.

    >>> tinygrad_c.ones(2, 3).T.contiguous(memory_format=tinygrad_c.contiguous_format).stride()
    (2, 1)
    """

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


strided = layout()
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
