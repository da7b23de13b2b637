"""Dtype promotion, and the dtypes without kernels of their own; part of elementwise.pyx.

    int8, int16                                 computed as int32, and the result narrowed: modulo 2^8 or 2^16, their own
                                                arithmetic gives the same
    uint16, uint32, uint64, float16, bfloat16   stored, moved, converted and compared for equality; arithmetic raises

An operation that has kernels for int32 takes both kinds by narrowed(f(computed(x)), x.dtype).
"""


cdef inline bint is_stored(int dtype) noexcept:
    """Whether arithmetic in this dtype raises."""
    return UINT16 <= dtype <= BFLOAT16


cdef object no_arithmetic(int dtype, str name):
    return NotImplementedError(f"\"{name}\" not implemented for '{DTYPE_NAMES[dtype]}': {(<object> DTYPES[dtype]).name} is "
                               f"stored and converted only; call {'.float()' if dtype >= FLOAT16 else '.long()'} first")


cdef TensorBase computed(TensorBase x, str name):
    """x in the dtype that computes it: int32 for int8 and int16. NotImplementedError for a dtype that is only stored."""
    if is_stored(x.dtype):
        raise no_arithmetic(x.dtype, name)
    return to_dtype(x, INT32) if x.dtype == INT8 or x.dtype == INT16 else x


cdef TensorBase narrowed(TensorBase y, int dtype):
    """A result of computed(x) in x's dtype; one that is bool, int64 or a float as it is."""
    return to_dtype(y, dtype) if y.dtype == INT32 else y


# ---- Promotion

cdef int promote_dtypes(int x, int y) except -1:
    """The larger one, but for int8 with uint8, float16 with bfloat16, and unsigned integers."""
    cdef int larger = max(x, y), smaller = min(x, y)
    if larger == INT8 and smaller == UINT8:
        return INT16
    if larger == BFLOAT16 and smaller == FLOAT16:
        return FLOAT32
    if UINT16 <= larger <= UINT64 and smaller != larger:
        raise RuntimeError("Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
                           f"{DTYPE_NAMES[x]} and {DTYPE_NAMES[y]}: call .long() or .float() first")
    return larger


cdef int promote(TensorBase a, TensorBase b) except -1:
    """The promoted dtype, but a 0-d operand counts only if its category (bool, integer, float) is larger."""
    cdef int x = a.dtype
    cdef int y = b.dtype
    if x == y:
        return x
    if (a.ndim == 0) != (b.ndim == 0):
        if a.ndim == 0 and category(x) <= category(y):
            return y
        if b.ndim == 0 and category(y) <= category(x):
            return x
    return promote_dtypes(x, y)


def promoted_dtype(type1, type2):
    """The dtype of the sum of two tensors of these dtypes; RuntimeError for uint16, uint32 or uint64 and another integer.

    >>> promoted_dtype(tinygrad_c.int64, tinygrad_c.float32)
    torch.float32
    """
    return DTYPES[promote_dtypes(dtype_code(type1), dtype_code(type2))]


def result_dtype_of(a, b):
    """The dtype of a + b, for tensors and numbers.

    >>> result_dtype_of(tinygrad_c.tensor([1, 2]), 2.5)
    torch.float32
    """
    return DTYPES[promote(as_operand(a, b, "result_type(): argument 'tensor1' (position 1)"),
                          as_operand(b, a, "result_type(): argument 'tensor2' (position 2)"))]


def category_of(dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats."""
    return category(dtype_code(dtype))


# ---- Operations on dtypes without kernels

cdef TensorBase unary_lacking(int r, TensorBase x, double p0, double p1):
    if is_stored(x.dtype) and ROWS[r].kind == KIND_BOOLS:       # isnan, isinf: exact in float32
        return unary(r, to_dtype(x, FLOAT32), p0, p1)
    return narrowed(unary(r, computed(x, row_name(r)), p0, p1), x.dtype)


cdef TensorBase binary_scalar_lacking(int r, TensorBase x, object number):
    return narrowed(binary_scalar(r, computed(x, row_name(r)), number), x.dtype)


cdef TensorBase binary_lacking(int r, TensorBase a, TensorBase b, int dtype):
    """a and b are first converted to their common dtype: a 0-d operand loses its high bits, as in PyTorch."""
    cdef int exact = INT64 if dtype <= UINT64 else FLOAT32
    a, b = to_dtype(a, dtype), to_dtype(b, dtype)
    if is_stored(dtype) and (r == ROW_EQ or r == ROW_NE):
        return binary(r, to_dtype(a, exact), to_dtype(b, exact))
    return narrowed(binary(r, computed(a, row_name(r)), computed(b, row_name(r))), dtype)


cdef TensorBase movable(TensorBase a):
    """The same bits in a dtype whose elements the kernel of `where` moves."""
    cdef TensorBase out = view_of(a, a.data, a.ndim, a.shape, a.stride)
    cdef Py_ssize_t size = itemsize(a.dtype)
    out.dtype = UINT8 if size == 1 else INT16 if size == 2 else INT32 if size == 4 else INT64
    return to_dtype(out, INT32) if size == 2 else out


cdef TensorBase moved(TensorBase y, int dtype):
    """The new tensor y, computed from movable ones, as what it is."""
    if itemsize(dtype) == 2:
        y = to_dtype(y, INT16)
    y.dtype = dtype
    return y


# ---- Conversions in two steps

cdef int intermediate(int source, int target) noexcept:
    """A dtype to which and from which there are kernels, where there is none from source to target."""
    if source == FLOAT16 or source == BFLOAT16 or source == UINT64 and target >= FLOAT16:
        return FLOAT32
    if source == INT8 or source == INT16:
        return INT32
    if is_stored(source):
        return INT64
    return INT32 if target == INT8 or target == INT16 else FLOAT32 if target >= FLOAT16 else INT64


cdef int copy_between(TensorBase out, TensorBase source) except -1:
    cdef TensorBase middle = empty(intermediate(source.dtype, out.dtype), source.ndim, source.shape)
    copy_into(middle, source)
    return copy_into(out, middle)
