"""LU factorization with pivoting, the functions that use it, and products of Householder reflections.

NumPy has no LU: the elimination runs here, one column at a time for the whole batch. Gradient for square A = P L U:
dA = P L^-T (lower(L^T dL) + upper(dU U^T)) U^-T. Other shapes are composed of square ones.
"""
from __future__ import annotations

import math

import numpy as np

from tinygrad_c import cat, eye, take_along_dim
from tinygrad_c._base.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.autograd import Function
from tinygrad_c.linalg.common import LinAlgError, made, matrices, square
from tinygrad_c.linalg.factor import cholesky
from tinygrad_c.linalg.systems import solve, solve_triangular

lu_result = results("linalg_lu", "P", "L", "U")
unpack_result = results("lu_unpack", "P", "L", "U")
factor_result = results("linalg_lu_factor", "LU", "pivots")
factor_ex_result = results("linalg_lu_factor_ex", "LU", "pivots", "info")
inv_result = results("linalg_inv_ex", "inverse", "info")
solve_result = results("linalg_solve_ex", "result", "info")
cholesky_result = results("linalg_cholesky_ex", "L", "info")
geqrf_result = results("geqrf", "a", "tau")
triangular_result = results("triangular_solve", "solution", "cloned_coefficient")


def stacked(array: np.ndarray) -> np.ndarray:
    """Reshape a batch of matrices to one batch dimension."""
    return array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])


