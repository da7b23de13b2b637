"""Indexing: x[key], x[key] = value, and the functions that gather and scatter.

    parse(x, key) -> Plan     ints, slices, None and ... become a view; index tensors, and masks as the places where they are
                              true, become offsets into that view
    take(x, plan)             the elements: the view itself, or a copy gathered by one kernel
    add_into_zeros(g, plan)   zeros with g added at the plan's places: the gradient of take, as take is its gradient
    put(x, plan, value)       x[key] = value

PyTorch's rules: several index tensors are broadcast together and select point by point; the dimensions they make stand where
the first of them stood if they are neighbours, else in front. Beyond PyTorch, slices may have negative steps.
"""
from cpython.slice cimport PySlice_Check, PySlice_Unpack, PySlice_AdjustIndices
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from tinygrad_c.array cimport itemsize, same_shape, shape_of
from tinygrad_c.kernels cimport gather as movers
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.dispatch cimport kernels, run
from tinygrad_c.kernels.generated.ids cimport *
from tinygrad_c.ops.elementwise cimport *
from tinygrad_c.ops.shape cimport expand_to, parse_dim
from tinygrad_c.ops.view cimport put as put_region
from tinygrad_c.tape cimport *

from tinygrad_c.ops.create import tensor
from tinygrad_c.ops.elementwise import write

cdef enum:
    IN_MEMORY
    FLAT                    # as if x were contiguous

TYPE_NAMES = ("Bool", "Byte", "Int", "Long", "Float", "Double")


# ---- From a key to a plan

cdef class Plan:
    """Where the elements of x[key] lie: in a view of x if the key has no index tensors; else at offsets within that view.

    Everything is there twice: for x as it lies in memory, and as if it were contiguous, as its gradient is.
    """
    cdef int ndim                               # of the view that the ints, slices and Nones make
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[2][MAX_NDIM] stride         # [0] in memory, [1] as if contiguous
    cdef Py_ssize_t[2] start                    # the view's first element
    cdef bint picks                             # the key has ints: SelectBackward0, not SliceBackward0
    cdef list index                             # int64 tensors, and which dimension of the view (of x) each one indexes
    cdef list dims
    cdef list source_dims
    cdef int at                                 # where in the result the index tensors' dimensions come, and
    cdef int count                              # how many
    cdef int out_ndim                           # the result's shape
    cdef Py_ssize_t[MAX_NDIM] out_shape
    cdef int row_ndim                           # a row: the view's other dimensions, their strides in the result
    cdef Py_ssize_t[MAX_NDIM] row_shape
    cdef Py_ssize_t[MAX_NDIM] row_stride
    cdef Py_ssize_t[2][MAX_NDIM] row_source     # and in x
    cdef Py_ssize_t step                        # from one row to the next in the result
    cdef Py_ssize_t rows
    cdef TensorBase offsets                     # int64, one per row, in memory, and
    cdef TensorBase flat_offsets                # as if contiguous; made when needed

    cdef int start_from(self, TensorBase x) except -1:
        self.start[IN_MEMORY] = self.start[FLAT] = 0
        self.ndim = 0
        self.index = None
        self.picks = False
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
        """The dimension that will be added next is indexed; `dim` is its number in x."""
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
    """A tensor of a key's part that is neither int, slice, None nor Ellipsis."""
    cdef TensorBase index
    if isinstance(key, TensorBase):
        index = key
    elif isinstance(key, (list, tuple, range)) or hasattr(key, "__array__"):
        index = tensor(list(key) if isinstance(key, range) else key)
        if index.numel == 0 and index.dtype >= FLOAT32 and not hasattr(key, "__array__"):
            index = to_dtype(index, INT64)
    else:
        raise TypeError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
                        f"{type(key).__name__})")
    if index.dtype >= FLOAT32:
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {TYPE_NAMES[index.dtype]}: "
                         "call .long()")
    return index


