"""Reductions: sum, mean, prod, var, std, norm, max, min, argmax, argmin, all, any, cumsum.

    reduced(op, x, mask)      the forward pass of all: see x as (outer, reduced, inner), or copy it so; run the kernel, and
                              again on its own results while they are pieces
    spread(g, ..., mask)      the other way: a view that repeats g over the reduced dimensions; the gradient of sum
"""
from collections import namedtuple

from libc.string cimport memcpy

from tinygrad_c.array cimport dtype_code, itemsize
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise cimport *
from tinygrad_c.ops.index cimport put_along
from tinygrad_c.tape cimport *

cdef enum:
    ROW_PIECE = 8192            # elements of a piece along the memory, and
    COLUMN_PIECE = 512          # across it: at most so many are added in a row (kernels/reduce.pxi)

TYPE_NAMES = ("Bool", "Byte", "Int", "Long", "Float", "Double")
max_result = namedtuple("max", ["values", "indices"])
min_result = namedtuple("min", ["values", "indices"])


# ---- Dimensions

cdef int wrap_dim(object dim, int ndim) except -1:
    cdef Py_ssize_t d
    cdef int n = ndim if ndim > 0 else 1        # a 0-d tensor takes dim 0 and -1, as if it had one
    if isinstance(dim, bool) or not hasattr(dim, "__index__"):
        raise TypeError(f"dim must be int, not {type(dim).__name__}")
    d = dim.__index__()
    if d < -n or d >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
    return <int> (d + n if d < 0 else d)


cdef unsigned int dims_mask(object dim, int ndim) except? 0:
    cdef unsigned int mask = 0, bit
    if dim is None:
        return (<unsigned int> 1 << ndim) - 1
    if not isinstance(dim, (tuple, list)):
        return <unsigned int> 1 << wrap_dim(dim, ndim) if ndim > 0 else wrap_dim(dim, 0)
    if not dim:
        return (<unsigned int> 1 << ndim) - 1   # torch's meaning of an empty tuple
    for d in dim:
        bit = <unsigned int> 1 << wrap_dim(d, ndim)
        if mask & bit:
            raise RuntimeError(f"dim {wrap_dim(d, ndim)} appears multiple times in the list of dims")
        mask |= bit
    return mask if ndim > 0 else 0


cdef inline bint is_in(unsigned int mask, int d) noexcept:
    return (mask >> d) & 1


cdef Py_ssize_t count_over(TensorBase x, unsigned int mask) noexcept:
    """How many elements one result is made of."""
    cdef Py_ssize_t n = 1
    cdef int d
    for d in range(x.ndim):
        if is_in(mask, d):
            n *= x.shape[d]
    return n


cdef TensorBase empty_reduced(int dtype, TensorBase x, unsigned int mask, bint keepdim):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d, ndim = 0
    for d in range(x.ndim):
        if keepdim or not is_in(mask, d):
            shape[ndim] = 1 if is_in(mask, d) else x.shape[d]
            ndim += 1
    return empty(dtype, ndim, shape)


# ---- Forward

cdef bint lies_ready(TensorBase x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) noexcept:
    """Whether x's memory is, in order and without gaps, (outer, n, inner), the reduced dimensions in the middle, and the others
    in the order that the result has."""
    cdef int[MAX_NDIM] order
    cdef int d, i, used = 0, stage = 0, last_kept = -1
    cdef Py_ssize_t expected = 1
    for d in range(x.ndim):                     # the dimensions by falling stride: insertion sort
        if x.shape[d] != 1:
            if x.stride[d] <= 0:
                return False
            i = used
            while i > 0 and x.stride[order[i - 1]] < x.stride[d]:
                order[i] = order[i - 1]
                i -= 1
            order[i] = d
            used += 1
    for i in range(used - 1, -1, -1):
        if x.stride[order[i]] != expected:
            return False
        expected *= x.shape[order[i]]
    outer[0] = n[0] = inner[0] = 1
    for i in range(used):
        d = order[i]
        if is_in(mask, d):
            if stage == 2:
                return False
            stage = 1
            n[0] *= x.shape[d]
            continue
        if d < last_kept:
            return False
        last_kept = d
        if stage == 0:
            outer[0] *= x.shape[d]
        else:
            stage = 2
            inner[0] *= x.shape[d]
    return True


