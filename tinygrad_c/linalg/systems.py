"""Inverses, determinants and systems of linear equations."""
from __future__ import annotations

import math

import numpy as np

from tinygrad_c import arange, eye, full, int64, log, movedim, where
from tinygrad_c._base.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.autograd import Function
from tinygrad_c.linalg.common import LinAlgError, made, matrices, of_finite, recorded, square
from tinygrad_c.ops.matrices.factors import lu_apply, lu_factors, qr_factors, substitute

slogdet_result = results("linalg_slogdet", "sign", "logabsdet")
lstsq_result = results("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
SINGULAR = "The inversion could not be completed because the input matrix is singular."


class Inverse(Function):
    """Y = A^-1:  dA = -Y^T G Y^T."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a):
        out = solved(a, eye(a.shape[-1], dtype=a.dtype).expand(a.shape), "inv", SINGULAR)[0]
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return -(y.mT @ g @ y.mT)


@public(node="LinalgInvExBackward0")
@takes_out
def inv(A):
    """The inverse of square matrices. LinAlgError if one is singular.

    >>> tinygrad_c.linalg.inv(tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    if recorded(square(A, "inv")):
        return Inverse.apply(A)
    return solved(A, eye(A.shape[-1], dtype=A.dtype).expand(A.shape), "inv", SINGULAR)[0]


def solved(a, b, function: str = "solve", message: str = "The solver failed because the input matrix is singular.") -> tuple:
    """(X with A X = B, the LU factors of A, their pivots). LinAlgError if A is singular."""
    both, pivots, _, failed = lu_factors(a)
    if failed:
        raise LinAlgError(f"linalg.{function}: {message}")
    return lu_apply(both, pivots, b), both, pivots


class Solution(Function):
    """X = A^-1 B:  dB = A^-T G,  dA = -dB X^T."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, b):
        out, *ctx.factors = solved(a, b)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, g):
        a, x = ctx.saved_tensors
        db = Solution.apply(a.mT, g) if recorded(a, g) else lu_apply(*ctx.factors, g, adjoint=True)
        return summed(-(db @ x.mT), a.shape), db


class TriangularSolution(Function):
    """X = A^-1 B for triangular A:  dB = A^-T G,  dA = the triangle of -dB X^T."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, b, upper, unit):
        out = substitute(a, b, upper=upper, unit=unit)
        ctx.upper, ctx.unit = upper, unit
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, g):
        a, x = ctx.saved_tensors
        db = TriangularSolution.apply(a.mT, g, not ctx.upper, ctx.unit)
        if not ctx.needs_input_grad[0]:
            return None, db, None, None
        da = -(db @ x.mT)
        return da.triu(ctx.unit) if ctx.upper else da.tril(-ctx.unit), db, None, None


def summed(g, shape):
    """g summed over the batch dimensions that were broadcast."""
    return g.sum_to_size(shape) if g.shape != shape else g


@public("A B", node="LinalgSolveExBackward0")
@takes_out
def solve(A, B, *, left: bool = True):
    """X with A X = B (or, with left=False, X A = B), for square matrices A and vectors or matrices B.

    B is a batch of vectors if it has one dimension, or A's shape without the last dimension. LinAlgError if A is singular.

    >>> tinygrad_c.linalg.solve(tensor([[2., 0.], [0., 4.]]), tensor([2., 2.]))
    tensor([1.0000, 0.5000])
    """
    if not left:
        a, b, vector = equations(A, B, False, "solve")
        return Solution.apply(a.mT, b.mT).mT
    a, b, vector = equations(A, B, True, "solve")
    out = Solution.apply(a, b) if recorded(A, B) else solved(a, b)[0]
    return out.squeeze(-1) if vector else out


def equations(A, B, left: bool, function: str) -> tuple:
    """(A, B as matrices, whether B is a vector), broadcast to one batch, after checks."""
    square(A, function)
    tensor_arg(B, f"linalg_{function}", "B", 2)
    if A.dtype is not B.dtype:
        raise RuntimeError(f"linalg.{function}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B "
                           f"of type {B.dtype} instead")
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    b = B.unsqueeze(-1) if vector else B
    if vector and not left:
        raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this "
                           "case linalg.solve is equivalent to B / A.squeeze(-1)")
    if b.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(f"linalg.{function}: Incompatible shapes of A and B for the equation "
                           f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})")
    if A.shape[:-2] == b.shape[:-2]:
        return A, b, vector
    batch = np.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    return A.expand(*batch, *A.shape[-2:]), b.expand(*batch, *b.shape[-2:]), vector


