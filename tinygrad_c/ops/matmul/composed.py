"""Products composed of matmul: inner, outer, kron, cross, tensordot, bilinear, addmv and the like."""
from __future__ import annotations

import math

from tinygrad_c._base.public import public
from tinygrad_c.core.tape import _named
from tinygrad_c.ops.arguments import takes_out, tensor_arg
from tinygrad_c.ops.elementwise.elementwise import addcmul, in_place
from tinygrad_c.ops.matmul.products import add_scaled, addmm, bmm, dot, matmul, mv
from tinygrad_c.ops.shape.join import cat
from tinygrad_c.ops.shape.rearrange import broadcast_tensors
from tinygrad_c.ops.shape.shape import permute, reshape, transpose, unsqueeze, wrapped


@public("input other")
@takes_out
def vdot(input, other):
    """The dot product of two vectors. (It differs from dot for complex numbers only.)

    >>> tinygrad_c.vdot(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([3., 4.]))
    tensor(11.)
    """
    return dot(input, other)


@public("input other")
@takes_out
def inner(input, other):
    """The dot products of the rows (the last dimension) of input with those of other; if either is 0-d, the product.

    >>> tinygrad_c.inner(tinygrad_c.tensor([[1., 2.], [3., 4.]]), tinygrad_c.tensor([1., 1.]))
    tensor([3., 7.])
    """
    a, b = tensor_arg(input, "inner"), tensor_arg(other, "inner", "other", 2)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError("inner() the last dimension must match on both input tensors but got shapes "
                           f"{list(a.shape)} and {list(b.shape)}")
    k = a.shape[-1]
    rows = matmul(reshape(a, math.prod(a.shape[:-1]), k), transpose(reshape(b, math.prod(b.shape[:-1]), k), 0, 1))
    return reshape(rows, (*a.shape[:-1], *b.shape[:-1]))


