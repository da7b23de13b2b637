# Optimizer steps: one pass over a parameter p, its gradient g and its state, all contiguous, of shape[0] elements. operand 0 is
# p, 1 is g, the others are the state. params: SGD_*, ADAM_*, RMSPROP_*, ADAGRAD_*. A unit is ELEMENT_BLOCK elements.
#
# The gradient is d = g + weight_decay * p, with -g for g if MAXIMIZE. The operations are in PyTorch's order;
# ops/optim_steps/update.pyx computes the scalars of a step.

cdef inline vec lerp(vec a, vec b, vec weight, bint small) noexcept nogil:
    """a + weight * (b - a), computed from the nearer end like torch.lerp; small: weight < 1/2."""
    return a + weight * (b - a) if small else b - (b - a) * (splat(1) - weight)


cdef inline vec gradient_of(const real* g, vec p, vec decay, bint decays, bint maximize, Py_ssize_t n) noexcept nogil:
    cdef vec v = load_upto(g, n)
    if maximize:
        v = vneg(v)
    if decays:
        v = v + decay * p
    return v


cdef void sgd(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """b = momentum * b + (1 - dampening) * d;  p -= lr * (d + momentum * b if NESTEROV, else b).

    operand 2: the momentum buffer b, or NULL: then p -= lr * d.
    """
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* buffer = <real*> call.operand[2].data
    cdef vec lr = splat(<real> call.param[SGD_LR].f)
    cdef vec momentum = splat(<real> call.param[SGD_MOMENTUM].f)
    cdef vec undamped = splat(<real> call.param[SGD_UNDAMPED].f)
    cdef vec decay = splat(<real> call.param[SGD_WEIGHT_DECAY].f)
    cdef bint decays = call.param[SGD_WEIGHT_DECAY].f != 0
    cdef int64_t flags = call.param[SGD_FLAGS].i
    cdef bint first = flags & FIRST, nesterov = flags & NESTEROV, maximize = flags & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, b
    if buffer == NULL and not decays and not maximize:      # plain SGD, the most common case: no branches in the loop
        while i + LANES <= stop:
            store(p + i, load(p + i) - lr * load(g + i))
            i += LANES
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        if buffer != NULL:
            b = d if first else load_upto(buffer + i, n) * momentum + undamped * d
            store_upto(buffer + i, b, n)
            d = d + momentum * b if nesterov else b
        store_upto(p + i, w - lr * d, n)
        i += LANES


cdef void adam(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """m += (1 - beta1) * (d - m);  v = beta2 * v + (1 - beta2) * d^2;  p -= step * m / (sqrt(v) / correction + eps).

    operand 2: m; 3: v; 4: the maximum of v, which replaces it in the update (amsgrad), or NULL. With DECOUPLED, p is first
    multiplied by 1 - lr * weight_decay, and d = g.
    """
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* m = <real*> call.operand[2].data
    cdef real* v = <real*> call.operand[3].data
    cdef real* largest = <real*> call.operand[4].data
    cdef vec step = splat(<real> call.param[ADAM_STEP].f)
    cdef vec weight = splat(<real> call.param[ADAM_WEIGHT].f)
    cdef bint small = call.param[ADAM_WEIGHT].f < 0.5
    cdef vec beta2 = splat(<real> call.param[ADAM_BETA2].f)
    cdef vec rest2 = splat(<real> (1 - call.param[ADAM_BETA2].f))
    cdef vec correction = splat(<real> call.param[ADAM_CORRECTION].f)
    cdef vec eps = splat(<real> call.param[ADAM_EPS].f)
    cdef vec decay = splat(<real> call.param[ADAM_WEIGHT_DECAY].f)
    cdef vec shrink = splat(<real> call.param[ADAM_SHRINK].f)
    cdef int64_t flags = call.param[ADAM_FLAGS].i
    cdef bint decoupled = flags & DECOUPLED, maximize = flags & MAXIMIZE
    cdef bint decays = call.param[ADAM_WEIGHT_DECAY].f != 0 and not decoupled
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, a, s
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        if decoupled:
            w = w * shrink
        a = lerp(load_upto(m + i, n), d, weight, small)
        s = load_upto(v + i, n) * beta2 + rest2 * d * d
        store_upto(m + i, a, n)
        store_upto(v + i, s, n)
        if largest != NULL:
            s = vmax(load_upto(largest + i, n), s)
            store_upto(largest + i, s, n)
        store_upto(p + i, w - step * a / (vsqrt(s) / correction + eps), n)
        i += LANES


cdef void rmsprop(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """v = alpha * v + (1 - alpha) * d^2;  b = momentum * b + d / (sqrt(v) + eps);  p -= lr * b.

    operand 2: v; 3: the momentum buffer b, or NULL for none; 4: m, the average of d, or NULL. With m (centered), v - m^2
    replaces v in the update.
    """
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* v = <real*> call.operand[2].data
    cdef real* buffer = <real*> call.operand[3].data
    cdef real* m = <real*> call.operand[4].data
    cdef vec lr = splat(<real> call.param[RMSPROP_LR].f)
    cdef vec alpha = splat(<real> call.param[RMSPROP_ALPHA].f)
    cdef vec rest = splat(<real> (1 - call.param[RMSPROP_ALPHA].f))
    cdef bint small = 1 - call.param[RMSPROP_ALPHA].f < 0.5
    cdef vec eps = splat(<real> call.param[RMSPROP_EPS].f)
    cdef vec decay = splat(<real> call.param[RMSPROP_WEIGHT_DECAY].f)
    cdef bint decays = call.param[RMSPROP_WEIGHT_DECAY].f != 0
    cdef vec momentum = splat(<real> call.param[RMSPROP_MOMENTUM].f)
    cdef bint maximize = call.param[RMSPROP_FLAGS].i & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, s, a
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        s = load_upto(v + i, n) * alpha + rest * d * d
        store_upto(v + i, s, n)
        if m != NULL:
            a = lerp(load_upto(m + i, n), d, rest, small)
            store_upto(m + i, a, n)
            s = s - a * a
        s = vsqrt(s) + eps
        if buffer != NULL:
            d = load_upto(buffer + i, n) * momentum + d / s
            store_upto(buffer + i, d, n)
            w = w - lr * d
        else:
            w = w - lr * d / s
        store_upto(p + i, w, n)
        i += LANES


cdef void adagrad(const Call* call, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """s += d^2;  p -= lr * d / (sqrt(s) + eps).  operand 2: s."""
    cdef real* p = <real*> call.operand[0].data
    cdef const real* g = <const real*> call.operand[1].data
    cdef real* total = <real*> call.operand[2].data
    cdef vec lr = splat(<real> call.param[ADAGRAD_LR].f)
    cdef vec eps = splat(<real> call.param[ADAGRAD_EPS].f)
    cdef vec decay = splat(<real> call.param[ADAGRAD_WEIGHT_DECAY].f)
    cdef bint decays = call.param[ADAGRAD_WEIGHT_DECAY].f != 0
    cdef bint maximize = call.param[ADAGRAD_FLAGS].i & MAXIMIZE
    cdef Py_ssize_t i = begin * ELEMENT_BLOCK, stop = min(end * ELEMENT_BLOCK, call.shape[0]), n
    cdef vec w, d, s
    while i < stop:
        n = stop - i
        w = load_upto(p + i, n)
        d = gradient_of(g + i, w, decay, decays, maximize, n)
        s = load_upto(total + i, n) + d * d
        store_upto(total + i, s, n)
        store_upto(p + i, w - lr * d / (vsqrt(s) + eps), n)
        i += LANES


cdef void register_update(Kernels* k) noexcept:
    k.sgd = sgd
    k.adam = adam
    k.rmsprop = rmsprop
    k.adagrad = adagrad
