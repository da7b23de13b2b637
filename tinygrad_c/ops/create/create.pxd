"""Shared by the functions that create tensors."""
from tinygrad_c.core.tape cimport TensorBase

cdef TensorBase finish(TensorBase out, object requires_grad, object device)
cdef TensorBase fresh(tuple sizes, int dtype)           # sizes: (2, 3) or ((2, 3),); uninitialised
cdef int dtype_or(object given, int default) except -1
