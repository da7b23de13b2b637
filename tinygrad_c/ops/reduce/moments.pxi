"""var, std, norm; part of reduce.pyx. The gradient of y = sqrt(v) is dv = dy / (2 y), here 0 where y is 0."""

cdef enum:                  # node.param, after those of every reduction
    NODE_FREEDOM = 2        # degrees of freedom: the divisor of the sum of squares
    NODE_ROOT = 3           # 1 for std, 0 for var


cdef int var_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # v = sum((x - mean)^2) / freedom;  dx = dv * 2 / freedom * (x - mean);  for y = sqrt(v): dv = dy / (2 y)
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase centered = binary(ROW_SUB, x, mean_over(x, <unsigned int> node.param[NODE_MASK].i, True))
    cdef double factor = 2
    if node.param[NODE_ROOT].i:
        g = over_root(back, node, g)
        factor = 1
    g = binary_scalar(ROW_DIV_NUMBER, binary_scalar(ROW_MUL_NUMBER, g, factor), node.param[NODE_FREEDOM].f)
    return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced_as(node, g), centered))

cdef Rule VAR_RULE = Rule(b"VarBackward0", var_backward)


cdef TensorBase over_root(BackwardPass back, Node node, TensorBase g):
    """g / y, and 0 where y is 0: the square root has no derivative there."""
    cdef TensorBase y = output(back, node)
    cdef TensorBase zero = binary(ROW_EQ, y, 0)
    return where_(zero, 0, binary(ROW_DIV, g, where_(zero, 1, y)))


cdef TensorBase variance(object input, object dim, object unbiased, object correction, bint keepdim, object axis, bint root):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if x.dtype < FLOAT32:
        raise RuntimeError("std and var only support floating point and complex dtypes. Got: "
                           f"{DTYPE_NAMES[x.dtype]}. Call .float() first.")
    cdef TensorBase out
    cdef unsigned int mask
    cdef double freedom
    cdef Node node
    if isinstance(dim, bool):           # var(x, False) means var(x, unbiased=False)
        unbiased, dim = dim, None
    if unbiased is not None:
        if correction is not None:
            raise TypeError("got both unbiased and correction: unbiased=False is correction=0")
        correction = 1 if unbiased else 0
    mask = dims_mask(pick(dim, axis), x.ndim)
    freedom = count_over(x, mask) - <double> (1 if correction is None else correction)
    if freedom <= 0:
        from tinygrad_c._base.warn import warn
        warn(f"{'std' if root else 'var'}(): degrees of freedom is <= 0: {count_over(x, mask)} elements with correction "
             f"{1 if correction is None else correction}. The result is NaN or infinite.")
        freedom = 0
    before = set_grad(False)
    try:
        out = reduced(SQUARES, binary(ROW_SUB, x, mean_over(x, mask, True)), mask, keepdim)
        out = binary_scalar(ROW_DIV_NUMBER, out, freedom)
        if root:
            out = unary(ROW_SQRT, out, 0, 0)
    finally:
        set_grad(before)
    if recording(x):
        node = record_reduction(&VAR_RULE, out, x, mask, keepdim)
        node.param[NODE_FREEDOM].f = freedom
        node.param[NODE_ROOT].i = root
        save(node, 0, x)
        if root:
            node.label = b"StdBackward0"
            save_output(node, out)
    return out


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None, keepdims=None, out=None):
    """The variance, sum((x - mean)^2) / (n - correction), of all elements or over the dimensions in `dim`.

    correction is 1 by default; unbiased=False means correction=0. Raises RuntimeError for integers.

    >>> tinygrad_c.var(tinygrad_c.tensor([1., 2., 3., 4.]))
    tensor(1.6667)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(var(input, dim, unbiased, keepdim, correction=correction, axis=axis), out)
    return variance(input, dim, unbiased, correction, keepdim, axis, False)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None, keepdims=None, out=None):
    """The standard deviation, sqrt(var(...)); its gradient is 0 where it is 0.

    >>> tinygrad_c.std(tinygrad_c.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(std(input, dim, unbiased, keepdim, correction=correction, axis=axis), out)
    return variance(input, dim, unbiased, correction, keepdim, axis, True)


cdef int norm_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # y = sqrt(sum(x^2));  dx = g / y * x, and 0 where y is 0
    return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced_as(node, over_root(back, node, g)), saved(node, 0)))

cdef Rule NORM_RULE = Rule(b"LinalgVectorNormBackward0", norm_backward)


cdef TensorBase norm_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out
    cdef Node node
    before = set_grad(False)
    try:
        out = unary(ROW_SQRT, reduced(SQUARES, x, mask, keepdim), 0, 0)
    finally:
        set_grad(before)
    if recording(x):
        node = record_reduction(&NORM_RULE, out, x, mask, keepdim)
        save(node, 0, x)
        save_output(node, out)
    return out


def norm(input, p="fro", dim=None, keepdim=False, *, axis=None, keepdims=None, dtype=None, out=None):
    """The p-norm, sum(|x|^p)^(1/p), of all elements or over the dimensions in `dim`; p=2 by default; p=inf is max(|x|).

    The gradient is 0 where the norm is 0. Raises RuntimeError for integers.

    >>> tinygrad_c.norm(tinygrad_c.tensor([3., 4.]))
    tensor(5.)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(norm(input, p, dim, keepdim, axis=axis, dtype=dtype), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef unsigned int mask
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    if x.dtype < FLOAT32:
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                           f"{DTYPE_NAMES[x.dtype]}. Call .float() first.")
    mask = dims_mask(pick(dim, axis), x.ndim)
    if p is None or p == "fro" or p == 2:
        return norm_over(x, mask, keepdim)
    if isinstance(p, str):
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported here: use linalg.matrix_norm(x, {p!r}) for norms of "
                           "matrices")
    p = float(p)
    if p == 0:
        return sum_over(where_(binary(ROW_NE, x, 0), 1, binary_scalar(ROW_MUL_NUMBER, x, 0)), mask, keepdim)
    x = unary(ROW_ABS, x, 0, 0)
    if p == 1:
        return sum_over(x, mask, keepdim)
    if p == float("inf"):
        return extreme_over(MAX, x, mask, keepdim, "norm")
    if p == -float("inf"):
        return extreme_over(MIN, x, mask, keepdim, "norm")
    if p < 0:
        return power(sum_over(power(x, p), mask, keepdim), 1 / p)
    # the derivatives of x^p (p < 1) and y^(1/p) are infinite at 0: they are taken as 0 there
    zero = binary(ROW_EQ, x, 0)
    total = sum_over(where_(zero, 0, power(where_(zero, 1, x), p)), mask, keepdim)
    zero = binary(ROW_EQ, total, 0)
    return where_(zero, 0, power(where_(zero, 1, total), 1 / p))
