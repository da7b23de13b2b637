"""Tensor: what a tensor is and how it is converted. Every method is one line over the op that does it.

The methods by topic (pointwise, reduce, matrix, shape, index, random) are in methods/. Operators (`a + b`, `a @ b`, `a[i]`)
are in ops/operators.pyx; what the tape knows of a tensor (grad, grad_fn, backward's machinery) is in tape.pyx. The docstring
of a method is short; the op's has the details.
"""
from __future__ import annotations

from tinygrad_c import autograd, printing, tape
from tinygrad_c.array import dtype_named
from tinygrad_c.devices import Device, check_device, no_cuda
from tinygrad_c.methods.index import Indexing
from tinygrad_c.methods.matrix import Matrices
from tinygrad_c.methods.pointwise import Pointwise
from tinygrad_c.methods.random import Randoms
from tinygrad_c.methods.reduce import Reductions
from tinygrad_c.methods.shape import Shapes
from tinygrad_c.ops import create, shape
from tinygrad_c.ops.operators import Operators
from tinygrad_c.slots import take_slots
from tinygrad_c.tape import register_tensor_class

float32 = dtype_named("float32")
float64 = dtype_named("float64")
int64 = dtype_named("int64")
int32 = dtype_named("int32")
uint8 = dtype_named("uint8")
bool_ = dtype_named("bool")


