"""Linear algebra: the names of torch.linalg. NumPy's LAPACK computes the values; the gradients are tensor operations, so they
can be differentiated any number of times.

The package is imported on first access.
"""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all
from tinygrad_c.linalg.common import LinAlgError
from tinygrad_c.linalg.factor import cholesky, eigh, eigvalsh, qr, svd, svdvals
from tinygrad_c.linalg.norms import (
    cond,
    cross,
    diagonal,
    matmul,
    matrix_exp,
    matrix_norm,
    matrix_power,
    multi_dot,
    norm,
    vander,
    vecdot,
    vector_norm,
)
from tinygrad_c.linalg.systems import (
    det,
    inv,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
    tensorinv,
    tensorsolve,
)

LAZY_NAMES = {"elimination": "lu lu_factor lu_factor_ex lu_solve inv_ex solve_ex cholesky_ex householder_product"}
__all__ = [*LAZY_NAMES["elimination"].split(),
           "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
           "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
           "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm"]

__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)
guard_all(globals())
