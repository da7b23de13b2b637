"""run(call), the single entry point to the kernels, and the kernel table of each dtype."""
from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    TINY_WORK = 32              # nanoseconds: below this, denormals cost less than setting and restoring flush-to-zero (7 ns)

cdef Kernels* kernels(int dtype) noexcept
cdef void run(const Call* call) noexcept        # the caller holds the GIL
cdef void keep_gil(int change) noexcept         # +1: run() never releases the GIL, until the matching -1
cdef int retire(object memory) except -1        # keep it until every kernel that runs now has ended: epochs.pxi
