"""The matrix product: chooses the order of the operands, the packing and the units, and runs the kernels."""
from tinygrad_c.kernels.call cimport Scalar, inner_t

cdef enum:                  # Gemm.activation
    NONE = 0
    THEN_RELU = 1

ctypedef struct Then:       # an elementwise kernel, run on each part of C when it is complete: C = inner(C) or inner(C, other)
    inner_t inner
    char* other             # of C's shape, contiguous; NULL for none
    int how                 # 0, or OTHER_FIRST: C = inner(other, C), or OTHER_IS_OUT: other = inner(C); see matmul.pxd
    Scalar[2] param
    int cost                # tenths of a nanosecond an element

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
    const Then* then        # NULL for none; only if C is one contiguous matrix of FLOAT32 or FLOAT64

cdef int gemm(const Gemm* g) except -1      # with the GIL held; checks nothing