cdef TensorBase arranged(TensorBase x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner):
    """x, or a copy of it, that lies as (outer, n, inner)."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int d, i = 0
    cdef TensorBase turned
    if lies_ready(x, mask, outer, n, inner):
        return x
    outer[0] = n[0] = inner[0] = 1
    for kept in (True, False):
        for d in range(x.ndim):
            if is_in(mask, d) != kept:
                shape[i] = x.shape[d]
                stride[i] = x.stride[d]
                i += 1
                if kept:
                    outer[0] *= x.shape[d]
                else:
                    n[0] *= x.shape[d]
    turned = alias(x)
    memcpy(turned.shape, shape, x.ndim * sizeof(Py_ssize_t))
    memcpy(turned.stride, stride, x.ndim * sizeof(Py_ssize_t))
    turned.contiguous = False
    return copy_of(turned)


cdef TensorBase reduced(int op, TensorBase x, unsigned int mask, bint keepdim):
    """Not recorded. Nothing to reduce gives 0, for PROD 1; callers have refused it for MAX and MIN."""
    cdef Py_ssize_t outer = 1, n = x.numel, inner = 1, pieces
    cdef bint widens = x.dtype < FLOAT32 and (op == SUM or op == PROD or op == SQUARES)
    cdef TensorBase out, target
    cdef Call call
    if mask == (<unsigned int> 1 << x.ndim) - 1 and not keepdim:
        out = empty(INT64 if widens else x.dtype, 0, NULL)
    else:
        out = empty_reduced(INT64 if widens else x.dtype, x, mask, keepdim)
    if out.numel == 0:
        return out
    if x.numel == 0:
        copy_into(out, scalar_tensor(1 if op == PROD else 0, out.dtype))
        return out
    if not x.contiguous or mask != (<unsigned int> 1 << x.ndim) - 1:
        x = arranged(x, mask, &outer, &n, &inner)
    call.ndim = 3
    call.n_operands = 2
    while True:
        call.param[0].i = ROW_PIECE if inner == 1 else COLUMN_PIECE
        pieces = (n + call.param[0].i - 1) // call.param[0].i
        target = out if pieces == 1 else flat(out.dtype, outer * pieces * inner)
        call.kernel = kernels(x.dtype).reduce[op]
        call.units = rows_units(outer, n) if inner == 1 and n <= SHORT_ROW else \
            outer * pieces * ((inner + COLUMN_STRIP - 1) // COLUMN_STRIP)
        call.work = outer * n * inner // 6 + call.units * 4
        call.shape[0] = outer
        call.shape[1] = n
        call.shape[2] = inner
        call.operand[0].data = target.data
        call.operand[0].itemsize = itemsize(target.dtype)
        call.operand[1].data = x.data
        call.operand[1].itemsize = itemsize(x.dtype)
        run(&call)
        if pieces == 1:
            return out
        x = target
        n = pieces
        if op == SQUARES:
            op = SUM


cdef inline Py_ssize_t rows_units(Py_ssize_t rows, Py_ssize_t n) noexcept:
    """Short rows are taken together."""
    return (rows + ROW_BLOCK - 1) // ROW_BLOCK if n <= SHORT_ROW else rows


cdef TensorBase flat(int dtype, Py_ssize_t n):
    return empty(dtype, 1, &n)


# ---- What undoes a reduction

cdef int spread_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, sum_over(g, <unsigned int> node.param[0].i, node.param[1].i))

cdef Rule SPREAD = Rule(b"ExpandBackward0", spread_backward)


cdef TensorBase spread(TensorBase g, int ndim, const Py_ssize_t* shape, unsigned int mask, bint keepdim):
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    cdef Node node
    cdef int d, i = 0
    for d in range(ndim):
        if is_in(mask, d):
            stride[d] = 0
            i += keepdim
        else:
            stride[d] = g.stride[i]
            i += 1
    out = view_of(g, g.data, ndim, shape, stride)
    if recording(g):
        node = record(&SPREAD, out, g)
        node.param[0].i = mask
        node.param[1].i = keepdim
    return out


cdef TensorBase spread_like(Node node, TensorBase g):
    """g stretched to the shape of a reduction's input: param[0] is its mask, param[1] its keepdim."""
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    input_shape(node, 0, &ndim, shape)
    return spread(g, ndim, shape, <unsigned int> node.param[0].i, node.param[1].i)


