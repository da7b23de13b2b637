"""Cross-entropy of class indices or probabilities, and nll_loss; part of loss.pyx."""


@cython.final
cdef class Numbers:
    """While a program is recorded: numbers that the host computes from labels and weights, as doubles in its memory."""
    cdef TensorBase weight          # of the classes, or None
    cdef TensorBase total           # of these weights, or None
    cdef TensorBase factor          # 1 / the sum of the targets' weights, or None

    cdef int record(self, int factor) except -1:
        """The next Call takes them as params; `factor`: which param that is, or -1."""
        cdef bint first = factor >= 0 and self.factor is not None
        if first:
            record_number(self.factor.data, factor, 1 if self.total is None else 2)
        if self.total is not None:
            record_number(self.total.data, CE_ALL_WEIGHTS)
        return 0


cdef int cross_entropy_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = g * factor * (a * softmax(x) - b); for a plain target t: a = 1, b = one_hot(t)
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase target = saved(node, 1)
    cdef TensorBase kept = saved(node, 2)
    cdef Numbers numbers = None if type(node.extra) is not Numbers else node.extra
    cdef TensorBase weight = node.extra if numbers is None else numbers.weight
    cdef TensorBase dx
    cdef Call call
    cdef int i
    if back.create_graph:
        return back.send_grad(node, 0, cross_entropy_gradient(node, x, target, weight, g))
    dx = empty_like(x)
    if x.numel == 0:
        return back.send_grad(node, 0, dx)
    g = contiguous(g)
    call.kernel = kernels(x.dtype).cross_entropy_backward
    call.ndim = 2
    call.n_operands = 6
    call.shape[0] = x.shape[0]
    call.shape[1] = x.shape[1]
    call.units = (x.shape[0] + ROW_BLOCK - 1) // ROW_BLOCK
    call.work = x.numel // 4
    call.operand[0].data = dx.data
    call.operand[1].data = x.data
    call.operand[2].data = target.data
    call.operand[3].data = kept.data
    call.operand[4].data = NULL if weight is None else weight.data
    call.operand[5].data = g.data
    call.operand[5].stride[0] = g.ndim
    for i in range(4):
        call.param[i] = node.param[i]
    call.param[CE_SLOPES].i = kept.ndim == 2
    if numbers is not None:
        numbers.record(CE_FACTOR)
    run(&call)
    return back.send_grad(node, 0, dx)

cdef Rule CROSS_ENTROPY = Rule(b"NllLossBackward0", cross_entropy_backward)


cdef TensorBase cross_entropy_gradient(Node node, TensorBase x, TensorBase target, TensorBase weight, TensorBase g):
    """The backward composed of recorded ops: g * factor * (a * softmax(x) - b); a, b: kernels/simd/cross_entropy.pxi."""
    cdef Py_ssize_t[2] column = [x.shape[0], 1]
    cdef TensorBase a = zeros(x.dtype, 2, column)
    cdef TensorBase b = zeros(x.dtype, 2, x.shape)
    cdef const int64_t* t = <const int64_t*> target.data
    cdef Py_ssize_t n = x.shape[1], r, c, hit
    cdef double e = node.param[CE_SMOOTHING].f, w
    refuse(b"the gradient of cross_entropy's gradient reads the labels in Python")
    for r in range(x.shape[0]):
        hit = t[r]
        if hit != node.param[CE_IGNORE_INDEX].i and <size_t> hit < <size_t> n:     # checked again: NumPy may have written to it
            w = (1 - e) * (1 if weight is None else real_at(weight, hit))
            set_real(a, r, w + e / n * node.param[CE_ALL_WEIGHTS].f)
            for c in range(n):
                set_real(b, r * n + c, e / n * (1 if weight is None else real_at(weight, c)) + (w if c == hit else 0))
    if g.ndim == 1:
        g = reshape_to(g, 2, column)
    x = binary(ROW_SUB, binary(ROW_MUL, softmax_along(SOFTMAX, x, 1), a), b)
    return binary(ROW_MUL, x, binary_scalar(ROW_MUL_NUMBER, g, node.param[CE_FACTOR].f))


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
        raise RuntimeError(f"expected scalar type {DTYPE_NAMES[x.dtype]} but found {DTYPE_NAMES[w.dtype]}: convert the "
                           "weights with weight.to(input.dtype)")
    return w if w.contiguous else copy_of(w)


