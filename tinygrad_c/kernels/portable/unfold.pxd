"""Kernels that slide a window over planes: to columns and back, and the largest element of each window."""
from tinygrad_c.kernels.call cimport Call

# Two of each: down (..._H), and to the right (..._W), the next.
cdef enum:                      # shape
    PLANES = 0
    SIZE_H = 1
    SIZE_W = 2
    WINDOW_H = 3
    WINDOW_W = 4
    PLACES_H = 5                # how many places the window takes
    PLACES_W = 6

cdef enum:                      # param, all .i
    STRIDE_H = 0
    STRIDE_W = 1
    PADDING_H = 2               # zeros above
    PADDING_W = 3               # and on the left
    DILATION_H = 4
    DILATION_W = 5

cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
