"""Set up the Call of an elementwise kernel: broadcast shapes, merge dimensions, choose tiles; part of elementwise.pyx."""


cdef int broadcast_shapes(TensorBase a, TensorBase b, int* ndim, Py_ssize_t* shape) except -1:
    """The broadcast shape: the shapes are aligned at the last dimension, and a size of 1 expands to the other's size."""
    cdef int n = a.ndim if a.ndim > b.ndim else b.ndim
    cdef int d, i, j
    cdef Py_ssize_t x, y
    for d in range(n):
        i = a.ndim - n + d
        j = b.ndim - n + d
        x = a.shape[i] if i >= 0 else 1
        y = b.shape[j] if j >= 0 else 1
        if x != y and x != 1 and y != 1:
            raise RuntimeError(
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {d}: the shapes "
                f"are {list(shape_of(a))} and {list(shape_of(b))}")
        shape[d] = y if x == 1 else x
    ndim[0] = n
    return 0


cdef void copy_layout(TensorBase out, TensorBase a) noexcept:
    """Give the new tensor out the strides of a, if a is dense but not in C order (a transpose). Then the loop reads and writes
    memory in order. PyTorch does the same."""
    if not a.contiguous and same_shape(a, out) and is_dense(a):
        memcpy(out.stride, a.stride, a.ndim * sizeof(Py_ssize_t))
        out.contiguous = False


cdef inline void broadcast_operand(Operand* o, TensorBase a, int ndim, const Py_ssize_t* shape) noexcept:
    """Describe an operand broadcast to the given shape, with stride 0 in broadcast dimensions."""
    cdef int offset = ndim - a.ndim
    cdef int d
    o.data = a.data
    o.itemsize = itemsize(a.dtype)
    for d in range(ndim):
        o.stride[d] = 0 if d < offset or (a.shape[d - offset] == 1 and shape[d] != 1) else a.stride[d - offset]


cdef void coalesce(Call* c) noexcept:
    """Merge adjacent dimensions if every operand's strides allow it; drop dimensions of size 1."""
    cdef int d, i
    cdef int n = 0
    cdef bint merges
    for d in range(c.ndim):
        if c.shape[d] == 1:
            continue
        merges = n > 0
        for i in range(c.n_operands):
            if not merges:
                break
            merges = c.operand[i].stride[n - 1] == c.operand[i].stride[d] * c.shape[d]
        if merges:
            c.shape[n - 1] *= c.shape[d]
        else:
            c.shape[n] = c.shape[d]
            n += 1
        for i in range(c.n_operands):
            c.operand[i].stride[n - 1] = c.operand[i].stride[d]
    if n == 0:
        c.shape[0] = 1
        n = 1
        for i in range(c.n_operands):
            c.operand[i].stride[0] = 1
    c.ndim = n


cdef inline void swap_dims(Call* c, int d, int e) noexcept:
    cdef int i
    c.shape[d], c.shape[e] = c.shape[e], c.shape[d]
    for i in range(c.n_operands):
        c.operand[i].stride[d], c.operand[i].stride[e] = c.operand[i].stride[e], c.operand[i].stride[d]


cdef void sort_by_output_stride(Call* c) noexcept:
    """Sort the dimensions by the output's strides, the smallest last, and merge again."""
    cdef int d, e
    for d in range(1, c.ndim):
        e = d
        while e > 0 and step_of(c, 0, e - 1) < step_of(c, 0, e):
            swap_dims(c, e - 1, e)
            e -= 1
    coalesce(c)


cdef inline Py_ssize_t step_of(const Call* c, int operand, int d) noexcept:
    cdef Py_ssize_t step = c.operand[operand].stride[d]
    return step if step >= 0 else -step


cdef void tile(Call* c, Kernels* table) noexcept:
    """If an input has a smaller stride across the output's rows than along them, use the tiled kernel (simd/tiles.pxi)."""
    cdef int last = c.ndim - 1
    cdef int i, d, across = last
    cdef Py_ssize_t rows, panels = 1
    for i in range(1, c.n_operands):
        if step_of(c, i, last) > 1:
            for d in range(last):
                if c.shape[d] >= 4 and 0 < step_of(c, i, d) < step_of(c, i, across):
                    across = d
            if across != last:
                break
    if across == last:
        return
    for d in range(across, last - 1):
        swap_dims(c, d, d + 1)
    rows = min(c.shape[last - 1], LOOP_BLOCK // min(c.shape[last], 2 * LOOP_ALIGN if c.inner != NULL else LOOP_ALIGN))
    if rows > LOOP_ALIGN:
        rows &= ~(LOOP_ALIGN - 1)
    for d in range(last - 1):
        panels *= c.shape[d]
    c.kernel = table.tiles
    c.param[TILE_PARAM_ROWS].i = rows
    c.units = panels * ((c.shape[last - 1] + rows - 1) // rows)


cdef void launch(inner_t inner, Kernels* table, TensorBase out, int n_inputs, PyObject** inputs, const Scalar* param,
                 int n_params, int tenths) noexcept:
    """Run an elementwise kernel, with the inputs broadcast to out. `tenths`: its cost per element in tenths of a nanosecond."""
    cdef Call c
    cdef TensorBase a
    cdef int i
    cdef char* p[MAX_OPERANDS]
    cdef bint flat = out.contiguous
    cdef bint same_size = flat      # all operands are contiguous and of out's size
    if out.numel == 0:
        return
    p[0] = out.data
    for i in range(n_inputs):       # no variable for the input: it would cost an incref and a decref
        p[1 + i] = (<TensorBase> inputs[i]).data
        if not (<TensorBase> inputs[i]).contiguous or (<TensorBase> inputs[i]).numel != out.numel:
            same_size = False
            flat = flat and (<TensorBase> inputs[i]).numel == 1
    c.work = out.numel * tenths // 10
    if same_size and c.work < TINY_WORK and inner != NULL:
        inner(out.numel, p, param)  # the same result as run(), without its overhead
        return
    c.kernel = table.loop
    c.inner = inner
    c.units = (out.numel + ELEMENT_BLOCK - 1) // ELEMENT_BLOCK
    c.n_operands = 1 + n_inputs
    for i in range(n_params):
        c.param[i] = param[i]
    if flat:
        c.ndim = 1
        c.shape[0] = out.numel
        c.operand[0].data = out.data
        c.operand[0].itemsize = itemsize(out.dtype)
        c.operand[0].stride[0] = 1
        for i in range(n_inputs):
            a = <TensorBase> inputs[i]
            c.operand[1 + i].data = a.data
            c.operand[1 + i].itemsize = itemsize(a.dtype)
            c.operand[1 + i].stride[0] = 1 if a.numel == out.numel else 0
    else:
        c.ndim = out.ndim
        memcpy(c.shape, out.shape, out.ndim * sizeof(Py_ssize_t))
        fill_operand(&c.operand[0], out)
        for i in range(n_inputs):
            broadcast_operand(&c.operand[1 + i], <TensorBase> inputs[i], out.ndim, out.shape)
        coalesce(&c)
        if not out.contiguous:
            sort_by_output_stride(&c)
        if c.ndim > 1 and out.numel >= LOOP_BLOCK:
            tile(&c, table)
    run(&c)


cdef inline int cost(const Row* row) noexcept:
    return 40 if row.plain else 8 if row.composed else 4 if row.kind == KIND_FLOATS else 1


cdef inline inner_t kernel_of(const Row* row, int dtype) noexcept:
    return scalar_kernel(dtype, row.forward) if row.composed else kernels(dtype).inner[row.forward]