cdef Node record_reduction(const Rule* rule, TensorBase out, TensorBase x, unsigned int mask, bint keepdim):
    cdef Node node = record(rule, out, x)
    node.param[0].i = mask
    node.param[1].i = keepdim
    return node


cdef TensorBase sum_to(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape):
    """g summed over what broadcasting repeated, so that it has the given shape; then cast."""
    cdef unsigned int leading = 0, ones = 0
    cdef int d, extra = g.ndim - ndim
    for d in range(g.ndim):
        if d < extra:
            leading |= <unsigned int> 1 << d
        elif shape[d - extra] == 1 and g.shape[d] != 1:
            ones |= <unsigned int> 1 << d
    if leading and not ones:
        g = sum_over(g, leading, False)
    elif leading and ones == ((<unsigned int> 1 << g.ndim) - 1) & ~leading and ndim == 0:
        g = sum_over(g, leading, False)
    else:
        if ones:
            g = sum_over(g, ones, True)
        if leading:
            g = sum_over(g, leading, False)
    return to_dtype(g, dtype)


register_ops(add_tensors, add_into, sum_to, clone)


# ---- sum, mean

cdef int sum_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, spread_like(node, g))

cdef Rule SUM_RULE = Rule(b"SumBackward0", sum_backward)


cdef TensorBase sum_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(SUM, x, mask, keepdim)
    if recording(x):
        record_reduction(&SUM_RULE, out, x, mask, keepdim)
    return out


cdef object pick(object dim, object axis):
    if axis is None:
        return dim
    if dim is not None:
        raise TypeError("got both dim and axis, which mean the same: give one")
    return axis


def sum(input, dim=None, keepdim=False, *, axis=None, dtype=None):
    """The sum of all elements, or over the dimensions in `dim`. Sums of integers are int64.

    input: any shape; dim: int, tuple of ints, or None for all. A reduced dimension goes away, or has size 1 with keepdim=True.
    Raises IndexError for a dim that is not there.

    >>> sum(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 0)
    tensor([4., 6.])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    return sum_over(x, dims_mask(pick(dim, axis), x.ndim), keepdim)


cdef int mean_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, spread_like(node, with_number(ROW_DIV_NUMBER, g, node.param[2].f)))

cdef Rule MEAN_RULE = Rule(b"MeanBackward0", mean_backward)


cdef TensorBase mean_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(SUM, x, mask, keepdim)
    cdef double n = <double> count_over(x, mask)
    cdef Node node
    if out.numel == 1 and x.dtype == FLOAT32:
        (<float*> out.data)[0] = <float> ((<float*> out.data)[0] / n)
    else:
        out = with_number(ROW_DIV_NUMBER, out, n)
    if recording(x):
        node = record_reduction(&MEAN_RULE, out, x, mask, keepdim)
        node.param[2].f = n
    return out


cdef TensorBase need_float(TensorBase x, str name):
    if x.dtype < FLOAT32:
        raise RuntimeError(f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex "
                           f"dtype. Got: {TYPE_NAMES[x.dtype]}. Call .float() first.")
    return x


def mean(input, dim=None, keepdim=False, *, axis=None, dtype=None):
    """The mean of all elements, or over the dimensions in `dim`; of none, NaN.

    Raises RuntimeError for integers, IndexError for a dim that is not there.

    >>> mean(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 1)
    tensor([1.5000, 3.5000])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    return mean_over(need_float(x, "mean"), dims_mask(pick(dim, axis), x.ndim), keepdim)