@public("input vec2")
@takes_out
def outer(input, vec2):
    """out[i, j] = input[i] * vec2[j] for two vectors.

    >>> tinygrad_c.outer(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    for name, x, position in (("self", input, 1), ("vec2", vec2, 2)):
        if tensor_arg(x, "outer", name, position).ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return unsqueeze(input, 1) * vec2


@public("input other", node="UnsafeViewBackward0")
@takes_out
def kron(input, other):
    """The Kronecker product: the block matrix of input[i, j] * other.

    >>> tinygrad_c.kron(tinygrad_c.tensor([[1, 2]]), tinygrad_c.tensor([[1], [3]]))
    tensor([[1, 2],
            [3, 6]])
    """
    a, b = tensor_arg(input, "kron"), tensor_arg(other, "kron", "other", 2)
    ndim = max(a.ndim, b.ndim)
    outside, inside = [1] * (ndim - a.ndim) + list(a.shape), [1] * (ndim - b.ndim) + list(b.shape)
    product = reshape(a, [n for size in outside for n in (size, 1)]) * reshape(b, [n for size in inside for n in (1, size)])
    return reshape(product, [m * n for m, n in zip(outside, inside)])


@public("input other", node="LinalgCrossBackward0", axis=True)
@takes_out
def cross(input, other, dim: int | None = None):
    """The cross product of 3-vectors along dim; by default, the first dimension of size 3.

    >>> tinygrad_c.cross(tinygrad_c.tensor([1., 0., 0.]), tinygrad_c.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    a, b = tensor_arg(input, "cross"), tensor_arg(other, "cross", "other", 2)
    if a.ndim != b.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        if 3 not in a.shape:
            raise RuntimeError(f"no dimension of size 3 in input: its shape is {list(a.shape)}")
        dim = a.shape.index(3)
    d = wrapped(dim, a.ndim)
    if a.ndim == 0 or a.shape[d] != 3 or b.shape[d] != 3:
        sizes = [x.shape[d] if x.ndim else 1 for x in (a, b)]
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {sizes[0]} and {sizes[1]}")
    a, b = broadcast_tensors(a, b) if a.shape != b.shape else (a, b)
    (a1, a2), (b1, b2) = _turned(a, d), _turned(b, d)
    return addcmul(a1 * b2, a2, b1, value=-1)


def _turned(x, d: int) -> tuple:
    """x with its elements 1, 2, 0 along dimension d, and with 2, 0, 1."""
    twice = cat([x, x.narrow(d, 0, 2)], d)
    return twice.narrow(d, 1, 3), twice.narrow(d, 2, 3)


@public("a b")
@takes_out
def tensordot(a, b, dims=2):
    """The product summed over pairs of dimensions: the last `dims` of a with the first `dims` of b, or two lists of dimensions.

    >>> tinygrad_c.tensordot(tinygrad_c.ones(2, 3), tinygrad_c.ones(3, 4), 1).shape
    torch.Size([2, 4])
    """
    tensor_arg(a, "tensordot", "a"), tensor_arg(b, "tensordot", "b", 2)
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = range(a.ndim - dims, a.ndim), range(dims)
    of_a, of_b = ((d,) if isinstance(d, int) else d for d in dims)
    of_a, of_b = [wrapped(d, a.ndim) for d in of_a], [wrapped(d, b.ndim) for d in of_b]
    if len(of_a) != len(of_b):
        raise RuntimeError(f"both dimension lists should have same length, got {of_a} and {of_b}")
    for d, e in zip(of_a, of_b):
        if a.shape[d] == 1 != b.shape[e]:           # broadcast: sum the other over this dimension
            b = b.sum(e, True, dtype=b.dtype)
        elif b.shape[e] == 1 != a.shape[d]:
            a = a.sum(d, True, dtype=a.dtype)
        elif a.shape[d] != b.shape[e]:
            raise RuntimeError(f"contracted dimensions need to match, but first has size {a.shape[d]} in dim {d} and second "
                               f"has size {b.shape[e]} in dim {e}")
    kept_a, kept_b = [d for d in range(a.ndim) if d not in of_a], [d for d in range(b.ndim) if d not in of_b]
    m, k, n = (math.prod([x.shape[d] for d in dims]) for x, dims in ((a, kept_a), (a, of_a), (b, kept_b)))
    product = matmul(reshape(permute(a, kept_a + of_a), m, k), reshape(permute(b, of_b + kept_b), k, n))
    return reshape(product, [a.shape[d] for d in kept_a] + [b.shape[d] for d in kept_b])


@public("input1 input2 weight")
def bilinear(input1, input2, weight, bias=None):
    """out[..., k] = sum over i, j of input1[..., i] * weight[k, i, j] * input2[..., j], plus bias[k].

    >>> tinygrad_c.bilinear(tinygrad_c.ones(1, 2), tinygrad_c.ones(1, 3), tinygrad_c.ones(1, 2, 3))
    tensor([[6.]])
    """
    for d, (m, n) in enumerate(zip(input1.shape[:-1], input2.shape[:-1])):
        if m != n:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {d}: got {m} and {n}")
    for i, x in enumerate((input1, input2), 1):
        if x.shape[-1] != weight.shape[i]:
            raise RuntimeError(f"bilinear(): input{i} size does not match weight size: got {x.shape[-1]} but expected "
                               f"{weight.shape[i]}")
    half = tensordot(input1, weight, ([-1], [1]))                   # (..., k, j)
    out = reshape(matmul(half, unsqueeze(input2, -1)), half.shape[:-1]).to(input1.dtype)
    return out if bias is None else out + bias


# ---- beta * input + alpha * product

@public("input mat vec")
@takes_out
def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta * input + alpha * (mat @ vec).

    >>> tinygrad_c.addmv(tinygrad_c.ones(1), tinygrad_c.ones(1, 3), tinygrad_c.ones(3))
    tensor([4.])
    """
    return _named(add_scaled(tensor_arg(input, "addmv"), mv(mat, vec), beta, alpha), "AddmvBackward0")


@public("input vec1 vec2")
@takes_out
def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta * input + alpha * outer(vec1, vec2).

    >>> tinygrad_c.addr(tinygrad_c.ones(1, 2), tinygrad_c.ones(1), tinygrad_c.ones(2))
    tensor([[2., 2.]])
    """
    for name, x in (("vec1", vec1), ("vec2", vec2)):
        if tensor_arg(x, "addr", name, 2).ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {x.ndim}-D")
    out = _named(add_scaled(tensor_arg(input, "addr"), outer(vec1, vec2), beta, alpha), "AddrBackward0")
    return out.bool() if input.dtype is vec1.dtype is vec2.dtype and vec1.dtype.name == "bool" else out


@public("input batch1 batch2")
@takes_out
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * bmm(batch1, batch2).

    >>> tinygrad_c.baddbmm(tinygrad_c.ones(2, 1, 1), tinygrad_c.ones(2, 1, 3), tinygrad_c.ones(2, 3, 1)).shape
    torch.Size([2, 1, 1])
    """
    return _named(add_scaled(tensor_arg(input, "baddbmm"), bmm(batch1, batch2), beta, alpha), "BaddbmmBackward0")


@public("input batch1 batch2")
@takes_out
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * the sum of the matrices of bmm(batch1, batch2).

    >>> tinygrad_c.addbmm(tinygrad_c.ones(1, 1), tinygrad_c.ones(2, 1, 3), tinygrad_c.ones(2, 3, 1))
    tensor([[7.]])
    """
    products = bmm(batch1, batch2).sum(0, dtype=input.dtype)
    return _named(add_scaled(tensor_arg(input, "addbmm"), products, beta, alpha), "AddbmmBackward0")


addmm_, addmv_, addr_, baddbmm_, addbmm_ = map(in_place, (addmm, addmv, addr, baddbmm, addbmm))
