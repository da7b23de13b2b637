"""Kernels that slide a window over planes of H x W: what convolution and pooling are made of.

A unit is a plane. The window's element (i, j) at place (r, c) looks at

    (r * STRIDE_H - PADDING_H + i * DILATION_H, c * STRIDE_W - PADDING_W + j * DILATION_W)

by the names of shape and param in unfold.pxd; outside of the plane there are zeros (for `largest`, nothing).
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport *

cdef enum:
    STRIP = 128         # places whose largest elements are looked for together

ctypedef fused cell:
    int32_t
    int64_t

ctypedef fused real:
    float
    double


cdef inline void inside(const Call* call, Py_ssize_t j, Py_ssize_t* first, Py_ssize_t* last) noexcept nogil:
    """The places c, first <= c < last, at which the window's column j lies within the plane."""
    cdef Py_ssize_t shift = call.param[PADDING_W].i - j * call.param[DILATION_W].i, step = call.param[STRIDE_W].i
    first[0] = (shift + step - 1) // step if shift > 0 else 0
    last[0] = (call.shape[SIZE_W] - 1 + shift) // step + 1 if call.shape[SIZE_W] - 1 + shift >= 0 else 0
    last[0] = min(last[0], call.shape[PLACES_W])
    first[0] = min(first[0], last[0])


