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

# In promotion order: the result type of a + b is the larger of the two.
cdef enum:                          # a dtype: an int
    BOOL = 0
    UINT8 = 1
    INT32 = 2
    INT64 = 3
    FLOAT32 = 4
    FLOAT64 = 5

cdef enum:
    N_DTYPES = 6

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
