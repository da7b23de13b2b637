"""Matrix products and linear algebra."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_c._base.lazy import load
from tinygrad_c._base.public import public
from tinygrad_c.ops.matmul import composed, products

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Matrices:
    __slots__ = ()

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product."""
        return products.matmul(self, other)

    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices."""
        return products.mm(self, mat2)

    def bmm(self, mat2: Tensor) -> Tensor:
        """The products of two batches of matrices."""
        return products.bmm(self, mat2)

    def mv(self, vec: Tensor) -> Tensor:
        """The product of a matrix and a vector."""
        return products.mv(self, vec)

    def dot(self, tensor: Tensor) -> Tensor:
        """The dot product of two vectors."""
        return products.dot(self, tensor)

    def vdot(self, other: Tensor) -> Tensor:
        """The dot product; equal to dot for real tensors."""
        return composed.vdot(self, other)

    def inner(self, other: Tensor) -> Tensor:
        """The dot products over the last dimension of both."""
        return composed.inner(self, other)

    def outer(self, vec2: Tensor) -> Tensor:
        """out[i, j] = self[i] * vec2[j]."""
        return composed.outer(self, vec2)

    ger = outer

    def kron(self, other: Tensor) -> Tensor:
        """The Kronecker product."""
        return composed.kron(self, other)

    @public("self other", node="LinalgCrossBackward0", axis=True)
    def cross(self, other: Tensor, dim: int | None = None) -> Tensor:
        """The cross product of vectors of size 3 along dim."""
        return composed.cross(self, other, dim)

    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta=1, alpha=1) -> Tensor:
        """beta * self + alpha * mm(mat1, mat2)."""
        return products.addmm(self, mat1, mat2, beta=beta, alpha=alpha)

    def addmv(self, mat: Tensor, vec: Tensor, *, beta=1, alpha=1) -> Tensor:
        """beta * self + alpha * mv(mat, vec)."""
        return composed.addmv(self, mat, vec, beta=beta, alpha=alpha)

    def addr(self, vec1: Tensor, vec2: Tensor, *, beta=1, alpha=1) -> Tensor:
        """beta * self + alpha * outer(vec1, vec2)."""
        return composed.addr(self, vec1, vec2, beta=beta, alpha=alpha)

    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1) -> Tensor:
        """beta * self + alpha * bmm(batch1, batch2)."""
        return composed.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def addbmm(self, batch1: Tensor, batch2: Tensor, *, beta=1, alpha=1) -> Tensor:
        """beta * self + alpha * the sum of the matrices of bmm(batch1, batch2)."""
        return composed.addbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    addmm_, addmv_, addr_, baddbmm_, addbmm_ = (
        composed.addmm_, composed.addmv_, composed.addr_, composed.baddbmm_, composed.addbmm_)

    # ---- Linear algebra: tinygrad_c.linalg is imported at the first call

    def det(self) -> Tensor:
        """The determinant.

        >>> tinygrad_c.tensor([[4., 2.], [2., 10.]]).det()
        tensor(36.)
        """
        return linear("det")(self)

    def logdet(self) -> Tensor:
        """The logarithm of the determinant.

        >>> tinygrad_c.tensor([[4., 2.], [2., 10.]]).logdet()
        tensor(3.5835)
        """
        return linear("logdet")(self)

    def slogdet(self):
        """The sign and the logarithm of the absolute value of the determinant.

        >>> tinygrad_c.tensor([[4., 2.], [2., 10.]]).slogdet().logabsdet
        tensor(3.5835)
        """
        return linear("slogdet")(self)

    def inverse(self) -> Tensor:
        """The inverse of a square matrix.

        LinAlgError if it is singular.

        >>> tinygrad_c.tensor([[2., 0.], [0., 4.]]).inverse()
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
        """
        return linear("inverse")(self)

    def pinverse(self, rcond: float = 1e-15) -> Tensor:
        """The Moore-Penrose inverse.

        >>> tinygrad_c.tensor([[2.], [0.]]).pinverse()
        tensor([[0.5000, 0.0000]])
        """
        return linear("pinverse")(self, rcond)

    def cholesky(self, upper: bool = False) -> Tensor:
        """The triangular L with L L^T = self.

        >>> tinygrad_c.tensor([[4., 2.], [2., 10.]]).cholesky()
        tensor([[2., 0.],
                [1., 3.]])
        """
        return linear("cholesky")(self, upper)

    def qr(self, some: bool = True):
        """(Q, R): Q with orthonormal columns, R upper triangular.

        >>> q, r = tinygrad_c.tensor([[4., 2.], [2., 10.]]).qr()
        >>> tinygrad_c.allclose(q @ r, tinygrad_c.tensor([[4., 2.], [2., 10.]]))
        True
        """
        return linear("qr")(self, some)

    def svd(self, some: bool = True, compute_uv: bool = True):
        """(U, S, V): U diag(S) V^T = self.

        >>> tinygrad_c.tensor([[3., 0.], [0., 2.]]).svd().S
        tensor([3., 2.])
        """
        return linear("svd")(self, some, compute_uv)

    def matrix_power(self, n: int) -> Tensor:
        """self^n for an integer n.

        >>> tinygrad_c.tensor([[1., 1.], [0., 1.]]).matrix_power(3)
        tensor([[1., 3.],
                [0., 1.]])
        """
        return linear("matrix_power")(self, n)

    def matrix_exp(self) -> Tensor:
        """The matrix exponential e^self of a square matrix.

        >>> tinygrad_c.tensor([[0., 1.], [0., 0.]]).matrix_exp()
        tensor([[1., 1.],
                [0., 1.]])
        """
        return linear("matrix_exp")(self)


def linear(name: str) -> Any:
    """A function of linear algebra, loaded when it is called."""
    return load("linalg.torch_names", name)
