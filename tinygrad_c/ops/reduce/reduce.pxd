"""Reductions for other ops: sums over dimensions, and what undoes them."""
from tinygrad_c.core.tape cimport TensorBase

cdef enum:                  # node.param of a reduction's node
    NODE_MASK = 0           # over several dimensions, or
    NODE_DIM = 0            # along one
    NODE_KEEPDIM = 1

# Sets of dimensions are bit masks: bit d for dimension d.
cdef unsigned int dims_mask(object dim, int ndim) except? 0     # None: all
cdef TensorBase sum_over(TensorBase x, unsigned int mask, bint keepdim)     # recorded
cdef TensorBase mean_over(TensorBase x, unsigned int mask, bint keepdim)    # recorded
cdef TensorBase reduced(int op, TensorBase x, unsigned int mask, bint keepdim)  # not recorded
cdef TensorBase sum_to(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape)  # undoes broadcasting; recorded
# g, a result of reducing the dimensions of mask, stretched to the shape that was reduced, without a copy; recorded.
cdef TensorBase expand_reduced(TensorBase g, int ndim, const Py_ssize_t* shape, unsigned int mask, bint keepdim)
# Lay x out as a contiguous (outer, n, inner), n being the dimensions of mask: x itself if it lies so, else a copy.
cdef TensorBase arranged(TensorBase x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner)
# The same numbers for one dimension of a contiguous x.
cdef void around(TensorBase x, int dim, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) noexcept
# dim, or axis, which means the same.
cdef object pick(object dim, object axis)
cdef TensorBase empty_reduced(int dtype, TensorBase x, unsigned int mask, bint keepdim)
