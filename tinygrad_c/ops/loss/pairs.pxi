"""Elementwise losses f(x, t) of an input and a target of one shape; part of loss.pyx."""


cdef int pair_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """dx = g * df/dx;  dt = -dx, but not for the cross-entropies, which have their own formulas below."""
    cdef TensorBase x = saved(node, 0)
    cdef TensorBase t = saved(node, 1)
    cdef TensorBase dx
    if back.create_graph:
        g = binary_scalar(ROW_MUL_NUMBER, g, node.param[LOSS_FACTOR].f)
        dx = binary(ROW_MUL, g, slope(node.op, x, t, node.param[LOSS_THRESHOLD].f))
    elif back.needs(node, 0) or node.op < BCE:
        dx = slope_kernel(node, x, t, contiguous(g))
    if back.needs(node, 0):
        back.send_grad(node, 0, dx)
    if back.needs(node, 1):
        if node.op < BCE:
            back.send_grad(node, 1, unary(ROW_NEG, dx, 0, 0))
        else:
            if not back.create_graph:
                g = binary_scalar(ROW_MUL_NUMBER, g, node.param[LOSS_FACTOR].f)
            if node.op == BCE:      # d/dt = log(1 - x) - log(x), with each log >= -100 as in the forward pass
                t = binary(ROW_SUB, log_cut(binary_scalar(ROW_RSUB_NUMBER, x, 1)), log_cut(x))
            else:
                t = unary(ROW_NEG, x, 0, 0)
            back.send_grad(node, 1, binary(ROW_MUL, g, t))
    return 0

cdef Rule PAIR = Rule(b"PairLoss", pair_backward)
ctypedef const char* label_t
cdef label_t[N_LOSSES] PAIR_LABELS = [
    b"MseLossBackward0", b"", b"SmoothL1LossBackward0", b"HuberLossBackward0", b"BinaryCrossEntropyBackward0",
    b"BinaryCrossEntropyWithLogitsBackward0"]
cdef label_t[3] L1_LABELS = [b"AbsBackward0", b"MeanBackward0", b"SumBackward0"]    # by reduction: composed in PyTorch


cdef TensorBase log_cut(TensorBase x):
    return unary(ROW_CLAMP, unary(ROW_LOG, x, 0, 0), -100, INFINITY)


cdef TensorBase slope(int op, TensorBase x, TensorBase t, double parameter):
    """df/dx, composed of recorded ops; the formulas are in kernels/simd/loss.pxi."""
    cdef TensorBase d
    if op == BCE_WITH_LOGITS:
        return binary(ROW_SUB, unary(ROW_SIGMOID, x, 0, 0), t)
    d = binary(ROW_SUB, x, t)
    if op == MSE:
        return binary_scalar(ROW_MUL_NUMBER, d, 2)
    if op == L1:
        return unary(ROW_SIGN, d, 0, 0)
    if op == SMOOTH_L1:
        return unary(ROW_CLAMP, binary_scalar(ROW_DIV_NUMBER, d, parameter), -1, 1)
    if op == HUBER:
        return unary(ROW_CLAMP, d, -parameter, parameter)
    t = binary(ROW_MUL, x, binary_scalar(ROW_RSUB_NUMBER, x, 1))
    return binary(ROW_DIV, d, unary(ROW_CLAMP, t, 1e-12, INFINITY))


