"""Matrix products: matmul, mm, bmm, mv, dot. linear and addmm are in linear.pxi; the kernel is kernels/matmul/gemm.
"""
cimport cython
from cpython.method cimport PyMethod_Check, PyMethod_GET_FUNCTION
from cpython.ref cimport PyObject
from libc.string cimport memcpy

from tinygrad_c.core.array cimport DTYPE_NAMES, Storage, itemsize, shape_of
from tinygrad_c.kernels.call cimport BOOL, FLOAT32, MAX_NDIM
from tinygrad_c.kernels.generated.ids cimport ROW_GELU, ROW_GELU_TANH, ROW_RELU, ROW_SIGMOID, ROW_SILU, ROW_TANH
from tinygrad_c.kernels.matmul.gemm cimport NONE, THEN_RELU, Gemm, Then, gemm
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor, computed, derivative_then, lacks_kernels, narrowed, \
    reads_input, record_value, unary, value_then
from tinygrad_c.ops.shape.shape cimport expand_to, reshape_to, transpose_dims
from tinygrad_c.ops.reduce.reduce cimport sum_over
from tinygrad_c.core.tape cimport *

from tinygrad_c.core.array import C_NAMES
from tinygrad_c.ops.elementwise.elementwise import add, into_out, mul
from tinygrad_c.ops.shape.shape import expand, squeeze, unsqueeze


cdef TensorBase product(TensorBase a, bint a_t, TensorBase b, bint b_t, TensorBase bias, TensorBase into,
                        int activation=NONE, const Then* then=NULL):
    """activation(a @ b + bias) for two matrices; a_t, b_t: use the transpose. If `into` is given, the product is added to it.
    `then`: an elementwise kernel that the result goes through. The arguments are not checked, and nothing is recorded."""
    cdef Gemm g
    cdef Py_ssize_t[2] shape
    cdef TensorBase out = into
    if lacks_kernels(a.dtype):
        return narrowed(product(computed(a, "matmul"), a_t, computed(b, "matmul"), b_t, None, None), a.dtype)
    shape[0] = a.shape[1] if a_t else a.shape[0]
    shape[1] = b.shape[0] if b_t else b.shape[1]
    if out is None:
        out = empty(a.dtype, 2, shape)
    g.dtype = a.dtype
    g.batch = 1
    g.m, g.n, g.k = shape[0], shape[1], a.shape[0] if a_t else a.shape[1]
    g.a, g.a_batch, g.a_row, g.a_col = a.data, 0, a.stride[a_t], a.stride[not a_t]
    g.b, g.b_batch, g.b_row, g.b_col = b.data, 0, b.stride[b_t], b.stride[not b_t]
    g.c, g.c_batch, g.c_row = out.data, 0, shape[1]
    g.bias = NULL if bias is None else bias.data
    g.bias_stride = 0 if bias is None else bias.stride[0]
    g.accumulate = into is not None
    g.activation = activation
    g.then = then
    gemm(&g)
    return out


cdef int raise_dot(TensorBase a, TensorBase b) except -1:
    raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {DTYPE_NAMES[a.dtype]} and "
                       f"{DTYPE_NAMES[b.dtype]}: call .to() on one")


cdef int check_dtypes(TensorBase a, TensorBase b) except -1:
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {C_NAMES[a.dtype]} != {C_NAMES[b.dtype]}. NumPy makes "
            "float64 by default: convert with .float() or from_numpy(array.astype('float32'))")
    if a.dtype == BOOL:
        raise RuntimeError("matmul is not implemented for 'Bool': count with .int(), or convert with .float()")
    return 0


cdef int check_inner(TensorBase a, TensorBase b) except -1:
    if a.shape[a.ndim - 1] != b.shape[b.ndim - 2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[a.ndim - 2]}x{a.shape[a.ndim - 1]} and "
            f"{b.shape[b.ndim - 2]}x{b.shape[b.ndim - 1]}): the shapes are {list(shape_of(a))} and {list(shape_of(b))}")
    return 0


# ---- mm: two matrices

