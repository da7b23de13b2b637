"""softmax_along, for other ops."""
from tinygrad_c.core.tape cimport TensorBase

cdef TensorBase softmax_along(int op, TensorBase x, int dim)    # SOFTMAX or LOG_SOFTMAX of a float tensor; recorded
