# The elementwise loop: runs call.inner, which takes contiguous elements only, over operands of any strides; a NULL inner is a
# copy. operand 0 is the output, the others are inputs, broadcast to call.shape by strides of 0. The params are inner's.
#
# The elements are numbered in row-major order. A unit is ELEMENT_BLOCK of them. If every operand is contiguous, inner gets the
# whole range at once. Otherwise the range is processed in blocks: an operand whose block is contiguous is passed directly, a
# broadcast element or row is copied to a buffer once, and any other operand is gathered into a buffer. A block has at most
# LOOP_BLOCK elements: MAX_OPERANDS buffers of doubles are 24 KB, half of a common L1. If rows are short and many, a block is a
# number of whole rows. Contiguous operands with one row that is broadcast to all rows (a bias) are processed in blocks that
# ignore row ends (loop_repeated).
# Shared by every element type: operands are bytes here.

cdef enum:
    LONG_ROW = 64           # elements: in rows of at least this length a block never crosses a row end
    MANY_ROWS = 8           # with at least this many shorter rows, a block is a number of whole rows


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


cdef inline bint is_repeated(const Call* c, const Operand* o) noexcept nogil:
    cdef int d
    for d in range(c.ndim):
        if c.shape[d] != 1 and o.stride[d] != 0:
            return False
    return True


