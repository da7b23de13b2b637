# Reductions of a contiguous x of shape (outer, reduced, inner): out[o, b, i] = the op over r in piece b of x[o, r, i].
# operand 0: out; 1: x.
#
# A long reduction is split into pieces of param[REDUCE_PIECE] elements; ops/reduce/reduce.pyx reduces their results again. So a
# sum of n numbers is a tree: at most about 100 additions in sequence, in the same order whichever thread computes a piece. If
# inner == 1, the lanes run along a row; otherwise the lanes are columns, in strips of COLUMN_STRIP. A unit is one strip of one
# piece, or ROW_BLOCK rows if they are short.

cdef enum:
    NARROW = 16                 # columns: rows of at most this width share vectors
    RUN = 32                    # rows per partial result of a column


cdef inline vec combine(int op, vec a, vec b) noexcept nogil:
    if op == MAX:
        return vmax(a, b)
    if op == MIN:
        return vmin(a, b)
    return a * b if op == PROD else a + b


cdef inline real combine1(int op, real a, real b) noexcept nogil:
    if op == MAX:
        return a if a > b or a != a else b
    if op == MIN:
        return a if a < b or a != a else b
    return a * b if op == PROD else a + b


cdef inline real identity(int op) noexcept nogil:
    if op == MAX:
        return -INFINITY
    if op == MIN:
        return INFINITY
    return 1 if op == PROD else 0


cdef inline real reduce_lanes(int op, vec v) noexcept nogil:
    cdef real r
    cdef int i
    if op == MAX:
        return hmax(v)
    if op == MIN:
        return hmin(v)
    if op == PROD:
        r = lane(v, 0)
        for i in range(1, <int> LANES):
            r = r * lane(v, i)
        return r
    return hsum(v)


cdef inline vec preprocess(int op, vec x) noexcept nogil:
    return x * x if op == SQUARES else x


cdef inline real reduce_row(int op, const real* x, Py_ssize_t n) noexcept nogil:
    """The op over n contiguous elements, with four vector accumulators."""
    cdef vec a = splat(identity(op)), b = a, c = a, d = a
    cdef Py_ssize_t i = 0
    while i + 4 * LANES <= n:
        a = combine(op, a, preprocess(op, load(x + i)))
        b = combine(op, b, preprocess(op, load(x + i + LANES)))
        c = combine(op, c, preprocess(op, load(x + i + 2 * LANES)))
        d = combine(op, d, preprocess(op, load(x + i + 3 * LANES)))
        i += 4 * LANES
    while i < n:
        a = combine(op, a, preprocess(op, load_padded(x + i, n - i, identity(op))))
        i += LANES
    return reduce_lanes(op, combine(op, combine(op, a, b), combine(op, c, d)))


cdef inline void reduce_columns(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t stride,
                                Py_ssize_t width) noexcept nogil:
    """out[i] = the op over r of x[r * stride + i], for i < width: partial results of RUN rows, then the op over those."""
    cdef vec start = splat(identity(op))
    cdef vec a, b, c, d, a_all, b_all, c_all, d_all
    cdef const real* p
    cdef Py_ssize_t i = 0, r, stop
    while i + 4 * LANES <= width:
        a_all = b_all = c_all = d_all = start
        p = x + i
        r = 0
        while r < rows:
            a = b = c = d = start
            stop = min(r + RUN, rows)
            while r < stop:
                a = combine(op, a, preprocess(op, load(p)))
                b = combine(op, b, preprocess(op, load(p + LANES)))
                c = combine(op, c, preprocess(op, load(p + 2 * LANES)))
                d = combine(op, d, preprocess(op, load(p + 3 * LANES)))
                p += stride
                r += 1
            a_all = combine(op, a_all, a)
            b_all = combine(op, b_all, b)
            c_all = combine(op, c_all, c)
            d_all = combine(op, d_all, d)
        store(out + i, a_all)
        store(out + i + LANES, b_all)
        store(out + i + 2 * LANES, c_all)
        store(out + i + 3 * LANES, d_all)
        i += 4 * LANES
    while i < width:
        a_all = start
        p = x + i
        r = 0
        while r < rows:
            a = start
            stop = min(r + RUN, rows)
            while r < stop:
                a = combine(op, a, preprocess(op, load_upto(p, width - i)))
                p += stride
                r += 1
            a_all = combine(op, a_all, a)
        store_upto(out + i, a_all, width - i)
        i += LANES


