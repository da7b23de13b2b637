"""Elements as Python numbers, and attributes of tensors; part of create.pyx."""


# ---- Back to Python

cdef object number_at(const char* p, int dtype):
    refuse(b"it reads a tensor's value in Python (.item(), .tolist(), float(), if, print)")
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
    if dtype == INT8:
        return (<const int8_t*> p)[0]
    if dtype == INT16:
        return (<const int16_t*> p)[0]
    if dtype == FLOAT16:
        return <double> from_half((<const uint16_t*> p)[0])
    if dtype == BFLOAT16:
        return <double> from_bfloat((<const uint16_t*> p)[0])
    if dtype == UINT16:
        return (<const uint16_t*> p)[0]
    if dtype == UINT32:
        return (<const uint32_t*> p)[0]
    if dtype == UINT64:
        return (<const uint64_t*> p)[0]
    return (<const uint8_t*> p)[0] != 0


def is_wrong(condition) -> bool:
    """Whether a condition holds that is an error, or rare: a bool tensor with one element. A program ends where it holds.

    >>> is_wrong(tinygrad_c.tensor(False))
    False
    """
    cdef TensorBase a = tensor_of(condition)
    if a.dtype != BOOL or a.numel != 1:
        raise TypeError("is_wrong() needs a bool tensor with one element")
    if recorder != NULL:
        record_check(a.data, 1)
    return (<const uint8_t*> a.data)[0] != 0


def in_program() -> bool:
    """Whether operations are being recorded for a program.

    >>> in_program()
    False
    """
    return recorder != NULL


def item(input):
    """The one element of a tensor, as a Python number."""
    cdef TensorBase a = tensor_of(input)
    if a.numel != 1:
        raise RuntimeError(f"a Tensor with {a.numel} elements cannot be converted to Scalar: its shape is {list(shape_of(a))}; "
                           "use .tolist() for all of them")
    return number_at(a.data, a.dtype)


cdef object nested(const char* p, TensorBase a, int d):
    cdef Py_ssize_t i
    if d == a.ndim:
        return number_at(p, a.dtype)
    return [nested(p + i * a.stride[d] * itemsize(a.dtype), a, d + 1) for i in range(a.shape[d])]


def tolist(input):
    """The elements as nested lists of Python numbers; a number if there are no dimensions."""
    cdef TensorBase a = alias(tensor_of(input))     # a finaliser may give the tensor other memory meanwhile
    return nested(a.data, a, 0)


def to(input, dtype):
    """The tensor in another dtype; itself if it has that dtype."""
    return to_dtype(tensor_of(input), dtype_code(dtype))


def clone(input, *, memory_format=None):
    """A copy; gradients flow through it.

    >>> tinygrad_c.clone(tinygrad_c.tensor([1., 2.]))
    tensor([1., 2.])
    """
    from tinygrad_c.ops.elementwise.elementwise import clone_op
    return clone_op(input)


def retyped(input, dtype):
    """The same memory read as another dtype of the same size: bits are kept, nothing is converted. Not recorded.

    >>> retyped(tinygrad_c.tensor([1.]), tinygrad_c.int32)
    tensor([1065353216], dtype=torch.int32)
    """
    cdef TensorBase a = tensor_of(input)
    cdef TensorBase out
    cdef int code = dtype_code(dtype)
    if itemsize(code) != itemsize(a.dtype) or (code == BOOL and a.dtype != BOOL):
        raise RuntimeError(f"view(dtype): the elements of {DTYPES[a.dtype]} cannot be read as {DTYPES[code]}, of another size "
                           "or with bytes other than 0 and 1; .to(dtype) converts numbers")
    out = view_of(a, a.data, a.ndim, a.shape, a.stride)
    out.dtype = code
    return out


def exchanged(input):
    """The tensor as what NumPy and Python's buffers can hold: bfloat16 as uint16, others unchanged."""
    cdef TensorBase a = tensor_of(input)
    return retyped(a, DTYPES[UINT16]) if a.dtype == BFLOAT16 else a


def make_contiguous(input):
    """The tensor itself if it is contiguous, else a contiguous copy."""
    return contiguous(tensor_of(input))


def copy_(input, source):
    """Write source's elements into input, broadcast and converted."""
    from tinygrad_c.ops.elementwise.elementwise import write
    return write(input, source)


def fill_(input, value):
    """Set every element to value."""
    return copy_(input, value)


# ---- Attributes, for tensor.py

def sizes(input) -> tuple:
    """The sizes of the dimensions."""
    return shape_of(tensor_of(input))


def strides(input) -> tuple:
    """The strides, in elements."""
    cdef TensorBase a = tensor_of(input)
    return tuple([a.stride[d] for d in range(a.ndim)])


def dimensions(input) -> int:
    """The number of dimensions."""
    return tensor_of(input).ndim


def numel(input) -> int:
    """The number of elements.

    >>> tinygrad_c.numel(tinygrad_c.ones(2, 3))
    6
    """
    return tensor_of(input).numel


def dtype_of(input):
    """The dtype."""
    return DTYPES[tensor_of(input).dtype]


def address(input) -> int:
    """The address of the first element."""
    refuse(b"it asks for a tensor's address")
    return <size_t> tensor_of(input).data


def offset(input) -> int:
    """The storage offset, in elements."""
    cdef TensorBase a = tensor_of(input)
    return (a.data - a.storage.data) // itemsize(a.dtype)


def is_contiguous_tensor(input) -> bool:
    """Whether the elements are contiguous in C order."""
    return bool(tensor_of(input).contiguous)
