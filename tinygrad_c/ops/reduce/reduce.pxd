"""Reductions for other ops, and the expansion that is their backward."""
from tinygrad_c.core.tape cimport TensorBase

cdef enum:                  # node.param of a reduction's node
    NODE_MASK = 0           # the reduced dimensions, or
    NODE_DIM = 0            # the one dimension
    NODE_KEEPDIM = 1

# Sets of dimensions are bit masks: bit d for dimension d.
cdef unsigned int dims_mask(object dim, int ndim) except? 0     # None: all
cdef TensorBase sum_over(TensorBase x, unsigned int mask, bint keepdim)     # recorded
cdef TensorBase mean_over(TensorBase x, unsigned int mask, bint keepdim)    # recorded
cdef TensorBase reduced(int op, TensorBase x, unsigned int mask, bint keepdim)  # not recorded
cdef TensorBase sum_to(TensorBase g, int dtype, int ndim, const Py_ssize_t* shape)  # sum over broadcast dimensions; recorded
# Expand g, a result of reducing the dimensions of mask, to the shape before the reduction: a view; recorded.
cdef TensorBase expand_reduced(TensorBase g, int ndim, const Py_ssize_t* shape, unsigned int mask, bint keepdim)
# x as contiguous (outer, n, inner), where n is the product of the dimensions of mask: x itself if its layout fits, else a copy.
cdef TensorBase arranged(TensorBase x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner)
# outer, n and inner for one dimension of a contiguous x.
cdef void around(TensorBase x, int dim, Py_ssize_t* outer, Py_ssize_t* n, Py_ssize_t* inner) noexcept
# dim, or axis, NumPy's name of it.
cdef object pick(object dim, object axis)
cdef TensorBase empty_reduced(int dtype, TensorBase x, unsigned int mask, bint keepdim)
