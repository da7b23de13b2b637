"""The matrix product: chooses the order of the operands, the packing and the units, and runs the kernels.

The kernel (matmul.pxi) reads its first operand in any layout. The second needs contiguous rows; if it has none, the kernel
packs it, panel by panel. A @ B and (B^T @ A^T)^T are the same product with the operands exchanged, so gemm() estimates the
cost of each order, in vector operations, and takes the cheaper.
"""
from tinygrad_c.kernels.matmul cimport matmul as kernel
from tinygrad_c.kernels.call cimport Call, Operand
from tinygrad_c.kernels.runtime.dispatch cimport kernels, run
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    UNIT = 3 << 15              # least multiply-adds per unit: 0.5 to 1 microsecond
    MIN_UNITS = 8               # least units of a large product
    LONG_UNIT = 1 << 21         # multiply-adds per unit of a memory-bound product: 20 microseconds
    PACK_B_ROWS = 96            # rows of A from which on a panel of B is packed, if B has more elements
    PACK_B_SIZE = 1 << 15       # than this: a smaller B is in L1 anyway
    IN_FLIGHT = 8               # vector operations that the latency of one hides: 4 cycles, 2 in each
    TILE = 50                   # costs, in vector operations: a tile, beside its multiply-adds
    STORE_TRANSPOSED = 150      # to store a column of a tile transposed
    PACK = 4                    # to pack a vector of B, if its columns are contiguous
    GATHER = 40                 # if nothing is
    REDUCE = 5                  # to add up the lanes of a dot product
    FAR = 1 << 17               # elements: a larger B does not fit in L2
    SHORT = 32                  # up to this k, writing C is the bottleneck, not the arithmetic


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept:
    return (a + b - 1) // b


