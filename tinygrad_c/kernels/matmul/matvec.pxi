# Memory-bound products, C = A @ B with few rows (a batch of one, a matrix times a vector) or with a k of 1 or 2 (an outer
# product): each element is read or written for a few multiplications only. These kernels stream through memory once, in long
# runs. Operands, params and units are those of matmul.pxd.
from tinygrad_c.kernels.matmul.matmul cimport *

cdef enum:
    AXPY_ROWS = 8           # rows of B added to a row of C in one pass
    AXPY_COLS = 1024        # columns at a time: 32 KB of float32
    LONG_DOT = 512          # elements: from this k on, one dot product at a time is faster than LANES at a time


cdef void finish_row(const Call* call, real* c, Py_ssize_t first, Py_ssize_t n) noexcept nogil:
    """The epilogue: bias and relu for n columns of a row of C, from column `first` on."""
    cdef int flags = <int> call.param[FLAGS].i
    cdef Py_ssize_t stride = call.operand[3].stride[2]
    cdef const real* bias = <const real*> call.operand[3].data + first * stride
    cdef Py_ssize_t j
    if flags & BIAS:
        for j in range(n):
            c[j] += bias[j * stride]
    if flags & THEN_RELU:
        for j in range(n):
            c[j] = 0 if c[j] < 0 else c[j]


# ---- axpy: the rows of B are contiguous, and added to rows of C, 8 at a time

cdef inline void axpy(int rows, real* c, bint fresh, const real* a, Py_ssize_t a_col, const real* b, Py_ssize_t b_row,
                      Py_ssize_t n) noexcept nogil:
    """c[:n] = c[:n] (0 if fresh) + a[0] * b[0, :n] + a[1] * b[1, :n] + ..., `rows` (a constant at each call) of them."""
    cdef vec[AXPY_ROWS] x
    cdef vec sum
    cdef Py_ssize_t j = 0
    cdef int i
    for i in range(rows):
        x[i] = splat(a[i * a_col])
    while j + LANES <= n:
        sum = splat(0) if fresh else load(c + j)
        for i in range(rows):
            sum = sum + x[i] * load(b + i * b_row + j)
        store(c + j, sum)
        j += LANES
    if j < n:
        sum = splat(0) if fresh else load_part(c + j, n - j)
        for i in range(rows):
            sum = sum + x[i] * load_part(b + i * b_row + j, n - j)
        store_part(c + j, sum, n - j)


