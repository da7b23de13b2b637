"""Sorting, selection and search along rows, for every dtype."""
from tinygrad_c.kernels.call cimport Call

cdef enum:
    FEW = 32                    # the largest k of top_rows
    NARROW_ITEM = 8             # bytes of scratch memory per item, for dtypes of up to 4 bytes; sort_rows needs two items per
    WIDE_ITEM = 16              # element, select_rows one. The same for dtypes of 8 bytes

cdef enum:                      # shape
    ORDER_ROWS = 0
    ORDER_LENGTH = 1            # elements of a row
    ORDER_COUNT = 2             # results of a row

cdef enum:                      # param, all .i
    ORDER_DTYPE = 0
    ORDER_DESCENDING = 1        # sort_rows, top_rows
    ORDER_RANK = 2              # select_rows: the position in sorted order
    ORDER_RIGHT = 1             # search_rows: behind equal elements
    ORDER_SHARED = 2            # search_rows: all rows have the same bounds

cdef void sort_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void top_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void select_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void search_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void group_row(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void count_values(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
