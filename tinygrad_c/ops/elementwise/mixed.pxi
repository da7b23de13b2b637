"""Rows of several tensors with a number: lerp, addcmul, addcdiv, a + alpha * b; nan_to_num; part of elementwise.pyx.

The rows take tensors of one float dtype; other dtypes are computed by the rows of two tensors.
"""


cdef bint alike(TensorBase a, TensorBase b) noexcept:
    return a.dtype == b.dtype and a.dtype >= FLOAT32


cdef TensorBase scaled_sum(TensorBase a, TensorBase b, object alpha, TensorBase out):
    """a + alpha * b for tensors of one float dtype."""
    return pair(ROW_ADD_SCALED, a, b, alpha, out)


cdef TensorBase pair(int r, TensorBase a, TensorBase b, double number, TensorBase out):
    """A row of two tensors with a number."""
    cdef Scalar[2] param
    param[0].f, param[1].f = number, 0
    return binary_launch(&ROWS[r], r, a, b, param, out)


cdef TensorBase mixed(int r, TensorBase a, TensorBase b, TensorBase c, double number, TensorBase out):
    """A row of three tensors of one float dtype; written into `out`, which has the broadcast shape, unless that is None."""
    cdef Row* row = &ROWS[r]
    cdef PyObject* inputs[3]
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Scalar[1] param
    cdef int ndim, slot, saves
    cdef Node node
    param[0].f = number
    if out is None:
        if same_shape(a, b) and same_shape(a, c):
            out = empty(a.dtype, a.ndim, a.shape)
            if not a.contiguous:
                copy_layout(out, a)
        else:
            broadcast_shapes(a, b, &ndim, shape)
            out = empty(a.dtype, ndim, shape)
            broadcast_shapes(out, c, &ndim, shape)
            if ndim != out.ndim or not shapes_equal(out, ndim, shape):
                out = empty(a.dtype, ndim, shape)
    # Compute: no Python code runs from here on.
    inputs[0], inputs[1], inputs[2] = <PyObject*> a, <PyObject*> b, <PyObject*> c
    launch(kernel_of(row, a.dtype), kernels(a.dtype), out, 3, inputs, param, row.n_params, cost(row))
    if recording(a) or recording(b) or recording(c):
        node = record3(&row.rule, out, a, b, c)
        node.op = r
        node.param[0].f = number
        saves = ((row.saves[0] if node.edge0 is not None else 0) | (row.saves[1] if node.edge1 is not None else 0)
                 | (row.saves[2] if node.edge2 is not None else 0))
        for slot in range(3):
            if saves & (SAVES_INPUT0 << slot):
                save(node, slot, a if slot == 0 else b if slot == 1 else c)
    return out


cdef bint writes_directly(TensorBase a, TensorBase b) except -1:
    """Whether an in-place op may write a while it reads b, and records nothing. Raises if b's shape is not one that broadcasts
    to a's."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    if not alike(a, b) or recording(a) or recording(b) or overlaps(a, b):
        return False
    broadcast_shapes(a, b, &ndim, shape)
    if not shapes_equal(a, ndim, shape):
        raise RuntimeError(f"output with shape {list(shape_of(a))} doesn't match the broadcast shape "
                           f"{[shape[d] for d in range(ndim)]}")
    return True


cdef TensorBase mixed_(int r, TensorBase a, TensorBase b, TensorBase c, double number):
    """The same in place; None if it must be computed apart and then copied."""
    check_inplace(a)
    if not (writes_directly(a, b) and writes_directly(a, c)):
        return None
    mixed(r, a, b, c, number, a)
    mark_written(a)
    return a


# ---- Sums of products

cdef TensorBase added_product(object input, object first, object second, object value, bint quotient):
    """input + value * first * second, or value * first / second."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(first, "argument 'tensor1' (position 2)")
    cdef TensorBase c = as_tensor(second, "argument 'tensor2' (position 3)")
    cdef TensorBase product
    if quotient and b.dtype < FLOAT32 and c.dtype < FLOAT32:
        raise RuntimeError("Integer division with addcdiv is no longer supported: call .float() on tensor1")
    if alike(a, b) and alike(a, c):
        return mixed(ROW_ADDCDIV if quotient else ROW_ADDCMUL, a, b, c, value, None)
    product = binary(ROW_DIV if quotient else ROW_MUL, b, c)
    return named(binary(ROW_ADD, a, product if value == 1 else mul(product, value)),
                 b"AddcdivBackward0" if quotient else b"AddcmulBackward0")


cdef TensorBase added_product_(object input, object first, object second, object value, bint quotient):
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(first, "argument 'tensor1' (position 2)")
    cdef TensorBase c = as_tensor(second, "argument 'tensor2' (position 3)")
    cdef TensorBase out = mixed_(ROW_ADDCDIV if quotient else ROW_ADDCMUL, a, b, c, value)
    if out is None:
        out = assign_inplace(a, added_product(own_copy(a, b, c), b, c, value, quotient))
    return out


cdef TensorBase own_copy(TensorBase a, TensorBase b, TensorBase c):
    """a, or if something is recorded a copy: the rule may save it, and a is overwritten."""
    return clone(a) if recording(a) or recording(b) or recording(c) else a


