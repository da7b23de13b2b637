"""Results written into existing tensors: in-place ops and out=; part of elementwise.pyx."""


# ---- In place

cdef void extent(TensorBase a, char** low, char** high) noexcept:
    """The address range of a's elements: `low` is the first byte, `high` the one after the last."""
    cdef Py_ssize_t step
    low[0] = a.data
    high[0] = a.data + itemsize(a.dtype)
    for d in range(a.ndim):
        step = (a.shape[d] - 1) * a.stride[d] * itemsize(a.dtype)
        if step < 0:
            low[0] += step
        else:
            high[0] += step


cdef bint overlaps(TensorBase out, TensorBase a) noexcept:
    """Whether a and out overlap in memory, unless each element of a is the same element of out. Storages on external memory
    (NumPy arrays) may overlap, so their addresses are compared."""
    cdef int d
    cdef char* low
    cdef char* high
    cdef char* a_low
    cdef char* a_high
    if out.storage is not a.storage:
        if (out.storage.owner is None and a.storage.owner is None) or out.numel == 0 or a.numel == 0:
            return False
        extent(out, &low, &high)
        extent(a, &a_low, &a_high)
        if high <= a_low or a_high <= low:
            return False
    if out.data != a.data or not same_shape(out, a):
        return True
    for d in range(out.ndim):
        if out.stride[d] != a.stride[d]:
            return True
    return False


cdef TensorBase assign_inplace(TensorBase x, TensorBase y):
    """Write y, computed from x, into x, and give x the history of y: the last step of a recorded in-place op."""
    cdef Node node = y._grad_fn
    cdef TensorBase old
    if not same_shape(x, y):
        raise RuntimeError(f"output with shape {list(shape_of(x))} doesn't match the broadcast shape {list(shape_of(y))}")
    if category(y.dtype) > category(x.dtype):
        raise RuntimeError(f"result type {DTYPE_NAMES[y.dtype]} can't be cast to the desired output type "
                           f"{DTYPE_NAMES[x.dtype]}: write x = x + y, or call .float() on x first")
    if node is not None:
        if y.dtype != x.dtype:
            y = to_dtype(y, x.dtype)
            node = y._grad_fn
        if node.saved0 is x or node.saved1 is x:        # the rule needs the old value of x, which is overwritten below
            old = copy_of(x)
            old._grad_fn = x._grad_fn
            if node.saved0 is x:
                save(node, 0, old)
            if node.saved1 is x:
                save(node, 1, old)
    copy_into(x, y)
    if node is not None:
        set_history(x, node)
    mark_written(x)
    return x


cdef TensorBase overwrite(int r, TensorBase x, const Scalar* param):
    """x = f(x), written directly: not recorded, and f has x's dtype."""
    cdef PyObject* inputs[1]
    cdef Row* row = &ROWS[r]
    inputs[0] = <PyObject*> x
    launch(kernel_of(row, x.dtype), kernels(x.dtype), x, 1, inputs, param, row.n_params, cost(row))
    mark_written(x)
    return x


cdef TensorBase unary_(int r, object input, double p0, double p1):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef Scalar[2] param
    check_inplace(x)
    if (ROWS[r].kind == KIND_BOOLS or x.dtype == BOOL or (x.dtype < FLOAT32 and ROWS[r].kind != KIND_NUMBERS)
            or lacks_kernels(x.dtype) or recording(x)):
        return assign_inplace(x, unary(r, x, p0, p1))
    set_params(param, x.dtype, p0, p1)
    return overwrite(r, x, param)


cdef TensorBase binary_scalar_(int r, TensorBase x, object number):
    cdef Scalar[2] param
    check_inplace(x)
    if x.dtype < FLOAT32 or recording(x):
        return assign_inplace(x, binary_scalar(r, x, number))
    param[0].f = number
    return overwrite(r, x, param)


cdef TensorBase binary_(int r, TensorBase a, object other):
    cdef TensorBase b
    cdef Row* row = &ROWS[r]
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    check_inplace(a)
    b = as_tensor(other, "argument 'other' (position 2)")
    if a.dtype != b.dtype or a.dtype < FLOAT32 or row.composed or recording(a) or recording(b) or overlaps(a, b):
        return assign_inplace(a, binary(r, a, b))
    broadcast_shapes(a, b, &ndim, shape)
    if not shapes_equal(a, ndim, shape):
        raise RuntimeError(f"output with shape {list(shape_of(a))} doesn't match the broadcast shape "
                           f"{[shape[d] for d in range(ndim)]}")
    binary_launch(row, r, a, b, NULL, a)
    mark_written(a)
    return a


# ---- out=, and in-place variants of composed functions

def into_out(result, out):
    """Write the result of f(..., out=out) into `out`, resized to the result's shape if needed, and return `out`.

    If f returns several results, `out` is a tuple of as many tensors. Raises RuntimeError, before anything is written, if a
    gradient would be lost or the result's dtype cannot be cast to that of `out`. Warns if an `out` with elements is resized.
    """
    cdef TensorBase y, o
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"argument 'out' must be tuple of {len(result)} Tensors, not {type(out).__name__}")
        return type(result)([into_out(each, to) for each, to in zip(result, out)])
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    y, o = result, out
    if recording(y) or recording(o):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the arguments "
                           "requires grad: omit out=, or write the line inside `with no_grad():`")
    if category(y.dtype) > category(o.dtype):
        raise RuntimeError(f"result type {DTYPE_NAMES[y.dtype]} can't be cast to the desired output type "
                           f"{DTYPE_NAMES[o.dtype]}: pass an `out` of another dtype")
    check_inplace(o)
    if not same_shape(o, y):
        if o.numel:
            warn(f"An output with one or more elements was resized since it had shape {list(shape_of(o))}, which does not "
                 f"match the required output shape {list(shape_of(y))}: pass an `out` of that shape, or empty(0).")
        replace_storage(o, 0)
        allocate_into(o, o.dtype, y.ndim, y.shape)
    copy_into(o, y)
    mark_written(o)
    return o


def in_place(function):
    """The in-place variant of a composed function: it writes the result into its first argument."""
    def variant(input, *args, **kwargs):
        cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
        cdef bint recorded = recording(x)
        check_inplace(x)
        for each in (*args, *kwargs.values()):
            recorded = recorded or (isinstance(each, TensorBase) and recording(each))
        # If recorded, the function may save its input for the gradient: then it gets a copy.
        return assign_inplace(x, <TensorBase?> function(clone(x) if recorded else x, *args, **kwargs))
    variant.__name__ = variant.__qualname__ = function.__name__ + "_"
    variant.__doc__ = function.__name__ + " in place: the tensor is overwritten and returned."
    variant.__module__ = function.__module__
    return variant
