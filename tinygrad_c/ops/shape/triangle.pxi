"""tril and triu: matrices with zeros above or below a diagonal; part of shape.pyx."""

cdef enum:                  # node.param
    NODE_DIAGONAL
    NODE_UPPER


cdef int triangle_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, triangle_of(g, node.param[NODE_DIAGONAL].i, node.param[NODE_UPPER].i))

cdef Rule TRIL = Rule(b"TrilBackward0", triangle_backward)


cdef TensorBase triangle_of(TensorBase x, Py_ssize_t k, bint upper):
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef TensorBase out = empty(x.dtype, x.ndim, x.shape)
    cdef Node node
    cdef Call call
    if x.numel > 0:
        call.kernel, call.inner, call.ndim, call.n_operands = movers.triangle, NULL, 3, 2
        call.shape[1], call.shape[2] = x.shape[x.ndim - 2], x.shape[x.ndim - 1]
        call.units = x.numel // call.shape[2]
        call.shape[0] = call.units // call.shape[1]
        call.work = x.numel // 4
        call.operand[0].data, call.operand[1].data = out.data, source.data
        call.operand[0].itemsize = call.operand[1].itemsize = itemsize(x.dtype)
        call.param[movers.TRIANGLE_DIAGONAL].i, call.param[movers.TRIANGLE_UPPER].i = k, upper
        run(&call)
    if recording(x):
        node = record(&TRIL, out, x)
        if upper:
            node.label = b"TriuBackward0"
        node.param[NODE_DIAGONAL].i = k
        node.param[NODE_UPPER].i = upper
    return out


def triangle(input, k, upper):
    """A copy of input's matrices with zeros above diagonal k, or below it if upper is true.

    >>> triangle(tinygrad_c.ones(2, 2), 0, False)
    tensor([[1., 0.],
            [1., 1.]])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return triangle_of(x, max(min(k, x.shape[x.ndim - 1]), -x.shape[x.ndim - 2]), upper)
