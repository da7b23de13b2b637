"""Views, and ops that join and split tensors. Each rule stands beside its op.

In parts: reshape, transpose, permute, expand (here); cat, stack, narrow, select, split (parts.pxi); diagonal, unfold,
as_strided (strided.pxi); triangles of matrices (triangle.pxi).
"""
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.string cimport memcpy

from tinygrad_c.core.array cimport DTYPE_NAMES, itemsize, same_shape, shape_of
from tinygrad_c.kernels.portable cimport gather as movers
from tinygrad_c.kernels.runtime.dispatch cimport recorder, run
from tinygrad_c.kernels.call cimport MAX_NDIM, Call
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor, clone, copy_into, copy_of, promote_dtypes
from tinygrad_c.ops.shape.view cimport put as put_region
from tinygrad_c.core.tape cimport *

from tinygrad_c._base.public import public
from tinygrad_c.ops.elementwise.elementwise import into_out

cdef Py_ssize_t MAX_SIZE = PY_SSIZE_T_MAX // 2 + 1


# ---- Arguments

cdef int parse_dim(object dim, int ndim) except -1:
    cdef Py_ssize_t d
    cdef int n = ndim if ndim > 0 else 1
    cdef unsigned int begun = begin_parse()
    if type(dim) is bool or not hasattr(dim, "__index__"):
        raise TypeError(f"dim must be an int, not {type(dim).__name__}")
    try:
        d = dim
    except OverflowError:
        d = n
    end_parse(begun)
    if d < -n or d >= n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim.__index__()})")
    return <int> (d + n if d < 0 else d)


cdef int parse_sizes(tuple sizes, int* ndim, Py_ssize_t* shape) except -1:
    cdef int i
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    if len(sizes) > MAX_NDIM:
        raise RuntimeError(f"a tensor has at most {MAX_NDIM} dimensions, got {len(sizes)}")
    for i, size in enumerate(sizes):
        if type(size) is bool or not hasattr(size, "__index__"):
            raise TypeError(f"a size must be an int, not {type(size).__name__}: {size!r}")
        shape[i] = size
    ndim[0] = len(sizes)
    return 0


def wrapped(dim, ndim) -> int:
    """dim as a number from 0 to ndim - 1; negative dims count from the end. IndexError if it is out of range."""
    return parse_dim(dim, ndim)


cdef int infer_size(TensorBase a, int ndim, Py_ssize_t* shape) except -1:
    """Replace a -1 by the size that the number of elements implies; raise if the shape does not fit."""
    cdef Py_ssize_t known = 1
    cdef int free_dim = -1
    cdef int d
    given = [shape[d] for d in range(ndim)]
    for d in range(ndim):
        if shape[d] == -1:
            if free_dim >= 0:
                raise RuntimeError("only one dimension can be inferred")
            free_dim = d
        elif shape[d] < 0:
            raise RuntimeError(f"invalid shape dimension {shape[d]} at index {d} of shape {given}")
        elif shape[d] != 0 and known > MAX_SIZE // shape[d]:
            raise RuntimeError(f"shape '{given}' is invalid for input of size {a.numel}")
        else:
            known *= shape[d]
    if free_dim >= 0 and known != 0 and a.numel % known == 0:
        shape[free_dim] = a.numel // known
    elif free_dim >= 0 or known != a.numel:
        if free_dim >= 0 and known == 0:
            raise RuntimeError(f"shape '{given}' is invalid for input of size {a.numel}: cannot reshape tensor of "
                               f"{a.numel} elements into shape {given} because the unspecified "
                               "dimension size -1 can be any value and is ambiguous")
        product = "*".join([str(shape[d]) for d in range(ndim) if d != free_dim]) or "1"
        raise RuntimeError(f"shape '{given}' is invalid for input of size {a.numel}: {product}={known}, and the input's "
                           f"shape is {list(shape_of(a))}")
    return 0


# ---- reshape, view

