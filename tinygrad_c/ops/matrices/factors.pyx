"""Factors of batches of matrices, and triangular systems: what linalg is composed of.

    lu_factors(A)                   (L and U in one matrix, pivots, info, failed)
    lu_apply(both, pivots, B)       X with A X = B
    permute_rows(B, pivots)         B with its rows exchanged
    cholesky_factor(A, upper)       (L or U, info, failed)
    qr_factors(A)                   (Q, R)
    q_of_reflections(A, tau)        Q from LAPACK's format
    substitute(A, B, ..)            X with A X = B, A triangular

They compute values only: linalg records the gradients. Batches are the leading dimensions, the same ones in A and B.
"""
from libc.stdint cimport int32_t

from tinygrad_c.core.array cimport DTYPE_NAMES, shape_of
from tinygrad_c.core.tape cimport *
from tinygrad_c.kernels.call cimport *
from tinygrad_c.kernels.portable cimport matrices as kernels_of_matrices
from tinygrad_c.kernels.portable.matrices cimport MATRIX_BACK, MATRIX_BATCH, MATRIX_COLUMN_STEP, MATRIX_COLUMNS, \
    MATRIX_DTYPE, MATRIX_PIVOTS, MATRIX_RIGHT, MATRIX_ROW_STEP, MATRIX_ROWS, MATRIX_STEP, MATRIX_UNIT, MATRIX_UPPER
from tinygrad_c.kernels.runtime.dispatch cimport run
from tinygrad_c.ops.elementwise.elementwise cimport as_tensor, copy_into, copy_of


cdef TensorBase matrices(object input, str name, bint square):
    """The tensor, after a check that it is a batch of float matrices."""
    cdef TensorBase a = as_tensor(input, f"argument '{name}'")
    if a.ndim < 2 or a.dtype < FLOAT32:
        raise RuntimeError(f"{name} must be float matrices, but it is a tensor of shape {list(shape_of(a))} and dtype "
                           f"{DTYPE_NAMES[a.dtype]}")
    if square and a.shape[a.ndim - 1] != a.shape[a.ndim - 2]:
        raise RuntimeError(f"{name} must be batches of square matrices, but they are {a.shape[a.ndim - 2]} by "
                           f"{a.shape[a.ndim - 1]} matrices")
    return a


cdef TensorBase transposed(TensorBase a):
    """A view with the last two dimensions exchanged; not recorded."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef int d, n = a.ndim
    for d in range(n):
        shape[d] = a.shape[d]
        stride[d] = a.stride[d]
    shape[n - 2], shape[n - 1] = a.shape[n - 1], a.shape[n - 2]
    stride[n - 2], stride[n - 1] = a.stride[n - 1], a.stride[n - 2]
    return view_of(a, a.data, n, shape, stride)


cdef TensorBase per_matrix(TensorBase a, Py_ssize_t count, int dtype):
    """A new tensor of a's batch with `count` elements for each matrix; -1: one element, without a dimension."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int d
    for d in range(a.ndim - 2):
        shape[d] = a.shape[d]
    shape[a.ndim - 2] = count
    return empty(dtype, a.ndim - 2 if count < 0 else a.ndim - 1, shape)


