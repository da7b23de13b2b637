# Normalization: y = (x - mean) / sqrt(var + eps) * w + b, with the mean and the variance of each row, in one pass through
# memory forward and one backward.
#
# There are shape[0] rows, param[ROW_STRIDE] apart. A row is shape[1] segments of shape[2] contiguous elements,
# param[SEG_STRIDE] apart. Weight and bias have one element per segment (batch, group and instance norm), number
# r % param[PERIOD] * param[W_ROW] + s * param[W_SEG] for row r, segment s; or, with param[ELEMENTWISE_AFFINE], one per element
# of a row of one segment (layer norm). Both may be NULL. A unit is param[NORM_ROWS] rows. Up to NORM_PIECE elements are summed
# in the element type, and these sums in double.
from tinygrad_c.kernels.simd.norm cimport *


cdef double piecewise_sum(const real* x, Py_ssize_t n) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i = 0
    while i < n:
        total += reduce_row(SUM, x + i, min(n - i, NORM_PIECE))
        i += NORM_PIECE
    return total


cdef double centred_squares(const real* x, Py_ssize_t n, real mean) noexcept nogil:
    """The sum of (x - mean)^2."""
    cdef double total = 0
    cdef vec m = splat(mean), a, b, s, t
    cdef Py_ssize_t i = 0, stop
    while i < n:
        stop = min(n, i + NORM_PIECE)
        s = t = splat(0)
        while i + 2 * LANES <= stop:
            a = load(x + i) - m
            b = load(x + i + LANES) - m
            s = s + a * a
            t = t + b * b
            i += 2 * LANES
        while i < stop:
            a = load_padded(x + i, stop - i, mean) - m
            s = s + a * a
            i += LANES
        i = stop
        total += hsum(s + t)
    return total


cdef inline Py_ssize_t weight_of(const Call* call, Py_ssize_t row, Py_ssize_t segment) noexcept nogil:
    return row % call.param[PERIOD].i * call.param[W_ROW].i + segment * call.param[W_SEG].i


