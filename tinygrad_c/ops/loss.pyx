"""Losses: cross-entropy of class indices, and losses of pairs, each one kernel forward and one backward.

With create_graph a rule is evaluated with recorded ops instead, so that it can be differentiated again.
"""
from libc.math cimport INFINITY
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport strcmp

from tinygrad_c.array cimport same_shape, shape_of
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise cimport *
from tinygrad_c.ops.index cimport take_along
from tinygrad_c.ops.reduce cimport dims_mask, mean_over, reduced, sum_over
from tinygrad_c.ops.shape cimport expand_to, reshape_to
from tinygrad_c.ops.softmax cimport softmax_along
from tinygrad_c.tape cimport *

from tinygrad_c.notices import warn_once

cdef enum:
    EACH                # no reduction
    MEAN
    TOTAL               # reduction="sum"

TYPE_NAMES = ("Bool", "Byte", "Int", "Long", "Float", "Double")


cdef int parse_reduction(object reduction) except -1:
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return TOTAL
    if reduction == "none":
        return EACH
    raise ValueError(f"{reduction!r} is not a valid value for reduction: choose 'mean', 'sum' or 'none'")


cdef inline double real_at(TensorBase a, Py_ssize_t i) noexcept:
    return (<float*> a.data)[i] if a.dtype == FLOAT32 else (<double*> a.data)[i]


cdef inline void set_real(TensorBase a, Py_ssize_t i, double value) noexcept:
    if a.dtype == FLOAT32:
        (<float*> a.data)[i] = <float> value
    else:
        (<double*> a.data)[i] = value


cdef double sum_partials(Call* call, int dtype, Py_ssize_t each, double* second) except? -1:
    """Run a kernel that leaves `each` (1 or 2) sums per unit in operand 0; add them up."""
    cdef double[8] small
    cdef char* partial = <char*> small
    cdef Py_ssize_t i
    cdef double total = 0, value
    second[0] = 0
    if call.units > 4:
        partial = <char*> malloc(call.units * each * sizeof(double))
        if partial == NULL:
            raise MemoryError()
    call.operand[0].data = partial
    run(call)
    for i in range(call.units * each):
        value = (<float*> partial)[i] if dtype == FLOAT32 else (<double*> partial)[i]
        if each == 2 and i & 1:
            second[0] += value
        else:
            total += value
    if call.units > 4:
        free(partial)
    return total


# ---- Cross-entropy of class indices

cdef int cross_entropy_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase target = saved(node, 1)
    cdef TensorBase kept = saved(node, 2)
    cdef TensorBase weight = node.extra
    cdef TensorBase dx
    cdef Call call
    if walk.create_graph:
        return walk.give(node, 0, cross_entropy_gradient(node, x, target, weight, g))
    dx = empty_like(x)
    if x.numel == 0:
        return walk.give(node, 0, dx)
    g = contiguous(g)
    call.kernel = kernels(x.dtype).cross_entropy_backward
    call.ndim = 2
    call.n_operands = 6
    call.shape[0] = x.shape[0]
    call.shape[1] = x.shape[1]
    call.units = (x.shape[0] + ROW_BLOCK - 1) // ROW_BLOCK
    call.work = x.numel
    call.operand[0].data = dx.data
    call.operand[1].data = x.data
    call.operand[2].data = target.data
    call.operand[3].data = kept.data
    call.operand[4].data = NULL if weight is None else weight.data
    call.operand[5].data = g.data
    call.operand[5].stride[0] = g.ndim
    call.param[0] = node.param[0]
    call.param[1] = node.param[1]
    call.param[2] = node.param[2]
    call.param[3] = node.param[3]
    run(&call)
    return walk.give(node, 0, dx)

cdef Rule CROSS_ENTROPY = Rule(b"NllLossBackward0", cross_entropy_backward)


