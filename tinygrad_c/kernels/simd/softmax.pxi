# softmax(x) = exp(x - m) / total, log_softmax(x) = x - m - log(total), logsumexp(x) = m + log(total), where m = max(x) and
# total = sum(exp(x - m)), over dimension n of a contiguous (outer, n, inner).
#
# If inner == 1, the lanes run along a long row; otherwise the lanes are columns, each with its own m and total. Short rows are
# first transposed to columns of a block, LANES rows at a time: 10 classes would waste a third of a vector, and need horizontal
# reductions for each row. A unit is ROW_BLOCK rows if inner == 1, else COLUMN_STRIP columns of one outer index.

cdef inline vec lanes_max(const real* x, Py_ssize_t n, Py_ssize_t stride, Py_ssize_t width) noexcept nogil:
    cdef vec m = load_upto(x, width)
    cdef Py_ssize_t i
    for i in range(1, n):
        m = vmax(m, load_upto(x + i * stride, width))
    return m


cdef inline vec finite_or_zero(vec m) noexcept nogil:
    """What logsumexp subtracts: m, or 0 where m is infinite, since inf - inf is NaN."""
    return blend(eq(vabs(m), splat(INFINITY)), splat(0), m)


cdef inline void softmax_lanes(int op, real* y, const real* x, Py_ssize_t n, Py_ssize_t stride,
                               Py_ssize_t width) noexcept nogil:
    """Each of `width` columns, element i of them at x + i * stride. y may be x."""
    cdef vec m = lanes_max(x, n, stride, width)
    cdef vec total = splat(0), v
    cdef Py_ssize_t i
    if op == LOGSUMEXP:
        m = finite_or_zero(m)
    for i in range(n):
        v = v_exp(load_upto(x + i * stride, width) - m)
        total = total + v
        if op == SOFTMAX:
            store_upto(y + i * stride, v, width)
    if op == SOFTMAX:
        total = splat(1) / total
        for i in range(n):
            store_upto(y + i * stride, load_upto(y + i * stride, width) * total, width)
    elif op == LOG_SOFTMAX:
        total = v_log(total)
        for i in range(n):
            store_upto(y + i * stride, load_upto(x + i * stride, width) - m - total, width)
    else:
        store_upto(y, v_log(total) + m, width)


cdef inline real sum_exp(const real* x, Py_ssize_t n, real m) noexcept nogil:
    """The sum of exp(x - m) over n contiguous elements."""
    cdef vec shift = splat(m), a = splat(0), b = a
    cdef Py_ssize_t i = 0
    while i + 2 * LANES <= n:
        a = a + v_exp(load(x + i) - shift)
        b = b + v_exp(load(x + i + LANES) - shift)
        i += 2 * LANES
    while i < n:
        a = a + v_exp(load_padded(x + i, n - i, -INFINITY) - shift)
        i += LANES
    return hsum(a + b)


cdef inline void softmax_row(int op, real* y, const real* x, Py_ssize_t n) noexcept nogil:
    cdef real m = reduce_row(MAX, x, n)
    cdef vec shift, total = splat(0), v
    cdef Py_ssize_t i = 0
    if op == LOGSUMEXP:
        m = lane(finite_or_zero(splat(m)), 0)
        y[0] = lane(v_log(splat(sum_exp(x, n, m))), 0) + m
        return
    shift = splat(m)
    if op == SOFTMAX:
        while i + LANES <= n:
            v = v_exp(load(x + i) - shift)
            total = total + v
            store(y + i, v)
            i += LANES
        if i < n:
            v = v_exp(load_padded(x + i, n - i, -INFINITY) - shift)
            total = total + v
            store_part(y + i, v, n - i)
        total = splat(1 / hsum(total))
        i = 0
        while i < n:
            store_upto(y + i, load_upto(y + i, n - i) * total, n - i)
            i += LANES
        return
    total = v_log(splat(sum_exp(x, n, m)))
    while i < n:
        store_upto(y + i, load_upto(x + i, n - i) - shift - total, n - i)
        i += LANES


