"""Linear algebra functions of torch's top level, some with other names and arguments than in torch.linalg."""
from __future__ import annotations

from tinygrad_c import eye
from tinygrad_c._base.arguments import results, takes_out
from tinygrad_c._base.public import public
from tinygrad_c.linalg import elimination, factor, systems
from tinygrad_c.linalg.norms import chain_matmul, matrix_exp, matrix_power

qr_result = results("qr", "Q", "R")
svd_result = results("svd", "U", "S", "V")
lu_result = results("lu", "LU", "pivots")
lu_infos_result = results("lu", "LU", "pivots", "info")
slogdet_result = results("slogdet", "sign", "logabsdet")
inverse, det, logdet = systems.inv, systems.det, systems.logdet

__all__ = ["chain_matmul", "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu", "lu_solve",
           "matrix_exp", "matrix_power", "pinverse", "qr", "slogdet", "svd"]


@public(node="LinalgLuFactorExBackward0")
@takes_out
def lu(A, pivot: bool = True, get_infos: bool = False):
    """(LU, pivots), or (LU, pivots, info) with get_infos: linalg.lu_factor_ex.

    >>> lu, pivots = tinygrad_c.lu(tensor([[1., 2.], [4., 6.]]))
    >>> lu, pivots
    (tensor([[4.0000, 6.0000],
            [0.2500, 0.5000]]), tensor([2, 2], dtype=torch.int32))
    """
    found = elimination.lu_factor_ex(A, pivot=pivot)
    return lu_infos_result(found) if get_infos else lu_result(found[:2])


@public("b LU_data LU_pivots", node="LinalgLuSolveBackward0")
@takes_out
def lu_solve(b, LU_data, LU_pivots):
    """X with A X = b from the result of lu: linalg.lu_solve.

    >>> lu, pivots = tinygrad_c.lu(tensor([[1., 2.], [4., 6.]]))
    >>> tinygrad_c.lu_solve(tensor([[5.], [16.]]), lu, pivots)
    tensor([[1.],
            [2.]])
    """
    return elimination.lu_solve(LU_data, LU_pivots, b)


@public(node="LinalgCholeskyExBackward0")
@takes_out
def cholesky(input, upper: bool = False):
    """linalg.cholesky.

    >>> tinygrad_c.cholesky(tensor([[4., 2.], [2., 10.]]))
    tensor([[2., 0.],
            [1., 3.]])
    """
    return factor.cholesky(input, upper=upper)


@public(node="LinalgSlogdetBackward0")
@takes_out
def slogdet(input):
    """linalg.slogdet: (sign, logabsdet).

    >>> tinygrad_c.slogdet(tensor([[2., 0.], [0., -4.]]))
    torch.return_types.slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(2.0794))
    """
    return slogdet_result(systems.slogdet(input))


@public
def pinverse(input, rcond: float = 1e-15):
    """linalg.pinv.

    >>> tinygrad_c.pinverse(tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    return systems.pinv(input, rtol=rcond)


@public(node="LinalgQrBackward0")
@takes_out
def qr(input, some: bool = True):
    """linalg.qr with mode "reduced", or with some=False "complete".

    >>> q, r = tinygrad_c.qr(tensor([[3., 1.], [4., 2.]]))
    >>> tinygrad_c.allclose(q @ r, tensor([[3., 1.], [4., 2.]]))
    True
    """
    return qr_result(factor.qr(input, "reduced" if some else "complete"))


@public(node="LinalgSvdBackward0")
@takes_out
def svd(input, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with U diag(S) V^T = input: linalg.svd returns V^T instead.

    >>> tinygrad_c.svd(tensor([[3., 0.], [0., 2.]])).S
    tensor([3., 2.])
    """
    u, s, vh = factor.svd(input, full_matrices=not some)
    return svd_result((u, s, vh.mT)) if compute_uv else svd_result((u * 0, s, vh.mT * 0))


@public("B L", node="CholeskySolveBackward0")
@takes_out
def cholesky_solve(B, L, upper: bool = False):
    """X with A X = B from the Cholesky factor L of A = L L^T (upper=True: L^T L).

    >>> tinygrad_c.cholesky_solve(tensor([[8.], [22.]]), tensor([[2., 0.], [1., 3.]]))
    tensor([[1.],
            [2.]])
    """
    first, second = (L.mT, L) if upper else (L, L.mT)
    return systems.solve_triangular(second, systems.solve_triangular(first, B, upper=False), upper=True)


@public(node="CholeskyInverseBackward0")
@takes_out
def cholesky_inverse(L, upper: bool = False):
    """A^-1 from the Cholesky factor L of A = L L^T (upper=True: L^T L).

    >>> tinygrad_c.cholesky_inverse(tensor([[2., 0.], [1., 3.]]))
    tensor([[ 0.2778, -0.0556],
            [-0.0556,  0.1111]])
    """
    inverse = systems.solve_triangular(L.mT if upper else L, eye(L.shape[-1], dtype=L.dtype), upper=False)
    return inverse.mT @ inverse
