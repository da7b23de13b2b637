"""Factors of matrices, and systems with triangular ones. A unit is a matrix of the batch.

    lu_factor         operand 0: the matrices [rows, columns], in place: L below the diagonal, U above; 1: int32 [the smaller of
                      the two], LAPACK's pivots, counted from 1; 2: int32, the index from 1 of the first zero on U's diagonal,
                      or 0
    permute_rows      operand 0: matrices [rows, columns], whose rows are exchanged in place; 1: the pivots, at most one a row
    cholesky_factor   operand 0: symmetric matrices, whose upper triangle becomes the U of U^T U, the rest 0; 1: int32, 0 or the
                      order of the first leading minor that is not positive
    qr_factor         operand 0: the matrices [rows, columns], rows >= columns: R, with zeros below it; 1: Q [rows, columns];
                      2: scratch memory [columns] for each matrix
    q_of_reflections  operands as of qr_factor: 0: the reflections below the diagonal, overwritten; 1: Q, on whose diagonal are
                      the factors tau
    substitute        operand 0: right-hand sides [rows, right], in place: the solutions; 1: triangular matrices, of any strides

All loops go along rows, so that the compiler vectorizes them; four rows are subtracted at a time. In a row the sums have
the same order for every size of the batch.
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t

from tinygrad_c.kernels.call cimport *

cdef enum:
    PANEL = 16                  # columns that lu_factor eliminates before it updates the rest

ctypedef fused real:
    float
    double


# ---- Rows

cdef inline void subtract_row(real* a, real l, const real* u, Py_ssize_t n) noexcept nogil:
    """a -= l u"""
    cdef Py_ssize_t i
    for i in range(n):
        a[i] -= l * u[i]


cdef inline void subtract_rows(real* a, const real* l, Py_ssize_t step, const real* u, Py_ssize_t width, Py_ssize_t count,
                               Py_ssize_t n) noexcept nogil:
    """a -= the sum over k < count of l[k] times row k of u; l has elements `step` apart, u rows of `width` elements."""
    cdef Py_ssize_t i, k = 0
    cdef real l0, l1, l2, l3
    cdef const real* u0
    cdef const real* u1
    cdef const real* u2
    cdef const real* u3
    while k + 4 <= count:
        l0, l1, l2, l3 = l[k * step], l[(k + 1) * step], l[(k + 2) * step], l[(k + 3) * step]
        u0 = u + k * width
        u1 = u0 + width
        u2 = u1 + width
        u3 = u2 + width
        for i in range(n):
            a[i] -= (l0 * u0[i] + l1 * u1[i]) + (l2 * u2[i] + l3 * u3[i])
        k += 4
    while k < count:
        subtract_row(a, l[k * step], u + k * width, n)
        k += 1


cdef inline void swap_rows(real* a, real* b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real each
    for i in range(n):
        each = a[i]
        a[i] = b[i]
        b[i] = each


# ---- LU

cdef inline int32_t lu_one(real* a, Py_ssize_t m, Py_ssize_t n, int32_t* pivots) noexcept nogil:
    """Right-looking, a panel of columns at a time."""
    cdef Py_ssize_t k = min(m, n), start = 0, stop, i, j, best
    cdef real largest, size, inverse
    cdef int32_t info = 0
    while start < k:
        stop = min(start + PANEL, k)
        for j in range(start, stop):
            best = j
            largest = <real> fabs(a[j * n + j])
            for i in range(j + 1, m):
                size = <real> fabs(a[i * n + j])
                if size > largest or (size != size and largest == largest):
                    largest = size
                    best = i
            pivots[j] = <int32_t> (best + 1)
            if best != j:
                swap_rows(a + j * n, a + best * n, n)
            if a[j * n + j] == 0:
                if info == 0:
                    info = <int32_t> (j + 1)
                continue
            inverse = a[j * n + j]
            for i in range(j + 1, m):
                a[i * n + j] /= inverse
                subtract_row(a + i * n + j + 1, a[i * n + j], a + j * n + j + 1, stop - j - 1)
        for i in range(start + 1, stop):
            subtract_rows(a + i * n + stop, a + i * n + start, 1, a + start * n + stop, n, i - start, n - stop)
        for i in range(stop, m):
            subtract_rows(a + i * n + stop, a + i * n + start, 1, a + start * n + stop, n, stop - start, n - stop)
        start = stop
    return info


cdef void lu_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t m = call.shape[MATRIX_ROWS], n = call.shape[MATRIX_COLUMNS], k = min(m, n), unit
    cdef int32_t* pivots = <int32_t*> call.operand[1].data
    cdef int32_t* info = <int32_t*> call.operand[2].data
    for unit in range(begin, end):
        if call.param[MATRIX_DTYPE].i == FLOAT32:
            info[unit] = lu_one(<float*> call.operand[0].data + unit * m * n, m, n, pivots + unit * k)
        else:
            info[unit] = lu_one(<double*> call.operand[0].data + unit * m * n, m, n, pivots + unit * k)


cdef inline void permute_one(real* a, Py_ssize_t m, Py_ssize_t n, const int32_t* pivots, Py_ssize_t count,
                             bint back) noexcept nogil:
    cdef Py_ssize_t i, row, other
    for i in range(count):
        row = count - 1 - i if back else i
        other = pivots[row] - 1
        if row < other < m:         # another thread may have written the pivots
            swap_rows(a + row * n, a + other * n, n)


cdef void permute_rows(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t m = call.shape[MATRIX_ROWS], n = call.shape[MATRIX_COLUMNS], count = call.param[MATRIX_PIVOTS].i, unit
    cdef const int32_t* pivots = <const int32_t*> call.operand[1].data
    cdef bint back = call.param[MATRIX_BACK].i
    for unit in range(begin, end):
        if call.param[MATRIX_DTYPE].i == FLOAT32:
            permute_one(<float*> call.operand[0].data + unit * m * n, m, n, pivots + unit * count, count, back)
        else:
            permute_one(<double*> call.operand[0].data + unit * m * n, m, n, pivots + unit * count, count, back)


# ---- Cholesky

cdef inline int32_t cholesky_one(real* a, Py_ssize_t n) noexcept nogil:
    """U^T U by rows of U, four at a time."""
    cdef Py_ssize_t start = 0, stop, i, j
    cdef real d
    while start < n:
        stop = min(start + 4, n)
        for i in range(start, stop):
            subtract_rows(a + i * n + i, a + start * n + i, n, a + start * n + i, n, i - start, n - i)
            d = a[i * n + i]
            if not d > 0:
                return <int32_t> (i + 1)
            d = <real> sqrt(d)
            for j in range(i, n):
                a[i * n + j] /= d
        for i in range(stop, n):
            subtract_rows(a + i * n + i, a + start * n + i, n, a + start * n + i, n, stop - start, n - i)
        start = stop
    for i in range(1, n):
        for j in range(i):
            a[i * n + j] = 0
    return 0


cdef void cholesky_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[MATRIX_COLUMNS], unit
    cdef int32_t* info = <int32_t*> call.operand[1].data
    for unit in range(begin, end):
        if call.param[MATRIX_DTYPE].i == FLOAT32:
            info[unit] = cholesky_one(<float*> call.operand[0].data + unit * n * n, n)
        else:
            info[unit] = cholesky_one(<double*> call.operand[0].data + unit * n * n, n)


# ---- QR

cdef inline void reflect(real* a, Py_ssize_t width, const real* v, Py_ssize_t step, real tau, Py_ssize_t m, Py_ssize_t n,
                         real* w) noexcept nogil:
    """a -= tau v (v^T a) for m rows of n elements; v[0] is 1, and not read. w: scratch memory for n."""
    cdef Py_ssize_t i
    for i in range(n):
        w[i] = -a[i]
    subtract_rows(w, v + step, step, a + width, width, m - 1, n)        # w = -v^T a
    for i in range(n):
        w[i] *= tau
        a[i] += w[i]
    for i in range(1, m):
        subtract_row(a + i * width, -v[i * step], w, n)


cdef inline void qr_one(real* a, real* q, Py_ssize_t m, Py_ssize_t n, real* w) noexcept nogil:
    """Householder reflections H_k = I - tau v v^T, as LAPACK's: Golub & Van Loan, Matrix Computations, 5.2. v is stored below
    the diagonal of a, tau on the diagonal of q, before Q is computed from them."""
    cdef Py_ssize_t i, k
    cdef real x, norm, beta, largest
    cdef double sum
    for k in range(n):
        x = a[k * n + k]
        largest = 0
        for i in range(k + 1, m):
            largest = <real> max(largest, fabs(a[i * n + k]))
        sum = 0
        if largest > 0:
            for i in range(k, m):
                sum += (<double> a[i * n + k] / largest) * (<double> a[i * n + k] / largest)
        norm = <real> (largest * sqrt(sum))
        q[k * n + k] = 0
        if largest > 0 or largest != largest:
            beta = -norm if x >= 0 else norm
            q[k * n + k] = (beta - x) / beta
            for i in range(k + 1, m):
                a[i * n + k] /= x - beta
            a[k * n + k] = beta
            reflect(a + k * n + k + 1, n, a + k * n + k, n, q[k * n + k], m - k, n - k - 1, w)
    form_q(a, q, m, n, w)


cdef inline void form_q(real* a, real* q, Py_ssize_t m, Py_ssize_t n, real* w) noexcept nogil:
    """The first n columns of H_1 .. H_n, from the last one; a is 0 below its diagonal afterwards."""
    cdef Py_ssize_t i, j, k = n
    cdef real tau
    while k > 0:
        k -= 1
        tau = q[k * n + k]
        for j in range(k + 1, n):
            q[k * n + j] = 0
        if tau != 0:
            reflect(q + k * n + k + 1, n, a + k * n + k, n, tau, m - k, n - k - 1, w)
        q[k * n + k] = 1 - tau
        for i in range(k + 1, m):
            q[i * n + k] = -tau * a[i * n + k] if tau != 0 else 0
            a[i * n + k] = 0


cdef inline void qr_of_batch(const Call* call, Py_ssize_t begin, Py_ssize_t end, bint form, real kind) noexcept nogil:
    cdef Py_ssize_t m = call.shape[MATRIX_ROWS], n = call.shape[MATRIX_COLUMNS], unit
    cdef real* out
    cdef real* a
    cdef real* w
    for unit in range(begin, end):
        out = <real*> call.operand[0].data + unit * m * n
        a = <real*> call.operand[1].data + unit * m * n
        w = <real*> call.operand[2].data + unit * n
        if form:
            form_q(out, a, m, n, w)
        else:
            qr_one(out, a, m, n, w)


cdef void qr_factor(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if call.param[MATRIX_DTYPE].i == FLOAT32:
        qr_of_batch(call, begin, end, False, <float> 0)
    else:
        qr_of_batch(call, begin, end, False, <double> 0)


cdef void q_of_reflections(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if call.param[MATRIX_DTYPE].i == FLOAT32:
        qr_of_batch(call, begin, end, True, <float> 0)
    else:
        qr_of_batch(call, begin, end, True, <double> 0)


# ---- Triangular systems

cdef inline void substitute_one(real* x, const real* a, Py_ssize_t n, Py_ssize_t m, Py_ssize_t down, Py_ssize_t along,
                                bint upper, bint unit) noexcept nogil:
    """A X = B by rows of X: those that are known are subtracted, then the row is divided."""
    cdef Py_ssize_t i, j, row
    cdef real d
    for i in range(n):
        row = n - 1 - i if upper else i
        if upper:
            subtract_rows(x + row * m, a + row * down + (row + 1) * along, along, x + (row + 1) * m, m, i, m)
        else:
            subtract_rows(x + row * m, a + row * down, along, x, m, i, m)
        if not unit:
            d = a[row * down + row * along]
            for j in range(m):
                x[row * m + j] /= d


cdef void substitute(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n = call.shape[MATRIX_ROWS], m = call.shape[MATRIX_RIGHT], unit
    cdef Py_ssize_t down = call.param[MATRIX_ROW_STEP].i, along = call.param[MATRIX_COLUMN_STEP].i
    cdef Py_ssize_t step = call.param[MATRIX_STEP].i
    cdef bint upper = call.param[MATRIX_UPPER].i, ones = call.param[MATRIX_UNIT].i
    for unit in range(begin, end):
        if call.param[MATRIX_DTYPE].i == FLOAT32:
            substitute_one(<float*> call.operand[0].data + unit * n * m, <const float*> call.operand[1].data + unit * step,
                           n, m, down, along, upper, ones)
        else:
            substitute_one(<double*> call.operand[0].data + unit * n * m, <const double*> call.operand[1].data + unit * step,
                           n, m, down, along, upper, ones)