cdef TensorBase cross_entropy_gradient(Node node, TensorBase x, TensorBase target, TensorBase weight, TensorBase g):
    """g * (a * softmax(x) - b), recorded; a and b as in kernels/cross_entropy.pxi."""
    cdef Py_ssize_t[2] column = [x.shape[0], 1]
    cdef TensorBase a = zeros(x.dtype, 2, column)
    cdef TensorBase b = zeros(x.dtype, 2, x.shape)
    cdef const int64_t* t = <const int64_t*> target.data
    cdef Py_ssize_t n = x.shape[1], r, c
    cdef double e = node.param[1].f, w
    for r in range(x.shape[0]):
        if t[r] != node.param[0].i:
            w = (1 - e) * (1 if weight is None else real_at(weight, t[r]))
            set_real(a, r, w + e / n * node.param[2].f)
            for c in range(n):
                set_real(b, r * n + c, e / n * (1 if weight is None else real_at(weight, c)) + (w if c == t[r] else 0))
    if g.ndim == 1:
        g = reshape_to(g, 2, column)
    x = binary(ROW_SUB, binary(ROW_MUL, softmax_along(SOFTMAX, x, 1), a), b)
    return binary(ROW_MUL, x, with_number(ROW_MUL_NUMBER, g, node.param[3].f))


cdef int check_targets(TensorBase target, Py_ssize_t n, int64_t ignore_index) except -1:
    cdef const int64_t* t = <const int64_t*> target.data
    cdef Py_ssize_t i
    cdef bint wrong = False
    for i in range(target.numel):
        wrong |= (t[i] < 0 or t[i] >= n) and t[i] != ignore_index
    if wrong:
        for i in range(target.numel):
            if (t[i] < 0 or t[i] >= n) and t[i] != ignore_index:
                raise IndexError(f"Target {t[i]} is out of bounds. The input has {n} columns, so labels must be 0..{n - 1}; "
                                 f"element {i} of the target is {t[i]}.")
    return 0


cdef TensorBase class_weights(object weight, TensorBase x, Py_ssize_t n):
    cdef TensorBase w
    if weight is None:
        return None
    w = as_tensor(weight, "argument 'weight' (position 3)")
    if w.ndim != 1 or w.shape[0] != n:
        raise RuntimeError(f"weight tensor should be defined either for all {n} classes or no classes but got weight tensor of "
                           f"shape: {list(shape_of(w))}")
    if w.dtype != x.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[x.dtype]} but found {TYPE_NAMES[w.dtype]}: give the weights the "
                           "logits' dtype, weight.to(input.dtype)")
    return w if w.contiguous else copy_of(w)


cdef TensorBase rows_of_classes(TensorBase x, TensorBase target):
    """(N, C) as it is, (C,) as one row, and (N, C, d1, ...) with the classes last."""
    if x.ndim == 1:
        return reshape_to(x, 2, [1, x.shape[0]])
    if x.ndim > 2:
        from tinygrad_c.ops.shape import permute
        x = permute(x, 0, *range(2, x.ndim), 1)
        return reshape_to(x, 2, [target.numel, x.shape[x.ndim - 1]])
    return x