cdef int mm_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef TensorBase a, b
    if back.needs(node, 0):             # dL/da = g @ b.T
        b = saved(node, 1)
        if back.create_graph:
            back.send_grad(node, 0, multiplied(g, transpose_dims(b, 0, 1)))
        else:
            send_product(back, node, 0, g, False, b, True)
    if back.needs(node, 1):             # dL/db = a.T @ g
        a = saved(node, 0)
        if back.create_graph:
            back.send_grad(node, 1, multiplied(transpose_dims(a, 0, 1), g))
        else:
            send_product(back, node, 1, a, True, g, False)
    return 0

cdef Rule MM = Rule(b"MmBackward0", mm_backward)


cdef int send_product(BackwardPass back, Node node, int i, TensorBase a, bint a_t, TensorBase b, bint b_t) except -1:
    """Add a product to the gradient of input i, in the kernel if that gradient may be written in place."""
    cdef TensorBase into = back.accumulator(node, i)
    if into is not None and into.dtype == a.dtype and into.ndim == 2:
        product(a, a_t, b, b_t, None, into)
    else:
        back.send_grad(node, i, product(a, a_t, b, b_t, None, None))
    return 0


cdef TensorBase multiplied(TensorBase a, TensorBase b):
    cdef TensorBase out = product(a, False, b, False, None, None)
    cdef Node node
    if a.dtype >= FLOAT32 and (recording(a) or recording(b)):
        node = record2(&MM, out, a, b)
        if node.edge1 is not None:
            save(node, 0, a)
        if node.edge0 is not None:
            save(node, 1, b)
    return out


# ---- bmm: batches of matrices

cdef int bmm_backward(BackwardPass back, Node node, TensorBase g) except -1:
    cdef TensorBase other
    if back.needs(node, 0):             # dL/da = g @ b.mT
        other = saved(node, 1)
        back.send_grad(node, 0, batched(g, transpose_dims(other, other.ndim - 2, other.ndim - 1)))
    if back.needs(node, 1):             # dL/db = a.mT @ g
        other = saved(node, 0)
        back.send_grad(node, 1, batched(transpose_dims(other, other.ndim - 2, other.ndim - 1), g))
    return 0

cdef Rule BMM = Rule(b"BmmBackward0", bmm_backward)


