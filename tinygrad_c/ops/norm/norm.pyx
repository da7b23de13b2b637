"""Layer, group and batch normalisation: (x - mean) / sqrt(var + eps) * w + b.

One kernel forward and one backward, in kernels/simd/norm.pxi. With create_graph, the backward is composed of recorded ops."""
from tinygrad_c.core.array cimport DTYPE_NAMES, itemsize, shape_of
from tinygrad_c.core.tape cimport *
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.kernels.runtime.dispatch cimport kernels, run
from tinygrad_c.kernels.simd.norm cimport *
from tinygrad_c.kernels.table cimport SUM
from tinygrad_c.ops.elementwise.elementwise cimport *
from tinygrad_c.ops.reduce.reduce cimport mean_over, reduced, sum_over
from tinygrad_c.ops.shape.shape cimport reshape_to

cdef enum:                  # which elements are normalised together (a row)
    LAYER                   # the last dimensions
    GROUP                   # a group of channels of one sample; x is (N, C, *)
    BATCH                   # one channel of all samples

cdef enum:
    ROWS_TOGETHER = 8192    # short rows are grouped into units of that many elements

cdef enum:                  # node.param
    NODE_KIND               # LAYER, GROUP or BATCH
    NODE_NUMBER             # elements of a row (LAYER), or groups (GROUP)
    NODE_EPS
    NODE_WEIGHTED           # whether there is a weight


cdef int describe(Call* call, TensorBase x, int kind, Py_ssize_t number, double eps) except -1:
    """Set up the Call of kernels/simd/norm.pxi. number: elements of a row (LAYER), or groups (GROUP)."""
    cdef Py_ssize_t n = x.shape[0], c, area
    call.inner = NULL
    call.ndim = 3
    call.param[EPS].f = eps
    call.param[ELEMENTWISE_AFFINE].i = kind == LAYER
    call.param[NORM_ROWS].i = 1
    call.param[PERIOD].i, call.param[W_ROW].i, call.param[W_SEG].i = 1, 0, 0
    if kind == LAYER:
        call.shape[0], call.shape[1], call.shape[2] = x.numel // number, 1, number
        call.param[ROW_STRIDE].i, call.param[SEG_STRIDE].i = number, 0
        call.param[NORM_ROWS].i = ROWS_TOGETHER // number if number < ROWS_TOGETHER else 1
    else:
        c = x.shape[1]
        area = x.numel // (n * c)
        call.shape[2] = area
        if kind == GROUP:
            call.shape[0], call.shape[1] = n * number, c // number
            call.param[ROW_STRIDE].i, call.param[SEG_STRIDE].i = c // number * area, area
            call.param[PERIOD].i, call.param[W_ROW].i, call.param[W_SEG].i = number, c // number, 1
        else:
            call.shape[0], call.shape[1] = c, n
            call.param[ROW_STRIDE].i, call.param[SEG_STRIDE].i = area, c * area
            call.param[PERIOD].i, call.param[W_ROW].i = c, 1
    call.units = (call.shape[0] + call.param[NORM_ROWS].i - 1) // call.param[NORM_ROWS].i
    call.work = x.numel // 6
    return 0


cdef int check_norm(TensorBase x, TensorBase w, TensorBase b, int kind, Py_ssize_t number) except -1:
    cdef Py_ssize_t wanted = number if kind == LAYER else x.shape[1] if x.ndim > 1 else 0
    cdef bint wrong = x.dtype < FLOAT32 or number < 1 or wanted < 1
    if kind == LAYER:
        wrong = wrong or x.numel % number
    else:
        wrong = wrong or x.shape[0] == 0 or (kind == GROUP and wanted % number)
    for each in (w, b):
        if each is not None:
            wrong = wrong or (<TensorBase> each).dtype != x.dtype or (<TensorBase> each).numel != wanted
    if wrong:
        computed(x, "norm")             # a dtype that is only stored says so
        raise RuntimeError(f"normalised(): a {DTYPE_NAMES[x.dtype]}Tensor of shape {list(shape_of(x))} does not fit its "
                           f"weight and bias, or {number} elements or groups")
    return 0