cdef inline bint is_mask(TensorBase index) noexcept:
    return index.dtype == BOOL or index.dtype == UINT8


cdef int raise_out_of_bounds(object index, int dim, Py_ssize_t size) except -1:
    raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")


cdef Py_ssize_t wrapped(object key, int dim, Py_ssize_t size) except -1:
    cdef Py_ssize_t i
    try:
        i = key
    except OverflowError:
        raise_out_of_bounds(key, dim, size)
    if i < -size or i >= size:
        raise_out_of_bounds(key, dim, size)
    return i + size if i < 0 else i


cdef Plan parse(TensorBase x, object key):
    cdef Plan plan = Plan.__new__(Plan)
    cdef Py_ssize_t[MAX_NDIM] flat
    cdef tuple keys = <tuple> key if type(key) is tuple else (key,)
    cdef list parts = []
    cdef int d = 0, used = 0, i
    cdef bint dots = False
    cdef Py_ssize_t begin, stop, step, n
    cdef TensorBase index, place
    plan.start_from(x)
    flat_strides(x, flat)
    for part in keys:
        if part is None:
            pass
        elif part is Ellipsis:
            if dots:
                raise IndexError("an index can only have a single ellipsis ('...')")
            dots = True
        elif isinstance(part, bool):
            part = tensor(part)
        elif PySlice_Check(part) or type(part) is int:
            used += 1
        elif not isinstance(part, TensorBase) and not hasattr(part, "__len__") and hasattr(part, "__index__"):
            part = part.__index__()         # a NumPy integer
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
    if used > x.ndim:
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
            if part.step is not None and part.step == 0:
                raise ValueError("slice step must be greater than zero or negative, not 0")
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
            plan.picks = True
            d += 1
        elif is_mask(part):
            index = part
            if index.ndim == 0:             # x[True] is x[None], x[False] an empty one of that
                n = (<uint8_t*> index.data)[0] != 0
                plan.add_index(zeros(INT64, 1, &n), d)
                plan.add_dim(1, 0, 0)
                continue
            for i in range(index.ndim):
                if index.shape[i] != x.shape[d + i]:
                    raise IndexError(f"The shape of the mask {list(shape_of(index))} at index {i} does not match the shape of "
                                     f"the indexed tensor {list(shape_of(x))} at index {d + i}")
            for place in places(index):
                plan.add_index(place, d)
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
    """Broadcast the index tensors, check them, and lay out the result."""
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
            plan.at = 0                     # not neighbours: in front
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
    """A tensor that only has a shape."""
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
    return 0


cdef TensorBase offsets_of(Plan plan, int which):
    """One offset per row."""
    cdef TensorBase out = plan.offsets if which == IN_MEMORY else plan.flat_offsets
    cdef TensorBase index
    cdef const int64_t* p
    cdef int64_t* to
    cdef Py_ssize_t i, size, stride
    cdef int d, k
    if out is not None:
        return out
    out = empty(INT64, 1, &plan.rows)
    to = <int64_t*> out.data
    for k, d in enumerate(plan.dims):
        index = plan.index[k]
        p = <const int64_t*> index.data
        size = plan.shape[d]
        stride = plan.stride[which][d]
        if k == 0:
            for i in range(plan.rows):
                to[i] = plan.start[which] + (p[i] + size if p[i] < 0 else p[i]) * stride
        else:
            for i in range(plan.rows):
                to[i] += (p[i] + size if p[i] < 0 else p[i]) * stride
    if which == IN_MEMORY:
        plan.offsets = out
    else:
        plan.flat_offsets = out
    return out


cdef int freeze(Plan plan, TensorBase x) except -1:
    """Make the offsets that the backward pass will need now: the user may write to the index tensors."""
    if x.contiguous:
        plan.flat_offsets = offsets_of(plan, IN_MEMORY)
    else:
        offsets_of(plan, FLAT)
    return 0


