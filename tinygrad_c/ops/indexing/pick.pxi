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