cdef int norm_layer_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef TensorBase x = saved(node, 0), stats = saved(node, 2)
    cdef TensorBase w = saved(node, 1) if node.param[NODE_WEIGHTED].i else None
    cdef TensorBase part, dx = None, parts = None
    cdef int kind = <int> node.param[NODE_KIND].i, i
    cdef Py_ssize_t[3] shape
    cdef Py_ssize_t one = 1
    cdef Call call
    if back.create_graph:
        return composed_backward(back, node, g, x, w)
    describe(&call, x, kind, node.param[NODE_NUMBER].i, node.param[NODE_EPS].f)
    g = contiguous(g)
    if back.needs(node, 0):
        dx = empty(x.dtype, x.ndim, x.shape)
    if back.needs(node, 1) or back.needs(node, 2):
        shape[0] = 2
        shape[1] = call.units if kind == LAYER else call.shape[0] if kind == BATCH else x.shape[0]
        shape[2] = call.shape[2] if kind == LAYER else call.shape[1] if kind == BATCH else x.shape[1]
        parts = empty(x.dtype, 3, shape)
    call.kernel = kernels(x.dtype).norm_backward
    call.n_operands = 6
    call.operand[0].data = NULL if dx is None else dx.data
    call.operand[1].data = x.data
    call.operand[2].data = stats.data
    call.operand[3].data = NULL if w is None else w.data
    call.operand[4].data = g.data
    call.operand[5].data = NULL if parts is None else parts.data
    run(&call)
    if parts is not None:
        parts = reduced(SUM, parts, 0b100 if kind == BATCH else 0b010, False)
        for i in (1, 2):
            if back.needs(node, i):
                input_shape(node, i, &call.ndim, call.shape)
                part = view_of(parts, parts.data + (i - 1) * parts.stride[0] * itemsize(x.dtype), 1, &parts.shape[1], &one)
                back.send_grad(node, i, reshape_to(part, call.ndim, call.shape))
    return 0 if dx is None else back.send_grad(node, 0, dx)

cdef Rule LAYER_NORM = Rule(b"NativeLayerNormBackward0", norm_layer_backward)