cdef list places(TensorBase mask):
    """Per dimension, the int64 coordinates of the elements that are not 0, in row-major order."""
    cdef TensorBase m = to_dtype(mask, BOOL)
    cdef const uint8_t* p
    cdef Py_ssize_t n = 0, i, k = 0, rest
    cdef list out
    cdef int64_t* to[MAX_NDIM]
    cdef int d
    m = m if m.contiguous else copy_of(m)
    p = <const uint8_t*> m.data
    for i in range(m.numel):
        n += p[i]
    out = []
    for d in range(m.ndim):
        out.append(empty(INT64, 1, &n))
        to[d] = <int64_t*> (<TensorBase> out[d]).data
    for i in range(m.numel if m.ndim > 0 else 0):
        if p[i]:
            rest = i
            for d in range(m.ndim - 1, 0, -1):
                to[d][k] = rest % m.shape[d]
                rest //= m.shape[d]
            to[0][k] = rest
            k += 1
    return out


# ---- Moving rows

cdef int launch(kernel_t kernel, Plan plan, TensorBase dense, TensorBase scattered, int which, bint serial) except -1:
    """dense is contiguous, in the result's layout; scattered is x in memory, or contiguous (FLAT)."""
    cdef TensorBase offsets
    cdef Call call
    cdef int d, n = 0
    if dense.numel == 0:
        return 0
    offsets = offsets_of(plan, which)
    call.kernel = kernel
    call.n_operands = 3
    call.shape[0] = plan.rows
    call.operand[0].data = dense.data
    call.operand[0].itemsize = call.operand[1].itemsize = itemsize(dense.dtype)
    call.operand[0].stride[0] = plan.step
    call.operand[1].data = scattered.data
    call.operand[2].data = offsets.data
    for d in range(plan.row_ndim):          # neighbours that both sides walk through as one are merged
        if plan.row_shape[d] == 1:
            continue
        if n > 0 and call.operand[0].stride[n] == plan.row_stride[d] * plan.row_shape[d] \
                and call.operand[1].stride[n] == plan.row_source[which][d] * plan.row_shape[d]:
            call.shape[n] *= plan.row_shape[d]
        else:
            n += 1
            call.shape[n] = plan.row_shape[d]
        call.operand[0].stride[n] = plan.row_stride[d]
        call.operand[1].stride[n] = plan.row_source[which][d]
    call.ndim = n + 1
    call.units = 1 if serial else (plan.rows + movers.GATHER_ROWS - 1) // movers.GATHER_ROWS
    call.work = plan.rows * 3 + dense.numel // 4
    run(&call)
    return 0


cdef int view_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    return walk.give(node, 0, put_region(g, node.extra, ndim, shape))

cdef Rule SELECT = Rule(b"SelectBackward0", view_backward)
cdef Rule SLICE = Rule(b"SliceBackward0", view_backward)


cdef TensorBase view_by(TensorBase x, Plan plan):
    """What a plan without index tensors shows."""
    cdef char* data = x.data + plan.start[IN_MEMORY] * itemsize(x.dtype)
    cdef TensorBase out = view_of(x, data, plan.ndim, plan.shape, plan.stride[IN_MEMORY])
    cdef int d
    if recording(x):
        record(&SELECT if plan.picks else &SLICE, out, x).extra = (
            plan.start[FLAT], tuple([plan.shape[d] for d in range(plan.ndim)]),
            tuple([plan.stride[FLAT][d] for d in range(plan.ndim)]))
    return out