def eliminate(array: np.ndarray, pivot: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(both factors in one matrix, LAPACK's 1-based pivots, the 1-based index of the first zero on U's diagonal or 0)."""
    a = stacked(array).copy()
    batch, m, n = a.shape
    k = min(m, n)
    pivots = np.tile(np.arange(1, k + 1, dtype=np.int32), (batch, 1))
    info = np.zeros(batch, np.int32)
    rows = np.arange(batch)
    for i in range(k):
        if pivot:
            best = i + np.abs(a[:, i:, i]).argmax(1)
            pivots[:, i] = best + 1
            a[rows, i], a[rows, best] = a[rows, best].copy(), a[rows, i].copy()
        zero = a[:, i, i] == 0
        info = np.where(zero & (info == 0), i + 1, info).astype(np.int32)
        with np.errstate(all="ignore"):
            below = a[:, i + 1:, i] / (a[:, i, i] if not pivot else np.where(zero, 1, a[:, i, i]))[:, None]
        a[:, i + 1:, i] = below
        a[:, i + 1:, i + 1:] -= below[:, :, None] * a[:, None, i, i + 1:]
    lead = array.shape[:-2]
    return a.reshape(array.shape), pivots.reshape(*lead, k), info.reshape(lead)


def order_of(pivots: np.ndarray, m: int) -> np.ndarray:
    """The row order after pivoting: row i of P^T A is row order[i] of A."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(m), (len(flat), 1))
    rows = np.arange(len(flat))
    for i in range(flat.shape[1]):
        other = flat[:, i] - 1
        order[rows, i], order[rows, other] = order[rows, other].copy(), order[rows, i].copy()
    return order.reshape(*pivots.shape[:-1], m)


class Factors(Function):
    """L and U, already computed, of square matrices whose rows are in pivoted order."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, both):
        lower, upper = made(np.tril(both, -1) + np.eye(both.shape[-1], dtype=both.dtype)), made(np.triu(both))
        ctx.save_for_backward(lower, upper)
        return lower, upper

    @staticmethod
    def backward(ctx, dl, du):
        lower, upper = ctx.saved_tensors
        middle = (lower.mT @ dl).tril(-1) + (du @ upper.mT).triu()
        left = solve_triangular(lower.mT, middle, upper=True, unitriangular=True)
        return solve_triangular(upper.mT, left, upper=False, left=False), None


def factors(A, pivot: bool):
    """(L, U, LAPACK's pivots, info, row order)."""
    m, n = A.shape[-2:]
    k = min(m, n)
    both, pivots, info = eliminate(array_of(A), pivot)
    order = order_of(pivots, m)
    a = take_along_dim(A, made(np.broadcast_to(order[..., None], A.shape)), -2) if pivot else A
    lower, upper = Factors.apply(a[..., :k, :k], both[..., :k, :k])
    if m > n:
        lower = cat([lower, solve_triangular(upper, a[..., k:, :], upper=True, left=False)], -2)
    elif n > m:
        upper = cat([upper, solve_triangular(lower, a[..., k:], upper=False, unitriangular=True)], -1)
    return lower, upper, pivots, info, order


def permutation(order: np.ndarray, like):
    """The permutation matrix P for which P A[order] = A."""
    return made(np.swapaxes(np.eye(order.shape[-1], dtype=array_of(like).dtype)[order], -1, -2))


@public(node="LinalgLuFactorExBackward0")
@takes_out
@unbatched
def lu(A, *, pivot: bool = True):
    """(P, L, U) with A = P L U: P a permutation, L lower triangular with ones on the diagonal, U upper triangular.

    >>> tinygrad_c.linalg.lu(tensor([[0., 2.], [1., 3.]])).U
    tensor([[1., 3.],
            [0., 2.]])
    """
    matrices(A, "lu")
    lower, upper, _, _, order = factors(A, pivot)
    return lu_result((permutation(order, A) if pivot else A.new_empty(0), lower, upper))


@public(node="LinalgLuFactorExBackward0")
@takes_out
@unbatched
def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False):
    """lu_factor with info: 0, or the 1-based index of a zero on U's diagonal.

    >>> tinygrad_c.linalg.lu_factor_ex(tensor([[2., 0.], [0., 0.]])).info
    tensor(2, dtype=torch.int32)
    """
    matrices(A, "lu_factor_ex")
    lower, upper, pivots, info, _ = factors(A, pivot)
    if check_errors and info.any():
        raise LinAlgError(f"linalg.lu_factor_ex: U[{info.max()},{info.max()}] is zero and using it on lu_solve would result in "
                          "a division by zero. If you still want to perform the factorization, consider calling "
                          "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")
    m, n = A.shape[-2:]
    low = lower.tril(-1)
    if n > m:
        low = cat([low, low.new_zeros(*low.shape[:-1], n - m)], -1)
    elif m > n:
        upper = cat([upper, upper.new_zeros(*upper.shape[:-2], m - n, n)], -2)
    return factor_ex_result((low + upper, made(pivots), made(np.asarray(info))))


@public(node="LinalgLuFactorExBackward0")
@takes_out
@unbatched
def lu_factor(A, *, pivot: bool = True):
    """(LU, pivots): both factors in one matrix, without L's diagonal of ones. Row i was swapped with row pivots[i] - 1.

    >>> tinygrad_c.linalg.lu_factor(tensor([[0., 2.], [1., 3.]])).pivots
    tensor([2, 2], dtype=torch.int32)
    """
    return factor_result(lu_factor_ex(A, pivot=pivot)[:2])


@public("LU pivots B", node="LinalgLuSolveBackward0")
@takes_out
@unbatched
def lu_solve(LU, pivots, B, *, left: bool = True, adjoint: bool = False):
    """X with A X = B (left=False: X A = B; adjoint: A^T instead of A) for the A that lu_factor factored.

    >>> tinygrad_c.linalg.lu_solve(*lu_factor(tensor([[0., 2.], [1., 3.]])), tensor([[2.], [4.]]))
    tensor([[1.],
            [1.]])
    """
    square(LU, "lu_solve")
    tensor_arg(B, "linalg_lu_solve", "B", 3)
    if pivots.dtype.name != "int32":
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    P = permutation(order_of(array_of(pivots), LU.shape[-1]), LU)
    if adjoint:         # U^T L^T P^T X = B
        y = solve_triangular(LU.triu().mT, B, upper=False)
        return P @ solve_triangular((LU.tril(-1)).mT, y, upper=True, unitriangular=True)
    y = solve_triangular(LU, P.mT @ B, upper=False, unitriangular=True)
    return solve_triangular(LU, y, upper=True)


@public("LU_data LU_pivots", node="LuUnpackBackward0")
@takes_out
@unbatched
def lu_unpack(LU_data, LU_pivots, unpack_data: bool = True, unpack_pivots: bool = True):
    """(P, L, U) from the result of lu_factor.

    >>> P, L, U = tinygrad_c.lu_unpack(*tinygrad_c.lu(tensor([[1., 2.], [4., 6.]])))
    >>> P @ L @ U
    tensor([[1., 2.],
            [4., 6.]])
    """
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    none = LU_data.new_empty(0)
    lower = LU_data[..., :k].tril(-1) + eye(m, k, dtype=LU_data.dtype) if unpack_data else none
    upper = LU_data[..., :k, :].triu() if unpack_data else none
    return unpack_result((permutation(order_of(array_of(LU_pivots), m), LU_data) if unpack_pivots else none, lower, upper))


# ---- Functions that return info instead of raising an error

@public(node="LinalgInvExBackward0")
@takes_out
@unbatched
def inv_ex(A, *, check_errors: bool = False):
    """(inverse, info): info is 0, or for a singular matrix the 1-based index of a zero on U's diagonal. It does not raise.

    >>> tinygrad_c.linalg.inv_ex(tensor([[2., 0.], [0., 0.]])).info
    tensor(2, dtype=torch.int32)
    """
    result = solve_ex(square(A, "inv"), eye(A.shape[-1], dtype=A.dtype).expand(A.shape), check_errors=check_errors)
    return inv_result(result)


@public("A B", node="LinalgSolveExBackward0")
@takes_out
@unbatched
def solve_ex(A, B, *, left: bool = True, check_errors: bool = False):
    """(result, info): like solve, but a singular matrix gives a nonzero info and a non-finite result instead of an error.

    >>> tinygrad_c.linalg.solve_ex(tensor([[2., 0.], [0., 4.]]), tensor([2., 2.])).result
    tensor([1.0000, 0.5000])
    """
    info = eliminate(array_of(square(A, "solve")), True)[2] if A.numel() else np.zeros(A.shape[:-2], np.int32)
    if not info.any():
        return solve_result((solve(A, B, left=left), made(np.asarray(info))))
    if check_errors:
        raise LinAlgError(f"linalg.solve: The diagonal element {info.max()} is zero, the solve could not be completed because "
                          "the input matrix is singular.")
    bad = made(np.asarray(info > 0))
    found = solve(replaced(A, bad), B, left=left)
    while bad.ndim < found.ndim:
        bad = bad.unsqueeze(-1)
    return solve_result((found.masked_fill(bad.expand(found.shape), float("nan")), made(np.asarray(info))))


def replaced(A, bad):
    """A with the identity matrix where `bad` is true."""
    mask = bad[..., None, None]
    return A.masked_fill(mask.expand(A.shape), 0.0) + mask.to(A.dtype) * eye(A.shape[-1], dtype=A.dtype)


@public(node="LinalgCholeskyExBackward0")
@takes_out
@unbatched
def cholesky_ex(A, *, upper: bool = False, check_errors: bool = False):
    """(L, info): info is 0, or the order of the first leading minor that is not positive definite.

    >>> tinygrad_c.linalg.cholesky_ex(tensor([[1., 2.], [2., 1.]])).info
    tensor(2, dtype=torch.int32)
    """
    array = array_of(square(A, "cholesky"))
    flat = stacked(array)
    info = np.zeros(len(flat), np.int32)
    for i, each in enumerate(flat):
        n = each.shape[-1]
        whole = np.tril(each) + np.tril(each, -1).T
        info[i] = next((k for k in range(1, n + 1) if not _definite(whole[:k, :k])), 0) if not _definite(whole) else 0
    info = info.reshape(array.shape[:-2])
    if not info.any():
        return cholesky_result((cholesky(A, upper=upper), made(np.asarray(info))))
    if check_errors:
        raise LinAlgError("linalg.cholesky_ex: The factorization could not be completed because the input is not "
                          f"positive-definite (the leading minor of order {info.max()} is not positive-definite).")
    bad = made(np.asarray(info > 0))
    found = cholesky(replaced(A, bad), upper=upper)
    return cholesky_result((found.masked_fill(bad[..., None, None].expand(A.shape), float("nan")), made(np.asarray(info))))


def _definite(matrix: np.ndarray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


# ---- Householder reflections

def reflect(A, tau, other):
    """H_1 H_2 ... H_k other, H_i = I - tau_i v_i v_i^T, v_i the i-th column of A below its diagonal, with a 1 there."""
    m, k = A.shape[-2], tau.shape[-1]
    other = other if k else other + A[..., :1, :1].sum() * 0
    for i in reversed(range(k)):
        one = eye(m, dtype=A.dtype)[:, i:i + 1].expand(*A.shape[:-2], m, 1)
        v = A[..., i:i + 1] * (eye(m, dtype=A.dtype).cumsum(0)[:, i:i + 1] - eye(m, dtype=A.dtype)[:, i:i + 1]) + one
        other = other - tau[..., i, None, None] * (v @ (v.mT @ other))
    return other


@public("A tau", node="LinalgHouseholderProductBackward0")
@takes_out
def householder_product(A, tau):
    """The first columns of H_1 H_2 ... H_k: Q from geqrf's reflections, stored below the diagonal of A, and tau.

    >>> a, tau = tinygrad_c.geqrf(tensor([[3., 1.], [4., 2.]]))
    >>> q = tinygrad_c.linalg.householder_product(a, tau)
    >>> tinygrad_c.allclose(q.T @ q, tinygrad_c.eye(2), atol=1e-6)
    True
    """
    matrices(A, "householder_product")
    m, n = A.shape[-2:]
    if m < n:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau.shape[-1]:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    return reflect(A, tau, eye(m, n, dtype=A.dtype).expand(*A.shape[:-2], m, n))


orgqr = householder_product


@public("input tau other", node="OrmqrBackward0")
@takes_out
def ormqr(input, tau, other, left: bool = True, transpose: bool = False):
    """Q other, Q the full product of the reflections (left=False: other Q; transpose: Q^T).

    >>> a, tau = tinygrad_c.geqrf(tensor([[3., 1.], [4., 2.]]))
    >>> tinygrad_c.allclose(tinygrad_c.ormqr(a, tau, a.triu()), tensor([[3., 1.], [4., 2.]]))
    True
    """
    side = -2 if left else -1
    for x, name in ((input, "input"), (other, "other")):
        if x.ndim < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    m = input.shape[-2]
    if tau.shape[-1] > min(other.shape[side], input.shape[-1]):
        raise RuntimeError(f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])")
    if m != other.shape[side]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2], which is {m}")
    matrices(input, "ormqr", "input")
    q = reflect(input, tau, eye(m, dtype=input.dtype).expand(*input.shape[:-2], m, m))
    q = q.mT if transpose else q
    return q @ other if left else other @ q


