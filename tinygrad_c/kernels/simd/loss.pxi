# Elementwise losses f(x, t): the values, or their sums, and the derivative df/dx * g.
# Operands are contiguous, of shape[0] elements; params: LOSS_*. A unit is ELEMENT_BLOCK elements.

cdef inline vec loss_value(int op, vec x, vec t, vec parameter) noexcept nogil:
    cdef vec d = x - t, size = vabs(d)
    if op == MSE:
        return d * d
    if op == L1:
        return size
    if op == SMOOTH_L1:         # parameter: beta > 0
        return blend(lt(size, parameter), splat(<real> 0.5) * d * d / parameter, size - splat(<real> 0.5) * parameter)
    if op == HUBER:             # parameter: delta
        return blend(le(size, parameter), splat(<real> 0.5) * d * d, parameter * (size - splat(<real> 0.5) * parameter))
    if op == BCE:               # logarithms are clamped at -100, as in PyTorch: the largest loss is 100, not infinity
        return (t - splat(1)) * vmax(v_log1p(vneg(x)), splat(-100)) - t * vmax(v_log(x), splat(-100))
    return vmax(x, splat(0)) - x * t + v_log1p(v_exp(vneg(vabs(x))))


cdef inline vec loss_slope(int op, vec x, vec t, vec parameter) noexcept nogil:
    cdef vec d = x - t
    if op == MSE:
        return d + d
    if op == L1:
        return blend(gt(d, splat(0)), splat(1), blend(lt(d, splat(0)), splat(-1), d))
    if op == SMOOTH_L1:
        return vmax(vmin(d / parameter, splat(1)), splat(-1))
    if op == HUBER:
        return vmax(vmin(d, parameter), vneg(parameter))
    if op == BCE:
        return d / vmax((splat(1) - x) * x, splat(<real> 1e-12))
    return v_sigmoid(x) - t


cdef inline void loss_any(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: one value per element if LOSS_EACH, else one sum per unit; 1: x; 2: t."""
    cdef real* out = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const real* t = <const real*> call.operand[2].data
    cdef vec parameter = splat(<real> call.param[LOSS_THRESHOLD].f), a, b, v
    cdef bint one_by_one = call.param[LOSS_EACH].i
    cdef Py_ssize_t unit, i, stop
    cdef real[LANES] last
    for unit in range(begin, end):
        i = unit * ELEMENT_BLOCK
        stop = min(i + ELEMENT_BLOCK, call.shape[0])
        a = b = splat(0)
        while i + 2 * LANES <= stop and not one_by_one:
            a = a + loss_value(op, load(x + i), load(t + i), parameter)
            b = b + loss_value(op, load(x + i + LANES), load(t + i + LANES), parameter)
            i += 2 * LANES
        while i + LANES <= stop:
            v = loss_value(op, load(x + i), load(t + i), parameter)
            if one_by_one:
                store(out + i, v)
            a = a + v
            i += LANES
        if i < stop:
            store(last, loss_value(op, load_part(x + i, stop - i), load_part(t + i, stop - i), parameter))
            v = load_part(last, stop - i)
            if one_by_one:
                store_part(out + i, v, stop - i)
            a = a + v
        if not one_by_one:
            out[unit] = hsum(a + b)


cdef inline void loss_backward_any(int op, const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """operand 0: dx; 1: x; 2: t; 3: g, one number (stride 0) or one per element."""
    cdef real* dx = <real*> call.operand[0].data
    cdef const real* x = <const real*> call.operand[1].data
    cdef const real* t = <const real*> call.operand[2].data
    cdef const real* g = <const real*> call.operand[3].data
    cdef bint one = call.operand[3].stride[0] == 0
    cdef vec parameter = splat(<real> call.param[LOSS_THRESHOLD].f), factor = splat(<real> call.param[LOSS_FACTOR].f), a
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    if one:
        factor = factor * splat(g[0])
    while i < stop:
        n = stop - i
        a = factor if one else factor * load_upto(g + i, n)
        store_upto(dx + i, a * loss_slope(op, load_upto(x + i, n), load_upto(t + i, n), parameter), n)
        i += LANES


cdef void mse(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(MSE, call, begin, end)


cdef void mse_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(MSE, call, begin, end)


cdef void l1(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(L1, call, begin, end)


cdef void l1_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(L1, call, begin, end)


cdef void smooth_l1(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(SMOOTH_L1, call, begin, end)


cdef void smooth_l1_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(SMOOTH_L1, call, begin, end)


cdef void huber(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(HUBER, call, begin, end)


cdef void huber_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(HUBER, call, begin, end)


cdef void bce(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(BCE, call, begin, end)


cdef void bce_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(BCE, call, begin, end)


cdef void bce_with_logits(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_any(BCE_WITH_LOGITS, call, begin, end)


cdef void bce_with_logits_backward(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    loss_backward_any(BCE_WITH_LOGITS, call, begin, end)


cdef void register_loss(Kernels* k) noexcept:
    k.loss[MSE] = mse
    k.loss_backward[MSE] = mse_backward
    k.loss[L1] = l1
    k.loss_backward[L1] = l1_backward
    k.loss[SMOOTH_L1] = smooth_l1
    k.loss_backward[SMOOTH_L1] = smooth_l1_backward
    k.loss[HUBER] = huber
    k.loss_backward[HUBER] = huber_backward
    k.loss[BCE] = bce
    k.loss_backward[BCE] = bce_backward
    k.loss[BCE_WITH_LOGITS] = bce_with_logits
    k.loss_backward[BCE_WITH_LOGITS] = bce_with_logits_backward
