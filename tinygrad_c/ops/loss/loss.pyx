"""Losses: of classes (classes.pxi: cross_entropy, nll_loss) and elementwise (pairs.pxi: mse_loss and the like).

Each has one kernel forward and one backward. With create_graph, the backward is composed of recorded ops instead, so that it
can be differentiated again.
"""
cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport strcmp

from tinygrad_c.core.array cimport DTYPE_NAMES, itemsize, same_shape, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport (
    kernels, record_block, record_check, record_factor, record_labels, record_number, record_sum, record_total, recorder,
    refuse, run)
from tinygrad_c.kernels.runtime.memory cimport allocate, release
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.ops.indexing.index cimport take_along
from tinygrad_c.ops.reduce.reduce cimport dims_mask, mean_over, reduced, sum_over
from tinygrad_c.ops.shape.shape cimport expand_to, reshape_to
from tinygrad_c.ops.reduce.softmax cimport softmax_along
from tinygrad_c.core.tape cimport *

from tinygrad_c._base.warn import warn_once

cdef enum:
    EACH                # reduction="none"
    MEAN                # reduction="mean"
    TOTAL               # reduction="sum"

# node.param has the parameters of the backward kernel's Call (kernels/table.pxd), and
cdef enum:
    NODE_ONE_G = 2      # pairs.pxi: whether g has one element (the loss was reduced)


cdef int parse_reduction(object reduction) except -1:
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return TOTAL
    if reduction == "none":
        return EACH
    raise ValueError(f"{reduction} is not a valid value for reduction: choose 'mean', 'sum' or 'none'")


cdef inline double real_at(TensorBase a, Py_ssize_t i) noexcept:
    return (<float*> a.data)[i] if a.dtype == FLOAT32 else (<double*> a.data)[i]


cdef inline void set_real(TensorBase a, Py_ssize_t i, double value) noexcept:
    if a.dtype == FLOAT32:
        (<float*> a.data)[i] = <float> value
    else:
        (<double*> a.data)[i] = value


cdef double sum_partials(Call* call, int dtype, Py_ssize_t each, double* second, TensorBase out, double divisor,
                         TensorBase factor=None) except? -1:
    """Run a kernel that stores `each` (1 or 2) partial sums per unit in operand 0. Returns their total; `second` is that of the
    second sum. A program is told of `out`, where the caller stores the total by `divisor`; 0: by the second sum, and
    `factor` is 1 / that sum."""
    cdef double[8] small
    cdef char* partial = <char*> small
    cdef Py_ssize_t i
    cdef double total = 0, value
    second[0] = 0
    if recorder != NULL:
        partial = <char*> allocate(call.units * each * sizeof(double))
        record_block(partial, call.units * each * sizeof(double))
    elif call.units > 4:
        partial = <char*> malloc(call.units * each * sizeof(double))
        if partial == NULL:
            raise MemoryError()
    call.operand[0].data = partial
    run(call)
    for i in range(call.units * each):
        value = (<float*> partial)[i] if dtype == FLOAT32 else (<double*> partial)[i]
        if each == 2 and i & 1:
            second[0] += value
        else:
            total += value
    if recorder != NULL:
        record_total(out.data, partial, call.units * each, each, itemsize(dtype), divisor)
        if factor is not None:
            record_factor(factor.data, partial, call.units * each, itemsize(dtype))
        release(partial, call.units * each * sizeof(double))
    elif call.units > 4:
        free(partial)
    return total


cdef TensorBase summarize(TensorBase loss, int how):
    """Apply the reduction to elementwise losses."""
    if how == EACH:
        return loss
    return (mean_over if how == MEAN else sum_over)(loss, dims_mask(None, loss.ndim), False)


cdef TensorBase weighted(TensorBase loss, object weight, int how):
    return summarize(loss if weight is None else binary(ROW_MUL, loss, weight), how)


include "classes.pxi"
include "pairs.pxi"
