"""The steps of the less common optimizers; part of update.pyx. Their scalars are in scalars.pxd."""


cdef double entry_of(list numbers, Py_ssize_t i, double new) except? -1:
    """Entry i of a state of numbers; `new` if there is none yet."""
    return new if numbers[i] is None else numbers[i]


def adadelta_(list params, owners, list square_avgs, list acc_deltas, list steps, double lr, double rho, double eps,
              double weight_decay, bint maximize) -> int:
    """s = rho s + (1 - rho) g^2;  d = g sqrt(a + eps) / sqrt(s + eps);  a = rho a + (1 - rho) d^2;  p -= lr d. Zeiler 2012."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, s, a
    cdef Call call
    begin(params, owners, (square_avgs, acc_deltas, steps))
    call.param[ADADELTA_LR].f, call.param[ADADELTA_RHO].f, call.param[ADADELTA_EPS].f = lr, rho, eps
    call.param[ADADELTA_WEIGHT_DECAY].f = weight_decay
    call.param[ADADELTA_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        next_step(steps, i)
        s, a = state_of(square_avgs, i, p, 0), state_of(acc_deltas, i, p, 0)
        updated += update(&call, kernels(p.dtype).adadelta, 4, p, g, s, a, None, 12)
    return updated


def adamax_(list params, owners, list exp_avgs, list exp_infs, list steps, double lr, double beta1, double beta2, double eps,
            double weight_decay, bint maximize) -> int:
    """m = beta1 m + (1 - beta1) g;  u = max(beta2 u, |g| + eps);  p -= lr m / (1 - beta1^t) / u. Kingma & Ba 2015."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, m, u
    cdef Call call
    begin(params, owners, (exp_avgs, exp_infs, steps))
    call.param[ADAMAX_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        adamax_scalars(&call, next_step(steps, i), lr, beta1, beta2, eps, weight_decay)
        m, u = state_of(exp_avgs, i, p, 0), state_of(exp_infs, i, p, 0)
        updated += update(&call, kernels(p.dtype).adamax, 4, p, g, m, u, None, 8)
    return updated


def nadam_(list params, owners, list exp_avgs, list exp_avg_sqs, list mu_products, list steps, double lr, double beta1,
           double beta2, double eps, double weight_decay, double momentum_decay, bint maximize, bint decoupled) -> int:
    """m, v as in Adam;  p -= lr ((1 - mu_t) g / (1 - mu_1 .. mu_t) + mu_(t+1) m / (1 - mu_1 .. mu_(t+1))) / (sqrt(v') + eps)

    with v' = v / (1 - beta2^t) and mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2). Dozat 2016.
    """
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef double step, product
    cdef TensorBase p, g, m, v
    cdef Call call
    begin(params, owners, (exp_avgs, exp_avg_sqs, mu_products, steps))
    call.param[NADAM_FLAGS].i = (DECOUPLED if decoupled else 0) | (MAXIMIZE if maximize else 0)
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        step = next_step(steps, i)
        product = entry_of(mu_products, i, 1) * nadam_mu(step, beta1, momentum_decay)
        mu_products[i] = product
        nadam_scalars(&call, step, product, lr, beta1, beta2, eps, weight_decay, momentum_decay)
        m, v = state_of(exp_avgs, i, p, 0), state_of(exp_avg_sqs, i, p, 0)
        updated += update(&call, kernels(p.dtype).nadam, 4, p, g, m, v, None, 12)
    return updated


def radam_(list params, owners, list exp_avgs, list exp_avg_sqs, list steps, double lr, double beta1, double beta2, double eps,
           double weight_decay, bint maximize, bint decoupled) -> int:
    """m, v as in Adam;  p -= lr r m / (1 - beta1^t) / sqrt(v / (1 - beta2^t)), r from the variance of v; without it and r while
    that is too large. Liu et al. 2020, arXiv:1908.03265."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, m, v
    cdef Call call
    begin(params, owners, (exp_avgs, exp_avg_sqs, steps))
    call.param[RADAM_FLAGS].i = (DECOUPLED if decoupled else 0) | (MAXIMIZE if maximize else 0)
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        radam_scalars(&call, next_step(steps, i), lr, beta1, beta2, eps, weight_decay)
        m, v = state_of(exp_avgs, i, p, 0), state_of(exp_avg_sqs, i, p, 0)
        updated += update(&call, kernels(p.dtype).radam, 4, p, g, m, v, None, 8)
    return updated


def rprop_(list params, owners, list prevs, list step_sizes, list steps, double lr, double shrink, double grow, double smallest,
           double largest, bint maximize) -> int:
    """p -= s sign(g); s, at first lr, grows while g keeps its sign and shrinks when it changes, and then the step is left out.
    Riedmiller & Braun 1993."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, before, size
    cdef Call call
    begin(params, owners, (prevs, step_sizes, steps))
    call.param[RPROP_SHRINK].f, call.param[RPROP_GROW].f = shrink, grow
    call.param[RPROP_SMALLEST].f, call.param[RPROP_LARGEST].f = smallest, largest
    call.param[RPROP_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        next_step(steps, i)
        before, size = state_of(prevs, i, p, 0), state_of(step_sizes, i, p, lr)
        updated += update(&call, kernels(p.dtype).rprop, 4, p, g, before, size, None, 6)
    return updated


def asgd_(list params, owners, list etas, list mus, list axs, list steps, double lr, double lambd, double alpha, double t0,
          double weight_decay, bint maximize) -> int:
    """p = (1 - lambd eta) p - eta g;  a += mu (p - a);  eta = lr / (1 + lambd lr t)^alpha;  mu = 1 / max(1, t - t0).
    Polyak & Juditsky 1992."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef double step
    cdef TensorBase p, g, a
    cdef Call call
    begin(params, owners, (etas, mus, axs, steps))
    call.param[ASGD_LAMBD].f, call.param[ASGD_WEIGHT_DECAY].f = lambd, weight_decay
    call.param[ASGD_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        call.param[ASGD_ETA].f, call.param[ASGD_MU].f = entry_of(etas, i, lr), entry_of(mus, i, 1)
        step = next_step(steps, i)
        etas[i], mus[i] = asgd_eta(step, lr, lambd, alpha), asgd_mu(step, t0)
        a = state_of(axs, i, p, 0)
        updated += update(&call, kernels(p.dtype).asgd, 3, p, g, a, None, None, 6)
    return updated
