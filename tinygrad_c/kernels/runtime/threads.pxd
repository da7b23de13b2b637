"""The thread pool: shares the units of one Call among threads."""
from tinygrad_c.kernels.call cimport Call

cdef extern from "threads.h" nogil:
    ctypedef unsigned long fp_state
    fp_state flush_denormals() noexcept             # returns the state for restore_denormals
    void restore_denormals(fp_state state) noexcept

cdef bint is_short(const Call* call) noexcept nogil
cdef void run_shared(const Call* call) noexcept nogil
cdef void run_on(const Call* call, Py_ssize_t most) noexcept nogil
