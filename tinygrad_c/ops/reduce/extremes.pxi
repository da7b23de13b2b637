"""max, min, amax, amin, argmax, argmin, cummax, cummin; part of reduce.pyx."""


# ---- max and min over several dimensions: ties share the gradient evenly

cdef int extreme_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = (x == y) * g / the number of ties
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase hit = to_dtype(binary(ROW_EQ, x, expand_reduced_as(node, output(back, node))), x.dtype)
    cdef TensorBase ties = reduced(SUM, hit, <unsigned int> node.param[NODE_MASK].i, node.param[NODE_KEEPDIM].i)
    return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced_as(node, binary(ROW_DIV, g, ties)), hit))


cdef int whole_extreme_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """dx = g / the number of ties where x == y, else 0. If y is NaN, the NaN elements of x are the ties. `where` keeps a NaN in
    g from the other elements."""
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase y = output(back, node)
    cdef double extreme = (<float*> y.data)[0] if y.dtype == FLOAT32 else (<double*> y.data)[0]
    cdef TensorBase hit
    if recorder != NULL:            # the next step's y may be NaN
        hit = where_(binary(ROW_EQ, y, y), binary(ROW_EQ, x, y), binary(ROW_NE, x, x))
    else:
        hit = binary(ROW_EQ, x, y) if extreme == extreme else binary(ROW_NE, x, x)
    cdef TensorBase ties = reduced(SUM, to_dtype(hit, x.dtype), <unsigned int> node.param[NODE_MASK].i,
                                   node.param[NODE_KEEPDIM].i)
    return back.send_grad(node, 0, where_(hit, expand_reduced_as(node, binary(ROW_DIV, g, ties)), 0))

cdef Rule MAX_RULE = Rule(b"MaxBackward1", whole_extreme_backward)
cdef Rule AMAX_RULE = Rule(b"AmaxBackward0", extreme_backward)


cdef TensorBase extreme_over(int op, TensorBase x, unsigned int mask, bint keepdim, str name):
    cdef TensorBase out
    cdef Node node
    cdef bint whole = name == "max" or name == "min"
    if x.numel == 0 and (mask == 0 or count_over(x, mask) == 0):
        raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
                           "dim with the 'dim' argument.") if whole else \
            IndexError(f"{name}(): Expected reduction dim to have non-zero size: an empty tensor has no largest or smallest "
                       "element")
    out = reduced(op, x, mask, keepdim)
    if x.dtype >= FLOAT32 and recording(x):
        if whole:
            node = record_reduction(&MAX_RULE, out, x, mask, keepdim)
        else:
            node = record_reduction(&AMAX_RULE, out, x, mask, keepdim)
        if op != MAX:
            node.label = b"MinBackward1" if whole else b"AminBackward0"
        save(node, 0, x)
        save_output(node, out)
    return out


