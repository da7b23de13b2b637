"""Parsing an index key into a Plan; part of index.pyx."""


cdef class Plan:
    """The elements that x[key] selects: a view of x, and, if the key has index tensors, offsets within that view.

    Offsets and strides are kept twice: for x's own strides, and as if x were contiguous, because its gradient is.
    """
    cdef int ndim                               # of the view that the ints, slices and Nones make
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[2][MAX_NDIM] stride         # [0] in memory, [1] as if contiguous
    cdef Py_ssize_t[2] start                    # the view's first element
    cdef bint has_int                            # the key has ints: SelectBackward0, not SliceBackward0
    cdef list index                             # int64 tensors, and which dimension of the view (of x) each one indexes
    cdef list dims
    cdef list source_dims
    cdef int at                                 # where the index tensors' dimensions stand in the result, and
    cdef int count                              # their number
    cdef int out_ndim                           # the result's shape
    cdef Py_ssize_t[MAX_NDIM] out_shape
    cdef int row_ndim                           # a row: the dimensions that are not indexed, their strides in the result
    cdef Py_ssize_t[MAX_NDIM] row_shape
    cdef Py_ssize_t[MAX_NDIM] row_stride
    cdef Py_ssize_t[2][MAX_NDIM] row_source     # and in x
    cdef Py_ssize_t step                        # stride from one row to the next in the result
    cdef Py_ssize_t rows
    cdef unsigned int generation                # of x when the plan was made,
    cdef Py_ssize_t numel                       # and its size then
    cdef bint wraps                             # negative indices count from the end
    cdef TensorBase offsets                     # int64, one per row, in memory, and
    cdef TensorBase flat_offsets                # as if contiguous; made when needed

    cdef int start_from(self, TensorBase x) except -1:
        self.start[IN_MEMORY] = self.start[FLAT] = 0
        self.ndim = 0
        self.index = None
        self.has_int = False
        self.wraps = True
        self.generation = x._generation
        self.numel = x.numel
        return 0

    cdef int check_same(self, TensorBase x, int which) except -1:
        """Checked last, right before the memory is used: a finaliser run by the garbage collector may have given x other
        storage or another shape."""
        if x.numel != self.numel or (which == IN_MEMORY and x._generation != self.generation):
            raise RuntimeError("the shape or the storage of a tensor was changed while it was indexed")
        return 0

    cdef int add_dim(self, Py_ssize_t size, Py_ssize_t stride, Py_ssize_t flat_stride) except -1:
        if self.ndim == MAX_NDIM:
            raise IndexError(f"an index cannot make more than {MAX_NDIM} dimensions")
        self.shape[self.ndim] = size
        self.stride[IN_MEMORY][self.ndim] = stride
        self.stride[FLAT][self.ndim] = flat_stride
        self.ndim += 1
        return 0

    cdef int add_index(self, TensorBase index, int dim) except -1:
        """The next dimension to be added is indexed; `dim` is its position in x."""
        if self.index is None:
            self.index, self.dims, self.source_dims = [], [], []
        self.index.append(index)
        self.dims.append(self.ndim)
        self.source_dims.append(dim)
        return 0


cdef inline void flat_strides(TensorBase x, Py_ssize_t* stride) noexcept:
    cdef Py_ssize_t n = 1
    cdef int d
    for d in range(x.ndim - 1, -1, -1):
        stride[d] = n
        n *= x.shape[d]


cdef TensorBase index_tensor(object key):
    """The index tensor of a part of the key that is not an int, slice, None or Ellipsis."""
    cdef TensorBase index
    if isinstance(key, TensorBase):
        index = key
    elif isinstance(key, (list, tuple, range)) or hasattr(key, "__array__"):
        index = tensor(list(key) if isinstance(key, range) else key)
        if index.numel == 0 and index.dtype >= FLOAT32 and not hasattr(key, "__array__"):
            index = to_dtype(index, INT64)
    else:
        raise (IndexError if is_number(key) else TypeError)(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(key).__name__})")
    if index.dtype >= FLOAT32 or lacks_kernels(index.dtype):
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {DTYPE_NAMES[index.dtype]}: "
                         "call .long()")
    return index


