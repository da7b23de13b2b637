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


cdef inline void reduce_strip(int op, int vecs, real* out, const real* x, Py_ssize_t rows, Py_ssize_t stride,
                              Py_ssize_t last) noexcept nogil:
    """out[i] = the op over r of x[r * stride + i], for `vecs` vectors of columns, 1, 2 or 4, the last of them of `last` lanes.
    Four accumulators: 4 / vecs rows at a time. Partial results of RUN rows, then the op over those."""
    cdef vec[4] a
    cdef vec[4] total
    cdef vec v
    cdef Py_ssize_t r = 0, stop
    cdef int at = 4 // vecs, i, j
    for j in range(vecs):
        total[j] = splat(identity(op))
    while r < rows:
        for j in range(4):
            a[j] = splat(identity(op))
        stop = min(r + RUN, rows)
        while r + at <= stop:
            for i in range(at):
                for j in range(vecs):
                    v = load(x + i * stride + j * LANES) if j < vecs - 1 else load_upto(x + i * stride + j * LANES, last)
                    a[i * vecs + j] = combine(op, a[i * vecs + j], preprocess(op, v))
            x += at * stride
            r += at
        while r < stop:
            for j in range(vecs):
                v = load(x + j * LANES) if j < vecs - 1 else load_upto(x + j * LANES, last)
                a[j] = combine(op, a[j], preprocess(op, v))
            x += stride
            r += 1
        for j in range(vecs):
            if vecs == 1:
                a[0] = combine(op, combine(op, a[0], a[1]), combine(op, a[2], a[3]))
            elif vecs == 2:
                a[j] = combine(op, a[j], a[2 + j])
            total[j] = combine(op, total[j], a[j])
    for j in range(vecs):
        store_upto(out + j * LANES, total[j], last if j == vecs - 1 else LANES)


cdef inline void reduce_columns(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t stride,
                                Py_ssize_t width) noexcept nogil:
    """out[i] = the op over r of x[r * stride + i], for i < width."""
    cdef Py_ssize_t i = 0
    while i + 4 * LANES <= width:
        reduce_strip(op, 4, out + i, x + i, rows, stride, LANES)
        i += 4 * LANES
    while i + LANES < width:
        reduce_strip(op, 2, out + i, x + i, rows, stride, min(LANES, width - i - LANES))
        i += 2 * LANES
    if i < width:
        reduce_strip(op, 1, out + i, x + i, rows, stride, width - i)


cdef inline void reduce_narrow(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t width) noexcept nogil:
    """reduce_columns for rows that are narrower than a few vectors and follow one another: LANES rows are `width` full vectors,
    which are added up over RUN times LANES rows, one of them after the other. In the end LANES rows are left."""
    cdef real[NARROW * MAX_LANES] total
    cdef vec a, b
    cdef const real* p
    cdef Py_ssize_t r = 0, groups, k, g, i, step = width * LANES
    for i in range(step):
        total[i] = identity(op)
    while r + LANES <= rows:
        groups = min((rows - r) // LANES, RUN)
        for k in range(width):
            p = x + k * LANES
            a = b = splat(identity(op))
            for g in range(groups // 2):
                a = combine(op, a, preprocess(op, load(p)))
                b = combine(op, b, preprocess(op, load(p + step)))
                p += 2 * step
            if groups & 1:
                a = combine(op, a, preprocess(op, load(p)))
            store(total + k * LANES, combine(op, load(total + k * LANES), combine(op, a, b)))
        x += groups * step
        r += groups * LANES
    i = 0
    while i < width:
        a = b = splat(identity(op))
        for k in range(0, LANES, 2):
            a = combine(op, a, load_upto(total + k * width + i, width - i))
            if LANES > 1:
                b = combine(op, b, load_upto(total + (k + 1) * width + i, width - i))
        for k in range(rows - r):
            a = combine(op, a, preprocess(op, load_upto(x + k * width + i, width - i)))
        store_upto(out + i, combine(op, a, b), width - i)
        i += LANES


cdef inline void reduce_short_rows(int op, real* out, const real* x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef real[SHORT_ROW * LANES] block
    cdef Py_ssize_t r = 0, i
    cdef vec a
    while r < rows and n == 1:
        store_upto(out + r, preprocess(op, load_upto(x + r, rows - r)), rows - r)
        r += LANES
    if r < rows and rows == 1 and op != SQUARES:    # as below without a transposition (of squares, gcc would round x * x first)
        a = splat(x[0])
        for i in range(1, n):
            a = combine(op, a, splat(x[i]))
        store_upto(out, a, 1)
        return
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
        if inner == width and inner < NARROW and inner % LANES and n >= 4 * LANES:
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