cdef bint strides_for(TensorBase a, int ndim, const Py_ssize_t* shape, Py_ssize_t* stride) noexcept:
    """Compute the strides of a view of a in the new shape; False if there is no such view. Both shapes are compared from the
    last dimension: old dimensions that are contiguous with each other form a group, and a group can be split in any way."""
    cdef Py_ssize_t old_size = 1
    cdef Py_ssize_t new_size
    cdef Py_ssize_t step
    cdef int d = ndim - 1
    cdef int i = a.ndim - 1
    if a.numel == 0 or a.contiguous:
        step = 1
        while d >= 0:
            stride[d] = step
            step *= shape[d] if shape[d] > 0 else 1
            d -= 1
        return True
    while i >= 0:
        if a.shape[i] == 1:
            i -= 1
            continue
        step = a.stride[i]
        old_size = a.shape[i]
        i -= 1
        while i >= 0 and (a.shape[i] == 1 or a.stride[i] == step * old_size):
            old_size *= a.shape[i]
            i -= 1
        new_size = 1
        while d >= 0 and new_size < old_size:
            stride[d] = step * new_size
            new_size *= shape[d]
            d -= 1
        if new_size != old_size:
            return False
    while d >= 0:           # the remaining dimensions have size 1
        stride[d] = 1
        d -= 1
    return True


cdef int reshape_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim
    input_shape(node, 0, &ndim, shape)
    back.send_grad(node, 0, reshape_to(g, ndim, shape))
    return 0

cdef Rule VIEW = Rule(b"ViewBackward0", reshape_backward)


cdef TensorBase view_or_none(TensorBase a, int ndim, const Py_ssize_t* shape):
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    if not strides_for(a, ndim, shape, stride):
        return None
    out = view_of(a, a.data, ndim, shape, stride)
    if recording(a):
        record(&VIEW, out, a)
    return out


cdef TensorBase reshape_to(TensorBase a, int ndim, const Py_ssize_t* shape):
    """A view if the strides allow one, else a copy."""
    cdef TensorBase out = view_or_none(a, ndim, shape)
    return view_or_none(clone(a), ndim, shape) if out is None else out


def reshape(input, *shape):
    """The same elements in another shape: a view if the strides allow one, else a copy. One size may be -1.

    >>> tinygrad_c.reshape(tinygrad_c.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef int ndim
    parse_sizes(shape, &ndim, sizes)
    infer_size(a, ndim, sizes)
    return reshape_to(a, ndim, sizes)


def view(input, *shape):
    """A view in another shape; RuntimeError if the strides do not allow one (reshape makes a copy then)."""
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef int ndim
    parse_sizes(shape, &ndim, sizes)
    infer_size(a, ndim, sizes)
    out = view_or_none(a, ndim, sizes)
    if out is None:
        raise RuntimeError("view size is not compatible with input tensor's size and stride (at least one dimension spans "
                           "across two contiguous subspaces). Use .reshape(...) instead.")
    return out


def flatten(input, start_dim=0, end_dim=-1):
    """Flatten dimensions start_dim to end_dim into one.

    >>> tinygrad_c.flatten(tinygrad_c.ones(2, 3, 4), 1).shape
    torch.Size([2, 12])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef int start = parse_dim(start_dim, a.ndim)
    cdef int end = parse_dim(end_dim, a.ndim)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int n = 0
    cdef int d
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a.ndim == 0:
        shape[0] = 1
        return reshape_to(a, 1, shape)
    for d in range(a.ndim):
        if d > start and d <= end:
            shape[n - 1] *= a.shape[d]
        else:
            shape[n] = a.shape[d]
            n += 1
    return a if n == a.ndim else reshape_to(a, n, shape)


