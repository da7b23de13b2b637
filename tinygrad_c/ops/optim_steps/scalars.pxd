"""The scalars of a step of the less common optimizers, for update_rare.pxi and for the replays of programs."""
from libc.math cimport pow, sqrt

from tinygrad_c.kernels.call cimport Call
from tinygrad_c.kernels.table cimport *


cdef inline void adamax_scalars(Call* call, double step, double lr, double beta1, double beta2, double eps,
                                double weight_decay) noexcept nogil:
    call.param[ADAMAX_STEP].f = lr / (1 - pow(beta1, step))
    call.param[ADAMAX_WEIGHT].f, call.param[ADAMAX_BETA2].f, call.param[ADAMAX_EPS].f = 1 - beta1, beta2, eps
    call.param[ADAMAX_WEIGHT_DECAY].f = weight_decay


cdef inline double nadam_mu(double step, double beta1, double momentum_decay) noexcept nogil:
    return beta1 * (1 - 0.5 * pow(0.96, step * momentum_decay))


cdef inline void nadam_scalars(Call* call, double step, double product, double lr, double beta1, double beta2, double eps,
                               double weight_decay, double momentum_decay) noexcept nogil:
    """product: of nadam_mu over all steps, with this one. The flags are set."""
    cdef double following = nadam_mu(step + 1, beta1, momentum_decay)
    call.param[NADAM_STEP_G].f = lr * (1 - nadam_mu(step, beta1, momentum_decay)) / (1 - product)
    call.param[NADAM_STEP_M].f = lr * following / (1 - product * following)
    call.param[NADAM_WEIGHT].f, call.param[NADAM_BETA2].f, call.param[NADAM_EPS].f = 1 - beta1, beta2, eps
    call.param[NADAM_CORRECTION].f = 1 - pow(beta2, step)
    call.param[NADAM_DECAY].f = 1 - lr * weight_decay if call.param[NADAM_FLAGS].i & DECOUPLED else weight_decay


cdef inline void radam_scalars(Call* call, double step, double lr, double beta1, double beta2, double eps,
                               double weight_decay) noexcept nogil:
    """The flags are set."""
    cdef double longest = 2 / (1 - beta2) - 1               # the maximum length of the moving average,
    cdef double length = longest - 2 * step * pow(beta2, step) / (1 - pow(beta2, step))      # and its length at this step
    call.param[RADAM_STEP].f = lr / (1 - pow(beta1, step))
    call.param[RADAM_RECTIFIED].f = length > 5
    if length > 5:
        call.param[RADAM_STEP].f *= sqrt(1 - pow(beta2, step)) * sqrt(
            (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    call.param[RADAM_WEIGHT].f, call.param[RADAM_BETA2].f, call.param[RADAM_EPS].f = 1 - beta1, beta2, eps
    call.param[RADAM_DECAY].f = 1 - lr * weight_decay if call.param[RADAM_FLAGS].i & DECOUPLED else weight_decay


cdef inline double asgd_eta(double step, double lr, double lambd, double alpha) noexcept nogil:
    """The eta of the step after this one."""
    return lr / pow(1 + lambd * lr * step, alpha)


cdef inline double asgd_mu(double step, double t0) noexcept nogil:
    """The mu of the step after this one."""
    return 1 / max(1.0, step - t0)
