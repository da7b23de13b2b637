"""Running the gather and scatter kernels on a plan: take, and its gradient add_into_zeros; part of index.pyx."""


cdef int launch(kernel_t kernel, Plan plan, TensorBase dense, TensorBase scattered, int which, bint serial) except -1:
    """Run a kernel. dense is contiguous, in the result's layout; scattered is x with its strides, or contiguous (FLAT)."""
    cdef TensorBase offsets
    cdef Call call
    cdef int d, n = 0
    if dense.numel == 0:
        return 0
    offsets = offsets_of(plan, which)
    plan.check_same(scattered, which)
    call.kernel = kernel
    call.n_operands = 3
    call.shape[0] = plan.rows
    call.operand[0].data = dense.data
    call.operand[0].itemsize = call.operand[1].itemsize = itemsize(dense.dtype)
    call.operand[0].stride[0] = plan.step
    call.operand[1].data = scattered.data
    call.operand[2].data = offsets.data
    for d in range(plan.row_ndim):          # adjacent dimensions that are contiguous on both sides are merged
        if plan.row_shape[d] == 1:
            continue
        if n > 0 and call.operand[0].stride[n] == plan.row_stride[d] * plan.row_shape[d] \
                and call.operand[1].stride[n] == plan.row_source[which][d] * plan.row_shape[d]:
            call.shape[n] *= plan.row_shape[d]
        else:
            n += 1
            call.shape[n] = plan.row_shape[d]
        call.operand[0].stride[n] = plan.row_stride[d]
        call.operand[1].stride[n] = plan.row_source[which][d]
    call.ndim = n + 1
    call.units = 1 if serial else (plan.rows + movers.GATHER_ROWS - 1) // movers.GATHER_ROWS
    call.work = plan.rows * 3 + dense.numel // 4
    run(&call)
    return 0


cdef int view_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    return back.send_grad(node, 0, put_region(g, node.extra, ndim, shape))

cdef Rule SLICE = Rule(b"SliceBackward0", view_backward)


cdef TensorBase view_by(TensorBase x, Plan plan):
    """The view of x that a plan without index tensors describes."""
    cdef char* data = x.data + plan.start[IN_MEMORY] * itemsize(x.dtype)
    cdef TensorBase out = view_of(x, data, plan.ndim, plan.shape, plan.stride[IN_MEMORY])
    cdef Node node
    cdef int d
    if recording(x):
        node = record(&SLICE, out, x)
        node.extra = (plan.start[FLAT], tuple([plan.shape[d] for d in range(plan.ndim)]),
                      tuple([plan.stride[FLAT][d] for d in range(plan.ndim)]))
        if plan.has_int:
            node.label = b"SelectBackward0"
    return out


cdef int take_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    return back.send_grad(node, 0, add_into_zeros(g, node.extra, ndim, shape))

cdef int add_backward(BackwardPass back, Node node, TensorBase g) except -1:
    return back.send_grad(node, 0, take(contiguous(g), node.extra, FLAT))

cdef Rule TAKE = Rule(b"IndexBackward0", take_backward)
cdef Rule ADD_AT = Rule(b"IndexPutBackward0", add_backward)


cdef TensorBase take(TensorBase x, Plan plan, int which):
    """Gather the plan's elements. `which`: FLAT if x is a contiguous tensor (a gradient), not the one that was indexed."""
    cdef TensorBase out = empty(x.dtype, plan.out_ndim, plan.out_shape)
    launch(movers.take, plan, out, x, which, False)
    if recording(x):
        freeze(plan, x)
        record(&TAKE, out, x).extra = plan
    return out


cdef TensorBase add_into_zeros(TensorBase g, Plan plan, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out, dense
    if lacks_kernels(g.dtype):          # the gradient of a float16 or bfloat16 tensor
        return to_dtype(add_into_zeros(to_dtype(g, FLOAT32), plan, ndim, shape), g.dtype)
    out = zeros(g.dtype, ndim, shape)
    dense = g if g.contiguous else copy_of(g)
    launch(kernels(g.dtype).scatter_add, plan, dense, out, FLAT, True)
    if recording(g):
        record(&ADD_AT, out, g).extra = plan
    return out
