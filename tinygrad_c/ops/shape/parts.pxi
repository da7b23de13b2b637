"""Joining and splitting: cat, stack, narrow, select, unbind, split, chunk; part of shape.pyx."""


cdef enum:                  # node.param
    NODE_DIM
    NODE_START              # of narrow


# ---- cat, stack

cdef int cat_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t start = 0
    cdef int dim = node.param[NODE_DIM].i
    cdef int i
    cdef Py_ssize_t size
    for i, size in enumerate(node.extra):
        if back.needs(node, i):
            back.send_grad(node, i, narrow_dim(g, dim, start, size))
        start += size
    return 0

cdef int stack_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef int dim = node.param[NODE_DIM].i, i
    cdef Py_ssize_t[MAX_NDIM] shape
    memcpy(shape, g.shape, dim * sizeof(Py_ssize_t))
    memcpy(shape + dim, g.shape + dim + 1, (g.ndim - 1 - dim) * sizeof(Py_ssize_t))
    for i in range(<int> g.shape[dim]):
        if back.needs(node, i):
            back.send_grad(node, i, reshape_to(narrow_dim(g, dim, i, 1), g.ndim - 1, shape))
    return 0

cdef Rule CAT = Rule(b"CatBackward0", cat_backward)
cdef Rule STACK = Rule(b"StackBackward0", stack_backward)

cdef enum:
    SMALL_PART = 1 << 16        # bytes: smaller parts are copied by memcpy, without a Call


cdef bint copy_small(TensorBase y, TensorBase a, int along, Py_ssize_t start, Py_ssize_t bytes) noexcept:
    """Copy a into y by memcpy, `bytes` a row, if it is small and contiguous; return whether it was copied."""
    cdef Py_ssize_t outer = 1, r
    cdef int d
    if recorder != NULL:            # a program has Calls only
        return False
    if a.numel == 0:
        return True
    for d in range(along):
        outer *= y.shape[d]
    if not a.contiguous or a.dtype != y.dtype or outer * bytes > SMALL_PART or (outer > 1 and bytes < 64):
        return False
    for r in range(outer):
        memcpy(y.data + (r * y.shape[along] + start) * y.stride[along] * itemsize(y.dtype), a.data + r * bytes, bytes)
    return True


cdef int record_parts(const Rule* rule, TensorBase y, list parts, int along) except -1:
    cdef Node node
    cdef int i
    if grad_enabled() and any([wants_grad(a) for a in parts]):
        node = record(rule, y, parts[0])
        node.param[NODE_DIM].i = along
        node.extra = None if rule == &STACK else [(<TensorBase> a).shape[along] for a in parts]
        for i, a in enumerate(parts):
            if i == 1:
                node.edge1 = edge_of(a)
            elif i == 2:
                node.edge2 = edge_of(a)
            elif i > 2:
                record_more(node, a)
    return 0


cdef list tensor_list(object tensors):
    cdef list parts = list(tensors)
    for i, each in enumerate(parts):
        if not isinstance(each, TensorBase):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(each).__name__}")
        as_tensor(each, "an element")
    return parts


