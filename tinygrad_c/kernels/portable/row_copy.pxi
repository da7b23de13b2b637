# Copies of rows that lie anywhere in memory: shared by gather.pyx and the epochs of programs.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define prefetch_row(p) __builtin_prefetch(p)
    #else
    #define prefetch_row(p) ((void)(p))
    #endif
    """
    void prefetch_row(const void* p) noexcept nogil

cdef enum:
    ROWS_AHEAD = 16             # rows that are prefetched: the latency of L3, some 50 ns, is the time to copy 10 short ones


cdef inline void copy_short(char* to, const char* source, Py_ssize_t nbytes) noexcept nogil:
    """Copies 8 to 512 bytes, 8 at a time; the last 8 may overlap those before. A call of memcpy would cost more."""
    cdef Py_ssize_t i = 0
    while i + 8 <= nbytes:
        memcpy(to + i, source + i, 8)
        i += 8
    memcpy(to + nbytes - 8, source + nbytes - 8, 8)
