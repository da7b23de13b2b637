"""In-place writes through views, with gradients.

A view shares its base's storage. When an in-place op on a view is recorded, the base changes too: its grad_fn becomes a
CopySlices node (the old base with this region replaced by the op's output), and each view of the base becomes a region of
the new base. Views are updated when they are next used (tape.is_stale).

A region is (offset, shape, stride) in elements of a contiguous base. For a base that is contiguous only with its dimensions
in another order, a fourth part is that order.
"""
from tinygrad_c.core.array cimport itemsize, shape_of
from tinygrad_c.kernels.call cimport MAX_NDIM
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor, clone, contiguous, copy_into
from tinygrad_c.core.tape cimport *


cdef tuple strides_of(TensorBase a):
    return tuple([a.stride[d] for d in range(a.ndim)])


cdef tuple region_of(TensorBase view):
    cdef TensorBase base = view._base
    cdef Py_ssize_t offset = (view.data - base.data) // itemsize(view.dtype)
    if base.contiguous:
        return offset, shape_of(view), strides_of(view)
    steps = [(-base.stride[d] if base.shape[d] > 1 else 0) for d in range(base.ndim)]
    return offset, shape_of(view), strides_of(view), tuple(sorted(range(base.ndim), key=steps.__getitem__))


cdef TensorBase permuted(TensorBase a, tuple order, bint back):
    """a with its dimensions in that order or, with back, in the original one. Recorded."""
    from tinygrad_c.ops.shape.shape import permute
    return permute(a, [order.index(d) for d in range(len(order))] if back else order)


cdef bint is_within(TensorBase view, TensorBase base) noexcept:
    """Whether the view still lies in base's elements: not after base.data = y."""
    cdef Py_ssize_t first = (view.data - base.data) // itemsize(view.dtype)
    cdef Py_ssize_t last = first
    cdef int d
    if view.storage is not base.storage:
        return False
    for d in range(view.ndim):
        if view.shape[d] > 1 and view.stride[d] > 0:
            last += (view.shape[d] - 1) * view.stride[d]
        elif view.shape[d] > 1:
            first += (view.shape[d] - 1) * view.stride[d]
    return view.numel == 0 or (first >= 0 and last < base.numel)


cdef TensorBase region_view(TensorBase a, tuple region):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef Py_ssize_t offset = region[0]
    cdef int d
    cdef int ndim = len(region[1])
    for d in range(ndim):
        shape[d] = region[1][d]
        stride[d] = region[2][d]
    return view_of(a, a.data + offset * itemsize(a.dtype), ndim, shape, stride)


# ---- gather: a region of a contiguous tensor; put: zeros with a region filled. Each is the other's gradient.

cdef int gather_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    back.send_grad(node, 0, put(g, node.extra, ndim, shape))
    return 0

cdef int put_backward(BackwardPass back, Node node, TensorBase g) except -1:
    back.send_grad(node, 0, gather(g, node.extra))
    return 0

cdef Rule GATHER = Rule(b"AsStridedBackward0", gather_backward)
cdef Rule PUT = Rule(b"AsStridedScatterBackward0", put_backward)


cdef TensorBase gather(TensorBase a, tuple region):
    cdef TensorBase out
    if len(region) > 3:
        return gather(permuted(a, region[3], False), region[:3])
    a = contiguous(a)
    out = region_view(a, region)
    if recording(a):
        record(&GATHER, out, a).extra = region
    return out


cdef TensorBase put(TensorBase g, tuple region, int ndim, const Py_ssize_t* shape):
    """Zeros with g in the region. Where elements of the region overlap (sliding windows), their values are summed."""
    cdef Py_ssize_t[MAX_NDIM] size
    cdef TensorBase out
    cdef list kept, looped
    cdef bint before
    cdef int d
    if len(region) > 3:
        for d in range(ndim):
            size[d] = shape[region[3][d]]
        return permuted(put(g, region[:3], ndim, size), region[3], True)
    out = zeros(g.dtype, ndim, shape)
    before = set_grad(False)
    try:
        kept, looped = without_overlap(region)
        if g.numel == 0:
            pass
        elif looped:
            add_by_parts(out, g, region, kept, looped)
        else:
            copy_into(region_view(out, region), g)
    finally:
        set_grad(before)
    if recording(g):
        record(&PUT, out, g).extra = region
    return out


cdef tuple without_overlap(tuple region):
    """(kept, looped): dimensions that do not overlap, chosen longest first; and the rest, which add_by_parts loops over."""
    kept, looped = [], []
    for d in sorted(range(len(region[1])), key=lambda d: -region[1][d]):
        reach = 0
        for stride, size in sorted((abs(region[2][e]), region[1][e]) for e in (*kept, d) if region[1][e] > 1):
            if stride <= reach:
                looped.append(d)
                break
            reach += (size - 1) * stride
        else:
            kept.append(d)
    return sorted(kept), looped


