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
    cdef Py_ssize_t size = itemsize(x.dtype), rows = x.shape[x.ndim - 2], cols = x.shape[x.ndim - 1], i, n
    cdef const char* p = source.data
    cdef char* to = out.data
    cdef Node node
    for i in range(x.numel // cols if cols > 0 else 0):
        n = min(max(i % rows + k + (not upper), 0), cols)       # columns before n belong to the lower triangle
        if upper:
            memset(to, 0, n * size)
            memcpy(to + n * size, p + n * size, (cols - n) * size)
        else:
            memcpy(to, p, n * size)
            memset(to + n * size, 0, (cols - n) * size)
        p += cols * size
        to += cols * size
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
