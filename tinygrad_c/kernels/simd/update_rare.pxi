# Steps of the less common optimizers, as in update.pxi: operand 0 is p, 1 is g, the others are the state. params: ADADELTA_*,
# ADAMAX_*, NADAM_*, RADAM_*, RPROP_*, ASGD_*. Where there are two kinds of weight decay, *_DECAY is weight_decay, or with
# DECOUPLED the factor on p, 1 - lr * weight_decay.

cdef void adadelta(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """s = rho * s + (1 - rho) * d^2;  e = sqrt(a + eps) / sqrt(s + eps) * d;  a = rho * a + (1 - rho) * e^2;  p -= lr * e.

    operand 2: s; 3: a.
    """
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* squares = <real*> call.operand[2].data
    cdef real* steps = <real*> call.operand[3].data
    cdef vec lr = splat(<real> call.param[ADADELTA_LR].f)
    cdef vec rho = splat(<real> call.param[ADADELTA_RHO].f)
    cdef vec rest = splat(<real> (1 - call.param[ADADELTA_RHO].f))
    cdef vec eps = splat(<real> call.param[ADADELTA_EPS].f)
    cdef vec decay = splat(<real> call.param[ADADELTA_WEIGHT_DECAY].f)
    cdef bint decays = call.param[ADADELTA_WEIGHT_DECAY].f != 0
    cdef bint maximize = call.param[ADADELTA_FLAGS].i & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, s, a
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        s = load_upto(squares + i, n) * rho + rest * d * d
        store_upto(squares + i, s, n)
        a = load_upto(steps + i, n)
        d = vsqrt(a + eps) / vsqrt(s + eps) * d
        store_upto(steps + i, a * rho + rest * d * d, n)
        store_upto(p + i, w - lr * d, n)
        i += LANES


cdef void adamax(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """m += (1 - beta1) * (d - m);  u = max(beta2 * u, |d| + eps);  p -= step * m / u.  operand 2: m; 3: u."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* m = <real*> call.operand[2].data
    cdef real* u = <real*> call.operand[3].data
    cdef vec step = splat(<real> call.param[ADAMAX_STEP].f)
    cdef vec weight = splat(<real> call.param[ADAMAX_WEIGHT].f)
    cdef bint small = call.param[ADAMAX_WEIGHT].f < 0.5
    cdef vec beta2 = splat(<real> call.param[ADAMAX_BETA2].f)
    cdef vec eps = splat(<real> call.param[ADAMAX_EPS].f)
    cdef vec decay = splat(<real> call.param[ADAMAX_WEIGHT_DECAY].f)
    cdef bint decays = call.param[ADAMAX_WEIGHT_DECAY].f != 0
    cdef bint maximize = call.param[ADAMAX_FLAGS].i & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, a, s
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        a = lerp(load_upto(m + i, n), d, weight, small)
        s = vmax(load_upto(u + i, n) * beta2, vabs(d) + eps)
        store_upto(m + i, a, n)
        store_upto(u + i, s, n)
        store_upto(p + i, w - step * (a / s), n)
        i += LANES


cdef void nadam(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """m, v as in adam;  r = sqrt(v / correction) + eps;  p -= step_g * d / r + step_m * m / r.  operand 2: m; 3: v."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* m = <real*> call.operand[2].data
    cdef real* v = <real*> call.operand[3].data
    cdef vec step_g = splat(<real> call.param[NADAM_STEP_G].f)
    cdef vec step_m = splat(<real> call.param[NADAM_STEP_M].f)
    cdef vec weight = splat(<real> call.param[NADAM_WEIGHT].f)
    cdef bint small = call.param[NADAM_WEIGHT].f < 0.5
    cdef vec beta2 = splat(<real> call.param[NADAM_BETA2].f)
    cdef vec rest2 = splat(<real> (1 - call.param[NADAM_BETA2].f))
    cdef vec correction = splat(<real> call.param[NADAM_CORRECTION].f)
    cdef vec eps = splat(<real> call.param[NADAM_EPS].f)
    cdef vec decay = splat(<real> call.param[NADAM_DECAY].f)
    cdef int64_t flags = call.param[NADAM_FLAGS].i
    cdef bint decoupled = flags & DECOUPLED, maximize = flags & MAXIMIZE
    cdef bint decays = call.param[NADAM_DECAY].f != 0 and not decoupled
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, a, s
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        if decoupled:
            w = w * decay
        a = lerp(load_upto(m + i, n), d, weight, small)
        s = load_upto(v + i, n) * beta2 + rest2 * d * d
        store_upto(m + i, a, n)
        store_upto(v + i, s, n)
        s = vsqrt(s / correction) + eps
        store_upto(p + i, w - step_g * (d / s) - step_m * (a / s), n)
        i += LANES


cdef void radam(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """m, v as in adam;  p -= step * m / (sqrt(v) + eps), or while RADAM_RECTIFIED is 0, p -= step * m.  operand 2: m; 3: v."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* m = <real*> call.operand[2].data
    cdef real* v = <real*> call.operand[3].data
    cdef vec step = splat(<real> call.param[RADAM_STEP].f)
    cdef bint rectified = call.param[RADAM_RECTIFIED].f != 0
    cdef vec weight = splat(<real> call.param[RADAM_WEIGHT].f)
    cdef bint small = call.param[RADAM_WEIGHT].f < 0.5
    cdef vec beta2 = splat(<real> call.param[RADAM_BETA2].f)
    cdef vec rest2 = splat(<real> (1 - call.param[RADAM_BETA2].f))
    cdef vec eps = splat(<real> call.param[RADAM_EPS].f)
    cdef vec decay = splat(<real> call.param[RADAM_DECAY].f)
    cdef int64_t flags = call.param[RADAM_FLAGS].i
    cdef bint decoupled = flags & DECOUPLED, maximize = flags & MAXIMIZE
    cdef bint decays = call.param[RADAM_DECAY].f != 0 and not decoupled
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, a, s
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        if decoupled:
            w = w * decay
        a = lerp(load_upto(m + i, n), d, weight, small)
        s = load_upto(v + i, n) * beta2 + rest2 * d * d
        store_upto(m + i, a, n)
        store_upto(v + i, s, n)
        if rectified:
            a = a / (vsqrt(s) + eps)
        store_upto(p + i, w - step * a, n)
        i += LANES


cdef void rprop(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """t = g * before;  s *= grow if t > 0, shrink if t < 0, else 1, within the limits;  before = 0 if t < 0, else g;
    p -= s * sign(before).  operand 2: before, the gradient of the last step; 3: s."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* before = <real*> call.operand[2].data
    cdef real* size = <real*> call.operand[3].data
    cdef vec shrink = splat(<real> call.param[RPROP_SHRINK].f)
    cdef vec grow = splat(<real> call.param[RPROP_GROW].f)
    cdef vec smallest = splat(<real> call.param[RPROP_SMALLEST].f)
    cdef vec largest = splat(<real> call.param[RPROP_LARGEST].f)
    cdef bint maximize = call.param[RPROP_FLAGS].i & MAXIMIZE
    cdef vec zero = splat(0), one = splat(1)
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec d, turned, s
    while i < stop:
        n = stop - i
        d = gradient_of(g + i, zero, zero, False, maximize, n)
        turned = d * load_upto(before + i, n)
        s = load_upto(size + i, n) * blend(gt(turned, zero), grow, blend(lt(turned, zero), shrink, one))
        s = vmin(vmax(s, smallest), largest)
        d = blend(lt(turned, zero), zero, d)
        store_upto(size + i, s, n)
        store_upto(before + i, d, n)
        d = blend(gt(d, zero), one, blend(lt(d, zero), vneg(one), blend(eq(d, d), zero, d)))
        store_upto(p + i, load_upto(p + i, n) - d * s, n)
        i += LANES


cdef void asgd(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """p = (1 - lambd * eta) * p - eta * d;  a += mu * (p - a), the average.  operand 2: a."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* average = <real*> call.operand[2].data
    cdef vec shrink = splat(<real> (1 - call.param[ASGD_LAMBD].f * call.param[ASGD_ETA].f))
    cdef vec eta = splat(<real> call.param[ASGD_ETA].f)
    cdef vec mu = splat(<real> call.param[ASGD_MU].f)
    cdef bint replaces = call.param[ASGD_MU].f == 1
    cdef vec decay = splat(<real> call.param[ASGD_WEIGHT_DECAY].f)
    cdef bint decays = call.param[ASGD_WEIGHT_DECAY].f != 0
    cdef bint maximize = call.param[ASGD_FLAGS].i & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, a
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        w = w * shrink - eta * d
        store_upto(p + i, w, n)
        a = load_upto(average + i, n)
        store_upto(average + i, w if replaces else a + mu * (w - a), n)
        i += LANES


cdef void register_update_rare(Kernels* k) noexcept:
    k.adadelta = adadelta
    k.adamax = adamax
    k.nadam = nadam
    k.radam = radam
    k.rprop = rprop
    k.asgd = asgd