cdef TensorBase rows_of_classes(TensorBase x, TensorBase target):
    """x as rows of C logits: (N, C) unchanged, (C,) as (1, C), (N, C, d1, ...) as (N * d1 * ..., C)."""
    if x.ndim == 1:
        return reshape_to(x, 2, [1, x.shape[0]])
    if x.ndim > 2:
        from tinygrad_c.ops.shape.shape import permute
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
        raise RuntimeError("Expected floating point type for target with class probabilities, or 0D or 1D target tensor "
                           "expected, multi-target not supported: the target has shape "
                           f"{list(shape_of(target))}, so write target.reshape(-1) for a column of labels, or "
                           "target.argmax(1) for one-hot rows")
    if target.ndim > 0 and x.shape[0] != target.shape[0]:
        raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if target.ndim != x.ndim - 1:
        raise RuntimeError(f"size mismatch: input of shape {list(shape_of(x))} needs a target of {x.ndim - 1} dimensions, "
                           f"without the classes, but it has shape {list(shape_of(target))}")
    for d in range(1, target.ndim):
        if x.shape[d + 1] != target.shape[d]:
            raise RuntimeError(f"Expected target size {[x.shape[0], *shape_of(x)[2:]]}: size mismatch (got input: "
                               f"{list(shape_of(x))}, target: {list(shape_of(target))})")
    return 0


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log(softmax(input)[target]), for logits and class indices.

    input with target: (N, C) with (N,), (C,) with (), (N, C, d1, ...) with (N, d1, ...).

    target: class indices 0..C-1 of any integer dtype, or floats of the input's shape: a probability per class. weight: one
    weight per class; the mean is divided by the sum of the targets' weights. Rows whose target is ignore_index are ignored.
    label_smoothing: the share of the uniform distribution that is mixed into the target (Szegedy et al. 2016). reduction:
    "mean", "sum" or "none".

    Raises ValueError if the batch sizes differ, IndexError for a label out of range, RuntimeError for other shapes that do not
    match.

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
    cdef Numbers numbers = None
    cdef bint slopes
    cdef Call call
    cdef Node node
    if smoothing < 0 or smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {smoothing}")
    if x.dtype < FLOAT32:
        raise NotImplementedError(f"\"log_softmax_lastdim_kernel_impl\" not implemented for '{DTYPE_NAMES[x.dtype]}': call "
                                  ".float() on the input")
    if t.dtype >= FLOAT32:
        if same_shape(x, t):
            if ignore_index >= 0:
                raise RuntimeError("ignore_index is not supported for floating point target: omit it, or pass class indices")
            return cross_entropy_of_probabilities(x, t, weight, how, smoothing)
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {DTYPE_NAMES[t.dtype]}: class labels are "
                           "integers 0..C-1, so write target.long(). (Probabilities would have the input's shape, "
                           f"{list(shape_of(x))}.)")
    check_shapes(x, t)
    if x._grad_fn is not None and strcmp(x._grad_fn.rule.name, "SoftmaxBackward0") == 0:
        warn_once("softmax twice", "cross_entropy() was given the output of a softmax. It expects logits and applies "
                  "log_softmax itself; with softmax twice, the net learns slowly or not at all. Omit the softmax in training.")
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
    if recorder != NULL:
        numbers = numbers_of(t, w, n, ignore_index, how)

    slopes = n <= SHORT_ROW and how != EACH and w is None and smoothing == 0
    if slopes:
        kept = empty(x.dtype, 2, x.shape) if recording(x) else None
    else:
        kept = empty(x.dtype, 1, [2 * rows])
    out = empty(x.dtype, 1, &rows) if how == EACH else empty(x.dtype, 0, NULL)
    # Compute: no Python code runs from here on.
    call.param[CE_IGNORE_INDEX].i = ignore_index
    call.param[CE_SMOOTHING].f = smoothing
    call.param[CE_ALL_WEIGHTS].f = all_weights
    call.param[CE_EACH].i = how == EACH
    call.param[CE_SLOPES].i = slopes
    if x.numel > 0:
        call.kernel = kernels(x.dtype).cross_entropy
        call.ndim = 2
        call.n_operands = 5
        call.shape[0] = rows
        call.shape[1] = n
        call.units = (rows + ROW_BLOCK - 1) // ROW_BLOCK
        call.work = x.numel // 4
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[2].data = t.data
        call.operand[3].data = NULL if kept is None else kept.data
        call.operand[4].data = NULL if w is None else w.data
        if numbers is not None:
            numbers.record(-1)
        if how == EACH:
            run(&call)
        else:
            total = sum_partials(&call, x.dtype, 2, &total_weight, out, 0 if how == MEAN else 1,
                                 None if numbers is None else numbers.factor)
    if how == MEAN:
        factor = 1 / total_weight
        total = total / total_weight
    if how != EACH:
        set_real(out, 0, total)
    if recording(x):
        node = record(&CROSS_ENTROPY, out, x)
        if smoothing:
            node.label = b"AddBackward0"
        elif target_.ndim > 1:
            node.label = b"NllLoss2DBackward0"
        save(node, 0, x)
        save(node, 1, t)
        save(node, 2, kept)
        node.extra = w if numbers is None else numbers
        node.param[CE_IGNORE_INDEX].i = ignore_index
        node.param[CE_SMOOTHING].f = smoothing
        node.param[CE_ALL_WEIGHTS].f = all_weights
        node.param[CE_FACTOR].f = factor if how != MEAN or total_weight != 0 else 0     # all rows ignored: the gradient is 0
    if how == EACH and target_.ndim != 1:
        out = reshape_to(out, target_.ndim, target_.shape)
    return out


