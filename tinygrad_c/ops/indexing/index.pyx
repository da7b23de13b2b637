"""Indexing: x[key], x[key] = value, and the functions that gather and scatter.

    parse(x, key) -> Plan     ints, slices, None and ... become a view; index tensors and masks (as the indices of their True
                              elements) become offsets into that view
    take(x, plan)             x[key] as a copy, gathered by one kernel
    add_into_zeros(g, plan)   zeros with g scatter-added: the gradient of take; take is its gradient
    put(x, plan, value)       x[key] = value

The rules are PyTorch's: index tensors are broadcast together; the dimensions that they give the result replace the indexed
dimensions if those are adjacent, else they come first. Unlike in PyTorch, slices may have negative steps.
"""
from cpython.ref cimport PyObject
from cpython.slice cimport PySlice_Check, PySlice_Unpack, PySlice_AdjustIndices
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from tinygrad_c.core.array cimport DTYPE_NAMES, itemsize, same_shape, shape_of
from tinygrad_c.kernels.portable cimport gather as movers
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, record_check, recorder, refuse, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.ops.shape.shape cimport expand_to, parse_dim, reshape_to
from tinygrad_c.ops.shape.view cimport put as put_region
from tinygrad_c.core.tape cimport *

from operator import index as index_of

from tinygrad_c._base.public import public
from tinygrad_c.ops.create.create import tensor
from tinygrad_c.ops.elementwise.elementwise import into_out, write
from tinygrad_c.ops.shape.shape import expand

cdef extern from "Python.h":
    ctypedef struct PySliceObject:
        PyObject* start
        PyObject* stop
        PyObject* step

cdef enum:
    IN_MEMORY
    FLAT                    # as if x were contiguous

include "plan.pxi"
include "move.pxi"


# ---- x[key] and x[key] = value

def getitem(x, key):
    """x[key]: a view for ints, slices, None and ...; a copy if there are index tensors, lists, arrays or masks."""
    cdef TensorBase a = <TensorBase?> x
    cdef Plan plan
    cdef Py_ssize_t i
    if type(key) is int and a.ndim > 0 and not recording(a):     # fast path: one row
        i = wrapped(key, 0, a.shape[0])
        return view_of(a, a.data + i * a.stride[0] * itemsize(a.dtype), a.ndim - 1, a.shape + 1, a.stride + 1)
    plan = parse(a, key)
    return view_by(a, plan) if plan.index is None else take(a, plan, IN_MEMORY)


cdef int put_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """The gradient of the old values is g with zeros at the index; that of the new values is g at the index."""
    cdef Plan plan = node.extra
    cdef TensorBase there
    if back.needs(node, 1):
        back.send_grad(node, 1, take(contiguous(g), plan, FLAT))
    if back.needs(node, 0):
        there = zeros(BOOL, g.ndim, g.shape)
        launch(movers.put, plan, all_true(plan), there, FLAT, True)
        back.send_grad(node, 0, where_(there, scalar_tensor(0, g.dtype), g))
    return 0

cdef Rule PUT = Rule(b"IndexPutBackward0", put_backward)


cdef TensorBase all_true(Plan plan):
    cdef TensorBase out = empty(BOOL, plan.out_ndim, plan.out_shape)
    copy_into(out, scalar_tensor(True, BOOL))
    return out


cdef int put(TensorBase x, Plan plan, TensorBase value) except -1:
    """x[key] = value, broadcast to the plan's shape. Recorded."""
    cdef TensorBase dense
    cdef int d
    cdef bint fits = value.ndim <= plan.out_ndim
    check_inplace(x)
    for d in range(value.ndim if fits else 0):
        fits = fits and value.shape[d] in (1, plan.out_shape[plan.out_ndim - value.ndim + d])
    if not fits:
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(shape_of(value))} cannot be broadcast to indexing "
                           f"result of shape {[plan.out_shape[d] for d in range(plan.out_ndim)]}")
    dense = empty(x.dtype, plan.out_ndim, plan.out_shape)
    copy_into(dense, value)
    launch(movers.put, plan, dense, x, IN_MEMORY, True)
    if x.dtype >= FLOAT16 and (recording(x) or recording(value)):
        freeze(plan, x)
        record2(&PUT, x, x, value).extra = plan
    return mark_written(x)


cdef TensorBase without_leading_ones(TensorBase value, int ndim):
    """Drop leading dimensions of size 1 beyond ndim: torch allows x[0] = v with v of shape (1, n)."""
    cdef int extra = 0
    while value.ndim - extra > ndim and value.shape[extra] == 1:
        extra += 1
    return reshape_to(value, value.ndim - extra, value.shape + extra) if extra else value


cdef bint broadcasts_to(TensorBase value, TensorBase a):
    cdef int d, more = a.ndim - value.ndim
    for d in range(value.ndim):
        if more < 0 or value.shape[d] not in (1, a.shape[d + more]):
            return False
    return True


cdef bint is_mask_of(TensorBase mask, TensorBase a) noexcept:
    return mask.dtype == BOOL and a.ndim > 0 and same_shape(mask, a)


def setitem(x, key, value):
    """x[key] = value: value is broadcast and converted to x's dtype. Nothing is written if an index is out of bounds."""
    cdef TensorBase a = <TensorBase?> x
    cdef Plan plan
    if is_number(value) and isinstance(key, TensorBase) and is_mask_of(<TensorBase> key, a) and not recording(a):
        masked_fill_(a, key, value)             # one pass, without the indices of the mask's true elements
        return
    if not isinstance(value, TensorBase) and not is_number(value):
        if value is None or isinstance(value, str):
            raise TypeError(f"can't assign a {type(value).__name__} to a torch.{DTYPE_NAMES[a.dtype]}Tensor")
        value = tensor(value)
    plan = parse(a, key)                # after the conversion, which may run Python code that changes a
    if isinstance(value, TensorBase):
        value = without_leading_ones(value, plan.ndim if plan.index is None else plan.out_ndim)
    if plan.index is None:
        a = view_by(a, plan)
        if isinstance(value, TensorBase) and not broadcasts_to(<TensorBase> value, a):
            expand(value, shape_of(a))              # raises, with the shapes
        write(a, value)
    else:
        put(a, plan, scalar_tensor(value, a.dtype) if is_number(value) else as_tensor(value, "the value"))


include "along.pxi"
include "pick.pxi"
include "batch.pxi"
