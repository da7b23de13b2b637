# Products with a few rows (a batch of one, a matrix times a vector): each element of B serves so few multiplications that
# reading it is what costs. Both kernels read B once, in long runs. Calls and units are those of matmul.pxi.
from tinygrad_c.kernels.matmul cimport *

cdef enum:
    AXPY_ROWS = 8           # rows of B added to a row of C at once
    AXPY_COLS = 1024        # columns at a time: 32 KB of float32


cdef void finish_row(const Call* call, real* c, Py_ssize_t first, Py_ssize_t n) noexcept nogil:
    """Bias and relu for n columns of a row of C, from column `first` on."""
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


cdef inline void axpy_rows(int rows, real* c, const real* a, Py_ssize_t a_col, const real* b, Py_ssize_t b_row,
                           Py_ssize_t n) noexcept nogil:
    """c[:n] += a[0] * b[0, :n] + a[1] * b[1, :n] + ..., `rows` (a constant at each call) of them."""
    cdef vec[AXPY_ROWS] x
    cdef vec sum
    cdef Py_ssize_t j = 0
    cdef int i
    for i in range(rows):
        x[i] = splat(a[i * a_col])
    while j + LANES <= n:
        sum = load(c + j)
        for i in range(rows):
            sum = sum + x[i] * load(b + i * b_row + j)
        store(c + j, sum)
        j += LANES
    if j < n:
        sum = load_part(c + j, n - j)
        for i in range(rows):
            sum = sum + x[i] * load_part(b + i * b_row + j, n - j)
        store_part(c + j, sum, n - j)


cdef void matmul_axpy(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """B's rows contiguous: rows of B, eight at a time, are added to rows of C. A unit is UNIT_COLS columns."""
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef Py_ssize_t k = call.shape[3]
    cdef Py_ssize_t unit, i, j, j1, p, n
    cdef const real* a
    cdef const real* b
    cdef real* c
    for unit in range(begin, end):
        a = <const real*> oa.data + unit // across * oa.stride[0]
        j = unit % across * cols
        j1 = min(j + cols, call.shape[2])
        while j < j1:
            n = min(j1 - j, AXPY_COLS)
            b = <const real*> ob.data + unit // across * ob.stride[0] + j
            c = <real*> call.operand[0].data + unit // across * call.operand[0].stride[0] + j
            if not call.param[FLAGS].i & ACCUMULATE:
                for i in range(call.shape[1]):
                    memset(c + i * call.operand[0].stride[1], 0, n * sizeof(real))
            p = 0
            while p + AXPY_ROWS <= k:
                for i in range(call.shape[1]):
                    axpy_rows(AXPY_ROWS, c + i * call.operand[0].stride[1], a + i * oa.stride[1] + p * oa.stride[2],
                              oa.stride[2], b + p * ob.stride[1], ob.stride[1], n)
                p += AXPY_ROWS
            while p < k:
                for i in range(call.shape[1]):
                    axpy_rows(1, c + i * call.operand[0].stride[1], a + i * oa.stride[1] + p * oa.stride[2],
                              oa.stride[2], b + p * ob.stride[1], ob.stride[1], n)
                p += 1
            for i in range(call.shape[1]):
                finish_row(call, c + i * call.operand[0].stride[1], j, n)
            j += n


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


cdef inline vec dot_columns(const real* a, const real* b, Py_ssize_t b_col, Py_ssize_t k) noexcept nogil:
    """The dot products of a with LANES columns of B."""
    cdef vec[MAX_LANES] sums
    cdef vec x
    cdef Py_ssize_t p = 0
    cdef int i
    for i in range(LANES):
        sums[i] = splat(0)
    while p + LANES <= k:
        x = load(a + p)
        for i in range(LANES):
            sums[i] = sums[i] + x * load(b + i * b_col + p)
        p += LANES
    if p < k:
        x = load_part(a + p, k - p)
        for i in range(LANES):
            sums[i] = sums[i] + x * load_part(b + i * b_col + p, k - p)
    transpose(sums)
    x = sums[0]
    for i in range(1, LANES):
        x = x + sums[i]
    return x


cdef void matmul_dot(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """A's rows and B's columns contiguous: dot products, a vector of them at a time. A unit is UNIT_COLS columns."""
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef bint accumulate = call.param[FLAGS].i & ACCUMULATE
    cdef Py_ssize_t c_row = call.operand[0].stride[1]
    cdef Py_ssize_t unit, i, j, j0, j1
    cdef const real* a
    cdef const real* b
    cdef real* c
    cdef real* to
    cdef vec x
    for unit in range(begin, end):
        a = <const real*> oa.data + unit // across * oa.stride[0]
        b = <const real*> ob.data + unit // across * ob.stride[0]
        c = <real*> call.operand[0].data + unit // across * call.operand[0].stride[0]
        j0 = unit % across * cols
        j1 = min(j0 + cols, call.shape[2])
        j = j0
        while j + LANES <= j1:
            for i in range(call.shape[1]):
                to = c + i * c_row + j
                x = dot_columns(a + i * oa.stride[1], b + j * ob.stride[2], ob.stride[2], call.shape[3])
                store(to, x + load(to) if accumulate else x)
            j += LANES
        while j < j1:
            for i in range(call.shape[1]):
                to = c + i * c_row + j
                to[0] = dot(a + i * oa.stride[1], b + j * ob.stride[2], call.shape[3]) + (to[0] if accumulate else 0)
            j += 1
        for i in range(call.shape[1]):
            finish_row(call, c + i * c_row + j0, j0, j1 - j0)