cdef inline bint is_mask(TensorBase index) noexcept:
    return index.dtype == BOOL or index.dtype == UINT8


cdef int raise_out_of_bounds(object index, int dim, Py_ssize_t size) except -1:
    raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")


cdef Py_ssize_t wrapped(object key, int dim, Py_ssize_t size) except -1:
    cdef Py_ssize_t i = 0
    try:
        i = key
    except OverflowError:
        raise_out_of_bounds(key, dim, size)
    if i < -size or i >= size:
        raise_out_of_bounds(key, dim, size)
    return i + size if i < 0 else i


cdef object plain_slice(object key):
    """The slice with bounds that are None or int: other objects are converted with __index__ here."""
    cdef PySliceObject* s = <PySliceObject*> key
    if not (is_plain(s.start) and is_plain(s.stop) and is_plain(s.step)):
        key = slice(*[each if each is None else index_of(each) for each in (key.start, key.stop, key.step)])
        s = <PySliceObject*> key
    if <object> s.step is not None and <object> s.step == 0:
        raise ValueError("slice step cannot be zero: it must be greater than zero, or negative")
    return key


cdef inline bint is_plain(PyObject* bound) noexcept:
    return <object> bound is None or type(<object> bound) is int


cdef Plan parse(TensorBase x, object key):
    cdef Plan plan = Plan.__new__(Plan)
    cdef Py_ssize_t[MAX_NDIM] flat
    cdef tuple keys = <tuple> key if type(key) is tuple else (key,)
    cdef list parts = []
    cdef int d = 0, used = 0, i
    cdef bint dots = False
    cdef Py_ssize_t begin, stop, step, n
    cdef TensorBase index, coordinates
    for part in keys:
        if part is None:
            pass
        elif part is Ellipsis:
            if dots:
                raise IndexError("an index can only have a single ellipsis ('...')")
            dots = True
        elif isinstance(part, bool):
            part = tensor(part)
        elif PySlice_Check(part):
            part = plain_slice(part)
            used += 1
        elif type(part) is int:
            used += 1
        elif not isinstance(part, TensorBase) and not hasattr(part, "__len__") and hasattr(part, "__index__"):
            part = index_of(part)           # a NumPy integer
            used += 1
        else:
            index = index_tensor(part)
            if index.ndim == 0 and not is_mask(index):
                part = index.item()
                used += 1
            else:
                part = index
                used += index.ndim if is_mask(index) else 1
        parts.append(part)
    plan.start_from(x)                  # from here on no Python code runs
    flat_strides(x, flat)
    if used > x.ndim:
        if x.ndim == 0:
            raise IndexError("invalid index of a 0-dim tensor: too many indices. Use `tensor.item()` to convert a 0-dim tensor "
                             "to a number")
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")

    for part in parts:
        if part is None:
            plan.add_dim(1, 0, 0)
        elif part is Ellipsis:
            i = d + x.ndim - used
            while d < i:
                plan.add_dim(x.shape[d], x.stride[d], flat[d])
                d += 1
        elif PySlice_Check(part):
            PySlice_Unpack(part, &begin, &stop, &step)
            n = PySlice_AdjustIndices(x.shape[d], &begin, &stop, step)
            if n > 0:
                plan.start[IN_MEMORY] += begin * x.stride[d]
                plan.start[FLAT] += begin * flat[d]
            plan.add_dim(n, step * x.stride[d], step * flat[d])
            d += 1
        elif not isinstance(part, TensorBase):
            n = wrapped(part, d, x.shape[d])
            plan.start[IN_MEMORY] += n * x.stride[d]
            plan.start[FLAT] += n * flat[d]
            plan.has_int = True
            d += 1
        elif is_mask(part):
            index = part
            if index.ndim == 0:             # x[True] is x[None]; x[False] is x[None] with size 0
                refuse(b"the size of a result depends on the values of a mask: use where()")
                n = (<uint8_t*> index.data)[0] != 0
                plan.add_index(zeros(INT64, 1, &n), d)
                plan.add_dim(1, 0, 0)
                continue
            for i in range(index.ndim):
                if index.shape[i] != x.shape[d + i]:
                    raise IndexError(f"The shape of the mask {list(shape_of(index))} at index {i} does not match the shape of "
                                     f"the indexed tensor {list(shape_of(x))} at index {d + i}")
            for coordinates in nonzero_indices(index):
                plan.add_index(coordinates, d)
                plan.add_dim(x.shape[d], x.stride[d], flat[d])
                d += 1
        else:
            plan.add_index(part, d)
            plan.add_dim(x.shape[d], x.stride[d], flat[d])
            d += 1
    while d < x.ndim:
        plan.add_dim(x.shape[d], x.stride[d], flat[d])
        d += 1
    if plan.index is not None:
        arrange(plan)
    return plan


