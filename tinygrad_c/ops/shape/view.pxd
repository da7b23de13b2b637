"""Regions of a contiguous tensor: (offset, shape, stride) in elements. Each of the two is the other's gradient; recorded."""
from tinygrad_c.core.tape cimport TensorBase

cdef TensorBase gather(TensorBase a, tuple region)
cdef TensorBase put(TensorBase g, tuple region, int ndim, const Py_ssize_t* shape)      # zeros outside the region
