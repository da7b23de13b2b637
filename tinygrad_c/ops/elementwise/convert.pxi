"""Python numbers as 0-d tensors, copies and casts; part of elementwise.pyx."""


# ---- Dtypes and numbers

cdef bint is_number(object a) noexcept:
    return type(a) is float or type(a) is int or type(a) is bool


cdef TensorBase scalar_tensor(object number, int dtype):
    cdef TensorBase out = empty(dtype, 0, NULL)
    put_number(out.data, dtype, number)
    if recorder != NULL:
        record_constant(out.data, itemsize(dtype))
    return out


cdef int put_number(char* to, int dtype, object number) except -1:
    """Store a Python number as that dtype. For integers the fraction is dropped; RuntimeError if the number is out of range."""
    cdef uint64_t bits
    if dtype == FLOAT32:
        (<float*> to)[0] = number
    elif dtype == FLOAT64:
        (<double*> to)[0] = number
    elif dtype == BOOL:
        (<unsigned char*> to)[0] = bool(number)
    elif dtype >= FLOAT16:
        (<uint16_t*> to)[0] = to_half(number) if dtype == FLOAT16 else to_bfloat(number)
    else:
        try:
            whole = int(number)
            if dtype == INT64:
                (<int64_t*> to)[0] = whole
            elif dtype == INT32:
                (<int*> to)[0] = whole
            else:
                if not is_signed(dtype) and -largest_unsigned(dtype) <= whole < 0:      # as in torch, -1 is the largest
                    whole += largest_unsigned(dtype) + 1
                if not fits(whole, dtype):
                    raise OverflowError
                bits = whole & 0xFFFFFFFFFFFFFFFF
                put_bits(to, itemsize(dtype), bits)
        except (OverflowError, ValueError):     # ValueError: NaN
            raise RuntimeError(f"value cannot be converted to type {(<object> DTYPES[dtype]).name} without overflow: "
                               f"{number}") from None
    return 0


cdef inline void put_bits(char* to, Py_ssize_t size, uint64_t bits) noexcept:
    if size == 1:
        (<uint8_t*> to)[0] = <uint8_t> bits
    elif size == 2:
        (<uint16_t*> to)[0] = <uint16_t> bits
    elif size == 4:
        (<uint32_t*> to)[0] = <uint32_t> bits
    else:
        (<uint64_t*> to)[0] = bits


cdef inline bint is_signed(int dtype) noexcept:
    return INT8 <= dtype <= INT64 or dtype >= FLOAT16


cdef object largest_unsigned(int dtype):
    """2^bits - 1: the largest number, or the distance from the lowest to the largest."""
    return <uint64_t> 0xFFFFFFFFFFFFFFFF >> 64 - 8 * itemsize(dtype)


cdef bint fits(object number, int dtype) except -1:
    """Whether an int is in the range of an integer dtype; for bool and floats that of int64, in which it is compared."""
    if dtype == BOOL or dtype >= FLOAT16:
        dtype = INT64
    largest = largest_unsigned(dtype)
    if is_signed(dtype):
        return -largest // 2 <= number <= largest // 2
    return 0 <= number <= largest


cdef TensorBase as_tensor(object a, str what):
    if isinstance(a, TensorBase):
        if (<TensorBase> a).storage is None:
            raise RuntimeError(getattr(a, "_no_memory", "this tensor has no memory: create tensors with tinygrad_c.tensor()"))
        return <TensorBase> a
    if isinstance(a, bool):
        return scalar_tensor(a, BOOL)
    if isinstance(a, int):
        return scalar_tensor(a, INT64)
    if isinstance(a, float):
        return scalar_tensor(a, default_dtype())
    if hasattr(a, "item") and hasattr(a, "dtype") and getattr(a, "ndim", 1) == 0:      # a NumPy scalar
        return as_tensor(a.item(), what)
    hint = ": convert it with tinygrad_c.tensor(x) or from_numpy(x)" if hasattr(a, "__array__") else ""
    raise TypeError(f"{what} must be Tensor, not {type(a).__module__}.{type(a).__qualname__}{hint}"
                    if hint else f"{what} must be Tensor, not {type(a).__qualname__}")