cdef int take_backward(Walk walk, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    return walk.give(node, 0, add_into_zeros(g, node.extra, ndim, shape))

cdef int add_backward(Walk walk, Node node, TensorBase g) except -1:
    return walk.give(node, 0, take(contiguous(g), node.extra, FLAT))

cdef Rule TAKE = Rule(b"IndexBackward0", take_backward)
cdef Rule ADD_AT = Rule(b"IndexPutBackward0", add_backward)


cdef TensorBase take(TensorBase x, Plan plan, int which):
    """The elements at the plan's places. `which`: FLAT if x is not the tensor that the plan was made for."""
    cdef TensorBase out = empty(x.dtype, plan.out_ndim, plan.out_shape)
    launch(movers.take, plan, out, x, which, False)
    if recording(x):
        freeze(plan, x)
        record(&TAKE, out, x).extra = plan
    return out


cdef TensorBase add_into_zeros(TensorBase g, Plan plan, int ndim, const Py_ssize_t* shape):
    cdef TensorBase out = zeros(g.dtype, ndim, shape)
    cdef TensorBase dense = g if g.contiguous else copy_of(g)
    launch(kernels(g.dtype).scatter_add, plan, dense, out, FLAT, True)
    if recording(g):
        record(&ADD_AT, out, g).extra = plan
    return out


# ---- x[key] and x[key] = value

def getitem(x, key):
    """x[key]: a view for ints, slices, None and ...; a copy if there are index tensors, lists, arrays or masks."""
    cdef TensorBase a = x
    cdef Plan plan
    cdef Py_ssize_t i
    if type(key) is int and a.ndim > 0 and not recording(a):     # the quick way to a row
        i = wrapped(key, 0, a.shape[0])
        return view_of(a, a.data + i * a.stride[0] * itemsize(a.dtype), a.ndim - 1, a.shape + 1, a.stride + 1)
    plan = parse(a, key)
    return view_by(a, plan) if plan.index is None else take(a, plan, IN_MEMORY)


cdef int put_backward(Walk walk, Node node, TensorBase g) except -1:
    """The old value's gradient is g, but 0 at the places; the new elements' is g there."""
    cdef Plan plan = node.extra
    cdef TensorBase there
    if walk.needs(node, 1):
        walk.give(node, 1, take(contiguous(g), plan, FLAT))
    if walk.needs(node, 0):
        there = zeros(BOOL, g.ndim, g.shape)
        launch(movers.put, plan, all_true(plan), there, FLAT, True)
        walk.give(node, 0, where_(there, scalar_tensor(0, g.dtype), g))
    return 0

cdef Rule PUT = Rule(b"IndexPutBackward0", put_backward)


cdef TensorBase all_true(Plan plan):
    cdef TensorBase out = empty(BOOL, plan.out_ndim, plan.out_shape)
    copy_into(out, scalar_tensor(True, BOOL))
    return out


cdef int put(TensorBase x, Plan plan, TensorBase value) except -1:
    """Write value, which has the plan's shape or broadcasts to it, to its places in x; recorded."""
    cdef TensorBase dense
    cdef int d
    cdef bint fits = value.ndim <= plan.out_ndim
    check_inplace(x)
    for d in range(value.ndim if fits else 0):
        fits = fits and value.shape[d] in (1, plan.out_shape[plan.out_ndim - value.ndim + d])
    if not fits:
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(shape_of(value))} cannot be broadcast to indexing "
                           f"result of shape {[plan.out_shape[d] for d in range(plan.out_ndim)]}")
    dense = empty(x.dtype, plan.out_ndim, plan.out_shape)
    copy_into(dense, value)
    launch(movers.put, plan, dense, x, IN_MEMORY, True)
    if x.dtype >= FLOAT32 and (recording(x) or recording(value)):
        freeze(plan, x)
        record2(&PUT, x, x, value).extra = plan
    return wrote(x)


def setitem(x, key, value):
    """x[key] = value, in place: value is broadcast, and converted to x's dtype. Nothing is written if an index is wrong."""
    cdef TensorBase a = x
    cdef Plan plan = parse(a, key)
    if not isinstance(value, TensorBase) and not is_number(value):
        value = tensor(value)
    if plan.index is None:
        write(view_by(a, plan), value)
    else:
        put(a, plan, scalar_tensor(value, a.dtype) if is_number(value) else as_tensor(value, "the value"))


# ---- Along a dimension: gather, scatter

