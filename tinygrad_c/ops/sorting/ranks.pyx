"""Indices in sorted order, along a dimension: what sort, topk, kthvalue, searchsorted, unique and bincount are composed of.

Rows along the dimension are made contiguous and given to a kernel of kernels/portable/order.pyx. Nothing here is recorded: the
callers take elements with `gather`, which has the gradient.
"""
from libc.stdint cimport int64_t

from tinygrad_c.core.array cimport itemsize
from tinygrad_c.core.tape cimport *
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.portable cimport order as kernels_of_order
from tinygrad_c.kernels.portable.order cimport FEW, ORDER_COUNT, ORDER_DESCENDING, ORDER_DTYPE, ORDER_LENGTH, ORDER_RANK, \
    ORDER_RIGHT, ORDER_ROWS, ORDER_SHARED, NARROW_ITEM, WIDE_ITEM
from tinygrad_c.kernels.runtime.dispatch cimport refuse, run
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor, computed, copy_of


cdef TensorBase swapped(TensorBase x, int dim):
    """x with dim and the last dimension exchanged: a view, not recorded."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int d, last = x.ndim - 1
    for d in range(x.ndim):
        shape[d] = x.shape[last if d == dim else dim if d == last else d]
        stride[d] = x.stride[last if d == dim else dim if d == last else d]
    return view_of(x, x.data, x.ndim, shape, stride)


cdef TensorBase rows_along(TensorBase x, int dim):
    """x with dim as its last dimension, contiguous; not recorded."""
    if dim == x.ndim - 1:
        return x if x.contiguous else copy_of(x)
    return copy_of(swapped(x, dim))


cdef TensorBase ranked(kernel_t kernel, TensorBase x, int dim, Py_ssize_t count, int64_t param, Py_ssize_t items):
    """Run a kernel on rows along dim: int64, `count` elements along dim. items: of scratch memory, for each element."""
    cdef TensorBase rows = rows_along(x, dim)
    cdef TensorBase out, spare
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n = x.shape[dim], nbytes = rows.numel * items * (WIDE_ITEM if itemsize(x.dtype) == 8 else NARROW_ITEM)
    cdef Call call
    cdef int d
    for d in range(x.ndim):
        shape[d] = rows.shape[d]
    shape[x.ndim - 1] = count
    out = empty(INT64, x.ndim, shape)
    spare = empty(UINT8, 1, &nbytes)
    if out.numel > 0:
        call.kernel = kernel
        call.inner = NULL
        call.n_operands = 3
        call.ndim = 3
        call.shape[ORDER_LENGTH] = n
        call.shape[ORDER_COUNT] = count
        call.units = call.shape[ORDER_ROWS] = rows.numel // n
        call.work = rows.numel * 8
        call.param[ORDER_DTYPE].i = x.dtype
        call.param[ORDER_DESCENDING].i = call.param[ORDER_RANK].i = param
        call.operand[0].data = out.data
        call.operand[1].data = rows.data
        call.operand[1].itemsize = itemsize(x.dtype)
        call.operand[2].data = spare.data
        run(&call)
    return out if dim == x.ndim - 1 else copy_of(swapped(out, dim))


cdef TensorBase checked(object input, object dim, object count, Py_ssize_t least):
    """The tensor, after a check that dim is one of its dimensions, with at least `least` and `count` elements."""
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    if not 0 <= dim < x.ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [0, {x.ndim - 1}], but got {dim})")
    if not least <= count <= x.shape[<int> dim]:
        raise RuntimeError(f"selected index k out of range: {count} of {x.shape[<int> dim]} elements along dimension {dim}")
    return computed(x, "sort")


def first_in_order(input, int dim, Py_ssize_t count, bint descending):
    """int64: the indices of the first `count` elements along dim in sorted order, stable, NaN as the largest.

    >>> first_in_order(tinygrad_c.tensor([3., 1., 2.]), 0, 2, False)
    tensor([1, 2])
    """
    cdef TensorBase x = checked(input, dim, count, 0)
    if 0 < count <= FEW and 4 * count < x.shape[dim]:
        return ranked(kernels_of_order.top_rows, x, dim, count, descending, 0)
    return ranked(kernels_of_order.sort_rows, x, dim, count, descending, 2)


def index_of_rank(input, int dim, Py_ssize_t rank):
    """int64, with size 1 along dim: the index of the element at position `rank` in sorted order, the first of equal ones.

    >>> index_of_rank(tinygrad_c.tensor([3., 1., 2.]), 0, 1)
    tensor([2])
    """
    cdef TensorBase x = checked(input, dim, rank + 1, 1)
    return ranked(kernels_of_order.select_rows, x, dim, 1, rank, 1)


def search(bounds, input, bint right):
    """int64: where to insert each number into a sorted vector, or into the row of `bounds` with the same leading dimensions.

    >>> search(tinygrad_c.tensor([1., 2., 3.]), tinygrad_c.tensor([2., 9.]), False)
    tensor([1, 3])
    """
    cdef TensorBase rows = computed(as_tensor(bounds, "argument 'sorted_sequence' (position 1)"), "searchsorted")
    cdef TensorBase x = computed(as_tensor(input, "argument 'input' (position 2)"), "searchsorted")
    cdef TensorBase out
    cdef Py_ssize_t n, count
    cdef Call call
    cdef int d
    if rows.dtype != x.dtype or rows.ndim == 0 or (rows.ndim > 1 and rows.ndim != x.ndim):
        raise RuntimeError("search(): bounds and input must have one dtype, and bounds one dimension or input's dimensions")
    for d in range(rows.ndim - 1):
        if rows.shape[d] != x.shape[d]:
            raise RuntimeError("search(): bounds and input must have the same leading dimensions")
    rows = rows if rows.contiguous else copy_of(rows)
    x = x if x.contiguous else copy_of(x)
    out = empty(INT64, x.ndim, x.shape)
    n = rows.shape[rows.ndim - 1]
    count = 1 if x.ndim == 0 else x.shape[x.ndim - 1]
    if out.numel > 0:
        # Compute: no Python code runs from here on.
        call.kernel = kernels_of_order.search_rows
        call.inner = NULL
        call.n_operands = 3
        call.ndim = 3
        call.shape[ORDER_LENGTH] = n
        call.shape[ORDER_COUNT] = count
        call.units = call.shape[ORDER_ROWS] = x.numel // count
        call.work = x.numel * 20
        call.param[ORDER_DTYPE].i = x.dtype
        call.param[ORDER_RIGHT].i = right
        call.param[ORDER_SHARED].i = rows.ndim == 1
        call.operand[0].data = out.data
        call.operand[1].data = x.data
        call.operand[1].itemsize = itemsize(x.dtype)
        call.operand[2].data = rows.data
        run(&call)
    return out


def groups(input, bint consecutive=False):
    """(first, inverse, counts) of a vector, int64: for each distinct value in sorted order the index of its first element, the
    number of its group for each element, and the sizes of the groups. NaN differs from itself. consecutive: a group is a run of
    equal elements, and groups are in the order of the vector.

    >>> groups(tinygrad_c.tensor([2, 1, 2]))
    (tensor([1, 0]), tensor([1, 0, 1]), tensor([1, 2]))
    >>> groups(tinygrad_c.tensor([2, 2, 1]), True)
    (tensor([0, 2]), tensor([0, 0, 1]), tensor([2, 1]))
    """
    cdef TensorBase x = checked(input, 0, 0, 0)
    cdef TensorBase order, inverse, start, first, counts
    cdef Py_ssize_t n = x.numel, found = 0, i
    cdef int64_t n_groups = 0
    cdef int64_t* begin
    cdef Call call
    if x.ndim != 1:
        raise RuntimeError(f"groups(): expected a vector, but got {x.ndim} dimensions")
    refuse(b"unique() has as many results as there are distinct values")
    x = copy_of(x)                                  # read twice: another thread may write in between
    if consecutive:
        order = empty(INT64, 1, &n)
        for i in range(n):
            (<int64_t*> order.data)[i] = i
    else:
        order = ranked(kernels_of_order.sort_rows, x, 0, n, False, 2)
    inverse, start = empty(INT64, 1, &n), empty(INT64, 1, &n)
    if n > 0:
        # Compute: no Python code runs from here on.
        call.kernel = kernels_of_order.group_row
        call.inner = NULL
        call.n_operands = 5
        call.ndim = 2
        call.units = 1
        call.work = n * 2
        call.shape[ORDER_LENGTH] = n
        call.param[ORDER_DTYPE].i = x.dtype
        call.operand[0].data = inverse.data
        call.operand[1].data = x.data
        call.operand[2].data = order.data
        call.operand[3].data = start.data
        call.operand[4].data = <char*> &n_groups
        run(&call)
    found = n_groups
    first, counts = empty(INT64, 1, &found), empty(INT64, 1, &found)
    begin = <int64_t*> start.data
    for i in range(found):
        (<int64_t*> first.data)[i] = (<int64_t*> order.data)[begin[i]]
        (<int64_t*> counts.data)[i] = (begin[i + 1] if i + 1 < found else n) - begin[i]
    return first, inverse, counts


def counted(input, Py_ssize_t size, weights):
    """How often 0, 1, ..., size - 1 occur in an int64 vector: int64 [size]; with weights (float64), the sums of their weights.

    >>> counted(tinygrad_c.tensor([0, 2, 2]), 3, None)
    tensor([1, 0, 2])
    """
    cdef TensorBase x = as_tensor(input, "argument 'input' (position 1)")
    cdef TensorBase w = None if weights is None else as_tensor(weights, "argument 'weights' (position 2)")
    cdef TensorBase out
    cdef Call call
    if x.dtype != INT64 or size < 0 or (w is not None and (w.dtype != FLOAT64 or w.numel != x.numel)):
        raise RuntimeError("counted(): expected int64 values, and a float64 weight for each")
    refuse(b"bincount() has as many results as its largest element says")
    x = x if x.contiguous else copy_of(x)
    if w is not None and not w.contiguous:
        w = copy_of(w)
    out = zeros(INT64 if w is None else FLOAT64, 1, &size)
    # Compute: no Python code runs from here on.
    call.kernel = kernels_of_order.count_values
    call.inner = NULL
    call.n_operands = 3
    call.ndim = 3
    call.units = 1
    call.work = x.numel * 2
    call.shape[ORDER_LENGTH] = x.numel
    call.shape[ORDER_COUNT] = size
    call.operand[0].data = out.data
    call.operand[1].data = x.data
    call.operand[2].data = NULL if w is None else w.data
    run(&call)
    return out