def squeeze(input, dim=None, *, axis=None):
    """Remove all dimensions of size 1, or those of them that are in `dim` (an int or a tuple). A view.

    >>> tinygrad_c.squeeze(tinygrad_c.ones(1, 3, 1)).shape
    torch.Size([3])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int n = 0
    cdef int d
    dim = dim if axis is None else axis
    if dim is None:
        chosen = set(range(a.ndim))
    else:
        chosen = {parse_dim(each, a.ndim) for each in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    for d in range(a.ndim):
        if a.shape[d] != 1 or d not in chosen:
            shape[n] = a.shape[d]
            stride[n] = a.stride[d]
            n += 1
    cdef const char* label = b"SqueezeBackward1"
    if dim is None:
        label = b"SqueezeBackward0"
    elif isinstance(dim, (tuple, list)):
        label = b"SqueezeBackward2"
    return named(restride(a, n, shape, stride), label)


def unsqueeze(input, dim=None, *, axis=None):
    """Insert a dimension of size 1 at `dim`. A view.

    >>> tinygrad_c.unsqueeze(tinygrad_c.tensor([1, 2]), 1)
    tensor([[1],
            [2]])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int at, d
    dim = dim if axis is None else axis
    if dim is None:
        raise TypeError("unsqueeze() missing 1 required positional arguments: \"dim\"")
    at = parse_dim(dim, a.ndim + 1)
    if a.ndim == MAX_NDIM:
        raise RuntimeError(f"a tensor has at most {MAX_NDIM} dimensions")
    for d in range(a.ndim + 1):
        if d == at:
            shape[d] = 1
            stride[d] = a.shape[d] * a.stride[d] if d < a.ndim else 1
        else:
            shape[d] = a.shape[d - (d > at)]
            stride[d] = a.stride[d - (d > at)]
    return named(restride(a, a.ndim + 1, shape, stride), b"UnsqueezeBackward0")


cdef TensorBase restride(TensorBase a, int ndim, const Py_ssize_t* shape, const Py_ssize_t* stride):
    """A view with these sizes and strides. Its gradient is reshaped to a's shape."""
    cdef TensorBase out = view_of(a, a.data, ndim, shape, stride)
    if recording(a):
        record(&VIEW, out, a)
    return out


# ---- transpose, permute

cdef enum:                  # node.param of transpose
    NODE_DIM0
    NODE_DIM1

cdef int transpose_backward(BackwardPass back, Node node, TensorBase g) except -1:
    back.send_grad(node, 0, transpose_dims(g, node.param[NODE_DIM0].i, node.param[NODE_DIM1].i))
    return 0

cdef Rule TRANSPOSE = Rule(b"TransposeBackward0", transpose_backward)


cdef TensorBase transpose_dims(TensorBase a, int d0, int d1):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    cdef Node node
    memcpy(shape, a.shape, a.ndim * sizeof(Py_ssize_t))
    memcpy(stride, a.stride, a.ndim * sizeof(Py_ssize_t))
    if a.ndim > 0:
        shape[d0], shape[d1] = a.shape[d1], a.shape[d0]
        stride[d0], stride[d1] = a.stride[d1], a.stride[d0]
    out = view_of(a, a.data, a.ndim, shape, stride)
    if recording(a):
        node = record(&TRANSPOSE, out, a)
        node.param[NODE_DIM0].i = d0
        node.param[NODE_DIM1].i = d1
    return out


def transpose(input, dim0, dim1):
    """Swap two dimensions. A view.

    >>> tinygrad_c.transpose(tinygrad_c.tensor([[1, 2], [3, 4]]), 0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    return transpose_dims(a, parse_dim(dim0, a.ndim), parse_dim(dim1, a.ndim))


def t(input):
    """The transpose of a matrix; tensors of fewer dimensions are returned unchanged.

    RuntimeError for more than 2 dimensions.

    >>> tinygrad_c.t(tinygrad_c.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    if a.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {a.ndim}D: name the dimensions with "
                           ".transpose(d0, d1) or .permute(...)")
    return named(transpose_dims(a, 0, 1), b"TBackward0") if a.ndim == 2 else a


cdef int permute_backward(BackwardPass back, Node node, TensorBase g) except -1:
    dims = node.extra
    back.send_grad(node, 0, permute(g, sorted(range(len(dims)), key=dims.__getitem__)))
    return 0