cdef void describe(Call* call, kernel_t kernel, TensorBase a, int n_operands) noexcept:
    """Fill in a Call of one unit per matrix of a."""
    cdef int d
    call.kernel = kernel
    call.inner = NULL
    call.ndim = 4
    call.n_operands = n_operands
    call.shape[MATRIX_ROWS] = a.shape[a.ndim - 2]
    call.shape[MATRIX_COLUMNS] = a.shape[a.ndim - 1]
    call.shape[MATRIX_RIGHT] = 0
    call.units = 1
    for d in range(a.ndim - 2):
        call.units *= a.shape[d]
    call.shape[MATRIX_BATCH] = call.units
    call.param[MATRIX_DTYPE].i = a.dtype
    call.work = call.units * call.shape[MATRIX_ROWS] * call.shape[MATRIX_COLUMNS] * (
        min(call.shape[MATRIX_ROWS], call.shape[MATRIX_COLUMNS]) // 4 + 4)
    call.operand[0].data = a.data


cdef bint any_of(TensorBase info) noexcept:
    """Whether one of the new int32 numbers is not 0."""
    cdef Py_ssize_t i
    for i in range(info.numel):
        if (<int32_t*> info.data)[i] != 0:
            return True
    return False


def lu_factors(A):
    """(both, pivots, info, failed) of an LU factorization with partial pivoting.

    both: L below the diagonal, without its ones, U on and above it; LAPACK's pivots, int32; info, int32: 0, or the index
    from 1 of the first zero on U's diagonal; failed: whether one info is not 0.

    >>> lu_factors(tinygrad_c.tensor([[1., 2.], [4., 6.]]))[0]
    tensor([[4.0000, 6.0000],
            [0.2500, 0.5000]])
    """
    cdef TensorBase a = matrices(A, "A", False)
    cdef TensorBase both = copy_of(a)
    cdef TensorBase pivots = per_matrix(a, min(a.shape[a.ndim - 2], a.shape[a.ndim - 1]), INT32)
    cdef TensorBase info = per_matrix(a, -1, INT32)
    cdef Call call
    # Compute: no Python code runs from here on.
    describe(&call, kernels_of_matrices.lu_factor, both, 3)
    call.operand[1].data = pivots.data
    call.operand[2].data = info.data
    if call.units > 0:
        run(&call)
    return both, pivots, info, any_of(info)


cdef TensorBase checked_pivots(object pivots, TensorBase rows):
    cdef TensorBase p = as_tensor(pivots, "argument 'pivots'")
    cdef Py_ssize_t n = rows.shape[rows.ndim - 2]
    cdef int d
    if p.dtype != INT32 or p.ndim != rows.ndim - 1 or p.shape[p.ndim - 1] > n:
        raise RuntimeError("pivots must be int32, at most as many as there are rows, for each matrix")
    for d in range(rows.ndim - 2):
        if p.shape[d] != rows.shape[d]:
            raise RuntimeError(f"incompatible batches: {list(shape_of(p))} and {list(shape_of(rows))}")
    return p if p.contiguous else copy_of(p)


cdef void permute_into(TensorBase x, TensorBase pivots, bint back) noexcept:
    cdef Call call
    describe(&call, kernels_of_matrices.permute_rows, x, 2)
    call.operand[1].data = pivots.data
    call.param[MATRIX_PIVOTS].i = pivots.shape[pivots.ndim - 1]
    call.param[MATRIX_BACK].i = back
    run(&call)


def permute_rows(B, pivots, bint back=False):
    """B with the rows i and pivots[i] - 1 exchanged, for i = 0, 1, ...; back: in the opposite order, which undoes it.

    >>> permute_rows(tinygrad_c.tensor([[1.], [2.]]), tinygrad_c.tensor([2, 2], dtype=tinygrad_c.int32))
    tensor([[2.],
            [1.]])
    """
    cdef TensorBase b = matrices(B, "B", False)
    cdef TensorBase p = checked_pivots(pivots, b)
    cdef TensorBase x = copy_of(b)
    # Compute: no Python code runs from here on.
    if x.numel > 0:
        permute_into(x, p, back)
    return x


def lu_apply(both, pivots, B, bint adjoint=False):
    """X with A X = B from lu_factors(A); adjoint: with A^T X = B.

    >>> both, pivots, info, failed = lu_factors(tinygrad_c.tensor([[1., 2.], [4., 6.]]))
    >>> lu_apply(both, pivots, tinygrad_c.tensor([[3.], [10.]]))
    tensor([[1.],
            [1.]])
    """
    cdef TensorBase a = matrices(both, "LU", True)
    cdef TensorBase b = matrices(B, "B", False)
    cdef TensorBase p = checked_pivots(pivots, b)
    cdef TensorBase x, across
    check_right(a, b)
    if not a.contiguous:
        a = copy_of(a)
    across = transposed(a)
    x = copy_of(b)
    # Compute: no Python code runs from here on.
    if x.numel == 0:
        return x
    if adjoint:                     # U^T L^T P^T X = B
        substitute_into(x, across, False, False)
        substitute_into(x, across, True, True)
        permute_into(x, p, True)
    else:
        permute_into(x, p, False)
        substitute_into(x, a, False, True)
        substitute_into(x, a, True, False)
    return x


cdef int check_right(TensorBase a, TensorBase b) except -1:
    """Raise unless b is as many right-hand sides as there are matrices."""
    cdef int d
    if a.dtype != b.dtype or a.ndim != b.ndim or a.shape[a.ndim - 1] != b.shape[b.ndim - 2]:
        raise RuntimeError(f"incompatible matrices: {list(shape_of(a))} and {list(shape_of(b))}")
    for d in range(a.ndim - 2):
        if a.shape[d] != b.shape[d]:
            raise RuntimeError(f"incompatible batches: {list(shape_of(a))} and {list(shape_of(b))}")
    return 0


cdef void substitute_into(TensorBase x, TensorBase a, bint upper, bint unit) noexcept:
    """Solve with the triangle of a, whose matrices have one stride between them, in place."""
    cdef Call call
    cdef int last = a.ndim - 1
    describe(&call, kernels_of_matrices.substitute, x, 2)
    call.shape[MATRIX_RIGHT] = x.shape[last]
    call.operand[1].data = a.data
    call.param[MATRIX_UPPER].i = upper
    call.param[MATRIX_UNIT].i = unit
    call.param[MATRIX_ROW_STEP].i = a.stride[last - 1]
    call.param[MATRIX_COLUMN_STEP].i = a.stride[last]
    call.param[MATRIX_STEP].i = a.shape[last] * a.shape[last]
    run(&call)


def substitute(A, B, *, bint upper, bint unit=False):
    """X with A X = B for triangular A, of which the other triangle is not read, nor the diagonal if `unit`.

    >>> substitute(tinygrad_c.tensor([[2., 9.], [1., 1.]]), tinygrad_c.tensor([[2.], [2.]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    cdef TensorBase a = matrices(A, "A", True)
    cdef TensorBase b = matrices(B, "B", False)
    cdef TensorBase x
    check_right(a, b)
    if not (a.contiguous or transposed(a).contiguous):
        a = copy_of(a)
    x = copy_of(b)
    # Compute: no Python code runs from here on.
    if x.numel > 0:
        substitute_into(x, a, upper, unit)
    return x


def cholesky_factor(A, bint upper=False):
    """(factor, info, failed): L with L L^T = A, or U with U^T U = A, from the lower triangle of A.

    info, int32: 0, or the order of the first leading minor that is not positive; failed: whether one info is not 0.

    >>> cholesky_factor(tinygrad_c.tensor([[4., 2.], [2., 2.]]))[0]
    tensor([[2., 0.],
            [1., 1.]])
    """
    cdef TensorBase a = matrices(A, "A", True)
    cdef TensorBase factor, info
    cdef Call call
    factor = copy_of(transposed(a))
    info = per_matrix(a, -1, INT32)
    # Compute: no Python code runs from here on.
    describe(&call, kernels_of_matrices.cholesky_factor, factor, 2)
    call.operand[1].data = info.data
    if call.units > 0:
        run(&call)
    return factor if upper else copy_of(transposed(factor)), info, any_of(info)


def qr_factors(A):
    """(Q, R) with Q R = A, for matrices with at least as many rows as columns.

    >>> qr_factors(tinygrad_c.tensor([[3.], [4.]]))[1]
    tensor([[-5.]])
    """
    cdef TensorBase a = matrices(A, "A", False)
    cdef Py_ssize_t m = a.shape[a.ndim - 2], n = a.shape[a.ndim - 1]
    cdef TensorBase r, q, spare
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef Call call
    cdef int d
    if m < n:
        raise RuntimeError(f"A must have at least as many rows as columns, but it is {m} by {n}")
    r = copy_of(a)
    q = zeros(a.dtype, a.ndim, a.shape)
    spare = per_matrix(a, n, a.dtype)
    # Compute: no Python code runs from here on.
    describe(&call, kernels_of_matrices.qr_factor, r, 3)
    call.operand[1].data = q.data
    call.operand[2].data = spare.data
    if call.units > 0:
        run(&call)
    for d in range(a.ndim):
        shape[d] = r.shape[d]
        stride[d] = r.stride[d]
    shape[a.ndim - 2] = n
    return q, r if m == n else copy_of(view_of(r, r.data, r.ndim, shape, stride))


def q_of_reflections(A, tau):
    """The first columns of H_1 H_2 .. H_k, H_i = I - tau_i v_i v_i^T: v_i is the i-th column of A below its diagonal, with a 1
    on it.

    >>> q_of_reflections(tinygrad_c.tensor([[0.], [0.5]]), tinygrad_c.tensor([1.6]))
    tensor([[-0.6000],
            [-0.8000]])
    """
    cdef TensorBase a = matrices(A, "A", False)
    cdef TensorBase t = as_tensor(tau, "argument 'tau'")
    cdef TensorBase v, q, spare
    cdef Py_ssize_t[MAX_NDIM] stride
    cdef Py_ssize_t m = a.shape[a.ndim - 2], n = a.shape[a.ndim - 1]
    cdef Call call
    cdef int d
    if m < n or t.dtype != a.dtype or t.ndim != a.ndim - 1 or t.shape[t.ndim - 1] > n:
        raise RuntimeError(f"incompatible reflections: {list(shape_of(a))} and {list(shape_of(t))}")
    for d in range(a.ndim - 2):
        if t.shape[d] != a.shape[d]:
            raise RuntimeError(f"incompatible batches: {list(shape_of(a))} and {list(shape_of(t))}")
    v = copy_of(a)
    q = zeros(a.dtype, a.ndim, a.shape)
    spare = per_matrix(a, n, a.dtype)
    for d in range(a.ndim - 2):
        stride[d] = q.stride[d]
    stride[t.ndim - 1] = n + 1
    copy_into(view_of(q, q.data, t.ndim, t.shape, stride), t)
    # Compute: no Python code runs from here on.
    describe(&call, kernels_of_matrices.q_of_reflections, v, 3)
    call.operand[1].data = q.data
    call.operand[2].data = spare.data
    if q.numel > 0:
        run(&call)
    return q