# ---- prod

cdef int prod_backward(Walk walk, Node node, TensorBase g) except -1:
    # dx[i] = g * the product of the others: y / x[i] without zeros; with one zero, only its own is not 0.
    cdef TensorBase x = saved(node, 0)
    cdef unsigned int mask = <unsigned int> node.param[0].i
    cdef TensorBase zero = binary(ROW_EQ, x, 0)
    cdef TensorBase rest = where_(zero, 1, x)
    cdef TensorBase others = binary(ROW_DIV, spread_like(node, prod_over(rest, mask, node.param[1].i)), rest)
    cdef TensorBase zeros_elsewhere = binary(ROW_SUB, reduced(SUM, zero, mask, True), to_dtype(zero, INT64))
    others = where_(binary(ROW_EQ, zeros_elsewhere, 0), others, 0)
    return walk.give(node, 0, binary(ROW_MUL, spread_like(node, g), others))

cdef Rule PROD_RULE = Rule(b"ProdBackward0", prod_backward)


cdef TensorBase prod_over(TensorBase x, unsigned int mask, bint keepdim):
    cdef TensorBase out = reduced(PROD, x, mask, keepdim)
    if recording(x):
        save(record_reduction(&PROD_RULE, out, x, mask, keepdim), 0, x)
    return out


