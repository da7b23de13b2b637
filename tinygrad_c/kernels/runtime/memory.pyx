"""The allocator: 64-byte aligned blocks, cached for reuse.

Every training step allocates the same sizes. If freed memory went back to the operating system, each of its pages would
fault again in the next step. So a released block goes to the free list of its size class (four classes per power of two),
up to LIMIT bytes in total, and the next request of that class takes it from there. Blocks of 4 MB and more ask for huge
pages of 2 MB: a matrix product walks down columns, and with pages of 4 KB each step of that would touch another page.
"""
from libc.stdlib cimport free, realloc

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(_WIN32)
    #include <malloc.h>
    #define aligned_new(size) _aligned_malloc((size), 64)
    #define aligned_free _aligned_free
    #else
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    static void* aligned_new(size_t size) {
        void* p = NULL;
        size_t huge = (size_t)1 << 21;
        if (posix_memalign(&p, size < 2 * huge ? 64 : huge, size) != 0) return NULL;
    #if defined(MADV_HUGEPAGE)
        if (size >= 2 * huge) madvise(p, size, MADV_HUGEPAGE);  /* a hint: failure does not matter */
    #endif
        return p;
    }
    #define aligned_free free
    #endif
    #if defined(TINYGRAD_C_NO_CACHE)    /* sanitizers must see each allocation, its exact size and its free */
    #define MOST 0
    #else
    #define MOST (1 << 29)
    #endif
    #define LARGEST ((Py_ssize_t)1 << (sizeof(Py_ssize_t) == 8 ? 47 : 30))
    """
    void* aligned_new(size_t size)
    void aligned_free(void* block)
    Py_ssize_t MOST
    Py_ssize_t LARGEST      # bytes of a block

cdef Py_ssize_t LIMIT = MOST            # most bytes on the free lists
cdef Py_ssize_t kept = 0                # bytes on the free lists
cdef Py_ssize_t in_use = 0              # bytes in blocks that callers hold
cdef void* free_blocks[N_CLASSES]       # linked lists: the first word of a free block points to the next


cdef Pool* pooled = NULL                # a program's lists are in place of the allocator's own


cdef inline int size_class(Py_ssize_t nbytes, Py_ssize_t* size) noexcept:
    """Returns the size class of a request, and sets *size to the bytes of its blocks: 64, 80, 96, 112, 128, 160, ..."""
    cdef int shift = 4
    cdef int quarter
    if nbytes <= 64:
        size[0] = 64
        return 0
    while ((nbytes - 1) >> shift) >= 8:
        shift += 1
    quarter = ((nbytes - 1) >> shift) - 3           # 1..4 quarters above the power of two 4 << shift
    size[0] = (<Py_ssize_t> (4 + quarter)) << shift
    return 4 * (shift - 4) + quarter


cdef void* allocate(Py_ssize_t nbytes) except NULL:
    global kept, in_use
    cdef Py_ssize_t size
    if nbytes > LARGEST:        # beyond any address space, and beyond the last size class
        raise MemoryError(f"cannot allocate {nbytes:,} bytes for a tensor")
    cdef int c = size_class(nbytes, &size)
    if MOST == 0:
        size = nbytes or 1
    cdef void* block = free_blocks[c]
    if block != NULL:
        free_blocks[c] = (<void**> block)[0]
        kept -= size
    else:
        block = aligned_new(size)
        if block == NULL:
            empty_cache()
            block = aligned_new(size)
        if block == NULL:
            raise MemoryError(f"cannot allocate {nbytes:,} bytes for a tensor")
    in_use += size
    return block


cdef void release(void* block, Py_ssize_t nbytes) noexcept:
    global kept, in_use
    cdef Py_ssize_t size
    cdef int c = size_class(nbytes, &size)
    if MOST == 0:
        size = nbytes or 1
    in_use -= size
    if MOST == 0 and pooled != NULL and hold(pooled, block, c):
        return
    if kept + size > LIMIT and (MOST == 0 or pooled == NULL):
        aligned_free(block)
        return
    (<void**> block)[0] = free_blocks[c]
    free_blocks[c] = block
    kept += size


def empty_cache() -> None:
    """Give the memory that no tensor uses back to the system.

    >>> tinygrad_c.empty_cache()
    >>> tinygrad_c.memory_stats()["cached"]
    0
    """
    global kept
    cdef void* block
    if pooled != NULL:              # a program's entries point to them
        return
    for c in range(N_CLASSES):
        while free_blocks[c] != NULL:
            block = free_blocks[c]
            free_blocks[c] = (<void**> block)[0]
            aligned_free(block)
    kept = 0


def memory_stats() -> dict:
    """Bytes that tensors use, and bytes kept for reuse.

    >>> sorted(memory_stats())
    ['cached', 'in_use']
    """
    return {"in_use": in_use, "cached": kept}


# ---- The memory of programs: a step that is recorded allocates from lists of its own, which the program keeps. In a build for
# sanitizers nothing is used twice within a step, so that each tensor has a block of its exact size there too.

cdef bint hold(Pool* pool, void* block, int c) noexcept:
    """Note that the pool owns a block that is on no list. False, if there is no memory for it."""
    cdef void** blocks = <void**> realloc(pool.blocks, (pool.n + 1) * sizeof(void*))
    cdef int* classes
    if blocks == NULL:
        return False
    pool.blocks = blocks
    classes = <int*> realloc(pool.classes, (pool.n + 1) * sizeof(int))
    if classes == NULL:
        return False
    pool.classes = classes
    blocks[pool.n], classes[pool.n] = block, c
    pool.n += 1
    return True


cdef void swap_pool(Pool* pool) noexcept:
    """Put the pool's lists in the place of the allocator's; called again, put them back."""
    global kept, pooled
    cdef void* list
    cdef Py_ssize_t bytes = kept
    cdef int c
    for c in range(N_CLASSES):
        list = free_blocks[c]
        free_blocks[c] = pool.free_blocks[c]
        pool.free_blocks[c] = list
    kept, pool.kept = pool.kept, bytes
    pooled = pool if pooled == NULL else NULL


cdef int seal_pool(Pool* pool) except -1:
    """Take the blocks off the pool's lists, which run through the blocks themselves: the program's entries will write there."""
    cdef void* block
    cdef int c
    for c in range(N_CLASSES):
        while pool.free_blocks[c] != NULL:
            block = pool.free_blocks[c]
            if not hold(pool, block, c):
                raise MemoryError()
            pool.free_blocks[c] = (<void**> block)[0]
    pool.kept = 0
    return 0


cdef bint pool_has(const Pool* pool, const void* block) noexcept:
    """Whether the block belongs to the sealed pool, and to no tensor."""
    cdef Py_ssize_t i
    for i in range(pool.n):
        if pool.blocks[i] == block:
            return True
    return False


cdef inline void take_back(void* block, int c) noexcept:
    global kept
    cdef Py_ssize_t size = 64 if c == 0 else (<Py_ssize_t> (4 + (c - 1) % 4 + 1)) << (4 + (c - 1) // 4)
    if kept + size > LIMIT and (MOST == 0 or pooled == NULL):
        aligned_free(block)
        return
    (<void**> block)[0] = free_blocks[c]
    free_blocks[c] = block
    kept += size


cdef void free_pool(Pool* pool) noexcept:
    """Give the pool's blocks to the allocator."""
    cdef void* block
    cdef Py_ssize_t i
    cdef int c
    for c in range(N_CLASSES):
        while pool.free_blocks[c] != NULL:
            block = pool.free_blocks[c]
            pool.free_blocks[c] = (<void**> block)[0]
            take_back(block, c)
    for i in range(pool.n):
        take_back(pool.blocks[i], pool.classes[i])
    free(pool.blocks)
    free(pool.classes)
    pool.blocks, pool.classes, pool.n, pool.kept = NULL, NULL, 0, 0
