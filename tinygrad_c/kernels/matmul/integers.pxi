# The matrix product of integers, C = A @ B (+ C): a plain loop over operands of any strides. Operands, params and units are
# those of matmul.pxd; no bias, no relu.
from tinygrad_c.kernels.matmul.matmul cimport *

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t


cdef void integer_unit(integer* c, const integer* a, const integer* b, const Call* call, Py_ssize_t i0, Py_ssize_t i1,
                       Py_ssize_t j0, Py_ssize_t j1) noexcept nogil:
    cdef const Py_ssize_t* cs = call.operand[0].stride
    cdef const Py_ssize_t* sa = call.operand[1].stride
    cdef const Py_ssize_t* sb = call.operand[2].stride
    cdef Py_ssize_t i, j, p
    cdef integer x
    for i in range(i0, i1):
        if not call.param[FLAGS].i & ACCUMULATE:
            for j in range(j0, j1):
                c[i * cs[1] + j * cs[2]] = 0
        for p in range(call.shape[3]):
            x = a[i * sa[1] + p * sa[2]]
            for j in range(j0, j1):
                c[i * cs[1] + j * cs[2]] += x * b[p * sb[1] + j * sb[2]]


cdef inline void integer_matmul(integer* c, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """c is operand 0, typed: it selects the specialization."""
    cdef Py_ssize_t rows = call.param[UNIT_ROWS].i
    cdef Py_ssize_t cols = call.param[UNIT_COLS].i
    cdef Py_ssize_t down = (call.shape[1] + rows - 1) // rows
    cdef Py_ssize_t across = (call.shape[2] + cols - 1) // cols
    cdef Py_ssize_t unit, batch, i, j
    for unit in range(begin, end):
        batch = unit // across // down
        i = unit // across % down * rows
        j = unit % across * cols
        integer_unit(c + batch * call.operand[0].stride[0],
                     <const integer*> call.operand[1].data + batch * call.operand[1].stride[0],
                     <const integer*> call.operand[2].data + batch * call.operand[2].stride[0], call,
                     i, min(i + rows, call.shape[1]), j, min(j + cols, call.shape[2]))


cdef void matmul_uint8(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    integer_matmul(<uint8_t*> call.operand[0].data, call, begin, end)


cdef void matmul_int32(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    integer_matmul(<int32_t*> call.operand[0].data, call, begin, end)


cdef void matmul_int64(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    integer_matmul(<int64_t*> call.operand[0].data, call, begin, end)


cdef void register_matmul_integers(Kernels* all) noexcept:
    cdef int dtype
    all[UINT8].matmul = matmul_uint8
    all[INT32].matmul = matmul_int32
    all[INT64].matmul = matmul_int64
    for dtype in (UINT8, INT32, INT64):
        all[dtype].lanes = all[dtype].tile_rows = all[dtype].tile_cols = 1