class Size(tuple):
    """A tensor's shape: a tuple that prints as torch.Size([2, 3])."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def numel(self) -> int:
        """The product of the sizes."""
        n = 1
        for size in self:
            n *= size
        return n

    def __getitem__(self, key):
        item = tuple.__getitem__(self, key)
        return Size(item) if isinstance(key, slice) else item


class Tensor(Pointwise, Reductions, Matrices, Shapes, Indexing, Randoms, Operators):
    """Numbers in a grid of any number of dimensions, of one dtype, that can know how they were computed.

    With requires_grad=True, operations are recorded; backward() on a scalar result then fills .grad of every such tensor
    that it came from.

    >>> x = tinygrad_c.tensor([1., 2.], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    def __new__(cls, data=None, *args, **kwargs):
        if data is None and not args and cls is not Tensor:
            return super().__new__(cls)         # a subclass fills it: self.data = ...
        if isinstance(data, int) and not isinstance(data, bool):
            raise TypeError("Tensor(3) would make 3 numbers of whatever the memory holds: write empty(3), zeros(3), or "
                            "tensor(3.)")
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
        return rebuild, (self.detach().numpy().copy(), self.requires_grad)

    def __deepcopy__(self, memo):
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                               "at the moment. "
                               "Write x.detach().clone() for a copy without history, x.clone() for one with it.")
        copy = self.detach().clone()
        copy.requires_grad = self.requires_grad
        copy.grad = None if self.grad is None else self.grad.detach().clone()
        memo[id(self)] = copy
        return copy

    # ---- What it is

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return Size(create.sizes(self))

    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[shape.wrapped(dim, self.ndim)]

    def stride(self, dim: int | None = None):
        """How many elements lie between neighbours along each dimension, or along one."""
        return create.strides(self) if dim is None else create.strides(self)[shape.wrapped(dim, self.ndim)]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return create.dimensions(self)

    def dim(self) -> int:
        """The number of dimensions."""
        return create.dimensions(self)

    def numel(self) -> int:
        """The number of elements."""
        return create.numel(self)

    nelement = numel

    @property
    def dtype(self):
        """The type of the elements."""
        return create.dtype_of(self)

    @property
    def device(self) -> Device:
        """Where the memory is: the CPU, always."""
        return CPU

    is_cpu = True
    is_cuda = is_mps = is_meta = is_sparse = is_quantized = is_nested = False

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element."""
        return create.address(self)

    def is_contiguous(self) -> bool:
        """Whether the elements lie in C order with nothing between."""
        return create.is_contiguous_tensor(self)

    def is_floating_point(self) -> bool:
        """Whether the elements are float32 or float64."""
        return self.dtype.is_floating_point

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order; of a matrix, its transpose."""
        return shape.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped."""
        return shape.transpose(self, -2, -1)

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix: of real numbers, the conjugate transpose."""
        if self.ndim not in (0, 2):
            raise RuntimeError("tensor.H is only supported on matrices (2-D tensors). Got "
                               f"{self.ndim}-D tensor. For batches of matrices, consider using tensor.mH")
        return self.T

    mH = mT

    # ---- Gradients

    def backward(self, gradient=None, retain_graph: bool | None = None, create_graph: bool = False, inputs=None) -> None:
        """Add dL/dx, for L this tensor, into .grad of every leaf x with requires_grad that it came from.

        `gradient` is dL/d(self) when this is not a scalar. The graph's saved values are let go of unless retain_graph.
        RuntimeError if nothing leads to a leaf, or if the graph was used up before.
        """
        if gradient is None and inputs is None:
            tape.backward((self,), (None,), create_graph if retain_graph is None else retain_graph, create_graph, 1)
        else:
            autograd.run((self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set requires_grad; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    def clone(self) -> Tensor:
        """A copy; gradients flow through it."""
        return create.clone(self)

    # ---- Conversions

    def item(self) -> float | int | bool:
        """The one element, as a Python number."""
        return create.item(self)

    def tolist(self):
        """The elements as nested lists of Python numbers."""
        return create.tolist(self)

    def numpy(self, *, force: bool = False):
        """A NumPy array on the same memory: what is written to one is seen in the other."""
        import numpy
        if self.requires_grad:
            if not force:
                raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
            return self.detach().numpy()
        return numpy.asarray(memoryview(self))

    def __array__(self, dtype=None, copy=None):
        import numpy
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"Unable to avoid copy while creating an array of dtype {dtype} from a tensor of {self.dtype}")
            return array.astype(dtype)
        return numpy.array(array) if copy else array

    def to(self, *args, dtype=None, device=None, copy: bool = False, non_blocking: bool = False) -> Tensor:
        """In another dtype (given alone, or as dtype=, or as another tensor's); the device can only be the CPU."""
        for each in args:
            if isinstance(each, Tensor):
                dtype = each.dtype
            elif isinstance(each, (str, Device)):
                device = each
            elif each is not None and not isinstance(each, bool):
                dtype = each
        check_device(device)
        out = self if dtype is None else create.to(self, dtype)
        return out.clone() if copy and out is self else out

    def type(self, dtype=None):
        """The name of the tensor's type; or the tensor in another dtype."""
        return f"torch.{TYPE_WORDS[self.dtype.name]}Tensor" if dtype is None else create.to(self, dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """In other's dtype."""
        return create.to(self, other.dtype)

    def float(self) -> Tensor:
        """As float32."""
        return create.to(self, float32)

    def double(self) -> Tensor:
        """As float64."""
        return create.to(self, float64)

    def long(self) -> Tensor:
        """As int64; fractions are cut off."""
        return create.to(self, int64)

    def int(self) -> Tensor:
        """As int32; fractions are cut off."""
        return create.to(self, int32)

    def byte(self) -> Tensor:
        """As uint8."""
        return create.to(self, uint8)

    def bool(self) -> Tensor:
        """As bool: whether each element is not 0."""
        return create.to(self, bool_)

    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
        return self

    def cuda(self, *args, **kwargs):
        """Raises AssertionError: there is no GPU."""
        no_cuda()

    def half(self, *args, **kwargs):
        """Raises: there is no half precision."""
        raise TypeError("half precision is left out; the floating types are float32 and float64: leave .half() out")

    bfloat16 = half

    def is_complex(self) -> bool:
        """False: there are no complex numbers here."""
        return False

    def pin_memory(self, device=None) -> Tensor:
        """The tensor itself: there is no GPU to copy to."""
        return self

    def is_pinned(self, device=None) -> bool:
        """False."""
        return False

    def share_memory_(self) -> Tensor:
        """The tensor itself; threads share all memory."""
        return self

    def contiguous(self) -> Tensor:
        """The tensor itself if its elements lie in C order, else a copy where they do."""
        return create.make_contiguous(self)

    def new_tensor(self, data, *, dtype=None, requires_grad: bool = False) -> Tensor:
        """tensor(data) in this tensor's dtype."""
        return create.tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def new_zeros(self, *size, dtype=None, requires_grad: bool = False) -> Tensor:
        """zeros(size) in this tensor's dtype."""
        return create.zeros_(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def new_ones(self, *size, dtype=None, requires_grad: bool = False) -> Tensor:
        """ones(size) in this tensor's dtype."""
        return create.ones(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def new_full(self, size, fill_value, *, dtype=None, requires_grad: bool = False) -> Tensor:
        """full(size, fill_value) in this tensor's dtype."""
        return create.full(size, fill_value, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def new_empty(self, *size, dtype=None, requires_grad: bool = False) -> Tensor:
        """empty(size) in this tensor's dtype."""
        return create.empty_(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)

    # ---- Writing in place

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return create.fill_(self, 0)

    def fill_(self, value) -> Tensor:
        """Set every element to value."""
        return create.fill_(self, value)

    def copy_(self, src: Tensor, non_blocking: bool = False) -> Tensor:
        """Write src's elements into this tensor, broadcast and converted."""
        return create.copy_(self, src)


def rebuild(array, requires_grad: bool) -> Tensor:
    """A pickled tensor again."""
    return create.tensor(array).requires_grad_(requires_grad)


TYPE_WORDS = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "uint8": "Byte", "bool": "Bool"}
CPU = Device()
register_tensor_class(Tensor)
take_slots(Tensor, Operators)
