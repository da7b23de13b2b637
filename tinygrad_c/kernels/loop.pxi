# The elementwise loop: runs call.inner, which knows only contiguous elements, over operands of any strides.
#
# The elements are numbered in row-major order. A unit is UNIT of them. When every operand is contiguous the inner kernel
# gets the whole range at once. Otherwise the range is walked in blocks: an operand whose block is contiguous is passed
# as it is, one that repeats a single element is a block filled once, and any other is gathered into a block in L1.
# Shared by every element type: operands are bytes here.

cdef enum:
    UNIT = 8192
    BLOCK = 512             # elements: MAX_OPERANDS blocks of doubles are 24 KB, half of a common L1


cdef inline void copy_run(char* to, Py_ssize_t to_stride, const char* source, Py_ssize_t stride, Py_ssize_t n,
                          Py_ssize_t size) noexcept nogil:
    """n elements of size bytes; strides in elements."""
    cdef Py_ssize_t i
    cdef int32_t four
    cdef int64_t eight
    if to_stride == 1 and stride == 1:
        memcpy(to, source, n * size)
    elif to_stride == 1 and stride == 0 and size == 4:      # a broadcast column: one value along the row, as vectors
        four = (<const int32_t*> source)[0]
        for i in range(n):
            (<int32_t*> to)[i] = four
    elif to_stride == 1 and stride == 0 and size == 8:
        eight = (<const int64_t*> source)[0]
        for i in range(n):
            (<int64_t*> to)[i] = eight
    elif to_stride == 1 and stride == -1 and size == 4:     # backwards, as vectors too
        for i in range(n):
            (<int32_t*> to)[i] = (<const int32_t*> source)[-i]
    elif to_stride == 1 and stride == -1 and size == 8:
        for i in range(n):
            (<int64_t*> to)[i] = (<const int64_t*> source)[-i]
    elif size == 4:
        for i in range(n):
            (<int32_t*> to)[i * to_stride] = (<const int32_t*> source)[i * stride]
    elif size == 8:
        for i in range(n):
            (<int64_t*> to)[i * to_stride] = (<const int64_t*> source)[i * stride]
    else:
        for i in range(n):
            to[i * to_stride] = source[i * stride]


cdef inline char* locate(const Call* c, const Operand* o, const Py_ssize_t* index) noexcept nogil:
    cdef char* p = o.data
    cdef int d
    for d in range(c.ndim):
        p += index[d] * o.stride[d] * o.itemsize
    return p


cdef inline void decode(const Call* c, Py_ssize_t start, Py_ssize_t* index) noexcept nogil:
    """The indices of element number `start`."""
    cdef int d = c.ndim - 1
    while d >= 0:
        index[d] = start % c.shape[d]
        start //= c.shape[d]
        d -= 1


cdef void transfer(const Call* c, const Operand* o, char* block, Py_ssize_t start, Py_ssize_t n, bint out) noexcept nogil:
    """Gather elements start..start+n of an operand into a contiguous block, or (out) scatter the block to them."""
    cdef Py_ssize_t index[MAX_NDIM]
    cdef int last = c.ndim - 1
    cdef int d
    cdef Py_ssize_t run
    cdef char* p
    decode(c, start, index)
    while n > 0:
        p = locate(c, o, index)
        run = c.shape[last] - index[last]
        if run > n:
            run = n
        if out:
            copy_run(p, o.stride[last], block, 1, run, o.itemsize)
        else:
            copy_run(block, 1, p, o.stride[last], run, o.itemsize)
        block += run * o.itemsize
        n -= run
        index[last] += run
        d = last
        while d > 0 and index[d] == c.shape[d]:
            index[d] = 0
            d -= 1
            index[d] += 1


cdef inline bint runs_through(const Call* c, const Operand* o) noexcept nogil:
    """Whether the operand's elements lie in memory in row-major order with nothing between."""
    cdef Py_ssize_t expected = 1
    cdef int d = c.ndim - 1
    while d >= 0:
        if c.shape[d] != 1 and o.stride[d] != expected:
            return False
        expected *= c.shape[d]
        d -= 1
    return True


cdef inline bint is_repeated(const Call* c, const Operand* o) noexcept nogil:
    cdef int d
    for d in range(c.ndim):
        if c.shape[d] != 1 and o.stride[d] != 0:
            return False
    return True


cdef void loop(const Call* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t total = 1
    cdef Py_ssize_t start = begin * UNIT
    cdef Py_ssize_t stop = end * UNIT
    cdef bint through[MAX_OPERANDS]
    cdef bint all_through = True
    cdef char* p[MAX_OPERANDS]
    cdef int d, i
    for d in range(c.ndim):
        total *= c.shape[d]
    if stop > total:
        stop = total
    for i in range(c.n_operands):
        through[i] = runs_through(c, &c.operand[i])
        all_through = all_through and through[i]
    if c.inner == NULL and through[0] and not through[1]:
        transfer(c, &c.operand[1], c.operand[0].data + start * c.operand[0].itemsize, start, stop - start, False)
    elif not all_through:
        loop_blocks(c, start, stop, through)
    elif c.inner == NULL:
        memcpy(c.operand[0].data + start * c.operand[0].itemsize, c.operand[1].data + start * c.operand[0].itemsize,
               (stop - start) * c.operand[0].itemsize)
    else:
        for i in range(c.n_operands):
            p[i] = c.operand[i].data + start * c.operand[i].itemsize
        c.inner(stop - start, p, c.param)


cdef void loop_blocks(const Call* c, Py_ssize_t start, Py_ssize_t stop, const bint* through) noexcept nogil:
    cdef char[MAX_OPERANDS][BLOCK * 8] block
    cdef Py_ssize_t filled[MAX_OPERANDS]
    cdef Py_ssize_t index[MAX_NDIM]
    cdef char* p[MAX_OPERANDS]
    cdef const Operand* o
    cdef Py_ssize_t n, rest
    cdef int i
    cdef int last = c.ndim - 1
    for i in range(c.n_operands):
        filled[i] = 0
    while start < stop:
        decode(c, start, index)
        rest = c.shape[last] - index[last]
        n = stop - start
        if n > BLOCK:
            n = BLOCK
        if n > rest and c.shape[last] >= 64:    # long rows: stay in one, so that contiguous rows need no copy
            n = rest
        for i in range(c.n_operands):
            o = &c.operand[i]
            if through[i]:
                p[i] = o.data + start * o.itemsize
            elif n <= rest and o.stride[last] == 1:
                p[i] = locate(c, o, index)
            elif i == 0:
                p[i] = block[i]
            elif is_repeated(c, o):
                p[i] = block[i]
                if filled[i] < n:
                    copy_run(block[i], 1, o.data, 0, n, o.itemsize)
                    filled[i] = n
            elif c.inner == NULL and p[0] != block[0]:
                transfer(c, o, p[0], start, n, False)       # a plain copy: straight to where it goes
                p[i] = p[0]
            else:
                p[i] = block[i]
                transfer(c, o, block[i], start, n, False)
        if c.inner != NULL:
            c.inner(n, p, c.param)
        elif p[1] != p[0]:
            memcpy(p[0], p[1], n * c.operand[0].itemsize)
        if p[0] == block[0]:
            transfer(c, &c.operand[0], block[0], start, n, True)
        start += n
