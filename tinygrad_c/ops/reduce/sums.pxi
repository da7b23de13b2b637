"""sum, mean, prod, cumsum; all and any; part of reduce.pyx."""


# ---- sum, mean

cdef int sum_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, expand_reduced_as(node, g))

cdef Rule SUM_RULE = Rule(b"SumBackward0", sum_backward)


cdef TensorBase sum_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(SUM, x, mask, keepdim)
    if recording(x):
        record_reduction(&SUM_RULE, out, x, mask, keepdim)
    return out


cdef inline TensorBase named_along(TensorBase out, object dim, const char* label):
    """Returns `out`; if dim was given, its node gets PyTorch's name for that overload."""
    return out if dim is None else named(out, label)


cdef object pick(object dim, object axis):
    if axis is None:
        return dim
    if dim is not None:
        raise TypeError("got both dim and axis, which mean the same: pass one")
    return axis


def sum(input, dim=None, keepdim=False, *, axis=None, keepdims=None, dtype=None, out=None):
    """The sum of all elements, or over the dimensions in `dim`. Sums of integers are int64.

    dim: int, tuple of ints, or None for all. Reduced dimensions are removed, or kept with size 1 if keepdim=True. Raises
    IndexError if a dim is out of range.

    >>> tinygrad_c.sum(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 0)
    tensor([4., 6.])
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(sum(input, dim, keepdim, axis=axis, dtype=dtype), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
        return to_dtype(sum_over(x, dims_mask(pick(dim, axis), x.ndim), keepdim), x.dtype)
    dim = pick(dim, axis)
    return named_along(sum_over(x, dims_mask(dim, x.ndim), keepdim), dim, b"SumBackward1")


cdef enum:                  # node.param
    NODE_COUNT = 2          # mean: the number of elements that are reduced to one
    NODE_REVERSE = 1        # cumsum: from the last element to the first


cdef int mean_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, expand_reduced_as(node, binary_scalar(ROW_DIV_NUMBER, g, node.param[NODE_COUNT].f)))

cdef Rule MEAN_RULE = Rule(b"MeanBackward0", mean_backward)


cdef TensorBase mean_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(SUM, x, mask, keepdim)
    cdef double n = <double> count_over(x, mask)
    cdef Node node
    if out.numel == 1 and x.dtype == FLOAT32:
        (<float*> out.data)[0] = <float> ((<float*> out.data)[0] / n)
        if recorder != NULL:
            record_division(out.data, sizeof(float), n)
    else:
        out = binary_scalar(ROW_DIV_NUMBER, out, n)
    if recording(x):
        node = record_reduction(&MEAN_RULE, out, x, mask, keepdim)
        node.param[NODE_COUNT].f = n
    return out


cdef TensorBase need_float(TensorBase x, str name):
    if x.dtype < FLOAT32:
        raise RuntimeError(f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex "
                           f"dtype. Got: {DTYPE_NAMES[x.dtype]}. Call .float() first.")
    return x


def mean(input, dim=None, keepdim=False, *, axis=None, keepdims=None, dtype=None, out=None):
    """The mean of all elements, or over the dimensions in `dim`; NaN if there are none.

    Raises RuntimeError for integers, IndexError if a dim is out of range.

    >>> tinygrad_c.mean(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 1)
    tensor([1.5000, 3.5000])
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(mean(input, dim, keepdim, axis=axis, dtype=dtype), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        if dtype_code(dtype) < FLOAT32:
            raise RuntimeError("mean(): could not infer output dtype. Optional dtype must be either a floating point or "
                               f"complex dtype. Got: {dtype}")
        x = to_dtype(x, dtype_code(dtype))
    dim = pick(dim, axis)
    return named_along(mean_over(need_float(x, "mean"), dims_mask(dim, x.ndim), keepdim), dim, b"MeanBackward1")


# ---- prod

cdef int prod_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx[i] = g * the product of the other elements: y / x[i] if no element is 0; if one is, only its own dx is not 0.
    cdef TensorBase x = saved(node, 0)
    cdef unsigned int mask = <unsigned int> node.param[NODE_MASK].i
    if x.ndim == 0:
        return back.send_grad(node, 0, g)
    cdef TensorBase zero = binary(ROW_EQ, x, 0)
    if recording(x) and any(zero):      # the second derivative at a 0 needs the product without division
        from tinygrad_c.ops.reduce.scan import products_of_others
        return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced_as(node, g), products_of_others(
            x, None if mask == (<unsigned int> 1 << x.ndim) - 1 else [d for d in range(x.ndim) if is_in(mask, d)][0])))
    cdef TensorBase rest = where_(zero, 1, x)
    cdef TensorBase others = binary(ROW_DIV, expand_reduced_as(node, prod_over(rest, mask, node.param[NODE_KEEPDIM].i)), rest)
    cdef TensorBase zeros_elsewhere = binary(ROW_SUB, reduced(SUM, zero, mask, True), to_dtype(zero, INT64))
    others = where_(binary(ROW_EQ, zeros_elsewhere, 0), others, 0)
    return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced_as(node, g), others))

cdef Rule PROD_RULE = Rule(b"ProdBackward0", prod_backward)


cdef TensorBase prod_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(PROD, x, mask, keepdim)
    if recording(x):
        save(record_reduction(&PROD_RULE, out, x, mask, keepdim), 0, x)
    return out


