"""The optimizers' steps: one call updates every parameter of a group in place, each in one pass over its memory.

For each parameter that has a gradient: create its state if it is missing, compute the factors that depend on the step in double
precision, and run one kernel (kernels/simd/update.pxi). Nothing is recorded. Each function returns the number of parameters
that had a gradient. `owners` is optim's Owners, or params itself.
"""
from cpython.ref cimport PyObject
from libc.math cimport pow, sqrt

from tinygrad_c.core.array cimport count_write, same_shape, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.core.tape cimport *
from tinygrad_c.ops.optim_steps.scalars cimport *

cdef extern from "Python.h":
    Py_ssize_t PyList_GET_SIZE(object)
    PyObject* PyList_GET_ITEM(object, Py_ssize_t)       # borrowed


cdef int begin(list params, object owners, tuple states) except -1:
    """Start a step: check the states. `owners` are the parameters that the entries of the states belong to; if the user has
    changed `params` since, owners.sync(params) moves the entries."""
    cdef Py_ssize_t i
    cdef bint same
    note_step()
    if not isinstance(owners, list):
        raise TypeError(f"owners must be a list, not {type(owners).__name__}")
    same = PyList_GET_SIZE(owners) == len(params)
    for i in range(len(params) if same else 0):
        same = same and PyList_GET_ITEM(owners, i) == <PyObject*> params[i]
    if not same:
        owners.sync(params)
    for state in states:
        if state is not None and len(<list?> state) != len(params):
            raise ValueError(f"each list of the optimizer's state must be as long as params ({len(params)}), got {len(state)}")
    return 0


cdef TensorBase gradient(TensorBase p):
    """The parameter's gradient, contiguous and of its dtype as the kernels require; None if there is none."""
    cdef TensorBase g = p._grad
    if g is None:
        return None
    if p.dtype < FLOAT32:
        raise RuntimeError("an optimizer can only update floating-point parameters")
    if not same_shape(p, g):
        raise RuntimeError(f"a gradient of shape {list(shape_of(g))} does not fit its parameter of shape {list(shape_of(p))}")
    if p.storage.readonly:
        raise RuntimeError("a parameter's memory is read-only (it is shared with a read-only array): .clone() it first")
    if g.dtype != p.dtype:
        g = to_dtype(g, p.dtype)
    return g if g.contiguous else copy_of(g)


cdef inline TensorBase next_gradient(list params, Py_ssize_t* i):
    """Advance i to the next parameter that has a gradient, and return the gradient; None after the last."""
    cdef TensorBase g
    i[0] += 1
    while i[0] < len(params):
        g = gradient(<TensorBase?> params[i[0]])
        if g is not None:
            return g
        i[0] += 1
    return None


cdef TensorBase state_of(list states, Py_ssize_t i, TensorBase p, double value):
    """Entry i of a state, contiguous and of p's dtype; created with `value` if it is None."""
    cdef object entry = states[i]
    cdef TensorBase state
    if entry is None:
        state = zeros(p.dtype, p.ndim, p.shape)
        if value != 0:
            copy_into(state, scalar_tensor(value, p.dtype))
        states[i] = state
        return state
    state = <TensorBase?> entry
    if state.dtype != p.dtype or not state.contiguous or state.storage.readonly:
        state = copy_of(to_dtype(state, p.dtype))
        states[i] = state
    return state


cdef char* memory_of(TensorBase state, TensorBase p) except? NULL:
    """The state's memory, checked. Called last, when no Python code can run any more that could change the state."""
    if not same_shape(state, p) or state.dtype != p.dtype or not state.contiguous:
        raise RuntimeError(f"the optimizer's state of shape {list(shape_of(state))} does not fit its parameter of shape "
                           f"{list(shape_of(p))}")
    return state.data


cdef double next_step(list steps, Py_ssize_t i) except -1:
    """Increment the parameter's step counter; returns the new count, 1 at the first step."""
    cdef double step = <double> (0 if steps[i] is None else steps[i]) + 1
    steps[i] = <long long> step
    return step