cdef int check_shapes(TensorBase x, TensorBase target) except -1:
    cdef int d
    if x.ndim == 0 or (x.ndim == 1 and target.ndim > 1):
        raise RuntimeError(f"input of shape {list(shape_of(x))} with a target of shape {list(shape_of(target))}: expected (N, "
                           "C) logits with N labels")
    if x.ndim == 1:
        if target.numel != 1:
            raise ValueError(f"Expected input batch_size (1) to match target batch_size ({target.numel}): logits of shape "
                             f"{list(shape_of(x))} are one sample")
        return 0
    if x.ndim == 2 and target.ndim != 1:
        if target.ndim == 0:
            raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size (1).")
        raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: the target has shape "
                           f"{list(shape_of(target))}, so write target.reshape(-1) for a column of labels, or "
                           "target.argmax(1) for one-hot rows")
    if target.ndim > 0 and x.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if target.ndim != x.ndim - 1:
        raise RuntimeError(f"size mismatch: input of shape {list(shape_of(x))} needs a target of {x.ndim - 1} dimensions, "
                           f"without the classes, but it has shape {list(shape_of(target))}")
    for d in range(1, target.ndim):
        if x.shape[d + 1] != target.shape[d]:
            raise RuntimeError(f"size mismatch (got input: {list(shape_of(x))}, target: {list(shape_of(target))})")
    return 0


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log(softmax(input)[target]), for logits and class indices.

    input with target: (N, C) with (N,), (C,) with (), (N, C, d1, ...) with (N, d1, ...).

    target: any integer dtype, 0..C-1, or floats of the input's shape: a probability per class. weight: C weights of the
    classes; the mean is divided by the sum of the targets' weights. Rows whose target is ignore_index count nothing.
    label_smoothing mixes that share of the uniform distribution into the target (Szegedy et al. 2016). reduction: "mean",
    "sum" or "none".

    Raises ValueError if the batch sizes differ, IndexError for a label out of range, RuntimeError for other misfits.

    >>> cross_entropy(tinygrad_c.zeros(2, 4), tinygrad_c.tensor([0, 3]))
    tensor(1.3863)
    """
    cdef TensorBase x = as_tensor(input, "cross_entropy_loss(): argument 'input' (position 1)")
    cdef TensorBase target_ = as_tensor(target, "cross_entropy_loss(): argument 'target' (position 2)")
    cdef TensorBase t = target_
    cdef TensorBase out, kept, w
    cdef int how = parse_reduction(reduction)
    cdef double smoothing = label_smoothing
    cdef double total = 0, total_weight = 0, all_weights, factor = 1
    cdef Py_ssize_t rows, n, c
    cdef Call call
    cdef Node node
    if smoothing < 0 or smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {smoothing}")
    if x.dtype < FLOAT32:
        raise NotImplementedError(f"\"log_softmax_lastdim_kernel_impl\" not implemented for '{TYPE_NAMES[x.dtype]}': call "
                                  ".float() on the input")
    if t.dtype >= FLOAT32:
        if same_shape(x, t):
            return cross_entropy_of_probabilities(x, t, weight, how, smoothing)
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {TYPE_NAMES[t.dtype]}: class labels are "
                           "integers 0..C-1, so write target.long(). (Probabilities would have the input's shape, "
                           f"{list(shape_of(x))}.)")
    check_shapes(x, t)
    if x._grad_fn is not None and strcmp(x._grad_fn.rule.name, "SoftmaxBackward0") == 0:
        warn_once("softmax twice", "cross_entropy() was given the output of a softmax. It takes scores (logits) and applies "
                  "log_softmax itself; twice, the net learns slowly or not at all. Leave the softmax away in training.")
    x = contiguous(rows_of_classes(x, t))
    t = to_dtype(t, INT64)
    if not t.contiguous:
        t = copy_of(t)
    rows = x.shape[0]
    n = x.shape[1]
    check_targets(t, n, ignore_index)
    w = class_weights(weight, x, n)
    all_weights = n
    if w is not None:
        all_weights = 0
        for c in range(n):
            all_weights += real_at(w, c)

    kept = empty(x.dtype, 1, [2 * rows])
    out = empty(x.dtype, 1, &rows) if how == EACH else empty(x.dtype, 0, NULL)
    call.param[0].i = ignore_index
    call.param[1].f = smoothing
    call.param[2].f = all_weights
    call.param[3].i = how == EACH
    if x.numel > 0:
        call.kernel = kernels(x.dtype).cross_entropy
        call.ndim = 2
        call.n_operands = 5
        call.shape[0] = rows
        call.shape[1] = n
        call.units = (rows + ROW_BLOCK - 1) // ROW_BLOCK
        call.work = x.numel
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[2].data = t.data
        call.operand[3].data = kept.data
        call.operand[4].data = NULL if w is None else w.data
        if how == EACH:
            run(&call)
        else:
            total = sum_partials(&call, x.dtype, 2, &total_weight)
    if how == MEAN:
        factor = 1 / total_weight
        total = total / total_weight
    if how != EACH:
        set_real(out, 0, total)
    if recording(x):
        node = record(&CROSS_ENTROPY, out, x)
        save(node, 0, x)
        save(node, 1, t)
        save(node, 2, kept)
        node.extra = w
        node.param[0].i = ignore_index
        node.param[1].f = smoothing
        node.param[2].f = all_weights
        node.param[3].f = factor
    if how == EACH and target_.ndim != 1:
        out = reshape_to(out, target_.ndim, target_.shape)
    return out


cdef TensorBase cross_entropy_of_probabilities(TensorBase x, TensorBase target, object weight, int how, double smoothing):
    """-sum(target * log_softmax(x)) over the classes."""
    cdef int dim = 0 if x.ndim < 2 else 1
    cdef Py_ssize_t n = x.shape[dim] if x.ndim > 0 else 1
    cdef TensorBase w = class_weights(weight, x, n)
    cdef TensorBase loss = softmax_along(LOG_SOFTMAX, x, dim)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d
    if smoothing > 0:
        target = with_number(ROW_ADD_NUMBER, with_number(ROW_MUL_NUMBER, target, 1 - smoothing), smoothing / n)
    if w is not None:
        for d in range(x.ndim):
            shape[d] = n if d == dim else 1
        loss = binary(ROW_MUL, loss, reshape_to(w, x.ndim, shape))
    loss = unary(ROW_NEG, sum_over(binary(ROW_MUL, loss, target), <unsigned int> 1 << dim, False), 0, 0)
    return summarize(loss, how)


cdef TensorBase summarize(TensorBase loss, int how):
    """Reduce losses that stand one by one."""
    if how == EACH:
        return loss
    return (mean_over if how == MEAN else sum_over)(loss, dims_mask(None, loss.ndim), False)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """-input[target], for logarithms of probabilities, as log_softmax makes them, and class indices; see cross_entropy.

    >>> nll_loss(tinygrad_c.tensor([[-0.5, -1.0]]), tinygrad_c.tensor([1]))
    tensor(1.)
    """
    cdef TensorBase x = as_tensor(input, "nll_loss_nd(): argument 'input' (position 1)")
    cdef TensorBase given = as_tensor(target, "nll_loss_nd(): argument 'target' (position 2)")
    cdef TensorBase t, w, ignored, loss, share
    cdef int how = parse_reduction(reduction)
    if given.dtype >= FLOAT32:
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {TYPE_NAMES[given.dtype]}: write target.long()")
    if x.dtype < FLOAT32:
        raise RuntimeError(f"\"nll_loss_out_frame\" not implemented for '{TYPE_NAMES[x.dtype]}': call .float() on the input")
    check_shapes(x, given)
    x = rows_of_classes(x, given)
    t = copy_of(to_dtype(given, INT64))
    t = reshape_to(t, 1, [t.numel])
    check_targets(t, x.shape[1], ignore_index)
    w = class_weights(weight, x, x.shape[1])
    ignored = binary(ROW_EQ, t, ignore_index)
    t = where_(ignored, 0, t)
    loss = unary(ROW_NEG, take_along(x, t, 1, False), 0, 0)
    if w is None:
        share = where_(ignored, scalar_tensor(0, x.dtype), scalar_tensor(1, x.dtype))
    else:
        share = where_(ignored, scalar_tensor(0, x.dtype), take_along(w, t, 0, True))
        loss = binary(ROW_MUL, loss, share)
    loss = where_(ignored, scalar_tensor(0, x.dtype), loss)
    if how == MEAN:
        return binary(ROW_DIV, sum_over(loss, 1, False), sum_over(share, 1, False))
    if how == TOTAL:
        return sum_over(loss, 1, False)
    return reshape_to(loss, given.ndim, given.shape)


# ---- Losses of pairs

cdef int pair_backward(Walk walk, Node node, TensorBase g) except -1:
    """By the input, g * f'(x, t); by the target its negative, but for the cross-entropies."""
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase t = saved(node, 1)
    cdef TensorBase dx
    if walk.create_graph:
        g = with_number(ROW_MUL_NUMBER, g, node.param[1].f)
        dx = binary(ROW_MUL, g, slope(node.op, x, t, node.param[0].f))
    elif walk.needs(node, 0) or node.op < BCE:
        dx = slope_kernel(node, x, t, contiguous(g))
    if walk.needs(node, 0):
        walk.give(node, 0, dx)
    if walk.needs(node, 1):
        if node.op < BCE:
            walk.give(node, 1, unary(ROW_NEG, dx, 0, 0))
        else:
            if not walk.create_graph:
                g = with_number(ROW_MUL_NUMBER, g, node.param[1].f)
            if node.op == BCE:      # d/dt = log(1 - x) - log(x), the logarithms cut as in the forward pass
                t = binary(ROW_SUB, log_cut(with_number(ROW_RSUB_NUMBER, x, 1)), log_cut(x))
            else:
                t = unary(ROW_NEG, x, 0, 0)
            walk.give(node, 1, binary(ROW_MUL, g, t))
    return 0