cdef Numbers numbers_of(TensorBase t, TensorBase w, Py_ssize_t n, int64_t ignore_index, int how):
    cdef Numbers numbers = Numbers.__new__(Numbers)
    cdef TensorBase wrong = empty(INT64, 0, NULL)
    record_labels(<const int64_t*> t.data, t.numel, n, ignore_index, wrong.data)
    if how == MEAN:
        numbers.factor = empty(FLOAT64, 0, NULL)
    if w is not None:
        numbers.weight, numbers.total = w, empty(FLOAT64, 0, NULL)
        record_sum(numbers.total.data, w.data, n, itemsize(w.dtype))
    return numbers


cdef TensorBase cross_entropy_of_probabilities(TensorBase x, TensorBase target, object weight, int how, double smoothing):
    """-sum(target * log_softmax(x)) over the classes."""
    cdef int dim = 0 if x.ndim < 2 else 1
    cdef Py_ssize_t n = x.shape[dim] if x.ndim > 0 else 1
    cdef TensorBase w = class_weights(weight, x, n)
    cdef TensorBase loss = softmax_along(LOG_SOFTMAX, x, dim)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d
    if smoothing > 0:
        target = binary_scalar(ROW_ADD_NUMBER, binary_scalar(ROW_MUL_NUMBER, target, 1 - smoothing), smoothing / n)
    if w is not None:
        for d in range(x.ndim):
            shape[d] = n if d == dim else 1
        loss = binary(ROW_MUL, loss, reshape_to(w, x.ndim, shape))
    loss = unary(ROW_NEG, sum_over(binary(ROW_MUL, loss, target), <unsigned int> 1 << dim, False), 0, 0)
    return named(summarize(loss, how), b"DivBackward1" if how == MEAN else b"NegBackward0")


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """-input[target], for log-probabilities, such as log_softmax returns, and class indices; see cross_entropy.

    >>> nll_loss(tinygrad_c.tensor([[-0.5, -1.0]]), tinygrad_c.tensor([1]))
    tensor(1.)
    """
    cdef TensorBase x = as_tensor(input, "nll_loss_nd(): argument 'input' (position 1)")
    cdef TensorBase given = as_tensor(target, "nll_loss_nd(): argument 'target' (position 2)")
    cdef TensorBase t, w, ignored, loss, share
    cdef int how = parse_reduction(reduction)
    if given.dtype >= FLOAT32:
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {DTYPE_NAMES[given.dtype]}: write target.long()")
    if x.dtype < FLOAT32:
        raise RuntimeError(f"\"nll_loss_out_frame\" not implemented for '{DTYPE_NAMES[x.dtype]}': call .float() on the input")
    check_shapes(x, given)
    x = rows_of_classes(x, given)
    t = copy_of(to_dtype(given, INT64))
    t = reshape_to(t, 1, [t.numel])
    check_targets(t, x.shape[1], ignore_index)      # in a program, take_along checks them
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
        loss = binary(ROW_DIV, sum_over(loss, 1, False), sum_over(share, 1, False))
    elif how == TOTAL:
        loss = sum_over(loss, 1, False)
    else:
        loss = reshape_to(loss, given.ndim, given.shape)
    return named(loss, b"NllLoss2DBackward0" if given.ndim > 1 else b"NllLossBackward0")
