"""Kernels that slide a window over planes of H x W: what convolution and pooling are made of.

A unit is a plane. shape: planes, H, W, the window's kh, kw, and how many places it takes, oh, ow. param: strides sh, sw,
padding above ph and on the left pw, dilations dh, dw. The window's element (i, j) at place (r, c) looks at
(r * sh - ph + i * dh, c * sw - pw + j * dw); outside of the plane there are zeros (for `largest`, nothing).
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

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
    cdef Py_ssize_t shift = call.param[3].i - j * call.param[5].i, step = call.param[1].i
    first[0] = (shift + step - 1) // step if shift > 0 else 0
    last[0] = (call.shape[2] - 1 + shift) // step + 1 if call.shape[2] - 1 + shift >= 0 else 0
    last[0] = min(last[0], call.shape[6])
    first[0] = min(first[0], last[0])


cdef inline void plane_columns(cell* to, const cell* x, const Call* call) noexcept nogil:
    cdef Py_ssize_t i, j, r, c, row, first, last, ow = call.shape[6], step = call.param[1].i
    cdef const cell* source
    for i in range(call.shape[3]):
        for j in range(call.shape[4]):
            inside(call, j, &first, &last)
            for r in range(call.shape[5]):
                row = r * call.param[0].i - call.param[2].i + i * call.param[4].i
                if row < 0 or row >= call.shape[1]:
                    memset(to, 0, ow * sizeof(cell))
                else:
                    source = x + row * call.shape[2] - call.param[3].i + j * call.param[5].i
                    for c in range(first):
                        to[c] = 0
                    if step == 1:
                        for c in range(first, last):
                            to[c] = source[c]
                    else:
                        for c in range(first, last):
                            to[c] = source[c * step]
                    for c in range(last, ow):
                        to[c] = 0
                to += ow


cdef inline void plane_fold(real* to, const real* x, const Call* call) noexcept nogil:
    cdef Py_ssize_t i, j, r, c, row, first, last, ow = call.shape[6], step = call.param[1].i
    cdef real* place
    memset(to, 0, call.shape[1] * call.shape[2] * sizeof(real))
    for i in range(call.shape[3]):
        for j in range(call.shape[4]):
            inside(call, j, &first, &last)
            for r in range(call.shape[5]):
                row = r * call.param[0].i - call.param[2].i + i * call.param[4].i
                if 0 <= row < call.shape[1]:
                    place = to + row * call.shape[2] - call.param[3].i + j * call.param[5].i
                    if step == 1:
                        for c in range(first, last):
                            place[c] = place[c] + x[c]
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
    cdef Py_ssize_t r, c, i, j, row, first, last, place, n, start, step = call.param[1].i
    for r in range(call.shape[5]):
        start = 0
        while start < call.shape[6]:
            n = min(<Py_ssize_t> STRIP, call.shape[6] - start)
            for c in range(n):
                most[c] = 0
                best[c] = -1
            for i in range(call.shape[3]):
                row = r * call.param[0].i - call.param[2].i + i * call.param[4].i
                if row < 0 or row >= call.shape[1]:
                    continue
                for j in range(call.shape[4]):
                    inside(call, j, &first, &last)
                    first = max(first, start)
                    last = min(last, start + n)
                    place = row * call.shape[2] - call.param[3].i + j * call.param[5].i + first * step
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


cdef inline void plane_put(real* to, const real* x, const int64_t* where, const Call* call) noexcept nogil:
    cdef Py_ssize_t c
    memset(to, 0, call.shape[1] * call.shape[2] * sizeof(real))
    for c in range(call.shape[5] * call.shape[6]):
        to[where[c]] = to[where[c]] + x[c]


cdef void columns(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, kh, kw, oh, ow) = operand 1 (planes, H, W), as the windows see it."""
    cdef Py_ssize_t p, size = call.shape[1] * call.shape[2]
    cdef Py_ssize_t made = call.shape[3] * call.shape[4] * call.shape[5] * call.shape[6]
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_columns[int32_t](<int32_t*> call.operand[0].data + p * made,
                                   <const int32_t*> call.operand[1].data + p * size, call)
        else:
            plane_columns[int64_t](<int64_t*> call.operand[0].data + p * made,
                                   <const int64_t*> call.operand[1].data + p * size, call)


cdef void fold(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, H, W) = the sums of what operand 1 (planes, kh, kw, oh, ow) holds for each element."""
    cdef Py_ssize_t p, size = call.shape[1] * call.shape[2]
    cdef Py_ssize_t given = call.shape[3] * call.shape[4] * call.shape[5] * call.shape[6]
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_fold[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given, call)
        else:
            plane_fold[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                               call)


cdef void largest(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0 (planes, oh, ow) = each window's largest element of operand 1; operand 2, int64: where in its plane it is. A
    NaN is larger than all; of equal ones it is the first.
    """
    cdef Py_ssize_t p, size = call.shape[1] * call.shape[2], made = call.shape[5] * call.shape[6]
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
    cdef Py_ssize_t p, size = call.shape[1] * call.shape[2], given = call.shape[5] * call.shape[6]
    cdef const int64_t* where = <const int64_t*> call.operand[2].data
    for p in range(begin, end):
        if call.operand[0].itemsize == 4:
            plane_put[float](<float*> call.operand[0].data + p * size, <const float*> call.operand[1].data + p * given,
                             where + p * given, call)
        else:
            plane_put[double](<double*> call.operand[0].data + p * size, <const double*> call.operand[1].data + p * given,
                              where + p * given, call)