cdef Rule[N_LOSSES] PAIR_RULES = [
    Rule(b"MseLossBackward0", pair_backward), Rule(b"L1LossBackward0", pair_backward),
    Rule(b"SmoothL1LossBackward0", pair_backward), Rule(b"HuberLossBackward0", pair_backward),
    Rule(b"BinaryCrossEntropyBackward0", pair_backward), Rule(b"BinaryCrossEntropyWithLogitsBackward0", pair_backward)]


cdef TensorBase log_cut(TensorBase x):
    return unary(ROW_CLAMP, unary(ROW_LOG, x, 0, 0), -100, INFINITY)


cdef TensorBase slope(int op, TensorBase x, TensorBase t, double parameter):
    """df/dx of kernels/loss.pxi, recorded."""
    cdef TensorBase d
    if op == BCE_WITH_LOGITS:
        return binary(ROW_SUB, unary(ROW_SIGMOID, x, 0, 0), t)
    d = binary(ROW_SUB, x, t)
    if op == MSE:
        return with_number(ROW_MUL_NUMBER, d, 2)
    if op == L1:
        return unary(ROW_SIGN, d, 0, 0)
    if op == SMOOTH_L1:
        return unary(ROW_CLAMP, with_number(ROW_DIV_NUMBER, d, parameter), -1, 1)
    if op == HUBER:
        return unary(ROW_CLAMP, d, -parameter, parameter)
    t = binary(ROW_MUL, x, with_number(ROW_RSUB_NUMBER, x, 1))
    return binary(ROW_DIV, d, unary(ROW_CLAMP, t, 1e-12, INFINITY))


