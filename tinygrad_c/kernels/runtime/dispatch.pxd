"""The one door, run(call), and the kernels for each dtype behind it."""
from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    TINY_WORK = 32              # nanoseconds: below, denormals cost less than the 7 that it takes to flush and to restore

cdef Kernels* kernels(int dtype) noexcept
cdef void run(const Call* call) noexcept        # with the GIL held
cdef void keep_gil(int change) noexcept         # +1: run keeps the GIL throughout, until -1
cdef int retire(object memory) except -1        # keep it until every kernel that runs now has ended: epochs.pxi