@public("A B", node="LinalgSolveTriangularBackward0")
@takes_out
def solve_triangular(A, B, *, upper: bool, left: bool = True, unitriangular: bool = False):
    """X with A X = B (left=False: X A = B) for triangular A. The other triangle of A is not used.

    >>> tinygrad_c.linalg.solve_triangular(tensor([[2., 9.], [1., 1.]]), tensor([[2.], [2.]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    a, b, vector = equations(A, B, left, "solve_triangular")
    if not left:
        return TriangularSolution.apply(a.mT, b.mT, not upper, bool(unitriangular)).mT
    if recorded(A, B):
        out = TriangularSolution.apply(a, b, bool(upper), bool(unitriangular))
    else:
        out = substitute(a, b, upper=upper, unit=unitriangular)
    return out.squeeze(-1) if vector else out


@public("A B")
@takes_out
def tensorsolve(A, B, dims=None):
    """X with tensordot(A, X, X.ndim) = B: solve with the first dimensions of A (B's shape) as rows, the others as columns.

    >>> tinygrad_c.linalg.tensorsolve(tensor([[2., 0.], [0., 4.]]), tensor([2., 4.]))
    tensor([1., 1.])
    """
    if dims is not None:
        A = movedim(A, dims, tuple(range(A.ndim - len(dims), A.ndim)))
    rest = A.shape[B.ndim:]
    if math.prod(rest) != B.numel():
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           f"prod(self.shape[:other.ndim]), but got {math.prod(rest)} != {B.numel()}")
    return solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(rest)


@public
@takes_out
def tensorinv(A, ind: int = 2):
    """The inverse of A as a linear map from its last dimensions to its first `ind` dimensions.

    >>> tinygrad_c.linalg.tensorinv(tensor([[2., 0.], [0., 4.]]), 1)
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, last = A.shape[:ind], A.shape[ind:]
    if math.prod(first) != math.prod(last):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but "
                           f"got {math.prod(last)} != {math.prod(first)}")
    return inv(A.reshape(math.prod(first), -1)).reshape((*last, *first))


# ---- Determinants

def sign_of(pivots, dtype):
    """The determinant of the permutation, 1 or -1: each exchange of two rows changes the sign."""
    exchanges = (pivots != arange(1, pivots.shape[-1] + 1, dtype=pivots.dtype)).sum(-1)
    return (1 - 2 * (exchanges % 2)).to(dtype)


class Determinant(Function):
    """d = det A:  dA = g * the cofactor matrix, which is d A^-T if A is invertible."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a):
        both, pivots, _, _ = ctx.factors = lu_factors(a)
        out = both.diagonal(0, -2, -1).prod(-1) * sign_of(pivots, a.dtype)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, g):
        a, d = ctx.saved_tensors
        if a.numel() == 0:
            return a * 0
        weak = (d == 0) | (abs(d) <= 1e-30)
        if not weak.any():
            if recorded(a, g):
                return (g * d)[..., None, None] * inv(a).mT
            both, pivots, _, _ = ctx.factors
            return lu_apply(both, pivots, (g * d)[..., None].expand(a.shape[:-1]).diag_embed(), adjoint=True)
        u, s, vh = of_finite(np.linalg.svd, array_of(a))           # singular: the cofactors from the SVD, differentiable once
        ones = np.ones_like(s[..., :1])                 # for each singular value, the product of those before it and after it
        before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
        others = before * np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
        sign = np.linalg.det(u) * np.linalg.det(vh)
        return g[..., None, None] * made((sign[..., None, None] * (u * others[..., None, :]) @ vh).astype(u.dtype))


@public(node="LinalgDetBackward0")
@takes_out
def det(A):
    """The determinant of square matrices.

    >>> tinygrad_c.linalg.det(tensor([[4., 2.], [1., 3.]]))
    tensor(10.)
    """
    return Determinant.apply(square(A, "det"))


class LogDeterminant(Function):
    """(sign, log |det A|):  dA = g A^-T."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a):
        both, pivots, _, _ = ctx.factors = lu_factors(a)
        diagonal = both.diagonal(0, -2, -1)
        ctx.save_for_backward(a)
        return diagonal.sign().prod(-1) * sign_of(pivots, a.dtype), diagonal.abs().log().sum(-1)

    @staticmethod
    def backward(ctx, _, g):
        (a,) = ctx.saved_tensors
        both, pivots, _, failed = ctx.factors
        if recorded(a, g) or failed:
            return g[..., None, None] * inv(a).mT
        return lu_apply(both, pivots, g[..., None].expand(a.shape[:-1]).diag_embed(), adjoint=True)


@public(node="LinalgSlogdetBackward0")
@takes_out
def slogdet(A):
    """(sign, logabsdet): the sign of the determinant, and the logarithm of its absolute value.

    >>> tinygrad_c.linalg.slogdet(tensor([[2., 0.], [0., -2.]])).sign
    tensor(-1.)
    """
    return slogdet_result(LogDeterminant.apply(square(A, "slogdet")))


@public
def logdet(A):
    """The logarithm of the determinant. NaN if the determinant is negative.

    >>> tinygrad_c.logdet(tensor([[1., 0.], [0., 1.]]))
    tensor(0.)
    """
    sign, logabsdet = slogdet(A)
    return logabsdet + log(where(sign == 0, 1, sign))       # for det = 0, logabsdet is already -inf


# ---- Pseudo-inverse, least squares, rank

