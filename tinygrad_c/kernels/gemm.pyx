"""The matrix product: chooses the order of the operands, the packing and the units, and runs the kernels.

The kernel (matmul.pxi) reads its first operand in any layout and wants the rows of the second contiguous: what is not, it
copies as it goes. A @ B and (B^T @ A^T)^T are the same product with the operands in each other's place, so plan() counts
what each order would cost, in vector operations, and takes the cheaper.
"""
from tinygrad_c.kernels cimport matmul as kernel
from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    UNIT = 1 << 21              # multiply-adds that a unit should have at least: some 20 microseconds
    MIN_UNITS = 8               # and the units that a large product should have at least
    MAX_ROWS = 512              # rows of a unit at most: A's share for one k-block stays in L2
    PACK_B_ROWS = 96            # a panel of B that serves so many rows is worth copying, if it is
    PACK_B_SIZE = 1 << 15       # not in L1 anyway


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept:
    return (a + b - 1) // b


cdef inline Py_ssize_t order_cost(const Kernels* t, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, bint packs,
                                  bint transposes) noexcept:
    """Rough vector operations of a product whose n runs along the vectors."""
    cdef Py_ssize_t vectors = ceil_div(n, t.lanes)
    cdef Py_ssize_t cost = m * vectors * k
    if packs:
        cost += vectors * ceil_div(k, t.lanes) * t.lanes * 8
    if transposes:
        cost += ceil_div(m, t.lanes) * vectors * t.lanes * 12
    return cost


cdef int gemm(const Gemm* g) except -1:
    cdef Kernels* t = kernels(g.dtype)
    cdef Call call
    cdef bint swapped
    cdef Py_ssize_t m, n, k
    cdef int flags
    if g.batch == 0 or g.m == 0 or g.n == 0:
        return 0
    k = g.k
    swapped = g.b_col != 1 and (order_cost(t, g.n, g.m, k, g.a_row != 1, True)
                                < order_cost(t, g.m, g.n, k, True, False))
    flags = 0
    if g.accumulate:
        flags |= kernel.ACCUMULATE
    if g.activation == THEN_RELU:
        flags |= kernel.THEN_RELU
    call.kernel = t.matmul
    call.inner = NULL
    call.ndim = 4
    call.n_operands = 3
    call.operand[0].data = g.c
    call.operand[0].stride[0] = g.c_batch
    if swapped:
        flags |= kernel.TRANSPOSED
        m = g.n
        n = g.m
        set_operand(&call, 0, g.c, g.c_batch, 1, g.c_row)
        set_operand(&call, 1, g.b, g.b_batch, g.b_col, g.b_row)
        set_operand(&call, 2, g.a, g.a_batch, g.a_col, g.a_row)
        set_operand(&call, 3, g.bias, 0, g.bias_stride, 0)
    else:
        m = g.m
        n = g.n
        set_operand(&call, 0, g.c, g.c_batch, g.c_row, 1)
        set_operand(&call, 1, g.a, g.a_batch, g.a_row, g.a_col)
        set_operand(&call, 2, g.b, g.b_batch, g.b_row, g.b_col)
        set_operand(&call, 3, g.bias, 0, 0, g.bias_stride)
    if g.bias != NULL:
        flags |= kernel.BIAS
        call.n_operands = 4
    call.shape[0] = g.batch
    call.shape[1] = m
    call.shape[2] = n
    call.shape[3] = k
    if m >= PACK_B_ROWS and n * k > PACK_B_SIZE:
        flags |= kernel.PACK_B
    call.param[kernel.FLAGS].i = flags
    cut(t, &call, m, n, k)
    run(&call)
    return 0


cdef inline void set_operand(Call* call, int i, const char* data, Py_ssize_t batch, Py_ssize_t row, Py_ssize_t col) noexcept:
    call.operand[i].data = <char*> data
    call.operand[i].stride[0] = batch
    call.operand[i].stride[1] = row
    call.operand[i].stride[2] = col


cdef inline void cut(const Kernels* t, Call* call, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept:
    """Sets the units."""
    cdef Py_ssize_t rows = m
    cdef Py_ssize_t cols = n
    if m * n * k > 2 * UNIT:
        rows = ceil_div(ceil_div(m, ceil_div(m, MAX_ROWS)), t.tile_rows) * t.tile_rows
        cols = n // MIN_UNITS
        if cols * rows * k < UNIT:
            cols = UNIT // (rows * k)
        cols = ceil_div(cols if cols else 1, t.tile_cols) * t.tile_cols
    call.param[kernel.UNIT_ROWS].i = rows
    call.param[kernel.UNIT_COLS].i = cols
    call.units = call.shape[0] * ceil_div(m, rows) * ceil_div(n, cols)
    call.work = call.shape[0] * (m * n * k // (t.lanes * 6) + 20)
