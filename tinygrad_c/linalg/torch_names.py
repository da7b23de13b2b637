"""The functions of linear algebra that torch also has at its top, some with other names and arguments."""
from __future__ import annotations

from tinygrad_c.linalg import factor, systems
from tinygrad_c.linalg.norms import chain_matmul, matrix_exp, matrix_power
from tinygrad_c.ops.arguments import results, takes_out

qr_result = results("qr", "Q", "R")
svd_result = results("svd", "U", "S", "V")
lu_result = results("lu", "LU", "pivots")
lu_infos_result = results("lu", "LU", "pivots", "info")
slogdet_result = results("slogdet", "sign", "logabsdet")
inverse, det, logdet = systems.inv, systems.det, systems.logdet

__all__ = ["chain_matmul", "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu", "lu_solve",
           "matrix_exp", "matrix_power", "pinverse", "qr", "slogdet", "svd"]


@takes_out
def lu(A, pivot: bool = True, get_infos: bool = False):
    """(LU, pivots), with get_infos also info: linalg.lu_factor_ex."""
    from tinygrad_c.linalg.elimination import lu_factor_ex
    found = lu_factor_ex(A, pivot=pivot)
    return lu_infos_result(found) if get_infos else lu_result(found[:2])


@takes_out
def lu_solve(b, LU_data, LU_pivots):
    """X with A X = b, from lu's result: linalg.lu_solve."""
    from tinygrad_c.linalg import elimination
    return elimination.lu_solve(LU_data, LU_pivots, b)


@takes_out
def cholesky(input, upper: bool = False):
    """linalg.cholesky."""
    return factor.cholesky(input, upper=upper)


@takes_out
def slogdet(input):
    """linalg.slogdet: (sign, logabsdet)."""
    return slogdet_result(systems.slogdet(input))


def pinverse(input, rcond: float = 1e-15):
    """linalg.pinv."""
    return systems.pinv(input, rtol=rcond)


@takes_out
def qr(input, some: bool = True):
    """linalg.qr with mode "reduced", or with some=False "complete"."""
    return qr_result(factor.qr(input, "reduced" if some else "complete"))


@takes_out
def svd(input, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with U diag(S) V^T = input: linalg.svd has V^T instead."""
    u, s, vh = factor.svd(input, full_matrices=not some)
    return svd_result((u, s, vh.mT)) if compute_uv else svd_result((u * 0, s, vh.mT * 0))


@takes_out
def cholesky_solve(B, L, upper: bool = False):
    """X with A X = B, from the Cholesky factor L of A = L L^T (upper=True: L^T L)."""
    lower = L.triu().mT if upper else L.tril()
    return systems.solve(lower.mT, systems.solve(lower, B))


@takes_out
def cholesky_inverse(L, upper: bool = False):
    """A^-1, from the Cholesky factor L of A = L L^T (upper=True: L^T L)."""
    inverse = systems.inv(L.triu().mT if upper else L.tril())
    return inverse.mT @ inverse
