# Cross-entropy of logits (rows, n) with a class per row: loss[r] = w[t] * (log(total) - (x[t] - m)), t = target[r], with m and
# total as in softmax.pxi, w the weight of the class. With label smoothing e, (1 - e) of that, and e / n of the sum over all
# classes c of w[c] * (log(total) - (x[c] - m)). A row whose target is `ignore_index` does not count, nor does one whose target
# is out of range: the caller has rejected those, but NumPy or another thread may have written to the targets since.
#
# For long rows the forward pass saves two numbers per row, m and log(total): the backward pass recomputes the softmax from
# them, which costs less than reading it from memory. params: CE_*. A unit is ROW_BLOCK rows, and writes one partial sum of
# losses and of weights.

cdef inline void row_statistics(const real* x, const real* weight, Py_ssize_t n, bint smooth, real* m, real* log_total,
                                real* spread) noexcept nogil:
    """m, log(total) and, for smoothing, sum(w * (x - m)) of one long row."""
    cdef vec shift, a = splat(0)
    cdef Py_ssize_t i = 0
    m[0] = reduce_row(MAX, x, n)
    log_total[0] = lane(v_log(splat(sum_exp(x, n, m[0]))), 0)
    if smooth:
        shift = splat(m[0])
        while i < n:
            if weight == NULL:
                a = a + (load_padded(x + i, n - i, m[0]) - shift)
            else:
                a = a + (load_padded(x + i, n - i, m[0]) - shift) * load_upto(weight + i, n - i)
            i += LANES
        spread[0] = hsum(a)


cdef inline void lanes_statistics(const real* block, const real* weight, Py_ssize_t n, bint smooth, real* m, real* log_total,
                                  real* spread) noexcept nogil:
    """The same for LANES short rows, transposed to columns."""
    cdef vec shift = lanes_max(block, n, LANES, LANES)
    cdef vec total = splat(0), a = splat(0), v
    cdef Py_ssize_t i
    for i in range(n):
        v = load(block + i * LANES) - shift
        total = total + v_exp(v)
        if smooth:
            a = a + (v if weight == NULL else v * splat(weight[i]))
    store(m, shift)
    store(log_total, v_log(total))
    store(spread, a)


cdef inline vec softmax_term(vec x, vec m, vec log_total, vec scale) noexcept nogil:
    return scale * v_exp(x - m - log_total)


# Short rows without class weights and smoothing, whose losses are added up, are the common case. The forward pass saves
# p - hit, which the backward pass only multiplies by a number. `batch` rows are one row of the block that is transposed: with
# 2 classes one transposition of 8 x 8 serves 32 rows. Row j * batch + s is lane j of rows s * n to s * n + n - 1 of the block.

cdef inline Py_ssize_t load_classes(vec* classes, const int64_t* target, Py_ssize_t count, Py_ssize_t stride, Py_ssize_t n,
                                    int64_t ignore_index) noexcept nogil:
    """The targets of up to LANES rows as lanes, -1 for a row that does not count; returns how many do."""
    cdef real[MAX_LANES] lanes
    cdef Py_ssize_t j, valid = 0
    cdef int64_t t
    for j in range(count):
        t = target[j * stride]
        if <size_t> t < <size_t> n and t != ignore_index:
            lanes[j] = <real> t
            valid += 1
        else:
            lanes[j] = -1
    for j in range(count, LANES):
        lanes[j] = -1
    classes[0] = load(lanes)
    return valid


