"""The one door, run(call), and the kernels for each dtype behind it."""
from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport Kernels

cdef enum:
    TINY_WORK = 32              # nanoseconds: below, denormals cost less than the 7 that it takes to flush and to restore

cdef Kernels* kernels(int dtype) noexcept
cdef void run(const Call* call) noexcept        # with the GIL held
cdef void keep_gil(int change) noexcept        # +1: run keeps the GIL throughout, until -1
cdef bint is_running() noexcept                 # a thread is in a kernel without the GIL
# Begin another generation of these, if all of the one before the present one have ended; whether that was so.
cdef bint next_generation() noexcept
