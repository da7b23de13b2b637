"""The multivariate normal distribution with a covariance matrix of low rank plus a diagonal."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import empty
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Centred, broadcast_shapes, lazy
from tinygrad_c.linalg import cholesky, solve_triangular

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Centred):
    """MultivariateNormal with the covariance matrix W W^T + diag(D): W is cov_factor (..., n, rank), D cov_diag (..., n).

    Only a matrix of rank x rank is factored: det and inverse follow from I + W^T D^-1 W (Woodbury's identity).

    >>> d = tinygrad_c.distributions.LowRankMultivariateNormal(tinygrad_c.zeros(2), tinygrad_c.ones(2, 1), tinygrad_c.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 1.],
            [1., 2.]])
    """

    arg_constraints = {"loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),      # noqa: RUF012
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support: Any = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, cov_factor, cov_diag, validate_args: bool | None = None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        n = loc.shape[-1]
        if cov_factor.shape[-2] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
        if cov_diag.dim() < 1 or cov_diag.shape[-1] != n:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {n}")
        try:
            batch = tuple(broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1]))
        except RuntimeError:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                             f"cov_diag {cov_diag.shape}") from None
        self.loc, self.cov_diag = loc.expand(*batch, n), cov_diag.expand(*batch, n)
        self.cov_factor = cov_factor.expand(*batch, n, cov_factor.shape[-1])
        super().__init__(batch, (n,), validate_args=validate_args)

    @property
    def _capacitance_tril(self) -> Any:
        """The Cholesky factor of I + W^T D^-1 W."""
        w = self.cov_factor
        inner = w.mT @ (w / self.cov_diag.unsqueeze(-1))
        return cholesky(inner + inner.new_ones(inner.shape[-1]).diag_embed())

    @property
    def variance(self) -> Any:
        return (self.cov_factor ** 2).sum(-1) + self.cov_diag

    @lazy
    def covariance_matrix(self) -> Any:
        """W W^T + diag(D).

        >>> d = tinygrad_c.distributions
        >>> d.LowRankMultivariateNormal(tinygrad_c.zeros(1), tinygrad_c.ones(1, 1), tinygrad_c.ones(1)).covariance_matrix
        tensor([[2.]])
        """
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy
    def precision_matrix(self) -> Any:
        """The inverse of the covariance matrix.

        >>> d = tinygrad_c.distributions
        >>> d.LowRankMultivariateNormal(tinygrad_c.zeros(1), tinygrad_c.ones(1, 1), tinygrad_c.ones(1)).precision_matrix
        tensor([[0.5000]])
        """
        part = solve_triangular(self._capacitance_tril, self.cov_factor.mT / self.cov_diag.unsqueeze(-2), upper=False)
        return self.cov_diag.reciprocal().diag_embed() - part.mT @ part

    @lazy
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance matrix.

        >>> d = tinygrad_c.distributions
        >>> d.LowRankMultivariateNormal(tinygrad_c.zeros(1), tinygrad_c.zeros(1, 1), 4 * tinygrad_c.ones(1)).scale_tril
        tensor([[2.]])
        """
        root = self.cov_diag.sqrt()
        scaled = self.cov_factor / root.unsqueeze(-1)
        return root.unsqueeze(-1) * cholesky(scaled @ scaled.mT + root.new_ones(root.shape[-1]).diag_embed())

    def rsample(self, sample_shape=()) -> Any:
        shape = self._extended_shape(sample_shape)
        of_rank = empty((*shape[:-1], self.cov_factor.shape[-1]), dtype=self.loc.dtype).normal_()
        of_each = empty(tuple(shape), dtype=self.loc.dtype).normal_()
        return self.loc + (self.cov_factor @ of_rank.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * of_each

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n = self.event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + self._distance(value - self.loc)) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + self._half_log_det()

    def _half_log_det(self) -> Any:
        return self._capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) + 0.5 * self.cov_diag.log().sum(-1)

    def _distance(self, d: Any) -> Any:
        """d^T C^-1 d for vectors (..., n)."""
        inner = (self.cov_factor.mT @ (d / self.cov_diag).unsqueeze(-1))
        inner = solve_triangular(self._capacitance_tril, inner, upper=False).squeeze(-1)
        return (d ** 2 / self.cov_diag).sum(-1) - (inner ** 2).sum(-1)

    @property
    def _unbroadcasted_scale_tril(self) -> Any:
        return self.scale_tril