cdef void plain_losses(const real* x, const int64_t* target, real* slopes, Py_ssize_t rows, Py_ssize_t n,
                       int64_t ignore_index, double* sum_loss, double* sum_weight) noexcept nogil:
    """slopes: for p - hit of each row, or NULL."""
    cdef real[SHORT_ROW * LANES] block
    cdef real[MAX_LANES] loss
    cdef double[4] sums
    cdef vec m, total, picked, classes, v, zero = splat(0)
    cdef Py_ssize_t batch, count, valid, i, s
    cdef real* at
    cdef int j
    sums[0] = sums[1] = sums[2] = sums[3] = sum_weight[0] = 0
    while rows > 0:
        batch = max(min(rows // LANES, SHORT_ROW // n), 1)
        count = min(LANES, rows)            # LANES if batch > 1
        transpose_in(block, x, count, batch * n)
        for s in range(batch):
            at = block + s * n * LANES
            valid = load_classes(&classes, target + s, count, batch, n, ignore_index)
            sum_weight[0] += valid
            m = lanes_max(at, n, LANES, LANES)
            total = picked = zero
            for i in range(n):
                v = load(at + i * LANES) - m
                picked = blend(eq(classes, splat(<real> i)), v, picked)
                v = v_exp(v)
                total = total + v
                store(at + i * LANES, v)
            store(loss, blend(ge(classes, zero), v_log(total) - picked, zero))
            for j in range(LANES):
                sums[j & 3] += loss[j]
            if slopes != NULL:
                total = splat(1) / total
                for i in range(n):
                    v = load(at + i * LANES) * total - blend(eq(classes, splat(<real> i)), splat(1), zero)
                    if valid < count:
                        v = blend(ge(classes, zero), v, zero)       # not 0 * v: v may be NaN
                    store(at + i * LANES, v)
        if slopes != NULL:
            transpose_out(slopes, block, count, batch * n)
            slopes += batch * count * n
        x += batch * count * n
        target += batch * count
        rows -= batch * count
    sum_loss[0] = (sums[0] + sums[1]) + (sums[2] + sums[3])


cdef void cross_entropy(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: a loss per row if CE_EACH, else two sums per unit, of losses and of weights; 1: logits; 2: int64 targets;
    3: m of each row, then log total of each (CE_SLOPES: p - hit, or NULL); 4: weights of the classes, or NULL.
    shape: rows, n."""
    cdef Py_ssize_t rows = call.shape[0], n = call.shape[1]
    cdef real* out = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const int64_t* target = <const int64_t*> call.operand[2].data
    cdef real* kept = <real*> call.operand[3].data
    cdef const real* weight = <const real*> call.operand[4].data
    cdef int64_t ignore_index = call.param[CE_IGNORE_INDEX].i, t
    cdef double smoothing = call.param[CE_SMOOTHING].f, all_weights = call.param[CE_ALL_WEIGHTS].f
    cdef double share = smoothing / n
    cdef bint smooth = smoothing != 0, one_by_one = call.param[CE_EACH].i
    cdef real[SHORT_ROW * LANES] block
    cdef real[LANES] m
    cdef real[LANES] log_total
    cdef real[LANES] spread
    cdef Py_ssize_t unit, r, stop, count, j
    cdef double loss, w, sum_loss, sum_weight
    for unit in range(begin, end):
        r = unit * ROW_BLOCK
        stop = min(r + ROW_BLOCK, rows)
        sum_loss = sum_weight = 0
        if call.param[CE_SLOPES].i:
            plain_losses(x + r * n, target + r, NULL if kept == NULL else kept + r * n, stop - r, n, ignore_index, &sum_loss,
                         &sum_weight)
            r = stop
        while r < stop:
            if n <= SHORT_ROW:
                count = min(LANES, stop - r)
                transpose_in(block, x + r * n, count, n)
                lanes_statistics(block, weight, n, smooth, m, log_total, spread)
            else:
                count = 1
                row_statistics(x + r * n, weight, n, smooth, m, log_total, spread)
            memcpy(kept + r, m, count * sizeof(real))
            memcpy(kept + rows + r, log_total, count * sizeof(real))
            for j in range(count):
                t = target[r]
                loss = 0
                if t != ignore_index and <size_t> t < <size_t> n:
                    w = 1 if weight == NULL else weight[t]
                    loss = w * (log_total[j] - (x[r * n + t] - m[j]))
                    if smooth:
                        loss = (1 - smoothing) * loss + share * (all_weights * log_total[j] - spread[j])
                    sum_loss += loss
                    sum_weight += w
                if one_by_one:
                    out[r] = <real> loss
                r += 1
        if not one_by_one:
            out[2 * unit] = <real> sum_loss
            out[2 * unit + 1] = <real> sum_weight


cdef void cross_entropy_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: the gradient of the logits; 1 to 4 as above; 5: g, one number (stride 0) or one per row.

    dx[c] = g * ((1 - e) * w[t] * (p[c] - (c == t)) + e / n * (all_weights * p[c] - w[c])),  p = softmax(x)."""
    cdef Py_ssize_t rows = call.shape[0], n = call.shape[1]
    cdef real* dx = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const int64_t* target = <const int64_t*> call.operand[2].data
    cdef const real* kept = <const real*> call.operand[3].data
    cdef const real* weight = <const real*> call.operand[4].data
    cdef const real* g = <const real*> call.operand[5].data
    cdef Py_ssize_t stride = call.operand[5].stride[0]
    cdef int64_t ignore_index = call.param[CE_IGNORE_INDEX].i, t
    cdef double smoothing = call.param[CE_SMOOTHING].f, all_weights = call.param[CE_ALL_WEIGHTS].f
    cdef double factor = call.param[CE_FACTOR].f
    cdef double share_of_all = smoothing / n, hit_of_all = 1 - smoothing
    cdef bint smooth = smoothing != 0
    cdef real[SHORT_ROW * LANES] block
    cdef real[LANES] scale          # the factor of p
    cdef real[LANES] hit            # subtracted at the target class
    cdef real[LANES] share          # label smoothing: share times its weight is subtracted at each class
    cdef Py_ssize_t r = begin * ROW_BLOCK, stop = min(end * ROW_BLOCK, rows), count, i, j
    cdef vec m, log_total, factors
    cdef double a, w
    if call.param[CE_SLOPES].i:
        i = r * n
        factors = splat(<real> (g[0] * factor))
        while i < stop * n:
            m = load_upto(kept + i, stop * n - i)
            store_upto(dx + i, blend(eq(m, splat(0)), m, m * factors), stop * n - i)     # an ignored row's 0 stays 0
            i += LANES
        return
    while r < stop:
        count = min(LANES, stop - r) if n <= SHORT_ROW else 1
        for j in range(count):
            t = checked_target(target[r + j], n, ignore_index)
            a = 0 if t == ignore_index else g[(r + j) * stride] * factor
            w = 1 if weight == NULL or t == ignore_index else weight[t]
            scale[j] = <real> (a * (hit_of_all * w + share_of_all * all_weights))
            hit[j] = <real> (a * hit_of_all * w)
            share[j] = <real> (a * share_of_all)
        if n <= SHORT_ROW:
            m, log_total, factors = load_upto(kept + r, count), load_upto(kept + rows + r, count), load_upto(scale, count)
            transpose_in(block, x + r * n, count, n)
            for i in range(n):
                store(block + i * LANES, softmax_term(load(block + i * LANES), m, log_total, factors))
            if smooth:
                for i in range(n):
                    store(block + i * LANES, load(block + i * LANES) - load_upto(share, count) * splat(
                        1 if weight == NULL else weight[i]))
            transpose_out(dx + r * n, block, count, n)
        else:
            m, log_total, factors = splat(kept[r]), splat(kept[rows + r]), splat(scale[0])
            i = 0
            while i < n:
                store_upto(dx + r * n + i, softmax_term(load_upto(x + r * n + i, n - i), m, log_total, factors), n - i)
                i += LANES
            if smooth:
                for i in range(n):
                    dx[r * n + i] -= share[0] * (1 if weight == NULL else weight[i])
        for j in range(count):
            t = checked_target(target[r], n, ignore_index)
            if t == ignore_index:
                memset(dx + r * n, 0, n * sizeof(real))     # not 0 * p: p may be NaN
            else:
                dx[r * n + t] -= hit[j]
            r += 1


cdef inline int64_t checked_target(int64_t t, Py_ssize_t n, int64_t ignore_index) noexcept nogil:
    return t if <size_t> t < <size_t> n else ignore_index


cdef void register_cross_entropy(Kernels* k) noexcept:
    k.cross_entropy = cross_entropy
    k.cross_entropy_backward = cross_entropy_backward
