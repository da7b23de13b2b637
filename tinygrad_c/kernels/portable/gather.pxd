"""Gather and scatter of rows at given offsets, for every dtype."""
from tinygrad_c.kernels.call cimport Call

cdef enum:
    GATHER_ROWS = 256           # rows per unit of `take`

cdef void take(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
