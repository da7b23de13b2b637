"""Indexing along one dimension: gather, scatter, scatter_add, take_along_dim; part of index.pyx."""


cdef TensorBase as_index(object index, str name):
    cdef TensorBase i = as_tensor(index, f"{name}(): argument 'index'")
    if i.dtype >= FLOAT32 or i.dtype == BOOL or lacks_kernels(i.dtype):
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {DTYPE_NAMES[i.dtype]}: call .long()")
    return dense_index(i)


cdef Plan plan_along(TensorBase x, TensorBase index, int dim, bint keepdim):
    """The plan of x[c0, ..., index[c], ...]: index is the coordinate along `dim`; without keepdim, it lacks that dimension."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef Py_ssize_t[MAX_NDIM] flat
    cdef int d
    if keepdim:                         # again: allocating the Plan may run a finaliser that changes x
        check_along(x, index, dim, "gather")
    elif x.ndim > 0:                    # in the backward pass: the shape may have changed before it was recorded
        for d in range(index.ndim):
            if index.ndim != x.ndim - 1 or index.shape[d] > x.shape[d if d < dim else d + 1]:
                raise RuntimeError("the shape of a tensor was changed while an operation ran on it")
    flat_strides(x, flat)
    if x.ndim == 0:
        check_not_negative(index, 0, 1)
    plan.start_from(x)
    plan.rows = index.numel
    plan.step = 1
    plan.row_ndim = 0
    plan.out_ndim = index.ndim
    memcpy(plan.out_shape, index.shape, index.ndim * sizeof(Py_ssize_t))
    plan.offsets = offsets_along(x, index, dim, keepdim, x.stride)
    plan.flat_offsets = plan.offsets if x.contiguous else offsets_along(x, index, dim, keepdim, flat)
    return plan


cdef TensorBase offsets_along(TensorBase x, TensorBase index, int dim, bint keepdim, const Py_ssize_t* stride):
    cdef TensorBase out = empty(INT64, 1, &index.numel)
    cdef Call call
    cdef int d
    if index.numel == 0 or x.ndim == 0:
        copy_into(out, scalar_tensor(0, INT64))
        return out
    call.ndim = max(index.ndim, 1)
    call.shape[0] = 1
    call.operand[1].stride[0] = 0
    for d in range(index.ndim):
        call.shape[d] = index.shape[d]
        call.operand[1].stride[d] = 0 if keepdim and d == dim else stride[d if keepdim or d < dim else d + 1]
    if run_offsets(&call, out, index, x.shape[dim], stride[dim], 0, False, False):
        check_not_negative(index, dim, x.shape[dim])
        raise_out_of_bounds("(changed by another thread meanwhile)", dim, x.shape[dim])
    return out


cdef int check_not_negative(TensorBase index, int dim, Py_ssize_t size) except -1:
    """As torch: gather and scatter do not count from the end, and raise RuntimeError; x[index] does, and raises IndexError."""
    cdef const int64_t* p = <const int64_t*> index.data
    cdef Py_ssize_t i
    cdef int64_t k
    for i in range(index.numel):
        k = p[i]
        if <size_t> k >= <size_t> size:
            more = f"; to count from the end write index % {size}" if -size <= k < 0 else ""
            raise RuntimeError(f"index {k} is out of bounds for dimension {dim} with size {size}{more}")
    return 0


def all_within(index, Py_ssize_t low, Py_ssize_t high) -> bool:
    """Whether all of the integers are from low to high - 1.

    >>> all_within(tinygrad_c.tensor([0, 3]), 0, 3)
    False
    """
    cdef TensorBase dense = as_index(index, "index")
    cdef const int64_t* p = <const int64_t*> dense.data
    cdef Py_ssize_t i
    cdef bint wrong = False
    refuse(b"it looks at indices: use an operation that checks them itself")
    for i in range(dense.numel):
        wrong |= not low <= p[i] < high
    return not wrong


cdef TensorBase counted_from_end(TensorBase index, Py_ssize_t size):
    """The index with size - 1 instead of -1."""
    return where_(binary(ROW_LT, index, 0), binary(ROW_ADD, index, size), index)


cdef TensorBase take_along(TensorBase x, TensorBase index, int dim, bint keepdim):
    return take(x, plan_along(x, index, dim, keepdim), IN_MEMORY)


cdef TensorBase put_along(TensorBase x, TensorBase index, int ndim, const Py_ssize_t* shape, int dim, bint keepdim):
    cdef TensorBase like = new_tensor()
    cdef int d
    cdef Py_ssize_t n = 1
    for d in range(ndim - 1, -1, -1):       # all that plan_along reads of a tensor
        like.shape[d] = shape[d]
        like.stride[d] = n
        n *= shape[d]
    like.ndim = ndim
    like.numel = n
    like.contiguous = True
    return add_into_zeros(x, plan_along(like, index, dim, keepdim), ndim, shape)


cdef int check_along(TensorBase x, TensorBase index, int dim, str name) except -1:
    cdef int d
    if (x.ndim if x.ndim > 0 else 1) != (index.ndim if index.ndim > 0 else 1):
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {'input' if name == 'gather' else 'self'} "
                           "tensor: the index has shape "
                           f"{list(shape_of(index))}, the input {list(shape_of(x))}")
    for d in range(index.ndim):
        if d != dim and x.ndim > 0 and index.shape[d] > x.shape[d]:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {list(shape_of(index))} to be no larger "
                               f"than self {list(shape_of(x))} apart from dimension {dim}")
    return 0


@public("input index", axis=True)
def gather(input, dim, index, *, out=None):
    """out[i][j] = input[index[i][j]][j] for dim 0, input[i][index[i][j]] for dim 1, and so on.

    index: integers, as many dimensions as input, no larger except in `dim`; the result has its shape.
    Raises RuntimeError for shapes that do not fit and for an index out of bounds (a negative one, too).

    >>> tinygrad_c.gather(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 1, tinygrad_c.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    if out is not None:
        return into_out(gather(input, dim, index), out)
    cdef TensorBase x = as_tensor(input, "gather(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "gather")
    cdef int d = parse_dim(dim, x.ndim)
    if i.numel == 0 and x.ndim != i.ndim:           # an empty index may have any shape
        return empty(x.dtype, i.ndim, i.shape)
    check_along(x, i, d, "gather")
    return named(take_along(x, i, d, True), b"GatherBackward0")


@public(axis=True)
def take_along_dim(input, indices, dim=None, *, out=None):
    """gather, with input and indices broadcast in all dimensions except `dim`; without dim, from the flattened input.

    With dim, -1 is the last element, as in NumPy's.

    >>> tinygrad_c.take_along_dim(tinygrad_c.tensor([[3., 1., 2.]]), tinygrad_c.tensor([[1, 2, 0]]), 1)
    tensor([[1., 2., 3.]])
    """
    from tinygrad_c.ops.shape.shape import reshape
    if out is not None:
        return into_out(take_along_dim(input, indices, dim), out)
    cdef TensorBase x = as_tensor(input, "take_along_dim(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(indices, "take_along_dim")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d, k
    if dim is None:
        return named(take_along(reshape(x, -1), reshape(i, -1), 0, True), b"GatherBackward0")
    d = parse_dim(dim, x.ndim)
    if x.ndim != i.ndim:
        raise RuntimeError("torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
                           f"{x.ndim} dimensions for input, and {i.ndim} dimensions for indices")
    for k in range(x.ndim):
        shape[k] = i.shape[k] if x.shape[k] == 1 or k == d else x.shape[k]
        if k != d and i.shape[k] not in (1, shape[k]):
            raise RuntimeError(f"The size of tensor a ({x.shape[k]}) must match the size of tensor b ({i.shape[k]}) at "
                               f"non-singleton dimension {k}")
    i = counted_from_end(expand_to(i, x.ndim, shape), x.shape[d] if x.ndim > 0 else 1)
    shape[d] = x.shape[d]
    return named(take_along(expand_to(x, x.ndim, shape), i, d, True), b"GatherBackward0")


cdef TensorBase source_of(object src, TensorBase x, TensorBase index, str name):
    """The source of a scatter, cut to index's shape; a number becomes a 0-d tensor."""
    cdef TensorBase s
    cdef int d
    if is_number(src):
        return scalar_tensor(src, x.dtype)
    s = as_tensor(src, f"{name}(): argument 'src'")
    if s.dtype != x.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype, got {DTYPE_NAMES[x.dtype]} and "
                           f"{DTYPE_NAMES[s.dtype]}")
    if s.ndim != index.ndim:
        raise RuntimeError(f"Index tensor must have the same number of dimensions as src tensor: {index.ndim} and {s.ndim}")
    for d in range(index.ndim):
        if index.shape[d] > s.shape[d]:
            raise RuntimeError(f"Expected index {list(shape_of(index))} to be no larger than src {list(shape_of(s))}")
    if not same_shape(s, index):
        s = getitem(s, tuple([slice(0, index.shape[d]) for d in range(index.ndim)]))
    return s


def scatter_(input, dim, index, src):
    """scatter in place."""
    cdef TensorBase x = as_tensor(input, "scatter_(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "scatter")
    cdef int d = parse_dim(dim, x.ndim)
    check_inplace(x)
    check_along(x, i, d, "scatter")
    put(x, plan_along(x, i, d, True), source_of(src, x, i, "scatter"))
    return x


def scatter(input, dim, index, src):
    """A copy of input with out[index[i][j]][j] = src[i][j] for dim 0, out[i][index[i][j]] for dim 1, ...; src may be a number.

    If several elements have the same index, the last one is kept. Raises as gather does.

    >>> tinygrad_c.scatter(tinygrad_c.zeros(2, 3), 1, tinygrad_c.tensor([[2], [0]]), 1.)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    return named(scatter_(clone(as_tensor(input, "scatter(): argument 'input' (position 1)")), dim, index, src),
                 b"ScatterBackward0" if isinstance(src, TensorBase) else b"ScatterBackward1")


cdef int scatter_add_backward(BackwardPass back, Node node, TensorBase g) except -1:
    if back.needs(node, 1):
        back.send_grad(node, 1, take(contiguous(g), node.extra, FLAT))
    return back.send_grad(node, 0, g)

cdef Rule SCATTER_ADD = Rule(b"ScatterAddBackward0", scatter_add_backward)


@public("input index src", axis=True)
def scatter_add_(input, dim, index, src):
    """scatter_add in place."""
    cdef TensorBase x = as_tensor(input, "scatter_add_(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "scatter_add")
    cdef int d = parse_dim(dim, x.ndim)
    cdef TensorBase s, dense
    cdef Plan plan
    check_inplace(x)
    check_along(x, i, d, "scatter_add")
    s = source_of(src, x, i, "scatter_add")
    plan = plan_along(x, i, d, True)
    if x.dtype < FLOAT32:
        computed(x, "scatter_add")
        add_integers(x, s, plan)
    else:
        dense = s if s.contiguous and s.storage is not x.storage and s.storage.owner is None else copy_of(s)
        # Compute: no Python code runs from here on.
        launch(kernels(x.dtype).scatter_add, plan, dense, x, IN_MEMORY, True)
        if recording(x) or recording(s):
            freeze(plan, x)
            record2(&SCATTER_ADD, x, x, s).extra = plan
    mark_written(x)
    return x


def add_slices_(input, int dim, index, source):
    """x[..., index[i], ...] += source[..., i, ...] along dim, in place, for floats, in the order of i: a checked index_add."""
    cdef TensorBase x = as_tensor(input, "argument 'input'"), s = as_tensor(source, "argument 'source'")
    cdef TensorBase dense
    cdef Plan plan
    cdef Node node
    cdef int d
    check_inplace(x)
    computed(x, "index_add")
    plan = parse(x, (slice(None),) * dim + (index,))
    if x.dtype < FLOAT32 or s.dtype != x.dtype or shape_of(s) != tuple([plan.out_shape[d] for d in range(plan.out_ndim)]):
        raise RuntimeError(f"index_add(): source of shape {list(shape_of(s))} and {DTYPE_NAMES[s.dtype]} does not match the "
                           f"slices of input of shape {list(shape_of(x))} and {DTYPE_NAMES[x.dtype]}")
    dense = s if s.contiguous and s.storage is not x.storage and s.storage.owner is None else copy_of(s)
    # Compute: no Python code runs from here on.
    launch(kernels(x.dtype).scatter_add, plan, dense, x, IN_MEMORY, True)
    if recording(x) or recording(s):
        freeze(plan, x)
        node = record2(&SCATTER_ADD, x, x, s)
        node.label = b"IndexAddBackward0"
        node.extra = plan
    mark_written(x)
    return x


cdef int add_integers(TensorBase x, TensorBase source, Plan plan) except -1:
    """scatter_add of integers."""
    cdef TensorBase dense = empty(INT64, plan.out_ndim, plan.out_shape)
    cdef const int64_t* p = <const int64_t*> dense.data
    cdef const int64_t* offset = <const int64_t*> plan.offsets.data
    cdef Py_ssize_t i
    refuse(b"scatter_add of integers is computed in Python")
    copy_into(dense, source)
    plan.check_same(x, IN_MEMORY)
    for i in range(plan.rows):
        if x.dtype == INT64:
            (<int64_t*> x.data)[offset[i]] += p[i]
        elif x.dtype == INT32:
            (<int32_t*> x.data)[offset[i]] += <int32_t> p[i]
        elif x.dtype == INT16:
            (<int16_t*> x.data)[offset[i]] += <int16_t> p[i]
        else:                           # one byte: modulo 2^8, with a sign or without
            (<uint8_t*> x.data)[offset[i]] += <uint8_t> p[i]
    return 0


@public("input index src", axis=True)
def scatter_add(input, dim, index, src, *, out=None):
    """A copy of input with out[index[i][j]][j] += src[i][j] for dim 0, out[i][index[i][j]] for dim 1, ...; summed in order.

    >>> tinygrad_c.scatter_add(tinygrad_c.zeros(3), 0, tinygrad_c.tensor([0, 2, 0]), tinygrad_c.tensor([1., 2., 3.]))
    tensor([4., 0., 2.])
    """
    if out is not None:
        return into_out(scatter_add(input, dim, index, src), out)
    return scatter_add_(clone(as_tensor(input, "scatter_add(): argument 'input' (position 1)")), dim, index, src)
