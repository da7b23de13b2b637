# The matrix product: C = A @ B, plus C itself, plus a bias, then relu (each on request), for operands of any strides. A unit
# that is complete may also go through an elementwise kernel, while it is in cache (apply_inner).
# Operands, shape and params: matmul.pxd. A unit is UNIT_ROWS x UNIT_COLS elements of C in one product of the batch.
#
# The micro-kernel keeps a tile of C, TILE_ROWS x TILE_VECS vectors, in registers while k runs: each step loads a row of B's
# panel (vectors) and multiplies it by TILE_ROWS elements of A, each broadcast to a vector. So
#   - A is read one element at a time and may have any strides: it is never packed;
#   - B's rows must be contiguous. If they are not, a panel (KC x tile columns, at most 64 KB) is packed into a buffer on the
#     stack, with LANES x LANES blocks transposed in registers, and used for all rows of the unit while it is in cache. A large
#     B is packed although its rows are contiguous, by the first tile of the unit as it reads them.
# gemm.pyx chooses which operand is A and which is B: in the other order the tile is the transpose of C's (TRANSPOSED).
# Edge rows run a micro-kernel of fewer rows, not a tile padded with zeros.

cdef enum:
    KC = 512                            # block of k: 64 KB of B. It streams from L2, but C is read and written half as often
    K_RUN = 256                         # products added to one accumulator, before a new partial sum begins
    AHEAD = 16                          # prefetch distance in rows of B: each row of a large B is on another page
    ALIASED = 4096                      # bytes: rows a multiple of this apart map to the same few sets of a cache
    PACK_AHEAD = 40                     # prefetch distance while packing, which reads B from memory, once for many tiles
    FAR_B = 1 << 18                     # elements: a larger B does not fit in a core's caches


ctypedef struct Tile
ctypedef void (*tiles_t)(int mr, Py_ssize_t count, Tile* t) noexcept nogil
ctypedef void (*store_t)(const real* sums, int mr, Py_ssize_t width, Tile* t) noexcept nogil

ctypedef struct Tile:                   # a column of tiles, one below the other, and their operands
    Py_ssize_t k
    const real* a
    Py_ssize_t a_row
    Py_ssize_t a_col
    const real* b
    Py_ssize_t b_row
    real* panel                         # where first_tile() packs B
    const real* next_b                  # source of the next panel, to prefetch, if its columns are contiguous; else NULL
    Py_ssize_t next_col
    Py_ssize_t cols                     # columns in use, of nv * LANES
    real* c
    Py_ssize_t c_row                    # stride of C between a tile's rows (transposed: between its columns)
    const real* bias                    # contiguous, one value a column (transposed: strided, one a row); NULL for none
    Py_ssize_t bias_stride
    store_t store_transposed            # NULL unless TRANSPOSED (a pointer, so that it is not inlined 28 times)
    bint accumulate
    bint relu


