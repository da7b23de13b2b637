"""Call: everything one kernel needs to run, as plain data.

A kernel is a C function of a Call and a range of its units. A unit is a piece of the work that writes its own part of
the output and never reads what another unit writes. Units are cut by the shape alone, never by the number of threads, so
the result is bitwise the same for any number of threads. A kernel checks nothing, allocates nothing and touches no Python
object: the ops have checked shapes, dtypes and overlap before. A Call can be kept and run again.
"""
from libc.stdint cimport int64_t

cdef enum:
    MAX_NDIM = 12
    MAX_OPERANDS = 6
    MAX_PARAMS = 8

# In promotion order: the result type of a + b is the larger of the two, but for the pairs in promote() of
# ops/elementwise/dtypes.pxi.
cdef enum:                          # a dtype: an int
    BOOL = 0
    UINT8 = 1
    INT8 = 2                        # INT8 and INT16 are computed as INT32, and the result is narrowed
    INT16 = 3
    INT32 = 4
    INT64 = 5
    UINT16 = 6                      # from here to BFLOAT16: stored and converted; no arithmetic
    UINT32 = 7
    UINT64 = 8
    FLOAT16 = 9
    BFLOAT16 = 10
    FLOAT32 = 11                    # from here on: arithmetic with gradients
    FLOAT64 = 12

cdef enum:
    N_DTYPES = 13

ctypedef union Scalar:
    double f        # kernels on float32 and float64 read this
    int64_t i       # kernels on integers and bool read this

ctypedef struct Operand:
    char* data
    Py_ssize_t itemsize
    Py_ssize_t stride[MAX_NDIM]     # in elements; 0 broadcasts, negative reverses

ctypedef struct Call
ctypedef void (*kernel_t)(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
# The inner loop of an elementwise kernel, over n contiguous elements: p[0] is the output, p[1:] are the inputs.
ctypedef void (*inner_t)(Py_ssize_t n, char** p, const Scalar* param) noexcept nogil

ctypedef struct Call:
    kernel_t kernel
    inner_t inner                   # the inner loop of an elementwise kernel; NULL: a copy, or another kernel
    Py_ssize_t units                # independent pieces; kernel(call, begin, end) does units begin..end-1
    Py_ssize_t work                 # estimated nanoseconds on one core: decides threads and GIL release
    int ndim
    int n_operands
    Py_ssize_t shape[MAX_NDIM]
    Operand operand[MAX_OPERANDS]   # operand[0] is the output
    Scalar param[MAX_PARAMS]
