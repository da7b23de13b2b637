"""Batches of rows for the data loader: all tensors of a data set at once, nothing recorded; part of index.pyx."""

cdef enum:
    ON_STACK = 512      # up to so many offsets are kept on the stack


cdef TensorBase rows_of(TensorBase x, const int64_t* number, int64_t* offset, Py_ssize_t n):
    """x[number[0]], x[number[1]], ... as one new tensor; negative numbers count from the end."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t i, row
    cdef int d
    cdef TensorBase out
    cdef Call call
    if x.ndim == 0:
        raise IndexError("a batch consists of rows, and a 0-d tensor has none")
    for i in range(n):
        row = number[i] if number[i] >= 0 else number[i] + x.shape[0]
        if row < 0 or row >= x.shape[0]:
            raise IndexError(f"index {number[i]} is out of bounds for dimension 0 with size {x.shape[0]}")
        offset[i] = row * x.stride[0]
    shape[0] = n
    for d in range(1, x.ndim):
        shape[d] = x.shape[d]
    out = empty(x.dtype, x.ndim, shape)
    if out.numel == 0:
        return out
    call.kernel = movers.take
    call.inner = NULL
    call.n_operands = 3
    call.ndim = x.ndim
    call.operand[0].data = out.data
    call.operand[0].itemsize = call.operand[1].itemsize = itemsize(x.dtype)
    call.operand[1].data = x.data
    call.operand[2].data = <char*> offset
    for d in range(x.ndim):
        call.shape[d] = shape[d]
        call.operand[0].stride[d] = out.stride[d]
        call.operand[1].stride[d] = x.stride[d]
    while call.ndim > 2 and (call.operand[1].stride[call.ndim - 2]     # merge the last two dimensions if they are contiguous
                             == call.operand[1].stride[call.ndim - 1] * call.shape[call.ndim - 1]):
        call.ndim -= 1
        call.shape[call.ndim - 1] *= call.shape[call.ndim]
        call.operand[0].stride[call.ndim - 1] = call.operand[0].stride[call.ndim]
        call.operand[1].stride[call.ndim - 1] = call.operand[1].stride[call.ndim]
    call.units = (n + movers.GATHER_ROWS - 1) // movers.GATHER_ROWS
    call.work = n * 3 + out.numel // 4
    run(&call)
    return out


def gather_rows(tuple tensors, TensorBase order not None, Py_ssize_t start, Py_ssize_t stop) -> list:
    """[x[order[start:stop]] for x in tensors]: a copy of these rows of each tensor. order: int64, contiguous.

    Raises IndexError for an index out of range.

    >>> gather_rows((tinygrad_c.tensor([1., 2., 3.]),), tinygrad_c.tensor([2, 0, 1]), 0, 2)
    [tensor([3., 1.])]
    """
    cdef int64_t[ON_STACK] small
    cdef int64_t* offset = small
    cdef Py_ssize_t n
    cdef list out = []
    if order.ndim != 1 or order.dtype != INT64 or not order.contiguous:
        raise TypeError("gather_rows(): order must be a contiguous vector of int64")
    stop = min(stop, order.shape[0])
    n = stop - start
    if start < 0 or n < 0:
        raise IndexError(f"gather_rows(): rows {start} to {stop} are out of range for an order of size {order.shape[0]}")
    if n > ON_STACK:
        offset = <int64_t*> malloc(n * sizeof(int64_t))
        if offset == NULL:
            raise MemoryError()
    try:
        for x in tensors:
            out.append(rows_of(<TensorBase?> x, <const int64_t*> order.data + start, offset, n))
    finally:
        if offset != small:
            free(offset)
    return out
