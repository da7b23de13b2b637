"""Indexing, for other ops."""
from tinygrad_c.core.tape cimport TensorBase

# out[..., i, ...] = x[..., index[..., i, ...], ...] along dim, and its gradient: zeros, with x added at index. Recorded.
# With keepdim False, index (and x, for put_along) lack that dimension, as results of max(dim) do.
cdef TensorBase take_along(TensorBase x, TensorBase index, int dim, bint keepdim)
cdef TensorBase put_along(TensorBase x, TensorBase index, int ndim, const Py_ssize_t* shape, int dim, bint keepdim)
