# Short rows are transposed to columns, LANES rows at a time: a single one would fill a part of a vector only, and its
# horizontal reduction would cost more than the rest.

cdef void transpose_in(real* to, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """to[c, r] = x[r, c] for c < n and r < rows, 1 to LANES. Rows of `to` have LANES elements; from `rows` on, copies."""
    cdef vec[MAX_LANES] block
    cdef const real* row[MAX_LANES]
    cdef Py_ssize_t c = 0, left = n
    cdef int i
    for i in range(LANES):
        row[i] = x + min(<Py_ssize_t> i, rows - 1) * n
    while left > 0:
        if left >= LANES:
            load_columns(block, row, c)
        else:
            for i in range(LANES):
                block[i] = load_part(row[i] + c, left)
            transpose(block)
        for i in range(LANES):
            if i < left:
                store(to + (c + i) * LANES, block[i])
        c += LANES
        left -= LANES


cdef void transpose_out(real* y, const real* columns, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """y[r, c] = columns[c, r] for c < n and r < rows, 1 to LANES."""
    cdef vec[MAX_LANES] block
    cdef Py_ssize_t c = 0, left = n
    cdef int i
    while left > 0:
        for i in range(LANES):
            block[i] = load(columns + (c + (i if i < left else 0)) * LANES)
        transpose(block)
        if left >= LANES:
            for i in range(LANES):
                if i < rows:
                    store(y + i * n + c, block[i])
        else:
            for i in range(LANES):
                if i < rows:
                    store_part(y + i * n + c, block[i], left)
        c += LANES
        left -= LANES
