"""softmax, log_softmax, logsumexp along a dimension."""
from libc.math cimport INFINITY

from tinygrad_c.core.array cimport DTYPE_NAMES, dtype_code
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.table cimport *
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.ops.reduce.reduce cimport NODE_DIM, NODE_KEEPDIM, NODE_MASK, around, arranged, dims_mask, empty_reduced, pick
from tinygrad_c.ops.reduce.reduce cimport expand_reduced, sum_over
from tinygrad_c.ops.shape.shape cimport parse_dim
from tinygrad_c.core.tape cimport *

from tinygrad_c.ops.elementwise.elementwise import into_out


cdef int launch(Call* call, kernel_t kernel, TensorBase out, TensorBase a, TensorBase b) except -1:
    """Run the kernel on a and, if it is not None, b, into out. call.shape is set: (outer, n, inner), see reduce.pxd."""
    call.kernel = kernel
    call.ndim = 3
    if call.shape[2] == 1:
        call.units = (call.shape[0] + ROW_BLOCK - 1) // ROW_BLOCK
    else:
        call.units = call.shape[0] * ((call.shape[2] + COLUMN_STRIP - 1) // COLUMN_STRIP)
    call.work = a.numel // 4
    call.n_operands = 2 if b is None else 3
    call.operand[0].data = out.data
    call.operand[1].data = a.data
    if b is not None:
        call.operand[2].data = b.data
    run(call)
    return 0


cdef int softmax_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = y * (g - sum(g * y))
    cdef TensorBase y = output(back, node)
    cdef unsigned int mask = <unsigned int> 1 << node.param[NODE_DIM].i
    if back.create_graph:
        return back.send_grad(node, 0, binary(ROW_MUL, y, binary(ROW_SUB, g, sum_over(binary(ROW_MUL, g, y), mask, True))))
    return back.send_grad(node, 0, backward_kernel(SOFTMAX, y, g, <int> node.param[NODE_DIM].i))


cdef int log_softmax_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = g - exp(y) * sum(g)
    cdef TensorBase y = output(back, node)
    cdef unsigned int mask = <unsigned int> 1 << node.param[NODE_DIM].i
    if back.create_graph:
        return back.send_grad(node, 0, binary(ROW_SUB, g, binary(ROW_MUL, unary(ROW_EXP, y, 0, 0), sum_over(g, mask, True))))
    return back.send_grad(node, 0, backward_kernel(LOG_SOFTMAX, y, g, <int> node.param[NODE_DIM].i))

cdef Rule SOFTMAX_RULE = Rule(b"SoftmaxBackward0", softmax_backward)
cdef Rule LOG_SOFTMAX_RULE = Rule(b"LogSoftmaxBackward0", log_softmax_backward)


cdef TensorBase backward_kernel(int op, TensorBase y, TensorBase g, int dim):
    cdef TensorBase out = empty_like(y)
    cdef Call call
    if out.numel == 0:
        return out
    g = contiguous(g)
    around(y, dim, &call.shape[0], &call.shape[1], &call.shape[2])
    launch(&call, kernels(y.dtype).softmax_backward[op], out, y, g)
    return out


cdef TensorBase softmax_along(int op, TensorBase x, int dim):
    """SOFTMAX or LOG_SOFTMAX along dim, recorded."""
    cdef TensorBase out = empty_like(x)
    cdef TensorBase source
    cdef Call call
    cdef Node node
    if out.numel > 0:
        source = x if x.contiguous else copy_of(x)
        around(source, dim, &call.shape[0], &call.shape[1], &call.shape[2])
        launch(&call, kernels(x.dtype).softmax[op], out, source, None)
    if recording(x):
        node = record(&SOFTMAX_RULE if op == SOFTMAX else &LOG_SOFTMAX_RULE, out, x)
        node.param[NODE_DIM].i = dim
        save_output(node, out)
    return out


cdef TensorBase prepare(object input, object dtype, str name):
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if dtype is not None:
        x = to_dtype(x, dtype_code(dtype))
    if x.dtype < FLOAT32:
        raise NotImplementedError(f"\"{name}_kernel_impl\" not implemented for '{DTYPE_NAMES[x.dtype]}': call .float() first")
    return x


cpdef int implicit_dim(object dim, TensorBase x, str name) except -1:
    """The parsed dim. If it is None: 0 for 0-d, 1-d and 3-d tensors, else 1, with PyTorch's deprecation warning."""
    if dim is not None:
        return parse_dim(dim, x.ndim)
    from tinygrad_c._base.warn import warn
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument: dim=-1 "
         "for the last dimension.")
    return 0 if x.ndim in (0, 1, 3) else 1


