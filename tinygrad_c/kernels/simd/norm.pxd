"""The parameters of the kernels that normalise (norm.pxi)."""

cdef enum:
    EPS
    ROW_STRIDE
    SEG_STRIDE
    PERIOD
    W_ROW
    W_SEG
    EACH_ITS_OWN
    NORM_ROWS

cdef enum:
    NORM_PIECE = 4096
