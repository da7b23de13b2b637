"""Views, and ops that join and split tensors."""
from tinygrad_c.core.tape cimport TensorBase

cdef int parse_dim(object dim, int ndim) except -1                  # dim as 0 to ndim - 1; negative ones count from the end
cdef int parse_sizes(tuple sizes, int* ndim, Py_ssize_t* shape) except -1   # (2, 3) or ((2, 3),)
cdef TensorBase reshape_to(TensorBase a, int ndim, const Py_ssize_t* shape)
cdef TensorBase transpose_dims(TensorBase a, int d0, int d1)
cdef TensorBase expand_to(TensorBase a, int ndim, const Py_ssize_t* shape)