cdef TensorBase slope_kernel(Node node, TensorBase x, TensorBase t, TensorBase g):
    cdef TensorBase dx = empty_like(x)
    cdef Call call
    if x.numel == 0:
        return dx
    call.kernel = kernels(x.dtype).loss_backward[node.op]
    call.ndim = 1
    call.n_operands = 4
    call.shape[0] = x.numel
    call.units = (x.numel + ELEMENT_BLOCK - 1) // ELEMENT_BLOCK
    call.work = x.numel // 2
    call.operand[0].data = dx.data
    call.operand[1].data = x.data
    call.operand[2].data = t.data
    call.operand[3].data = g.data
    call.operand[3].stride[0] = 0 if node.param[2].i else 1
    call.param[0] = node.param[0]
    call.param[1] = node.param[1]
    run(&call)
    return dx


cdef TensorBase pair_loss(int op, TensorBase x, TensorBase t, double parameter, int how):
    """x and t of one shape and dtype."""
    cdef TensorBase out
    cdef double total = 0, ignored
    cdef Call call
    cdef Node node
    x = contiguous(x)
    t = contiguous(t)
    out = empty_like(x) if how == EACH else empty(x.dtype, 0, NULL)
    call.param[0].f = parameter
    call.param[1].i = how == EACH
    if x.numel > 0:
        call.kernel = kernels(x.dtype).loss[op]
        call.ndim = 1
        call.n_operands = 3
        call.shape[0] = x.numel
        call.units = (x.numel + ELEMENT_BLOCK - 1) // ELEMENT_BLOCK
        call.work = x.numel // 2
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[2].data = t.data
        if how == EACH:
            run(&call)
        else:
            total = sum_partials(&call, x.dtype, 1, &ignored)
    if how != EACH:
        set_real(out, 0, total / <double> x.numel if how == MEAN else total)
    if recording(x) or recording(t):
        node = record2(&PAIR_RULES[op], out, x, t)
        node.op = op
        save(node, 0, x)
        save(node, 1, t)
        node.param[0].f = parameter
        node.param[1].f = 1 / <double> x.numel if how == MEAN else 1
        node.param[2].i = how != EACH
    return out


