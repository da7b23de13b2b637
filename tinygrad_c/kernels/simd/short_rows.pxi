# Short rows are worked on as columns, LANES rows at a time: one by one, each would fill a part of a vector only, and the
# folding of its lanes would cost more than the rest.

cdef inline void turn_in(real* block, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """block[c, r] = x[r, c]; the block's rows are LANES long."""
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n):
            block[c * LANES + r] = x[r * n + c]


cdef inline void turn_out(real* y, const real* block, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n):
            y[r * n + c] = block[c * LANES + r]
