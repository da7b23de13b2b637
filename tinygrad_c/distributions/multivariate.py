"""The multivariate normal distribution."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import empty
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Centred, broadcast_shapes, lazy
from tinygrad_c.linalg import cholesky, inv, solve_triangular

__all__ = ["MultivariateNormal"]


def one_matrix(covariance_matrix: Any, precision_matrix: Any, scale_tril: Any) -> tuple[str, Any]:
    """The name and value of the one matrix that is given."""
    given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    (name, matrix), = given.items()
    if matrix.dim() < 2:
        raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
    return name, matrix


def scale_tril_of(name: str, matrix: Any) -> Any:
    """The lower triangular L of C = L L^T, of the matrix that one_matrix found."""
    if name == "scale_tril":
        return matrix
    return cholesky(matrix if name == "covariance_matrix" else inv(matrix))


class MultivariateNormal(Centred):
    """The density exp(-d^T C^-1 d / 2) / sqrt(det(2 pi C)), d = x - loc, C the covariance_matrix (..., n, n).

    Instead of C you can give its inverse precision_matrix, or scale_tril, the lower triangular L of C = L L^T (the cheapest).

    >>> m = tinygrad_c.distributions.MultivariateNormal(tinygrad_c.zeros(2), tinygrad_c.eye(2))
    >>> m.log_prob(tinygrad_c.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,      # noqa: RUF012
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args: bool | None = None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        batch, n = tuple(broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])), loc.shape[-1]
        self.loc = loc.expand(*batch, n)
        self.__dict__[name] = matrix = matrix.expand(*batch, n, n)
        super().__init__(batch, (n,), validate_args=validate_args)
        self._unbroadcasted_scale_tril = scale_tril_of(name, matrix)

    @lazy
    def scale_tril(self) -> Any:
        """The lower triangular L of C = L L^T.

        >>> MultivariateNormal(tinygrad_c.zeros(2), 4 * tinygrad_c.eye(2)).scale_tril
        tensor([[2., 0.],
                [0., 2.]])
        """
        return self._unbroadcasted_scale_tril

    @lazy
    def covariance_matrix(self) -> Any:
        """C = L L^T.

        >>> MultivariateNormal(tinygrad_c.zeros(2), 4 * tinygrad_c.eye(2)).covariance_matrix
        tensor([[4., 0.],
                [0., 4.]])
        """
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy
    def precision_matrix(self) -> Any:
        """C^-1.

        >>> MultivariateNormal(tinygrad_c.zeros(2), 4 * tinygrad_c.eye(2)).precision_matrix
        tensor([[0.2500, 0.0000],
                [0.0000, 0.2500]])
        """
        return inv(self.covariance_matrix)

    @property
    def variance(self) -> Any:
        return (self._unbroadcasted_scale_tril ** 2).sum(-1)

    def rsample(self, sample_shape=()) -> Any:
        drawn = empty(tuple(self._extended_shape(sample_shape)), dtype=self.loc.dtype).normal_()
        return self.loc + (self._unbroadcasted_scale_tril @ drawn.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + self._distance(value - self.loc)) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + self._half_log_det()

    def _half_log_det(self) -> Any:
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def _distance(self, d: Any) -> Any:
        """d^T C^-1 d for vectors (..., n)."""
        scale = self._unbroadcasted_scale_tril
        if scale.dim() == 2:        # one matrix: solve once with all vectors as columns
            return (solve_triangular(scale, d.reshape(-1, d.shape[-1]).mT, upper=False) ** 2).sum(0).reshape(d.shape[:-1])
        return (solve_triangular(scale, d.unsqueeze(-1), upper=False).squeeze(-1) ** 2).sum(-1)
