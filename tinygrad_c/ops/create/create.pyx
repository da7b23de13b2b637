"""Creating tensors, and reading their elements and attributes.

In parts: by size and value, and ranges (here); from numbers, lists and external memory (data.pxi); elements and attributes
for Python (read.pxi).
"""
import math
import sys

from cpython.buffer cimport Py_buffer
from libc.math cimport ceil
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tinygrad_c.core.array cimport DTYPES, Storage, code_named, code_of_format, default_dtype, dtype_code, external_storage, \
    is_contiguous, itemsize, shape_of
from tinygrad_c.kernels.call cimport BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INT16, INT32, INT64, INT8, MAX_NDIM, N_DTYPES, \
    UINT16, UINT32, UINT64, UINT8
from tinygrad_c.kernels.runtime.dispatch cimport record_check, record_content, record_labels, recorder, refuse
from tinygrad_c.kernels.generated.ids cimport ROW_EQ
from tinygrad_c.kernels.portable.generic cimport arange_double, arange_int64, arange_single, from_bfloat, from_half
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor as check_tensor
from tinygrad_c.ops.elementwise.elementwise cimport binary, contiguous, copy_into, copy_of, lacks_kernels, promote_dtypes, \
    put_number, scalar_tensor, to_dtype
from tinygrad_c.ops.shape.shape cimport parse_sizes, reshape_to
from tinygrad_c.core.tape cimport *

from numpy import ndarray

from tinygrad_c._base.device import check_device
from tinygrad_c._base.warn import warn
from tinygrad_c.ops.elementwise.elementwise import into_out

cdef extern from "Python.h":
    Py_buffer* PyMemoryView_GET_BUFFER(object view)
    void* PyCapsule_GetPointer(object capsule, const char* name) except NULL

cdef extern from *:
    """
    typedef struct {        /* what NumPy's __array_struct__ points to */
        int two, nd;
        char typekind;
        int itemsize, flags;
        Py_ssize_t *shape, *strides;
        void* data;
    } ArrayStruct;
    """
    ctypedef struct ArrayStruct:
        int two
        int nd
        char typekind
        int itemsize
        int flags
        Py_ssize_t* shape
        Py_ssize_t* strides         # in bytes
        char* data

cdef enum:                  # ArrayStruct.flags
    NATIVE_BYTE_ORDER = 0x200
    WRITABLE = 0x400

cdef bint LITTLE = sys.byteorder == "little"


# ---- Shared by all functions that create tensors

cdef TensorBase finish(TensorBase out, object requires_grad, object device):
    if device is not None:
        check_device(device)
    if requires_grad:
        if out.dtype < FLOAT16:
            raise_cannot_require_grad("Only Tensors of floating point and complex dtype")
        out.requires_grad = True
    return out


cdef TensorBase written(TensorBase out):
    """The new tensor, whose numbers were written here: constants, if a program is being recorded."""
    if recorder != NULL:
        record_content(out.data, out.numel * itemsize(out.dtype))
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
    """(2, 3) from zeros(2, 3), zeros((2, 3)) or zeros(size=(2, 3))."""
    if size is None and len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        size = sizes[0]
    return sizes if size is None else tuple(size) if isinstance(size, (tuple, list)) else (size,)


cdef int fill(TensorBase out, object value) except -1:
    return copy_into(out, scalar_tensor(value, out.dtype))


# ---- Sizes and a value

