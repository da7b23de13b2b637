"""Gather and scatter of rows at given offsets. The kernels depend on the size of an element, not on its dtype.

    take    dense[r] = scattered[offset[r]]         put    scattered[offset[r]] = dense[r]

    operand 0   dense side: row r starts at r * stride[0]
    operand 1   scattered side: row r starts at offset[r]
    operand 2   int64 offsets in elements, one per row

shape[0] is the number of rows. A row has dimensions shape[1:], with strides of its own on each side. A unit of `take` is
GATHER_ROWS rows; `put` is one unit.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport *

include "../simd/copy_run.pxi"

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


cdef void gather_rows(char* to, const char* rows, const int64_t* order, Py_ssize_t n, Py_ssize_t nbytes) noexcept nogil:
    """to[i] = rows[order[i]] for rows of nbytes."""
    cdef Py_ssize_t i
    for i in range(n):
        prefetch_row(rows + order[min(i + ROWS_AHEAD, n - 1)] * nbytes)
        if nbytes == 8:             # a label or two floats
            memcpy(to + 8 * i, rows + 8 * order[i], 8)
        elif nbytes == 4:
            memcpy(to + 4 * i, rows + 4 * order[i], 4)
        elif 8 < nbytes <= 512:
            copy_short(to + i * nbytes, rows + order[i] * nbytes, nbytes)
        else:
            memcpy(to + i * nbytes, rows + order[i] * nbytes, nbytes)


cdef inline void move_short_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end, bint back,
                                 Py_ssize_t nbytes) noexcept nogil:
    """Rows that are contiguous on both sides."""
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t size = call.operand[0].itemsize, r
    cdef char* dense
    for r in range(begin, end):
        dense = call.operand[0].data + r * call.operand[0].stride[0] * size
        if back:
            copy_short(call.operand[1].data + offset[r] * size, dense, nbytes)
        else:
            prefetch_row(call.operand[1].data + offset[min(r + ROWS_AHEAD, end - 1)] * size)
            copy_short(dense, call.operand[1].data + offset[r] * size, nbytes)


cdef inline void move(const Call* call, Py_ssize_t begin, Py_ssize_t end, bint back) noexcept nogil:
    """Rows begin..end-1 from the scattered side to the dense one, or back."""
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t size = call.operand[0].itemsize
    cdef int last = call.ndim - 1, d
    cdef Py_ssize_t[MAX_NDIM] index
    cdef Py_ssize_t r, run = 1, step0 = 1, step1 = 1
    cdef char* dense
    cdef char* scattered
    if last > 0:
        run = call.shape[last]
        step0 = call.operand[0].stride[last]
        step1 = call.operand[1].stride[last]
    if last <= 1 and step0 == 1 and step1 == 1 and 8 <= run * size <= 512:
        move_short_rows(call, begin, end, back, run * size)
        return
    memset(index, 0, sizeof(index))
    for r in range(begin, end):
        dense = call.operand[0].data + r * call.operand[0].stride[0] * size
        scattered = call.operand[1].data + offset[r] * size
        while True:
            if back:
                copy_run(scattered, step1, dense, step0, run, size)
            else:
                copy_run(dense, step0, scattered, step1, run, size)
            d = last - 1
            while d > 0:
                index[d] += 1
                dense += call.operand[0].stride[d] * size
                scattered += call.operand[1].stride[d] * size
                if index[d] < call.shape[d]:
                    break
                dense -= index[d] * call.operand[0].stride[d] * size
                scattered -= index[d] * call.operand[1].stride[d] * size
                index[d] = 0
                d -= 1
            if d <= 0:
                break


ctypedef fused element:
    uint8_t
    int16_t
    int32_t
    int64_t


cdef inline void take_columns(const Call* call, Py_ssize_t begin, Py_ssize_t end, element* dense,
                              const element* scattered) noexcept nogil:
    """The dense side is column-major: the inner loop runs down a column, which is contiguous there."""
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t i, r
    for i in range(call.shape[1]):
        for r in range(begin, end):
            dense[i * call.operand[0].stride[1] + r] = scattered[i * call.operand[1].stride[1] + offset[r]]


cdef void take(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """dense[r] = scattered[offset[r]]; a unit is GATHER_ROWS rows."""
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t r, stop = min(end * GATHER_ROWS, call.shape[0])
    begin *= GATHER_ROWS
    if call.ndim == 1 and call.operand[0].stride[0] == 1 and call.operand[0].itemsize == 4:
        for r in range(begin, stop):
            (<int32_t*> call.operand[0].data)[r] = (<const int32_t*> call.operand[1].data)[offset[r]]
    elif call.ndim == 1 and call.operand[0].stride[0] == 1 and call.operand[0].itemsize == 8:
        for r in range(begin, stop):
            (<int64_t*> call.operand[0].data)[r] = (<const int64_t*> call.operand[1].data)[offset[r]]
    elif call.ndim == 2 and call.operand[0].stride[0] == 1 and call.operand[0].itemsize == 4:
        take_columns(call, begin, stop, <int32_t*> call.operand[0].data, <const int32_t*> call.operand[1].data)
    elif call.ndim == 2 and call.operand[0].stride[0] == 1 and call.operand[0].itemsize == 8:
        take_columns(call, begin, stop, <int64_t*> call.operand[0].data, <const int64_t*> call.operand[1].data)
    elif call.ndim == 2 and call.operand[0].stride[0] == 1 and call.operand[0].itemsize == 2:
        take_columns(call, begin, stop, <int16_t*> call.operand[0].data, <const int16_t*> call.operand[1].data)
    elif call.ndim == 2 and call.operand[0].stride[0] == 1:
        take_columns(call, begin, stop, <uint8_t*> call.operand[0].data, <const uint8_t*> call.operand[1].data)
    else:
        move(call, begin, stop, False)


cdef inline void put_elements(const Call* call, const element* dense, element* scattered) noexcept nogil:
    cdef const int64_t* offset = <const int64_t*> call.operand[2].data
    cdef Py_ssize_t r
    for r in range(call.shape[0]):
        scattered[offset[r]] = dense[r * call.operand[0].stride[0]]


cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """scattered[offset[r]] = dense[r], in order: of rows with the same offset the last wins. One unit."""
    if call.ndim == 1 and call.operand[0].itemsize == 4:
        put_elements(call, <const int32_t*> call.operand[0].data, <int32_t*> call.operand[1].data)
    elif call.ndim == 1 and call.operand[0].itemsize == 8:
        put_elements(call, <const int64_t*> call.operand[0].data, <int64_t*> call.operand[1].data)
    else:
        move(call, 0, call.shape[0], True)


# ---- Sums of rows

cdef enum:
    COLUMNS = 16                # summed in registers

ctypedef fused real:
    float
    double


cdef inline void sum_rows(real* out, const real* rows, const int64_t* index, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    """out = the sum of the rows at the given indices, in their order."""
    cdef real[COLUMNS] sums
    cdef const real* row
    cdef Py_ssize_t start = 0, i, k
    while start + COLUMNS <= width:
        for i in range(COLUMNS):
            sums[i] = 0
        for k in range(n):
            row = rows + index[k] * width + start
            for i in range(COLUMNS):
                sums[i] += row[i]
        for i in range(COLUMNS):
            out[start + i] = sums[i]
        start += COLUMNS
    for i in range(start, width):
        out[i] = 0
    for k in range(n):
        row = rows + index[k] * width
        for i in range(start, width):
            out[i] += row[i]


cdef void bag_sums(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 [bags, width] = the sums of the rows of operand 1 that the bags of indices in operand 2 (int64) name. A unit is
    a bag."""
    cdef Py_ssize_t n = call.shape[BAG_LENGTH], width = call.shape[BAG_WIDTH], bag
    cdef const int64_t* index = <const int64_t*> call.operand[2].data
    for bag in range(begin, end):
        if call.operand[0].itemsize == 4:
            sum_rows(<float*> call.operand[0].data + bag * width, <const float*> call.operand[1].data, index + bag * n, n,
                     width)
        else:
            sum_rows(<double*> call.operand[0].data + bag * width, <const double*> call.operand[1].data, index + bag * n, n,
                     width)


