"""Norms, powers and products of matrices."""
from __future__ import annotations

import math

from tinygrad_c import cat, eye, movedim
from tinygrad_c import cross as cross_product
from tinygrad_c import diagonal as diagonal_of
from tinygrad_c._base.arguments import array_of, takes_out, tensor_arg, tensors_arg
from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.linalg.common import matrices, square, wrapped
from tinygrad_c.linalg.factor import svdvals
from tinygrad_c.linalg.systems import inv

INFINITE = (math.inf, -math.inf)


@public
@takes_out
def vector_norm(x, ord: float = 2, dim=None, keepdim: bool = False, *, dtype=None):
    """sum(|x|^ord)^(1/ord) of all elements or over the dimensions `dim`. inf: the largest |x|, 0: the number of nonzeros.

    >>> tinygrad_c.linalg.vector_norm(tensor([3., 4.]))
    tensor(5.)
    """
    return tensor_arg(x, "linalg_vector_norm", "x").norm(float(ord), dim, keepdim, dtype=dtype)


@public
@takes_out
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim: bool = False, *, dtype=None):
    """A matrix norm: "fro" (the root of the sum of squares), "nuc" (the sum of the singular values), 2 and -2 (the largest and
    the smallest singular value), 1 and -1 (the largest and the smallest column sum of |x|), inf and -inf (row sums).

    >>> tinygrad_c.linalg.matrix_norm(tensor([[1., -2.], [3., 4.]]), 1)
    tensor(6.)
    """
    x = matrices(A, "matrix_norm")
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {list(dim)}")
    d0, d1 = (wrapped(d, x.ndim) for d in dim)
    if d0 == d1:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    x = x if dtype is None else x.to(dtype)
    if 0 in (x.shape[d0], x.shape[d1]) and ord in ("nuc", 1, 2, math.inf):
        return x.sum((d0, d1), keepdim)
    if ord == "fro":
        return x.norm(2, (d0, d1), keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(movedim(x, (d0, d1), (-2, -1)))
        out = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
    elif ord in (1, -1, *INFINITE):
        first, second = (d0, d1) if abs(ord) == 1 else (d1, d0)
        sums = abs(x).sum(first, True)
        out = sums.amax((first, second)) if ord > 0 else sums.amin((first, second))
    else:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    for d in sorted((d0, d1)) if keepdim else ():
        out = out.unsqueeze(d)
    return out


@public
@takes_out
def norm(A, ord=None, dim=None, keepdim: bool = False, *, dtype=None):
    """matrix_norm if ord is given and `dim` has two dimensions (or no dim is given and A is a matrix), else vector_norm.

    >>> tinygrad_c.linalg.norm(tensor([[3., 4.]]))
    tensor(5.)
    """
    x = tensor_arg(A, "linalg_norm", "A")
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if ord is None:
        return x.norm(2.0, dims, keepdim, dtype=dtype)
    if dims is not None and len(dims) == 2:
        return matrix_norm(x, ord, dims, keepdim, dtype=dtype)
    if dims is None and x.ndim == 2:
        return matrix_norm(x, ord, (0, 1), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: If ord is a str, dim must be a 2-tuple or A a matrix. Got shape {list(x.shape)}")
    if dims is None and x.ndim != 1:
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                           f"{x.ndim}D.")
    return vector_norm(x, ord, dims, keepdim, dtype=dtype)


@public
@takes_out
@unbatched
def cond(A, p=None):
    """The condition number: the norm of A times the norm of its inverse. Default: the ratio of the extreme singular values.

    >>> tinygrad_c.linalg.cond(tensor([[2., 0.], [0., 1.]]))
    tensor(2.)
    """
    if p in (None, 2, -2):
        s = svdvals(A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return matrix_norm(square(A, "cond"), p) * matrix_norm(inv(A), p)


# ---- Products

@public("input other")
def matmul(input, other):
    """The matrix product: tinygrad_c.matmul.

    >>> tinygrad_c.linalg.matmul(tensor([[1., 2.]]), tensor([[3.], [4.]]))
    tensor([[11.]])
    """
    return input @ other


@public("x y")
@takes_out
def vecdot(x, y, *, dim: int = -1):
    """The dot product along dim. The other dimensions broadcast.

    >>> tinygrad_c.linalg.vecdot(tensor([[1., 2.], [3., 4.]]), tensor([1., 1.]))
    tensor([3., 7.])
    """
    return (tensor_arg(x, "linalg_vecdot", "x") * y).sum(dim)


@public("input other", node="LinalgCrossBackward0", axis=True)
@takes_out
def cross(input, other, *, dim: int = -1):
    """The cross product of vectors of size 3 along dim.

    >>> tinygrad_c.linalg.cross(tensor([1., 0., 0.]), tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    return cross_product(input, other, dim)


@public
def diagonal(A, *, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The diagonals of matrices, in the last dimension, as a view.

    >>> tinygrad_c.linalg.diagonal(tensor([[1., 2.], [3., 4.]]))
    tensor([1., 4.])
    """
    return diagonal_of(A, offset, dim1, dim2)


@public
def vander(x, *, N: int | None = None):
    """The powers 1, x, x^2, ..., x^(N-1) of each element, in a new last dimension.

    >>> tinygrad_c.linalg.vander(tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [1, 2, 4],
            [1, 3, 9]])
    """
    x = tensor_arg(x, "linalg_vander", "x")
    x = x if x.ndim else x.unsqueeze(0)
    x = x if x.is_floating_point() else x.long()
    n = x.shape[-1] if N is None else N
    if n < 1:
        return x.new_empty((*x.shape, 0))
    each = x.unsqueeze(-1)
    return cat([x.new_ones(each.shape), each.expand(*x.shape, n - 1).cumprod(-1)], -1)


@public
@takes_out
def matrix_power(A, n: int):
    """A^n for an integer n. A negative n uses the inverse.

    >>> tinygrad_c.linalg.matrix_power(tensor([[1., 1.], [0., 1.]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    if tensor_arg(A, "matrix_power", "A").ndim < 2 or A.is_floating_point():
        square(A, "matrix_power")
    if n < 0:
        A, n = inv(A), -n
    out = None
    while n:
        if n & 1:
            out = A if out is None else out @ A
        n >>= 1
        A = A @ A if n else A
    return eye(A.shape[-1], dtype=A.dtype).expand(A.shape).clone() if out is None else out.clone() if out is A else out


@public(node="LinalgMatrixExpBackward0")
@unbatched
def matrix_exp(A):
    """e^A = I + A + A^2 / 2! + ...: the series for A / 2^s, then s squarings.

    >>> tinygrad_c.linalg.matrix_exp(tensor([[0., 1.], [0., 0.]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    x = square(A, "matrix_exp")
    same = eye(x.shape[-1], dtype=x.dtype)
    largest = float(abs(array_of(x)).sum(-1).max()) if x.numel() else 0.0
    times = max(0, math.ceil(math.log2(largest)) + 1) if 0 < largest < math.inf else 0
    x = x / 2 ** times                              # its norm is at most 1/2: term 16 is below 1e-18
    out = same + x / 16
    for k in range(15, 0, -1):
        out = same + x @ out / k
    for _ in range(times):
        out = out @ out
    return out


@takes_out
def multi_dot(tensors):
    """The product of several matrices, in the order with the fewest multiplications. The first and last may be vectors.

    >>> tinygrad_c.linalg.multi_dot([tensor([[1., 2.]]), tensor([[1.], [1.]]), tensor([[3.]])])
    tensor([[9.]])
    """
    tensors = tensors_arg(tensors, "linalg_multi_dot")
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, x in enumerate(tensors):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(tensors) - 1)):
            raise RuntimeError(f"multi_dot(): tensor {i} must be {'1D or 2D' if i in (0, len(tensors) - 1) else '2D'} but got "
                               f"{x.ndim}D")
    ends = tensors[0].ndim, tensors[-1].ndim
    first = tensors[0].unsqueeze(0) if ends[0] == 1 else tensors[0]
    last = tensors[-1].unsqueeze(1) if ends[1] == 1 else tensors[-1]
    chain = [first, *tensors[1:-1], last]
    for i in range(len(chain) - 1):
        if chain[i].shape[1] != chain[i + 1].shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(chain[i].shape)} and "
                               f"{list(chain[i + 1].shape)} cannot be multiplied")
    out = best_product(chain)
    out = out.squeeze(0) if ends[0] == 1 else out
    return out.squeeze(-1) if ends[1] == 1 else out


def best_product(chain: list):
    """Cormen, Leiserson, Rivest & Stein, Introduction to Algorithms, section 15.2."""
    sizes = [x.shape[0] for x in chain] + [chain[-1].shape[1]]
    n = len(chain)
    cost, cut = [[0] * n for _ in chain], [[0] * n for _ in chain]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min([(cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                                         for k in range(i, j)])

    def product(i: int, j: int):
        return chain[i] if i == j else product(i, cut[i][j]) @ product(cut[i][j] + 1, j)

    return product(0, n - 1)


def chain_matmul(*matrices):
    """multi_dot of its arguments.

    >>> tinygrad_c.chain_matmul(tensor([[1., 2.]]), tensor([[3.], [4.]]), tensor([[5.]]))
    tensor([[55.]])
    """
    tensors_arg(matrices, "chain_matmul", "matrices")
    return multi_dot(matrices) if len(matrices) > 1 else matrices[0].clone()