cdef inline Py_ssize_t corner(const Call* call, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    """How far from a plane's first element, as one row, the window's element (i, j) lies at place (0, 0)."""
    return ((i * call.param[DILATION_H].i - call.param[PADDING_H].i) * call.shape[SIZE_W] - call.param[PADDING_W].i
            + j * call.param[DILATION_W].i)


cdef inline bint keeps_size(const Call* call) noexcept nogil:
    """Whether all places of a plane, row by row, see the elements of the plane, row by row, at one distance: but for those that
    look over the edge."""
    return call.param[STRIDE_H].i == 1 and call.param[STRIDE_W].i == 1 and call.shape[PLACES_W] == call.shape[SIZE_W]


cdef inline void rows_inside(const Call* call, Py_ssize_t i, Py_ssize_t* first, Py_ssize_t* last) noexcept nogil:
    """With steps of 1: the places r, first <= r < last, at which the window's row i lies within the plane."""
    cdef Py_ssize_t shift = call.param[PADDING_H].i - i * call.param[DILATION_H].i
    last[0] = max(0, min(call.shape[PLACES_H], call.shape[SIZE_H] + shift))
    first[0] = min(max(0, shift), last[0])


cdef inline void clear_columns(cell* to, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Zeros in the columns before `first` and from `last` on."""
    cdef Py_ssize_t r, c
    for c in range(first):
        for r in range(rows):
            to[r * width + c] = 0
    for c in range(last, width):
        for r in range(rows):
            to[r * width + c] = 0


cdef inline void copy_cells(cell* to, const cell* source, Py_ssize_t n) noexcept nogil:
    """n elements, few of them: 16 bytes at a time."""
    cdef Py_ssize_t per = 16 // <Py_ssize_t> sizeof(cell), c = 0
    if n < per:
        for c in range(n):
            to[c] = source[c]
        return
    while c + per <= n:
        memcpy(to + c, source + c, 16)
        c += per
    memcpy(to + n - per, source + n - per, 16)


cdef inline void plane_columns(cell* to, const cell* x, const Call* call) noexcept nogil:
    cdef Py_ssize_t i, j, r, c, row, first, last, top, bottom, ow = call.shape[PLACES_W], step = call.param[STRIDE_W].i
    cdef Py_ssize_t made = call.shape[PLACES_H] * ow
    cdef const cell* source
    for i in range(call.shape[WINDOW_H]):
        rows_inside(call, i, &top, &bottom)
        for j in range(call.shape[WINDOW_W]):
            inside(call, j, &first, &last)
            source = x + corner(call, i, j)
            if keeps_size(call):        # one copy, then the edges
                if top < bottom and first < last:
                    memcpy(to + top * ow + first, source + top * ow + first,
                           ((bottom - 1 - top) * ow + last - first) * sizeof(cell))
                if top > 0:
                    memset(to, 0, top * ow * sizeof(cell))
                if bottom < call.shape[PLACES_H]:
                    memset(to + bottom * ow, 0, (made - bottom * ow) * sizeof(cell))
                clear_columns(to, call.shape[PLACES_H], ow, first, last)
                to += made
                continue
            for r in range(call.shape[PLACES_H]):
                row = r * call.param[STRIDE_H].i - call.param[PADDING_H].i + i * call.param[DILATION_H].i
                if row < 0 or row >= call.shape[SIZE_H]:
                    memset(to, 0, ow * sizeof(cell))
                elif step == 1:
                    copy_cells(to + first, source + first, last - first)
                elif step == 2:         # a constant makes vectors of it
                    for c in range(first, last):
                        to[c] = source[c * 2]
                else:
                    for c in range(first, last):
                        to[c] = source[c * step]
                source += call.param[STRIDE_H].i * call.shape[SIZE_W]
                to += ow
            if first > 0 or last < ow:
                clear_columns(to - made, call.shape[PLACES_H], ow, first, last)


cdef inline void plane_fold(real* to, const real* x, const Call* call) noexcept nogil:
    cdef Py_ssize_t i, j, r, c, row, first, last, ow = call.shape[PLACES_W], step = call.param[STRIDE_W].i
    cdef real* place
    memset(to, 0, call.shape[SIZE_H] * call.shape[SIZE_W] * sizeof(real))
    for i in range(call.shape[WINDOW_H]):
        for j in range(call.shape[WINDOW_W]):
            inside(call, j, &first, &last)
            for r in range(call.shape[PLACES_H]):
                row = r * call.param[STRIDE_H].i - call.param[PADDING_H].i + i * call.param[DILATION_H].i
                if 0 <= row < call.shape[SIZE_H]:
                    place = to + row * call.shape[SIZE_W] - call.param[PADDING_W].i + j * call.param[DILATION_W].i
                    if step == 1:
                        for c in range(first, last):
                            place[c] = place[c] + x[c]
                    elif step == 2:
                        for c in range(first, last):
                            place[c * 2] = place[c * 2] + x[c]
                    else:
                        for c in range(first, last):
                            place[c * step] = place[c * step] + x[c]
                x += ow


cdef inline void row_largest(real* most, int32_t* best, const real* x, Py_ssize_t n, Py_ssize_t place,
                             Py_ssize_t step) noexcept nogil:
    """Where x[c * step], which stands at number place + c * step, is larger than most[c], or is a NaN, take it. No branches."""
    cdef Py_ssize_t c
    cdef real value
    cdef bint better
    for c in range(n):
        value = x[c * step]
        better = (value > most[c]) | (value != value) | (best[c] < 0)
        most[c] = value if better else most[c]
        best[c] = <int32_t> (place + c * step) if better else best[c]


cdef inline void plane_largest(real* to, int64_t* where, const real* x, const Call* call) noexcept nogil:
    cdef real[STRIP] most
    cdef int32_t[STRIP] best
    cdef Py_ssize_t r, c, i, j, row, first, last, place, n, start, step = call.param[STRIDE_W].i
    for r in range(call.shape[PLACES_H]):
        start = 0
        while start < call.shape[PLACES_W]:
            n = min(<Py_ssize_t> STRIP, call.shape[PLACES_W] - start)
            for c in range(n):
                most[c] = 0
                best[c] = -1
            for i in range(call.shape[WINDOW_H]):
                row = r * call.param[STRIDE_H].i - call.param[PADDING_H].i + i * call.param[DILATION_H].i
                if row < 0 or row >= call.shape[SIZE_H]:
                    continue
                for j in range(call.shape[WINDOW_W]):
                    inside(call, j, &first, &last)
                    first = max(first, start)
                    last = min(last, start + n)
                    place = row * call.shape[SIZE_W] - call.param[PADDING_W].i + j * call.param[DILATION_W].i + first * step
                    if step == 2:       # a constant makes vectors of it
                        row_largest(most + first - start, best + first - start, x + place, last - first, place, 2)
                    elif step == 1:
                        row_largest(most + first - start, best + first - start, x + place, last - first, place, 1)
                    else:
                        row_largest(most + first - start, best + first - start, x + place, last - first, place, step)
            for c in range(n):
                to[c] = most[c]
                where[c] = best[c] if best[c] > 0 else 0
            to += n
            where += n
            start += n


cdef inline void plane_fold_whole(char* to, char* x, const Call* call, Py_ssize_t size) noexcept nogil:
    """plane_fold where keeps_size(call): what looked over the edge becomes 0, and all rows are added at once."""
    cdef Py_ssize_t i, j, first, last, top, bottom, ow = call.shape[PLACES_W], start
    cdef char* p[3]
    memset(to, 0, call.shape[SIZE_H] * call.shape[SIZE_W] * size)
    for i in range(call.shape[WINDOW_H]):
        rows_inside(call, i, &top, &bottom)
        for j in range(call.shape[WINDOW_W]):
            inside(call, j, &first, &last)
            if top < bottom and first < last:
                if size == 4:
                    clear_columns[int32_t](<int32_t*> x, call.shape[PLACES_H], ow, first, last)
                else:
                    clear_columns[int64_t](<int64_t*> x, call.shape[PLACES_H], ow, first, last)
                start = top * ow + first
                p[2] = x + start * size
                p[0] = p[1] = to + (start + corner(call, i, j)) * size
                call.inner((bottom - 1 - top) * ow + last - first, p, call.param)
            x += call.shape[PLACES_H] * ow * size


cdef inline void plane_put(real* to, const real* x, const int64_t* where, const Call* call) noexcept nogil:
    """Places are checked here: they were given to the user, who may have written to them through NumPy."""
    cdef Py_ssize_t c, place, size = call.shape[SIZE_H] * call.shape[SIZE_W]
    memset(to, 0, size * sizeof(real))
    for c in range(call.shape[PLACES_H] * call.shape[PLACES_W]):
        place = where[c]
        if <size_t> place < <size_t> size:
            to[place] = to[place] + x[c]


cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, kh, kw, oh, ow) = operand 1 (planes, H, W), as the windows see it."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W]
    cdef Py_ssize_t made = call.shape[WINDOW_H] * call.shape[WINDOW_W] * call.shape[PLACES_H] * call.shape[PLACES_W]
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_columns[int32_t](<int32_t*> call.operand[0].data + p * made,
                                   <const int32_t*> call.operand[1].data + p * size, call)
        else:
            plane_columns[int64_t](<int64_t*> call.operand[0].data + p * made,
                                   <const int64_t*> call.operand[1].data + p * size, call)


cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, H, W) = the sums of what operand 1 (planes, kh, kw, oh, ow) holds for each element. `inner`, which
    adds, is given where operand 1 may be overwritten."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], bytes = call.operand[0].itemsize
    cdef Py_ssize_t given = call.shape[WINDOW_H] * call.shape[WINDOW_W] * call.shape[PLACES_H] * call.shape[PLACES_W]
    for p in range(begin, end):
        if call.inner != NULL and keeps_size(call):
            plane_fold_whole(call.operand[0].data + p * size * bytes, call.operand[1].data + p * given * bytes, call, bytes)
        elif call.operand[0].itemsize == 4:
            plane_fold[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given, call)
        else:
            plane_fold[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                               call)


cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, oh, ow) = each window's largest element of operand 1; operand 2, int64: where in its plane it is. A
    NaN is larger than all; of equal ones it is the first.
    """
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], made = call.shape[PLACES_H] * call.shape[PLACES_W]
    cdef int64_t* where = <int64_t*> call.operand[2].data
    for p in range(begin, end):
        if call.operand[1].itemsize == 4:
            plane_largest[float](<float*> call.operand[0].data + p * made, where + p * made,
                                 <const float*> call.operand[1].data + p * size, call)
        else:
            plane_largest[double](<double*> call.operand[0].data + p * made, where + p * made,
                                  <const double*> call.operand[1].data + p * size, call)


cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, H, W) = 0, and operand 1 (planes, oh, ow) added at the places that operand 2 names."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], given = call.shape[PLACES_H] * call.shape[PLACES_W]
    cdef const int64_t* where = <const int64_t*> call.operand[2].data
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_put[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given,
                             where + p * given, call)
        else:
            plane_put[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                              where + p * given, call)