def softmax(input, dim=None, dtype=None, *, axis=None, out=None):
    """exp(x) / sum(exp(x)) along a dimension: positive numbers that sum to 1. Large x do not overflow.

    The result has the shape of input. Raises IndexError if dim is out of range.

    >>> tinygrad_c.softmax(tinygrad_c.tensor([0., 0.]), 0)
    tensor([0.5000, 0.5000])
    """
    if out is not None:
        return into_out(softmax(input, dim, dtype, axis=axis), out)
    cdef TensorBase x = prepare(input, dtype, "softmax_lastdim")
    return softmax_along(SOFTMAX, x, implicit_dim(pick(dim, axis), x, "softmax"))


def log_softmax(input, dim=None, dtype=None, *, axis=None, out=None):
    """x - log(sum(exp(x))) along a dimension: log(softmax(x)), accurate where softmax rounds to 0.

    >>> tinygrad_c.log_softmax(tinygrad_c.tensor([0., 0.]), 0)
    tensor([-0.6931, -0.6931])
    """
    if out is not None:
        return into_out(log_softmax(input, dim, dtype, axis=axis), out)
    cdef TensorBase x = prepare(input, dtype, "log_softmax_lastdim")
    return softmax_along(LOG_SOFTMAX, x, implicit_dim(pick(dim, axis), x, "log_softmax"))


# ---- logsumexp

cdef int logsumexp_backward(BackwardPass back, Node node, TensorBase g) except -1:
    # dx = g * exp(x - y): NaN, as torch's, at the infinities of an infinite y
    cdef TensorBase x = saved(node, 0)
    cdef unsigned int mask = <unsigned int> node.param[NODE_MASK].i
    cdef bint keepdim = node.param[NODE_KEEPDIM].i
    cdef TensorBase y = expand_reduced(output(back, node), x.ndim, x.shape, mask, keepdim)
    cdef TensorBase p = unary(ROW_EXP, binary(ROW_SUB, x, y), 0, 0)
    return back.send_grad(node, 0, binary(ROW_MUL, expand_reduced(g, x.ndim, x.shape, mask, keepdim), p))

cdef Rule LOGSUMEXP_RULE = Rule(b"LogsumexpBackward0", logsumexp_backward)


def logsumexp(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """log(sum(exp(x))) over the dimensions in `dim`. Large x do not overflow; a row of -inf gives -inf.

    >>> tinygrad_c.logsumexp(tinygrad_c.tensor([0., 0.]), 0)
    tensor(0.6931)
    """
    if keepdims is not None:
        keepdim = keepdims
    if out is not None:
        return into_out(logsumexp(input, dim, keepdim, axis=axis), out)
    cdef bint keeps = keepdim               # evaluated once, and first: __bool__ may run Python code
    cdef TensorBase x = to_float(as_tensor(input, "argument 'input' (position 1)"))
    cdef unsigned int mask = dims_mask(pick(dim, axis), x.ndim)
    cdef TensorBase y = empty_reduced(x.dtype, x, mask, keeps)
    cdef TensorBase source
    cdef Call call
    cdef Node node
    if x.numel == 0:
        copy_into(y, scalar_tensor(-INFINITY, x.dtype))
    else:
        source = arranged(x, mask, &call.shape[0], &call.shape[1], &call.shape[2])
        # Compute: no Python code runs from here on.
        launch(&call, kernels(x.dtype).softmax[LOGSUMEXP], y, source, None)
    if recording(x):
        node = record(&LOGSUMEXP_RULE, y, x)
        node.param[NODE_MASK].i = mask
        node.param[NODE_KEEPDIM].i = keeps
        save(node, 0, x)
        save_output(node, y)
    return y
