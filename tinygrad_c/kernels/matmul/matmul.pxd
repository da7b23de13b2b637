"""How gemm.pyx speaks to the kernels of matmul.pxi, in the words of a Call.

    shape       batch, m, n, k
    operand 0   C, strides: batch, row, column        operand 2   B, strides: batch, k, column
    operand 1   A, strides: batch, row, k             operand 3   bias, strides: row, column (only with BIAS)
    param       see below
"""

cdef enum:              # param[...].i
    FLAGS = 0
    UNIT_ROWS = 1       # C is cut into units of so many rows
    UNIT_COLS = 2       # and columns

cdef enum:              # bits of param[FLAGS].i
    ACCUMULATE = 1      # add to what C holds
    BIAS = 2
    THEN_RELU = 4
    TRANSPOSED = 8      # C's rows are contiguous, not its columns
    PACK_B = 16         # copy B, panel by panel, though its rows could be read where they are

cdef enum:
    MAX_ROWS = 1024     # of a unit: a panel of B, which is copied, serves all of them
