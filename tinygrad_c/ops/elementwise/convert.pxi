"""Python numbers as 0-d tensors, dtype promotion, copies and casts; part of elementwise.pyx."""


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
    if dtype == FLOAT32:
        (<float*> to)[0] = number
    elif dtype == FLOAT64:
        (<double*> to)[0] = number
    elif dtype == BOOL:
        (<unsigned char*> to)[0] = bool(number)
    else:
        try:
            whole = int(number)
            if dtype == INT64:
                (<int64_t*> to)[0] = whole
            elif dtype == INT32:
                (<int*> to)[0] = whole
            else:
                (<unsigned char*> to)[0] = whole + 256 if -256 < whole < 0 else whole
        except (OverflowError, ValueError):     # ValueError: NaN
            raise RuntimeError(f"value cannot be converted to type {(<object> DTYPES[dtype]).name} without overflow: "
                               f"{number}") from None
    return 0


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
    if type(a) is float and dtype < FLOAT32:
        dtype = default_dtype()
    elif type(a) is int and dtype == BOOL:
        dtype = INT64
    return scalar_tensor(a, dtype)


cdef int promote(TensorBase a, TensorBase b) noexcept:
    """The promoted dtype: the larger one, but a 0-d operand counts only if its category (bool, integer, float) is larger."""
    cdef int x = a.dtype
    cdef int y = b.dtype
    if x == y:
        return x
    if (a.ndim == 0) != (b.ndim == 0):
        if a.ndim == 0 and category(x) <= category(y):
            return y
        if b.ndim == 0 and category(y) <= category(x):
            return x
    return max(x, y)


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


# ---- Copies and conversions

cdef int copy_into(TensorBase out, TensorBase source) except -1:
    cdef PyObject* inputs[1]
    inputs[0] = <PyObject*> source
    launch(cast(source.dtype, out.dtype), kernels(out.dtype), out, 1, inputs, NULL, 0, 2)
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
    if dtype >= FLOAT32 and recording(a):
        record(&CONVERT, out, a)
    return out


cdef TensorBase to_float(TensorBase a):
    return a if a.dtype >= FLOAT32 else to_dtype(a, default_dtype())


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
    if a.dtype >= FLOAT32 and (recording(a) or recording(b)):
        record2(&COPY, y, a, b)
    return assign_inplace(a, y)


cdef int copy_backward(BackwardPass back, Node node, TensorBase g) except -1:
    if back.needs(node, 0):         # the old value was overwritten: its gradient is 0
        back.send_grad(node, 0, zeros(node.dtype, node.ndim, node.shape))
    back.send_grad(node, 1, g)
    return 0

cdef Rule COPY = Rule(b"CopyBackwards", copy_backward)