def addcmul(input, tensor1, tensor2, *, value=1, out=None):
    """input + value * tensor1 * tensor2.

    >>> tinygrad_c.addcmul(tinygrad_c.tensor([1.]), tinygrad_c.tensor([2.]), tinygrad_c.tensor([3.]), value=0.5)
    tensor([4.])
    """
    result = added_product(input, tensor1, tensor2, value, False)
    return result if out is None else into_out(result, out)


def addcmul_(input, tensor1, tensor2, *, value=1):
    """addcmul in place."""
    return added_product_(input, tensor1, tensor2, value, False)


def addcdiv(input, tensor1, tensor2, *, value=1, out=None):
    """input + value * tensor1 / tensor2. RuntimeError if both are integers.

    >>> tinygrad_c.addcdiv(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([6., 8.]), tinygrad_c.tensor([2., 4.]), value=10)
    tensor([31., 22.])
    """
    result = added_product(input, tensor1, tensor2, value, True)
    return result if out is None else into_out(result, out)


def addcdiv_(input, tensor1, tensor2, *, value=1):
    """addcdiv in place."""
    return added_product_(input, tensor1, tensor2, value, True)


# ---- Between two tensors

cdef TensorBase only_float(object input, str name):
    """The tensor. NotImplementedError for integers and bools."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    if a.dtype < FLOAT32:
        raise NotImplementedError(f"\"{name}\" not implemented for '{DTYPE_NAMES[a.dtype]}': call .float() first")
    return a


cdef TensorBase of_dtype(object other, int dtype, str name, int position):
    """The tensor. RuntimeError if it has another dtype."""
    cdef TensorBase a = as_tensor(other, f"argument '{name}' (position {position})")
    if a.dtype != dtype and a is other:
        raise RuntimeError(f"expected dtype {DTYPE_NAMES[dtype].lower()} for `{name}` but got dtype "
                           f"{DTYPE_NAMES[a.dtype].lower()}")
    return to_dtype(a, dtype)


cdef TensorBase between(object input, object end, object weight, bint write):
    cdef TensorBase a = only_float(input, "lerp")
    cdef TensorBase b = of_dtype(end, a.dtype, "end", 2)
    cdef TensorBase c
    if is_number(weight):
        if not write:
            return pair(ROW_LERP_NUMBER, a, b, weight, None)
        check_inplace(a)
        if not writes_directly(a, b):
            return assign_inplace(a, pair(ROW_LERP_NUMBER, own_copy(a, b, b), b, weight, None))
        pair(ROW_LERP_NUMBER, a, b, weight, a)
        mark_written(a)
        return a
    c = of_dtype(weight, a.dtype, "weight", 3)
    if not write:
        return mixed(ROW_LERP, a, b, c, 0, None)
    if mixed_(ROW_LERP, a, b, c, 0) is None:
        assign_inplace(a, mixed(ROW_LERP, own_copy(a, b, c), b, c, 0, None))
    return a


def lerp(input, end, weight, *, out=None):
    """input + weight * (end - input): from input, at weight 0, to end, at weight 1.

    >>> tinygrad_c.lerp(tinygrad_c.tensor([0., 10.]), tinygrad_c.tensor([10., 20.]), 0.25)
    tensor([ 2.5000, 12.5000])
    """
    result = between(input, end, weight, False)
    return result if out is None else into_out(result, out)


def lerp_(input, end, weight):
    """lerp in place."""
    return between(input, end, weight, True)


# ---- Numbers in place of NaN and infinity

cdef int nonfinite_params(Scalar* param, int dtype, object nan, object posinf, object neginf) except -1:
    cdef double largest = 3.4028234663852886e38 if dtype == FLOAT32 else 1.7976931348623157e308
    param[0].f = 0.0 if nan is None else nan
    param[1].f = largest if posinf is None else posinf
    param[2].f = -largest if neginf is None else neginf
    return 0


def nan_to_num(input, nan=0.0, posinf=None, neginf=None, *, out=None):
    """input with NaN replaced by `nan`, infinity by `posinf` and -infinity by `neginf` (None: the dtype's limits).

    >>> tinygrad_c.nan_to_num(tinygrad_c.tensor([float("nan"), float("inf")]), nan=0.0, posinf=9.0)
    tensor([0., 9.])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef Scalar[3] param
    if out is not None:
        return into_out(nan_to_num(input, nan, posinf, neginf), out)
    if is_stored(x.dtype):
        raise no_arithmetic(x.dtype, "nan_to_num")
    if x.dtype < FLOAT32:
        return clone(x)
    nonfinite_params(param, x.dtype, nan, posinf, neginf)
    return unary_launch(&ROWS[ROW_REPLACE_NONFINITE], ROW_REPLACE_NONFINITE, x, param)


def nan_to_num_(input, nan=0.0, posinf=None, neginf=None):
    """nan_to_num in place."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef Scalar[3] param
    check_inplace(x)
    if is_stored(x.dtype):
        raise no_arithmetic(x.dtype, "nan_to_num")
    if x.dtype < FLOAT32:
        return x
    nonfinite_params(param, x.dtype, nan, posinf, neginf)
    if recording(x):
        return assign_inplace(x, unary_launch(&ROWS[ROW_REPLACE_NONFINITE], ROW_REPLACE_NONFINITE, x, param))
    return overwrite(ROW_REPLACE_NONFINITE, x, param)
