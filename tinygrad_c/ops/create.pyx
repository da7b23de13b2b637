"""Making tensors from numbers, lists and other people's memory, and Python numbers from tensors."""
import math
import warnings

from cpython.buffer cimport Py_buffer
from libc.math cimport ceil
from libc.stdint cimport int32_t, int64_t, uint8_t

from tinygrad_c.array cimport DTYPES, Storage, default_dtype, dtype_code, is_contiguous, itemsize, shape_of
from tinygrad_c.kernels.call cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, UINT8
from tinygrad_c.ops.elementwise cimport as_tensor as check_tensor
from tinygrad_c.ops.elementwise cimport contiguous, copy_into, copy_of, put_number, scalar_tensor, to_dtype
from tinygrad_c.ops.shape cimport parse_sizes
from tinygrad_c.tape cimport *

from tinygrad_c.devices import check_device
from tinygrad_c.ops.elementwise import into_out

cdef extern from "Python.h":
    Py_buffer* PyMemoryView_GET_BUFFER(object view)


# ---- Finishing touches that every creator shares

cdef TensorBase finish(TensorBase out, object requires_grad, object device):
    if device is not None:
        check_device(device)
    if requires_grad:
        out.requires_grad = True
    return out


cdef TensorBase tensor_of(object input):
    return check_tensor(input, "argument 'input' (position 1)")


cdef int dtype_or(object given, int default) except -1:
    return default if given is None else dtype_code(given)


cdef TensorBase fresh(tuple sizes, int dtype):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim, d
    parse_sizes(sizes, &ndim, shape)
    for d in range(ndim):
        if shape[d] < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {shape[d]}: {[shape[i] for i in range(ndim)]}")
    return empty(dtype, ndim, shape)


cdef tuple sizes_in(tuple sizes, object size):
    """(2, 3) of zeros(2, 3), of zeros((2, 3)), and of zeros(size=(2, 3))."""
    if size is None and len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        size = sizes[0]
    return sizes if size is None else tuple(size) if isinstance(size, (tuple, list)) else (size,)


cdef int fill(TensorBase out, object value) except -1:
    return copy_into(out, scalar_tensor(value, out.dtype))


# ---- tensor(...)

cdef int infer_dtype(list flat) except -1:
    """bool, int64 or the default float dtype for Python's numbers; NumPy's scalars keep their own type."""
    cdef set kinds = set(map(type, flat))
    if kinds <= {bool}:
        return BOOL if kinds else default_dtype()
    if kinds <= {bool, int}:
        return INT64
    if kinds <= {bool, int, float}:
        return default_dtype()
    for each in flat:
        if not isinstance(each, (bool, int, float)) and not hasattr(each, "dtype"):
            if isinstance(each, (str, bytes)):
                raise TypeError(f"new(): invalid data type '{type(each).__name__}'")
            if isinstance(each, (list, tuple)):
                raise ValueError(f"expected a number, but got a sequence of length {len(each)} beside one: the rows are "
                                 "not alike")
            raise RuntimeError(f"Could not infer dtype of {type(each).__name__}")
    import numpy
    return array_dtype(numpy.array(flat))


cdef int array_dtype(object array) except -1:
    names = {"float32": FLOAT32, "float64": FLOAT64, "int64": INT64, "int32": INT32, "uint8": UINT8, "bool": BOOL}
    if array.dtype.name not in names:
        raise TypeError(f"can't convert np.ndarray of type numpy.{array.dtype.name}. The only supported types are: "
                        "float64, float32, "
                        "int64, int32, uint8, and bool: convert it first with array.astype('float32')")
    return names[array.dtype.name]


cdef TensorBase from_sequence(object data, object dtype):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef list flat
    cdef int ndim = 0
    cdef int code
    cdef Py_ssize_t i
    cdef TensorBase out
    flat = [data]
    while True:
        flat = [each.tolist() if hasattr(each, "tolist") and getattr(each, "ndim", 0) > 0 else each for each in flat]
        if not flat or not isinstance(flat[0], (list, tuple)):
            break
        if ndim == MAX_NDIM:
            raise ValueError(f"too many dimensions: a tensor has at most {MAX_NDIM}")
        shape[ndim] = len(flat[0])
        for each in flat:
            if not isinstance(each, (list, tuple)):
                raise TypeError(f"expected a sequence of length {shape[ndim]} at dim {ndim}, but got {type(each).__name__}")
            if len(each) != shape[ndim]:
                raise ValueError(f"expected sequence of length {shape[ndim]} at dim {ndim} (got {len(each)})")
        flat = [item for each in flat for item in each]
        ndim += 1
    flat = [each.item() if isinstance(each, TensorBase) else each for each in flat]
    code = infer_dtype(flat) if dtype is None else dtype_code(dtype)
    if dtype is not None:
        infer_dtype(flat)       # for its errors
    out = empty(code, ndim, shape)
    for i in range(len(flat)):
        put_number(out.data + i * itemsize(code), code, flat[i])
    return out


