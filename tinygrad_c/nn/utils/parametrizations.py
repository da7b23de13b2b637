"""Parametrizations of weights: weight_norm, spectral_norm, orthogonal. The weight is computed each time it is read."""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names, load
from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.nn.functional.norm import normalize
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.utils.norms import _lengths
from tinygrad_c.nn.utils.parametrize import register_parametrization
from tinygrad_c.ops.create.create import eye
from tinygrad_c.ops.random import random
from tinygrad_c.ops.shape.shape import cat

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
__getattr__, __dir__ = lazy_names(globals())


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / _lengths(weight_v, None if self.dim == -1 else self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The norm and the direction of a weight."""
        return _lengths(weight, None if self.dim == -1 else self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """w = g * v / |v|. parametrizations.weight.original0 is g, original1 is v. Salimans & Kingma 2016.

    >>> layer = weight_norm(Linear(2, 3))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if dim >= weight.ndim or dim < -weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got "
                             f"{dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim, self.eps, self.n_power_iterations = dim % weight.ndim, eps, n_power_iterations
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach())
            self.register_buffer("_u", normalize(random.randn(matrix.shape[0], dtype=weight.dtype), dim=0, eps=eps))
            self.register_buffer("_v", normalize(random.randn(matrix.shape[1], dtype=weight.dtype), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(normalize(matrix.t() @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()     # the next iteration writes into them
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself. It is divided by sigma when it is read."""
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """w = w_original / sigma, sigma the largest singular value of w_original: Miyato et al. 2018.

    In training, each read of the weight does n_power_iterations steps of power iteration.

    >>> layer = spectral_norm(Linear(2, 3), n_power_iterations=20)
    >>> round(tinygrad_c.linalg.matrix_norm(layer.weight, 2).item(), 4)
    1.0
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = (1 if "ConvTranspose" in type(module).__name__ else 0) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


class _Orthogonal(Module):
    """Q = base @ map(A), A antisymmetric, map e^A or (I + A / 2) (I - A / 2)^-1; or a product of Householder reflections."""

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        rows, columns = X.shape[-2:]
        X = X if rows >= columns else X.mT
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            Q = load("linalg", "householder_product")(X, 2.0 / (1.0 + (X.tril(-1) ** 2).sum(-2)))
            Q = Q * X.diagonal(0, -2, -1).trunc().unsqueeze(-2)     # the signs, stored there by right_inverse
        else:
            A = X.tril()
            if n != k:
                A = cat([A, A.new_zeros(*A.shape[:-2], n, n - k)], -1)
            A = A - A.mT
            same = eye(n, dtype=A.dtype)
            if self.orthogonal_map == "matrix_exp":
                Q = load("linalg", "matrix_exp")(A)
            else:
                Q = load("linalg", "solve")(same - 0.5 * A, same + 0.5 * A)
            Q = Q if n == k else Q[..., :k]
        if getattr(self, "base", None) is not None:
            Q = self.base @ Q
        return Q if rows >= columns else Q.mT

    def right_inverse(self, Q: Tensor) -> Tensor:
        """The original for which the weight is Q, made orthogonal."""
        with no_grad():
            wide = Q.shape[-2] < Q.shape[-1]
            q = Q.mT if wide else Q
            n, k = q.shape[-2:]
            if "base" not in self._buffers:
                if self.orthogonal_map != "householder":
                    raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                              "parametrizations when use_trivialization=False.")
                a, tau = load("linalg.elimination", "geqrf")(q)
                signs = a.diagonal(0, -2, -1).sign() * (1 - 2 * (tau == 0).to(a.dtype))      # tau = 0: no reflection
                signs = signs.diag_embed()
                signs = signs if n == k else cat([signs, signs.new_zeros(*signs.shape[:-2], n - k, k)], -2)
                a = a.tril(-1) + a.triu(1) + signs
                return a.mT if wide else a
            if n != k:
                q = cat([q, random.randn(*q.shape[:-1], n - k, dtype=q.dtype)], -1)
            q, r = load("linalg", "qr")(q)
            self.base = q * r.diagonal(0, -2, -1).sign().unsqueeze(-2)
            return -eye(*Q.shape[-2:], dtype=Q.dtype).expand(Q.shape).clone()       # all maps give the identity matrix for it


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Module:
    """A weight with orthonormal columns, or rows if it is wide: orthogonal_map of an unconstrained parameter.

    orthogonal_map: "matrix_exp" (default for square weights) and "cayley" map an antisymmetric matrix, "householder" (default
    for other weights) is a product of reflections. use_trivialization: multiply the map by the weight's first value.

    >>> w = orthogonal(Linear(3, 2)).weight
    >>> tinygrad_c.allclose(w @ w.T, tinygrad_c.eye(2), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
                         f"{orthogonal_map}")
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