cdef int update(Call* call, kernel_t kernel, int n_operands, TensorBase p, TensorBase g, TensorBase s, TensorBase s2,
                TensorBase s3, Py_ssize_t cost) except -1:
    """Run the kernel, whose parameters are set, on p, g and the states. cost: per element, in 1/32 ns. Returns 1."""
    cdef TensorBase target = p if p.contiguous else copy_of(p)
    over_elements(call, kernel, n_operands, p.numel, p.numel * cost // 32)
    call.operand[0].data = target.data
    call.operand[1].data = memory_of(g, p)
    call.operand[2].data = NULL if s is None else memory_of(s, p)
    call.operand[3].data = NULL if s2 is None else memory_of(s2, p)
    call.operand[4].data = NULL if s3 is None else memory_of(s3, p)
    if p.numel > 0:
        run(call)
        if target is not p:
            copy_into(p, target)
    mark_step_write(p.storage)
    return 1


def sgd_(list params, owners, list momentum_buffers, double lr, double momentum, double dampening,
         double weight_decay, bint nesterov, bint maximize) -> int:
    """d = g + weight_decay p;  b = momentum b + (1 - dampening) d, at the first step b = d;  p -= lr b

    With nesterov: p -= lr (d + momentum b).
    """
    cdef Py_ssize_t i = -1
    cdef int updated = 0, flags = (NESTEROV if nesterov else 0) | (MAXIMIZE if maximize else 0)
    cdef TensorBase p, g, b = None
    cdef Call call
    begin(params, owners, (momentum_buffers,))
    call.param[SGD_LR].f = lr
    call.param[SGD_MOMENTUM].f = momentum
    call.param[SGD_UNDAMPED].f = 1 - dampening
    call.param[SGD_WEIGHT_DECAY].f = weight_decay
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        call.param[SGD_FLAGS].i = flags
        if momentum != 0:
            call.param[SGD_FLAGS].i = flags | (FIRST if momentum_buffers[i] is None else 0)
            b = state_of(momentum_buffers, i, p, 0)
        updated += update(&call, kernels(p.dtype).sgd, 3, p, g, b, None, None, 4)
    return updated


def adam_(list params, owners, list exp_avgs, list exp_avg_sqs, list max_exp_avg_sqs, list steps, double lr,
          double beta1, double beta2, double eps, double weight_decay, bint amsgrad, bint maximize, bint decoupled) -> int:
    """m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  p -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    Kingma & Ba 2015, arXiv:1412.6980. decoupled: p is first multiplied by 1 - lr * weight_decay (Loshchilov & Hutter 2019,
    arXiv:1711.05101); else weight_decay * p is added to g. amsgrad: the running maximum of v is used instead of v.
    """
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef double step, last_step = -1
    cdef TensorBase p, g, m, v, most
    cdef Call call
    begin(params, owners, (exp_avgs, exp_avg_sqs, max_exp_avg_sqs if amsgrad else None, steps))
    call.param[ADAM_WEIGHT].f = 1 - beta1
    call.param[ADAM_BETA2].f = beta2
    call.param[ADAM_EPS].f = eps
    call.param[ADAM_WEIGHT_DECAY].f = weight_decay
    call.param[ADAM_SHRINK].f = 1 - lr * weight_decay
    call.param[ADAM_FLAGS].i = (DECOUPLED if decoupled else 0) | (MAXIMIZE if maximize else 0)
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        step = next_step(steps, i)
        m, v = state_of(exp_avgs, i, p, 0), state_of(exp_avg_sqs, i, p, 0)
        most = state_of(max_exp_avg_sqs, i, p, 0) if amsgrad else None
        if step != last_step:
            call.param[ADAM_STEP].f = lr / (1 - pow(beta1, step))
            call.param[ADAM_CORRECTION].f = sqrt(1 - pow(beta2, step))
            last_step = step
        updated += update(&call, kernels(p.dtype).adam, 5, p, g, m, v, most, 8)
    return updated


def rmsprop_(list params, owners, list square_avgs, list momentum_buffers, list grad_avgs, list steps, double lr,
             double alpha, double eps, double weight_decay, double momentum, bint centered, bint maximize) -> int:
    """v = alpha v + (1 - alpha) g^2;  p -= lr * g / (sqrt(v) + eps).

    centered: v minus the square of g's running average is used instead of v. With momentum:
    b = momentum * b + g / (sqrt(v) + eps), and p -= lr * b.
    """
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, v, b, mean
    cdef Call call
    begin(params, owners, (square_avgs, momentum_buffers if momentum > 0 else None, grad_avgs if centered else None, steps))
    call.param[RMSPROP_LR].f = lr
    call.param[RMSPROP_ALPHA].f = alpha
    call.param[RMSPROP_EPS].f = eps
    call.param[RMSPROP_WEIGHT_DECAY].f = weight_decay
    call.param[RMSPROP_MOMENTUM].f = momentum
    call.param[RMSPROP_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        next_step(steps, i)
        v = state_of(square_avgs, i, p, 0)
        b = state_of(momentum_buffers, i, p, 0) if momentum > 0 else None
        mean = state_of(grad_avgs, i, p, 0) if centered else None
        updated += update(&call, kernels(p.dtype).rmsprop, 5, p, g, v, b, mean, 8)
    return updated


def adagrad_(list params, owners, list sums, list steps, double lr, double lr_decay, double eps, double weight_decay,
             double initial_accumulator_value, bint maximize) -> int:
    """s += g^2;  p -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps). Duchi et al. 2011."""
    cdef Py_ssize_t i = -1
    cdef int updated = 0
    cdef TensorBase p, g, s
    cdef Call call
    begin(params, owners, (sums, steps))
    call.param[ADAGRAD_EPS].f = eps
    call.param[ADAGRAD_WEIGHT_DECAY].f = weight_decay
    call.param[ADAGRAD_FLAGS].i = MAXIMIZE if maximize else 0
    while (g := next_gradient(params, &i)) is not None:
        p = <TensorBase> params[i]
        call.param[ADAGRAD_LR].f = lr / (1 + (next_step(steps, i) - 1) * lr_decay)
        s = state_of(sums, i, p, initial_accumulator_value)
        updated += update(&call, kernels(p.dtype).adagrad, 3, p, g, s, None, None, 6)
    return updated


include "update_rare.pxi"


# ---- Gradients of a group

def zero_grad_(list params, bint set_to_none) -> None:
    """Set every .grad to None; or, if not set_to_none, detach it and fill it with 0 in place."""
    cdef TensorBase p, g
    for each in params:
        p = <TensorBase?> each
        g = p._grad
        if g is None or set_to_none:
            p._grad = None
            continue
        if g.storage.readonly:
            p._grad = zeros(g.dtype, g.ndim, g.shape)
            continue
        if g._grad_fn is not None or g._base is not None:
            g = alias(g)
            p._grad = g
        g._requires_grad = False
        copy_into(g, scalar_tensor(0, g.dtype))
        count_write(g.storage)
