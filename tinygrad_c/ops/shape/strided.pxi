"""Views by offset and strides: diagonal, unfold, as_strided; part of shape.pyx."""


cdef int region_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    return back.send_grad(node, 0, put_region(g, node.extra, ndim, shape))

cdef Rule AS_STRIDED = Rule(b"AsStridedBackward0", region_backward)


cdef TensorBase strided(TensorBase a, list steps, list flat_steps, list shape, Py_ssize_t start,
                        Py_ssize_t flat_start):
    """A view of a. flat_steps and flat_start: its strides and offset if a were contiguous, as a's gradient is."""
    cdef Py_ssize_t[MAX_NDIM] size
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    cdef int d
    if len(shape) > MAX_NDIM:
        raise RuntimeError(f"a tensor has at most {MAX_NDIM} dimensions, got {len(shape)}")
    for d in range(len(shape)):
        size[d] = shape[d]
        stride[d] = steps[d]
    out = view_of(a, a.data + start * itemsize(a.dtype), len(shape), size, stride)
    if recording(a):
        record(&AS_STRIDED, out, a).extra = flat_start, tuple(shape), tuple(flat_steps)
    return out


cdef list flat_strides(TensorBase a):
    cdef Py_ssize_t n = 1
    cdef list out = []
    cdef int d
    for d in range(a.ndim - 1, -1, -1):
        out.append(n)
        n *= a.shape[d]
    return out[::-1]


cdef list without(list items, int d0, int d1):
    return [items[d] for d in range(len(items)) if d != d0 and d != d1]


def diagonal(input, offset=0, dim1=0, dim2=1):
    """The elements whose index along dim2 minus that along dim1 is `offset`, in a new last dimension. A view.

    >>> tinygrad_c.diagonal(tinygrad_c.tensor([[1., 2.], [3., 4.]]))
    tensor([1., 4.])
    """
    cdef TensorBase a = as_tensor(input, "diagonal(): argument 'input' (position 1)")
    cdef int d0, d1
    cdef Py_ssize_t k = offset, n, start, flat_start
    cdef list stride, flat
    if a.ndim < 2:
        raise IndexError(f"diagonal(): Dimension out of range: at least two dimensions are needed, but the tensor has {a.ndim}")
    d0, d1 = parse_dim(dim1, a.ndim), parse_dim(dim2, a.ndim)
    if d0 == d1:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    stride, flat = [a.stride[d] for d in range(a.ndim)], flat_strides(a)
    n = min(a.shape[d0], a.shape[d1] - k) if k >= 0 else min(a.shape[d0] + k, a.shape[d1])
    n = n if n > 0 else 0
    start = flat_start = 0
    if n > 0:
        start = k * stride[d1] if k >= 0 else -k * stride[d0]
        flat_start = k * flat[d1] if k >= 0 else -k * flat[d0]
    return named(strided(a, [*without(stride, d0, d1), stride[d0] + stride[d1]], [*without(flat, d0, d1), flat[d0] + flat[d1]],
                         [*without(list(shape_of(a)), d0, d1), n], start, flat_start), b"DiagonalBackward0")


def unfold(input, dimension, size, step):
    """Sliding windows of `size` elements along a dimension, `step` apart, each in a new last dimension. A view.

    >>> unfold(tinygrad_c.arange(5), 0, 2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    cdef TensorBase a = as_tensor(input, "unfold(): argument 'input' (position 1)")
    cdef int d = parse_dim(dimension, a.ndim)
    cdef Py_ssize_t n = a.shape[d] if a.ndim > 0 else 1, length = size, stride_by = step
    cdef list shape, stride, flat
    if length < 0:
        raise RuntimeError(f"size is {length} but must be >= 0")
    if length > n:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {n} but size is {length}")
    if stride_by <= 0:
        raise RuntimeError(f"step is {stride_by} but must be > 0")
    shape, stride, flat = list(shape_of(a)), [a.stride[i] for i in range(a.ndim)], flat_strides(a)
    if a.ndim > 0:
        along, flat_along = stride[d], flat[d]
        shape[d] = (n - length) // stride_by + 1
        stride[d] *= stride_by
        flat[d] *= stride_by
    else:
        along = flat_along = 1
    return named(strided(a, [*stride, along], [*flat, flat_along], [*shape, length], 0, 0), b"UnfoldBackward0")


def as_strided(input, size, stride, storage_offset=None):
    """A view with any size, strides and storage offset, in elements; RuntimeError if it would leave the storage.

    A tensor that requires grad must be contiguous, and the view must lie within its elements.

    >>> tinygrad_c.as_strided(tinygrad_c.arange(6), (2, 2), (1, 2))
    tensor([[0, 2],
            [1, 3]])
    """
    cdef TensorBase a = as_tensor(input, "as_strided(): argument 'input' (position 1)")
    cdef list shape = list(size), steps = list(stride)
    cdef Py_ssize_t here = (a.data - a.storage.data) // itemsize(a.dtype), last, start
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if any([n < 0 for n in shape]) or any([n < 0 for n in steps]):
        raise RuntimeError(f"as_strided: negative sizes and strides are not supported, got size {shape} and stride {steps}")
    start = here if storage_offset is None else storage_offset
    last = start
    for n, step in zip(shape, steps):
        if n > 1 and step > (MAX_SIZE - last) // (n - 1):
            raise RuntimeError(f"as_strided: size {shape} with stride {steps} does not fit into memory")
        last += (n - 1) * step if n > 0 else 0
    if start < 0 or (0 not in shape and last >= a.storage.nbytes // itemsize(a.dtype)):
        raise RuntimeError(f"setStorage: sizes {shape}, strides {steps}, storage offset {start}, and itemsize "
                           f"{itemsize(a.dtype)} requiring a storage size of {(last + 1) * itemsize(a.dtype)} are out of "
                           f"bounds for storage of size {a.storage.nbytes}")
    if recording(a) and (not a.contiguous or start < here or last - here >= a.numel):
        raise RuntimeError("as_strided of a tensor that requires grad: it must be contiguous, and the view within its "
                           "elements: call .contiguous() first")
    return strided(a, steps, steps, shape, start - here, start - here)
