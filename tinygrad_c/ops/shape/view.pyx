"""Writing in place through views, with gradients.

A view looks into its base's memory. When an in-place op on a view is recorded, the base's elements have changed too: its
history becomes a CopySlices node, "the old base, but in this region what the op made"; and every view of the base is, from then
on, a region of that new base. Views learn it when they are next used (tape.is_stale).

A region is (offset, shape, stride) in elements, relative to a contiguous base; or with a fourth part, the order of the base's
dimensions in which it is contiguous.
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


cdef TensorBase turned(TensorBase a, tuple order, bint back):
    """a with its dimensions in that order, or back; recorded."""
    from tinygrad_c.ops.shape.shape import permute
    return permute(a, [order.index(d) for d in range(len(order))] if back else order)


cdef bint looks_into(TensorBase view, TensorBase base) noexcept:
    """Not so any more if the base was given other memory (base.data = ...)."""
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
        return gather(turned(a, region[3], False), region[:3])
    a = contiguous(a)
    out = region_view(a, region)
    if recording(a):
        record(&GATHER, out, a).extra = region
    return out


cdef TensorBase put(TensorBase g, tuple region, int ndim, const Py_ssize_t* shape):
    """Where elements of the region share memory (windows that overlap), what comes in for them is added up."""
    cdef Py_ssize_t[MAX_NDIM] size
    cdef TensorBase out
    cdef list kept, walked
    cdef bint before
    cdef int d
    if len(region) > 3:
        for d in range(ndim):
            size[d] = shape[region[3][d]]
        return turned(put(g, region[:3], ndim, size), region[3], True)
    out = zeros(g.dtype, ndim, shape)
    before = set_grad(False)
    try:
        kept, walked = without_overlap(region)
        if g.numel == 0:
            pass
        elif walked:
            add_by_parts(out, g, region, kept, walked)
        else:
            copy_into(region_view(out, region), g)
    finally:
        set_grad(before)
    if recording(g):
        record(&PUT, out, g).extra = region
    return out


cdef tuple without_overlap(tuple region):
    """(kept, walked): dimensions in which no two elements share memory, the longest first; and the others."""
    kept, walked = [], []
    for d in sorted(range(len(region[1])), key=lambda d: -region[1][d]):
        reach = 0
        for stride, size in sorted((abs(region[2][e]), region[1][e]) for e in (*kept, d) if region[1][e] > 1):
            if stride <= reach:
                walked.append(d)
                break
            reach += (size - 1) * stride
        else:
            kept.append(d)
    return sorted(kept), walked


cdef int add_by_parts(TensorBase out, TensorBase g, tuple region, list kept, list walked) except -1:
    """For each index of the walked dimensions, add that part of g: as many additions as a window has elements."""
    from itertools import product

    from tinygrad_c.ops.elementwise.elementwise import add_
    offset, shape, stride = region
    given = strides_of(g)
    sizes = tuple([shape[d] for d in kept])
    to = tuple([stride[d] for d in kept])
    of = tuple([given[d] for d in kept])
    for index in product(*[range(shape[d]) for d in walked]):
        start = offset + sum([i * stride[d] for i, d in zip(index, walked)])
        source = sum([i * given[d] for i, d in zip(index, walked)])
        add_(region_view(out, (start, sizes, to)), region_view(g, (source, sizes, of)))
    return 0


cdef list sizes_before(object given, int ndim):
    cdef Py_ssize_t size
    cdef list out = [size for size in given]
    if len(out) != ndim or (out and min(out) < 0):
        raise RuntimeError(f"pad(): expected {ndim} numbers of at least 0, one for each dimension, got {out}")
    return out


def zero_pad(input, before, after):
    """input with zeros around: before[d] of them in front of dimension d and after[d] behind it.

    >>> zero_pad(tinygrad_c.ones(2), (1,), (2,))
    tensor([0., 1., 1., 0., 0.])
    """
    cdef TensorBase a = as_tensor(input, "pad(): argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t offset = 0, step = 1
    cdef int d
    cdef list stride = []
    before, after = sizes_before(before, a.ndim), sizes_before(after, a.ndim)
    for d in range(a.ndim - 1, -1, -1):
        shape[d] = before[d] + a.shape[d] + after[d]
        stride.append(step)
        offset += step * before[d]
        step *= shape[d]
    return put(a, (offset, shape_of(a), tuple(stride[::-1])), a.ndim, shape)


# ---- What the tape calls

cdef int copy_slices_backward(BackwardPass back, Node node, TensorBase g) except -1:
    """The op that wrote gets the region's gradient; the old base gets the rest."""
    cdef tuple region = node.extra
    cdef TensorBase rest
    if back.needs(node, 1):
        back.send_grad(node, 1, clone(gather(g, region)))
    if back.needs(node, 0):
        if back.create_graph:
            from tinygrad_c.ops.elementwise.elementwise import sub
            rest = sub(g, put(gather(g, region), region, g.ndim, g.shape))
        else:
            rest = clone(turned(g, region[3], False) if len(region) > 3 else g)
            copy_into(region_view(rest, region), zeros(g.dtype, 0, NULL))
            rest = turned(rest, region[3], True) if len(region) > 3 else rest
        back.send_grad(node, 0, rest)
    return 0

cdef Rule COPY_SLICES = Rule(b"CopySlices", copy_slices_backward)


cdef int rebase(TensorBase view) except -1:
    """A write to `view` was just recorded: give its base the new history."""
    cdef TensorBase base = view._base
    if not looks_into(view, base):
        view._base = None
        return 0
    cdef Node node = record(&COPY_SLICES, base, base)
    node.edge1 = view._grad_fn
    node.extra = region_of(view)
    return refresh(view)


cdef int refresh(TensorBase view) except -1:
    """The view's base has a new history: the view is a region of that."""
    cdef TensorBase base = view._base
    if not looks_into(view, base):
        view._base = None
        return 0
    view._base_number = number_of(base)
    if wants_grad(base):
        record(&GATHER, view, base).extra = region_of(view)
    else:
        view._grad_fn = None
    return 0


register_views(rebase, refresh)


# ---- In place, another shape of the same memory

def check_may_change(input):
    """Raise what an in-place operation on this tensor raises."""
    check_inplace(as_tensor(input, "argument 'input' (position 1)"))


def take_view(input, view):
    """x.t_() and its like: input takes over the shape, the strides and the history of `view`, which looks at its memory."""
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
