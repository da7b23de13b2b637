"""Gather and scatter of rows at given offsets, for every dtype; the offsets that an index means; triangles of
matrices."""
from libc.stdint cimport int64_t

from tinygrad_c.kernels.call cimport Call

cdef enum:
    GATHER_ROWS = 256           # rows per unit of `take`

cdef void take(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void gather_rows(char* to, const char* rows, const int64_t* order, Py_ssize_t n, Py_ssize_t nbytes) noexcept nogil

cdef enum:                      # shape of bag_sums and bag_add
    BAG_COUNT = 0               # bags
    BAG_LENGTH = 1              # indices of a bag
    BAG_WIDTH = 2               # elements of a row

cdef void bag_sums(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void bag_add(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

cdef enum:                      # param of offsets(), all .i
    OFFSET_SIZE                 # the size of the dimension that is indexed, and
    OFFSET_ALONG                # its stride
    OFFSET_START
    OFFSET_WRAPS                # negative indices count from the end
    OFFSET_ADDS                 # to what is in operand 0

cdef void offsets(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

cdef enum:                      # param of triangle(), all .i
    TRIANGLE_DIAGONAL
    TRIANGLE_UPPER              # keep what is above the diagonal, else what is below it

cdef void triangle(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
