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


cdef void apply_inner(const Call* call, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1,
                      Py_ssize_t c_row) noexcept nogil:
    """call.inner on the rows i0..i1 and columns j0..j1 of C, whose columns are contiguous, while they are in cache."""
    cdef char* p[3]
    cdef Py_ssize_t n = j1 - j0, at
    cdef bint first = call.param[FLAGS].i & OTHER_FIRST != 0, is_out = call.param[FLAGS].i & OTHER_IS_OUT
    if n == c_row:
        n *= i1 - i0
        i1 = min(i0 + 1, i1)
    while i0 < i1:
        at = (i0 * c_row + j0) * sizeof(real)
        p[0] = call.operand[0].data + at
        p[1 + first] = p[0]
        if call.n_operands > 4:
            p[0 if is_out else 2 - first] = call.operand[4].data + at
        call.inner(n, p, &call.param[INNER_PARAM])
        i0 += 1


# ---- axpy: the rows of B are contiguous, and added to rows of C, 8 at a time

cdef inline void axpy(int rows, bint fresh, real* c, const real* a, Py_ssize_t a_col, const real* b, Py_ssize_t b_row,
                      Py_ssize_t n) noexcept nogil:
    """c[:n] = c[:n] (0 if fresh) + a[0] * b[0, :n] + a[1] * b[1, :n] + ..., `rows` of them; rows and fresh
    are constants at each call."""
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
                        if fresh:
                            axpy(AXPY_ROWS, True, c + i * c_row, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                        else:
                            axpy(AXPY_ROWS, False, c + i * c_row, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                    p += AXPY_ROWS
                    a += AXPY_ROWS * oa.stride[2]
                    b += AXPY_ROWS * ob.stride[1]
                else:
                    for i in range(i0, i1):
                        if fresh:
                            axpy(1, True, c + i * c_row, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                        else:
                            axpy(1, False, c + i * c_row, a + i * oa.stride[1], oa.stride[2], b, ob.stride[1], n)
                    p += 1
                    a += oa.stride[2]
                    b += ob.stride[1]
                fresh = False
            if call.param[FLAGS].i & (BIAS | THEN_RELU):
                for i in range(i0, i1):
                    finish_row(call, c + i * c_row, j, n)
            j += n
        if call.inner != NULL:
            apply_inner(call, i0, i1, unit % across * cols, j1, c_row)


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


cdef inline vec dots(int rows, const real* a, Py_ssize_t a_row, Py_ssize_t left, const real* b, Py_ssize_t b_col,
                     Py_ssize_t k) noexcept nogil:
    """The dot products of `rows` rows of A and LANES / rows columns of B, row by row; rows is a constant at each call. A row
    from `left` on is the last one once more."""
    cdef vec[MAX_LANES] sums
    cdef vec[MAX_LANES] x
    cdef vec y
    cdef const real* row[MAX_LANES]
    cdef int cols = <int> LANES // rows
    cdef Py_ssize_t p = k % LANES
    cdef int i, j
    row[0] = a
    for i in range(1, rows):
        row[i] = row[i - 1] + (a_row if i < left else 0)
    if p:
        for i in range(rows):
            x[i] = load_part(row[i], p)
        for j in range(cols):
            y = load_part(b + j * b_col, p)
            for i in range(rows):
                sums[i * cols + j] = x[i] * y
    else:
        for i in range(LANES):
            sums[i] = splat(0)
    while p < k:
        for i in range(rows):
            x[i] = load(row[i] + p)
            if rows <= cols:
                vec_in_register(x[i])
        for j in range(cols):
            y = load(b + j * b_col + p)
            if rows > 1:
                vec_in_register(y)
            for i in range(rows):
                sums[i * cols + j] = sums[i * cols + j] + x[i] * y
        p += LANES
    return hsums(sums)


ctypedef struct Dots:                   # a block of C with few columns: its rows and how they are stored
    const real* a
    Py_ssize_t a_row
    const real* b
    Py_ssize_t b_col
    Py_ssize_t k
    real* c
    Py_ssize_t c_row
    const real* bias                    # NULL for none
    Py_ssize_t bias_row
    Py_ssize_t bias_col
    int flags


cdef inline void dot_columns(int rows, const Dots* d, Py_ssize_t m) noexcept nogil:
    """m rows and LANES / rows columns of C."""
    cdef real[MAX_LANES] lanes
    cdef vec x, bias = splat(0)
    cdef Py_ssize_t i = 0, left
    cdef int r, c, cols = <int> LANES // rows
    cdef real* to = d.c
    if d.bias != NULL and d.bias_row == 0:
        for r in range(rows):
            for c in range(cols):
                lanes[r * cols + c] = d.bias[c * d.bias_col]
        bias = load(lanes)
    while i < m:
        left = min(m - i, rows)
        x = dots(rows, d.a + i * d.a_row, d.a_row, left, d.b, d.b_col, d.k)
        if d.flags & ACCUMULATE:
            store(lanes, x)
            for r in range(left):
                for c in range(cols):
                    lanes[r * cols + c] += to[r * d.c_row + c]
            x = load(lanes)
        if d.bias != NULL and d.bias_row != 0:
            for r in range(left):
                lanes[r] = d.bias[(i + r) * d.bias_row]
            bias = load_upto(lanes, left)
        x = x + bias
        if d.flags & THEN_RELU:
            x = blend(lt(x, splat(0)), splat(0), x)
        if d.c_row == cols:
            store_upto(to, x, left * cols)
        else:
            store(lanes, x)
            for r in range(left):
                memcpy(to + r * d.c_row, lanes + r * cols, cols * sizeof(real))
        to += rows * d.c_row
        i += rows


cdef void matmul_dot(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef Py_ssize_t rows = call.param[UNIT_ROWS].i
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t down = (call.shape[1] + rows - 1) // rows
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef Py_ssize_t unit, batch, i, i0, j, j0, m, n
    cdef Dots d
    d.k = call.shape[3]
    d.flags = <int> call.param[FLAGS].i
    for unit in range(begin, end):
        batch = unit // across // down
        i0 = unit // across % down * rows
        j0 = unit % across * cols
        m = min(rows, call.shape[1] - i0)
        n = min(cols, call.shape[2] - j0)
        d.a = <const real*> oa.data + batch * oa.stride[0] + i0 * oa.stride[1]
        d.b = <const real*> ob.data + batch * ob.stride[0] + j0 * ob.stride[2]
        d.c = <real*> call.operand[0].data + batch * call.operand[0].stride[0] + i0 * call.operand[0].stride[1] + j0
        d.a_row, d.b_col, d.c_row = oa.stride[1], ob.stride[2], call.operand[0].stride[1]
        d.bias = NULL
        if d.flags & BIAS:
            d.bias_row, d.bias_col = 0, call.operand[3].stride[2]
            d.bias = <const real*> call.operand[3].data + j0 * d.bias_col
        if m == 1 and d.k >= LONG_DOT:
            for i in range(n):
                d.c[i] = dot(d.a, d.b + i * d.b_col, d.k) + (d.c[i] if d.flags & ACCUMULATE else 0)
            finish_row(call, d.c, j0, n)
            n = 0
        elif m == 1:                      # a row of C is computed as a column
            m, n = n, 1
            d.a, d.b = d.b, d.a
            d.a_row, d.b_col, d.c_row = d.b_col, d.a_row, 1
            d.bias_row, d.bias_col = d.bias_col, 0
        while n > 0:
            if n >= LANES // DOT_ROWS:
                dot_columns(DOT_ROWS, &d, m)
                j = LANES // DOT_ROWS
            elif n >= 2 and LANES // DOT_ROWS > 2:
                dot_columns(LANES // 2, &d, m)
                j = 2
            else:
                dot_columns(LANES, &d, m)
                j = 1
            n -= j
            d.b += j * d.b_col
            d.c += j
            if d.bias != NULL:
                d.bias += j * d.bias_col
        if call.inner != NULL:
            apply_inner(call, i0, min(i0 + rows, call.shape[1]), j0, min(j0 + cols, call.shape[2]), call.operand[0].stride[1])
