"""index_select, masked_select, masked_fill, nonzero; part of index.pyx."""


cdef int check_rows(TensorBase index, Py_ssize_t size) except -1:
    """As torch: index_select does not count from the end."""
    cdef const int64_t* p = <const int64_t*> index.data
    cdef Py_ssize_t i
    cdef bint wrong = False
    for i in range(index.numel):
        wrong |= <size_t> p[i] >= <size_t> size
    if wrong:
        for i in range(index.numel):
            if <size_t> p[i] >= <size_t> size:
                raise IndexError(f"index {p[i]} is out of bounds: index out of range in self, which has {size} slices there")
    return 0


cdef TensorBase take_rows(TensorBase x, int dim, TensorBase index):
    """The slices at indices that are not negative."""
    cdef Plan plan = parse(x, (slice(None),) * dim + (index,))
    plan.wraps = False
    return take(x, plan, IN_MEMORY)


def rows_at(weight, index):
    """weight[index], for indices from 0 on, of any shape. IndexError for an index out of range.

    >>> rows_at(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([1]))
    tensor([[3., 4.]])
    """
    cdef TensorBase x = as_tensor(weight, "argument 'weight'")
    cdef TensorBase i = as_index(index, "embedding")
    cdef const int64_t* p = <const int64_t*> i.data
    cdef Py_ssize_t k
    cdef int64_t low = 0, high = -1
    if i.numel > 0:
        low = high = p[0]
    for k in range(i.numel):
        low, high = min(low, p[k]), max(high, p[k])
    if low < 0 or high >= x.shape[0]:
        raise IndexError(f"index out of range in self: weight has rows 0 to {x.shape[0] - 1}, but the indices go from {low} to "
                         f"{high}")
    return take_rows(x, 0, i)