cdef int warn_of_broadcast(tuple x, tuple t, list result) except -1:
    """PyTorch's warning, once for each pair of shapes, with what broadcasting makes of them and the line to write."""
    warn_once(("broadcast", x, t),
              f"Using a target size (torch.Size({list(t)})) that is different to the input size (torch.Size({list(x)})). This "
              f"will likely lead to incorrect results due to broadcasting: everything is compared with everything, {result}. "
              "Please ensure they have the same size: write target.reshape(input.shape).")
    return 0


cdef TensorBase loss_of(int op, object input, object target, double parameter, object reduction, str name):
    """Losses that broadcast."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase t = as_tensor(target, "argument 'target' (position 2)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int how = parse_reduction(reduction), ndim, dtype
    if not same_shape(x, t):
        broadcast_shapes(x, t, &ndim, shape)
        warn_of_broadcast(shape_of(x), shape_of(t), [shape[d] for d in range(ndim)])
        x = expand_to(x, ndim, shape)
        t = expand_to(t, ndim, shape)
    dtype = x.dtype if x.dtype == t.dtype else promote(x, t)
    if dtype < FLOAT32:
        raise RuntimeError(f"{name} of integers: found dtype {TYPE_NAMES[dtype]} but expected Float. Call .float() on input "
                           "and target.")
    return pair_loss(op, to_dtype(x, dtype), to_dtype(t, dtype), parameter, how)


def mse_loss(input, target, reduction="mean"):
    """(input - target)^2: their mean, their sum, or each ("none"). input and target broadcast together.

    >>> mse_loss(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 4.]))
    tensor(2.)
    """
    return loss_of(MSE, input, target, 0, reduction, "mse_loss")


def l1_loss(input, target, reduction="mean"):
    """|input - target|; see mse_loss. The gradient is 0 where they are equal.

    >>> l1_loss(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 4.]))
    tensor(1.)
    """
    return loss_of(L1, input, target, 0, reduction, "l1_loss")


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """With d = |input - target|: d^2 / (2 beta) where d < beta, else d - beta / 2 (Girshick 2015). beta=0 is l1_loss.

    >>> smooth_l1_loss(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 4.]))
    tensor(0.7500)
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss does not support negative values for beta: {beta}")
    return loss_of(L1 if beta == 0 else SMOOTH_L1, input, target, beta, reduction, "smooth_l1_loss")


def huber_loss(input, target, reduction="mean", delta=1.0):
    """With d = |input - target|: d^2 / 2 where d <= delta, else delta * (d - delta / 2) (Huber 1964).

    >>> huber_loss(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 4.]))
    tensor(0.7500)
    """
    if delta <= 0:
        raise ValueError(f"huber_loss does not support non-positive values for delta: {delta}")
    return loss_of(HUBER, input, target, delta, reduction, "huber_loss")