def inverse_by_qr(a, rtol: float):
    """R^-1 Q^T with a = Q R, or None unless |R| |R^-1| < 1 / rtol (Frobenius norms): then no singular value is below rtol times
    the largest one, and this is the pseudo-inverse. a has one batch dimension at most."""
    if a.shape[-2] < a.shape[-1]:
        found = inverse_by_qr(a.mT, rtol)
        return None if found is None else found.mT
    q, r = qr_factors(a)
    inverse = substitute(r, eye(r.shape[-1], dtype=r.dtype).expand(r.shape), upper=True)
    condition = r.norm(dim=(-2, -1)) * inverse.norm(dim=(-2, -1))
    return inverse @ q.mT if (condition * rtol < 1).all() else None


class PseudoInverse(Function):
    """P = A^+:  dA = -P^T G P^T + (I - A P) G^T P P^T + P^T P G^T (I - P A).  Golub & Pereyra 1973, eq. 4.12."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, rtol, hermitian):
        array = array_of(a)
        rtol = max(array.shape[-2:]) * np.finfo(array.dtype).eps if rtol is None else rtol
        out = None if hermitian else inverse_by_qr(a, rtol)
        if out is None:
            out = made(of_finite(np.linalg.pinv, array, rtol, hermitian).astype(array.dtype))
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, g):
        a, p = ctx.saved_tensors
        left = g.mT - a @ (p @ g.mT)
        right = g.mT - (g.mT @ p) @ a
        return -(p.mT @ g @ p.mT) + left @ p @ p.mT + p.mT @ p @ right, None, None


@public(node="LinalgPinvBackward0")
@takes_out
@unbatched
def pinv(A, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None, rtol: float | None = None):
    """The Moore-Penrose inverse: singular values below max(atol, rtol * the largest) are treated as 0.

    >>> tinygrad_c.linalg.pinv(tensor([[2., 0.], [0., 0.], [0., 0.]]))
    tensor([[0.5000, 0.0000, 0.0000],
            [0.0000, 0.0000, 0.0000]])
    """
    matrices(A, "pinv")
    rtol = rcond if rtol is None else rtol
    if A.numel() == 0:
        return A.mT * 1
    if atol is not None:
        largest = float(of_finite(np.linalg.svd, array_of(A), compute_uv=False).max())
        rtol = max(rtol or 0.0, atol / largest if largest else 0.0)
    return PseudoInverse.apply(A, rtol, hermitian)


@public("A B", node="LinalgLstsqBackward0")
@takes_out
@unbatched
def lstsq(A, B, rcond: float | None = None, *, driver: str | None = None):
    """(solution, residuals, rank, singular_values) of min |A X - B|.

    driver: with "gelsy" (the default), residuals and singular_values are empty. With the others, residuals are the sums of
    squares per column if A has more rows than columns and full rank, else empty.

    >>> tinygrad_c.linalg.lstsq(tensor([[2.], [0.]]), tensor([[4.], [3.]])).solution
    tensor([[2.]])
    """
    matrices(A, "lstsq"), matrices(B, "lstsq", "B")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}")
    if A.shape[-2] != B.shape[-2]:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2): the shapes are "
                           f"{list(A.shape)} and {list(B.shape)}")
    tolerance = max(A.shape[-2:]) * np.finfo(A.dtype.name.rpartition(".")[2]).eps if rcond is None else rcond
    inverse = None if recorded(A) or A.numel() == 0 else inverse_by_qr(A, tolerance)
    solution = (pinv(A, rtol=rcond) if inverse is None else inverse) @ B
    rank = matrix_rank(A, rtol=rcond) if inverse is None else full(A.shape[:-2], min(A.shape[-2:]), dtype=int64)
    residuals = A.new_empty(0)
    if driver not in (None, "gelsy") and A.shape[-2] > A.shape[-1] and (rank == A.shape[-1]).all():
        residuals = ((A @ solution - B) ** 2).sum(-2)
    values = A.new_empty(0)
    if driver in ("gelsd", "gelss"):
        values = made(of_finite(np.linalg.svd, array_of(A), compute_uv=False))
    return lstsq_result((solution, residuals, A.new_empty(0).long() if driver == "gels" else rank, values))


@public
@takes_out
@unbatched
def matrix_rank(A, tol: float | None = None, hermitian: bool = False, *, atol=None, rtol=None):
    """The number of singular values above max(atol, rtol * the largest).

    >>> tinygrad_c.linalg.matrix_rank(tensor([[1., 2.], [2., 4.]]))
    tensor(1)
    """
    array = array_of(matrices(A, "matrix_rank"))
    if array.size == 0:
        return made(np.zeros(array.shape[:-2], np.int64))
    s = abs(np.linalg.eigvalsh(array)) if hermitian else of_finite(np.linalg.svd, array, compute_uv=False)
    atol = tol if atol is None else atol
    if rtol is None:
        rtol = max(array.shape[-2:]) * np.finfo(array.dtype).eps if atol is None else 0.0
    limit = np.maximum(column(0.0 if atol is None else atol), column(rtol) * s.max(-1, keepdims=True))
    return made(np.asarray((s > limit).sum(-1), np.int64))


def column(tolerance) -> np.ndarray:
    """The tolerance, a number or a tensor with one per matrix, shaped to compare with the singular values."""
    return np.asarray(tolerance)[..., None]