cdef inline Py_ssize_t tiles_cost(const Kernels* t, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Py_ssize_t stride,
                                  Py_ssize_t step) noexcept:
    """Estimated vector operations of a product whose n runs along the lanes. The second operand has `stride` along n, where it
    is packed unless that is 1, and `step` along k. Small tiles are bound by the latency of their accumulators."""
    cdef Py_ssize_t vectors = ceil_div(n, t.lanes)
    cdef Py_ssize_t down = ceil_div(m, t.tile_rows)
    cdef Py_ssize_t cost = k * (vectors // 2 * max(2 * m, IN_FLIGHT * down) + vectors % 2 * max(m, IN_FLIGHT * down))
    cost += down * ceil_div(vectors, 2) * TILE
    if stride != 1:
        cost += vectors * (k + t.lanes) * (PACK if step == 1 else GATHER)
    elif n % t.lanes:
        cost += vectors * k * PACK
    return cost


cdef inline Py_ssize_t dots_cost(const Kernels* t, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept:
    """The same for matmul_dot: groups of `lanes` dot products."""
    cdef Py_ssize_t rows = 4 if t.lanes >= 16 else 2 if t.lanes >= 4 else 1
    cdef Py_ssize_t cols = t.lanes // rows
    cdef Py_ssize_t groups = ceil_div(n, t.lanes)
    if m > 1:
        groups = ceil_div(m, rows) * (n // cols) + ceil_div(m * (n % cols), t.lanes)
    return groups * (ceil_div(k, t.lanes) * max(t.lanes, IN_FLIGHT) + REDUCE * t.lanes)


cdef int gemm(const Gemm* g) except -1:
    cdef const Kernels* t = kernels(g.dtype)
    cdef Call call
    cdef const Operand* a = &call.operand[1]
    cdef const Operand* b = &call.operand[2]
    cdef int flags = 0
    cdef Py_ssize_t m = g.m
    cdef Py_ssize_t n = g.n
    cdef Py_ssize_t k = g.k
    cdef Py_ssize_t cost, other
    if g.batch == 0 or m == 0 or n == 0:
        return 0
    if g.accumulate:
        flags |= kernel.ACCUMULATE
    if g.bias != NULL:
        flags |= kernel.BIAS
    if g.activation == THEN_RELU:
        flags |= kernel.THEN_RELU
    call.kernel = t.matmul
    call.inner = NULL
    call.ndim = 4
    call.n_operands = 4 if g.bias != NULL else 3
    call.param[kernel.INNER_PARAM].i = call.param[kernel.INNER_PARAM + 1].i = 0
    if g.then != NULL:
        call.inner = g.then.inner
        call.param[kernel.INNER_PARAM], call.param[kernel.INNER_PARAM + 1] = g.then.param[0], g.then.param[1]
        if g.then.other != NULL:
            call.n_operands = 5
            set_operand(&call, 4, g.then.other, 0, 0, 0)
            flags |= g.then.how
    if n == 1 and m > 1 and g.c_row == 1:       # a contiguous column of C is computed as a row
        m, n = 1, m
        set_operand(&call, 0, g.c, g.c_batch, n, 1)
        set_operand(&call, 1, g.b, g.b_batch, 0, g.b_row)
        set_operand(&call, 2, g.a, g.a_batch, g.a_col, g.a_row)
        set_operand(&call, 3, g.bias, 0, 0, 0)
    else:
        set_operand(&call, 0, g.c, g.c_batch, g.c_row, 1)
        set_operand(&call, 1, g.a, g.a_batch, g.a_row, g.a_col)
        set_operand(&call, 2, g.b, g.b_batch, g.b_row, 0 if n == 1 and g.b_row == 1 else g.b_col)   # not 1: for matmul_dot
        set_operand(&call, 3, g.bias, 0, 0, g.bias_stride)
    if t.matmul_axpy != NULL and b.stride[2] == 1 and (
            (n > t.tile_cols and (m < 4 or (m <= 8 and n * k > FAR)))
            or (k == 1 and n >= 4 * t.lanes) or (k == 2 and m * n > FAR)):
        call.kernel = t.matmul_axpy
    elif b.stride[2] != 1 or a.stride[1] == 1:
        cost = tiles_cost(t, m, n, k, b.stride[2], b.stride[1])
        if t.matmul_dot != NULL and b.stride[2] != 1 and b.stride[1] == 1 and a.stride[2] == 1 and (m <= 8 or n * k <= FAR):
            other = dots_cost(t, m, n, k)
            if other < cost:
                cost = other
                call.kernel = t.matmul_dot
        other = tiles_cost(t, n, m, k, a.stride[1], a.stride[2])
        if other + ceil_div(n, t.tile_rows) * ceil_div(m, t.lanes) * STORE_TRANSPOSED < cost:
            call.kernel = t.matmul
            flags |= kernel.TRANSPOSED
            m, n = n, m
            swap_operands(&call)
    call.shape[0] = g.batch
    call.shape[1] = m
    call.shape[2] = n
    call.shape[3] = k
    if m >= PACK_B_ROWS and k > SHORT and n * k > PACK_B_SIZE:
        flags |= kernel.PACK_B
    call.param[kernel.FLAGS].i = flags
    cut(t, &call)
    if g.then != NULL:
        call.work += m * n * g.then.cost // 10
    run(&call)
    return 0


cdef inline void swap_operands(Call* call) noexcept:
    """Computes A @ B as (B^T @ A^T)^T."""
    cdef Operand* o = call.operand
    cdef Operand a = o[1]
    o[0].stride[1], o[0].stride[2] = o[0].stride[2], o[0].stride[1]
    o[3].stride[1], o[3].stride[2] = o[3].stride[2], o[3].stride[1]
    set_operand(call, 1, o[2].data, o[2].stride[0], o[2].stride[2], o[2].stride[1])
    set_operand(call, 2, a.data, a.stride[0], a.stride[2], a.stride[1])


cdef inline void set_operand(Call* call, int i, const char* data, Py_ssize_t batch, Py_ssize_t row, Py_ssize_t col) noexcept:
    call.operand[i].data = <char*> data
    call.operand[i].stride[0] = batch
    call.operand[i].stride[1] = row
    call.operand[i].stride[2] = col


cdef inline void cut(const Kernels* t, Call* call) noexcept:
    """Chooses the rows and columns of C per unit; sets call.units and call.work."""
    cdef Py_ssize_t m = call.shape[1]
    cdef Py_ssize_t n = call.shape[2]
    cdef Py_ssize_t k = call.shape[3]
    cdef Py_ssize_t rows = m
    cdef Py_ssize_t cols = n
    cdef Py_ssize_t adds = m * ceil_div(n, t.lanes) * t.lanes * k       # multiply-adds, with rows padded to whole vectors
    cdef Py_ssize_t units = adds // UNIT
    call.work = call.shape[0] * (adds // (t.lanes * 6) + m * n // t.lanes + 20)
    if call.kernel != t.matmul:                 # memory-bound: long runs of B
        call.work += call.shape[0] * n * k // 6
        cols = max(LONG_UNIT // 16 // (k + 1) // 64, 8) * 64
        if m > 8:
            rows = max(LONG_UNIT // 16 // (n + 1), 8)
    elif k <= SHORT and m * n > LONG_UNIT // 32:    # bound by writing C: full rows, but few, since each is on another page
        rows = 8 if call.operand[2].stride[2] == 1 else 16 * t.tile_rows
    elif units >= 2:
        units = min(units, MIN_UNITS)
        rows = ceil_div(m, ceil_div(m, kernel.MAX_ROWS))
        if m >= 4 * t.tile_rows and (n < 2 * t.tile_cols or call.operand[2].stride[2] == 1 and n * k <= PACK_B_SIZE):
            units = min(units, m // (2 * t.tile_rows)) // 2 * 2      # even: two threads get the same number
            rows = min(rows, ceil_div(m, units))       # split by rows: each core has all of B in its cache
        else:
            cols = max(n // units // t.tile_cols, 1) * t.tile_cols
    call.param[kernel.UNIT_ROWS].i = rows
    call.param[kernel.UNIT_COLS].i = cols
    call.units = call.shape[0] * ceil_div(m, rows) * ceil_div(n, cols)
