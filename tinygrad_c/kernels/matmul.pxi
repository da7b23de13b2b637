# The matrix product: C = A @ B, plus C itself, plus a bias, then relu (each on request), for operands of any strides.
#
# A tile of C, TILE_ROWS x TILE_VECS vectors, stays in registers while k runs: each step loads a row of B's panel (vectors)
# and multiplies it by TILE_ROWS elements of A, each broadcast to a vector. So
#   - A is read an element at a time and may have any strides: it is never copied but to spare the caches (PACKED_A);
#   - B's rows must be contiguous. Where they are not, a panel (KC x tile columns, 32 KB at most) is copied on to the stack,
#     LANES x LANES blocks being transposed in registers, and used for all rows of the unit while it is in L1.
# gemm.pyx chooses which operand plays A and which B: in the other order the tile is C's transpose (TRANSPOSED).
# Rows that do not fill a tile run a tile of fewer rows, not one padded with zeros.
from tinygrad_c.kernels.matmul cimport *

cdef enum:
    KC = 256                            # k is cut so: a panel of B fills two thirds of a 48 KB L1


ctypedef struct Finish:                 # what happens to a tile of sums
    Py_ssize_t c_row                    # stride of C between the tile's rows (TRANSPOSED: between its columns)
    bint accumulate
    bint relu
    bint transposed
    const real* bias                    # one value a column of the tile; NULL for none
    real* sums                          # TRANSPOSED: where the tile goes first


cdef inline void tile(int mr, int nv, Py_ssize_t k, const real* a, Py_ssize_t a_row, Py_ssize_t a_col, const real* b,
                      Py_ssize_t b_row, Py_ssize_t last, real* c, const Finish* f) noexcept nogil:
    """mr rows by nv vectors of C; of the last vector, the first `last` lanes. mr and nv are constants at each call."""
    cdef vec[MAX_TILE_ROWS][TILE_VECS] acc
    cdef vec[TILE_VECS] row
    cdef vec x
    cdef Py_ssize_t p
    cdef int i, j
    for i in range(mr):
        for j in range(nv):
            acc[i][j] = splat(0)
    for p in range(k):
        for j in range(nv - 1):
            row[j] = load(b + j * LANES)
        row[nv - 1] = load_row(b + (nv - 1) * LANES, last)
        for i in range(mr):
            x = splat(a[i * a_row])
            for j in range(nv):
                acc[i][j] = acc[i][j] + x * row[j]
        a += a_col
        b += b_row
    if f.transposed:
        for i in range(mr):
            for j in range(nv):
                store(f.sums + (i * nv + j) * LANES, acc[i][j])
        return
    if f.accumulate:
        for i in range(mr):
            for j in range(nv - 1):
                acc[i][j] = acc[i][j] + load(c + i * f.c_row + j * LANES)
            acc[i][nv - 1] = acc[i][nv - 1] + load_last(c + i * f.c_row + (nv - 1) * LANES, last)
    if f.bias != NULL:
        for j in range(nv):
            row[j] = load(f.bias + j * LANES)
        for i in range(mr):
            for j in range(nv):
                acc[i][j] = acc[i][j] + row[j]
    if f.relu:
        for i in range(mr):
            for j in range(nv):
                acc[i][j] = blend(lt(acc[i][j], splat(0)), splat(0), acc[i][j])
    for i in range(mr):
        for j in range(nv - 1):
            store(c + i * f.c_row + j * LANES, acc[i][j])
        store_last(c + i * f.c_row + (nv - 1) * LANES, acc[i][nv - 1], last)


