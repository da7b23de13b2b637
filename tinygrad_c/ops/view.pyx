"""Writing in place through views, with gradients.

A view looks into its base's memory. When an in-place op on a view is recorded, the base's elements have changed too: its
history becomes a CopySlices node, "the old base, but in this region what the op made"; and every view of the base is, from then
on, a region of that new base. Views learn it when they are next used (tape.is_stale).

A region is (offset, shape, stride) in elements, relative to a contiguous base.
"""
from tinygrad_c.array cimport itemsize, shape_of
from tinygrad_c.kernels.call cimport MAX_NDIM
from tinygrad_c.ops.elementwise cimport clone, contiguous, copy_into
from tinygrad_c.tape cimport *


cdef tuple region_of(TensorBase view):
    cdef Py_ssize_t offset = (view.data - view._base.data) // itemsize(view.dtype)
    return offset, shape_of(view), tuple([view.stride[d] for d in range(view.ndim)])


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

cdef int gather_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    walk.give(node, 0, put(g, node.extra, ndim, shape))
    return 0

cdef int put_backward(Walk walk, Node node, TensorBase g) except -1:
    walk.give(node, 0, gather(g, node.extra))
    return 0

cdef Rule GATHER = Rule(b"AsStridedBackward0", gather_backward)
cdef Rule PUT = Rule(b"AsStridedScatterBackward0", put_backward)


cdef TensorBase gather(TensorBase a, tuple region):
    cdef TensorBase out
    a = contiguous(a)
    out = region_view(a, region)
    if recording(a):
        record(&GATHER, out, a).extra = region
    return out


cdef TensorBase put(TensorBase g, tuple region, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out = zeros(g.dtype, ndim, shape)
    cdef int d
    for d in range(len(region[1])):
        if region[2][d] == 0 and region[1][d] > 1:
            raise RuntimeError("a gradient cannot go through a view whose elements share memory: .clone() the expanded tensor")
    cdef bint before = set_grad(False)
    copy_into(region_view(out, region), g)
    set_grad(before)
    if recording(g):
        record(&PUT, out, g).extra = region
    return out


# ---- What the tape calls

cdef int copy_slices_backward(Walk walk, Node node, TensorBase g) except -1:
    """The op that wrote gets the region's gradient; the old base gets the rest."""
    cdef tuple region = node.extra
    cdef TensorBase rest
    if walk.needs(node, 1):
        walk.give(node, 1, clone(gather(g, region)))
    if walk.needs(node, 0):
        if walk.create_graph:
            from tinygrad_c.ops.elementwise import sub
            rest = sub(g, put(gather(g, region), region, g.ndim, g.shape))
        else:
            rest = clone(g)
            copy_into(region_view(rest, region), zeros(g.dtype, 0, NULL))
        walk.give(node, 0, rest)
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