def prod(input, dim=None, keepdim=False, *, axis=None, dtype=None):
    """The product of all elements, or over one dimension; of none, 1. Products of integers are int64.

    >>> prod(tinygrad_c.tensor([2., 3., 4.]))
    tensor(24.)
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    return prod_over(x, dims_mask(pick(dim, axis), x.ndim), keepdim)


# ---- var, std, norm: with y = sqrt(v), dv = dy / (2 y), and 0 where y is 0

cdef int var_backward(Walk walk, Node node, TensorBase g) except -1:
    # v = sum((x - mean)^2) / freedom;  dx = dv * 2 / freedom * (x - mean)
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase centered = binary(ROW_SUB, x, mean_over(x, <unsigned int> node.param[0].i, True))
    cdef double factor = 2
    if node.param[3].i:
        g = over_root(walk, node, g)
        factor = 1
    g = with_number(ROW_DIV_NUMBER, with_number(ROW_MUL_NUMBER, g, factor), node.param[2].f)
    return walk.give(node, 0, binary(ROW_MUL, spread_like(node, g), centered))

cdef Rule VAR_RULE = Rule(b"VarBackward0", var_backward)
cdef Rule STD_RULE = Rule(b"StdBackward0", var_backward)


cdef TensorBase over_root(Walk walk, Node node, TensorBase g):
    """g / y, and 0 where y is 0: y has a corner there."""
    cdef TensorBase y = output(walk, node)
    cdef TensorBase flat_there = binary(ROW_EQ, y, 0)
    return where_(flat_there, 0, binary(ROW_DIV, g, where_(flat_there, 1, y)))


cdef TensorBase variance(object input, object dim, object unbiased, object correction, bint keepdim, object axis, bint root):
    cdef TensorBase x = need_float(as_tensor(input, "argument 'input' (position 1)"), "std" if root else "var")
    cdef TensorBase out
    cdef unsigned int mask
    cdef double freedom
    cdef Node node
    if isinstance(dim, bool):           # var(x, False): the second argument is `unbiased` then
        unbiased, dim = dim, None
    if unbiased is not None:
        if correction is not None:
            raise TypeError("got both unbiased and correction: unbiased=False is correction=0")
        correction = 1 if unbiased else 0
    mask = dims_mask(pick(dim, axis), x.ndim)
    freedom = count_over(x, mask) - <double> (1 if correction is None else correction)
    if freedom <= 0:
        import warnings
        warnings.warn(f"{'std' if root else 'var'}(): degrees of freedom is <= 0: {count_over(x, mask)} elements with "
                      f"correction {1 if correction is None else correction}. The result is NaN or infinite.", stacklevel=2)
        freedom = 0
    before = set_grad(False)
    try:
        out = reduced(SQUARES, binary(ROW_SUB, x, mean_over(x, mask, True)), mask, keepdim)
        out = with_number(ROW_DIV_NUMBER, out, freedom)
        if root:
            out = unary(ROW_SQRT, out, 0, 0)
    finally:
        set_grad(before)
    if recording(x):
        node = record_reduction(&STD_RULE if root else &VAR_RULE, out, x, mask, keepdim)
        node.param[2].f = freedom
        node.param[3].i = root
        save(node, 0, x)
        if root:
            save_output(node, out)
    return out


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None):
    """The variance, sum((x - mean)^2) / (n - correction), of all elements or over the dimensions in `dim`.

    correction is 1 unless it is given or unbiased=False, which makes it 0. Raises RuntimeError for integers.

    >>> var(tinygrad_c.tensor([1., 2., 3., 4.]))
    tensor(1.6667)
    """
    return variance(input, dim, unbiased, correction, keepdim, axis, False)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None):
    """The standard deviation, sqrt(var(...)); its gradient is 0 where it is 0.

    >>> std(tinygrad_c.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """
    return variance(input, dim, unbiased, correction, keepdim, axis, True)


cdef int norm_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, binary(ROW_MUL, spread_like(node, over_root(walk, node, g)), saved(node, 0)))

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


def norm(input, p="fro", dim=None, keepdim=False, *, axis=None, dtype=None):
    """The p-norm, sum(|x|^p)^(1/p), of all elements or over the dimensions in `dim`; p=2 unless given, inf for max(|x|).

    The gradient is 0 where the norm is 0. Raises RuntimeError for integers.

    >>> norm(tinygrad_c.tensor([3., 4.]))
    tensor(5.)
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef unsigned int mask
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    x = need_float(x, "linalg.vector_norm")
    mask = dims_mask(pick(dim, axis), x.ndim)
    if p is None or p == "fro" or p == 2:
        return norm_over(x, mask, keepdim)
    p = float(p)
    if p == 0:
        return to_dtype(reduced(SUM, binary(ROW_NE, x, 0), mask, keepdim), x.dtype)
    x = unary(ROW_ABS, x, 0, 0)
    if p == 1:
        return sum_over(x, mask, keepdim)
    if p == float("inf"):
        return extreme_over(MAX, x, mask, keepdim, "norm")
    if p == -float("inf"):
        return extreme_over(MIN, x, mask, keepdim, "norm")
    return power(sum_over(power(x, p), mask, keepdim), 1 / p)


# ---- max and min of several dimensions: ties share the gradient evenly

cdef int extreme_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase hit = to_dtype(binary(ROW_EQ, x, spread_like(node, output(walk, node))), x.dtype)
    cdef TensorBase ties = reduced(SUM, hit, <unsigned int> node.param[0].i, node.param[1].i)
    return walk.give(node, 0, binary(ROW_MUL, spread_like(node, binary(ROW_DIV, g, ties)), hit))

cdef Rule MAX_RULE = Rule(b"MaxBackward1", extreme_backward)
cdef Rule MIN_RULE = Rule(b"MinBackward1", extreme_backward)
cdef Rule AMAX_RULE = Rule(b"AmaxBackward0", extreme_backward)
cdef Rule AMIN_RULE = Rule(b"AminBackward0", extreme_backward)


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
            node = record_reduction(&MAX_RULE if op == MAX else &MIN_RULE, out, x, mask, keepdim)
        else:
            node = record_reduction(&AMAX_RULE if op == MAX else &AMIN_RULE, out, x, mask, keepdim)
        save(node, 0, x)
        save_output(node, out)
    return out


def amax(input, dim=(), keepdim=False, *, axis=None):
    """The largest element over the dimensions in `dim` (all by default); NaN if there is one. Ties share the gradient evenly.

    >>> amax(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([5., 4.])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return extreme_over(MAX, x, dims_mask(dim if axis is None else axis, x.ndim), keepdim, "amax")


def amin(input, dim=(), keepdim=False, *, axis=None):
    """The smallest element over the dimensions in `dim` (all by default); NaN if there is one. Ties share the gradient evenly.

    >>> amin(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([1., 3.])
    """
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
    """The values; where they are is written into index, which has the result's shape."""
    cdef TensorBase values = empty(x.dtype, index.ndim, index.shape)
    cdef Call call
    if index.numel == 0:
        return values
    if x.numel == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
    x = arranged(x, <unsigned int> 1 << dim, &call.shape[0], &call.shape[1], &call.shape[2])
    call.kernel = kernels(x.dtype).arg_max if op == MAX else kernels(x.dtype).arg_min
    call.ndim = 3
    call.n_operands = 3
    call.units = rows_units(call.shape[0], call.shape[1]) if call.shape[2] == 1 else call.shape[0]
    call.work = x.numel // 2 + call.units * 10
    call.operand[0].data = values.data
    call.operand[0].itemsize = itemsize(x.dtype)
    call.operand[1].data = x.data
    call.operand[1].itemsize = itemsize(x.dtype)
    call.operand[2].data = index.data
    run(&call)
    return values


cdef int along_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    input_shape(node, 0, &ndim, shape)
    return walk.give(node, 0, put_along(g, saved(node, 1), ndim, shape, <int> node.param[0].i, node.param[1].i))

cdef Rule MAX_ALONG = Rule(b"MaxBackward0", along_backward)
cdef Rule MIN_ALONG = Rule(b"MinBackward0", along_backward)


cdef tuple extreme_along(int op, TensorBase x, object dim, bint keepdim, str name):
    cdef int d = wrap_dim(dim, x.ndim)
    cdef TensorBase index = empty_reduced(INT64, x, <unsigned int> 1 << d, keepdim)
    cdef TensorBase values = arg_reduced(op, x, d, keepdim, index, name)
    cdef Node node
    if x.dtype >= FLOAT32 and recording(x):
        node = record(&MAX_ALONG if op == MAX else &MIN_ALONG, values, x)
        node.param[0].i = d
        node.param[1].i = keepdim
        save(node, 1, index)
    return values, index


def max(input, dim=None, keepdim=False, *, other=None, axis=None):
    """The largest element; max(x, dim) gives (values, indices) along one dimension; max(a, b) is maximum(a, b).

    NaN counts as the largest. The gradient of the whole maximum is shared evenly among ties; along a dimension it goes to
    the index, the first of ties. Raises RuntimeError if there is no element.

    >>> values, indices = max(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    >>> values, indices
    (tensor([5., 4.]), tensor([1, 1]))
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    dim = pick(dim, axis)
    if isinstance(dim, TensorBase) or other is not None:
        return binary(ROW_MAXIMUM, x, dim if other is None else other)
    if dim is None:
        return extreme_over(MAX, x, dims_mask(None, x.ndim), False, "max")
    return max_result(*extreme_along(MAX, x, dim, keepdim, "max"))


def min(input, dim=None, keepdim=False, *, other=None, axis=None):
    """The smallest element; min(x, dim) gives (values, indices) along one dimension; min(a, b) is minimum(a, b). See max.

    >>> min(tinygrad_c.tensor([3., 1., 2.]))
    tensor(1.)
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    dim = pick(dim, axis)
    if isinstance(dim, TensorBase) or other is not None:
        return binary(ROW_MINIMUM, x, dim if other is None else other)
    if dim is None:
        return extreme_over(MIN, x, dims_mask(None, x.ndim), False, "min")
    return min_result(*extreme_along(MIN, x, dim, keepdim, "min"))


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
    d = wrap_dim(dim, x.ndim)
    index = empty_reduced(INT64, x, <unsigned int> 1 << d, keepdim)
    arg_reduced(op, x, d, keepdim, index, name)
    return index


def argmax(input, dim=None, keepdim=False, *, axis=None):
    """Where the largest element is, first of ties: along `dim`, or in the flattened tensor. int64.

    >>> argmax(tinygrad_c.tensor([[1., 5.], [3., 4.]]), 1)
    tensor([1, 1])
    """
    return arg_extreme(MAX, input, pick(dim, axis), keepdim, "argmax")


def argmin(input, dim=None, keepdim=False, *, axis=None):
    """Where the smallest element is, first of ties: along `dim`, or in the flattened tensor. int64.

    >>> argmin(tinygrad_c.tensor([3., 1., 2.]))
    tensor(1)
    """
    return arg_extreme(MIN, input, pick(dim, axis), keepdim, "argmin")


# ---- all, any, cumsum

cdef TensorBase truth_over(int op, object input, object dim, bint keepdim):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase out
    cdef unsigned int mask = dims_mask(dim, x.ndim)
    if x.dtype != BOOL:
        x = binary(ROW_NE, x, 0)
    if x.numel == 0:
        out = empty_reduced(BOOL, x, mask, keepdim)
        copy_into(out, scalar_tensor(op == MIN, BOOL))
        return out
    return reduced(op, x, mask, keepdim)


def all(input, dim=None, keepdim=False, *, axis=None):
    """Whether all elements are true (not 0), altogether or over the dimensions in `dim`.

    >>> all(tinygrad_c.tensor([True, False]))
    tensor(False)
    """
    return truth_over(MIN, input, pick(dim, axis), keepdim)


def any(input, dim=None, keepdim=False, *, axis=None):
    """Whether any element is true (not 0), altogether or over the dimensions in `dim`.

    >>> any(tinygrad_c.tensor([True, False]))
    tensor(True)
    """
    return truth_over(MAX, input, pick(dim, axis), keepdim)


cdef int cumsum_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, cumsum_along(g, <int> node.param[0].i, not node.param[1].i))

cdef Rule CUMSUM_RULE = Rule(b"CumsumBackward0", cumsum_backward)


cdef TensorBase cumsum_along(TensorBase x, int dim, bint reverse):
    cdef TensorBase out = empty(x.dtype if x.dtype >= FLOAT32 else INT64, x.ndim, x.shape)
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef Call call
    cdef Node node
    if x.numel > 0:
        around(source, dim, &call.shape[0], &call.shape[1], &call.shape[2])
        call.kernel = kernels(x.dtype).cumsum
        call.ndim = 3
        call.n_operands = 2
        call.units = call.shape[0]
        call.work = x.numel
        call.param[0].i = reverse
        call.operand[0].data = out.data
        call.operand[1].data = source.data
        call.operand[1].itemsize = itemsize(x.dtype)
        run(&call)
    if x.dtype >= FLOAT32 and recording(x):
        node = record(&CUMSUM_RULE, out, x)
        node.param[0].i = dim
        node.param[1].i = reverse
    return out


def cumsum(input, dim, *, dtype=None):
    """Running sums along a dimension: out[i] = x[0] + ... + x[i]. Of integers, int64.

    >>> cumsum(tinygrad_c.tensor([1., 2., 3.]), 0)
    tensor([1., 3., 6.])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    return cumsum_along(x, wrap_dim(dim, x.ndim), False)
