"""Reductions: sum, mean, prod, var, std, norm, max, min, argmax, argmin, all, any, cumsum.

    reduced(op, x, mask)            the forward pass of all: arrange x as (outer, n, inner), run the kernel, and run it again
                                    on the partial results if n was split into pieces
    expand_reduced(g, ..., mask)    the backward of sum: a view that repeats g over the reduced dimensions
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from tinygrad_c.core.array cimport DTYPE_NAMES, dtype_code, itemsize
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, record_division, recorder, refuse, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.ops.indexing.index cimport put_along
from tinygrad_c.ops.shape.shape cimport parse_dim
from tinygrad_c.core.tape cimport *

from tinygrad_c.ops.arguments import results
from tinygrad_c.ops.elementwise.elementwise import into_out

cdef enum:
    ROW_PIECE = 8192            # at most that many elements are accumulated one after another, along the memory
    COLUMN_PIECE = 512          # and across it; the partial results are then reduced (kernels/simd/reduce.pxi)

max_result = results("max", "values", "indices")
min_result = results("min", "values", "indices")


# ---- Dimensions

cdef unsigned int dims_mask(object dim, int ndim) except? 0:
    cdef unsigned int mask = 0, bit, begun = begin_parse()
    cdef int place
    if dim is None:
        return (<unsigned int> 1 << ndim) - 1
    if not isinstance(dim, (tuple, list)):
        return <unsigned int> 1 << parse_dim(dim, ndim) if ndim > 0 else parse_dim(dim, 0)
    if not dim:
        return (<unsigned int> 1 << ndim) - 1   # as in PyTorch, () means all dimensions
    for d in dim:
        place = parse_dim(d, ndim)
        bit = <unsigned int> 1 << place
        if mask & bit:
            raise RuntimeError(f"dim {place} appears multiple times in the list of dims")
        mask |= bit
    end_parse(begun)
    return mask if ndim > 0 else 0


cdef inline bint is_in(unsigned int mask, int d) noexcept:
    return (mask >> d) & 1


cdef Py_ssize_t count_over(TensorBase x, unsigned int mask) noexcept:
    """The number of elements that are reduced to one."""
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

cdef bint has_layout(TensorBase x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) noexcept:
    """Whether x is dense in memory as (outer, n, inner): the reduced dimensions adjacent, and the others in the order of the
    result. Sets the three sizes."""
    cdef int[MAX_NDIM] order
    cdef int d, i, used = 0, stage = 0, last_kept = -1
    cdef Py_ssize_t expected = 1
    for d in range(x.ndim):                     # sort the dimensions by decreasing stride (insertion sort)
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
    """x, or a copy of it, with the layout (outer, n, inner)."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int d, i = 0
    cdef TensorBase turned
    if has_layout(x, mask, outer, n, inner):
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
    """The result of a reduction; not recorded. Of no elements it is 0, for PROD 1; callers raise for MAX and MIN."""
    cdef Py_ssize_t outer = 1, n = x.numel, inner = 1, pieces
    cdef bint widens = x.dtype < FLOAT32 and (op == SUM or op == PROD or op == SQUARES)
    cdef TensorBase out, target
    cdef Call call
    cdef unsigned int tail = 0
    cdef int d = x.ndim - 1
    if lacks_kernels(x.dtype):
        return narrowed(reduced(op, computed(x, "reduce"), mask, keepdim), x.dtype)
    while d >= 0 and (x.shape[d] == 1 or is_in(mask, d)):
        tail |= <unsigned int> (x.shape[d] > 1) << d
        d -= 1
    while d >= 0 and (x.shape[d] == 1 or not is_in(mask, d)):
        d -= 1
    if tail and d >= 0 and x.contiguous and x.numel > 0:    # not adjacent: reduce the last ones first, without a copy of x
        return reduced(SUM if op == SQUARES else op, reduced(op, x, tail, True), mask, keepdim)
    if mask == (<unsigned int> 1 << x.ndim) - 1 and not keepdim:
        out = empty(INT64 if widens else x.dtype, 0, NULL)
    else:
        out = empty_reduced(INT64 if widens else x.dtype, x, mask, keepdim)
    if out.numel == 0:
        return out
    if x.numel == 0:
        copy_into(out, scalar_tensor(1 if op == PROD else 0, out.dtype))
        return out
    if x.ndim == 2 and x.contiguous and mask == 1 and x.shape[0] > 1 and x.shape[1] > 1:    # a bias's gradient
        n, inner = x.shape[0], x.shape[1]
    elif not x.contiguous or mask != (<unsigned int> 1 << x.ndim) - 1:
        x = arranged(x, mask, &outer, &n, &inner)
    call.ndim = 3
    call.n_operands = 2
    while True:
        call.param[REDUCE_PIECE].i = ROW_PIECE if inner == 1 else COLUMN_PIECE
        pieces = (n + call.param[REDUCE_PIECE].i - 1) // call.param[REDUCE_PIECE].i
        target = out if pieces == 1 else flat(out.dtype, outer * pieces * inner)
        call.kernel = kernels(x.dtype).reduce[op]
        call.units = rows_units(outer, n) if inner == 1 and n <= SHORT_ROW else \
            outer * pieces * ((inner + COLUMN_STRIP - 1) // COLUMN_STRIP)
        call.work = outer * n * inner // 16 + call.units * 4
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
    """The number of units; short rows are grouped, ROW_BLOCK to a unit."""
    return (rows + ROW_BLOCK - 1) // ROW_BLOCK if n <= SHORT_ROW else rows


cdef TensorBase flat(int dtype, Py_ssize_t n):
    return empty(dtype, 1, &n)


# ---- Expansion, the backward of sum

cdef int expand_reduced_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, sum_over(g, <unsigned int> node.param[NODE_MASK].i, node.param[NODE_KEEPDIM].i))

cdef Rule EXPAND_REDUCED = Rule(b"ExpandBackward0", expand_reduced_backward)


cdef TensorBase expand_reduced(TensorBase g, int ndim, const Py_ssize_t* shape, unsigned int mask, bint keepdim):
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
        node = record(&EXPAND_REDUCED, out, g)
        node.param[NODE_MASK].i = mask
        node.param[NODE_KEEPDIM].i = keepdim
    return out


cdef TensorBase expand_reduced_as(Node node, TensorBase g):
    """g expanded to the shape of the reduction's input."""
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] shape
    input_shape(node, 0, &ndim, shape)
    return expand_reduced(g, ndim, shape, <unsigned int> node.param[NODE_MASK].i, node.param[NODE_KEEPDIM].i)


cdef Node record_reduction(const Rule* rule, TensorBase out, TensorBase x, unsigned int mask, bint keepdim):
    cdef Node node = record(rule, out, x)
    node.param[NODE_MASK].i = mask
    node.param[NODE_KEEPDIM].i = keepdim
    return node


cdef TensorBase sum_to(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape):
    """Sum g over broadcast dimensions to the given shape, then cast it to dtype: the backward of broadcasting."""
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

include "sums.pxi"
include "moments.pxi"
include "extremes.pxi"