cdef inline void tile_rows(int mr, int nv, Py_ssize_t k, const real* a, Py_ssize_t a_row, Py_ssize_t a_col, const real* b,
                           Py_ssize_t b_row, Py_ssize_t last, real* c, const Finish* f) noexcept nogil:
    """The tile with as many rows as mr says; nv is a constant."""
    if mr == 1:
        tile(1, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 2:
        tile(2, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 3:
        tile(3, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 4:
        tile(4, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 5 and TILE_ROWS >= 5:
        tile(5, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 6 and TILE_ROWS >= 6:
        tile(6, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 7 and TILE_ROWS >= 7:
        tile(7, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 8 and TILE_ROWS >= 8:
        tile(8, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 9 and TILE_ROWS >= 9:
        tile(9, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 10 and TILE_ROWS >= 10:
        tile(10, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 11 and TILE_ROWS >= 11:
        tile(11, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 12 and TILE_ROWS >= 12:
        tile(12, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 13 and TILE_ROWS >= 13:
        tile(13, nv, k, a, a_row, a_col, b, b_row, last, c, f)
    elif mr == 14 and TILE_ROWS >= 14:
        tile(14, nv, k, a, a_row, a_col, b, b_row, last, c, f)


cdef void pack(real* to, Py_ssize_t width, const real* source, Py_ssize_t stride, Py_ssize_t step, Py_ssize_t n,
               Py_ssize_t k) noexcept nogil:
    """to[p, w] = source[p * step + w * stride] for w < n; width, a multiple of LANES, is that of a row of `to`. What stands
    beyond n in a row is of no account, but finite where the source is."""
    cdef vec[MAX_LANES] block
    cdef Py_ssize_t p, w, i
    if stride == 1:
        for p in range(k):
            w = 0
            while w + LANES <= n:
                store(to + w, load(source + w))
                w += LANES
            if w < n:
                store(to + w, load_part(source + w, n - w))
            source += step
            to += width
    elif step == 1:
        w = 0
        while w < n:
            p = 0
            while p + LANES <= k:
                for i in range(LANES):
                    block[i] = load(source + min(w + i, n - 1) * stride + p)
                transpose(block)
                for i in range(LANES):
                    store(to + (p + i) * width + w, block[i])
                p += LANES
            if p < k:
                for i in range(LANES):
                    block[i] = load_part(source + min(w + i, n - 1) * stride + p, k - p)
                transpose(block)
                for i in range(min(k - p, LANES)):
                    store(to + (p + i) * width + w, block[i])
            w += LANES
    else:
        for p in range(k):
            for w in range(n):
                to[w] = source[w * stride]
            for w in range(n, width):
                to[w] = 0
            source += step
            to += width


cdef void store_transposed(int mr, Py_ssize_t width, Py_ssize_t cols, real* c, const real* bias,
                           const Finish* f) noexcept nogil:
    """Finish a tile whose transpose is C's: f.sums has mr rows of `width`; each of its columns goes to a row of C."""
    cdef vec[MAX_LANES] block
    cdef vec x
    cdef Py_ssize_t i, j, t, n
    cdef real* to
    i = 0
    while i < mr:
        n = min(mr - i, LANES)
        j = 0
        while j < cols:
            for t in range(LANES):
                block[t] = load(f.sums + (i + t if t < n else i) * width + j)
            transpose(block)
            to = c + j * f.c_row + i
            for t in range(min(cols - j, LANES)):
                x = block[t]
                if f.accumulate:
                    x = x + load_last(to, n)
                if bias != NULL:
                    x = x + load(bias + i)
                if f.relu:
                    x = blend(lt(x, splat(0)), splat(0), x)
                store_last(to, x, n)
                to += f.c_row
            j += LANES
        i += LANES


cdef void copy_bias(real* to, const Operand* o, Py_ssize_t first, Py_ssize_t n, int d) noexcept nogil:
    """n values of the bias along dimension d, made contiguous."""
    cdef const real* source = <const real*> o.data + first * o.stride[d]
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = source[i * o.stride[d]]


cdef void matmul_unit(const Call* call, Py_ssize_t batch, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0,
                      Py_ssize_t j1) noexcept nogil:
    """Rows i0..i1 and columns j0..j1 of one product."""
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef const real* a = <const real*> oa.data + batch * oa.stride[0]
    cdef const real* b = <const real*> ob.data + batch * ob.stride[0]
    cdef real* c = <real*> call.operand[0].data + batch * call.operand[0].stride[0]
    cdef Py_ssize_t c_row = call.operand[0].stride[1]
    cdef Py_ssize_t c_col = call.operand[0].stride[2]
    cdef Py_ssize_t a_row = oa.stride[1]
    cdef Py_ssize_t a_col = oa.stride[2]
    cdef Py_ssize_t b_row = ob.stride[1]
    cdef Py_ssize_t b_col = ob.stride[2]
    cdef Py_ssize_t k = call.shape[3]
    cdef int flags = <int> call.param[FLAGS].i
    cdef vec[KC * TILE_VECS] panel
    cdef vec[MAX_TILE_ROWS * TILE_VECS] sums
    cdef vec[MAX_TILE_ROWS + TILE_VECS] bias
    cdef Finish f
    cdef Py_ssize_t blocks, i, j, p, kc, cols, last, rows_a_tile, row_step
    cdef const real* pa
    cdef const real* pb
    cdef const real* row_bias
    cdef int mr, nv
    # As many tiles as the rows need, all of nearly one height: 16 rows are 8 + 8.
    rows_a_tile = TILE_ROWS
    if not flags & PACKED_A:
        blocks = (i1 - i0 + TILE_ROWS - 1) // TILE_ROWS
        rows_a_tile = (i1 - i0 + blocks - 1) // blocks
    blocks = (k + KC - 1) // KC
    kc = (k + blocks - 1) // blocks if blocks else 0
    f.transposed = flags & TRANSPOSED
    f.c_row = c_col if f.transposed else c_row
    f.sums = <real*> sums
    f.accumulate = flags & ACCUMULATE
    p = 0
    while True:
        kc = min(kc, k - p)
        f.relu = flags & RELU and p + kc == k
        j = j0
        while j < j1:
            cols = min(j1 - j, TILE_VECS * LANES)
            nv = <int> ((cols + LANES - 1) // LANES)
            last = cols - (nv - 1) * LANES
            pb = b + p * b_row + j * b_col
            row_step = b_row
            if b_col != 1 or flags & PACK_B or (last < LANES and not MASKED_LOADS):
                pack(<real*> panel, nv * LANES, pb, b_col, b_row, cols, kc)
                pb = <real*> panel
                row_step = nv * LANES
            f.bias = NULL
            row_bias = NULL
            if flags & BIAS and p + kc == k and not f.transposed:
                copy_bias(<real*> bias, &call.operand[3], j, cols, 2)
                f.bias = <real*> bias
            i = i0
            while i < i1:
                mr = <int> min(i1 - i, rows_a_tile)
                if flags & PACKED_A:
                    pa = a + i // TILE_ROWS * oa.stride[1] + p * PACKED_ROWS
                    a_row = 1
                    a_col = PACKED_ROWS
                else:
                    pa = a + i * a_row + p * a_col
                if nv == 1:
                    tile_rows(mr, 1, kc, pa, a_row, a_col, pb, row_step, last, c + i * c_row + j, &f)
                else:
                    tile_rows(mr, 2, kc, pa, a_row, a_col, pb, row_step, last, c + i * c_row + j, &f)
                if f.transposed:
                    if flags & BIAS and p + kc == k:
                        copy_bias(<real*> bias, &call.operand[3], i, mr, 1)
                        row_bias = <real*> bias
                    store_transposed(mr, nv * LANES, cols, c + i + j * c_col, row_bias, &f)
                i += mr
            j += cols
        p += kc
        if p >= k:
            return
        f.accumulate = True


cdef void matmul(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t rows = call.param[UNIT_ROWS].i
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t m = call.shape[1]
    cdef Py_ssize_t n = call.shape[2]
    cdef Py_ssize_t down = (m + rows - 1) // rows
    cdef Py_ssize_t across = (n + cols - 1) // cols
    cdef Py_ssize_t unit, i, j
    for unit in range(begin, end):
        j = unit % across * cols
        i = unit // across % down * rows
        matmul_unit(call, unit // across // down, i, min(i + rows, m), j, min(j + cols, n))


cdef void matmul_pack(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Operand 1 (batch, m, k) into panels of TILE_ROWS rows, each k x PACKED_ROWS; a unit is a panel."""
    cdef const Operand* o = &call.operand[1]
    cdef Py_ssize_t panels = (call.shape[1] + TILE_ROWS - 1) // TILE_ROWS
    cdef Py_ssize_t unit, i, n
    for unit in range(begin, end):
        i = unit % panels * TILE_ROWS
        n = min(call.shape[1] - i, TILE_ROWS)
        pack(<real*> call.operand[0].data + unit * call.shape[3] * PACKED_ROWS, PACKED_ROWS,
             <const real*> o.data + unit // panels * o.stride[0] + i * o.stride[1], o.stride[1], o.stride[2], n,
             call.shape[3])


cdef void register_matmul(Kernels* k) noexcept:
    k.matmul = matmul
    k.matmul_pack = matmul_pack
    k.lanes = LANES
    k.tile_rows = TILE_ROWS
    k.tile_cols = TILE_VECS * LANES
    k.packed_rows = PACKED_ROWS