def tensor(data, *, dtype=None, device=None, requires_grad=False):
    """A new tensor with a copy of the data: a number, (nested) lists of numbers, or a NumPy array.

    Python's floats become float32 (see set_default_dtype), ints int64, bools bool; arrays keep their type.

    >>> tensor([[1., 2.], [3., 4.]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    cdef TensorBase out
    if type(data) is float:
        out = scalar_tensor(data, dtype_or(dtype, default_dtype()))
    elif type(data) is bool or type(data) is int:
        out = scalar_tensor(data, dtype_or(dtype, BOOL if type(data) is bool else INT64))
    elif isinstance(data, TensorBase):
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                      "sourceTensor.detach().clone().requires_grad_(True), rather than tensor(sourceTensor).", stacklevel=2)
        out = copy_of(data)
        out = out if dtype is None else to_dtype(out, dtype_code(dtype))
    elif isinstance(data, (list, tuple)):
        out = from_sequence(data, dtype)
    elif hasattr(data, "__array__"):
        import numpy
        array = numpy.asarray(data)
        if array.dtype.byteorder not in "=|" and not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        array_dtype(array)
        out = copy_of(from_buffer(numpy.require(array, None, "CA")))     # contiguous and aligned
        out = out if dtype is None else to_dtype(out, dtype_code(dtype))
    else:
        out = from_sequence(data, dtype)
    return finish(out, requires_grad, device)


# ---- Other people's memory

cdef TensorBase from_buffer(object source):
    """A tensor on the memory of an object with the buffer protocol: nothing is copied."""
    cdef object view = memoryview(source)
    cdef Py_buffer* buffer = PyMemoryView_GET_BUFFER(view)
    cdef TensorBase out = new_tensor()
    cdef Storage storage = Storage.__new__(Storage)
    cdef Py_ssize_t step
    cdef int d
    out.dtype = buffer_dtype(buffer.format.decode() if buffer.format != NULL else "B", buffer.itemsize)
    if buffer.ndim > MAX_NDIM:
        raise ValueError(f"a tensor has at most {MAX_NDIM} dimensions, got {buffer.ndim}")
    if <size_t> buffer.buf % buffer.itemsize != 0:
        raise ValueError("the array's memory is not aligned to its elements: pass array.copy()")
    out.ndim = buffer.ndim
    out.numel = 1
    for d in range(buffer.ndim):
        step = buffer.strides[d] if buffer.strides != NULL else 0
        if step % buffer.itemsize != 0:
            raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                             "reallocate the "
                             "memory.")
        out.shape[d] = buffer.shape[d]
        out.stride[d] = step // buffer.itemsize
        out.numel *= buffer.shape[d]
    if buffer.strides == NULL:
        step = 1
        for d in range(buffer.ndim - 1, -1, -1):
            out.stride[d] = step
            step *= out.shape[d]
    storage.data = <char*> buffer.buf
    storage.nbytes = buffer.len
    storage.readonly = buffer.readonly
    storage.owner = view
    out.storage = storage
    out.data = <char*> buffer.buf
    out.contiguous = is_contiguous(out.ndim, out.shape, out.stride)
    return out


cdef int buffer_dtype(str format, Py_ssize_t size) except -1:
    kind = format.lstrip("@=" + ("<" if LITTLE else ">"))
    if kind == "?":
        return BOOL
    if kind == "B":
        return UINT8
    if kind == "f":
        return FLOAT32
    if kind == "d":
        return FLOAT64
    if kind in ("i", "l", "q") and size in (4, 8):
        return INT32 if size == 4 else INT64
    if kind[:1] in ("<", ">", "!"):
        raise ValueError("given numpy array has byte order different from the native byte order. Conversion between byte "
                         "orders is "
                         "currently not supported: pass array.astype(array.dtype.newbyteorder('='))")
    raise TypeError(f"can't convert memory of format {format!r}. The only supported types are: float64, float32, int64, "
                    "int32, uint8, and "
                    "bool: convert it first with array.astype('float32')")

import sys
cdef bint LITTLE = sys.byteorder == "little"


def from_numpy(array):
    """A tensor on the array's own memory: what is written to one is seen in the other. Read-only arrays make tensors that
    refuse to be written to. TypeError for other element types than float64, float32, int64, int32, uint8 and bool."""
    if not hasattr(array, "__array_interface__"):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    array_dtype(array)
    return from_buffer(array)


def as_tensor(data, dtype=None, device=None):
    """The data as a tensor, without a copy where that is possible."""
    cdef TensorBase out
    if isinstance(data, TensorBase):
        out = data
    elif hasattr(data, "__array_interface__") and hasattr(data, "dtype"):
        try:
            out = from_numpy(data)
        except ValueError:
            out = tensor(data)
    else:
        return tensor(data, dtype=dtype, device=device)
    return out if dtype is None else to_dtype(out, dtype_code(dtype))


# ---- Sizes and a value

def empty_(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of that size whose elements are whatever the memory held."""
    if out is not None:
        return into_out(empty_(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return finish(fresh(sizes_in(sizes, size), dtype_or(dtype, default_dtype())), requires_grad, device)


def zeros_(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of zeros."""
    if out is not None:
        return into_out(zeros_(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return full(sizes_in(sizes, size), 0.0, dtype=DTYPES[default_dtype()] if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


def ones(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of ones."""
    if out is not None:
        return into_out(ones(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return full(sizes_in(sizes, size), 1.0, dtype=DTYPES[default_dtype()] if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of that size, every element fill_value."""
    if out is not None:
        return into_out(full(size, fill_value, dtype=dtype_of(out) if dtype is None else dtype), out)
    if isinstance(fill_value, TensorBase):
        dtype = DTYPES[(<TensorBase> fill_value).dtype] if dtype is None else dtype
        fill_value = item(fill_value)
    if dtype is None:
        code = BOOL if type(fill_value) is bool else INT64 if type(fill_value) is int else default_dtype()
    else:
        code = dtype_code(dtype)
    cdef TensorBase y = fresh((size,) if isinstance(size, (tuple, list)) else (size,), code)
    fill(y, fill_value)
    return finish(y, requires_grad, device)


def empty_like_(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of input's shape whose elements are whatever the memory held."""
    cdef TensorBase a = tensor_of(input)
    return finish(empty(dtype_or(dtype, a.dtype), a.ndim, a.shape), requires_grad, device)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """Zeros of input's shape and dtype."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """Ones of input's shape and dtype."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """fill_value in input's shape and dtype."""
    cdef TensorBase a = tensor_of(input)
    cdef TensorBase out = empty(dtype_or(dtype, a.dtype), a.ndim, a.shape)
    fill(out, fill_value)
    return finish(out, requires_grad, device)


# ---- Ranges

def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False, out=None):
    """start, start + step, ... up to but without end; arange(end) starts at 0.

    >>> arange(1, 2, 0.25)
    tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if out is not None:
        return into_out(arange(start, end, step, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef double a, b, s
    cdef Py_ssize_t i, n
    cdef Py_ssize_t[1] shape
    cdef TensorBase y
    cdef int code
    if end is None:
        start, end = 0, start
    start, end, step = [each.item() if isinstance(each, TensorBase) else each for each in (start, end, step)]
    code = dtype_or(dtype, default_dtype() if any([isinstance(each, float) for each in (start, end, step)]) else INT64)
    if code == INT64 and all([isinstance(each, int) or math.isfinite(each) for each in (start, end, step)]):
        start, end, step = int(start), int(end), int(step)      # as torch: the numbers lose their fractions first
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if code < FLOAT32 and all([isinstance(each, int) for each in (start, end, step)]):
        n = len(range(start, end, step))
    else:
        a, b, s = start, end, step
        if not (-1e308 < a < 1e308 and -1e308 < b < 1e308):
            raise RuntimeError(f"unsupported range: {start} -> {end}")
        if not (b - a) / s < 1e18:
            raise RuntimeError(f"arange({start}, {end}, {step}) has more elements than memory can address")
        n = <Py_ssize_t> ceil((b - a) / s)
    shape[0] = n
    y = empty(code, 1, shape)
    if code >= FLOAT32:
        a, s = start, step
        for i in range(n):
            if code == FLOAT32:
                (<float*> y.data)[i] = <float> (a + i * s)
            else:
                (<double*> y.data)[i] = a + i * s
    else:
        for i in range(n):
            put_number(y.data + i * itemsize(code), code, int(start) + i * int(step))
    return finish(y, requires_grad, device)


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, out=None):
    """`steps` numbers, evenly spaced from start to end, both included."""
    if out is not None:
        return into_out(linspace(start, end, steps, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef double a = start
    cdef double b = end
    cdef Py_ssize_t n = steps
    cdef Py_ssize_t i
    cdef Py_ssize_t[1] shape
    cdef float af = <float> a
    cdef float bf = <float> b
    cdef float sf = 0
    cdef double s = 0
    cdef TensorBase y
    cdef int code = dtype_or(dtype, default_dtype())
    if n < 0:
        raise RuntimeError("number of steps must be non-negative")
    if code < FLOAT32:          # as torch: the ends lose their fractions
        a, b = <double> <int64_t> a, <double> <int64_t> b
    if n > 1:
        s = (b - a) / (n - 1)
        sf = (bf - af) / <float> (n - 1)
    shape[0] = n
    y = empty(code, 1, shape)
    for i in range(n):          # from both ends, so that the last is exactly `end`
        if code == FLOAT32:
            (<float*> y.data)[i] = af + sf * <float> i if i < n // 2 or n == 1 else bf - sf * <float> (n - i - 1)
        elif code == FLOAT64:
            (<double*> y.data)[i] = a + s * i if i < n // 2 or n == 1 else b - s * (n - i - 1)
        else:
            put_number(y.data + i * itemsize(code), code, a + s * i if i < n // 2 or n == 1 else b - s * (n - i - 1))
    return finish(y, requires_grad, device)


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, out=None):
    """The n x m matrix with ones on the diagonal; m is n if not given."""
    if out is not None:
        return into_out(eye(n, m, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef Py_ssize_t rows = n
    cdef Py_ssize_t columns = n if m is None else m
    cdef Py_ssize_t i
    cdef TensorBase y = fresh((rows, columns), dtype_or(dtype, default_dtype()))
    fill(y, 0)
    for i in range(min(rows, columns)):
        put_number(y.data + i * (columns + 1) * itemsize(y.dtype), y.dtype, 1)
    return finish(y, requires_grad, device)


# ---- Back to Python

cdef object number_at(const char* p, int dtype):
    if dtype == FLOAT32:
        return <double> (<const float*> p)[0]
    if dtype == FLOAT64:
        return (<const double*> p)[0]
    if dtype == INT64:
        return (<const int64_t*> p)[0]
    if dtype == INT32:
        return (<const int32_t*> p)[0]
    if dtype == UINT8:
        return (<const uint8_t*> p)[0]
    return (<const uint8_t*> p)[0] != 0


def item(input):
    """The one element of a tensor, as a Python number."""
    cdef TensorBase a = tensor_of(input)
    if a.numel != 1:
        raise RuntimeError(f"a Tensor with {a.numel} elements cannot be converted to Scalar: its shape is "
                           f"{list(shape_of(a))}; use "
                           ".tolist() for all of them")
    return number_at(a.data, a.dtype)


cdef object nested(const char* p, TensorBase a, int d):
    cdef Py_ssize_t i
    if d == a.ndim:
        return number_at(p, a.dtype)
    return [nested(p + i * a.stride[d] * itemsize(a.dtype), a, d + 1) for i in range(a.shape[d])]


def tolist(input):
    """The elements as nested lists of Python numbers; a number if there are no dimensions."""
    cdef TensorBase a = tensor_of(input)
    return nested(a.data, a, 0)


def to(input, dtype):
    """The tensor in another dtype; itself if it has that dtype."""
    return to_dtype(tensor_of(input), dtype_code(dtype))


def clone(input):
    """A copy; gradients flow through it."""
    from tinygrad_c.ops.elementwise import clone_op
    return clone_op(input)


def make_contiguous(input):
    """The tensor itself if its elements lie in C order, else a copy where they do."""
    return contiguous(tensor_of(input))


def copy_(input, source):
    """Write source's elements into input, broadcast and converted."""
    from tinygrad_c.ops.elementwise import write
    return write(input, source)


def fill_(input, value):
    """Set every element to value."""
    return copy_(input, value)


# ---- What a tensor is, for tensor.py

def sizes(input) -> tuple:
    """The sizes of the dimensions."""
    return shape_of(input)


def strides(input) -> tuple:
    """The strides, in elements."""
    cdef TensorBase a = tensor_of(input)
    return tuple([a.stride[d] for d in range(a.ndim)])


def dimensions(input) -> int:
    """The number of dimensions."""
    return tensor_of(input).ndim


def numel(input) -> int:
    """The number of elements."""
    return tensor_of(input).numel


def dtype_of(input):
    """The dtype."""
    return DTYPES[tensor_of(input).dtype]


def address(input) -> int:
    """The address of element [0, ..., 0]."""
    return <size_t> tensor_of(input).data


def offset(input) -> int:
    """How many elements lie between the beginning of the memory and element [0, ..., 0]."""
    cdef TensorBase a = tensor_of(input)
    return (a.data - a.storage.data) // itemsize(a.dtype)


def is_contiguous_tensor(input) -> bool:
    """Whether the elements lie in C order with nothing between."""
    return bool(tensor_of(input).contiguous)
