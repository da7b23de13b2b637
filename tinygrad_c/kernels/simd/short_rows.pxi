# Short rows are transposed to columns, LANES rows at a time: a single one would fill a part of a vector only, and its
# horizontal reduction would cost more than the rest.

cdef inline void transpose_in(real* block, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """block[c, r] = x[r, c]; the block's rows are LANES long."""
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n):
            block[c * LANES + r] = x[r * n + c]


cdef inline void transpose_out(real* y, const real* block, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n):
            y[r * n + c] = block[c * LANES + r]