cdef int add_by_parts(TensorBase out, TensorBase g, tuple region, list kept, list looped) except -1:
    """For each index of the looped dimensions, add that part of g: as many additions as a window has elements."""
    from itertools import product

    from tinygrad_c.ops.elementwise.elementwise import add_
    offset, shape, stride = region
    given = strides_of(g)
    sizes = tuple([shape[d] for d in kept])
    to = tuple([stride[d] for d in kept])
    of = tuple([given[d] for d in kept])
    for index in product(*[range(shape[d]) for d in looped]):
        start = offset + sum([i * stride[d] for i, d in zip(index, looped)])
        source = sum([i * given[d] for i, d in zip(index, looped)])
        add_(region_view(out, (start, sizes, to)), region_view(g, (source, sizes, of)))
    return 0


cdef list pad_sizes(object given, int ndim):
    cdef Py_ssize_t size
    cdef list out = [size for size in given]
    if len(out) != ndim or (out and min(out) < 0):
        raise RuntimeError(f"pad(): expected {ndim} numbers of at least 0, one for each dimension, got {out}")
    return out


def zero_pad(input, before, after):
    """Pad with zeros: before[d] of them at the start of dimension d, after[d] at its end.

    >>> zero_pad(tinygrad_c.ones(2), (1,), (2,))
    tensor([0., 1., 1., 0., 0.])
    """
    cdef TensorBase a = as_tensor(input, "pad(): argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t offset = 0, step = 1
    cdef int d
    cdef list stride = []
    before, after = pad_sizes(before, a.ndim), pad_sizes(after, a.ndim)
    for d in range(a.ndim - 1, -1, -1):
        shape[d] = before[d] + a.shape[d] + after[d]
        stride.append(step)
        offset += step * before[d]
        step *= shape[d]
    return put(a, (offset, shape_of(a), tuple(stride[::-1])), a.ndim, shape)


# ---- Called by the tape

cdef int copy_slices_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """The in-place op gets the gradient of the region; the old base gets g with the region set to 0."""
    cdef tuple region = node.extra
    cdef TensorBase rest
    if back.needs(node, 1):
        back.send_grad(node, 1, clone(gather(g, region)))
    if back.needs(node, 0):
        if back.create_graph:
            from tinygrad_c.ops.elementwise.elementwise import sub
            rest = sub(g, put(gather(g, region), region, g.ndim, g.shape))
        else:
            rest = clone(permuted(g, region[3], False) if len(region) > 3 else g)
            copy_into(region_view(rest, region), zeros(g.dtype, 0, NULL))
            rest = permuted(rest, region[3], True) if len(region) > 3 else rest
        back.send_grad(node, 0, rest)
    return 0

cdef Rule COPY_SLICES = Rule(b"CopySlices", copy_slices_backward)


cdef int rebase(TensorBase view) except -1:
    """After a recorded write to `view`: set its base's grad_fn to CopySlices."""
    cdef TensorBase base = view._base
    if not is_within(view, base):
        view._base = None
        return 0
    cdef Node node = record(&COPY_SLICES, base, base)
    node.edge1 = view._grad_fn
    node.extra = region_of(view)
    return refresh(view)


cdef int refresh(TensorBase view) except -1:
    """The base has a new grad_fn: record the view as a region of it."""
    cdef TensorBase base = view._base
    if not is_within(view, base):
        view._base = None
        return 0
    view._base_number = number_of(base)
    if wants_grad(base):
        record(&GATHER, view, base).extra = region_of(view)
    else:
        view._grad_fn = None
    return 0


register_views(rebase, refresh)


# ---- Shape changes in place

def check_may_change(input):
    """Raise if an in-place operation on this tensor is not allowed."""
    check_inplace(as_tensor(input, "argument 'input' (position 1)"))


def take_view(input, view):
    """For x.t_() and similar: input takes the shape, strides and grad_fn of `view`, a view of its storage."""
    cdef TensorBase x = <TensorBase?> input
    cdef TensorBase v = <TensorBase?> view
    cdef int d
    if v.storage is not x.storage or v.dtype != x.dtype:
        raise RuntimeError("a tensor can only take the shape of a view of its own memory")
    x.data = v.data
    new_generation(x, 0)
    x.ndim, x.numel, x.contiguous = v.ndim, v.numel, v.contiguous
    for d in range(v.ndim):
        x.shape[d] = v.shape[d]
        x.stride[d] = v.stride[d]
    if v._grad_fn is not None and v is not x:
        set_history(x, v._grad_fn)
    return x
