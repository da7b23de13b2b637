"""Methods that convert a tensor to other dtypes, to Python and to NumPy, and that create new tensors of its dtype."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c._base.device import Device, check_device, no_cuda
from tinygrad_c._base.lazy import load
from tinygrad_c.core.array import dtype_named
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.arguments import TYPE_WORDS
from tinygrad_c.ops.create import create

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


BFLOAT16 = dtype_named("bfloat16")


def new(creator, tensor, size, dtype, device, requires_grad):
    """zeros(size), ones(size), ... in the tensor's dtype."""
    return creator(*size, dtype=dtype or tensor.dtype, device=device, requires_grad=requires_grad)


class Conversions:
    __slots__ = ()

    # ---- To Python and NumPy

    def item(self) -> float | int | bool:
        """The value of a tensor with one element, as a Python number.

        RuntimeError for more than one element.

        >>> tinygrad_c.tensor([2.5]).item()
        2.5
        """
        return create.item(self)

    def tolist(self):
        """The elements as nested lists of Python numbers.

        >>> tinygrad_c.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return create.tolist(self)

    def numpy(self, *, force: bool = False):
        """A NumPy array that shares memory with the tensor.

        RuntimeError if the tensor requires grad, unless force=True, which detaches it. TypeError for bfloat16, which NumPy
        does not have.

        >>> tinygrad_c.tensor([1., 2.]).numpy()
        array([1., 2.], dtype=float32)
        """
        import numpy
        if self.requires_grad:
            if not force:
                raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
            return self.detach().numpy()
        if self.dtype is BFLOAT16:
            raise TypeError("Got unsupported ScalarType BFloat16: NumPy has no such type; call .float() first")
        return numpy.asarray(memoryview(self))

    def __array__(self, dtype=None, copy=None):
        import numpy
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"Unable to avoid copy while creating an array of dtype {dtype} from a tensor of {self.dtype}")
            return array.astype(dtype)
        return numpy.array(array) if copy else array

    def __complex__(self) -> complex:
        return complex(self.item())

    # ---- To other dtypes

    def to(self, *args, dtype=None, device=None, copy: bool = False, non_blocking: bool = False,
           memory_format=None) -> Tensor:
        """Convert to another dtype: to(dtype), to(device, dtype), to(other) or by keyword. Returns self if nothing changes.

        The only device is the CPU. The next arguments are non_blocking, which is ignored, and copy.

        >>> tinygrad_c.tensor([1, 2]).to(tinygrad_c.float64)
        tensor([1., 2.], dtype=torch.float64)
        """
        flags = []
        for each in args:
            if isinstance(each, TensorBase):
                dtype = each.dtype
            elif isinstance(each, bool):
                flags.append(each)
            elif isinstance(each, (str, Device, int)):
                device = each
            elif each is not None:
                dtype = each
        check_device(device)
        out = self if dtype is None else create.to(self, dtype)
        return out.clone() if (copy or (len(flags) > 1 and flags[1])) and out is self else out

    def type(self, dtype=None, non_blocking: bool = False):
        """The name of the tensor's type, or the tensor converted to a dtype or to such a name.

        >>> tinygrad_c.ones(2).type()
        'torch.FloatTensor'
        """
        if dtype is None:
            return f"torch.{TYPE_WORDS[self.dtype.name]}Tensor"
        if isinstance(dtype, str):
            kinds = {f"torch.{word}Tensor": name for name, word in TYPE_WORDS.items()}
            if dtype not in kinds:
                raise ValueError(f"invalid type: '{dtype}': write one of {', '.join(kinds)}, or a dtype")
            dtype = dtype_named(kinds[dtype])
        return create.to(self, getattr(dtype, "dtype", dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """Convert to other's dtype.

        >>> tinygrad_c.tensor([1.7]).type_as(tinygrad_c.tensor([1]))
        tensor([1])
        """
        return create.to(self, other.dtype)

    def float(self, memory_format=None) -> Tensor:
        """Convert to float32.

        >>> tinygrad_c.tensor([1, 2]).float()
        tensor([1., 2.])
        """
        return create.to(self, dtype_named("float32"))

    def double(self, memory_format=None) -> Tensor:
        """Convert to float64.

        >>> tinygrad_c.tensor([1, 2]).double()
        tensor([1., 2.], dtype=torch.float64)
        """
        return create.to(self, dtype_named("float64"))

    def long(self, memory_format=None) -> Tensor:
        """Convert to int64. Fractions are truncated.

        >>> tinygrad_c.tensor([1.7]).long()
        tensor([1])
        """
        return create.to(self, dtype_named("int64"))

    def int(self, memory_format=None) -> Tensor:
        """Convert to int32. Fractions are truncated.

        >>> tinygrad_c.tensor([1.7]).int()
        tensor([1], dtype=torch.int32)
        """
        return create.to(self, dtype_named("int32"))

    def short(self, memory_format=None) -> Tensor:
        """Convert to int16. Fractions are truncated.

        >>> tinygrad_c.tensor([1.7]).short()
        tensor([1], dtype=torch.int16)
        """
        return create.to(self, dtype_named("int16"))

    def char(self, memory_format=None) -> Tensor:
        """Convert to int8. Fractions are truncated.

        >>> tinygrad_c.tensor([1.7]).char()
        tensor([1], dtype=torch.int8)
        """
        return create.to(self, dtype_named("int8"))

    def byte(self, memory_format=None) -> Tensor:
        """Convert to uint8.

        >>> tinygrad_c.tensor([1.7]).byte()
        tensor([1], dtype=torch.uint8)
        """
        return create.to(self, dtype_named("uint8"))

    def bool(self, memory_format=None) -> Tensor:
        """Convert to bool: True where the element is not 0.

        >>> tinygrad_c.tensor([0., 2.]).bool()
        tensor([False,  True])
        """
        return create.to(self, dtype_named("bool"))

    def half(self, memory_format=None) -> Tensor:
        """Convert to float16, which is stored and saved; to compute, convert back with .float().

        >>> tinygrad_c.tensor([0.1]).half()
        tensor([0.1000], dtype=torch.float16)
        """
        return create.to(self, dtype_named("float16"))

    def bfloat16(self, memory_format=None) -> Tensor:
        """Convert to bfloat16, which is stored and saved; to compute, convert back with .float().

        >>> tinygrad_c.tensor([0.1]).bfloat16()
        tensor([0.1001], dtype=torch.bfloat16)
        """
        return create.to(self, dtype_named("bfloat16"))

    # ---- To other devices

    def cpu(self, memory_format=None) -> Tensor:
        """The tensor itself: it is on the CPU.

        >>> tinygrad_c.tensor([1.]).cpu()
        tensor([1.])
        """
        return self

    def cuda(self, *args, **kwargs):
        """Raises AssertionError: there is no GPU.

        >>> tinygrad_c.ones(2).cuda()
        Traceback (most recent call last):
        AssertionError: Torch not compiled with CUDA enabled: there is only the CPU here...
        """
        no_cuda()

    def pin_memory(self, device=None) -> Tensor:
        """The tensor itself: there is no GPU to copy to.

        >>> tinygrad_c.tensor([1.]).pin_memory()
        tensor([1.])
        """
        return self

    def is_pinned(self, device=None) -> bool:
        """False.

        >>> tinygrad_c.ones(2).is_pinned()
        False
        """
        return False

    def share_memory_(self) -> Tensor:
        """Move the elements to memory that other processes can map: forked ones, and those that get it by multiprocessing.

        Views of this tensor that were made before keep the old memory.

        >>> tinygrad_c.tensor([1.]).share_memory_().is_shared()
        True
        """
        from tinygrad_c._tensor.shared import move
        return move(self)

    # ---- New tensors of the same dtype

    def new_tensor(self, data, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """tensor(data) in this tensor's dtype.

        >>> tinygrad_c.ones(1).new_tensor([1, 2])
        tensor([1., 2.])
        """
        return create.tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    def new_zeros(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """zeros(size) in this tensor's dtype.

        >>> tinygrad_c.tensor([1]).new_zeros(2)
        tensor([0, 0])
        """
        return new(create.zeros_, self, size, dtype, device, requires_grad)

    def new_ones(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """ones(size) in this tensor's dtype.

        >>> tinygrad_c.tensor([1]).new_ones(2)
        tensor([1, 1])
        """
        return new(create.ones, self, size, dtype, device, requires_grad)

    def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """full(size, fill_value) in this tensor's dtype.

        >>> tinygrad_c.tensor([1]).new_full((2,), 7)
        tensor([7, 7])
        """
        return new(create.full, self, (size, fill_value), dtype, device, requires_grad)

    def new_empty(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """empty(size) in this tensor's dtype.

        >>> tinygrad_c.ones(1).new_empty(2, 3).shape
        torch.Size([2, 3])
        """
        return new(create.empty_, self, size, dtype, device, requires_grad)

    def new_empty_strided(self, size, stride, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
        """empty_strided(size, stride) in this tensor's dtype.

        >>> tinygrad_c.ones(1).new_empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
        """
        return new(load("ops.create.rare", "empty_strided"), self, (size, stride), dtype, device, requires_grad)

    def new(self, *args) -> Tensor:
        """The old form of new_tensor(data) and of new_empty(sizes).

        >>> tinygrad_c.ones(1).new([1, 2])
        tensor([1., 2.])
        """
        if len(args) == 1 and not isinstance(args[0], int):
            return create.tensor(args[0], dtype=self.dtype)
        return create.empty_(*(args or (0,)), dtype=self.dtype)