cdef inline void add_to_rows(real* rows, const real* g, const int64_t* index, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef real* row
    for k in range(n):
        row = rows + index[k] * width
        for i in range(width):
            row[i] += g[i]


cdef void bag_add(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The rows of operand 1 that a bag names += the bag's row of operand 0, bag after bag: bag_sums's gradient. One unit."""
    cdef Py_ssize_t n = call.shape[BAG_LENGTH], width = call.shape[BAG_WIDTH], bag
    cdef const int64_t* index = <const int64_t*> call.operand[2].data
    for bag in range(call.shape[BAG_COUNT]):
        if call.operand[0].itemsize == 4:
            add_to_rows(<float*> call.operand[1].data, <const float*> call.operand[0].data + bag * width, index + bag * n, n,
                        width)
        else:
            add_to_rows(<double*> call.operand[1].data, <const double*> call.operand[0].data + bag * width, index + bag * n, n,
                        width)


# ---- Offsets

cdef inline bint row_of_offsets(int64_t* to, const int64_t* index, Py_ssize_t n, Py_ssize_t start, Py_ssize_t step,
                                Py_ssize_t size, Py_ssize_t along, bint wraps, bint adds) noexcept nogil:
    """Whether an index is out of bounds. Each index is read once: another thread may write to it."""
    cdef Py_ssize_t i
    cdef int64_t k          # a Py_ssize_t of 32 bits would lose the upper half, and an index out of bounds could be within
    cdef bint wrong = False
    for i in range(n):
        k = index[i]
        if wraps:
            k += size & (k >> 63)
        wrong |= <uint64_t> k >= <uint64_t> size
        to[i] = (to[i] if adds else 0) + start + (k if along == 1 else k * along)
        start += step
    return wrong


cdef void offsets(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0, int64 = start + index * along + the sum of coordinate d * stride[d] of operand 1, for each of the indices
    (int64) in operand 1, of that shape. operand 2, int64: becomes 1 if an index is out of bounds. One unit."""
    cdef Py_ssize_t[MAX_NDIM] coordinate
    cdef int last = call.ndim - 1, d
    cdef int64_t* to = <int64_t*> call.operand[0].data
    cdef const int64_t* index = <const int64_t*> call.operand[1].data
    cdef Py_ssize_t start = call.param[OFFSET_START].i, n = call.shape[last], step = call.operand[1].stride[last]
    cdef Py_ssize_t size = call.param[OFFSET_SIZE].i, along = call.param[OFFSET_ALONG].i
    cdef bint wraps = call.param[OFFSET_WRAPS].i, adds = call.param[OFFSET_ADDS].i, wrong = False
    memset(coordinate, 0, sizeof(coordinate))
    while True:
        if adds or wraps:
            wrong |= row_of_offsets(to, index, n, start, step, size, along, wraps, adds)
        elif along == 1:                # no multiplication: vectorised
            wrong |= row_of_offsets(to, index, n, start, step, size, 1, False, False)
        else:
            wrong |= row_of_offsets(to, index, n, start, step, size, along, False, False)
        to += n
        index += n
        d = last - 1
        while d >= 0:
            coordinate[d] += 1
            start += call.operand[1].stride[d]
            if coordinate[d] < call.shape[d]:
                break
            start -= coordinate[d] * call.operand[1].stride[d]
            coordinate[d] = 0
            d -= 1
        if d < 0:
            break
    (<int64_t*> call.operand[2].data)[0] = wrong


# ---- Triangles

cdef void triangle(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 = operand 1, contiguous matrices of shape[1] rows and shape[2] columns of itemsize bytes, with zeros on one
    side of a diagonal: see TRIANGLE_*. A unit is a row of one of shape[0] matrices."""
    cdef Py_ssize_t rows = call.shape[1], cols = call.shape[2], size = call.operand[0].itemsize, i, n
    cdef bint upper = call.param[TRIANGLE_UPPER].i
    cdef const char* p = call.operand[1].data + begin * cols * size
    cdef char* to = call.operand[0].data + begin * cols * size
    for i in range(begin, end):
        n = min(max(i % rows + call.param[TRIANGLE_DIAGONAL].i + (not upper), 0), cols)     # columns of the lower triangle
        if upper:
            memset(to, 0, n * size)
            memcpy(to + n * size, p + n * size, (cols - n) * size)
        else:
            memcpy(to, p, n * size)
            memset(to + n * size, 0, (cols - n) * size)
        p += cols * size
        to += cols * size