cdef inline TensorBase as_operand(object a, object other, str what):
    """as_tensor, but a Python number gets the dtype of the other operand, unless its own category is larger."""
    if isinstance(a, TensorBase) and (<TensorBase> a).storage is not None:
        return <TensorBase> a
    return number_operand(a, other, what)


cdef TensorBase number_operand(object a, object other, str what):
    cdef int dtype
    if not is_number(a) or not isinstance(other, TensorBase):
        return as_tensor(a, what)
    dtype = (<TensorBase> other).dtype
    if type(a) is float and dtype < FLOAT16:
        dtype = default_dtype()
    elif type(a) is int and dtype == BOOL:
        dtype = INT64
    elif type(a) is int and dtype < INT32:      # as in torch, modulo 2^8 or 2^16
        return to_dtype(scalar_tensor(a, INT64), dtype)
    return scalar_tensor(a, dtype)


# ---- Copies and conversions

cdef int copy_into(TensorBase out, TensorBase source) except -1:
    cdef PyObject* inputs[1]
    cdef inner_t convert = cast(source.dtype, out.dtype)
    if convert == NULL and source.dtype != out.dtype:
        return copy_between(out, source)
    inputs[0] = <PyObject*> source
    launch(convert, kernels(out.dtype), out, 1, inputs, NULL, 0, 2)
    return 0


cdef TensorBase copy_of(TensorBase a):
    cdef TensorBase out = empty_like(a)
    copy_into(out, a)
    return out


cdef int convert_backward(BackwardPass back, Node node, TensorBase g) except -1:
    back.send_grad(node, 0, g)           # the backward pass casts g to the input's dtype
    return 0

cdef Rule CONVERT = Rule(b"ToCopyBackward0", convert_backward)


cdef TensorBase to_dtype(TensorBase a, int dtype):
    cdef TensorBase out
    if a.dtype == dtype:
        return a
    out = empty(dtype, a.ndim, a.shape)
    copy_into(out, a)
    if dtype >= FLOAT16 and recording(a):
        record(&CONVERT, out, a)
    return out


cdef TensorBase to_float(TensorBase a):
    return a if a.dtype >= FLOAT32 else to_dtype(computed(a, "to_float"), default_dtype())


cdef TensorBase clone(TensorBase a):
    cdef TensorBase out = copy_of(a)
    if recording(a):
        record(&CONVERT, out, a).label = b"CloneBackward0"
    return out


cdef TensorBase contiguous(TensorBase a):
    return a if a.contiguous else clone(a)


# ---- Copies, as functions

def clone_op(input):
    """A copy; gradients flow through it."""
    return clone(as_tensor(input, "argument 'input' (position 1)"))


def write(input, source):
    """Tensor.copy_: write source into input in place, broadcast and cast to input's dtype; recorded."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase b, y
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    b = scalar_tensor(source, a.dtype) if is_number(source) else as_tensor(source, "argument 'source' (position 2)")
    check_inplace(a)
    broadcast_shapes(a, b, &ndim, shape)
    if not shapes_equal(a, ndim, shape):
        raise RuntimeError(f"output with shape {list(shape_of(a))} doesn't match the broadcast shape "
                           f"{[shape[d] for d in range(ndim)]}")
    if not recording(a) and not recording(b) and not overlaps(a, b):
        copy_into(a, b)
        mark_written(a)
        return a
    y = empty(a.dtype, a.ndim, a.shape)
    copy_into(y, b)
    if a.dtype >= FLOAT16 and (recording(a) or recording(b)):
        record2(&COPY, y, a, b)
    return assign_inplace(a, y)


cdef int copy_backward(BackwardPass back, Node node, TensorBase g) except -1:
    if back.needs(node, 0):         # the old value was overwritten: its gradient is 0
        back.send_grad(node, 0, zeros(node.dtype, node.ndim, node.shape))
    back.send_grad(node, 1, g)
    return 0

cdef Rule COPY = Rule(b"CopyBackwards", copy_backward)
