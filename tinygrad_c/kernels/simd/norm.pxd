"""Indices of Call.param for the normalization kernels (norm.pxi)."""

cdef enum:
    EPS                 # .f
    ROW_STRIDE          # .i: elements from one row to the next
    SEG_STRIDE          # .i: elements from one segment of a row to the next
    PERIOD              # .i: the weight of segment s of row r is number r % PERIOD * W_ROW + s * W_SEG
    W_ROW               # .i
    W_SEG               # .i
    ELEMENTWISE_AFFINE  # .i: one weight per element of a row, not per segment
    NORM_ROWS           # .i: rows per unit

cdef enum:
    NORM_PIECE = 4096   # elements that are summed in the element type; the sums of pieces are added in double
