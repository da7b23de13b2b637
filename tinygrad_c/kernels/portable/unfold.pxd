"""Sliding-window kernels: im2col and its adjoint, max pooling and its adjoint."""
from tinygrad_c.kernels.call cimport Call

# In pairs: ..._H along the height; the next number, ..._W, along the width.
cdef enum:                      # shape
    PLANES = 0
    SIZE_H = 1
    SIZE_W = 2
    WINDOW_H = 3
    WINDOW_W = 4
    OUT_H = 5                   # size of the output: positions of the window
    OUT_W = 6

cdef enum:                      # param, all .i
    STRIDE_H = 0
    STRIDE_W = 1
    PADDING_H = 2               # rows of zeros above the plane
    PADDING_W = 3               # columns of zeros on its left
    DILATION_H = 4
    DILATION_W = 5

cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
