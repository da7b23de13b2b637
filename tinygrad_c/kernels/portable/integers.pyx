"""Reductions of integers and bool. Sums and products are int64, other results keep the input's dtype.

Operands, params and units are those of simd/reduce.pxi. Plain loops: over one output at a time if the reduced elements are
contiguous, else over a strip of outputs. The branch on the element's size, which identifies the three integer types, is taken
once per row or strip.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.table cimport *

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t


cdef inline integer extreme(int op, const integer* x, Py_ssize_t n, Py_ssize_t stride) noexcept nogil:
    cdef integer[16] r          # 16 accumulators: with one, each comparison waits for the one before
    cdef Py_ssize_t i = 0
    cdef int j
    if n < 16 or stride != 1:
        r[0] = x[0]
        for i in range(1, n):
            r[0] = x[i * stride] if (x[i * stride] > r[0]) == (op == MAX) else r[0]
        return r[0]
    for j in range(16):
        r[j] = x[0]
    if op == MAX:
        while i + 16 <= n:
            for j in range(16):
                r[j] = x[i + j] if x[i + j] > r[j] else r[j]
            i += 16
    else:
        while i + 16 <= n:
            for j in range(16):
                r[j] = x[i + j] if x[i + j] < r[j] else r[j]
            i += 16
    if op == MAX:
        for i in range(i, n):
            r[0] = x[i] if x[i] > r[0] else r[0]
        for j in range(1, 16):
            r[0] = r[j] if r[j] > r[0] else r[0]
    else:
        for i in range(i, n):
            r[0] = x[i] if x[i] < r[0] else r[0]
        for j in range(1, 16):
            r[0] = r[j] if r[j] < r[0] else r[0]
    return r[0]


cdef inline int64_t fold(int op, const integer* x, Py_ssize_t n, Py_ssize_t stride) noexcept nogil:
    cdef int64_t r
    cdef int64_t[8] several
    cdef Py_ssize_t i, j
    if op == SUM:
        r = 0
        if stride == 1:
            for j in range(8):
                several[j] = 0
            for i in range(0, n - 7, 8):
                for j in range(8):
                    several[j] += x[i + j]
            for j in range(8):
                r += several[j]
            for i in range(n // 8 * 8, n):
                r += x[i]
        else:
            for i in range(n):
                r += x[i * stride]
    elif op == SQUARES:
        r = 0
        for i in range(n):
            r += <int64_t> x[i * stride] * x[i * stride]
    elif op == PROD:
        r = 1
        for i in range(n):
            r *= x[i * stride]
    else:
        r = extreme(op, x, n, stride)
    return r


cdef inline int64_t fold_any(int op, const char* x, Py_ssize_t size, Py_ssize_t n, Py_ssize_t stride) noexcept nogil:
    if size == 1:
        return fold(op, <const uint8_t*> x, n, stride)
    if size == 4:
        return fold(op, <const int32_t*> x, n, stride)
    return fold(op, <const int64_t*> x, n, stride)


cdef inline int64_t find(const integer* x, Py_ssize_t n, Py_ssize_t stride, int64_t wanted) noexcept nogil:
    """The first index of `wanted`; n - 1 if another thread has overwritten it meanwhile."""
    cdef int64_t i = 0
    while i < n - 1 and x[i * stride] != wanted:
        i += 1
    return i


cdef inline int64_t get(const char* x, Py_ssize_t size, Py_ssize_t i) noexcept nogil:
    if size == 1:
        return (<const uint8_t*> x)[i]
    return (<const int32_t*> x)[i] if size == 4 else (<const int64_t*> x)[i]


cdef inline void put(char* x, Py_ssize_t size, Py_ssize_t i, int64_t value) noexcept nogil:
    if size == 1:
        (<uint8_t*> x)[i] = <uint8_t> value
    elif size == 4:
        (<int32_t*> x)[i] = <int32_t> value
    else:
        (<int64_t*> x)[i] = value


cdef inline void fold_strip(int op, int64_t* r, const integer* x, Py_ssize_t n, Py_ssize_t stride,
                            Py_ssize_t width) noexcept nogil:
    """fold() of `width` adjacent columns at once, for SUM, MAX and MIN."""
    cdef Py_ssize_t _, k
    for k in range(width):
        r[k] = 0 if op == SUM else x[k]
    for _ in range(n):
        if op == SUM:
            for k in range(width):
                r[k] += x[k]
        elif op == MAX:
            for k in range(width):
                r[k] = x[k] if x[k] > r[k] else r[k]
        else:
            for k in range(width):
                r[k] = x[k] if x[k] < r[k] else r[k]
        x += stride


cdef inline void reduce(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[1], inner = call.shape[2], piece = call.param[REDUCE_PIECE].i
    cdef Py_ssize_t pieces = (n + piece - 1) // piece
    cdef Py_ssize_t strips = (inner + COLUMN_STRIP - 1) // COLUMN_STRIP
    cdef Py_ssize_t size = call.operand[1].itemsize
    cdef Py_ssize_t unit, o, b, i, k, stop
    cdef const char* x
    cdef int64_t[COLUMN_STRIP] strip
    if inner == 1 and n <= SHORT_ROW:
        for i in range(begin * ROW_BLOCK, min(end * ROW_BLOCK, call.shape[0])):
            x = call.operand[1].data + i * n * size
            put(call.operand[0].data, call.operand[0].itemsize, i, fold_any(op, x, size, n, 1))
        return
    for unit in range(begin, end):
        i = unit % strips * COLUMN_STRIP
        stop = min(i + COLUMN_STRIP, inner)
        b = unit // strips % pieces
        o = unit // strips // pieces
        x = call.operand[1].data + ((o * n + b * piece) * inner + i) * size
        if stop - i > 1 and (op == SUM or op == MAX or op == MIN):
            if size == 1:
                fold_strip(op, strip, <const uint8_t*> x, min(piece, n - b * piece), inner, stop - i)
            elif size == 4:
                fold_strip(op, strip, <const int32_t*> x, min(piece, n - b * piece), inner, stop - i)
            else:
                fold_strip(op, strip, <const int64_t*> x, min(piece, n - b * piece), inner, stop - i)
            for k in range(i, stop):
                put(call.operand[0].data, call.operand[0].itemsize, (o * pieces + b) * inner + k, strip[k - i])
            continue
        while i < stop:
            x = call.operand[1].data + ((o * n + b * piece) * inner + i) * size
            put(call.operand[0].data, call.operand[0].itemsize, (o * pieces + b) * inner + i,
                fold_any(op, x, size, min(piece, n - b * piece), inner))
            i += 1


cdef inline void arg_reduce(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[1], inner = call.shape[2]
    cdef Py_ssize_t size = call.operand[1].itemsize
    cdef int64_t* index = <int64_t*> call.operand[2].data
    cdef const char* x
    cdef Py_ssize_t i
    cdef int64_t best
    if inner == 1 and n <= SHORT_ROW:
        begin *= ROW_BLOCK
        end = min(end * ROW_BLOCK, call.shape[0])
    for i in range(begin * inner, end * inner):
        x = call.operand[1].data + (i // inner * n * inner + i % inner) * size
        best = fold_any(op, x, size, n, inner)
        put(call.operand[0].data, size, i, best)
        if size == 1:
            index[i] = find(<const uint8_t*> x, n, inner, best)
        elif size == 4:
            index[i] = find(<const int32_t*> x, n, inner, best)
        else:
            index[i] = find(<const int64_t*> x, n, inner, best)


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


cdef void arg_max(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    arg_reduce(MAX, call, begin, end)


cdef void arg_min(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    arg_reduce(MIN, call, begin, end)


cdef void cumsum(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[1], inner = call.shape[2], size = call.operand[1].itemsize
    cdef int64_t* out = <int64_t*> call.operand[0].data
    cdef Py_ssize_t i, r, at
    cdef int64_t total
    for i in range(begin * inner, end * inner):
        total = call.param[SCAN_PRODUCT].i
        for r in range(n):
            at = (i // inner * n + r) * inner + i % inner
            if call.param[SCAN_PRODUCT].i:
                total *= get(call.operand[1].data, size, at)
            else:
                total += get(call.operand[1].data, size, at)
            out[at] = total


cdef void register_integer_kernels(Kernels* all) noexcept:
    cdef int dtype
    for dtype in range(BOOL, INT64 + 1):
        all[dtype].reduce[SUM] = reduce_sum
        all[dtype].reduce[SQUARES] = reduce_squares
        all[dtype].reduce[PROD] = reduce_prod
        all[dtype].reduce[MAX] = reduce_max
        all[dtype].reduce[MIN] = reduce_min
        all[dtype].arg_max = arg_max
        all[dtype].arg_min = arg_min
        all[dtype].cumsum = cumsum