cdef TensorBase bags(kernel_t kernel, TensorBase bag_rows, TensorBase rows, TensorBase index, bint serial):
    """Run bag_sums or bag_add. index is a copy, so that no other thread writes to it after the check of its bounds."""
    cdef Call call
    if bag_rows.numel == 0 or index.numel == 0:
        return None
    call.kernel = kernel
    call.inner = NULL
    call.ndim = call.n_operands = 3
    call.shape[movers.BAG_COUNT] = index.shape[0]
    call.shape[movers.BAG_LENGTH] = index.shape[1]
    call.shape[movers.BAG_WIDTH] = rows.shape[1]
    call.units = 1 if serial else index.shape[0]
    call.work = index.numel * (2 + rows.shape[1] // 8)
    call.operand[0].data = bag_rows.data
    call.operand[1].data = rows.data
    call.operand[0].itemsize = call.operand[1].itemsize = itemsize(rows.dtype)
    call.operand[2].data = index.data
    run(&call)
    return None


cdef TensorBase bag_index(object index, Py_ssize_t size):
    cdef TensorBase i = copy_of(as_index(index, "embedding_bag"))
    if i.ndim != 2:
        raise RuntimeError(f"bags must be rows of a matrix of indices, but its shape is {list(shape_of(i))}")
    refuse(b"it looks at indices: use an operation that checks them itself")
    check_rows(i, size)
    return i


def row_sums(weight, index):
    """For each row of the matrix `index`, the sum of the rows of weight at its indices. Not recorded.

    >>> row_sums(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([[0, 1], [1, 1]]))
    tensor([[4., 6.],
            [6., 8.]])
    """
    cdef TensorBase w = as_tensor(weight, "argument 'weight'")
    cdef TensorBase i = bag_index(index, w.shape[0])
    cdef TensorBase out
    cdef Py_ssize_t[2] shape
    if w.ndim != 2 or w.dtype < FLOAT32:
        raise RuntimeError(f"weight must be a float matrix, but it is a tensor of shape {list(shape_of(w))}")
    w = w if w.contiguous else copy_of(w)
    shape[0], shape[1] = i.shape[0], w.shape[1]
    out = empty(w.dtype, 2, shape) if i.numel else zeros(w.dtype, 2, shape)
    # Compute: no Python code runs from here on.
    bags(movers.bag_sums, out, w, i, False)
    return out


def add_row_sums(g, index, Py_ssize_t size):
    """The gradient of row_sums for a weight of `size` rows. Not recorded.

    >>> add_row_sums(tinygrad_c.tensor([[1.], [2.]]), tinygrad_c.tensor([[0, 1], [1, 1]]), 2)
    tensor([[1.],
            [5.]])
    """
    cdef TensorBase rows = as_tensor(g, "argument 'g'")
    cdef TensorBase i = bag_index(index, size)
    cdef TensorBase out
    cdef Py_ssize_t[2] shape
    if rows.ndim != 2 or rows.dtype < FLOAT32 or rows.shape[0] != i.shape[0]:
        raise RuntimeError(f"one float row for each bag is needed, but the shape is {list(shape_of(rows))}")
    rows = rows if rows.contiguous else copy_of(rows)
    shape[0], shape[1] = size, rows.shape[1]
    out = zeros(rows.dtype, 2, shape)
    # Compute: no Python code runs from here on.
    bags(movers.bag_add, rows, out, i, True)
    return out


@public("input index", axis=True)
def index_select(input, dim, index, *, out=None):
    """The slices of input along `dim` at the indices in index, a vector of integers. A copy.

    Raises IndexError for an index out of range.

    >>> tinygrad_c.index_select(tinygrad_c.tensor([[1., 2.], [3., 4.], [5., 6.]]), 0, tinygrad_c.tensor([2, 0]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    if out is not None:
        return into_out(index_select(input, dim, index), out)
    cdef TensorBase x = as_tensor(input, "index_select(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "index_select")
    cdef int d = parse_dim(dim, x.ndim)
    if i.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if i.ndim == 0:
        i = i[None]
    check_rows(i, x.shape[d] if x.ndim > 0 else 1)
    if x.ndim == 0:
        if i.numel != 1:
            raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {i.numel} value(s)")
        return named(take_rows(x[None], 0, i)[0], b"IndexSelectBackward0")
    return named(take_rows(x, d, i), b"IndexSelectBackward0")


def masked_select(input, mask, *, out=None):
    """The elements of input where mask is True, as a vector; input and mask are broadcast together.

    >>> tinygrad_c.masked_select(tinygrad_c.tensor([1., 2., 3.]), tinygrad_c.tensor([True, False, True]))
    tensor([1., 3.])
    """
    if out is not None:
        return into_out(masked_select(input, mask), out)
    cdef TensorBase x = as_tensor(input, "masked_select(): argument 'input' (position 1)")
    cdef TensorBase m = as_tensor(mask, "masked_select(): argument 'mask' (position 2)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    if m.dtype != BOOL:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {DTYPE_NAMES[m.dtype]}: compare first, as in x > "
                           "0")
    if not same_shape(x, m):
        broadcast_shapes(x, m, &ndim, shape)
        x = expand_to(x, ndim, shape)
        m = expand_to(m, ndim, shape)
    if x.ndim == 0:
        x, m = x[None], m[None]
    return named(take(x, parse(x, m), IN_MEMORY), b"MaskedSelectBackward0")


def masked_fill(input, mask, value):
    """A copy of input with value where mask is True.

    >>> tinygrad_c.masked_fill(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([True, False]), 0.)
    tensor([0., 2.])
    """
    cdef TensorBase x = as_tensor(input, "masked_fill(): argument 'input' (position 1)")
    if (<TensorBase?> mask).dtype != BOOL:
        raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype "
                           f"{DTYPE_NAMES[(<TensorBase> mask).dtype].lower()}: compare first, as in x > 0")
    if isinstance(value, TensorBase) and (<TensorBase> value).ndim:
        raise RuntimeError("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{(<TensorBase> value).ndim} dimension(s).")
    return named(where_(mask, scalar_tensor(value, x.dtype) if is_number(value) else to_dtype(
        as_tensor(value, "masked_fill(): argument 'value' (position 2)"), x.dtype), x),
                  b"MaskedFillBackward1" if isinstance(value, TensorBase) else b"MaskedFillBackward0")


def masked_fill_(input, mask, value):
    """masked_fill in place."""
    cdef TensorBase x = as_tensor(input, "masked_fill_(): argument 'input' (position 1)")
    check_inplace(x)
    return assign_inplace(x, masked_fill(x, mask, value))


def nonzero(input, *, as_tuple=False, out=None):
    """The indices of the nonzero elements: an (n, ndim) matrix; with as_tuple=True, a tuple of vectors that can index input.

    >>> tinygrad_c.nonzero(tinygrad_c.tensor([0., 5., 6.]))
    tensor([[1],
            [2]])
    """
    if out is not None:
        return into_out(nonzero(input), out)
    cdef TensorBase x = as_tensor(input, "nonzero(): argument 'input' (position 1)")
    cdef TensorBase y, part
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t i
    cdef int d
    cdef list found
    if as_tuple and x.ndim == 0:
        x = x[None]
    found = nonzero_indices(x)
    if as_tuple:
        return tuple(found)
    shape[1] = x.ndim
    shape[0] = (<TensorBase> found[0]).numel if x.ndim > 0 else bool(x)
    y = empty(INT64, 2, shape)
    for d in range(x.ndim):
        part = found[d]
        for i in range(shape[0]):
            (<int64_t*> y.data)[i * shape[1] + d] = (<int64_t*> part.data)[i]
    return y