def cat(tensors, dim=0, *, axis=None, out=None):
    """Concatenate the tensors along `dim`; all other sizes must match.

    >>> tinygrad_c.cat([tinygrad_c.ones(1, 2), tinygrad_c.zeros(1, 2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    if axis is not None:
        dim = axis
    if out is not None:
        return into_out(cat(tensors, dim), out)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase a, first, y
    cdef int i, d, along
    cdef Py_ssize_t start = 0
    cdef list parts
    if isinstance(tensors, TensorBase) or not isinstance(tensors, (tuple, list)):
        raise TypeError(f"cat(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}")
    parts = tensor_list(tensors)
    if not parts:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    first = parts[0]
    for a in parts:         # as in torch, an empty 1-d tensor is skipped
        if not (a.ndim == 1 and a.numel == 0):
            first = a
            break
    if first.ndim == 0:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated: use stack()")
    parts = [a for a in parts if not ((<TensorBase> a).ndim == 1 and (<TensorBase> a).numel == 0 and first.ndim != 1)]
    along = parse_dim(dim, first.ndim)
    memcpy(shape, first.shape, first.ndim * sizeof(Py_ssize_t))
    shape[along] = 0
    dtype = first.dtype
    for i, a in enumerate(parts):
        if a.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {a.ndim}")
        for d in range(a.ndim):
            if d != along and a.shape[d] != first.shape[d]:
                raise RuntimeError(f"Sizes of tensors must match except in dimension {along}. Expected size {first.shape[d]} "
                                   f"but got size {a.shape[d]} for tensor number {i} in the list.")
        if a.shape[along] > MAX_SIZE - shape[along]:
            raise RuntimeError(f"cat: the sizes along dimension {along} add up to more than memory can address")
        shape[along] += a.shape[along]
        if a.dtype != dtype:
            dtype = promote_dtypes(dtype, a.dtype)
    y = empty(dtype, first.ndim, shape)
    before = set_grad(False)
    try:
        for a in parts:
            if not copy_small(y, a, along, start, a.shape[along] * y.stride[along] * itemsize(y.dtype)):
                copy_into(narrow_dim(y, along, start, a.shape[along]), a)
            start += a.shape[along]
    finally:
        set_grad(before)
    record_parts(&CAT, y, parts, along)
    return y


def stack(tensors, dim=0, *, axis=None, out=None):
    """Stack tensors of the same shape along a new dimension.

    >>> tinygrad_c.stack([tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    if axis is not None:
        dim = axis
    if out is not None:
        return into_out(stack(tensors, dim), out)
    cdef TensorBase first, a, y
    cdef Py_ssize_t[MAX_NDIM] shape, stride
    cdef int i, at
    cdef list parts = tensor_list(tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = parts[0]
    dtype = first.dtype
    for i, a in enumerate(parts):
        if a.dtype != dtype:
            dtype = promote_dtypes(dtype, a.dtype)
        if not same_shape(a, first):
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(shape_of(first))} at entry 0 and "
                               f"{list(shape_of(a))} at entry {i}")
    at = parse_dim(dim, first.ndim + 1)
    if first.ndim == MAX_NDIM:
        return cat([unsqueeze(a, at) for a in parts], at)       # raises
    memcpy(shape, first.shape, at * sizeof(Py_ssize_t))
    shape[at] = len(parts)
    memcpy(shape + at + 1, first.shape + at, (first.ndim - at) * sizeof(Py_ssize_t))
    y = empty(dtype, first.ndim + 1, shape)
    memcpy(stride, y.stride, at * sizeof(Py_ssize_t))
    memcpy(stride + at, y.stride + at + 1, (first.ndim - at) * sizeof(Py_ssize_t))
    for i, a in enumerate(parts):
        if not copy_small(y, a, at, i, y.stride[at] * itemsize(y.dtype)):
            copy_into(view_of(y, y.data + i * y.stride[at] * itemsize(y.dtype), first.ndim, first.shape, stride), a)
    record_parts(&STACK, y, parts, at)
    return y


# ---- narrow, select, split

cdef int narrow_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    back.send_grad(node, 0, place_region(g, node, ndim, shape))
    return 0

cdef Rule NARROW = Rule(b"SliceBackward0", narrow_backward)


cdef TensorBase narrow_dim(TensorBase a, int dim, Py_ssize_t start, Py_ssize_t length):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase out
    cdef Node node
    memcpy(shape, a.shape, a.ndim * sizeof(Py_ssize_t))
    shape[dim] = length
    out = view_of(a, a.data + start * a.stride[dim] * itemsize(a.dtype), a.ndim, shape, a.stride)
    if recording(a):
        node = record(&NARROW, out, a)
        node.param[NODE_DIM].i = dim
        node.param[NODE_START].i = start
    return out


cdef TensorBase place_region(TensorBase g, Node node, int ndim, const Py_ssize_t* shape):
    """The gradient of narrow: zeros of the given shape, with g in the narrowed region."""
    cdef TensorBase before, after
    cdef Py_ssize_t[MAX_NDIM] size
    cdef int dim = node.param[NODE_DIM].i
    cdef Py_ssize_t start = node.param[NODE_START].i
    cdef Py_ssize_t rest = shape[dim] - start - g.shape[dim]
    if ndim != g.ndim or rest < 0:      # a finaliser changed the tensor before its shape was recorded
        raise RuntimeError("a tensor was given another shape while a part of it was taken")
    memcpy(size, shape, ndim * sizeof(Py_ssize_t))
    size[dim] = start
    before = zeros(g.dtype, ndim, size)
    size[dim] = rest
    after = zeros(g.dtype, ndim, size)
    return cat([before, g, after], dim)


@public(axis=True)
def narrow(input, dim, start, length):
    """Elements start to start + length of dimension `dim`. A view.

    >>> tinygrad_c.narrow(tinygrad_c.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int d = parse_dim(dim, a.ndim)
    if isinstance(start, TensorBase):
        if start.ndim or start.dtype.name in ("bool", "float32", "float64"):
            raise RuntimeError(f"start must be an 0-dim integral Tensor. It has shape {list(start.shape)} and dtype "
                               f"{start.dtype}")
        start = start.item()
    cdef Py_ssize_t s = start, n = length
    s = s + a.shape[d] if s < 0 else s
    if a.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if s < 0 or s > a.shape[d]:
        raise IndexError(f"start out of range (expected to be in range of [{-a.shape[d]}, {a.shape[d]}], but got {start})")
    if n < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if n > a.shape[d] - s:
        raise RuntimeError(f"start ({s}) + length ({n}) exceeds dimension size ({a.shape[d]}).")
    return narrow_dim(a, d, s, n)


@public("input index", axis=True)
def select(input, dim, index):
    """The slice at `index` of dimension `dim`, without that dimension. A view.

    >>> tinygrad_c.select(tinygrad_c.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int d
    if a.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = parse_dim(dim, a.ndim)
    if not -a.shape[d] <= index < a.shape[d]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape_of(a))} at dimension {d}")
    return named(squeeze(narrow_dim(a, d, index % a.shape[d], 1), d), b"SelectBackward0")