cdef inline void tiles(int mr, int nv, bint packs, Py_ssize_t count, Tile* t) noexcept nogil:
    """The micro-kernel: `count` tiles of mr rows by nv vectors. Advances t.a, t.c and a strided t.bias past them. packs: the
    rows of B that it reads are also copied to t.panel.

    mr, nv and packs are constants at each call, so that the loops over them are unrolled and acc stays in registers. (The loop
    over the tiles must be in this function: gcc 12 unrolls the outermost loop of a function too late for that.)
    """
    cdef vec[MAX_TILE_ROWS][TILE_VECS] acc
    cdef vec[TILE_VECS] row
    cdef real[MAX_TILE_ROWS * TILE_VECS * MAX_LANES] sums
    cdef vec x
    cdef const real* fours[4]           # every fourth row of A; the rows between are 1 to 3 strides away
    cdef const real* b
    cdef real* c = t.c
    cdef real* panel = t.panel
    cdef Py_ssize_t a_row = t.a_row
    cdef Py_ssize_t a_col = t.a_col
    cdef Py_ssize_t b_row = t.b_row
    cdef Py_ssize_t c_row = t.c_row
    cdef Py_ssize_t last = t.cols - (nv - 1) * LANES
    cdef Py_ssize_t p, left, number
    cdef int i, j
    for number in range(count):
        for i in range(0, mr, 4):
            fours[i // 4] = t.a + i * a_row
        if t.store_transposed == NULL:          # C is used at the end; a large C is in no cache
            for i in range(mr):
                for j in range(nv):
                    prefetch(c + i * c_row + j * LANES)
        else:
            for p in range(t.cols):
                prefetch(t.c + p * c_row)
        if t.next_b != NULL:                    # prefetch two of its columns into L2 for pack()
            p = 0
            while p < t.k:
                prefetch_l2(t.next_b + p)
                prefetch_l2(t.next_b + t.next_col + p)
                p += LANES
            t.next_b += 2 * t.next_col
        b = t.b
        left = t.k
        while True:
            for i in range(mr):
                for j in range(nv):
                    acc[i][j] = splat(0)
            for p in range(min(left, K_RUN)):
                in_register(a_row)      # else gcc keeps its multiples on the stack: 12 loads in this loop
                for j in range(nv - 1):
                    row[j] = load(b + j * LANES)
                row[nv - 1] = load_row(b + (nv - 1) * LANES, last)
                for j in range(nv):
                    prefetch_l2(b + (PACK_AHEAD if packs else AHEAD) * b_row + j * LANES)
                if packs:
                    prefetch_l2(b + PACK_AHEAD * b_row + nv * LANES - 1)        # an unaligned row ends on one more cache line
                    for j in range(nv):
                        store(panel + j * LANES, row[j])
                    panel += nv * LANES
                for i in range(mr):
                    x = splat(fours[i // 4][i % 4 * a_row])
                    for j in range(nv):
                        acc[i][j] = acc[i][j] + x * row[j]
                for i in range(0, mr, 4):
                    fours[i // 4] += a_col
                b += b_row
            left -= K_RUN
            if left <= 0:
                break
            for i in range(mr):             # two sums of 256 products have less rounding error than one of 512
                for j in range(nv):
                    store(sums + (i * nv + j) * LANES, acc[i][j])
        if t.k > K_RUN:
            for i in range(mr):
                for j in range(nv):
                    acc[i][j] = acc[i][j] + load(sums + (i * nv + j) * LANES)
        t.a += mr * a_row
        if t.store_transposed != NULL:
            for i in range(mr):
                for j in range(nv):
                    store(sums + (i * nv + j) * LANES, acc[i][j])
            t.store_transposed(sums, mr, nv * LANES, t)
            continue
        if t.accumulate:
            for i in range(mr):
                for j in range(nv - 1):
                    acc[i][j] = acc[i][j] + load(c + i * c_row + j * LANES)
                acc[i][nv - 1] = acc[i][nv - 1] + load_last(c + i * c_row + (nv - 1) * LANES, last)
        if t.bias != NULL:
            for j in range(nv):
                row[j] = load(t.bias + j * LANES)
            for i in range(mr):
                for j in range(nv):
                    acc[i][j] = acc[i][j] + row[j]
        if t.relu:
            for i in range(mr):
                for j in range(nv):
                    acc[i][j] = blend(lt(acc[i][j], splat(0)), splat(0), acc[i][j])
        for i in range(mr):
            for j in range(nv - 1):
                store(c + i * c_row + j * LANES, acc[i][j])
            store_last(c + i * c_row + (nv - 1) * LANES, acc[i][nv - 1], last)
        c += mr * c_row
    if t.store_transposed == NULL:
        t.c = c


cdef void store_transposed(const real* sums, int mr, Py_ssize_t width, Tile* t) noexcept nogil:
    """The epilogue of a transposed tile: sums has mr rows of `width` elements; its columns are stored as rows of C."""
    cdef vec[MAX_LANES] block
    cdef real[MAX_LANES] lanes
    cdef vec x, bias = splat(0)
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t j, r, n
    cdef real* c
    while i < mr:
        n = min(mr - i, LANES)
        if t.bias != NULL:
            for r in range(n):
                lanes[r] = t.bias[r * t.bias_stride]
            bias = load_upto(lanes, n)
            t.bias += n * t.bias_stride
        j = 0
        while j < t.cols:
            for r in range(LANES):
                block[r] = load(sums + (i + r if r < n else i) * width + j)
            transpose(block)
            c = t.c + j * t.c_row
            for r in range(LANES):
                if r < t.cols - j:
                    x = block[r] + bias
                    if t.accumulate:
                        x = x + load_last(c, n)
                    if t.relu:
                        x = blend(lt(x, splat(0)), splat(0), x)
                    store_last(c, x, n)
                    c += t.c_row
            j += LANES
        t.c += n
        i += LANES


cdef inline void tiles_of(int mr, int nv, Py_ssize_t count, Tile* t) noexcept nogil:
    if mr == 1:
        tiles(1, nv, False, count, t)
    elif mr == 2:
        tiles(2, nv, False, count, t)
    elif mr == 3:
        tiles(3, nv, False, count, t)
    elif mr == 4:
        tiles(4, nv, False, count, t)
    elif mr == 5 and TILE_ROWS >= 5:
        tiles(5, nv, False, count, t)
    elif mr == 6 and TILE_ROWS >= 6:
        tiles(6, nv, False, count, t)
    elif mr == 7 and TILE_ROWS >= 7:
        tiles(7, nv, False, count, t)
    elif mr == 8 and TILE_ROWS >= 8:
        tiles(8, nv, False, count, t)
    elif mr == 9 and TILE_ROWS >= 9:
        tiles(9, nv, False, count, t)
    elif mr == 10 and TILE_ROWS >= 10:
        tiles(10, nv, False, count, t)
    elif mr == 11 and TILE_ROWS >= 11:
        tiles(11, nv, False, count, t)
    elif mr == 12 and TILE_ROWS >= 12:
        tiles(12, nv, False, count, t)
    elif mr == 13 and TILE_ROWS >= 13:
        tiles(13, nv, False, count, t)
    elif mr == 14 and TILE_ROWS >= 14:
        tiles(14, nv, False, count, t)


cdef void tiles_1(int mr, Py_ssize_t count, Tile* t) noexcept nogil:
    tiles_of(mr, 1, count, t)


cdef void tiles_2(int mr, Py_ssize_t count, Tile* t) noexcept nogil:
    tiles_of(mr, 2, count, t)


cdef void first_tile(int nv, Tile* t) noexcept nogil:
    """Computes FIRST_ROWS rows of C and packs t.panel for the other tiles: multiply-adds overlap the loads of B from memory."""
    if nv == 1:
        tiles(FIRST_ROWS, 1, True, 1, t)
    else:
        tiles(FIRST_ROWS, 2, True, 1, t)
    t.b = t.panel
    t.b_row = nv * LANES


cdef void pack(real* to, Py_ssize_t width, const real* source, Py_ssize_t stride, Py_ssize_t step, Py_ssize_t n,
               Py_ssize_t k) noexcept nogil:
    """to[p, w] = source[p * step + w * stride] for w < n. A row of `to` has `width` elements, a multiple of LANES; those from
    n on are padding: their values are not used, but are finite if the source is."""
    cdef vec[MAX_LANES] block
    cdef const real* row[MAX_LANES]
    cdef Py_ssize_t p, w, i
    if stride == 1:
        for p in range(k):
            w = 0
            while w + LANES <= n:
                prefetch_l2(source + AHEAD * step + w)
                store(to + w, load(source + w))
                w += LANES
            if w < n:
                store(to + w, load_part(source + w, n - w))
            source += step
            to += width
    elif step == 1:
        w = 0
        while w < n:
            for i in range(LANES):
                row[i] = source + min(w + i, n - 1) * stride
            p = 0
            while p + LANES <= k:
                load_columns(block, row, p)
                for i in range(LANES):
                    store(to + (p + i) * width + w, block[i])
                p += LANES
            if p < k:
                for i in range(LANES):
                    block[i] = load_part(row[i] + p, k - p)
                transpose(block)
                for i in range(LANES):
                    if i < k - p:
                        store(to + (p + i) * width + w, block[i])
            w += LANES
    else:
        for p in range(k):
            for w in range(0, n, 8):
                prefetch_l2(source + PACK_AHEAD * step + w * stride)
            for w in range(n):
                to[w] = source[w * stride]
            for w in range(n, width):
                to[w] = 0
            source += step
            to += width


cdef void matmul_unit(const Call* call, Py_ssize_t batch, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0,
                      Py_ssize_t j1) noexcept nogil:
    """Rows i0..i1 and columns j0..j1 of one product."""
    cdef const Operand* oa = &call.operand[1]
    cdef const Operand* ob = &call.operand[2]
    cdef const Operand* oc = &call.operand[0]
    cdef const Operand* bias = &call.operand[3]
    cdef const real* a = <const real*> oa.data + batch * oa.stride[0]
    cdef const real* b = <const real*> ob.data + batch * ob.stride[0]
    cdef real* c = <real*> oc.data + batch * oc.stride[0] + i0 * oc.stride[1]
    cdef Py_ssize_t k = call.shape[3]
    cdef int flags = <int> call.param[FLAGS].i
    cdef vec[KC * TILE_VECS] panel
    cdef real[TILE_VECS * MAX_LANES] bias_row
    cdef Py_ssize_t blocks, down, more, i, j, p, kc
    cdef tiles_t run
    cdef Tile t
    cdef int nv, high
    cdef bint far = call.shape[2] * k > FAR_B
    cdef bint packs = flags & PACK_B and ob.stride[2] == 1 and i1 - i0 > FIRST_ROWS     # the last unit may have fewer
    cdef Py_ssize_t rows = i1 - i0 - (FIRST_ROWS if packs else 0)
    # The rows are split into tiles of nearly equal height: the first `more` tiles have one row more than the others.
    high = TILE_ROWS
    if TILE_ROWS > 8 and oa.stride[1] * <Py_ssize_t> sizeof(real) % ALIASED == 0:
        high = 8            # rows: L1 is 8- or 12-way set-associative
    down = (rows + high - 1) // high
    high = <int> (rows // down)
    more = rows % down
    blocks = (k + KC - 1) // KC
    kc = (k + blocks - 1) // blocks if blocks else 0
    t.store_transposed = NULL
    if flags & TRANSPOSED:
        t.store_transposed = store_transposed
    t.accumulate = flags & ACCUMULATE
    t.a_row = oa.stride[1]
    t.a_col = oa.stride[2]
    t.c_row = oc.stride[2] if flags & TRANSPOSED else oc.stride[1]
    p = 0
    while True:
        t.k = min(kc, k - p)
        t.relu = flags & THEN_RELU and p + t.k == k
        j = j0
        while j < j1:
            t.cols = min(j1 - j, TILE_VECS * LANES)
            nv = <int> ((t.cols + LANES - 1) // LANES)
            run = tiles_1 if nv == 1 else tiles_2
            t.b = b + p * ob.stride[1] + j * ob.stride[2]
            t.b_row = ob.stride[1]
            t.next_b = NULL
            t.panel = <real*> panel
            if ob.stride[2] != 1 or (t.cols % LANES and not MASKED_LOADS):
                pack(<real*> panel, nv * LANES, t.b, ob.stride[2], t.b_row, t.cols, t.k)
                if far and ob.stride[1] == 1 and ob.stride[2] * <Py_ssize_t> sizeof(real) % ALIASED:
                    t.next_b = t.b + t.cols * ob.stride[2] if j + t.cols < j1 else b + p + t.k + j0 * ob.stride[2]
                    t.next_col = ob.stride[2]
                t.b = <real*> panel
                t.b_row = nv * LANES
            t.bias = NULL
            if flags & BIAS and p + t.k == k:
                if flags & TRANSPOSED:
                    t.bias = <const real*> bias.data + i0 * bias.stride[1]
                    t.bias_stride = bias.stride[1]
                else:
                    for i in range(t.cols):
                        bias_row[i] = (<const real*> bias.data)[(j + i) * bias.stride[2]]
                    t.bias = bias_row
            t.c = c + j * oc.stride[2]
            t.a = a + i0 * t.a_row + p * t.a_col
            if packs:
                first_tile(nv, &t)
            run(high + 1, more, &t)
            run(high, down - more, &t)
            j += t.cols
        p += t.k
        if p >= k:
            break
        t.accumulate = True
    if call.inner != NULL and flags & TRANSPOSED:
        apply_inner(call, j0, j1, i0, i1, oc.stride[2])
    elif call.inner != NULL:
        apply_inner(call, i0, i1, j0, j1, oc.stride[1])


cdef void matmul(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t rows = call.param[UNIT_ROWS].i
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t m = call.shape[1]
    cdef Py_ssize_t n = call.shape[2]
    cdef Py_ssize_t down = (m + rows - 1) // rows
    cdef Py_ssize_t across = (n + cols - 1) // cols
    cdef Py_ssize_t unit = begin
    cdef Py_ssize_t i, j, below
    while unit < end:
        j = unit % across * cols
        i = unit // across % down
        below = 1                       # vertically adjacent units, run as one
        if across == 1:
            below = max(min(min(down - i, end - unit), MAX_ROWS // rows), 1)
        matmul_unit(call, unit // across // down, i * rows, min((i + below) * rows, m), j, min(j + cols, n))
        unit += below


cdef void register_matmul(Kernels* k) noexcept:
    k.matmul = matmul
    k.matmul_axpy = matmul_axpy
    k.matmul_dot = matmul_dot
    k.lanes = LANES
    k.tile_rows = TILE_ROWS
    k.tile_cols = TILE_VECS * LANES