def empty_(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """An uninitialised tensor of the given size.

    >>> tinygrad_c.empty(2, 3).shape
    torch.Size([2, 3])
    """
    if out is not None:
        return into_out(empty_(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return finish(fresh(sizes_in(sizes, size), dtype_or(dtype, default_dtype())), requires_grad, device)


def zeros_(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of zeros.

    >>> tinygrad_c.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    if out is not None:
        return into_out(zeros_(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return full(sizes_in(sizes, size), 0.0, dtype=DTYPES[default_dtype()] if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


def ones(*sizes, size=None, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of ones.

    >>> tinygrad_c.ones(2)
    tensor([1., 1.])
    """
    if out is not None:
        return into_out(ones(*sizes, size=size, dtype=dtype_of(out) if dtype is None else dtype), out)
    return full(sizes_in(sizes, size), 1.0, dtype=DTYPES[default_dtype()] if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, out=None):
    """A tensor of the given size filled with fill_value.

    >>> tinygrad_c.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    if out is not None:
        return into_out(full(size, fill_value, dtype=dtype_of(out) if dtype is None else dtype), out)
    if isinstance(fill_value, TensorBase):
        dtype = DTYPES[(<TensorBase> fill_value).dtype] if dtype is None else dtype
        fill_value = item(fill_value)
    if dtype is None:
        code = BOOL if type(fill_value) is bool else INT64 if type(fill_value) is int else default_dtype()
    else:
        code = dtype_code(dtype)
    cdef TensorBase y = fresh((size,), code)
    fill(y, fill_value)
    return finish(y, requires_grad, device)


def empty_like_(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """An uninitialised tensor of input's shape and dtype.

    >>> tinygrad_c.empty_like(tinygrad_c.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    cdef TensorBase a = tensor_of(input)
    return finish(empty(dtype_or(dtype, a.dtype), a.ndim, a.shape), requires_grad, device)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """Zeros of input's shape and dtype.

    >>> tinygrad_c.zeros_like(tinygrad_c.tensor([1, 2]))
    tensor([0, 0])
    """
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """Ones of input's shape and dtype.

    >>> tinygrad_c.ones_like(tinygrad_c.tensor([5, 6]))
    tensor([1, 1])
    """
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of input's shape and dtype filled with fill_value.

    >>> tinygrad_c.full_like(tinygrad_c.tensor([1., 2.]), 3)
    tensor([3., 3.])
    """
    cdef TensorBase a = tensor_of(input)
    cdef TensorBase out = empty(dtype_or(dtype, a.dtype), a.ndim, a.shape)
    fill(out, fill_value)
    return finish(out, requires_grad, device)


# ---- Ranges

def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False, out=None):
    """start, start + step, ... up to but not including end; arange(end) starts at 0.

    >>> tinygrad_c.arange(1, 2, 0.25)
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
    if lacks_kernels(code):         # computed in a dtype that has kernels, then converted: as in torch, modulo 2^8, ...
        y = arange(start, end, step, dtype=DTYPES[FLOAT32 if code >= FLOAT16 else INT32 if code <= INT16 else INT64])
        return finish(to_dtype(y, code), requires_grad, device)
    if code == INT64 and all([isinstance(each, int) or math.isfinite(each) for each in (start, end, step)]):
        start, end, step = int(start), int(end), int(step)      # as in torch, fractions are truncated first
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
        arange_double(code, y.data, n, 0, start, step)
    elif code == INT64 and n > 0 and -(1 << 63) <= start + (n - 1) * step < (1 << 63):
        arange_int64(<int64_t*> y.data, n, start, step)
    else:
        for i in range(n):
            put_number(y.data + i * itemsize(code), code, int(start) + i * int(step))
    return finish(written(y), requires_grad, device)


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, out=None):
    """`steps` numbers, evenly spaced from start to end, both included.

    >>> tinygrad_c.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    if out is not None:
        return into_out(linspace(start, end, steps, dtype=dtype_of(out) if dtype is None else dtype), out)
    for name, each in (("start", start), ("end", end)):
        if isinstance(each, TensorBase) and (<TensorBase> each).ndim:
            raise RuntimeError(f"linspace only supports 0-dimensional start and end tensors, but got {name} with "
                               f"{(<TensorBase> each).ndim} dimension(s).")
    cdef double a = start
    cdef double b = end
    cdef Py_ssize_t n = steps
    cdef Py_ssize_t i, half
    cdef Py_ssize_t[1] shape
    cdef float af = <float> a
    cdef float bf = <float> b
    cdef float sf = 0
    cdef double s = 0
    cdef TensorBase y
    cdef int code = dtype_or(dtype, default_dtype())
    if n < 0:
        raise RuntimeError("number of steps must be non-negative")
    if lacks_kernels(code):
        y = linspace(start, end, steps, dtype=DTYPES[FLOAT32 if code >= FLOAT16 else INT64])
        return finish(to_dtype(y, code), requires_grad, device)
    if code < FLOAT32:          # as in torch, fractions are truncated
        a, b = <double> <int64_t> a, <double> <int64_t> b
    if n > 1:
        s = (b - a) / (n - 1)
        sf = (bf - af) / <float> (n - 1)
    shape[0] = n
    y = empty(code, 1, shape)
    half = n // 2 if n > 1 else n       # from both ends, so that the last is exactly `end`
    if code == FLOAT32:
        arange_single(<float*> y.data, half, 0, af, sf)
        arange_single(<float*> y.data + half, n - half, half + 1 - n, bf, sf)
    elif code == FLOAT64:
        arange_double(FLOAT64, y.data, half, 0, a, s)
        arange_double(FLOAT64, y.data + half * sizeof(double), n - half, half + 1 - n, b, s)
    else:
        for i in range(n):
            put_number(y.data + i * itemsize(code), code, a + s * i if i < half else b - s * (n - i - 1))
    return finish(written(y), requires_grad, device)


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, out=None):
    """The n x m matrix with ones on the diagonal; m is n if not given.

    >>> tinygrad_c.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if out is not None:
        return into_out(eye(n, m, dtype=dtype_of(out) if dtype is None else dtype), out)
    cdef Py_ssize_t rows = n
    cdef Py_ssize_t columns = n if m is None else m
    cdef Py_ssize_t i
    if rows < 0 or columns < 0:
        raise RuntimeError(f"{'n' if rows < 0 else 'm'} must be greater or equal to 0, got {rows if rows < 0 else columns}")
    cdef TensorBase y = fresh((rows, columns), dtype_or(dtype, default_dtype()))
    fill(y, 0)
    for i in range(min(rows, columns)):
        put_number(y.data + i * (columns + 1) * itemsize(y.dtype), y.dtype, 1)
    return finish(written(y), requires_grad, device)


def one_hot(input, num_classes=-1):
    """One-hot vectors of class labels, in a new last dimension of num_classes (by default the largest label + 1).

    >>> one_hot(tinygrad_c.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    cdef TensorBase t = check_tensor(input, "one_hot(): argument 'input' (position 1)")
    cdef TensorBase out
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef const int64_t* p
    cdef int64_t lowest = 0, highest = -1
    cdef Py_ssize_t i, n = num_classes
    if t.dtype >= FLOAT32 or t.dtype == BOOL or lacks_kernels(t.dtype):
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor: call .long()")
    if t.ndim == MAX_NDIM:
        raise RuntimeError(f"one_hot would make more than {MAX_NDIM} dimensions")
    t = contiguous(to_dtype(t, INT64))
    if n == -1:
        refuse(b"one_hot() without num_classes reads the labels in Python: pass num_classes")
    p = <const int64_t*> t.data
    for i in range(t.numel):
        lowest = p[i] if p[i] < lowest else lowest
        highest = p[i] if p[i] > highest else highest
    if lowest < 0:
        raise RuntimeError("Class values must be non-negative.")
    if n == -1 and t.numel == 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if n == -1:
        n = highest + 1
    if highest >= n:
        raise RuntimeError(f"Class values must be smaller than num_classes: {highest} with num_classes={n}.")
    memcpy(shape, t.shape, t.ndim * sizeof(Py_ssize_t))
    shape[t.ndim] = n
    if recorder != NULL:
        return one_hot_recorded(t, n, shape)
    out = zeros(INT64, t.ndim + 1, shape)
    for i in range(t.numel):
        (<int64_t*> out.data)[i * n + p[i]] = 1
    return out


cdef TensorBase one_hot_recorded(TensorBase t, Py_ssize_t n, Py_ssize_t* shape):
    """The same in Calls, for a program."""
    cdef TensorBase wrong = empty(INT64, 0, NULL)
    record_labels(<const int64_t*> t.data, t.numel, n, 0, wrong.data)
    shape[t.ndim] = 1
    return to_dtype(binary(ROW_EQ, reshape_to(t, t.ndim + 1, shape), arange(n)), INT64)


include "data.pxi"
include "read.pxi"