cdef int floats_of_one_dtype(TensorBase x, TensorBase t, str name) except -1:
    if x.dtype < FLOAT32 or t.dtype < FLOAT32:
        raise RuntimeError(f"{name}: found dtype {TYPE_NAMES[t.dtype if x.dtype >= FLOAT32 else x.dtype]} but expected Float: "
                           "labels must be floats here, so write target.float()")
    return promote(x, t)


cdef TensorBase weighted(TensorBase loss, object weight, int how):
    return summarize(loss if weight is None else binary(ROW_MUL, loss, weight), how)


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-(t log(x) + (1 - t) log(1 - x)) for probabilities x and labels t, each logarithm at least -100.

    Raises ValueError if the shapes differ, RuntimeError if an input is outside [0, 1].

    >>> binary_cross_entropy(tinygrad_c.tensor([0.5, 0.5]), tinygrad_c.tensor([0., 1.]))
    tensor(0.6931)
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase t = as_tensor(target, "argument 'target' (position 2)")
    cdef int how = parse_reduction(reduction)
    cdef int dtype = floats_of_one_dtype(x, t, "binary_cross_entropy")
    cdef TensorBase lowest, highest
    if not same_shape(x, t):
        raise ValueError(f"Using a target size (torch.Size({list(shape_of(t))})) that is different to the input size "
                         f"(torch.Size({list(shape_of(x))})) is deprecated. Please ensure they have the same size: "
                         "target.reshape(input.shape).")
    if x.numel > 0:
        lowest = reduced(MIN, x, dims_mask(None, x.ndim), False)
        highest = reduced(MAX, x, dims_mask(None, x.ndim), False)
        if not (real_at(lowest, 0) >= 0 and real_at(highest, 0) <= 1):
            raise RuntimeError(f"all elements of input should be between 0 and 1, but they go from {real_at(lowest, 0):.6g} to "
                               f"{real_at(highest, 0):.6g}: apply sigmoid first, or did you mean "
                               "binary_cross_entropy_with_logits?")
    x = pair_loss(BCE, to_dtype(x, dtype), to_dtype(t, dtype), 0, how if weight is None else EACH)
    return x if weight is None else weighted(x, weight, how)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """binary_cross_entropy of sigmoid(input), without its rounding: max(x, 0) - x t + log(1 + e^-|x|).

    pos_weight multiplies the share of positive labels. Raises ValueError if the shapes differ.

    >>> binary_cross_entropy_with_logits(tinygrad_c.tensor([0., 0.]), tinygrad_c.tensor([0., 1.]))
    tensor(0.6931)
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase t = as_tensor(target, "argument 'target' (position 2)")
    cdef TensorBase share
    cdef int how = parse_reduction(reduction)
    cdef int dtype = floats_of_one_dtype(x, t, "binary_cross_entropy_with_logits")
    if not same_shape(x, t):
        raise ValueError(f"Target size (torch.Size({list(shape_of(t))})) must be the same as input size "
                         f"(torch.Size({list(shape_of(x))})): write target.reshape(input.shape) or input.squeeze(1).")
    x = to_dtype(x, dtype)
    t = to_dtype(t, dtype)
    if pos_weight is not None:      # (1 - t) x + (1 + (pos_weight - 1) t) softplus(-x)
        share = with_number(ROW_ADD_NUMBER, binary(ROW_MUL, binary(ROW_SUB, pos_weight, 1.0), t), 1)
        share = binary(ROW_MUL, share, unary(ROW_SOFTPLUS1, unary(ROW_NEG, x, 0, 0), 0, 0))
        return weighted(binary(ROW_ADD, binary(ROW_MUL, with_number(ROW_RSUB_NUMBER, t, 1), x), share), weight, how)
    x = pair_loss(BCE_WITH_LOGITS, x, t, 0, how if weight is None else EACH)
    return x if weight is None else weighted(x, weight, how)