cdef int arrange(Plan plan) except -1:
    """Broadcast the index tensors, check their bounds and compute the layout of the result."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim = 0, d, i, n
    cdef TensorBase index, common
    cdef bint[MAX_NDIM] indexed
    cdef Py_ssize_t step = 1
    if len(plan.index) > 1:
        common = plan.index[0]
        for index in plan.index[1:]:
            try:
                broadcast_shapes(common, index, &ndim, shape)
            except RuntimeError:
                raise IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                                 + ", ".join([str(list(shape_of(each))) for each in plan.index])) from None
            common = empty_index(ndim, shape)
        plan.index = [index if same_shape(index, common) else expand_to(index, ndim, shape) for index in plan.index]
    plan.index = [dense_index(index) for index in plan.index]
    index = plan.index[0]
    for d in range(MAX_NDIM):
        indexed[d] = False
    for i in plan.dims:
        indexed[i] = True
    plan.at = plan.dims[0]
    for i, n in enumerate(plan.dims):
        if n != plan.at + i:
            plan.at = 0                     # not adjacent: in front
            break
    plan.count = index.ndim
    plan.rows = index.numel
    for i, d in enumerate(plan.dims):
        check_bounds(plan.index[i], plan.source_dims[i], plan.shape[d])

    plan.out_ndim = plan.ndim - len(plan.dims) + index.ndim
    if plan.out_ndim > MAX_NDIM:
        raise IndexError(f"an index cannot make more than {MAX_NDIM} dimensions")
    plan.row_ndim = 0
    for d in range(plan.ndim):
        if not indexed[d]:
            plan.row_shape[plan.row_ndim] = plan.shape[d]
            plan.row_source[IN_MEMORY][plan.row_ndim] = plan.stride[IN_MEMORY][d]
            plan.row_source[FLAT][plan.row_ndim] = plan.stride[FLAT][d]
            plan.row_ndim += 1
    for d in range(plan.out_ndim):
        if d < plan.at:
            plan.out_shape[d] = plan.row_shape[d]
        elif d < plan.at + plan.count:
            plan.out_shape[d] = index.shape[d - plan.at]
        else:
            plan.out_shape[d] = plan.row_shape[d - plan.count]
    for d in range(plan.row_ndim - 1, -1, -1):
        if d == plan.at - 1:
            plan.step = step
            step *= plan.rows
        plan.row_stride[d] = step
        step *= plan.row_shape[d]
    if plan.at == 0:
        plan.step = step
    return 0


cdef TensorBase empty_index(int ndim, const Py_ssize_t* shape):
    """A tensor of the given shape and stride 0; only its shape is used."""
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int d
    for d in range(ndim):
        stride[d] = 0
    cdef TensorBase one = zeros(INT64, 0, NULL)
    return view_of(one, one.data, ndim, shape, stride)


cdef TensorBase dense_index(TensorBase index):
    index = to_dtype(index, INT64)
    return index if index.contiguous else copy_of(index)


cdef int check_bounds(TensorBase index, int dim, Py_ssize_t size) except -1:
    cdef const int64_t* p = <const int64_t*> index.data
    cdef Py_ssize_t i
    cdef bint wrong = False
    for i in range(index.numel):
        wrong |= p[i] < -size or p[i] >= size
    if wrong:
        for i in range(index.numel):
            if p[i] < -size or p[i] >= size:
                raise_out_of_bounds(p[i], dim, size)
        raise_out_of_bounds("(changed by another thread meanwhile)", dim, size)
    return 0


cdef bint run_offsets(Call* call, TensorBase to, TensorBase index, Py_ssize_t size, Py_ssize_t along, Py_ssize_t start,
                      bint wraps, bint adds) except -1:
    """Run the kernel, whose shape and strides are set. Whether an index is out of bounds; a program ends there."""
    cdef int64_t wrong = 0
    cdef TensorBase kept = None
    if recorder != NULL:
        kept = empty(INT64, 0, NULL)
    call.kernel, call.inner, call.n_operands, call.units = movers.offsets, NULL, 3, 1
    call.work = index.numel
    call.operand[0].data, call.operand[0].itemsize = to.data, sizeof(int64_t)
    call.operand[1].data = index.data
    call.operand[2].data = <char*> &wrong if kept is None else kept.data
    call.param[movers.OFFSET_SIZE].i, call.param[movers.OFFSET_ALONG].i = size, along
    call.param[movers.OFFSET_START].i = start
    call.param[movers.OFFSET_WRAPS].i, call.param[movers.OFFSET_ADDS].i = wraps, adds
    run(call)
    if kept is None:
        return wrong
    record_check(kept.data, sizeof(int64_t))
    return (<int64_t*> kept.data)[0]


cdef TensorBase offsets_of(Plan plan, int which):
    """One offset per row."""
    cdef TensorBase out = plan.offsets if which == IN_MEMORY else plan.flat_offsets
    cdef int d, k
    cdef bint wrong = False             # checked again: the index may have been written to meanwhile
    cdef Call call
    if out is not None:
        return out
    out = empty(INT64, 1, &plan.rows)
    call.ndim, call.shape[0], call.operand[1].stride[0] = 1, plan.rows, 0
    for k, d in enumerate(plan.dims):
        if plan.rows > 0:
            wrong |= run_offsets(&call, out, plan.index[k], plan.shape[d], plan.stride[which][d],
                                 plan.start[which] if k == 0 else 0, plan.wraps, k > 0)
    if wrong:
        raise_out_of_bounds("(changed after the call)", 0, plan.shape[<int> plan.dims[0]])
    if which == IN_MEMORY:
        plan.offsets = out
    else:
        plan.flat_offsets = out
    return out


cdef int freeze(Plan plan, TensorBase x) except -1:
    """Compute the offsets for the backward pass now: the user may write to the index tensors later."""
    if x.contiguous:
        plan.flat_offsets = offsets_of(plan, IN_MEMORY)
    else:
        offsets_of(plan, FLAT)
    return 0


cdef list nonzero_indices(TensorBase mask):
    """For each dimension, the int64 coordinates of the elements that are not 0, in row-major order."""
    cdef TensorBase m = to_dtype(mask, BOOL)
    cdef const uint8_t* p
    cdef Py_ssize_t n = 0, i, k = 0, rest
    cdef list out
    cdef int64_t* to[MAX_NDIM]
    cdef int d
    refuse(b"the size of a result depends on the values of a mask (x[mask], nonzero, masked_select): use where()")
    m = m if m.contiguous else copy_of(m)
    p = <const uint8_t*> m.data
    for i in range(m.numel):
        n += p[i] != 0          # a bool of a NumPy array can hold any byte
    out = []
    for d in range(m.ndim):
        out.append(empty(INT64, 1, &n))
        to[d] = <int64_t*> (<TensorBase> out[d]).data
    for i in range(m.numel if m.ndim > 0 else 0):
        if p[i] and k < n:      # another thread may write to the mask
            rest = i
            for d in range(m.ndim - 1, 0, -1):
                to[d][k] = rest % m.shape[d]
                rest //= m.shape[d]
            to[0][k] = rest
            k += 1
    for d in range(m.ndim):
        memset(to[d] + k, 0, (n - k) * sizeof(int64_t))
    return out