cdef TensorBase batched(TensorBase a, TensorBase b):
    """The product of matrices in the last two dimensions; the batch dimensions broadcast. Both have 2 dimensions or more."""
    cdef Gemm g
    cdef Py_ssize_t[MAX_NDIM] shape, a_shape, b_shape
    cdef TensorBase out, x, y
    cdef Node node
    cdef int ndim = a.ndim if a.ndim > b.ndim else b.ndim
    cdef int d, i, j
    cdef Py_ssize_t p, q, outer, rest, index
    if lacks_kernels(a.dtype):
        return narrowed(batched(computed(a, "matmul"), computed(b, "matmul")), a.dtype)
    for d in range(ndim - 2):
        i, j = d - (ndim - a.ndim), d - (ndim - b.ndim)
        p, q = a.shape[i] if i >= 0 else 1, b.shape[j] if j >= 0 else 1
        if p != q and p != 1 and q != 1:
            raise RuntimeError(f"The size of tensor a ({p}) must match the size of tensor b ({q}) at non-singleton dimension "
                               f"{d}: the batches of {list(shape_of(a))} and {list(shape_of(b))} do not broadcast")
        shape[d] = a_shape[d] = b_shape[d] = q if p == 1 else p
    a_shape[ndim - 2], a_shape[ndim - 1] = a.shape[a.ndim - 2], a.shape[a.ndim - 1]
    b_shape[ndim - 2], b_shape[ndim - 1] = b.shape[b.ndim - 2], b.shape[b.ndim - 1]
    shape[ndim - 2], shape[ndim - 1] = a_shape[ndim - 2], b_shape[ndim - 1]
    out = empty(a.dtype, ndim, shape)
    cdef bint before = set_grad(False)
    try:
        x, y = expand_to(a, ndim, a_shape), expand_to(b, ndim, b_shape)
    finally:
        set_grad(before)
    g.dtype = a.dtype
    g.m, g.n, g.k = shape[ndim - 2], shape[ndim - 1], a_shape[ndim - 1]
    g.batch = shape[ndim - 3]
    g.a_batch, g.a_row, g.a_col = x.stride[ndim - 3], x.stride[ndim - 2], x.stride[ndim - 1]
    g.b_batch, g.b_row, g.b_col = y.stride[ndim - 3], y.stride[ndim - 2], y.stride[ndim - 1]
    g.c_batch, g.c_row = out.stride[ndim - 3], out.stride[ndim - 2]
    if g.b_batch == 0 and g.batch > 1 and (g.m == 1 or g.a_batch == g.m * g.a_row):     # one b for all: a product of more rows
        g.a_row = g.a_batch if g.m == 1 else g.a_row
        g.m, g.batch, g.a_batch, g.c_batch = g.m * g.batch, 1, 0, 0
        g.c_row = g.n
    g.bias, g.bias_stride, g.accumulate, g.activation, g.then = NULL, 0, False, NONE, NULL
    outer = 1
    for d in range(ndim - 3):
        outer *= shape[d]
    for rest in range(outer):           # the kernel loops over the last batch dimension, this over the others
        g.a, g.b, g.c = x.data, y.data, out.data
        index = rest
        d = ndim - 4
        while d >= 0:
            g.a += (index % shape[d]) * x.stride[d] * itemsize(a.dtype)
            g.b += (index % shape[d]) * y.stride[d] * itemsize(a.dtype)
            g.c += (index % shape[d]) * out.stride[d] * itemsize(a.dtype)
            index //= shape[d]
            d -= 1
        gemm(&g)
    if a.dtype >= FLOAT32 and (recording(a) or recording(b)):
        node = record2(&BMM, out, a, b)
        save(node, 0, a)
        save(node, 1, b)
    return out