cdef Rule PERMUTE = Rule(b"PermuteBackward0", permute_backward)


def permute(input, *order, dims=None):
    """Reorder the dimensions. A view.

    >>> tinygrad_c.permute(tinygrad_c.ones(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    cdef int i, d
    if dims is None:
        dims = order
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    if len(dims) != a.ndim:
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                           f"desired ordering of dimensions i.e. input.dim() = {a.ndim} is not equal to len(dims) = "
                           f"{len(dims)}")
    cdef list axes = [parse_dim(dim, a.ndim) for dim in dims]
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"permute(): duplicate dims are not allowed: {list(dims)}")
    for i, d in enumerate(axes):
        shape[i] = a.shape[d]
        stride[i] = a.stride[d]
    out = view_of(a, a.data, a.ndim, shape, stride)
    if recording(a):
        record(&PERMUTE, out, a).extra = axes
    return out


# ---- expand

cdef int expand_backward(BackwardPass back, Node node, TensorBase g) except -1:
    back.send_grad(node, 0, g)           # the backward pass sums g over the expanded dimensions
    return 0

cdef Rule EXPAND = Rule(b"ExpandBackward0", expand_backward)


cdef TensorBase expand_to(TensorBase a, int ndim, const Py_ssize_t* shape):
    """Broadcast a to the shape, as a view with stride 0. The caller has checked that the shapes fit."""
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef TensorBase out
    cdef int offset = ndim - a.ndim
    cdef int d
    for d in range(ndim):
        stride[d] = 0 if d < offset or (a.shape[d - offset] == 1 and shape[d] != 1) else a.stride[d - offset]
    out = view_of(a, a.data, ndim, shape, stride)
    if recording(a):
        record(&EXPAND, out, a)
    return out


cdef int check_numel(int ndim, const Py_ssize_t* shape) except -1:
    """Raise if the number of elements overflows."""
    cdef Py_ssize_t numel = 1
    cdef int d
    for d in range(ndim):
        if shape[d] > 0 and numel > MAX_SIZE // shape[d]:
            raise RuntimeError(f"numel: integer multiplication overflow: shape {[shape[k] for k in range(ndim)]} has too many "
                               "elements")
        numel *= shape[d] if shape[d] > 0 else 1
    return 0


def expand(input, *sizes):
    """Expand dimensions of size 1 to the given sizes; -1 keeps a size. A view with stride 0: nothing is copied.

    >>> tinygrad_c.expand(tinygrad_c.tensor([[1], [2]]), 2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    cdef TensorBase a = as_tensor(input, "argument 'input' (position 1)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim, d, i
    parse_sizes(sizes, &ndim, shape)
    if ndim < a.ndim:
        raise RuntimeError(f"expand(torch.{DTYPE_NAMES[a.dtype]}Tensor{{{list(shape_of(a))}}}, "
                           f"size={[shape[d] for d in range(ndim)]}): the number of sizes provided ({ndim}) must be greater or "
                           f"equal to the number of dimensions in the tensor ({a.ndim})")
    for d in range(ndim):
        i = d - (ndim - a.ndim)
        if shape[d] == -1 and i >= 0:
            shape[d] = a.shape[i]
        elif shape[d] < 0:
            raise RuntimeError(f"expand: the size {shape[d]} isn't allowed in dimension {d}")
        elif i >= 0 and a.shape[i] != 1 and a.shape[i] != shape[d]:
            raise RuntimeError(f"The expanded size of the tensor ({shape[d]}) must match the existing size ({a.shape[i]}) at "
                               f"non-singleton dimension {d}.  Target sizes: {[shape[k] for k in range(ndim)]}.  Tensor sizes: "
                               f"{list(shape_of(a))}")
    check_numel(ndim, shape)
    return expand_to(a, ndim, shape)


include "parts.pxi"
include "strided.pxi"
include "triangle.pxi"
