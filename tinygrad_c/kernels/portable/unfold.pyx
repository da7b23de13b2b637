"""Sliding-window kernels over planes of H x W, for convolution and pooling.

The window's element (i, j) at output position (r, c) is the plane's element

    (r * STRIDE_H - PADDING_H + i * DILATION_H, c * STRIDE_W - PADDING_W + j * DILATION_W)

with the names of shape and param in unfold.pxd. Outside the plane it is zero; `largest` skips it. A unit is one plane. The
operands, with window size kh x kw and output size oh x ow, are described at each kernel, at the end of this file.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from tinygrad_c.kernels.call cimport *

cdef enum:
    STRIP = 128         # output positions whose maxima are computed together

ctypedef fused cell:
    int32_t
    int64_t

ctypedef fused real:
    float
    double


cdef inline void inside(const Call* call, Py_ssize_t j, Py_ssize_t* first, Py_ssize_t* last) noexcept nogil:
    """The output columns c, first <= c < last, at which the window's column j lies inside the plane."""
    cdef Py_ssize_t shift = call.param[PADDING_W].i - j * call.param[DILATION_W].i, step = call.param[STRIDE_W].i
    first[0] = (shift + step - 1) // step if shift > 0 else 0
    last[0] = (call.shape[SIZE_W] - 1 + shift) // step + 1 if call.shape[SIZE_W] - 1 + shift >= 0 else 0
    last[0] = min(last[0], call.shape[OUT_W])
    first[0] = min(first[0], last[0])


cdef inline Py_ssize_t corner(const Call* call, Py_ssize_t i, Py_ssize_t j) noexcept nogil:
    """The offset of the window's element (i, j) at output position (0, 0) from the first element of the plane."""
    return ((i * call.param[DILATION_H].i - call.param[PADDING_H].i) * call.shape[SIZE_W] - call.param[PADDING_W].i
            + j * call.param[DILATION_W].i)


cdef inline bint keeps_size(const Call* call) noexcept nogil:
    """Whether the stride is 1 and the output as wide as the plane: then what a window element sees is the whole plane, shifted
    by one constant offset, except at the edges."""
    return call.param[STRIDE_H].i == 1 and call.param[STRIDE_W].i == 1 and call.shape[OUT_W] == call.shape[SIZE_W]


cdef inline void rows_inside(const Call* call, Py_ssize_t i, Py_ssize_t* first, Py_ssize_t* last) noexcept nogil:
    """For stride 1: the output rows r, first <= r < last, at which the window's row i lies inside the plane."""
    cdef Py_ssize_t shift = call.param[PADDING_H].i - i * call.param[DILATION_H].i
    last[0] = max(0, min(call.shape[OUT_H], call.shape[SIZE_H] + shift))
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
    """Copies n elements, 16 bytes at a time; n is small."""
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
    cdef Py_ssize_t i, j, r, c, row, first, last, top, bottom, ow = call.shape[OUT_W], step = call.param[STRIDE_W].i
    cdef Py_ssize_t made = call.shape[OUT_H] * ow
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
                if bottom < call.shape[OUT_H]:
                    memset(to + bottom * ow, 0, (made - bottom * ow) * sizeof(cell))
                clear_columns(to, call.shape[OUT_H], ow, first, last)
                to += made
                continue
            for r in range(call.shape[OUT_H]):
                row = r * call.param[STRIDE_H].i - call.param[PADDING_H].i + i * call.param[DILATION_H].i
                if row < 0 or row >= call.shape[SIZE_H]:
                    memset(to, 0, ow * sizeof(cell))
                elif step == 1:
                    copy_cells(to + first, source + first, last - first)
                elif step == 2:         # with a constant stride the loop vectorizes
                    for c in range(first, last):
                        to[c] = source[c * 2]
                else:
                    for c in range(first, last):
                        to[c] = source[c * step]
                source += call.param[STRIDE_H].i * call.shape[SIZE_W]
                to += ow
            if first > 0 or last < ow:
                clear_columns(to - made, call.shape[OUT_H], ow, first, last)


cdef inline void plane_fold(real* to, const real* x, const Call* call) noexcept nogil:
    cdef Py_ssize_t i, j, r, c, row, first, last, ow = call.shape[OUT_W], step = call.param[STRIDE_W].i
    cdef real* target
    memset(to, 0, call.shape[SIZE_H] * call.shape[SIZE_W] * sizeof(real))
    for i in range(call.shape[WINDOW_H]):
        for j in range(call.shape[WINDOW_W]):
            inside(call, j, &first, &last)
            for r in range(call.shape[OUT_H]):
                row = r * call.param[STRIDE_H].i - call.param[PADDING_H].i + i * call.param[DILATION_H].i
                if 0 <= row < call.shape[SIZE_H]:
                    target = to + row * call.shape[SIZE_W] - call.param[PADDING_W].i + j * call.param[DILATION_W].i
                    if step == 1:
                        for c in range(first, last):
                            target[c] = target[c] + x[c]
                    elif step == 2:
                        for c in range(first, last):
                            target[c * 2] = target[c * 2] + x[c]
                    else:
                        for c in range(first, last):
                            target[c * step] = target[c * step] + x[c]
                x += ow


cdef inline void row_largest(real* most, int32_t* best, const real* x, Py_ssize_t n, Py_ssize_t index,
                             Py_ssize_t step) noexcept nogil:
    """Where x[c * step] is larger than most[c], or NaN: most[c] = x[c * step], best[c] = index + c * step. Branch-free."""
    cdef Py_ssize_t c
    cdef real value
    cdef bint better
    for c in range(n):
        value = x[c * step]
        better = (value > most[c]) | (value != value) | (best[c] < 0)
        most[c] = value if better else most[c]
        best[c] = <int32_t> (index + c * step) if better else best[c]


