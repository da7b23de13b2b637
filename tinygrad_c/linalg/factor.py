"""Matrix factorizations: Cholesky, QR, symmetric eigenvalues, SVD, low-rank SVD.

The gradients are those of Giles 2008 (An extended collection of matrix derivative results for forward and reverse mode AD),
and of Walter & Lehmann 2012 for QR. They are tensor operations, so they can be differentiated again.
"""
from __future__ import annotations

import numpy as np

from tinygrad_c import cat, eye, randn
from tinygrad_c._base.arguments import array_of, results, takes_out
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.autograd import Function
from tinygrad_c.linalg.common import LinAlgError, called, made, matrices, of_finite, recorded, square
from tinygrad_c.linalg.systems import solve_triangular
from tinygrad_c.ops.matrices.factors import cholesky_factor, qr_factors

qr_result = results("linalg_qr", "Q", "R")
eigh_result = results("linalg_eigh", "eigenvalues", "eigenvectors")
svd_result = results("linalg_svd", "U", "S", "Vh")
FAILED = "The algorithm failed to converge."
OWN_QR = 128                # columns: up to so many, our own reflections are as fast as LAPACK's blocked ones


def factored(a, upper: bool):
    """L of the lower triangle of a, or U. LinAlgError if a is not positive definite."""
    out, _, failed = cholesky_factor(a, upper)
    if failed:
        raise LinAlgError("linalg.cholesky: The factorization could not be completed because the input is not "
                          "positive-definite.")
    return out