cdef void matmul_axpy(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef Py_ssize_t c_row = call.operand[0].stride[1]
    cdef Py_ssize_t rows = call.param[UNIT_ROWS].i
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t down = (call.shape[1] + rows - 1) // rows
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef Py_ssize_t k = call.shape[3]
    cdef Py_ssize_t unit, batch, i0, i1, i, j, j1, p, n
    cdef const real* a
    cdef const real* b
    cdef real* c
    cdef bint fresh
    for unit in range(begin, end):
        batch = unit // across // down
        i0 = unit // across % down * rows
        i1 = min(i0 + rows, call.shape[1])
        j = unit % across * cols
        j1 = min(j + cols, call.shape[2])
        while j < j1:
            n = min(j1 - j, AXPY_COLS) if k > 2 else j1 - j
            a = <const real*> oa.data + batch * oa.stride[0]
            b = <const real*> ob.data + batch * ob.stride[0] + j
            c = <real*> call.operand[0].data + batch * call.operand[0].stride[0] + j
            fresh = not call.param[FLAGS].i & ACCUMULATE
            if fresh and k == 0:
                for i in range(i0, i1):
                    memset(c + i * c_row, 0, n * sizeof(real))
            p = 0
            while p < k:
                if p + AXPY_ROWS <= k:
                    for i in range(i0, i1):
                        axpy(AXPY_ROWS, c + i * c_row, fresh, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                    p += AXPY_ROWS
                    a += AXPY_ROWS * oa.stride[2]
                    b += AXPY_ROWS * ob.stride[1]
                else:
                    for i in range(i0, i1):
                        axpy(1, c + i * c_row, fresh, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                    p += 1
                    a += oa.stride[2]
                    b += ob.stride[1]
                fresh = False
            for i in range(i0, i1):
                finish_row(call, c + i * c_row, j, n)
            j += n


# ---- dot: the rows of A and the columns of B are contiguous; LANES dot products at a time

cdef inline real dot(const real* a, const real* b, Py_ssize_t k) noexcept nogil:
    """The dot product of k contiguous elements."""
    cdef vec[4] sums
    cdef Py_ssize_t p = 0
    cdef int i
    for i in range(4):
        sums[i] = splat(0)
    while p + 4 * LANES <= k:
        for i in range(4):
            sums[i] = sums[i] + load(a + p + i * LANES) * load(b + p + i * LANES)
        p += 4 * LANES
    while p < k:
        sums[0] = sums[0] + load_last(a + p, min(k - p, LANES)) * load_last(b + p, min(k - p, LANES))
        p += LANES
    return hsum((sums[0] + sums[1]) + (sums[2] + sums[3]))


cdef inline vec dots(int rows, int cols, const real* a, Py_ssize_t a_row, const real* b, Py_ssize_t b_col,
                     Py_ssize_t k) noexcept nogil:
    """The dot products of `rows` rows of A and `cols` columns of B, LANES in total; both are constants at each call."""
    cdef vec[MAX_LANES] sums
    cdef vec[MAX_LANES] x
    cdef vec y
    cdef Py_ssize_t p = 0
    cdef int i, j
    for i in range(LANES):
        sums[i] = splat(0)
    while p + LANES <= k:
        for i in range(rows):
            x[i] = load(a + i * a_row + p)
        for j in range(cols):
            y = load(b + j * b_col + p)
            for i in range(rows):
                sums[i * cols + j] = sums[i * cols + j] + x[i] * y
        p += LANES
    if p < k:
        for i in range(rows):
            x[i] = load_part(a + i * a_row + p, k - p)
        for j in range(cols):
            y = load_part(b + j * b_col + p, k - p)
            for i in range(rows):
                sums[i * cols + j] = sums[i * cols + j] + x[i] * y
    transpose(sums)
    y = sums[0]
    for i in range(1, LANES):
        y = y + sums[i]
    return y


cdef void dot_rows(const Call* call, const real* a, const real* b, real* c, Py_ssize_t first, Py_ssize_t j) noexcept nogil:
    """C[i, j] for the rows i from `first` on, one at a time."""
    cdef bint accumulate = call.param[FLAGS].i & ACCUMULATE
    cdef Py_ssize_t a_row = call.operand[1].stride[1]
    cdef Py_ssize_t i
    b += j * call.operand[2].stride[2]
    c += j
    for i in range(first, call.shape[1]):
        c[i * call.operand[0].stride[1]] = dot(a + i * a_row, b, call.shape[3]) + (
            c[i * call.operand[0].stride[1]] if accumulate else 0)


cdef void matmul_dot(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef Py_ssize_t c_row = call.operand[0].stride[1]
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef Py_ssize_t m = call.shape[1]
    cdef Py_ssize_t k = call.shape[3]
    cdef bint accumulate = call.param[FLAGS].i & ACCUMULATE
    cdef Py_ssize_t unit, i, j, j0, j1, r
    cdef const real* a
    cdef const real* b
    cdef real* c
    cdef vec x
    for unit in range(begin, end):
        a = <const real*> oa.data + unit // across * oa.stride[0]
        j0 = unit % across * cols
        j1 = min(j0 + cols, call.shape[2])
        b = <const real*> ob.data + unit // across * ob.stride[0]
        c = <real*> call.operand[0].data + unit // across * call.operand[0].stride[0]
        j = j0
        while j + LANES <= j1 and (m > 1 or k < LONG_DOT):
            i = 0
            while i + DOT_ROWS <= m and DOT_ROWS > 1:
                for r in range(DOT_ROWS):
                    x = dots(DOT_ROWS, LANES // DOT_ROWS, a + i * oa.stride[1], oa.stride[1],
                             b + (j + r * (LANES // DOT_ROWS)) * ob.stride[2], ob.stride[2], k)
                    store_dots(x, c + i * c_row + j + r * (LANES // DOT_ROWS), c_row, accumulate)
                i += DOT_ROWS
            while i < m:
                x = dots(1, LANES, a + i * oa.stride[1], 0, b + j * ob.stride[2], ob.stride[2], k)
                if accumulate:
                    x = x + load(c + i * c_row + j)
                store(c + i * c_row + j, x)
                i += 1
            j += LANES
        while j + LANES // DOT_ROWS <= j1 and DOT_ROWS > 1 and m >= DOT_ROWS:
            i = 0
            while i + DOT_ROWS <= m:
                x = dots(DOT_ROWS, LANES // DOT_ROWS, a + i * oa.stride[1], oa.stride[1], b + j * ob.stride[2], ob.stride[2], k)
                store_dots(x, c + i * c_row + j, c_row, accumulate)
                i += DOT_ROWS
            for r in range(j, j + LANES // DOT_ROWS):
                dot_rows(call, a, b, c, i, r)
            j += LANES // DOT_ROWS
        while j < j1:
            dot_rows(call, a, b, c, 0, j)
            j += 1
        for i in range(m):
            finish_row(call, c + i * c_row + j0, j0, j1 - j0)


cdef inline void store_dots(vec x, real* c, Py_ssize_t c_row, bint accumulate) noexcept nogil:
    """Stores the lanes of x as DOT_ROWS rows of C, or adds them to C."""
    cdef real[MAX_LANES] lanes
    cdef Py_ssize_t i, j
    store(lanes, x)
    for i in range(DOT_ROWS):
        for j in range(LANES // DOT_ROWS):
            c[i * c_row + j] = lanes[i * (LANES // DOT_ROWS) + j] + (c[i * c_row + j] if accumulate else 0)