def amax(input, dim=(), keepdim=False, *, axis=None, keepdims=None, out=None):
    """The maximum over the dimensions in `dim` (all by default); NaN if any is NaN. Ties share the gradient evenly.

    >>> tinygrad_c.amax(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([5., 4.])
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(amax(input, dim, keepdim, axis=axis), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return extreme_over(MAX, x, dims_mask(dim if axis is None else axis, x.ndim), keepdim, "amax")


def amin(input, dim=(), keepdim=False, *, axis=None, keepdims=None, out=None):
    """The minimum over the dimensions in `dim` (all by default); NaN if any is NaN. Ties share the gradient evenly.

    >>> tinygrad_c.amin(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([1., 3.])
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(amin(input, dim, keepdim, axis=axis), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return extreme_over(MIN, x, dims_mask(dim if axis is None else axis, x.ndim), keepdim, "amin")


# ---- max and min along one dimension, with indices: the gradient goes to the index

cdef void around(TensorBase x, int dim, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) noexcept:
    cdef int d
    outer[0] = n[0] = inner[0] = 1
    for d in range(x.ndim):
        if d < dim:
            outer[0] *= x.shape[d]
        elif d == dim:
            n[0] = x.shape[d]
        else:
            inner[0] *= x.shape[d]


cdef TensorBase arg_reduced(int op, TensorBase x, int dim, bint keepdim, TensorBase index, str name):
    """The extreme values along dim; their indices are written to `index`, which has the result's shape."""
    cdef TensorBase values
    cdef Call call
    if lacks_kernels(x.dtype):
        return narrowed(arg_reduced(op, computed(x, name), dim, keepdim, index, name), x.dtype)
    values = empty(x.dtype, index.ndim, index.shape)
    if x.ndim and x.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
    if index.numel == 0:
        return values
    x = arranged(x, <unsigned int> 1 << dim, &call.shape[0], &call.shape[1], &call.shape[2])
    call.kernel = kernels(x.dtype).arg_max if op == MAX else kernels(x.dtype).arg_min
    call.ndim = 3
    call.n_operands = 3
    call.units = rows_units(call.shape[0], call.shape[1]) if call.shape[2] == 1 else call.shape[0]
    call.work = x.numel // 8 + call.units * 10
    call.operand[0].data = values.data
    call.operand[0].itemsize = itemsize(x.dtype)
    call.operand[1].data = x.data
    call.operand[1].itemsize = itemsize(x.dtype)
    call.operand[2].data = index.data
    run(&call)
    return values


cdef int along_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = g at the index of the extreme, else 0
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    input_shape(node, 0, &ndim, shape)
    return back.send_grad(node, 0, put_along(g, saved(node, 1), ndim, shape, <int> node.param[NODE_DIM].i,
                                             node.param[NODE_KEEPDIM].i))

cdef Rule MAX_ALONG = Rule(b"MaxBackward0", along_backward)


cdef tuple extreme_along(int op, TensorBase x, object dim, bint keepdim, str name):
    cdef int d = parse_dim(dim, x.ndim)
    cdef TensorBase index = empty_reduced(INT64, x, <unsigned int> 1 << d, keepdim)
    cdef TensorBase values = arg_reduced(op, x, d, keepdim, index, name)
    cdef Node node
    if x.dtype >= FLOAT32 and recording(x):
        node = record(&MAX_ALONG, values, x)
        if op != MAX:
            node.label = b"MinBackward0"
        node.param[NODE_DIM].i = d
        node.param[NODE_KEEPDIM].i = keepdim
        save(node, 1, index)
    return values, index


# ---- cummax, cummin

ctypedef fused number:
    uint8_t
    int32_t
    int64_t
    float
    double


cdef void running_extremes(const number* x, number* y, int64_t* index, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                           bint largest) noexcept nogil:
    cdef Py_ssize_t o, r, i
    cdef number best
    cdef int64_t at
    for o in range(outer):
        if inner == 1:
            best, at = x[0], 0
            for r in range(n):
                # written as `not <`, so that NaN replaces a number; of equal elements, the index of the last
                if (not x[r] < best if largest else not x[r] > best) and (best == best or x[r] != x[r]):
                    best, at = x[r], r
                y[r] = best
                index[r] = at
        else:
            for i in range(inner):
                y[i] = x[i]
                index[i] = 0
            for r in range(1, n):
                for i in range(inner):
                    best = y[(r - 1) * inner + i]
                    if (not x[r * inner + i] < best if largest else not x[r * inner + i] > best) and \
                            (best == best or x[r * inner + i] != x[r * inner + i]):
                        y[r * inner + i] = x[r * inner + i]
                        index[r * inner + i] = r
                    else:
                        y[r * inner + i] = best
                        index[r * inner + i] = index[(r - 1) * inner + i]
        x += n * inner
        y += n * inner
        index += n * inner


def cumulative_extreme(input, dim, bint largest):
    """cummax or cummin along dim: (values, indices). The index is that of the last tie; after a NaN, all values are NaN."""
    cdef TensorBase given = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase x = computed(given, "cummax" if largest else "cummin")
    cdef int d = parse_dim(dim, x.ndim)
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef TensorBase values = empty(x.dtype, x.ndim, x.shape), index = empty(INT64, x.ndim, x.shape)
    cdef int64_t* to = <int64_t*> index.data
    cdef Py_ssize_t outer, n, inner
    cdef Node node
    around(source, d, &outer, &n, &inner)
    refuse(b"cummax and cummin are computed in Python")
    if x.numel == 0:
        pass
    elif x.dtype == FLOAT32:
        running_extremes(<const float*> source.data, <float*> values.data, to, outer, n, inner, largest)
    elif x.dtype == FLOAT64:
        running_extremes(<const double*> source.data, <double*> values.data, to, outer, n, inner, largest)
    elif x.dtype == INT64:
        running_extremes(<const int64_t*> source.data, <int64_t*> values.data, to, outer, n, inner, largest)
    elif x.dtype == INT32:
        running_extremes(<const int32_t*> source.data, <int32_t*> values.data, to, outer, n, inner, largest)
    else:
        running_extremes(<const uint8_t*> source.data, <uint8_t*> values.data, to, outer, n, inner, largest)
    if x.dtype >= FLOAT32 and recording(x):
        node = record(&MAX_ALONG, values, x)
        node.label = b"CummaxBackward0" if largest else b"CumminBackward0"
        node.param[NODE_DIM].i = d
        node.param[NODE_KEEPDIM].i = True
        save(node, 1, index)
    return (values if given.dtype == x.dtype else to_dtype(values, given.dtype)), index


def max(input, dim=None, keepdim=False, *, other=None, axis=None, keepdims=None, out=None):
    """The largest element; max(x, dim) returns (values, indices) along one dimension; max(a, b) is maximum(a, b).

    NaN if any is NaN. The gradient of max(x) is shared evenly among ties; that of max(x, dim) goes to the index, which is the
    first of ties. Raises RuntimeError if there are no elements.

    >>> tinygrad_c.max(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    torch.return_types.max(
    values=tensor([5., 4.]),
    indices=tensor([1, 1]))
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(max(input, dim, keepdim, other=other, axis=axis), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    dim = pick(dim, axis)
    if isinstance(dim, TensorBase) or other is not None:
        return binary(ROW_MAXIMUM, x, dim if other is None else other)
    if dim is None:
        return extreme_over(MAX, x, dims_mask(None, x.ndim), False, "max")
    return max_result(extreme_along(MAX, x, dim, keepdim, "max"))


def min(input, dim=None, keepdim=False, *, other=None, axis=None, keepdims=None, out=None):
    """The smallest element; min(x, dim) returns (values, indices) along one dimension; min(a, b) is minimum(a, b). See max.

    >>> tinygrad_c.min(tinygrad_c.tensor([3., 1., 2.]))
    tensor(1.)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(min(input, dim, keepdim, other=other, axis=axis), out)
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    dim = pick(dim, axis)
    if isinstance(dim, TensorBase) or other is not None:
        return binary(ROW_MINIMUM, x, dim if other is None else other)
    if dim is None:
        return extreme_over(MIN, x, dims_mask(None, x.ndim), False, "min")
    return min_result(extreme_along(MIN, x, dim, keepdim, "min"))


cdef TensorBase arg_extreme(int op, object input, object dim, bint keepdim, str name):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase index, y
    cdef int d
    if dim is None:
        if x.numel == 0:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        index = empty_reduced(INT64, x, dims_mask(None, x.ndim), keepdim)
        y = alias(x if x.contiguous else copy_of(x))
        y.ndim = 1
        y.shape[0] = y.numel
        y.stride[0] = 1
        arg_reduced(op, y, 0, keepdim, index, name)
        return index
    d = parse_dim(dim, x.ndim)
    index = empty_reduced(INT64, x, <unsigned int> 1 << d, keepdim)
    arg_reduced(op, x, d, keepdim, index, name)
    return index


def argmax(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """The index of the maximum, the first of ties: along `dim`, or in the flattened tensor; int64.

    >>> tinygrad_c.argmax(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([1, 1])
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(argmax(input, dim, keepdim, axis=axis), out)
    return arg_extreme(MAX, input, pick(dim, axis), keepdim, "argmax")


def argmin(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """The index of the minimum, the first of ties: along `dim`, or in the flattened tensor; int64.

    >>> tinygrad_c.argmin(tinygrad_c.tensor([3., 1., 2.]))
    tensor(1)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(argmin(input, dim, keepdim, axis=axis), out)
    return arg_extreme(MIN, input, pick(dim, axis), keepdim, "argmin")