class Cholesky(Function):
    """A = L L^T:  dA = L^-T P(L^T G) L^-1, symmetrized. P takes the lower triangle with half of the diagonal."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a):
        out = factored(a, False)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (lower,) = ctx.saved_tensors
        middle = (lower.mT @ g).tril()
        middle = middle - 0.5 * middle.diagonal(0, -2, -1).diag_embed()
        left = solve_triangular(lower.mT, middle, upper=True)
        da = solve_triangular(lower, left, upper=False, left=False)
        return 0.5 * (da + da.mT)


@public(node="LinalgCholeskyExBackward0")
@takes_out
def cholesky(A, *, upper: bool = False):
    """The lower triangular L with L L^T = A, for symmetric positive definite A; with upper=True its transpose.

    LinAlgError if A is not positive definite.

    >>> tinygrad_c.linalg.cholesky(tensor([[4., 2.], [2., 2.]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    if not recorded(square(A, "cholesky")):
        return factored(A, upper)
    lower = Cholesky.apply(A)
    return lower.mT if upper else lower


class Qr(Function):
    """A = Q R with at least as many rows as columns: with M = R dR^T - dQ^T Q, dA = (dQ + Q copy(M)) R^-T, where copy
    mirrors the lower triangle to the upper one."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, mode):
        if mode == "reduced" and a.shape[-1] <= OWN_QR:
            q, r = qr_factors(a)
        else:
            q, r = (made(each) for each in np.linalg.qr(array_of(a), mode))
        ctx.mode = mode
        ctx.save_for_backward(q, r)
        return q, r

    @staticmethod
    def backward(ctx, dq, dr):
        q, r = ctx.saved_tensors
        if ctx.mode == "complete" and q.shape[-1] != r.shape[-1]:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols: take "
                               "mode='reduced'")
        m = r @ dr.mT - dq.mT @ q
        return solve_triangular(r.mT, dq + q @ (m.tril() + m.tril(-1).mT), upper=False, left=False), None


@public(node="LinalgQrBackward0")
@takes_out
@unbatched
def qr(A, mode: str = "reduced"):
    """(Q, R) with Q R = A, the columns of Q orthonormal and R upper triangular.

    For A of (m, n): mode "reduced" gives Q (m, k) and R (k, n) with k = min(m, n), "complete" gives Q (m, m), "r" gives only
    R, without a gradient.

    >>> tinygrad_c.linalg.qr(tensor([[2., 1.], [0., 3.]])).R.abs()
    tensor([[2., 1.],
            [0., 3.]])
    """
    matrices(A, "qr")
    if mode == "r":
        return qr_result((A.new_empty(0), made(np.linalg.qr(array_of(A), "r"))))
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           "'complete'")
    m, n = A.shape[-2:]
    if m >= n:
        own = mode == "reduced" and n <= OWN_QR and not recorded(A)
        return qr_result(qr_factors(A) if own else Qr.apply(A, mode))
    q, r = Qr.apply(A[..., :m], mode)               # a wide matrix has the Q of its first columns
    return qr_result((q, cat([r, q.mT @ A[..., m:]], -1)))


# ---- Eigenvalues of symmetric matrices

def one_over_differences(x):
    """The matrix 1 / (x[j] - x[i]) with 0 on the diagonal."""
    same = eye(x.shape[-1], dtype=x.dtype)
    return (1 - same) / (x.unsqueeze(-2) - x.unsqueeze(-1) + same)


class Eigh(Function):
    """A = V diag(w) V^T:  dA = V (diag(dw) + (V^T dV) / (w_j - w_i)) V^T, symmetrized."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, lower):
        w, v = (made(each) for each in called("eigh", FAILED, np.linalg.eigh, array_of(a), lower))
        ctx.save_for_backward(w, v)
        ctx.set_materialize_grads(False)
        return w, v

    @staticmethod
    def backward(ctx, dw, dv):
        w, v = ctx.saved_tensors
        middle = 0 if dw is None else dw.diag_embed()
        if dv is not None:
            middle = middle + (v.mT @ dv) * one_over_differences(w)
        if dw is None and dv is None:
            return None, None
        da = v @ middle @ v.mT
        return 0.5 * (da + da.mT), None


def half(UPLO: str) -> str:
    """The triangle of A to use: "L" or "U"."""
    if not isinstance(UPLO, str):
        raise TypeError(f"linalg_eigh(): argument 'UPLO' (position 2) must be str, not {type(UPLO).__name__}")
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


@public(node="LinalgEighBackward0")
@takes_out
def eigh(A, UPLO: str = "L"):
    """(eigenvalues, eigenvectors) of symmetric matrices: eigenvalues in ascending order, eigenvectors in the columns.

    Only the lower triangle of A is used, or the upper one with UPLO="U". The signs of the eigenvectors are arbitrary. Their
    gradient is infinite if two eigenvalues are equal.

    >>> tinygrad_c.linalg.eigh(tensor([[2., 0.], [0., 1.]])).eigenvalues
    tensor([1., 2.])
    """
    if recorded(square(A, "eigh")):
        return eigh_result(Eigh.apply(A, half(UPLO)))
    return eigh_result([made(each) for each in called("eigh", FAILED, np.linalg.eigh, array_of(A), half(UPLO))])


@public(node="LinalgEighBackward0")
@takes_out
def eigvalsh(A, UPLO: str = "L"):
    """The eigenvalues of symmetric matrices, in ascending order.

    >>> tinygrad_c.linalg.eigvalsh(tensor([[2., 0.], [0., 1.]]))
    tensor([1., 2.])
    """
    if recorded(A):
        return eigh(A, UPLO)[0]
    return made(called("eigh", FAILED, np.linalg.eigvalsh, array_of(square(A, "eigh")), half(UPLO)))


# ---- Singular values

class Svd(Function):
    """A = U diag(s) V^T, with k = min(m, n) values:
    dA = U ((U^T dU - dU^T U) / E diag(s) + diag(s) (V^T dV - dV^T V) / E + diag(ds)) V^T
         + (I - U U^T) dU diag(1/s) V^T + U diag(1/s) dV^T (I - V V^T),  E[i, j] = s[j]^2 - s[i]^2."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a):
        u, s, vh = (made(each) for each in of_finite(np.linalg.svd, array_of(a), full_matrices=False))
        ctx.save_for_backward(u, s, vh)
        ctx.set_materialize_grads(False)
        return u, s, vh

    @staticmethod
    def backward(ctx, du, ds, dvh):
        u, s, vh = ctx.saved_tensors
        if du is None and ds is None and dvh is None:
            return None
        middle = 0 if ds is None else ds.diag_embed()
        rows, columns = s.unsqueeze(-1), s.unsqueeze(-2)
        outside = 0
        over = None if du is None and dvh is None else one_over_differences(s * s)
        if du is not None:
            inside = u.mT @ du
            middle = middle + (inside - inside.mT) * over * columns
            if u.shape[-2] > u.shape[-1]:
                outside = ((du - u @ inside) / columns) @ vh
        if dvh is not None:
            inside = vh @ dvh.mT
            middle = middle + rows * ((inside - inside.mT) * over)
            if vh.shape[-1] > vh.shape[-2]:
                outside = outside + u @ ((dvh - inside.mT @ vh) / rows)
        return u @ middle @ vh + outside


@public(node="LinalgSvdBackward0")
@takes_out
@unbatched
def svd(A, full_matrices: bool = True, *, driver: str | None = None):
    """(U, S, Vh) with U diag(S) Vh = A, S in descending order, the columns of U and the rows of Vh orthonormal.

    For A of (m, n): U is (m, m) and Vh (n, n), or with full_matrices=False (m, k) and (k, n), k = min(m, n). The
    additional vectors of full matrices have no gradient.

    >>> tinygrad_c.linalg.svd(tensor([[3., 0.], [0., 4.]])).S
    tensor([4., 3.])
    """
    u, s, vh = Svd.apply(matrices(A, "svd"))
    m, n = A.shape[-2:]
    if full_matrices and m != n:
        full = of_finite(np.linalg.svd, array_of(A))
        k = min(m, n)
        u = cat([u, made(full[0][..., k:])], -1) if m > n else u
        vh = cat([vh, made(full[2][..., k:, :])], -2) if n > m else vh
    return svd_result((u, s, vh))


@public(node="LinalgSvdBackward0")
@takes_out
@unbatched
def svdvals(A, *, driver: str | None = None):
    """The singular values, in descending order.

    >>> tinygrad_c.linalg.svdvals(tensor([[3., 0.], [0., 4.]]))
    tensor([4., 3.])
    """
    if recorded(matrices(A, "svdvals")):
        return Svd.apply(A)[1]
    return made(of_finite(np.linalg.svd, array_of(A), compute_uv=False))


# ---- Low rank

@public
def svd_lowrank(A, q: int | None = 6, niter: int | None = 2, M=None):
    """(U, S, V) of a rank q approximation of A, or of A - M, by random projection: Halko, Martinsson & Tropp 2011,
    algorithms 4.4 and 5.1. It is exact for matrices of rank q or less.

    >>> tinygrad_c.svd_lowrank(tensor([[3., 4.], [6., 8.]]), q=1)[1]
    tensor([11.1803])
    """
    a = A if M is None else A - M
    q = min(6 if q is None else q, *a.shape[-2:])
    space = qr(a @ randn(a.shape[-1], q, dtype=a.dtype))[0]
    for _ in range(niter or 0):
        space = qr(a @ qr(a.mT @ space)[0])[0]
    u, s, vh = svd(space.mT @ a, full_matrices=False)
    return space @ u, s, vh.mT


@public
def pca_lowrank(A, q: int | None = None, center: bool = True, niter: int = 2):
    """(U, S, V): svd_lowrank of A minus the mean of its rows (center). The columns of V are the q principal directions.

    >>> U, S, V = tinygrad_c.pca_lowrank(tensor([[1., 1.], [2., 2.], [6., 6.]]), q=1)
    >>> V.abs()
    tensor([[0.7071],
            [0.7071]])
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