cdef TensorBase slope_kernel(Node node, TensorBase x, TensorBase t, TensorBase g):
    cdef TensorBase dx = empty_like(x)
    cdef Call call
    if x.numel == 0:
        return dx
    over_elements(&call, kernels(x.dtype).loss_backward[node.op], 4, x.numel, x.numel // 4)
    call.operand[0].data = dx.data
    call.operand[1].data = x.data
    call.operand[2].data = t.data
    call.operand[3].data = g.data
    call.operand[3].stride[0] = 0 if node.param[NODE_ONE_G].i else 1
    call.param[LOSS_THRESHOLD] = node.param[LOSS_THRESHOLD]
    call.param[LOSS_FACTOR] = node.param[LOSS_FACTOR]
    run(&call)
    return dx


cdef TensorBase pair_loss(int op, TensorBase x, TensorBase t, double parameter, int how):
    """The loss of x and t, which have the same shape and dtype; recorded."""
    cdef TensorBase out
    cdef double total = 0, ignored
    cdef Call call
    cdef Node node
    x = contiguous(x)
    t = contiguous(t)
    out = empty_like(x) if how == EACH else empty(x.dtype, 0, NULL)
    call.param[LOSS_THRESHOLD].f = parameter
    call.param[LOSS_EACH].i = how == EACH
    if x.numel > 0:
        over_elements(&call, kernels(x.dtype).loss[op], 3, x.numel, x.numel // 4)
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[2].data = t.data
        if how == EACH:
            run(&call)
        else:
            total = sum_partials(&call, x.dtype, 1, &ignored, out, <double> x.numel if how == MEAN else 1)
    if how != EACH:
        set_real(out, 0, total / <double> x.numel if how == MEAN else total)
    if recording(x) or recording(t):
        node = record2(&PAIR, out, x, t)
        node.label = L1_LABELS[how] if op == L1 else PAIR_LABELS[op]
        node.op = op
        save(node, 0, x)
        save(node, 1, t)
        node.param[LOSS_THRESHOLD].f = parameter
        node.param[LOSS_FACTOR].f = 1 / <double> x.numel if how == MEAN else 1
        node.param[NODE_ONE_G].i = how != EACH
    return out


cdef int warn_of_broadcast(tuple x, tuple t, list result) except -1:
    """PyTorch's warning, once per pair of shapes, with the broadcast shape and the line to write."""
    warn_once(("broadcast", x, t),
              f"Using a target size (torch.Size({list(t)})) that is different to the input size (torch.Size({list(x)})). This "
              f"will likely lead to incorrect results due to broadcasting: the loss is computed over the shape {result}. "
              "Please ensure they have the same size: write target.reshape(input.shape).")
    return 0


cdef TensorBase loss_of(int op, object input, object target, double parameter, object reduction, str name):
    """The losses whose input and target may broadcast, with a warning."""
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
        raise RuntimeError(f"{name} of integers: found dtype {DTYPE_NAMES[dtype]} but expected Float. Call .float() on input "
                           "and target.")
    return pair_loss(op, to_dtype(x, dtype), to_dtype(t, dtype), parameter, how)


def mse_loss(input, target, reduction="mean"):
    """(input - target)^2, reduced: "mean", "sum" or "none". input and target broadcast, with a warning.

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
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta. It is {beta}")
    return loss_of(L1 if beta == 0 else SMOOTH_L1, input, target, beta, reduction, "smooth_l1_loss")


def huber_loss(input, target, reduction="mean", delta=1.0):
    """With d = |input - target|: d^2 / 2 where d <= delta, else delta * (d - delta / 2) (Huber 1964).

    >>> huber_loss(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 4.]))
    tensor(0.7500)
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta. It is {delta}")
    return loss_of(HUBER, input, target, delta, reduction, "huber_loss")


cdef int floats_of_one_dtype(TensorBase x, TensorBase t, str name) except -1:
    if x.dtype < FLOAT32 or t.dtype < FLOAT32:
        raise RuntimeError(f"{name}: found dtype {DTYPE_NAMES[t.dtype if x.dtype >= FLOAT32 else x.dtype]} but expected Float: "
                           "labels must be floats, so write target.float()")
    return promote(x, t)


cdef int record_outside_unit(TensorBase lowest, TensorBase highest) except -1:
    """In a program, numbers outside [0, 1] end the replay: 0 <= lowest and highest <= 1, which a NaN is not."""
    cdef TensorBase wrong = binary(ROW_EQ, binary(ROW_GE, lowest, 0), 0)
    record_check(wrong.data, 1)
    wrong = binary(ROW_EQ, binary(ROW_LE, highest, 1), 0)
    record_check(wrong.data, 1)
    return 0


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
        if recorder != NULL:
            record_outside_unit(lowest, highest)
        if not (real_at(lowest, 0) >= 0 and real_at(highest, 0) <= 1):
            raise RuntimeError(f"all elements of input should be between 0 and 1, but they go from {real_at(lowest, 0):.6g} to "
                               f"{real_at(highest, 0):.6g}: apply sigmoid first, or did you mean "
                               "binary_cross_entropy_with_logits?")
    x = pair_loss(BCE, to_dtype(x, dtype), to_dtype(t, dtype), 0, how if weight is None else EACH)
    return x if weight is None else weighted(x, weight, how)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """binary_cross_entropy of sigmoid(input), without its rounding: max(x, 0) - x t + log(1 + e^-|x|).

    pos_weight multiplies the term of positive labels. Raises ValueError if the shapes differ.

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
        share = binary_scalar(ROW_ADD_NUMBER, binary(ROW_MUL, binary(ROW_SUB, pos_weight, 1.0), t), 1)
        share = binary(ROW_MUL, share, unary(ROW_SOFTPLUS1, unary(ROW_NEG, x, 0, 0), 0, 0))
        return weighted(binary(ROW_ADD, binary(ROW_MUL, binary_scalar(ROW_RSUB_NUMBER, t, 1), x), share), weight, how)
    x = pair_loss(BCE_WITH_LOGITS, x, t, 0, how if weight is None else EACH)
    return x if weight is None else weighted(x, weight, how)