def matmul(input, other, *, out=None):
    """The matrix product. Two vectors: the dot product. A matrix and a vector: the matrix-vector product. Batches of matrices,
    in the last two dimensions: the product of each pair; the batch dimensions broadcast.

    >>> tinygrad_c.matmul(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([1., 1.]))
    tensor([3., 7.])
    """
    if out is not None:
        return into_out(matmul(input, other), out)
    cdef TensorBase a = as_tensor(input, "matmul(): argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(other, "matmul(): argument 'other' (position 2)")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef TensorBase y
    if a.ndim == 2 and b.ndim == 2:
        check_inner(a, b)
        check_dtypes(a, b)
        return multiplied(a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D")
    if a.ndim == 1 and b.ndim == 1:
        if a.shape[0] != b.shape[0]:
            raise RuntimeError(f"inconsistent tensor size, expected tensor [{a.shape[0]}] and src [{b.shape[0]}] to have the "
                               f"same number of elements, but got {a.shape[0]} and {b.shape[0]} elements respectively")
        if a.dtype != b.dtype:
            raise_dot(a, b)
        return named(reshape_to(matmul(unsqueeze(a, 0), unsqueeze(b, 1)), 0, NULL), b"DotBackward0")
    if a.ndim == 1:
        if a.shape[0] != b.shape[b.ndim - 2]:
            raise_vector(a, b, a.shape[0], b.shape[b.ndim - 2])
        return squeeze(matmul(unsqueeze(a, 0), b), -2)
    if b.ndim == 1:
        if a.shape[a.ndim - 1] != b.shape[0]:
            raise_vector(a, b, a.shape[a.ndim - 1], b.shape[0])
        y = squeeze(matmul(a, unsqueeze(b, 1)), -1)
        return named(y, b"MvBackward0") if a.ndim == 2 else y
    check_inner(a, b)
    check_dtypes(a, b)
    if b.ndim == 2:                     # fold the batch into the rows: one large matrix product
        shape[0], shape[1] = leading(a), a.shape[a.ndim - 1]
        y = multiplied(reshape_to(a, 2, shape), b)
        memcpy(shape, a.shape, a.ndim * sizeof(Py_ssize_t))
        shape[a.ndim - 1] = b.shape[1]
        return reshape_to(y, a.ndim, shape)
    return batched(a, b)


cdef int raise_vector(TensorBase a, TensorBase b, Py_ssize_t p, Py_ssize_t q) except -1:
    raise RuntimeError(f"size mismatch, got input ({p}) and vec ({q}): the shapes {list(shape_of(a))} and {list(shape_of(b))} "
                       "cannot be multiplied")


cdef Py_ssize_t leading(TensorBase a) noexcept:
    """The product of all sizes but the last."""
    cdef Py_ssize_t n = 1
    cdef int d
    for d in range(a.ndim - 1):
        n *= a.shape[d]
    return n


# ---- Products of fixed numbers of dimensions

def mm(input, mat2, *, out=None):
    """The product of two matrices, (n, k) and (k, m). RuntimeError for other shapes, which matmul accepts.

    >>> tinygrad_c.mm(tinygrad_c.tensor([[1., 2.]]), tinygrad_c.tensor([[3.], [4.]]))
    tensor([[11.]])
    """
    if out is not None:
        return into_out(mm(input, mat2), out)
    cdef TensorBase a = as_tensor(input, "mm(): argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(mat2, "mm(): argument 'mat2' (position 2)")
    if a.ndim != 2 or b.ndim != 2:
        raise RuntimeError(f"{'self' if a.ndim != 2 else 'mat2'} must be a matrix: the shapes are {list(shape_of(a))} and "
                           f"{list(shape_of(b))}; matmul, a @ b, takes vectors and batches")
    check_inner(a, b)
    check_dtypes(a, b)
    return multiplied(a, b)


def bmm(input, mat2, *, out=None):
    """The products of two batches of matrices: (b, n, k) and (b, k, m) give (b, n, m). RuntimeError for other shapes.

    >>> tinygrad_c.bmm(tinygrad_c.ones(2, 1, 3), tinygrad_c.ones(2, 3, 1)).shape
    torch.Size([2, 1, 1])
    """
    if out is not None:
        return into_out(bmm(input, mat2), out)
    cdef TensorBase a = as_tensor(input, "bmm(): argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(mat2, "bmm(): argument 'mat2' (position 2)")
    if a.ndim != 3 or b.ndim != 3:
        raise RuntimeError(f"batch{1 if a.ndim != 3 else 2} must be a 3D tensor: the shapes are {list(shape_of(a))} and "
                           f"{list(shape_of(b))}; matmul, a @ b, takes others")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but "
                           f"got: [{b.shape[0]}, {b.shape[1]}].")
    check_dtypes(a, b)
    return batched(a, b)


def mv(input, vec, *, out=None):
    """The product of a matrix (n, k) and a vector (k). RuntimeError for other shapes.

    >>> tinygrad_c.mv(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([1., 1.]))
    tensor([3., 7.])
    """
    if out is not None:
        return into_out(mv(input, vec), out)
    cdef TensorBase a = as_tensor(input, "mv(): argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(vec, "mv(): argument 'vec' (position 2)")
    if a.ndim != 2 or b.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {a.ndim}, {b.ndim}: mv takes a matrix and a vector, not "
                           f"{list(shape_of(a))} and {list(shape_of(b))}")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})")
    return matmul(a, b)


def dot(input, tensor, *, out=None):
    """The dot product of two vectors. RuntimeError for other shapes.

    >>> tinygrad_c.dot(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([3., 4.]))
    tensor(11.)
    """
    if out is not None:
        return into_out(dot(input, tensor), out)
    cdef TensorBase a = as_tensor(input, "dot(): argument 'input' (position 1)")
    cdef TensorBase b = as_tensor(tensor, "dot(): argument 'tensor' (position 2)")
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors: for more dimensions, "
                           "(a * b).sum() is the inner product and a @ b the matrix product")
    if a.dtype != b.dtype:
        raise_dot(a, b)
    return matmul(a, b)


include "linear.pxi"
