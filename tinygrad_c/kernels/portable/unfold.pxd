"""Kernels that slide a window over planes: to columns and back, and the largest element of each window."""
from tinygrad_c.kernels.call cimport Call

cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
