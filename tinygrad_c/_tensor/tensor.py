"""Tensor: attributes and conversions. Every method is one line that calls an op.

The methods by topic (pointwise, reduce, matrix, shape, index, random) are in the other modules here. Operators (`a + b`,
`a @ b`, `a[i]`) are in ops/elementwise/operators.pyx; grad, grad_fn and backward() are in core/tape.pyx. The
docstring of a method is short; the docstring of the op has the details.
"""
from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

from tinygrad_c._base import old_calls
from tinygrad_c._base.device import Device
from tinygrad_c._base.lazy import load
from tinygrad_c._base.public import guard_methods
from tinygrad_c._base.warn import warn_once
from tinygrad_c._tensor import printing
from tinygrad_c._tensor.convert import Conversions
from tinygrad_c._tensor.index import Indexing
from tinygrad_c._tensor.interchange import Interchange
from tinygrad_c._tensor.lazy_methods import LazyMethods
from tinygrad_c._tensor.matrix import Matrices
from tinygrad_c._tensor.pointwise import Pointwise
from tinygrad_c._tensor.random import Randoms
from tinygrad_c._tensor.reduce import Reductions
from tinygrad_c._tensor.shape import Shapes
from tinygrad_c.core.array import dtype_named
from tinygrad_c.core.tape import register_tensor_class
from tinygrad_c.core.type_slots import TensorMeta, accept_old_calls, attributes_or_none, retype, take_slots
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.elementwise.operators import Operators
from tinygrad_c.ops.shape import shape

PACKAGE = __name__.partition(".")[0] + "."
float32 = dtype_named("float32")
float64 = dtype_named("float64")
int64 = dtype_named("int64")
int32 = dtype_named("int32")
int16 = dtype_named("int16")
int8 = dtype_named("int8")
uint64 = dtype_named("uint64")
uint32 = dtype_named("uint32")
uint16 = dtype_named("uint16")
uint8 = dtype_named("uint8")
float16 = dtype_named("float16")
bfloat16 = dtype_named("bfloat16")
bool_ = dtype_named("bool")


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple that prints as torch.Size([2, 3]).

    >>> tinygrad_c.ones(2, 3).shape
    torch.Size([2, 3])
    >>> tinygrad_c.Size([2, 3]).numel()
    6
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def numel(self) -> int:
        """The product of the sizes.

        >>> tinygrad_c.Size([2, 3]).numel()
        6
        """
        return math.prod(self)

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: tuple[int, ...]) -> Size:
        return Size(other + tuple(self))

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __getitem__(self, key: Any) -> Any:
        item = tuple.__getitem__(self, key)
        return Size(item) if isinstance(key, slice) else item


def sized(sizes: tuple, dtype: Any) -> Any:
    """Old constructors with ints, Tensor(2, 3): zeros of that shape. None for other arguments."""
    if isinstance(sizes[0], Size) and len(sizes) == 1:
        return create.zeros_(sizes[0], dtype=dtype or float32)
    if type(sizes[0]).__module__ == "numpy" and getattr(getattr(sizes[0], "dtype", None), "kind", "") in "iu" and (
            getattr(sizes[0], "ndim", 1) == 0):
        sizes = tuple([int(each) for each in sizes])        # NumPy's integers are sizes, too
    if type(sizes[0]) is not int:
        return None
    if len(sizes) == 1 and dtype is None:       # Tensor(3) may be a mistake of a beginner; LongTensor(3) is old code
        n = sizes[0]
        warn_once("Tensor(n)", f"Tensor({n}) makes {n} numbers, not the number {n}: write zeros({n}) for the former, "
                  f"tensor({n}.) for the latter.")
    return create.zeros_(*sizes, dtype=dtype or float32)


