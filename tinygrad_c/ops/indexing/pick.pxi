"""Rows, masks, places: index_select, masked_select, masked_fill, nonzero, one_hot; part of index.pyx."""


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


def index_select(input, dim, index, *, out=None):
    """The slices of input along `dim` whose numbers stand in index, a vector of integers: one gathering copy.

    Raises IndexError for a number out of range.

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
        return called(take(x[None], parse(x[None], i), IN_MEMORY)[0], "IndexSelectBackward0")
    return called(take(x, parse(x, (slice(None),) * d + (i,)), IN_MEMORY), "IndexSelectBackward0")


def masked_select(input, mask, *, out=None):
    """The elements of input where mask is true, in a vector; the two are broadcast together.

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
    return called(take(x, parse(x, m), IN_MEMORY), "MaskedSelectBackward0")


def masked_fill(input, mask, value):
    """A copy of input with value where mask is true.

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
    return called(where_(mask, scalar_tensor(value, x.dtype) if is_number(value) else to_dtype(
        as_tensor(value, "masked_fill(): argument 'value' (position 2)"), x.dtype), x),
                  "MaskedFillBackward1" if isinstance(value, TensorBase) else "MaskedFillBackward0")


def masked_fill_(input, mask, value):
    """masked_fill in place."""
    cdef TensorBase x = as_tensor(input, "masked_fill_(): argument 'input' (position 1)")
    check_inplace(x)
    return adopt(x, masked_fill(x, mask, value))


cdef int triangle_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, triangle_of(g, node.param[0].i, node.param[1].i))

cdef Rule TRIL = Rule(b"TrilBackward0", triangle_backward)
cdef Rule TRIU = Rule(b"TriuBackward0", triangle_backward)


cdef TensorBase triangle_of(TensorBase x, Py_ssize_t k, bint upper):
    cdef TensorBase source = x if x.contiguous else copy_of(x)
    cdef TensorBase out = empty(x.dtype, x.ndim, x.shape)
    cdef Py_ssize_t size = itemsize(x.dtype), rows = x.shape[x.ndim - 2], cols = x.shape[x.ndim - 1], i, n
    cdef const char* p = source.data
    cdef char* to = out.data
    cdef Node node
    for i in range(x.numel // cols if cols > 0 else 0):
        n = min(max(i % rows + k + (not upper), 0), cols)       # up to here: the lower part
        if upper:
            memset(to, 0, n * size)
            memcpy(to + n * size, p + n * size, (cols - n) * size)
        else:
            memcpy(to, p, n * size)
            memset(to + n * size, 0, (cols - n) * size)
        p += cols * size
        to += cols * size
    if recording(x):
        node = record(&TRIU if upper else &TRIL, out, x)
        node.param[0].i = k
        node.param[1].i = upper
    return out


def triangle(input, k, upper):
    """A copy of input's matrices with zeros above the diagonal k, or, upper, below it.

    >>> triangle(tinygrad_c.ones(2, 2), 0, False)
    tensor([[1., 0.],
            [1., 1.]])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    return triangle_of(x, max(min(k, x.shape[x.ndim - 1]), -x.shape[x.ndim - 2]), upper)


def nonzero(input, *, as_tuple=False, out=None):
    """Where input is not 0: an (n, ndim) matrix of coordinates, or, with as_tuple=True, a vector per dimension: a key for x.

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
    found = places(x)
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


def one_hot(input, num_classes=-1):
    """1 at the position that each label names, 0 elsewhere, along a new last dimension of num_classes (the largest label + 1).

    >>> one_hot(tinygrad_c.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    cdef TensorBase t = as_tensor(input, "one_hot(): argument 'input' (position 1)")
    cdef TensorBase out
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef const int64_t* p
    cdef int64_t lowest = 0, highest = -1
    cdef Py_ssize_t i, n = num_classes
    if t.dtype >= FLOAT32 or t.dtype == BOOL:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor: call .long()")
    if t.ndim == MAX_NDIM:
        raise RuntimeError(f"one_hot would make more than {MAX_NDIM} dimensions")
    t = dense_index(t)
    p = <const int64_t*> t.data
    for i in range(t.numel):
        lowest = p[i] if p[i] < lowest else lowest
        highest = p[i] if p[i] > highest else highest
    if lowest < 0:
        raise RuntimeError("Class values must be non-negative.")
    if n == -1 and t.numel == 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if n == -1:
        n = highest + 1
    if highest >= n:
        raise RuntimeError(f"Class values must be smaller than num_classes: {highest} with num_classes={n}.")
    memcpy(shape, t.shape, t.ndim * sizeof(Py_ssize_t))
    shape[t.ndim] = n
    out = zeros(INT64, t.ndim + 1, shape)
    for i in range(t.numel):
        (<int64_t*> out.data)[i * n + p[i]] = 1
    return out