cdef inline void plane_largest(real* to, int64_t* where, const real* x, const Call* call) noexcept nogil:
    cdef real[STRIP] most
    cdef int32_t[STRIP] best
    cdef Py_ssize_t r, c, i, j, row, first, last, index, n, start, step = call.param[STRIDE_W].i
    for r in range(call.shape[OUT_H]):
        start = 0
        while start < call.shape[OUT_W]:
            n = min(<Py_ssize_t> STRIP, call.shape[OUT_W] - start)
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
                    index = row * call.shape[SIZE_W] - call.param[PADDING_W].i + j * call.param[DILATION_W].i + first * step
                    if step == 2:       # with a constant stride the loop vectorizes
                        row_largest(most + first - start, best + first - start, x + index, last - first, index, 2)
                    elif step == 1:
                        row_largest(most + first - start, best + first - start, x + index, last - first, index, 1)
                    else:
                        row_largest(most + first - start, best + first - start, x + index, last - first, index, step)
            for c in range(n):
                to[c] = most[c]
                where[c] = best[c] if best[c] > 0 else 0
            to += n
            where += n
            start += n


cdef inline void plane_fold_whole(char* to, char* x, const Call* call, Py_ssize_t size) noexcept nogil:
    """plane_fold if keeps_size(call): sets the elements of x outside the plane to 0, then adds all rows at once."""
    cdef Py_ssize_t i, j, first, last, top, bottom, ow = call.shape[OUT_W], start
    cdef char* p[3]
    memset(to, 0, call.shape[SIZE_H] * call.shape[SIZE_W] * size)
    for i in range(call.shape[WINDOW_H]):
        rows_inside(call, i, &top, &bottom)
        for j in range(call.shape[WINDOW_W]):
            inside(call, j, &first, &last)
            if top < bottom and first < last:
                if size == 4:
                    clear_columns[int32_t](<int32_t*> x, call.shape[OUT_H], ow, first, last)
                else:
                    clear_columns[int64_t](<int64_t*> x, call.shape[OUT_H], ow, first, last)
                start = top * ow + first
                p[2] = x + start * size
                p[0] = p[1] = to + (start + corner(call, i, j)) * size
                call.inner((bottom - 1 - top) * ow + last - first, p, call.param)
            x += call.shape[OUT_H] * ow * size


cdef inline void plane_put(real* to, const real* x, const int64_t* where, const Call* call) noexcept nogil:
    """Checks the bounds of the indices: the user holds them too, and may have written to them through NumPy."""
    cdef Py_ssize_t c, index, size = call.shape[SIZE_H] * call.shape[SIZE_W]
    memset(to, 0, size * sizeof(real))
    for c in range(call.shape[OUT_H] * call.shape[OUT_W]):
        index = where[c]
        if <size_t> index < <size_t> size:
            to[index] = to[index] + x[c]


cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """im2col: operand 0 (planes, kh, kw, oh, ow) from operand 1 (planes, H, W)."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W]
    cdef Py_ssize_t made = call.shape[WINDOW_H] * call.shape[WINDOW_W] * call.shape[OUT_H] * call.shape[OUT_W]
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_columns[int32_t](<int32_t*> call.operand[0].data + p * made,
                                   <const int32_t*> call.operand[1].data + p * size, call)
        else:
            plane_columns[int64_t](<int64_t*> call.operand[0].data + p * made,
                                   <const int64_t*> call.operand[1].data + p * size, call)


cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """col2im, the adjoint of columns: operand 0 (planes, H, W) = for each element the sum of its copies in operand 1 (planes,
    kh, kw, oh, ow). call.inner is the kernel of + if operand 1 may be overwritten, else NULL."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], bytes = call.operand[0].itemsize
    cdef Py_ssize_t given = call.shape[WINDOW_H] * call.shape[WINDOW_W] * call.shape[OUT_H] * call.shape[OUT_W]
    for p in range(begin, end):
        if call.inner != NULL and keeps_size(call):
            plane_fold_whole(call.operand[0].data + p * size * bytes, call.operand[1].data + p * given * bytes, call, bytes)
        elif call.operand[0].itemsize == 4:
            plane_fold[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given, call)
        else:
            plane_fold[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                               call)


cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Max pooling: operand 0 (planes, oh, ow) = the maximum of each window of operand 1 (planes, H, W); operand 2, int64: its
    index in the plane. NaN is larger than every number; of equal elements the first is taken.
    """
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], made = call.shape[OUT_H] * call.shape[OUT_W]
    cdef int64_t* where = <int64_t*> call.operand[2].data
    for p in range(begin, end):
        if call.operand[1].itemsize == 4:
            plane_largest[float](<float*> call.operand[0].data + p * made, where + p * made,
                                 <const float*> call.operand[1].data + p * size, call)
        else:
            plane_largest[double](<double*> call.operand[0].data + p * made, where + p * made,
                                  <const double*> call.operand[1].data + p * size, call)


cdef void put(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The adjoint of largest: operand 0 (planes, H, W) = 0, plus operand 1 (planes, oh, ow) at the indices in operand 2."""
    cdef Py_ssize_t p, size = call.shape[SIZE_H] * call.shape[SIZE_W], given = call.shape[OUT_H] * call.shape[OUT_W]
    cdef const int64_t* where = <const int64_t*> call.operand[2].data
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_put[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given,
                             where + p * given, call)
        else:
            plane_put[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                              where + p * given, call)
