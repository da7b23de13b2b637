# The elementwise loop for inputs that are transposed relative to the output, as in x.t() + y. Operands are as in loop.pxi.
#
# Row by row, each element of such an input would load a cache line of its own, again for every row. Here the last two
# dimensions, which launch.pxi orders so that this input is contiguous along the last but one, are processed in tiles: a
# transposed operand is copied to a buffer in L1, with LANES x LANES elements transposed in registers, and each cache line is
# used completely. A unit is param[TILE_PARAM_ROWS] rows. Shared by every element type: elements of sizeof(real) are transposed
# in registers, others one at a time.

cdef inline void transpose_tile(char* to, Py_ssize_t to_row, const char* source, Py_ssize_t source_row, Py_ssize_t rows,
                                Py_ssize_t cols, Py_ssize_t size) noexcept nogil:
    """to[r * to_row + c] = source[c * source_row + r]"""
    cdef vec[MAX_LANES] block
    cdef Py_ssize_t whole_rows = rows // LANES * LANES if size == sizeof(real) else 0
    cdef Py_ssize_t whole_cols = cols // LANES * LANES if size == sizeof(real) else 0
    cdef Py_ssize_t r, c = 0
    cdef int i
    while c < whole_cols:
        r = 0
        while r < whole_rows:
            for i in range(LANES):
                block[i] = load(<const real*> source + (c + i) * source_row + r)
            transpose(block)
            for i in range(LANES):
                store(<real*> to + (r + i) * to_row + c, block[i])
            r += LANES
        c += LANES
    if whole_rows < rows:
        for c in range(whole_cols):
            copy_run(to + (whole_rows * to_row + c) * size, to_row, source + (c * source_row + whole_rows) * size, 1,
                     rows - whole_rows, size)
    for c in range(whole_cols, cols):
        copy_run(to + c * size, to_row, source + c * source_row * size, 1, rows, size)


cdef inline void gather_tile(char* block, const char* source, Py_ssize_t row_stride, Py_ssize_t stride, Py_ssize_t rows,
                             Py_ssize_t cols, Py_ssize_t size) noexcept nogil:
    """Copies a tile of an operand to a buffer of rows * cols contiguous elements."""
    cdef Py_ssize_t i
    if row_stride == 1 and stride != 1:
        transpose_tile(block, cols, source, stride, rows, cols, size)
    elif stride == 0 and row_stride == 0:
        copy_run(block, 1, source, 0, rows * cols, size)
    elif stride == 0 or stride == 1:
        for i in range(rows):
            copy_run(block + i * cols * size, 1, source + i * row_stride * size, stride, cols, size)
    else:
        for i in range(cols):
            copy_run(block + i * size, cols, source + i * stride * size, row_stride, rows, size)


cdef void tiles_across(const Call* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef char[MAX_OPERANDS][LOOP_BLOCK * 8] block
    cdef char* base[MAX_OPERANDS]
    cdef char* p[MAX_OPERANDS]
    cdef Py_ssize_t step[MAX_OPERANDS]
    cdef int last = c.ndim - 1, across = c.ndim - 2, i, d
    cdef Py_ssize_t tile_rows = c.param[TILE_PARAM_ROWS].i
    cdef Py_ssize_t tile_cols = min(c.shape[last], LOOP_BLOCK // tile_rows)
    cdef Py_ssize_t panels = (c.shape[across] + tile_rows - 1) // tile_rows
    cdef bint by_rows = tile_cols >= LOOP_ALIGN and c.operand[0].stride[last] == 1
    cdef Py_ssize_t unit, rest, row, rows, col, cols, k, size
    cdef const Operand* o
    for unit in range(begin, end):
        row = unit % panels * tile_rows
        rows = min(tile_rows, c.shape[across] - row)
        for i in range(c.n_operands):
            o = &c.operand[i]
            base[i] = o.data + row * o.stride[across] * o.itemsize
            rest = unit // panels
            for d in range(across - 1, -1, -1):
                base[i] += rest % c.shape[d] * o.stride[d] * o.itemsize
                rest //= c.shape[d]
        o = &c.operand[1]
        if c.inner == NULL and c.operand[0].stride[last] == 1 and o.stride[across] == 1:
            transpose_tile(base[0], c.operand[0].stride[across], base[1], o.stride[last], rows, c.shape[last],
                           o.itemsize)
            continue
        col = 0
        while col < c.shape[last]:
            cols = min(tile_cols, c.shape[last] - col)
            for i in range(c.n_operands):
                o = &c.operand[i]
                size = o.itemsize
                if by_rows and o.stride[last] == 1:
                    p[i] = base[i] + col * size
                    step[i] = o.stride[across] * size
                else:
                    p[i] = block[i]
                    step[i] = cols * size
                    if i > 0:
                        gather_tile(block[i], base[i] + col * o.stride[last] * size, o.stride[across], o.stride[last], rows,
                                    cols, size)
            o = &c.operand[0]
            if c.inner == NULL:
                for k in range(rows):
                    copy_run(base[0] + (k * o.stride[across] + col * o.stride[last]) * o.itemsize, o.stride[last],
                             p[1] + k * step[1], 1, cols, o.itemsize)
            elif by_rows:
                for k in range(rows):
                    c.inner(cols, p, c.param)
                    for i in range(c.n_operands):
                        p[i] += step[i]
            else:
                c.inner(rows * cols, p, c.param)
                for k in range(rows):
                    copy_run(base[0] + (k * o.stride[across] + col * o.stride[last]) * o.itemsize, o.stride[last],
                             block[0] + k * step[0], 1, cols, o.itemsize)
            col += tile_cols
