"""What every function that makes tensors shares."""
from tinygrad_c.core.tape cimport TensorBase

cdef TensorBase finish(TensorBase out, object requires_grad, object device)
cdef TensorBase fresh(tuple sizes, int dtype)           # of sizes (2, 3) or ((2, 3),); its elements are not set
cdef int dtype_or(object given, int default) except -1
