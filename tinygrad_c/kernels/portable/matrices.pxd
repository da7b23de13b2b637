"""Factors of matrices, and systems with triangular ones, for batches of row-major matrices of float32 or float64."""
from tinygrad_c.kernels.call cimport Call

cdef enum:                      # shape
    MATRIX_BATCH = 0
    MATRIX_ROWS = 1
    MATRIX_COLUMNS = 2
    MATRIX_RIGHT = 3            # substitute: columns of the right-hand sides

cdef enum:                      # param, all .i
    MATRIX_DTYPE = 0
    MATRIX_UPPER = 1            # substitute
    MATRIX_UNIT = 2             # substitute: ones on the diagonal, which is not read
    MATRIX_ROW_STEP = 3         # substitute: the strides of the triangular matrices, in elements
    MATRIX_COLUMN_STEP = 4
    MATRIX_PIVOTS = 1           # permute_rows: pivots of a matrix
    MATRIX_BACK = 2             # permute_rows: the last exchange first
    MATRIX_STEP = 5             # from one matrix of the batch to the next

cdef void lu_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void permute_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void cholesky_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void qr_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void q_of_reflections(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
cdef void substitute(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
