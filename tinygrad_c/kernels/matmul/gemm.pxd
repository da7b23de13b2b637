"""The matrix product: chooses the order of the operands, the packing and the units, and runs the kernels."""

cdef enum:                  # Gemm.activation
    NONE = 0
    THEN_RELU = 1

ctypedef struct Gemm:       # C[b] = A[b] @ B[b] + beta * C[b] + bias, then the activation
    int dtype               # any but BOOL; bias and activation only for FLOAT32 and FLOAT64
    Py_ssize_t batch
    Py_ssize_t m
    Py_ssize_t n
    Py_ssize_t k
    const char* a
    Py_ssize_t a_batch      # strides in elements, any: also 0 and negative
    Py_ssize_t a_row
    Py_ssize_t a_col
    const char* b
    Py_ssize_t b_batch
    Py_ssize_t b_row
    Py_ssize_t b_col
    char* c
    Py_ssize_t c_batch
    Py_ssize_t c_row        # C's columns are contiguous
    const char* bias        # n values added to each row; NULL for none
    Py_ssize_t bias_stride
    bint accumulate         # beta, 0 or 1; if 0, C is not read
    int activation

cdef int gemm(const Gemm* g) except -1      # with the GIL held; checks nothing
