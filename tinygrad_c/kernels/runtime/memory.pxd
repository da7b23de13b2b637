"""The allocator: 64-byte aligned blocks, cached for reuse. The caller holds the GIL."""

cdef void* allocate(Py_ssize_t nbytes) except NULL
cdef void release(void* block, Py_ssize_t nbytes) noexcept      # nbytes: as passed to allocate
