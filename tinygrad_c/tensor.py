"""Tensor: every method a user sees, one line each over the op that does it.

Operators (`a + b`, `a @ b`, `a[i]`) are in ops/operators.pyx; what the tape knows of a tensor (grad, grad_fn, backward's
machinery) is in tape.pyx. The docstring of a method is short; the op's has the details.
"""
from __future__ import annotations

from tinygrad_c import autograd, printing
from tinygrad_c.array import dtype_named
from tinygrad_c.ops import create, elementwise, index, matmul, random, reduce, shape, softmax
from tinygrad_c.ops.operators import Operators
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


class Tensor(Operators):
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

    @property
    def is_cuda(self) -> bool:
        return False

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

    # ---- Gradients

    def backward(self, gradient=None, retain_graph: bool | None = None, create_graph: bool = False, inputs=None) -> None:
        """Add dL/dx, for L this tensor, into .grad of every leaf x with requires_grad that it came from.

        `gradient` is dL/d(self) when this is not a scalar. The graph's saved values are let go of unless retain_graph.
        RuntimeError if nothing leads to a leaf, or if the graph was used up before.
        """
        autograd.backward((self,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs)

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
        """Raises: there is no GPU support."""
        raise RuntimeError("there is no GPU support here: leave .cuda() out, or write .to('cpu')")

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

    # ---- Functions of one tensor (the rows of formulas.py)

    def neg(self) -> Tensor:
        """-x"""
        return elementwise.neg(self)

    def neg_(self) -> Tensor:
        """neg in place"""
        return elementwise.neg_(self)

    def abs(self) -> Tensor:
        """|x|; derivative 0 at 0"""
        return elementwise.abs(self)

    def abs_(self) -> Tensor:
        """abs in place"""
        return elementwise.abs_(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1 with the sign of x; derivative 0"""
        return elementwise.sign(self)

    def sign_(self) -> Tensor:
        """sign in place"""
        return elementwise.sign_(self)

    def square(self) -> Tensor:
        """x^2"""
        return elementwise.square(self)

    def square_(self) -> Tensor:
        """square in place"""
        return elementwise.square_(self)

    def sqrt(self) -> Tensor:
        """the square root of x"""
        return elementwise.sqrt(self)

    def sqrt_(self) -> Tensor:
        """sqrt in place"""
        return elementwise.sqrt_(self)

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)"""
        return elementwise.rsqrt(self)

    def rsqrt_(self) -> Tensor:
        """rsqrt in place"""
        return elementwise.rsqrt_(self)

    def reciprocal(self) -> Tensor:
        """1 / x"""
        return elementwise.reciprocal(self)

    def reciprocal_(self) -> Tensor:
        """reciprocal in place"""
        return elementwise.reciprocal_(self)

    def exp(self) -> Tensor:
        """e^x"""
        return elementwise.exp(self)

    def exp_(self) -> Tensor:
        """exp in place"""
        return elementwise.exp_(self)

    def expm1(self) -> Tensor:
        """e^x - 1, exact near 0"""
        return elementwise.expm1(self)

    def expm1_(self) -> Tensor:
        """expm1 in place"""
        return elementwise.expm1_(self)

    def log(self) -> Tensor:
        """the natural logarithm of x"""
        return elementwise.log(self)

    def log_(self) -> Tensor:
        """log in place"""
        return elementwise.log_(self)

    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0"""
        return elementwise.log1p(self)

    def log1p_(self) -> Tensor:
        """log1p in place"""
        return elementwise.log1p_(self)

    def log2(self) -> Tensor:
        """the logarithm of x to base 2"""
        return elementwise.log2(self)

    def log2_(self) -> Tensor:
        """log2 in place"""
        return elementwise.log2_(self)

    def sin(self) -> Tensor:
        """sin(x), x in radians"""
        return elementwise.sin(self)

    def sin_(self) -> Tensor:
        """sin in place"""
        return elementwise.sin_(self)

    def cos(self) -> Tensor:
        """cos(x), x in radians"""
        return elementwise.cos(self)

    def cos_(self) -> Tensor:
        """cos in place"""
        return elementwise.cos_(self)

    def tan(self) -> Tensor:
        """tan(x), x in radians"""
        return elementwise.tan(self)

    def tan_(self) -> Tensor:
        """tan in place"""
        return elementwise.tan_(self)

    def tanh(self) -> Tensor:
        """(e^x - e^-x) / (e^x + e^-x)"""
        return elementwise.tanh(self)

    def tanh_(self) -> Tensor:
        """tanh in place"""
        return elementwise.tanh_(self)

    def erf(self) -> Tensor:
        """2 / sqrt(pi) * integral of exp(-t^2) from 0 to x"""
        return elementwise.erf(self)

    def erf_(self) -> Tensor:
        """erf in place"""
        return elementwise.erf_(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x)"""
        return elementwise.sigmoid(self)

    def sigmoid_(self) -> Tensor:
        """sigmoid in place"""
        return elementwise.sigmoid_(self)

    def relu(self) -> Tensor:
        """max(x, 0); derivative 0 at 0"""
        return elementwise.relu(self)

    def relu_(self) -> Tensor:
        """relu in place"""
        return elementwise.relu_(self)

    def selu(self) -> Tensor:
        """1.0507 * (x where x > 0, else 1.6733 * (e^x - 1))"""
        return elementwise.selu(self)

    def selu_(self) -> Tensor:
        """selu in place"""
        return elementwise.selu_(self)

    def silu(self) -> Tensor:
        """x * sigmoid(x)"""
        return elementwise.silu(self)

    def silu_(self) -> Tensor:
        """silu in place"""
        return elementwise.silu_(self)

    def mish(self) -> Tensor:
        """x * tanh(log(1 + e^x))"""
        return elementwise.mish(self)

    def mish_(self) -> Tensor:
        """mish in place"""
        return elementwise.mish_(self)

    def logsigmoid(self) -> Tensor:
        """log(sigmoid(x))"""
        return elementwise.logsigmoid(self)

    def logsigmoid_(self) -> Tensor:
        """logsigmoid in place"""
        return elementwise.logsigmoid_(self)

    def isnan(self) -> Tensor:
        """whether x is NaN"""
        return elementwise.isnan(self)

    absolute, negative = abs, neg

    # ---- Arithmetic

    def add(self, other, *, alpha=1) -> Tensor:
        """self + alpha * other"""
        return elementwise.add(self, other, alpha=alpha)

    def add_(self, other, *, alpha=1) -> Tensor:
        """add in place"""
        return elementwise.add_(self, other, alpha=alpha)

    def sub(self, other, *, alpha=1) -> Tensor:
        """self - alpha * other"""
        return elementwise.sub(self, other, alpha=alpha)

    def sub_(self, other, *, alpha=1) -> Tensor:
        """sub in place"""
        return elementwise.sub_(self, other, alpha=alpha)

    def mul(self, other) -> Tensor:
        """self * other"""
        return elementwise.mul(self, other)

    def mul_(self, other) -> Tensor:
        """mul in place"""
        return elementwise.mul_(self, other)

    def div(self, other) -> Tensor:
        """self / other"""
        return elementwise.div(self, other)

    def div_(self, other) -> Tensor:
        """div in place"""
        return elementwise.div_(self, other)

    subtract, multiply, divide, true_divide = sub, mul, div, div

    def pow(self, exponent) -> Tensor:
        """self^exponent"""
        return elementwise.pow(self, exponent)

    def pow_(self, exponent) -> Tensor:
        """pow in place"""
        return elementwise.pow_(self, exponent)

    def maximum(self, other: Tensor) -> Tensor:
        """The larger of two, element by element."""
        return elementwise.maximum(self, other)

    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of two, element by element."""
        return elementwise.minimum(self, other)

    def clamp(self, min=None, max=None) -> Tensor:
        """No less than min and no more than max."""
        return elementwise.clamp(self, min, max)

    def clamp_(self, min=None, max=None) -> Tensor:
        """clamp in place"""
        return elementwise.clamp_(self, min, max)

    clip, clip_ = clamp, clamp_

    def where(self, condition: Tensor, other) -> Tensor:
        """self where condition is true, else other."""
        return elementwise.where(condition, self, other)

    def masked_fill(self, mask: Tensor, value) -> Tensor:
        """value where mask is true, else self."""
        return index.masked_fill(self, mask, value)

    def masked_fill_(self, mask: Tensor, value) -> Tensor:
        """masked_fill in place"""
        return index.masked_fill_(self, mask, value)

    # ---- Comparisons

    def eq(self, other) -> Tensor:
        """self == other, element by element"""
        return elementwise.eq(self, other)

    def ne(self, other) -> Tensor:
        """self != other, element by element"""
        return elementwise.ne(self, other)

    def lt(self, other) -> Tensor:
        """self < other, element by element"""
        return elementwise.lt(self, other)

    def le(self, other) -> Tensor:
        """self <= other, element by element"""
        return elementwise.le(self, other)

    def gt(self, other) -> Tensor:
        """self > other, element by element"""
        return elementwise.gt(self, other)

    def ge(self, other) -> Tensor:
        """self >= other, element by element"""
        return elementwise.ge(self, other)

    # ---- Matrices

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product."""
        return matmul.matmul(self, other)

    mm = bmm = mv = dot = matmul

    def t(self) -> Tensor:
        """The transpose of a matrix."""
        return shape.t(self)

    # ---- Reductions

    def sum(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The sum of the elements, or along dim."""
        return reduce.sum(self, dim, keepdim, dtype=dtype, axis=axis)

    def mean(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The mean of the elements, or along dim."""
        return reduce.mean(self, dim, keepdim, dtype=dtype, axis=axis)

    def prod(self, dim=None, keepdim: bool = False, *, axis=None, dtype=None) -> Tensor:
        """The product of the elements, or along dim."""
        return reduce.prod(self, dim, keepdim, dtype=dtype, axis=axis)

    def var(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, correction=None) -> Tensor:
        """The variance, with n - correction (1 unless given) in the denominator."""
        return reduce.var(self, dim, unbiased, keepdim, correction=correction, axis=axis)

    def std(self, dim=None, unbiased=None, keepdim: bool = False, *, axis=None, correction=None) -> Tensor:
        """The standard deviation: the root of var."""
        return reduce.std(self, dim, unbiased, keepdim, correction=correction, axis=axis)

    def norm(self, p="fro", dim=None, keepdim: bool = False) -> Tensor:
        """(sum |x|^p)^(1/p); p = 2 unless given."""
        return reduce.norm(self, p, dim, keepdim)

    def max(self, dim=None, keepdim: bool = False, *, axis=None):
        """The largest element; along dim, (values, indices)."""
        return reduce.max(self, dim, keepdim, axis=axis)

    def min(self, dim=None, keepdim: bool = False, *, axis=None):
        """The smallest element; along dim, (values, indices)."""
        return reduce.min(self, dim, keepdim, axis=axis)

    def amax(self, dim=(), keepdim: bool = False, *, axis=None) -> Tensor:
        """The largest element along dim; equal ones share the gradient."""
        return reduce.amax(self, dim, keepdim, axis=axis)

    def amin(self, dim=(), keepdim: bool = False, *, axis=None) -> Tensor:
        """The smallest element along dim; equal ones share the gradient."""
        return reduce.amin(self, dim, keepdim, axis=axis)

    def argmax(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Where the largest element is: its number in the flattened tensor, or its index along dim."""
        return reduce.argmax(self, dim, keepdim, axis=axis)

    def argmin(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Where the smallest element is: its number in the flattened tensor, or its index along dim."""
        return reduce.argmin(self, dim, keepdim, axis=axis)

    def all(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Whether all elements are true."""
        return reduce.all(self, dim, keepdim, axis=axis)

    def any(self, dim=None, keepdim: bool = False, *, axis=None) -> Tensor:
        """Whether any element is true."""
        return reduce.any(self, dim, keepdim, axis=axis)

    def cumsum(self, dim, *, dtype=None) -> Tensor:
        """The running sum along dim."""
        return reduce.cumsum(self, dim, dtype=dtype)

    def softmax(self, dim, dtype=None) -> Tensor:
        """e^x / sum of e^x along dim."""
        return softmax.softmax(self, dim, dtype=dtype)

    def log_softmax(self, dim, dtype=None) -> Tensor:
        """x - log(sum of e^x) along dim."""
        return softmax.log_softmax(self, dim, dtype=dtype)

    def logsumexp(self, dim, keepdim: bool = False) -> Tensor:
        """log(sum of e^x) along dim."""
        return softmax.logsumexp(self, dim, keepdim)

    # ---- Shape

    def reshape(self, *shape_) -> Tensor:
        """The same elements in another shape: a view where the strides allow it, else a copy."""
        return shape.reshape(self, *shape_)

    def view(self, *shape_) -> Tensor:
        """The same memory in another shape."""
        if len(shape_) == 1 and not isinstance(shape_[0], (int, tuple, list)) and hasattr(shape_[0], "itemsize"):
            raise RuntimeError("view(dtype) is not supported here: .to(dtype) converts")
        return shape.view(self, *shape_)

    def view_as(self, other: Tensor) -> Tensor:
        """view in other's shape."""
        return shape.view(self, other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """reshape in other's shape."""
        return shape.reshape(self, other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions start_dim to end_dim become one."""
        return shape.flatten(self, start_dim, end_dim)

    def ravel(self) -> Tensor:
        """All dimensions become one."""
        return shape.flatten(self)

    def squeeze(self, dim=None) -> Tensor:
        """Without the dimensions of size 1, or without those that dim names."""
        return shape.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """With a dimension of size 1 put in at dim."""
        return shape.unsqueeze(self, dim)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """With two dimensions swapped."""
        return shape.transpose(self, dim0, dim1)

    swapaxes = swapdims = transpose

    def permute(self, *dims) -> Tensor:
        """With the dimensions in the given order."""
        return shape.permute(self, *dims)

    def expand(self, *sizes) -> Tensor:
        """Dimensions of size 1 repeated to the given sizes, without memory."""
        return shape.expand(self, *sizes)

    def expand_as(self, other: Tensor) -> Tensor:
        """expand to other's shape."""
        return shape.expand(self, other.shape)

    def narrow(self, dim: int, start: int, length: int) -> Tensor:
        """Elements start to start + length of a dimension."""
        return shape.narrow(self, dim, start, length)

    def select(self, dim: int, index: int) -> Tensor:
        """Element `index` of a dimension, which goes away."""
        return shape.select(self, dim, index)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The parts along a dimension, without it."""
        return shape.unbind(self, dim)

    def split(self, split_size, dim: int = 0) -> tuple[Tensor, ...]:
        """Parts of the given size or sizes."""
        return shape.split(self, split_size, dim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts of equal size."""
        return shape.chunk(self, chunks, dim)

    # ---- Indexing

    def gather(self, dim: int, index_: Tensor) -> Tensor:
        """out[i][j] = self[index[i][j]][j] for dim 0, and so on."""
        return index.gather(self, dim, index_)

    def index_select(self, dim: int, index_: Tensor) -> Tensor:
        """The rows (or columns, ...) whose numbers stand in the index."""
        return index.index_select(self, dim, index_)

    def scatter_add(self, dim: int, index_: Tensor, src: Tensor) -> Tensor:
        """A copy with src added at the places that the index names."""
        return index.scatter_add(self, dim, index_, src)

    def scatter_add_(self, dim: int, index_: Tensor, src: Tensor) -> Tensor:
        """scatter_add in place"""
        return index.scatter_add_(self, dim, index_, src)

    def scatter(self, dim: int, index_: Tensor, src: Tensor | float) -> Tensor:
        """A copy with src, or a number, written to the places that the index names."""
        return index.scatter(self, dim, index_, src)

    def scatter_(self, dim: int, index_: Tensor, src: Tensor | float) -> Tensor:
        """scatter in place"""
        return index.scatter_(self, dim, index_, src)

    def take_along_dim(self, indices: Tensor, dim: int | None = None) -> Tensor:
        """gather, with self and indices broadcast together but for dim."""
        return index.take_along_dim(self, indices, dim)

    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where mask is true, in a row."""
        return index.masked_select(self, mask)

    def nonzero(self, *, as_tuple: bool = False):
        """The indices of the elements that are not 0."""
        return index.nonzero(self, as_tuple=as_tuple)

    # ---- Random numbers, in place

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator=None) -> Tensor:
        """Fill with numbers drawn evenly from [from, to)."""
        return random.uniform_(self, from_, to, generator=generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator=None) -> Tensor:
        """Fill with numbers drawn from the normal distribution."""
        return random.normal_(self, mean, std, generator=generator)

    def bernoulli_(self, p: float = 0.5, *, generator=None) -> Tensor:
        """Fill with ones with probability p, zeros otherwise."""
        return random.bernoulli_(self, p, generator=generator)

    def random_(self, *args, generator=None) -> Tensor:
        """Fill with whole numbers drawn evenly."""
        return random.random_(self, *args, generator=generator)


class Device:
    """The CPU: the only device here. `device("cpu")` is accepted wherever torch takes one."""

    def __init__(self, name="cpu"):
        check_device(name)
        self.type, self.index = "cpu", None

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __str__(self) -> str:
        return "cpu"

    def __eq__(self, other) -> bool:
        return str(other) == "cpu"

    def __hash__(self) -> int:
        return hash("cpu")


def check_device(device) -> None:
    """RuntimeError for anything but the CPU."""
    if device is not None and str(device) not in ("cpu", "cpu:0"):
        raise RuntimeError(f"there is only the CPU here, not device {str(device)!r}: write 'cpu', or leave the device out")


def rebuild(array, requires_grad: bool) -> Tensor:
    """A pickled tensor again."""
    return create.tensor(array).requires_grad_(requires_grad)


TYPE_WORDS = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "uint8": "Byte", "bool": "Bool"}
CPU = Device()
register_tensor_class(Tensor)
