"""Convolution: im2col for a few samples at a time, so that the columns stay in cache, times the weight; part of unfold.pyx."""

cdef enum:
    COLUMNS_BYTES = 1 << 19     # bytes of columns at a time; more with several threads, which changes no result
    LEAST_PLACES = 64           # at least so many window positions at a time
    PER_SAMPLE = 1 << 18            # elements: up to here each sample has its own weight gradient, and samples are independent

cdef enum:                      # node.param
    NODE_GROUPS

ctypedef struct Sizes:
    Py_ssize_t samples
    Py_ssize_t together         # samples at a time
    Py_ssize_t groups
    Py_ssize_t planes           # channels of a sample
    Py_ssize_t o                # output channels of a group
    Py_ssize_t k                # elements of the window that each of them is computed from
    Py_ssize_t places           # window positions
    Py_ssize_t width            # window positions in a row
    Py_ssize_t rows             # rows of positions at a time, if a sample has too many columns
    Py_ssize_t now              # positions in the current columns
    Py_ssize_t item             # bytes
    bint direct                 # 1 x 1 windows: the planes are the columns


cdef Sizes sizes_of(TensorBase x, TensorBase w, Geometry geometry, Py_ssize_t groups, bint in_parts):
    """in_parts: whether a sample may be computed a few rows of window positions at a time."""
    cdef Sizes s
    cdef Py_ssize_t height = geometry.places[0], bands, budget, threads = get_num_threads()
    s.samples, s.planes, s.groups = x.shape[0], x.shape[1], groups
    s.o = w.shape[0] // groups
    s.k = w.numel // max(w.shape[0], 1)
    s.places = geometry.places[0] * geometry.places[1]
    s.item = itemsize(x.dtype)
    s.direct = geometry.kernel == (1, 1) and geometry.stride == (1, 1) and geometry.padding == (0, 0)
    s.width, s.rows, s.now = geometry.places[1], max(height, 1), s.places
    budget = COLUMNS_BYTES * (1 if threads == 1 else 2 * min(threads, 8))
    s.together = max(1, min(s.samples, budget // max(1, groups * s.k * s.places * s.item)))
    if s.direct:
        s.together = s.samples
    elif in_parts and groups * s.k * s.places * s.item > 2 * COLUMNS_BYTES:
        s.rows = COLUMNS_BYTES // (groups * s.k * s.width * s.item)
        s.rows = min(max(s.rows, (LEAST_PLACES + s.width - 1) // s.width, 1), height)
        bands = (height + s.rows - 1) // s.rows
        s.rows = (height + bands - 1) // bands
    return s


cdef TensorBase columns_buffer(const Sizes* s, int dtype):
    cdef Py_ssize_t n = s.together * s.groups * s.k * s.rows * s.width
    return None if s.direct else empty(dtype, 1, &n)


cdef inline char* sample(TensorBase x, Py_ssize_t first) noexcept:
    """The address of a sample of a contiguous batch."""
    return x.data + first * x.stride[0] * itemsize(x.dtype)


cdef int move(kernel_t kernel, const Sizes* s, Geometry geometry, char* to, char* source, Py_ssize_t n, Py_ssize_t top,
              int dtype) except -1:
    """Run im2col or fold on n samples, for the window positions from row `top` on."""
    cdef Call call
    call.kernel = kernel
    call.inner = kernels(dtype).inner[K_ADD]
    call.n_operands = 2
    geometry.fill(&call, n * s.planes, n * s.groups * s.k * s.now)
    call.shape[kernels_of_windows.OUT_H] = s.now // s.width if s.width else 0
    call.param[kernels_of_windows.PADDING_H].i -= top * call.param[kernels_of_windows.STRIDE_H].i
    call.operand[0].data, call.operand[1].data = to, source
    call.operand[0].itemsize = s.item
    run(&call)
    return 0


cdef char* columns_at(Sizes* s, Geometry geometry, TensorBase x, TensorBase buffer, Py_ssize_t first, Py_ssize_t n,
                      Py_ssize_t top) except NULL:
    """The columns of n samples from `first` on, for some rows of window positions from `top` on."""
    s.now = min(s.rows * s.width, s.places - top * s.width)
    if s.direct:
        return sample(x, first)
    move(kernels_of_windows.columns, s, geometry, buffer.data, sample(x, first), n, top, x.dtype)
    return buffer.data


cdef int to_results(const Sizes* s, TensorBase w, const char* seen, char* y, Py_ssize_t n, Py_ssize_t top) except -1:
    """y = w @ columns, from row `top` of the window positions on. y is (n, groups * o, places)."""
    cdef Gemm g
    g.dtype, g.accumulate = w.dtype, False
    g.m, g.n, g.k = s.o, s.now, s.k
    g.a, g.a_batch, g.a_row, g.a_col = w.data, s.o * s.k, s.k, 1
    g.b, g.b_batch, g.b_row, g.b_col = seen, s.k * s.now, s.now, 1
    g.c, g.c_batch, g.c_row = y + top * s.width * s.item, s.o * s.places, s.places
    return multiply(s, &g, n, 0, s.groups * g.b_batch, s.groups * g.c_batch)


cdef int multiply(const Sizes* s, Gemm* g, Py_ssize_t n, Py_ssize_t a_step, Py_ssize_t b_step, Py_ssize_t c_step) except -1:
    """The products of n samples. g is the first sample's: its batch strides lead from group to group, the steps from sample to
    sample. If c_step is 0, all products are added to C."""
    cdef Py_ssize_t i
    g.bias, g.bias_stride, g.activation, g.then = NULL, 0, 0, NULL
    if s.groups == 1 and c_step:
        g.batch, g.a_batch, g.b_batch, g.c_batch = n, a_step, b_step, c_step
        return gemm(g)
    g.batch = s.groups
    for i in range(n):
        gemm(g)
        g.a += a_step * s.item
        g.b += b_step * s.item
        g.c += c_step * s.item
        if c_step == 0:
            g.accumulate = True
    return 0


cdef TensorBase flipped(TensorBase w, Py_ssize_t groups):
    """The weight of the convolution that computes dL/dx: (groups * o, c, kh, kw) to (groups * c, o, kh, kw), each window
    reversed. Applied twice, it is the identity."""
    cdef Py_ssize_t o = w.shape[0] // groups, c = w.shape[1], area = w.shape[2] * w.shape[3]
    if w.numel == 0:
        return zeros(w.dtype, 4, [groups * c, o, w.shape[2], w.shape[3]])
    return reshape_to(copy_of(view_of(w, w.data + (area - 1) * itemsize(w.dtype), 4, [groups, c, o, area],
                                      [o * c * area, area, c * area, -1])), 4, [groups * c, o, w.shape[2], w.shape[3]])


cdef int convolution_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """For y = w @ columns(x) + b:  dL/dx = fold(w.T @ g),  dL/dw = g @ columns(x).T,  dL/db = g summed over the rest.

    With stride 1, dL/dx is also a convolution of g with the flipped weight, and dL/dw, flipped, is x @ columns(g).T: both use
    the same columns, and no fold is needed.
    """
    cdef Geometry geometry = node.extra
    cdef TensorBase x, w, buffer, seen, rows, dx = None, dw = None
    cdef Py_ssize_t groups = node.param[NODE_GROUPS].i, first = 0, n, size, step = 0, top = 0
    cdef bint flip = False
    cdef Sizes s
    cdef Gemm m
    if back.needs(node, 2):
        back.send_grad(node, 2, sum_over(g, 0b1101, False))
    if not back.needs(node, 0) and not back.needs(node, 1):
        return 0
    x, w = saved(node, 0), saved(node, 1)
    if back.create_graph:
        return composed_backward(back, node, g, x, w)
    g, x, w = contiguous(g), alias(x), alias(w)
    if back.needs(node, 0):
        dx = empty(x.dtype, 4, x.shape)
    padding = [(k - 1) * d - p for k, d, p in zip(geometry.kernel, geometry.dilation, geometry.padding)]
    if geometry.stride == (1, 1) and min(padding) >= 0:        # the variant with fewer columns
        flip = w.shape[0] // groups < w.shape[1] * (1 if dx is None else 3 if back.needs(node, 1) else 2)
    if flip:
        geometry = Geometry(geometry.places, geometry.kernel, (1, 1), padding, geometry.dilation, geometry.size)
        w, seen, rows = flipped(w, groups), g, x
    else:
        seen, rows = x, g
    s = sizes_of(seen, w, geometry, groups, dx is None or flip)
    buffer = columns_buffer(&s, x.dtype)
    size = w.numel
    if back.needs(node, 1):
        if s.samples * size <= PER_SAMPLE:
            step = size
            dw = empty(x.dtype, 2, [s.samples, size])
        else:
            dw = zeros(w.dtype, 4, w.shape)
    m.dtype = x.dtype
    while first < s.samples:
        n = min(s.together, s.samples - first)
        if dw is not None or flip:
            columns_at(&s, geometry, seen, buffer, first, n, top)
        if dw is not None:
            m.accumulate = step == 0 or top > 0
            m.m, m.n, m.k = s.o, s.k, s.now
            m.a, m.a_batch, m.a_row, m.a_col = sample(rows, first) + top * s.width * s.item, s.o * s.places, s.places, 1
            m.b, m.b_batch, m.b_row, m.b_col = sample(seen, first) if s.direct else buffer.data, s.k * s.now, 1, s.now
            m.c, m.c_batch, m.c_row = dw.data + first * step * s.item, s.o * s.k, s.k
            multiply(&s, &m, n, s.groups * m.a_batch, s.groups * m.b_batch, step)
        if dx is not None and flip:
            to_results(&s, w, sample(seen, first) if s.direct else buffer.data, sample(dx, first), n, top)
        elif dx is not None:
            m.accumulate = False
            m.m, m.n, m.k = s.k, s.places, s.o
            m.a, m.a_batch, m.a_row, m.a_col = w.data, s.o * s.k, 1, s.k
            m.b, m.b_batch, m.b_row, m.b_col = sample(g, first), s.o * s.places, s.places, 1
            m.c, m.c_batch, m.c_row = sample(dx, first) if s.direct else buffer.data, s.k * s.places, s.places
            multiply(&s, &m, n, 0, s.groups * m.b_batch, s.groups * m.c_batch)
            if not s.direct:
                move(kernels_of_windows.fold, &s, geometry, sample(dx, first), buffer.data, n, 0, x.dtype)
        top += s.rows
        if top >= geometry.places[0]:
            first, top = first + n, 0
    if dw is not None:
        dw = reshape_to(sum_over(dw, 1, False), 4, w.shape) if step else dw
        back.send_grad(node, 1, flipped(dw, groups) if flip else dw)
    return 0 if dx is None else back.send_grad(node, 0, dx)

cdef Rule CONVOLUTION = Rule(b"ConvolutionBackward0", convolution_backward)


cdef int composed_backward(BackwardPass back, Node node, TensorBase g, TensorBase x, TensorBase w) except -1:
    """The same from recorded operations, for create_graph=True."""
    cdef Geometry geometry = node.extra
    cdef TensorBase seen
    cdef Sizes s = sizes_of(x, w, geometry, node.param[NODE_GROUPS].i, False)
    g = reshape_to(g, 4, [s.samples, s.groups, s.o, s.places])
    if back.needs(node, 1):
        seen = reshape_to(columns(x, geometry), 4, [s.samples, s.groups, s.k, s.places])
        back.send_grad(node, 1, reshape_to(sum_over(matmul(g, transpose_dims(seen, 2, 3)), 1, False), 4, w.shape))
    if back.needs(node, 0):
        seen = matmul(transpose_dims(reshape_to(w, 3, [s.groups, s.o, s.k]), 1, 2), g)
        back.send_grad(node, 0, fold(reshape_to(seen, 3, [s.samples, s.groups * s.k, s.places]), geometry))
    return 0


def convolution(input, weight, bias, Geometry geometry not None, Py_ssize_t groups):
    """y[n, o, i] = b[o] + the sum of weight[o] * (window i of sample n). Shapes and dtypes must fit.

    input (N, C, H, W), weight (O, C / groups, kh, kw), bias (O) or None; the result is (N, O, oh, ow).
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if lacks_kernels(x.dtype):
        return narrowed(convolution(computed(x, "conv"), computed(weight, "conv"),
                                    None if bias is None else computed(bias, "conv"), geometry, groups), x.dtype)
    x = planes_of(x, geometry)
    cdef TensorBase w = contiguous(as_tensor(weight, "argument 'weight' (position 2)"))
    cdef TensorBase b = None if bias is None else as_tensor(bias, "argument 'bias' (position 3)")
    cdef TensorBase out, buffer, given_x, given_w
    cdef Py_ssize_t[4] shape
    cdef Py_ssize_t first = 0, n, top = 0
    cdef Sizes s
    cdef Node node
    if w.ndim != 4 or w.dtype != x.dtype or (b is not None and (b.dtype != x.dtype or b.numel != w.shape[0])) or groups < 1 \
            or w.shape[0] % groups or w.shape[1] != x.shape[1] // groups or x.shape[1] % groups \
            or (w.shape[2], w.shape[3]) != geometry.kernel:
        raise RuntimeError(f"a weight of shape {list(shape_of(w))} and {DTYPE_NAMES[w.dtype]} does not fit an input of shape "
                           f"{list(shape_of(x))} and {DTYPE_NAMES[x.dtype]} in {groups} groups, or the bias does not fit it")
    given_x, given_w = x, w
    x, w = alias(x), alias(w)           # other threads may run x.data = y between the kernels
    s = sizes_of(x, w, geometry, groups, True)
    shape[0], shape[1], shape[2], shape[3] = s.samples, w.shape[0], geometry.places[0], geometry.places[1]
    out = empty(x.dtype, 4, shape)
    buffer = columns_buffer(&s, x.dtype)
    while first < s.samples:
        n = min(s.together, s.samples - first)
        to_results(&s, w, columns_at(&s, geometry, x, buffer, first, n, top), sample(out, first), n, top)
        top += s.rows
        if top >= shape[2]:
            first, top = first + n, 0
    if b is not None:
        before = set_grad(False)
        add_into(out, reshape_to(b, 3, [shape[1], 1, 1]))
        set_grad(before)
    if x.dtype >= FLOAT32 and (recording(given_x) or recording(given_w) or (b is not None and recording(b))):
        node = (record2(&CONVOLUTION, out, given_x, given_w) if b is None
                else record3(&CONVOLUTION, out, given_x, given_w, b))
        if node.edge0 is not None or node.edge1 is not None:
            node.graph = GRAPH_ALWAYS
        node.param[NODE_GROUPS].i = groups
        node.extra = geometry
        save(node, 0, given_x if given_x.storage is x.storage else x)
        save(node, 1, given_w if given_w.storage is w.storage else w)
    return out
