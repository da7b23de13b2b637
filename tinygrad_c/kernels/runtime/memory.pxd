"""The allocator: 64-byte aligned blocks, cached for reuse. The caller holds the GIL."""

cdef void* allocate(Py_ssize_t nbytes) except NULL
cdef void release(void* block, Py_ssize_t nbytes) noexcept      # nbytes: as passed to allocate

cdef enum:
    N_CLASSES = 4 * 48

ctypedef struct Pool:           # the blocks of a program that are free between its entries
    void* free_blocks[N_CLASSES]
    Py_ssize_t kept
    void** blocks               # the same, once it is sealed; in a build for sanitizers always
    int* classes
    Py_ssize_t n

cdef void swap_pool(Pool* pool) noexcept
cdef int seal_pool(Pool* pool) except -1
cdef bint pool_has(const Pool* pool, const void* block) noexcept
cdef void free_pool(Pool* pool) noexcept