def prod(input, dim=None, keepdim=False, *, axis=None, keepdims=None, dtype=None, out=None):
    """The product of all elements, or over one dimension; 1 if there are none. Products of integers are int64.

    >>> tinygrad_c.prod(tinygrad_c.tensor([2., 3., 4.]))
    tensor(24.)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(prod(input, dim, keepdim, axis=axis, dtype=dtype), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
        return to_dtype(prod_over(x, dims_mask(pick(dim, axis), x.ndim), keepdim), x.dtype)
    dim = pick(dim, axis)
    return named_along(prod_over(x, dims_mask(dim, x.ndim), keepdim), dim, b"ProdBackward1")


# ---- all, any, cumsum

cdef TensorBase truth_over(int op, object input, object dim, bint keepdim):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out
    cdef unsigned int mask = dims_mask(dim, x.ndim)
    cdef bint of_bytes = x.dtype == UINT8       # as in PyTorch, uint8 is the one dtype whose result is not bool
    if x.dtype != BOOL:
        x = binary(ROW_NE, x, 0)
    if x.numel == 0:
        out = empty_reduced(BOOL, x, mask, keepdim)
        copy_into(out, scalar_tensor(op == MIN, BOOL))
    else:
        out = reduced(op, x, mask, keepdim)
    return to_dtype(out, UINT8) if of_bytes else out


def all(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """Whether all elements are nonzero, over all dimensions or those in `dim`.

    >>> tinygrad_c.all(tinygrad_c.tensor([True, False]))
    tensor(False)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(all(input, dim, keepdim, axis=axis), out)
    return truth_over(MIN, input, pick(dim, axis), keepdim)


def any(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """Whether any element is nonzero, over all dimensions or those in `dim`.

    >>> tinygrad_c.any(tinygrad_c.tensor([True, False]))
    tensor(True)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(any(input, dim, keepdim, axis=axis), out)
    return truth_over(MAX, input, pick(dim, axis), keepdim)


cdef int cumsum_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx[k] = sum over i >= k of g[i]
    return back.send_grad(node, 0, cumulated(g, <int> node.param[NODE_DIM].i, not node.param[NODE_REVERSE].i, False))


cdef int cumprod_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx[k] = sum over i >= k of g[i] * y[i] / x[k], unless an element is 0
    cdef TensorBase x = saved(node, 0)
    cdef int dim = node.param[NODE_DIM].i
    if x.ndim == 0 or x.numel == 0:
        return back.send_grad(node, 0, g)
    if any(binary(ROW_EQ, x, 0)):
        from tinygrad_c.ops.reduce.scan import product_gradient
        return back.send_grad(node, 0, product_gradient(g, x, dim))
    return back.send_grad(node, 0, binary(ROW_DIV, cumulated(binary(ROW_MUL, g, output(back, node)), dim, True, False), x))

cdef Rule CUMSUM_RULE = Rule(b"CumsumBackward0", cumsum_backward)
cdef Rule CUMPROD_RULE = Rule(b"CumprodBackward0", cumprod_backward)


cdef TensorBase cumulated(TensorBase x, int dim, bint reverse, bint product):
    cdef TensorBase out, source
    cdef Call call
    cdef Node node
    x = computed(x, "cumsum")
    out = empty(x.dtype if x.dtype >= FLOAT32 else INT64, x.ndim, x.shape)
    source = x if x.contiguous else copy_of(x)
    if x.numel > 0:
        around(source, dim, &call.shape[0], &call.shape[1], &call.shape[2])
        call.kernel = kernels(x.dtype).cumsum
        call.ndim = 3
        call.n_operands = 2
        call.units = call.shape[0]
        call.work = x.numel
        call.param[SCAN_REVERSE].i = reverse
        call.param[SCAN_PRODUCT].i = product
        call.operand[0].data = out.data
        call.operand[1].data = source.data
        call.operand[1].itemsize = itemsize(x.dtype)
        run(&call)
    if x.dtype >= FLOAT32 and recording(x):
        node = record(&CUMPROD_RULE if product else &CUMSUM_RULE, out, x)
        node.param[NODE_DIM].i = dim
        node.param[NODE_REVERSE].i = reverse
        if product:
            save(node, 0, x)
            save_output(node, out)
    return out


def cumsum(input, dim=None, *, axis=None, dtype=None, out=None):
    """Cumulative sums along a dimension: out[i] = x[0] + ... + x[i]; int64 for integers.

    >>> tinygrad_c.cumsum(tinygrad_c.tensor([1., 2., 3.]), 0)
    tensor([1., 3., 6.])
    """
    dim = pick(dim, axis)
    if dim is None:
        raise TypeError("cumsum() missing 1 required positional arguments: \"dim\"")
    if out is not None:
        return into_out(cumsum(input, dim, dtype=dtype), out)
    return cumulate(input, dim, dtype, False)


def cumprod(input, dim=None, *, axis=None, dtype=None, out=None):
    """Cumulative products along a dimension: out[i] = x[0] * ... * x[i]; int64 for integers.

    >>> tinygrad_c.cumprod(tinygrad_c.tensor([1., 2., 3.]), 0)
    tensor([1., 2., 6.])
    """
    dim = pick(dim, axis)
    if dim is None:
        raise TypeError("cumprod() missing 1 required positional arguments: \"dim\"")
    if out is not None:
        return into_out(cumprod(input, dim, dtype=dtype), out)
    return cumulate(input, dim, dtype, True)


cdef TensorBase cumulate(object input, object dim, object dtype, bint product):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
        return to_dtype(cumulated(x, parse_dim(dim, x.ndim), False, product), x.dtype)
    return cumulated(x, parse_dim(dim, x.ndim), False, product)
