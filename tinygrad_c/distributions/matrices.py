"""Distributions of matrices: Wishart, and LKJCholesky of correlation matrices."""
from __future__ import annotations

import math
from typing import Any

from tinygrad_c import Size, arange, cat, cholesky_solve, empty, eye, mvlgamma, where
from tinygrad_c.autograd import no_grad
from tinygrad_c.distributions import constraints
from tinygrad_c.distributions.distribution import Distribution, broadcast_all, broadcast_shapes, lazy
from tinygrad_c.distributions.exp_family import ExponentialFamily
from tinygrad_c.distributions.gamma import Beta, reparametrised_gamma
from tinygrad_c.distributions.multivariate import one_matrix, scale_tril_of
from tinygrad_c.linalg import inv

__all__ = ["LKJCholesky", "Wishart"]


def _half_log_det(factor: Any) -> Any:
    """log det(L L^T) / 2 of a triangular L."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _mvdigamma(a: Any, n: int) -> Any:
    """The derivative of mvlgamma(a, n): sum over i < n of digamma(a - i / 2)."""
    return (a.unsqueeze(-1) - arange(n, dtype=a.dtype) / 2).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """The scatter matrix of df normal vectors with the covariance matrix V: det(X)^((df - n - 1) / 2) exp(-tr(V^-1 X) / 2) / Z.

    Give V (..., n, n) as covariance_matrix, as its inverse precision_matrix, or as scale_tril, L of V = L L^T.

    >>> tinygrad_c.distributions.Wishart(tensor(3.), tinygrad_c.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    arg_constraints = {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,  # noqa: RUF012
                       "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(0)}
    support: Any = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args: bool | None = None):
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        df, = broadcast_all(df)
        df = df.to(matrix.dtype)
        batch, event = tuple(broadcast_shapes(matrix.shape[:-2], df.shape)), tuple(matrix.shape[-2:])
        self.df = df.expand(batch)
        self.__dict__[name] = matrix = matrix.expand(*batch, *event)
        super().__init__(batch, event, validate_args=validate_args)
        if self._validate_args and bool((self.df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        self._unbroadcasted_scale_tril = scale_tril_of(name, matrix)

    @lazy
    def scale_tril(self) -> Any:
        """The lower triangular L of V = L L^T.

        >>> tinygrad_c.distributions.Wishart(tensor(3.), 4 * tinygrad_c.eye(1)).scale_tril
        tensor([[2.]])
        """
        return self._unbroadcasted_scale_tril

    @lazy
    def covariance_matrix(self) -> Any:
        """V.

        >>> tinygrad_c.distributions.Wishart(tensor(3.), scale_tril=2 * tinygrad_c.eye(1)).covariance_matrix
        tensor([[4.]])
        """
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy
    def precision_matrix(self) -> Any:
        """V^-1.

        >>> tinygrad_c.distributions.Wishart(tensor(3.), scale_tril=2 * tinygrad_c.eye(1)).precision_matrix
        tensor([[0.2500]])
        """
        return inv(self.covariance_matrix)

    def _df(self) -> Any:
        return self.df.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Any:
        return self._df() * self.covariance_matrix

    @property
    def mode(self) -> Any:
        factor = self._df() - self.event_shape[-1] - 1
        return where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Any:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df() * (v ** 2 + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape=(), max_try_correction: int | None = None) -> Any:
        """L A A^T L^T, A lower triangular: A_ii^2 chi-squared with df - i degrees of freedom, normal below (Bartlett 1933).

        >>> tinygrad_c.distributions.Wishart(tensor(3.), tinygrad_c.eye(2)).rsample((5,)).shape
        torch.Size([5, 2, 2])
        """
        n = self.event_shape[-1]
        shape = Size(sample_shape) + self.batch_shape
        degrees = (self.df.unsqueeze(-1) - arange(n, dtype=self.df.dtype)).expand(*shape, n)
        diagonal = (2 * reparametrised_gamma(degrees / 2)).sqrt()
        factor = empty((*shape, n, n), dtype=self.df.dtype).normal_().tril(-1) + diagonal.diag_embed()
        product = self._unbroadcasted_scale_tril @ factor
        return product @ product.mT

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        from tinygrad_c.linalg import slogdet
        n, df, scale = self.event_shape[-1], self.df, self._unbroadcasted_scale_tril
        return (-df * _half_log_det(scale) - df * (n * math.log(2) / 2) - mvlgamma(df / 2, n)
                + (df - n - 1) / 2 * slogdet(value)[1] - cholesky_solve(value, scale).diagonal(dim1=-2, dim2=-1).sum(-1) / 2)

    def entropy(self) -> Any:
        n, df = self.event_shape[-1], self.df
        return ((n + 1) * _half_log_det(self._unbroadcasted_scale_tril) + n * (n + 1) / 2 * math.log(2)
                + mvlgamma(df / 2, n) - (df - n - 1) / 2 * _mvdigamma(df / 2, n) + df * n / 2)

    @property
    def _natural_params(self) -> tuple:
        return -self.precision_matrix / 2, self.df / 2

    def _log_normalizer(self, x: Any, y: Any) -> Any:
        """y is df / 2; the factor det(X)^(-(n + 1) / 2) belongs to the carrier measure."""
        from tinygrad_c.linalg import slogdet
        return -y * slogdet(-x)[1] + mvlgamma(y, x.shape[-1])


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices of dim variables, with density det(L L^T)^(concentration - 1) / Z on L L^T.

    concentration 1 is uniform; larger values favour small correlations (Lewandowski, Kurowicka, Joe 2009).

    >>> tinygrad_c.distributions.LKJCholesky(3, 0.5).sample().shape
    torch.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}       # noqa: RUF012
    support: Any = constraints.corr_cholesky

    def __init__(self, dim, concentration=1.0, validate_args: bool | None = None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        self.concentration, = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def sample(self, sample_shape=()) -> Any:
        """The onion method: row i is a random direction in i dimensions, of a length whose square has a Beta distribution.

        >>> tinygrad_c.distributions.LKJCholesky(3).sample((5,)).shape
        torch.Size([5, 3, 3])
        """
        with no_grad():
            shape, below = Size(sample_shape) + self.batch_shape, arange(1, self.dim, dtype=self.concentration.dtype)
            squares = Beta(below / 2, self.concentration.unsqueeze(-1) + (self.dim - 1 - below) / 2).expand(
                (*self.batch_shape, self.dim - 1)).sample(sample_shape)
            squares = cat([squares.new_zeros((*shape, 1)), squares], -1)
            directions = empty((*shape, self.dim, self.dim), dtype=self.concentration.dtype).normal_().tril(-1)
            norms = directions.norm(dim=-1, keepdim=True) + eye(self.dim, 1, dtype=self.concentration.dtype)
            tiny = 1e-37 if squares.element_size() == 4 else 1e-300
            return squares.sqrt().unsqueeze(-1) * directions / norms + (1 - squares).clamp(min=tiny).sqrt().diag_embed()

    def log_prob(self, value: Any) -> Any:
        """sum over i >= 1 of (dim - 1 - i + 2 (concentration - 1)) log L_ii, less log Z.

        >>> tinygrad_c.distributions.LKJCholesky(2, 1.).log_prob(tinygrad_c.eye(2))
        tensor(-0.6931)
        """
        if self._validate_args:
            self._validate_sample(value)
        n, eta = self.dim, self.concentration
        order = 2 * (eta - 1).unsqueeze(-1) + n - arange(2, n + 1, dtype=eta.dtype)
        unnormalized = (order * value.diagonal(dim1=-2, dim2=-1)[..., 1:].log()).sum(-1)
        alpha = eta + (n - 1) / 2
        log_z = mvlgamma(alpha - 0.5, n - 1) - (n - 1) * alpha.lgamma() + (n - 1) * math.log(math.pi) / 2
        return unnormalized - log_z