cdef TensorBase as_index(object index, str name):
    cdef TensorBase i = as_tensor(index, f"{name}(): argument 'index'")
    if i.dtype >= FLOAT32 or i.dtype == BOOL:
        raise RuntimeError(f"{name}(): Expected dtype int64 for index, got {TYPE_NAMES[i.dtype]}: call .long()")
    return dense_index(i)


cdef Plan plan_along(TensorBase x, TensorBase index, int dim, bint keepdim):
    """Places x[c0, ..., index[c], ...]: the index stands for coordinate `dim`; without keepdim its own c lack it."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef Py_ssize_t[MAX_NDIM] flat
    cdef Py_ssize_t[MAX_NDIM] coordinate
    cdef const int64_t* p = <const int64_t*> index.data
    cdef int64_t* to[2]
    cdef Py_ssize_t i, k
    cdef int d, last = index.ndim - 1
    flat_strides(x, flat)
    if x.ndim > 0:
        check_bounds(index, dim, x.shape[dim])
    else:
        check_bounds(index, 0, 1)
    plan.start_from(x)
    plan.rows = index.numel
    plan.step = 1
    plan.row_ndim = 0
    plan.out_ndim = index.ndim
    memcpy(plan.out_shape, index.shape, index.ndim * sizeof(Py_ssize_t))
    plan.offsets = empty(INT64, 1, &plan.rows)
    plan.flat_offsets = plan.offsets if x.contiguous else empty(INT64, 1, &plan.rows)
    to[0] = <int64_t*> plan.offsets.data
    to[1] = <int64_t*> plan.flat_offsets.data
    for d in range(index.ndim):
        coordinate[d] = 0
    for i in range(index.numel):
        to[0][i] = to[1][i] = 0
        if x.ndim > 0:
            k = p[i] + x.shape[dim] if p[i] < 0 else p[i]
            plan.start[IN_MEMORY] = k * x.stride[dim]
            plan.start[FLAT] = k * flat[dim]
            for d in range(index.ndim):
                k = d if keepdim or d < dim else d + 1
                if k != dim:
                    plan.start[IN_MEMORY] += coordinate[d] * x.stride[k]
                    plan.start[FLAT] += coordinate[d] * flat[k]
            to[0][i] = plan.start[IN_MEMORY]
            to[1][i] = plan.start[FLAT]
        d = last
        while d >= 0:
            coordinate[d] += 1
            if coordinate[d] < index.shape[d]:
                break
            coordinate[d] = 0
            d -= 1
    return plan


cdef TensorBase take_along(TensorBase x, TensorBase index, int dim, bint keepdim):
    return take(x, plan_along(x, index, dim, keepdim), IN_MEMORY)


cdef TensorBase put_along(TensorBase x, TensorBase index, int ndim, const Py_ssize_t* shape, int dim, bint keepdim):
    cdef TensorBase like = new_tensor()
    cdef int d
    cdef Py_ssize_t n = 1
    for d in range(ndim - 1, -1, -1):       # what plan_along reads of a tensor of that shape
        like.shape[d] = shape[d]
        like.stride[d] = n
        n *= shape[d]
    like.ndim = ndim
    like.contiguous = True
    return add_into_zeros(x, plan_along(like, index, dim, keepdim), ndim, shape)


cdef int check_along(TensorBase x, TensorBase index, int dim, str name) except -1:
    cdef int d
    if (x.ndim if x.ndim > 0 else 1) != (index.ndim if index.ndim > 0 else 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor: the index has shape "
                           f"{list(shape_of(index))}, the input {list(shape_of(x))}")
    for d in range(index.ndim):
        if d != dim and x.ndim > 0 and index.shape[d] > x.shape[d]:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {list(shape_of(index))} to be no larger "
                               f"than self {list(shape_of(x))} apart from dimension {dim}")
    return 0


def gather(input, dim, index):
    """out[i][j] = input[index[i][j]][j] for dim 0, input[i][index[i][j]] for dim 1, and so on.

    index: integers, as many dimensions as input, no larger except in `dim`; the result has its shape.
    Raises RuntimeError for shapes that do not fit, IndexError for an index out of bounds.

    >>> gather(tinygrad_c.tensor([[1., 2.], [3., 4.]]), 1, tinygrad_c.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    cdef TensorBase x = as_tensor(input, "gather(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "gather")
    cdef int d = parse_dim(dim, x.ndim)
    check_along(x, i, d, "gather")
    return take_along(x, i, d, True)


def take_along_dim(input, indices, dim=None):
    """gather, with input and indices broadcast together but for `dim`; without dim, elements of the flattened input.

    >>> take_along_dim(tinygrad_c.tensor([[3., 1., 2.]]), tinygrad_c.tensor([[1, 2, 0]]), 1)
    tensor([[1., 2., 3.]])
    """
    from tinygrad_c.ops.shape import reshape
    cdef TensorBase x = as_tensor(input, "take_along_dim(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(indices, "take_along_dim")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d, k
    if dim is None:
        return take_along(reshape(x, -1), reshape(i, -1), 0, True)
    d = parse_dim(dim, x.ndim)
    if x.ndim != i.ndim:
        raise RuntimeError("torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
                           f"{x.ndim} dimensions for input, and {i.ndim} dimensions for indices")
    for k in range(x.ndim):
        shape[k] = i.shape[k] if x.shape[k] == 1 or k == d else x.shape[k]
        if k != d and i.shape[k] not in (1, shape[k]):
            raise RuntimeError(f"The size of tensor a ({x.shape[k]}) must match the size of tensor b ({i.shape[k]}) at "
                               f"non-singleton dimension {k}")
    i = copy_of(expand_to(i, x.ndim, shape))
    shape[d] = x.shape[d]
    return take_along(expand_to(x, x.ndim, shape), i, d, True)


cdef TensorBase source_of(object src, TensorBase x, TensorBase index, str name):
    """What is scattered: a number, or a tensor's elements where index has some."""
    cdef TensorBase s
    cdef int d
    if is_number(src):
        return scalar_tensor(src, x.dtype)
    s = as_tensor(src, f"{name}(): argument 'src'")
    if s.dtype != x.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype, got {TYPE_NAMES[x.dtype]} and "
                           f"{TYPE_NAMES[s.dtype]}")
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

    Of several elements with one place the last stays. Raises as gather does.

    >>> scatter(tinygrad_c.zeros(2, 3), 1, tinygrad_c.tensor([[2], [0]]), 1.)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    return scatter_(clone(as_tensor(input, "scatter(): argument 'input' (position 1)")), dim, index, src)


cdef int scatter_add_backward(Walk walk, Node node, TensorBase g) except -1:
    if walk.needs(node, 1):
        walk.give(node, 1, take(contiguous(g), node.extra, FLAT))
    return walk.give(node, 0, g)

cdef Rule SCATTER_ADD = Rule(b"ScatterAddBackward0", scatter_add_backward)


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
        add_whole(x, s, plan)
    else:
        dense = empty(x.dtype, i.ndim, i.shape)
        copy_into(dense, s)
        launch(kernels(x.dtype).scatter_add, plan, dense, x, IN_MEMORY, True)
        if recording(x) or recording(s):
            freeze(plan, x)
            record2(&SCATTER_ADD, x, x, s).extra = plan
    wrote(x)
    return x


cdef int add_whole(TensorBase x, TensorBase source, Plan plan) except -1:
    """scatter_add of integers."""
    cdef TensorBase dense = empty(INT64, plan.out_ndim, plan.out_shape)
    cdef const int64_t* p = <const int64_t*> dense.data
    cdef const int64_t* offset = <const int64_t*> plan.offsets.data
    cdef Py_ssize_t i
    copy_into(dense, source)
    for i in range(plan.rows):
        if x.dtype == INT64:
            (<int64_t*> x.data)[offset[i]] += p[i]
        elif x.dtype == INT32:
            (<int32_t*> x.data)[offset[i]] += <int32_t> p[i]
        else:
            (<uint8_t*> x.data)[offset[i]] += <uint8_t> p[i]
    return 0


def scatter_add(input, dim, index, src):
    """A copy of input with out[index[i][j]][j] += src[i][j] for dim 0, out[i][index[i][j]] for dim 1, ...; summed in order.

    >>> scatter_add(tinygrad_c.zeros(3), 0, tinygrad_c.tensor([0, 2, 0]), tinygrad_c.tensor([1., 2., 3.]))
    tensor([4., 0., 2.])
    """
    return scatter_add_(clone(as_tensor(input, "scatter_add(): argument 'input' (position 1)")), dim, index, src)


# ---- Rows, masks, places

def index_select(input, dim, index):
    """The slices of input along `dim` whose numbers stand in index, a vector of integers: one gathering copy.

    Raises IndexError for a number out of range.

    >>> index_select(tinygrad_c.tensor([[1., 2.], [3., 4.], [5., 6.]]), 0, tinygrad_c.tensor([2, 0]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    cdef TensorBase x = as_tensor(input, "index_select(): argument 'input' (position 1)")
    cdef TensorBase i = as_index(index, "index_select")
    cdef int d = parse_dim(dim, x.ndim)
    if i.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if i.ndim == 0:
        i = i[None]
    if x.ndim == 0:
        x = x[None]
    return take(x, parse(x, (slice(None),) * d + (i,)), IN_MEMORY)


def masked_select(input, mask):
    """The elements of input where mask is true, in a vector; the two are broadcast together.

    >>> masked_select(tinygrad_c.tensor([1., 2., 3.]), tinygrad_c.tensor([True, False, True]))
    tensor([1., 3.])
    """
    cdef TensorBase x = as_tensor(input, "masked_select(): argument 'input' (position 1)")
    cdef TensorBase m = as_tensor(mask, "masked_select(): argument 'mask' (position 2)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    if m.dtype != BOOL:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {TYPE_NAMES[m.dtype]}: compare first, as in x > "
                           "0")
    if not same_shape(x, m):
        broadcast_shapes(x, m, &ndim, shape)
        x = expand_to(x, ndim, shape)
        m = expand_to(m, ndim, shape)
    if x.ndim == 0:
        x, m = x[None], m[None]
    return take(x, parse(x, m), IN_MEMORY)


def masked_fill(input, mask, value):
    """A copy of input with value where mask is true.

    >>> masked_fill(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([True, False]), 0.)
    tensor([0., 2.])
    """
    cdef TensorBase x = as_tensor(input, "masked_fill(): argument 'input' (position 1)")
    if (<TensorBase?> mask).dtype != BOOL:
        raise RuntimeError("masked_fill only supports boolean masks: compare first, as in x > 0")
    return where_(mask, scalar_tensor(value, x.dtype) if is_number(value) else to_dtype(value, x.dtype), x)


def masked_fill_(input, mask, value):
    """masked_fill in place."""
    cdef TensorBase x = as_tensor(input, "masked_fill_(): argument 'input' (position 1)")
    check_inplace(x)
    return adopt(x, masked_fill(x, mask, value))


def nonzero(input, *, as_tuple=False):
    """Where input is not 0: an (n, ndim) matrix of coordinates, or, with as_tuple=True, a vector per dimension: a key for x.

    >>> nonzero(tinygrad_c.tensor([0., 5., 6.]))
    tensor([[1],
            [2]])
    """
    cdef TensorBase x = as_tensor(input, "nonzero(): argument 'input' (position 1)")
    cdef TensorBase out, part
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
    out = empty(INT64, 2, shape)
    for d in range(x.ndim):
        part = found[d]
        for i in range(shape[0]):
            (<int64_t*> out.data)[i * shape[1] + d] = (<int64_t*> part.data)[i]
    return out


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
