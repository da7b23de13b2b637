"""Dropout; part of random.pyx."""


cdef int dropout_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, masked(g, saved(node, 1), node.param[DROPOUT_SCALE].f))

cdef Rule DROPOUT = Rule(b"MulBackward0", dropout_backward)


cdef TensorBase masked(TensorBase x, TensorBase mask, double scale):
    """x * scale where mask is True, else 0. Recorded; its gradient is the same operation."""
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef TensorBase out = empty_like(x)
    cdef Node node
    cdef Call call
    if x.numel > 0:
        over_elements(&call, kernels(x.dtype).dropout, 3, x.numel, x.numel // 3)
        call.operand[0].data = out.data
        call.operand[1].data = source.data
        call.operand[2].data = mask.data
        call.param[DROPOUT_SCALE].f = scale
        run(&call)
    if recording(x):
        node = record(&DROPOUT, out, x)
        node.param[DROPOUT_SCALE].f = scale
        save(node, 1, mask)
    return out


def dropout(input, p=0.5, training=True, *, generator=None):
    """Set elements to 0 with probability p, divide the others by 1 - p; input itself if not training (Srivastava et al. 2014).

    Raises ValueError unless 0 <= p <= 1.

    >>> tinygrad_c.dropout(tinygrad_c.tensor([1., 2.]), 0.5, training=False)
    tensor([1., 2.])
    """
    cdef TensorBase x = to_float(as_tensor(input, "dropout(): argument 'input' (position 1)"))
    cdef double drop = probability_of(p, "dropout")
    if not training or drop == 0:
        return x
    return masked(x, keep_mask(1 - drop, x.ndim, x.shape, chosen(generator)), 0 if drop == 1 else 1 / (1 - drop))