cdef int composed_backward(BackwardPass back, Node node, TensorBase g, TensorBase x, TensorBase w) except -1:
    """The backward composed of recorded ops, for create_graph. With h = (x - mean) * scale and gw = g * w:
    dx = (gw - mean(gw) - h * mean(gw * h)) * scale;  dw = sum(g * h);  db = sum(g)."""
    cdef Py_ssize_t number = node.param[NODE_NUMBER].i
    cdef Py_ssize_t area = 1 if node.param[NODE_KIND].i == LAYER else x.numel // (x.shape[0] * x.shape[1])
    cdef unsigned int mask = 0b10, spare = 0b01         # the dimensions of a row; those over which w broadcasts
    cdef TensorBase scale, h, gw
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim, i
    if node.param[NODE_KIND].i == LAYER:
        sizes, of_weight = [x.numel // number, number], [number]
    elif node.param[NODE_KIND].i == GROUP:
        sizes, of_weight = [x.shape[0], number, x.shape[1] // number, area], [number, x.shape[1] // number, 1]
        mask, spare = 0b1100, 0b1001
    else:
        sizes, of_weight = [x.shape[0], x.shape[1], area], [x.shape[1], 1]
        mask, spare = 0b101, 0b101
    for i in range(len(sizes)):
        shape[i] = sizes[i]
    gw = g = reshape_to(g, len(sizes), shape)
    h = reshape_to(x, len(sizes), shape)
    h = binary(ROW_SUB, h, mean_over(h, mask, True))
    scale = mean_over(unary(ROW_SQUARE, h, 0, 0), mask, True)
    scale = unary(ROW_RSQRT, binary_scalar(ROW_ADD_NUMBER, scale, node.param[NODE_EPS].f), 0, 0)
    h = binary(ROW_MUL, h, scale)
    for i, value in ((1, binary(ROW_MUL, g, h)), (2, g)):
        if back.needs(node, i):
            input_shape(node, i, &ndim, shape)
            value = reshape_to(sum_over(value, spare, False), ndim, shape)
            back.send_grad(node, i, linked(value, None) if i == 1 else value)
    if back.needs(node, 0):
        if w is not None:
            for i in range(len(of_weight)):
                shape[i] = of_weight[i]
            gw = binary(ROW_MUL, g, reshape_to(w, len(of_weight), shape))
        h = binary(ROW_MUL, h, mean_over(binary(ROW_MUL, gw, h), mask, True))
        h = binary(ROW_MUL, binary(ROW_SUB, binary(ROW_SUB, gw, mean_over(gw, mask, True)), h), scale)
        back.send_grad(node, 0, reshape_to(h, x.ndim, x.shape))
    return 0


def normalised(input, weight, bias, double eps, str kind, Py_ssize_t number):
    """(x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance of each row, which are not recorded.

    kind "layer": a row is the last `number` elements; weight and bias have that many. "group": x is (N, C, *); a row is one of
    the `number` groups of a sample's channels. "batch": a row is a channel of all samples. For the last two, weight and bias
    are (C). Both may be None.

    >>> normalised(tinygrad_c.tensor([[1., 3.]]), None, None, 0., "layer", 2)
    (tensor([[-1.,  1.]]), tensor([2.]), tensor([1.]))
    """
    cdef TensorBase x = contiguous(as_tensor(input, "argument 'input' (position 1)"))
    cdef TensorBase w = None if weight is None else contiguous(as_tensor(weight, "argument 'weight' (position 2)"))
    cdef TensorBase b = None if bias is None else contiguous(as_tensor(bias, "argument 'bias' (position 3)"))
    cdef TensorBase out, stats
    cdef int which = LAYER if kind == "layer" else GROUP if kind == "group" else BATCH
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t one = 1
    cdef Call call
    cdef Node node
    check_norm(x, w, b, which, number)
    out = empty(x.dtype, x.ndim, x.shape)
    describe(&call, x, which, number, eps)
    shape[0], shape[1] = 2, call.shape[0]
    stats = empty(x.dtype, 2, shape)
    # Compute: no Python code runs from here on.
    call.kernel = kernels(x.dtype).norm
    call.n_operands = 5
    call.operand[0].data = out.data
    call.operand[1].data = x.data
    call.operand[2].data = stats.data
    call.operand[3].data = NULL if w is None else w.data
    call.operand[4].data = NULL if b is None else b.data
    run(&call)
    if recording(x) or (w is not None and recording(w)) or (b is not None and recording(b)):
        node = record(&LAYER_NORM, out, x)
        if which != LAYER:
            node.label = b"NativeGroupNormBackward0" if which == GROUP else b"NativeBatchNormBackward0"
        node.param[NODE_KIND].i, node.param[NODE_NUMBER].i, node.param[NODE_EPS].f = which, number, eps
        node.param[NODE_WEIGHTED].i = w is not None
        save(node, 0, x)
        save(node, 2, stats)
        if w is not None:
            node.edge1 = edge_of(w)
            save(node, 1, w)
        if b is not None:
            node.edge2 = edge_of(b)
        if which == LAYER or (which == BATCH and (node.edge0 is not None or node.edge1 is not None)):
            node.graph = GRAPH_ALWAYS
    return (out, view_of(stats, stats.data, 1, &shape[1], &one),
            view_of(stats, stats.data + shape[1] * itemsize(x.dtype), 1, &shape[1], &one))
