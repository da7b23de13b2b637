"""LU factorization with pivoting, the functions that use it, and products of Householder reflections.

The factors with pivoting come from ops/matrices. Gradient for square A = P L U:
dA = P L^-T (lower(L^T dL) + upper(dU U^T)) U^-T. Other shapes are composed of square ones.
"""
from __future__ import annotations

import math

import numpy as np

from tinygrad_c import arange, cat, eye, float64, int32, take_along_dim
from tinygrad_c._base.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.autograd import Function
from tinygrad_c.linalg.common import LinAlgError, made, matrices, recorded, square
from tinygrad_c.linalg.factor import cholesky
from tinygrad_c.linalg.systems import solve, solve_triangular
from tinygrad_c.ops.matrices.factors import cholesky_factor, lu_apply, lu_factors, permute_rows, q_of_reflections

lu_result = results("linalg_lu", "P", "L", "U")
unpack_result = results("lu_unpack", "P", "L", "U")
factor_result = results("linalg_lu_factor", "LU", "pivots")
factor_ex_result = results("linalg_lu_factor_ex", "LU", "pivots", "info")
inv_result = results("linalg_inv_ex", "inverse", "info")
solve_result = results("linalg_solve_ex", "result", "info")
cholesky_result = results("linalg_cholesky_ex", "L", "info")
geqrf_result = results("geqrf", "a", "tau")
triangular_result = results("triangular_solve", "solution", "cloned_coefficient")


def eliminate(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(both factors in one matrix, the 1-based index of the first zero on U's diagonal or 0), without pivoting: one column at a
    time for the whole batch."""
    a = array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:]).copy()
    info = np.zeros(len(a), np.int32)
    for i in range(min(a.shape[1:])):
        info = np.where((a[:, i, i] == 0) & (info == 0), i + 1, info).astype(np.int32)
        with np.errstate(all="ignore"):
            a[:, i + 1:, i] /= a[:, i, i, None]
        a[:, i + 1:, i + 1:] -= a[:, i + 1:, i, None] * a[:, None, i, i + 1:]
    return a.reshape(array.shape), info.reshape(array.shape[:-2])


def all_factors(A, pivot: bool) -> tuple:
    """(L and U in one matrix, LAPACK's pivots, info), without a gradient."""
    if pivot:
        return lu_factors(A)[:3]
    both, info = eliminate(array_of(A))
    k = min(A.shape[-2:])
    pivots = arange(1, k + 1, dtype=int32).expand(*A.shape[:-2], k).contiguous()
    return made(both), pivots, made(np.asarray(info))


def permutation(pivots, m: int, dtype):
    """The permutation matrix P with P L U = A."""
    batch = pivots.shape[:-1]
    return permute_rows(eye(m, dtype=dtype).expand(*batch, m, m), pivots).mT.contiguous()


def permuted(A, pivots):
    """P^T A, with A's gradient."""
    m = A.shape[-2]
    order = permute_rows(arange(m, dtype=float64).unsqueeze(-1).expand(*A.shape[:-2], m, 1), pivots).long()
    return take_along_dim(A, order.expand(A.shape), -2)


class Factors(Function):
    """L and U, already computed, of square matrices whose rows are in pivoted order."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, both):
        lower, upper = both.tril(-1) + eye(both.shape[-1], dtype=both.dtype), both.triu()
        ctx.save_for_backward(lower, upper)
        return lower, upper

    @staticmethod
    def backward(ctx, dl, du):
        lower, upper = ctx.saved_tensors
        middle = (lower.mT @ dl).tril(-1) + (du @ upper.mT).triu()
        left = solve_triangular(lower.mT, middle, upper=True, unitriangular=True)
        return solve_triangular(upper.mT, left, upper=False, left=False), None


def factors(A, pivot: bool):
    """(L, U, LAPACK's pivots, info)."""
    m, n = A.shape[-2:]
    k = min(m, n)
    both, pivots, info = all_factors(A, pivot)
    a = permuted(A, pivots) if pivot and recorded(A) else A
    lower, upper = Factors.apply(a[..., :k, :k], both[..., :k, :k])
    if m > n:
        lower = cat([lower, solve_triangular(upper, a[..., k:, :], upper=True, left=False)], -2) if recorded(A) else cat(
            [lower, both[..., k:, :]], -2)
    elif n > m:
        upper = cat([upper, solve_triangular(lower, a[..., k:], upper=False, unitriangular=True)], -1) if recorded(A) else cat(
            [upper, both[..., k:]], -1)
    return lower, upper, pivots, info


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
    lower, upper, pivots, _ = factors(A, pivot)
    return lu_result((permutation(pivots, A.shape[-2], A.dtype) if pivot else A.new_empty(0), lower, upper))


@public(node="LinalgLuFactorExBackward0")
@takes_out
@unbatched
def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False):
    """lu_factor with info: 0, or the 1-based index of a zero on U's diagonal.

    >>> tinygrad_c.linalg.lu_factor_ex(tensor([[2., 0.], [0., 0.]])).info
    tensor(2, dtype=torch.int32)
    """
    matrices(A, "lu_factor_ex")
    both, pivots, info = all_factors(A, pivot)
    if check_errors and info.any():
        at = info.max().item()
        raise LinAlgError(f"linalg.lu_factor_ex: U[{at},{at}] is zero and using it on lu_solve would result in "
                          "a division by zero. If you still want to perform the factorization, consider calling "
                          "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")
    if recorded(A):
        lower, upper, _, _ = factors(A, pivot)
        m, n = A.shape[-2:]
        low = lower.tril(-1)
        if n > m:
            low = cat([low, low.new_zeros(*low.shape[:-1], n - m)], -1)
        elif m > n:
            upper = cat([upper, upper.new_zeros(*upper.shape[:-2], m - n, n)], -2)
        both = low + upper
    return factor_ex_result((both, pivots, info))


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
    if not recorded(LU, B) and LU.ndim == B.ndim and LU.shape[:-2] == B.shape[:-2]:
        return lu_apply(LU, pivots, B, adjoint)
    P = permutation(pivots, LU.shape[-1], LU.dtype)
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
    return unpack_result((permutation(LU_pivots, m, LU_data.dtype) if unpack_pivots else none, lower, upper))


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
    info, failed = lu_factors(square(A, "solve"))[2:]
    if not failed:
        return solve_result((solve(A, B, left=left), info))
    if check_errors:
        raise LinAlgError(f"linalg.solve: The diagonal element {info.max().item()} is zero, the solve could not be completed "
                          "because the input matrix is singular.")
    bad = info > 0
    found = solve(replaced(A, bad), B, left=left)
    while bad.ndim < found.ndim:
        bad = bad.unsqueeze(-1)
    return solve_result((found.masked_fill(bad.expand(found.shape), float("nan")), info))


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
    factor, info, failed = cholesky_factor(square(A, "cholesky"), upper)
    if not failed:
        return cholesky_result((cholesky(A, upper=upper) if recorded(A) else factor, info))
    if check_errors:
        raise LinAlgError("linalg.cholesky_ex: The factorization could not be completed because the input is not "
                          f"positive-definite (the leading minor of order {info.max().item()} is not positive-definite).")
    bad = info > 0
    found = cholesky(replaced(A, bad), upper=upper)
    return cholesky_result((found.masked_fill(bad[..., None, None].expand(A.shape), float("nan")), info))


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
    if not recorded(A, tau) and tau.shape[:-1] == A.shape[:-2]:
        return q_of_reflections(A, tau)
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
    flat = array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])
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