cdef inline void softmax_rows(int op, real* y, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef real[SHORT_ROW * LANES] block
    cdef Py_ssize_t r = 0, count
    cdef Py_ssize_t out = 1 if op == LOGSUMEXP else n       # elements per row of the output
    if n > SHORT_ROW:
        for r in range(rows):
            softmax_row(op, y + r * out, x + r * n, n)
        return
    while r < rows:
        count = min(LANES, rows - r)
        transpose_in(block, x + r * n, count, n)
        softmax_lanes(op, block, block, n, LANES, LANES)
        transpose_out(y + r * out, block, count, out)
        r += LANES


cdef inline void softmax_any(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 1 is x, 0 is y; shape: outer, n, inner."""
    cdef Py_ssize_t outer = call.shape[0], n = call.shape[1], inner = call.shape[2]
    cdef Py_ssize_t strips = (inner + COLUMN_STRIP - 1) // COLUMN_STRIP
    cdef real* y = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef Py_ssize_t unit, o, i, stop
    cdef Py_ssize_t out = 1 if op == LOGSUMEXP else n
    if inner == 1:
        begin *= ROW_BLOCK
        softmax_rows(op, y + begin * out, x + begin * n, min(end * ROW_BLOCK, outer) - begin, n)
        return
    for unit in range(begin, end):
        o = unit // strips
        i = unit % strips * COLUMN_STRIP
        stop = min(i + COLUMN_STRIP, inner)
        while i < stop:
            softmax_lanes(op, y + o * out * inner + i, x + o * n * inner + i, n, inner, stop - i)
            i += LANES


cdef void softmax(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    softmax_any(SOFTMAX, call, begin, end)


cdef void log_softmax(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    softmax_any(LOG_SOFTMAX, call, begin, end)


cdef void logsumexp(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    softmax_any(LOGSUMEXP, call, begin, end)


# Backward, given y and g:  softmax: dx = y * (g - sum(g * y));  log_softmax: dx = g - exp(y) * sum(g).

cdef inline vec softmax_share(int op, vec y, vec g) noexcept nogil:
    return g * y if op == SOFTMAX else g


cdef inline vec softmax_slope(int op, vec y, vec g, vec total) noexcept nogil:
    return y * (g - total) if op == SOFTMAX else g - v_exp(y) * total


cdef inline void softmax_backward_lanes(int op, real* dx, const real* y, const real* g, Py_ssize_t n, Py_ssize_t stride,
                                        Py_ssize_t width) noexcept nogil:
    cdef vec total = splat(0)
    cdef Py_ssize_t i, j
    for i in range(n):
        j = i * stride
        total = total + softmax_share(op, load_upto(y + j, width), load_upto(g + j, width))
    for i in range(n):
        j = i * stride
        store_upto(dx + j, softmax_slope(op, load_upto(y + j, width), load_upto(g + j, width), total), width)


cdef inline void softmax_backward_row(int op, real* dx, const real* y, const real* g, Py_ssize_t n) noexcept nogil:
    cdef vec total = splat(0)
    cdef Py_ssize_t i = 0
    while i < n:
        total = total + softmax_share(op, load_upto(y + i, n - i), load_upto(g + i, n - i))
        i += LANES
    total = splat(hsum(total))
    i = 0
    while i < n:
        store_upto(dx + i, softmax_slope(op, load_upto(y + i, n - i), load_upto(g + i, n - i), total), n - i)
        i += LANES


cdef inline void softmax_backward_rows(int op, real* dx, const real* y, const real* g, Py_ssize_t rows,
                                       Py_ssize_t n) noexcept nogil:
    cdef real[SHORT_ROW * LANES] block_y
    cdef real[SHORT_ROW * LANES] block_g
    cdef Py_ssize_t r = 0, count
    if n > SHORT_ROW:
        for r in range(rows):
            softmax_backward_row(op, dx + r * n, y + r * n, g + r * n, n)
        return
    while r < rows:
        count = min(LANES, rows - r)
        transpose_in(block_y, y + r * n, count, n)
        transpose_in(block_g, g + r * n, count, n)
        softmax_backward_lanes(op, block_g, block_y, block_g, n, LANES, LANES)
        transpose_out(dx + r * n, block_g, count, n)
        r += LANES


cdef inline void softmax_backward_any(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 is dx, 1 is y, 2 is g; shape: outer, n, inner."""
    cdef Py_ssize_t outer = call.shape[0], n = call.shape[1], inner = call.shape[2]
    cdef Py_ssize_t strips = (inner + COLUMN_STRIP - 1) // COLUMN_STRIP
    cdef real* dx = <real*> call.operand[0].data
    cdef const real* y = <const real*> call.operand[1].data
    cdef const real* g = <const real*> call.operand[2].data
    cdef Py_ssize_t unit, i, stop, at
    if inner == 1:
        begin *= ROW_BLOCK
        at = begin * n
        softmax_backward_rows(op, dx + at, y + at, g + at, min(end * ROW_BLOCK, outer) - begin, n)
        return
    for unit in range(begin, end):
        i = unit % strips * COLUMN_STRIP
        stop = min(i + COLUMN_STRIP, inner)
        while i < stop:
            at = unit // strips * n * inner + i
            softmax_backward_lanes(op, dx + at, y + at, g + at, n, inner, stop - i)
            i += LANES


cdef void softmax_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    softmax_backward_any(SOFTMAX, call, begin, end)


cdef void log_softmax_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    softmax_backward_any(LOG_SOFTMAX, call, begin, end)


cdef void register_softmax(Kernels* k) noexcept:
    k.softmax[SOFTMAX] = softmax
    k.softmax[LOG_SOFTMAX] = log_softmax
    k.softmax[LOGSUMEXP] = logsumexp
    k.softmax_backward[SOFTMAX] = softmax_backward
    k.softmax_backward[LOG_SOFTMAX] = log_softmax_backward