def unbind(input, dim=0, *, axis=None):
    """The slices along a dimension, as a tuple of views without that dimension.

    >>> tinygrad_c.unbind(tinygrad_c.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t i
    if a.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    cdef int d = parse_dim(dim if axis is None else axis, a.ndim)
    return tuple([named(squeeze(narrow_dim(a, d, i, 1), d), b"UnbindBackward0") for i in range(a.shape[d])])


def split(input, split_size_or_sections, dim=0):
    """Parts of the given size (the last may be smaller) or sizes along `dim`, as a tuple of views.

    >>> tinygrad_c.split(tinygrad_c.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int d = parse_dim(dim, a.ndim)
    cdef Py_ssize_t start = 0
    cdef const char* label = b"SplitBackward0"
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and a.shape[d] != 0):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sizes = [min(size, a.shape[d] - i) for i in range(0, a.shape[d], size)] if size and a.shape[d] else [a.shape[d]]
    else:
        label = b"SplitWithSizesBackward0"
        sizes = list(split_size_or_sections)
        if any([size < 0 for size in sizes]):
            raise RuntimeError("split_with_sizes expects split_sizes have only non-negative entries, but got "
                               f"split_sizes={sizes}")
        if sum_of(sizes) != a.shape[d]:
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {a.shape[d]} (input tensor's size at "
                               f"dimension {d}), but got split_sizes={sizes}")
    parts = []
    for size in sizes:
        parts.append(named(narrow_dim(a, d, start, size), label))
        start += size
    return tuple(parts)


cdef Py_ssize_t sum_of(list sizes) except -1:
    cdef Py_ssize_t total = 0
    for size in sizes:
        total += size
    return total


def chunk(input, chunks, dim=0, *, axis=None):
    """At most `chunks` parts of equal size (the last may be smaller) along `dim`, as a tuple of views.

    >>> tinygrad_c.chunk(tinygrad_c.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int d = parse_dim(dim if axis is None else axis, a.ndim)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return split(a, max(1, -(-a.shape[d] // chunks)), d)