@public
@takes_out
@unbatched
def geqrf(input):
    """(a, tau) in LAPACK's format: R on and above the diagonal of a, the reflections of Q below it. No gradient.

    >>> a, tau = tinygrad_c.geqrf(tensor([[3., 1.], [4., 2.]]))
    >>> a.triu().abs()
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    array = array_of(matrices(input, "geqrf"))
    flat = stacked(array)
    pairs = [np.linalg.qr(each, "raw") for each in flat]
    k = min(array.shape[-2:])
    a = np.stack([h.T for h, _ in pairs]) if pairs else flat
    tau = np.stack([t for _, t in pairs]) if pairs else np.zeros((0, k), array.dtype)
    return geqrf_result((made(a.reshape(array.shape)), made(tau.reshape(*array.shape[:-2], k))))


@public("b A", node="TriangularSolveBackward0")
@takes_out
def triangular_solve(b, A, upper: bool = True, transpose: bool = False, unitriangular: bool = False):
    """(X, A) with A X = b for triangular A (transpose: A^T X = b): the older form of linalg.solve_triangular.

    >>> tinygrad_c.triangular_solve(tensor([[4.], [3.]]), tensor([[2., 1.], [0., 3.]])).solution
    tensor([[1.5000],
            [1.0000]])
    """
    triangle = A.triu() if upper else A.tril()
    solution = solve_triangular(triangle.mT if transpose else triangle, b, upper=upper != transpose,
                                unitriangular=unitriangular)
    return triangular_result((solution, A.clone()))