# Operators first: isinstance(x, TensorBase), which every operation calls, searches the bases in this order.
class Tensor(Operators, Conversions, Interchange, Pointwise, Reductions, Matrices, Shapes, Indexing, Randoms, LazyMethods,
             metaclass=TensorMeta):
    """A multi-dimensional array of one dtype that can record the operations that compute it.

    Operations on tensors with requires_grad=True are recorded. backward() on a scalar result then computes .grad of every
    such leaf.

    >>> x = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()
    _makes_plain_tensors = False        # operations do not keep this subclass: that of Parameter

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith(PACKAGE):
            load("func.subclasses", "keep")(cls)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Called for an operation with an instance of a subclass among its arguments; a subclass may override it. This one
        calls the operation, and makes instances of cls of its results.
        """
        return load("func.subclasses", "torch_function")(cls, func, types, args, kwargs or {})

    def __new__(cls, data=None, *args, **kwargs):
        if data is None and not args and cls is not Tensor:
            return super().__new__(cls)         # a subclass sets the data: self.data = ...
        if isinstance(data, Tensor) and not args:
            made = data[...]                        # as torch: the same memory and dtype
        else:
            made = sized((data, *args), None)
        if made is None:
            made = create.tensor(data if data is not None else [], dtype=float32)
        if cls is not Tensor:
            copy = super().__new__(cls)
            copy.data = made
            return copy
        return made

    def __repr__(self) -> str:
        return printing.text(self)

    def __reduce__(self):
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be pickled: .detach() this one first")
        bits = create.exchanged(self.detach()).numpy().copy()
        made = (bits, self.requires_grad, self.dtype) if self.dtype is bfloat16 else (bits, self.requires_grad)
        attributes = attributes_or_none(self) or None
        if type(self).__module__.startswith(PACKAGE):
            return (rebuild, made, attributes) if attributes else (rebuild, made)
        return rebuild_subclass, (type(self), *made), attributes

    def __deepcopy__(self, memo):
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                               "the moment. Write x.detach().clone() for a copy without history, x.clone() for one with it.")
        copy = self.detach().clone()
        if type(copy) is not type(self) and not type(self).__module__.startswith(PACKAGE):
            retype(copy, type(self))
        copy.requires_grad = self.requires_grad
        copy.grad = None if self.grad is None else self.grad.detach().clone()
        memo[id(self)] = copy
        if attributes_or_none(self):
            vars(copy).update(deepcopy(vars(self), memo))
        return copy

    # ---- Attributes

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions.

        >>> tinygrad_c.ones(2, 3).shape
        torch.Size([2, 3])
        """
        return Size(create.sizes(self))

    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the size of one dimension.

        >>> tinygrad_c.ones(2, 3).size(), tinygrad_c.ones(2, 3).size(-1)
        (torch.Size([2, 3]), 3)
        """
        return self.shape if dim is None else self.shape[shape.wrapped(dim, self.ndim)]

    def stride(self, dim: int | None = None):
        """The strides in elements, or the stride of one dimension.

        >>> tinygrad_c.ones(2, 3).stride()
        (3, 1)
        """
        return create.strides(self) if dim is None else create.strides(self)[shape.wrapped(dim, self.ndim)]

    @property
    def ndim(self) -> int:
        """The number of dimensions.

        >>> tinygrad_c.ones(2, 3).ndim
        2
        """
        return create.dimensions(self)

    def dim(self) -> int:
        """The number of dimensions.

        >>> tinygrad_c.ones(2, 3).dim()
        2
        """
        return create.dimensions(self)

    ndimension = dim

    def numel(self) -> int:
        """The number of elements.

        >>> tinygrad_c.ones(2, 3).numel()
        6
        """
        return create.numel(self)

    nelement = numel

    @property
    def dtype(self):
        """The type of the elements.

        >>> tinygrad_c.tensor([1, 2]).dtype
        torch.int64
        """
        return create.dtype_of(self)

    @property
    def device(self) -> Device:
        """The device of the memory: always the CPU.

        >>> tinygrad_c.ones(2).device
        device(type='cpu')
        """
        return CPU

    is_cpu = True
    is_cuda = is_mps = is_meta = is_sparse = is_quantized = is_nested = False

    def element_size(self) -> int:
        """Bytes per element.

        >>> tinygrad_c.ones(2).element_size()
        4
        """
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element.

        >>> x = tinygrad_c.ones(2)
        >>> x[1:].data_ptr() - x.data_ptr()
        4
        """
        return create.address(self)

    const_data_ptr = data_ptr

    def is_contiguous(self, memory_format=None) -> bool:
        """Whether the elements are contiguous in C order; with memory_format=channels_last, in channels-last order.

        >>> tinygrad_c.ones(2, 3).T.is_contiguous()
        False
        """
        if getattr(memory_format, "name", "").startswith("channels_last"):
            last = 5 if memory_format.name.endswith("3d") else 4
            return self.ndim == last and create.is_contiguous_tensor(self.movedim(1, -1))
        return create.is_contiguous_tensor(self)

    def is_floating_point(self) -> bool:
        """Whether the elements are float32 or float64.

        >>> tinygrad_c.tensor([1, 2]).is_floating_point()
        False
        """
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """False: there are no complex dtypes.

        >>> tinygrad_c.ones(2).is_complex()
        False
        """
        return False

    def is_signed(self) -> bool:
        """Whether the dtype can hold negative numbers.

        >>> tinygrad_c.ones(2).is_signed()
        True
        """
        return self.dtype.is_signed

    def is_nonzero(self) -> bool:
        """Whether the only element is not 0.

        >>> tinygrad_c.tensor([3.]).is_nonzero()
        True
        """
        return bool(self)

    def is_same_size(self, other: Tensor) -> bool:
        """Whether the two have the same shape.

        >>> tinygrad_c.ones(2).is_same_size(tinygrad_c.ones(3))
        False
        """
        return self.shape == other.shape

    def get_device(self) -> int:
        """-1: the CPU.

        >>> tinygrad_c.ones(2).get_device()
        -1
        """
        return -1

    @property
    def itemsize(self) -> int:
        """Bytes per element.

        >>> tinygrad_c.ones(2).itemsize
        4
        """
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements.

        >>> tinygrad_c.ones(2, 3).nbytes
        24
        """
        return self.dtype.itemsize * create.numel(self)

    @property
    def layout(self):
        """The memory layout: always strided.

        >>> tinygrad_c.ones(2).layout
        torch.strided
        """
        return load("ops.create.dtypes", "strided")

    def storage_offset(self) -> int:
        """The offset of the first element in the memory, in elements.

        >>> tinygrad_c.ones(5)[2:].storage_offset()
        2
        """
        return create.offset(self)

    @property
    def T(self) -> Tensor:
        """The tensor with its dimensions reversed: for a matrix, the transpose.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).T
        tensor([[1, 3],
                [2, 4]])
        """
        return shape.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:
        """The tensor with the last two dimensions swapped.

        >>> tinygrad_c.ones(5, 2, 3).mT.shape
        torch.Size([5, 3, 2])
        """
        if self.ndim < 2:
            raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got "
                               f"{self.ndim}-D tensor.")
        return shape.transpose(self, -2, -1)

    @property
    def H(self) -> Tensor:
        """The conjugate transpose of a matrix: for real numbers, the transpose.

        RuntimeError unless it has 0 or 2 dimensions.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).H
        tensor([[1, 3],
                [2, 4]])
        """
        if self.ndim not in (0, 2):
            raise RuntimeError("tensor.H is only supported on matrices (2-D tensors). Got "
                               f"{self.ndim}-D tensor. For batches of matrices, consider using tensor.mH")
        return self.T

    mH = mT

    # ---- Gradients

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set requires_grad and return the tensor.

        RuntimeError for integers, and for False on a tensor that is not a leaf.

        >>> tinygrad_c.ones(2).requires_grad_()
        tensor([1., 1.], requires_grad=True)
        """
        self.requires_grad = requires_grad
        return self

    def clone(self, *, memory_format=None) -> Tensor:
        """A copy. Gradients flow through it."""
        return create.clone(self)

    def contiguous(self, memory_format=None) -> Tensor:
        """The tensor itself if it is contiguous, else a contiguous copy.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).T.contiguous().stride()
        (2, 1)
        """
        return create.make_contiguous(self)

    # ---- In place

    def zero_(self) -> Tensor:
        """Set every element to 0.

        >>> tinygrad_c.ones(2).zero_()
        tensor([0., 0.])
        """
        return create.fill_(self, 0)

    def fill_(self, value) -> Tensor:
        """Set every element to value.

        >>> tinygrad_c.ones(2).fill_(7)
        tensor([7., 7.])
        """
        return create.fill_(self, value)

    def copy_(self, src: Tensor, non_blocking: bool = False) -> Tensor:
        """Copy src's elements into this tensor, with broadcasting and dtype conversion.

        >>> tinygrad_c.zeros(2, 2).copy_(tinygrad_c.tensor([1, 2]))
        tensor([[1., 2.],
                [1., 2.]])
        """
        return create.copy_(self, src)


def rebuild(array, requires_grad: bool, kind=None) -> Tensor:
    """Rebuild a pickled tensor; kind: the dtype whose bits the array has, if it is not the array's."""
    made = create.tensor(array)
    return (made if kind is None else create.retyped(made, kind)).requires_grad_(requires_grad)


def rebuild_subclass(cls: type, *made: Any) -> Any:
    """Rebuild a pickled instance of a user's subclass."""
    return retype(rebuild(*made), cls)


CPU = Device()
register_tensor_class(Tensor)
take_slots(Tensor, Operators)
accept_old_calls([elementwise.add, elementwise.add_, elementwise.sub, elementwise.sub_], old_calls.call_or_raise)
guard_methods(Tensor)