cdef void norm(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: y; 1: x; 2: the means, then the variances; 3: w; 4: b."""
    cdef Py_ssize_t segments = call.shape[1], n = call.shape[2], r, s, i, at, number
    cdef const real* w = <const real*> call.operand[3].data
    cdef const real* b = <const real*> call.operand[4].data
    cdef real* stats = <real*> call.operand[2].data
    cdef const real* x
    cdef real* y
    cdef double total
    cdef real mean, scale
    cdef vec m, wide, a, c
    for r in range(begin * call.param[NORM_ROWS].i, min(end * call.param[NORM_ROWS].i, call.shape[0])):
        at = r * call.param[ROW_STRIDE].i
        x = <const real*> call.operand[1].data + at
        total = 0
        for s in range(segments):
            total += piecewise_sum(x + s * call.param[SEG_STRIDE].i, n)
        mean = <real> (total / (segments * n))
        total = 0
        for s in range(segments):
            total += centred_squares(x + s * call.param[SEG_STRIDE].i, n, mean)
        total /= segments * n
        stats[r] = mean
        stats[call.shape[0] + r] = <real> total
        scale = <real> (1 / sqrt(total + call.param[EPS].f))
        m = splat(mean)
        wide = splat(scale)
        for s in range(segments):
            x = <const real*> call.operand[1].data + at + s * call.param[SEG_STRIDE].i
            y = <real*> call.operand[0].data + at + s * call.param[SEG_STRIDE].i
            i = 0
            if call.param[ELEMENTWISE_AFFINE].i:
                while i < n:
                    a = (load_upto(x + i, n - i) - m) * wide
                    if w != NULL:
                        a = a * load_upto(w + i, n - i)
                    if b != NULL:
                        a = a + load_upto(b + i, n - i)
                    store_upto(y + i, a, n - i)
                    i += LANES
            else:
                number = weight_of(call, r, s)
                a = splat(scale * w[number]) if w != NULL else wide
                c = splat(b[number]) if b != NULL else splat(0)
                while i < n:
                    store_upto(y + i, (load_upto(x + i, n - i) - m) * a + c, n - i)
                    i += LANES


cdef void norm_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: dx, or NULL; 1: x; 2: the means, then the variances; 3: w; 4: g; 5: partial sums of dw, then of db, one per
    row and segment, or, with ELEMENTWISE_AFFINE, one per unit and element; NULL if neither is needed.

    With h = (x - mean) / sqrt(var + eps):  dx = (g w - the row's mean of g w - h * the row's mean of g w h) / sqrt(var + eps).
    """
    cdef Py_ssize_t segments = call.shape[1], n = call.shape[2], unit, r, s, i, at, number, rows = call.param[NORM_ROWS].i
    cdef Py_ssize_t parts = call.units * n if call.param[ELEMENTWISE_AFFINE].i else call.shape[0] * segments
    cdef const real* w = <const real*> call.operand[3].data
    cdef const real* stats = <const real*> call.operand[2].data
    cdef real* part = <real*> call.operand[5].data
    cdef const real* x
    cdef const real* g
    cdef real* dx
    cdef double sum_g, sum_gh, all_g, all_gh
    cdef real scale
    cdef vec m, wide, a, h, k_g, k_gh, v_g, v_gh
    for unit in range(begin, end):
        for r in range(unit * rows, min(unit * rows + rows, call.shape[0])):
            at = r * call.param[ROW_STRIDE].i
            scale = <real> (1 / sqrt(stats[call.shape[0] + r] + call.param[EPS].f))
            m = splat(stats[r])
            wide = splat(scale)
            all_g = all_gh = 0
            for s in range(segments):
                x = <const real*> call.operand[1].data + at + s * call.param[SEG_STRIDE].i
                g = <const real*> call.operand[4].data + at + s * call.param[SEG_STRIDE].i
                sum_g = sum_gh = 0
                i = 0
                while i < n:
                    v_g = v_gh = splat(0)
                    number = min(n, i + NORM_PIECE)
                    if call.param[ELEMENTWISE_AFFINE].i:
                        while i < number:
                            a = load_upto(g + i, n - i)
                            h = (load_padded(x + i, n - i, stats[r]) - m) * wide
                            if part != NULL:
                                if r == unit * rows:
                                    store_upto(part + unit * n + i, a * h, n - i)
                                    store_upto(part + parts + unit * n + i, a, n - i)
                                else:
                                    store_upto(part + unit * n + i, load_upto(part + unit * n + i, n - i) + a * h, n - i)
                                    store_upto(part + parts + unit * n + i, load_upto(part + parts + unit * n + i, n - i) + a,
                                               n - i)
                            if w != NULL:
                                a = a * load_upto(w + i, n - i)
                            v_g = v_g + a
                            v_gh = v_gh + a * h
                            i += LANES
                    else:
                        while i < number:
                            a = load_padded(g + i, n - i, 0)
                            v_g = v_g + a
                            v_gh = v_gh + a * (load_padded(x + i, n - i, stats[r]) - m)
                            i += LANES
                    i = number
                    sum_g += hsum(v_g)
                    sum_gh += hsum(v_gh)
                if not call.param[ELEMENTWISE_AFFINE].i:
                    sum_gh *= scale
                    if part != NULL:
                        part[r * segments + s] = <real> sum_gh
                        part[parts + r * segments + s] = <real> sum_g
                    if w != NULL:
                        sum_g *= w[weight_of(call, r, s)]
                        sum_gh *= w[weight_of(call, r, s)]
                all_g += sum_g
                all_gh += sum_gh
            if call.operand[0].data == NULL:
                continue
            k_g = splat(<real> (all_g / (segments * n)) * scale)
            k_gh = splat(<real> (all_gh / (segments * n)) * scale * scale)
            for s in range(segments):
                x = <const real*> call.operand[1].data + at + s * call.param[SEG_STRIDE].i
                g = <const real*> call.operand[4].data + at + s * call.param[SEG_STRIDE].i
                dx = <real*> call.operand[0].data + at + s * call.param[SEG_STRIDE].i
                a = splat(scale * w[weight_of(call, r, s)]) if w != NULL and not call.param[ELEMENTWISE_AFFINE].i else wide
                i = 0
                while i < n:
                    h = load_upto(g + i, n - i) * a
                    if w != NULL and call.param[ELEMENTWISE_AFFINE].i:
                        h = h * load_upto(w + i, n - i)
                    store_upto(dx + i, h - k_g - (load_upto(x + i, n - i) - m) * k_gh, n - i)
                    i += LANES