cdef inline void reduce_narrow(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t width) noexcept nogil:
    """reduce_columns for rows that are narrower than a few vectors and follow one another: LANES rows are `width` full vectors,
    lane j of vector k being column (k * LANES + j) % width."""
    cdef vec[NARROW] total
    cdef Py_ssize_t r = 0, k, i = 0
    cdef int j
    for k in range(width):
        total[k] = splat(identity(op))
    while r + LANES <= rows:
        for k in range(width):
            total[k] = combine(op, total[k], preprocess(op, load(x + k * LANES)))
        x += width * LANES
        r += LANES
    for i in range(width):
        out[i] = identity(op)
    i = 0
    for k in range(width):
        for j in range(<int> LANES):
            out[i] = combine1(op, out[i], lane(total[k], j))
            i = i + 1 if i + 1 < width else 0
    while r < rows:
        for i in range(width):
            out[i] = combine1(op, out[i], x[i] * x[i] if op == SQUARES else x[i])
        x += width
        r += 1


cdef inline void reduce_short_rows(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef real[SHORT_ROW * LANES] block
    cdef Py_ssize_t r = 0, i
    cdef vec a
    memset(block, 0, n * LANES * sizeof(real))
    while r < rows:
        transpose_in(block, x + r * n, min(LANES, rows - r), n)
        a = preprocess(op, load(block))
        for i in range(1, n):
            a = combine(op, a, preprocess(op, load(block + i * LANES)))
        store_upto(out + r, a, rows - r)
        r += LANES


cdef inline void reduce(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t reduced = call.shape[1], inner = call.shape[2]
    cdef Py_ssize_t piece = call.param[REDUCE_PIECE].i
    cdef Py_ssize_t pieces = (reduced + piece - 1) // piece
    cdef Py_ssize_t strips = (inner + COLUMN_STRIP - 1) // COLUMN_STRIP
    cdef Py_ssize_t unit, o, b, i, n, width
    cdef const real* x = <const real*> call.operand[1].data
    cdef real* out = <real*> call.operand[0].data
    if inner == 1 and reduced <= SHORT_ROW:
        o = begin * ROW_BLOCK
        reduce_short_rows(op, out + o, x + o * reduced, min(end * ROW_BLOCK, call.shape[0]) - o, reduced)
        return
    if inner == 1:
        b = begin % pieces
        x += begin // pieces * reduced
        for unit in range(begin, end):      # no division per row
            out[unit] = reduce_row(op, x + b * piece, min(piece, reduced - b * piece))
            b += 1
            if b == pieces:
                b = 0
                x += reduced
        return
    for unit in range(begin, end):
        i = unit % strips * COLUMN_STRIP
        b = unit // strips % pieces
        o = unit // strips // pieces
        n = min(piece, reduced - b * piece)
        width = min(COLUMN_STRIP, inner - i)
        x = <const real*> call.operand[1].data + (o * reduced + b * piece) * inner + i
        out = <real*> call.operand[0].data + (o * pieces + b) * inner + i
        if inner == width and inner <= NARROW and n >= 4 * LANES:
            reduce_narrow(op, out, x, n, inner)
        else:
            reduce_columns(op, out, x, n, inner, width)


cdef void reduce_sum(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    reduce(SUM, call, begin, end)


cdef void reduce_squares(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    reduce(SQUARES, call, begin, end)


cdef void reduce_prod(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    reduce(PROD, call, begin, end)


cdef void reduce_max(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    reduce(MAX, call, begin, end)


cdef void reduce_min(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    reduce(MIN, call, begin, end)


# arg_max and arg_min: the extreme value over `reduced`, and its first index. operand 0: the values; 1: x; 2: the int64 indices.
# NaN counts as the largest and as the smallest. A unit is one outer index, or ROW_BLOCK of them if rows are short.

cdef inline bint better(bint largest, real a, real b) noexcept nogil:
    """Whether a replaces b as the extreme value."""
    return (a > b if largest else a < b) or (a != a and b == b)


cdef inline void arg_row(bint largest, real* value, const real* x, Py_ssize_t n, int64_t* index) noexcept nogil:
    cdef real best = reduce_row(MAX, x, n) if largest else reduce_row(MIN, x, n)
    cdef vec wanted = splat(best)
    cdef Py_ssize_t i = 0
    if best != best:
        while i < n - 1 and x[i] == x[i]:       # n - 1: another thread may overwrite the NaN meanwhile
            i += 1
    else:
        while i + LANES <= n and not any_lane(eq(load(x + i), wanted)):
            i += LANES
        while i < n - 1 and x[i] != best:
            i += 1
    value[0] = best
    index[0] = min(i, n - 1)                    # i is n if another thread overwrote the extreme meanwhile


cdef inline void arg_columns(bint largest, real* value, const real* x, Py_ssize_t n, Py_ssize_t inner, int64_t* index,
                             Py_ssize_t width) noexcept nogil:
    cdef vec best, v
    cdef ivec where = isplat(0)
    cdef mask m
    cdef Py_ssize_t r, i
    if width < LANES:
        for i in range(width):
            value[i] = x[i]
            index[i] = 0
            for r in range(1, n):
                if better(largest, x[r * inner + i], value[i]):
                    value[i] = x[r * inner + i]
                    index[i] = r
        return
    best = load(x)
    for r in range(1, n):
        v = load(x + r * inner)
        m = mask_or(gt(v, best) if largest else lt(v, best), mask_and(ne(v, v), eq(best, best)))
        best = blend(m, v, best)
        where = bits(blend(m, from_bits(isplat(<ireal> r)), from_bits(where)))
    store(value, best)
    for i in range(LANES):
        index[i] = ilane(where, <int> i)


cdef inline void arg_short_rows(bint largest, real* value, const real* x, Py_ssize_t rows, Py_ssize_t n,
                                int64_t* index) noexcept nogil:
    cdef real[SHORT_ROW * LANES] block
    cdef real[LANES] best
    cdef int64_t[LANES] where
    cdef Py_ssize_t r = 0, count
    memset(block, 0, n * LANES * sizeof(real))
    while r < rows:
        count = min(LANES, rows - r)
        transpose_in(block, x + r * n, count, n)
        arg_columns(largest, best, block, n, LANES, where, LANES)
        memcpy(value + r, best, count * sizeof(real))
        memcpy(index + r, where, count * sizeof(int64_t))
        r += LANES


cdef inline void arg_reduce(bint largest, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[1], inner = call.shape[2]
    cdef Py_ssize_t o, i
    cdef real* value = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef int64_t* index = <int64_t*> call.operand[2].data
    if inner == 1 and n <= SHORT_ROW:
        o = begin * ROW_BLOCK
        arg_short_rows(largest, value + o, x + o * n, min(end * ROW_BLOCK, call.shape[0]) - o, n, index + o)
        return
    for o in range(begin, end):
        if inner == 1:
            arg_row(largest, value + o, x + o * n, n, index + o)
            continue
        i = 0
        while i < inner:
            arg_columns(largest, value + o * inner + i, x + o * n * inner + i, n, inner, index + o * inner + i,
                        min(LANES, inner - i))
            i += LANES


cdef void arg_max(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    arg_reduce(True, call, begin, end)


cdef void arg_min(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    arg_reduce(False, call, begin, end)


cdef void cumsum(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """out[o, r, i] = sum of x[o, s, i] over s <= r (SCAN_REVERSE: s >= r); the product with SCAN_PRODUCT. A unit is one o."""
    cdef Py_ssize_t n = call.shape[1], inner = call.shape[2]
    cdef bint reverse = call.param[SCAN_REVERSE].i, product = call.param[SCAN_PRODUCT].i
    cdef Py_ssize_t step = -inner if reverse else inner
    cdef Py_ssize_t o, r, i, start
    cdef const real* x
    cdef real* out
    cdef double total
    for o in range(begin, end):
        start = o * n * inner + ((n - 1) * inner if reverse else 0)
        x = <const real*> call.operand[1].data + start
        out = <real*> call.operand[0].data + start
        if inner == 1:
            total = product
            if product:                 # a separate loop: with a branch inside, sums took three times as long
                for r in range(n):
                    total *= x[r * step]
                    out[r * step] = <real> total
            else:
                for r in range(n):
                    total += x[r * step]
                    out[r * step] = <real> total
            continue
        memcpy(out, x, inner * sizeof(real))
        for r in range(1, n):
            x += step
            out += step
            i = 0
            while i < inner and not product:
                store_upto(out + i, load_upto(out - step + i, inner - i) + load_upto(x + i, inner - i), inner - i)
                i += LANES
            while i < inner:
                store_upto(out + i, load_upto(out - step + i, inner - i) * load_upto(x + i, inner - i), inner - i)
                i += LANES


cdef void register_reduce(Kernels* k) noexcept:
    k.reduce[SUM] = reduce_sum
    k.reduce[SQUARES] = reduce_squares
    k.reduce[PROD] = reduce_prod
    k.reduce[MAX] = reduce_max
    k.reduce[MIN] = reduce_min
    k.arg_max = arg_max
    k.arg_min = arg_min
    k.cumsum = cumsum
