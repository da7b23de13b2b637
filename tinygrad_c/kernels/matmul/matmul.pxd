"""The Call of a matrix product, C = A @ B: what gemm.pyx passes to the kernels of matmul.pxi and matvec.pxi.

    shape       batch, m, n, k
    operand 0   C, strides: batch, row, column        operand 2   B, strides: batch, k, column
    operand 1   A, strides: batch, row, k             operand 3   bias, strides: row, column (only with BIAS)
    operand 4   of C's shape and strides, or NULL     param       see below
    inner       NULL, or an elementwise kernel, run when a unit of C is complete: C = inner(C) or inner(C, operand 4), or
                operand 4 = inner(C)
"""

cdef enum:              # param[...].i
    FLAGS = 0
    UNIT_ROWS = 1       # rows of C per unit
    UNIT_COLS = 2       # columns of C per unit
    INNER_PARAM = 3     # the parameters of inner: 3 and 4

cdef enum:              # bits of param[FLAGS].i
    ACCUMULATE = 1      # C += A @ B
    BIAS = 2
    THEN_RELU = 4
    TRANSPOSED = 8      # C's rows are contiguous, not its columns
    PACK_B = 16         # pack B, panel by panel, although its rows are contiguous
    OTHER_FIRST = 32    # C = inner(operand 4, C)
    OTHER_IS_OUT = 64   # operand 4 = inner(C)

cdef enum:
    MAX_ROWS = 1024     # most rows per unit, which share a packed panel of B