cdef void copy_runs(const Call* c, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """A plain copy of elements start..stop, a row at a time."""
    cdef Py_ssize_t index[MAX_NDIM]
    cdef const Operand* out = &c.operand[0]
    cdef const Operand* x = &c.operand[1]
    cdef Py_ssize_t run, rows, across = 0, x_across = 0, _
    cdef int last = c.ndim - 1
    cdef char* to
    cdef const char* source
    if last > 0:
        across = out.stride[last - 1] * out.itemsize
        x_across = x.stride[last - 1] * x.itemsize
    while start < stop:
        decode(c, start, index)
        to = locate(c, out, index)
        source = locate(c, x, index)
        run = min(c.shape[last] - index[last], stop - start)
        rows = 1
        if last > 0 and run == c.shape[last]:
            rows = min(c.shape[last - 1] - index[last - 1], (stop - start) // run)
        for _ in range(rows):
            copy_run(to, out.stride[last], source, x.stride[last], run, out.itemsize)
            to += across
            source += x_across
        start += rows * run


cdef void gather_rows(char* block, const char* p, Py_ssize_t rows, Py_ssize_t row_stride, Py_ssize_t m, Py_ssize_t stride,
                      Py_ssize_t size) noexcept nogil:
    """`rows` rows of m elements, to a contiguous block."""
    cdef Py_ssize_t r, i
    cdef int32_t* four = <int32_t*> block
    cdef int64_t* eight = <int64_t*> block
    cdef int16_t* two = <int16_t*> block
    for r in range(rows):
        if size == 4:
            for i in range(m):
                four[i] = (<const int32_t*> p)[i * stride]
            four += m
        elif size == 8:
            for i in range(m):
                eight[i] = (<const int64_t*> p)[i * stride]
            eight += m
        elif size == 2:
            for i in range(m):
                two[i] = (<const int16_t*> p)[i * stride]
            two += m
        else:
            for i in range(m):
                block[i] = p[i * stride]
            block += m
        p += row_stride * size


cdef inline bint is_contiguous(const Call* c, const Operand* o) noexcept nogil:
    """Whether the operand is contiguous in row-major order."""
    cdef Py_ssize_t expected = 1
    cdef int d = c.ndim - 1
    while d >= 0:
        if c.shape[d] != 1 and o.stride[d] != expected:
            return False
        expected *= c.shape[d]
        d -= 1
    return True


cdef void loop(const Call* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t total = 1
    cdef Py_ssize_t start = begin * ELEMENT_BLOCK
    cdef Py_ssize_t stop = end * ELEMENT_BLOCK
    cdef bint contiguous[MAX_OPERANDS]
    cdef bint all_contiguous = True
    cdef char* p[MAX_OPERANDS]
    cdef int d, i
    for d in range(c.ndim):
        total *= c.shape[d]
    if stop > total:
        stop = total
    for i in range(c.n_operands):
        contiguous[i] = is_contiguous(c, &c.operand[i])
        all_contiguous = all_contiguous and contiguous[i]
    if c.inner == NULL and not contiguous[0]:
        copy_runs(c, start, stop)
    elif c.inner == NULL and not contiguous[1]:
        transfer(c, &c.operand[1], c.operand[0].data + start * c.operand[0].itemsize, start, stop - start, False)
    elif not all_contiguous:
        if repeats_rows(c, contiguous):
            loop_repeated(c, start, stop, contiguous)
        else:
            loop_blocks(c, start, stop, contiguous)
    elif c.inner == NULL:
        memcpy(c.operand[0].data + start * c.operand[0].itemsize, c.operand[1].data + start * c.operand[0].itemsize,
               (stop - start) * c.operand[0].itemsize)
    else:
        for i in range(c.n_operands):
            p[i] = c.operand[i].data + start * c.operand[i].itemsize
        c.inner(stop - start, p, c.param)


cdef inline bint repeats_rows(const Call* c, const bint* contiguous) noexcept nogil:
    """Whether the output is contiguous, and each input is contiguous or one broadcast row, short enough for a buffer."""
    cdef int d, i
    cdef int last = c.ndim - 1
    if last == 0 or not contiguous[0]:
        return False
    for i in range(1, c.n_operands):
        if not contiguous[i]:
            if (c.shape[last] + LOOP_ALIGN) * c.operand[i].itemsize > LOOP_BLOCK * 8:
                return False
            for d in range(last):
                if c.operand[i].stride[d] != 0 and c.shape[d] != 1:
                    return False
    return True


cdef void loop_repeated(const Call* c, Py_ssize_t start, Py_ssize_t stop, const bint* contiguous) noexcept nogil:
    """Blocks start where the output is vector-aligned, not where a row starts. A broadcast row is copied to its buffer as often
    as it fits, followed by LOOP_ALIGN of its first elements, for a vector that crosses into the next row."""
    cdef char[MAX_OPERANDS][LOOP_BLOCK * 8] block
    cdef char* p[MAX_OPERANDS]
    cdef const Operand* o
    cdef int last = c.ndim - 1
    cdef Py_ssize_t m = c.shape[last]
    cdef Py_ssize_t period = stop - start + m - 1       # the most that the range needs, if it fits
    cdef Py_ssize_t done, at, n
    cdef int i
    for i in range(1, c.n_operands):
        if not contiguous[i]:
            period = min(period, LOOP_BLOCK * 8 // c.operand[i].itemsize - LOOP_ALIGN)
    period = period // m * m
    for i in range(1, c.n_operands):
        if not contiguous[i]:
            o = &c.operand[i]
            if o.stride[last] == 1:
                memcpy(block[i], o.data, m * o.itemsize)
            else:
                gather_rows(block[i], o.data, 1, 0, m, o.stride[last], o.itemsize)
            done = m
            while done < period + LOOP_ALIGN:
                n = min(done, period + LOOP_ALIGN - done)
                memcpy(block[i] + done * o.itemsize, block[i], n * o.itemsize)
                done += n
    at = start % period
    while start < stop:
        n = min(stop - start, (period - at + LOOP_ALIGN - 1) // LOOP_ALIGN * LOOP_ALIGN)
        for i in range(c.n_operands):
            o = &c.operand[i]
            p[i] = o.data + start * o.itemsize if contiguous[i] else block[i] + at * o.itemsize
        c.inner(n, p, c.param)
        start += n
        at += n
        if at >= period:
            at -= period


cdef void loop_blocks(const Call* c, Py_ssize_t start, Py_ssize_t stop, const bint* contiguous) noexcept nogil:
    cdef char[MAX_OPERANDS][LOOP_BLOCK * 8] block
    cdef const char* held[MAX_OPERANDS]         # the broadcast element or row that a buffer repeats,
    cdef Py_ssize_t filled[MAX_OPERANDS]        # and how many elements of the buffer are filled with it
    cdef Py_ssize_t index[MAX_NDIM]
    cdef char* p[MAX_OPERANDS]
    cdef const Operand* o
    cdef Py_ssize_t n, rest, rows, done, along, across
    cdef int i, d
    cdef int last = c.ndim - 1
    cdef Py_ssize_t m = c.shape[last]
    cdef bint in_place = m >= LONG_ROW          # every row of every operand is contiguous
    for i in range(c.n_operands):
        held[i] = NULL
        in_place = in_place and (contiguous[i] or c.operand[i].stride[last] == 1)
    decode(c, start, index)
    while True:
        rest = m - index[last]
        n = stop - start if in_place else min(stop - start, LOOP_BLOCK)
        rows = 1
        if n > rest:
            if m >= LONG_ROW:                   # stay in one row: contiguous rows need no copy
                n = rest
            elif last > 0 and c.shape[last - 1] >= MANY_ROWS:
                rows = min(n // m, c.shape[last - 1] - index[last - 1]) if rest == m else 1
                n = rows * m if rows > 1 else rest
            else:
                rows = 0                        # the block may cross row ends
        for i in range(c.n_operands):
            o = &c.operand[i]
            p[i] = locate(c, o, index)
            along = o.stride[last]
            across = o.stride[last - 1] if rows > 1 else 0
            if contiguous[i] or rows == 1 and along == 1 or rows > 1 and along == 1 and across == m:
                continue
            if i > 0 and (rows > 0 and across == 0 and (along == 0 or rows > 1) or is_repeated(c, o)):
                if held[i] != p[i] or filled[i] < n:
                    done = n if along == 0 else m
                    copy_run(block[i], 1, p[i], along, done, o.itemsize)
                    while done < n:
                        memcpy(block[i] + done * o.itemsize, block[i], min(done, n - done) * o.itemsize)
                        done += min(done, n - done)
                    held[i] = p[i]
                    filled[i] = n
            elif i > 0:
                held[i] = NULL
                if rows > 1:
                    gather_rows(block[i], p[i], rows, across, m, along, o.itemsize)
                else:
                    transfer(c, o, block[i], start, n, False)
            p[i] = block[i]
        c.inner(n, p, c.param)
        if p[0] == block[0]:
            transfer(c, &c.operand[0], block[0], start, n, True)
        start += n
        if start >= stop:
            return
        index[last] += n
        d = last
        while d > 0 and index[d] >= c.shape[d]:
            across = index[d] // c.shape[d] if index[d] > c.shape[d] else 1     # rows passed; a division is slow
            index[d] -= across * c.shape[d]
            index[d - 1] += across
            d -= 1
