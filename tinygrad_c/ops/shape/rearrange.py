"""Moving dimensions, broadcasting, flip, roll and rot90."""
from __future__ import annotations

from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import tensor_arg, unpacked
from tinygrad_c.ops.create.create import clone, full
from tinygrad_c.ops.reduce.reduce import sum
from tinygrad_c.ops.shape.shape import cat, expand, flatten, narrow, permute, reshape, transpose, wrapped


@public
def ravel(input):
    """Flatten all dimensions into one.

    >>> tinygrad_c.ravel(tinygrad_c.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return flatten(input)


@public
def unflatten(input, dim: int, sizes):
    """Split one dimension into several; one of the sizes may be -1.

    >>> tinygrad_c.unflatten(tinygrad_c.arange(6), 0, (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x = tensor_arg(input, "unflatten")
    at, sizes = wrapped(dim, x.ndim), tuple(sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known, unknown = 1, 0
    for size in sizes:
        known, unknown = (known, unknown + 1) if size == -1 else (known * size, unknown)
    n = x.shape[at] if x.ndim else 1
    if unknown > 1:
        raise RuntimeError("only one dimension can be inferred")
    if known != n if unknown == 0 else known == 0 or n % known:
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {at} ({n}) in the "
                           "input tensor")
    sizes = tuple([n // known if size == -1 else size for size in sizes])
    return reshape(x, (*x.shape[:at], *sizes, *x.shape[at + 1:]))


@public
def movedim(input, source: int | tuple[int, ...], destination: int | tuple[int, ...]):
    """Move dimensions to other positions; the others keep their order. A view.

    >>> tinygrad_c.movedim(tinygrad_c.zeros(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    x = tensor_arg(input, "movedim")
    for name, dims in (("source", source), ("destination", destination)):
        if not isinstance(dims, int) and len(dims) > max(x.ndim, 1):
            raise RuntimeError(f"movedim: repeated dim in `{name}`: {len(dims)} dims for a tensor of {x.ndim} dimensions")
    source = (source,) if isinstance(source, int) else tuple(source)
    destination = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same "
                           f"number of dims as destination ({list(destination)} dims)")
    from_, to = [wrapped(d, x.ndim) for d in source], [wrapped(d, x.ndim) for d in destination]
    for name, dims, given in (("source", from_, source), ("destination", to, destination)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
    if x.ndim == 0:
        return x
    order: list = [None] * x.ndim
    for s, d in zip(from_, to):
        order[d] = s
    rest = iter([d for d in range(x.ndim) if d not in from_])
    return permute(x, [next(rest) if d is None else d for d in order])


@public
def adjoint(input):
    """Swap the last two dimensions: for real numbers, the conjugate transpose.

    >>> tinygrad_c.adjoint(tinygrad_c.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if tensor_arg(input, "adjoint").ndim < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    return transpose(input, -2, -1)


# ---- Broadcasting

def broadcast_shapes(*shapes):
    """The shape that these shapes broadcast to.

    >>> tinygrad_c.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    shapes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    out = [1] * max([len(shape) for shape in shapes], default=0)
    for shape in shapes:
        for d in range(1, len(shape) + 1):
            if shape[-d] < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({shape[-d]}): ({shape[-d]})")
            if shape[-d] not in (1, out[-d]) and out[-d] != 1:
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape: "
                                   + ", ".join([str(list(each)) for each in shapes]))
            out[-d] = out[-d] if shape[-d] == 1 else shape[-d]
    return expand(full((), 0), out).shape


@public
def broadcast_to(input, size):
    """Expand dimensions of size 1 to the given size. A view with stride 0: nothing is copied.

    >>> tinygrad_c.broadcast_to(tinygrad_c.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(input, tuple(size))


def broadcast_tensors(*tensors):
    """Expand the tensors to their common shape. A tensor that already has it is returned unchanged.

    >>> [x.shape for x in tinygrad_c.broadcast_tensors(tinygrad_c.zeros(2, 1), tinygrad_c.zeros(3))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    tensors = [tensor_arg(x, "broadcast_tensors", "tensors") for x in unpacked(tensors)]
    shape: list = [1] * max([x.ndim for x in tensors], default=0)
    for x in tensors:
        for d in range(1, x.ndim + 1):
            if x.shape[-d] != 1 and shape[-d] not in (1, x.shape[-d]):
                raise RuntimeError(f"The size of tensor a ({shape[-d]}) must match the size of tensor b ({x.shape[-d]}) at "
                                   f"non-singleton dimension {len(shape) - d}")
            shape[-d] = shape[-d] if x.shape[-d] == 1 else x.shape[-d]
    return [x if list(x.shape) == shape else expand(x, shape) for x in tensors]


def sum_to_size(input, *size):
    """Sum over the dimensions that broadcasting `size` to input's shape would repeat; the result has that size.

    >>> sum_to_size(tinygrad_c.ones(3, 2), 2)
    tensor([3., 3.])
    """
    x, shape = tensor_arg(input, "sum_to_size"), unpacked(size)
    extra = x.ndim - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, x.shape[extra:])):
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(x.shape)}}}.")
    dims = [d for d in range(x.ndim) if d < extra or (shape[d - extra] == 1 and x.shape[d] != 1)]
    return reshape(sum(x, dims, True), shape) if dims or not x.ndim else x


# ---- flip, roll, rot90

@public(node="FlipBackward0")
def flip(input, *along, dims=None):
    """Reverse the elements along each of `dims`. A copy.

    >>> tinygrad_c.flip(tinygrad_c.tensor([[1, 2], [3, 4]]), (0,))
    tensor([[3, 4],
            [1, 2]])
    """
    x = tensor_arg(input, "flip")
    chosen = [wrapped(d, x.ndim) for d in unpacked(along, dims)]
    for d in chosen:
        if chosen.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    if x.ndim == 0:
        return clone(x)
    return clone(x[tuple([slice(None, None, -1) if d in chosen else slice(None) for d in range(x.ndim)])])


@public(node="FlipBackward0")
def fliplr(input):
    """Reverse the columns (dimension 1).

    >>> tinygrad_c.fliplr(tinygrad_c.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if tensor_arg(input, "fliplr").ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public(node="FlipBackward0")
def flipud(input):
    """Reverse the rows (dimension 0).

    >>> tinygrad_c.flipud(tinygrad_c.tensor([1, 2, 3]))
    tensor([3, 2, 1])
    """
    if tensor_arg(input, "flipud").ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@public(node="RollBackward0")
def roll(input, shifts, dims=None):
    """Shift the elements along `dims` with wrap-around; without dims, in the flattened tensor.

    >>> tinygrad_c.roll(tinygrad_c.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    x = tensor_arg(input, "roll")
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if not dims and len(shifts) == 1:
        return reshape(roll(flatten(x), shifts, (0,)), x.shape)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    out = x
    for shift, dim in zip(shifts, dims):
        if x.ndim == 0:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        d = wrapped(dim, x.ndim)
        n = x.shape[d] if x.ndim else 1
        shift = shift % n if n else 0
        if shift:
            out = cat([narrow(out, d, n - shift, shift), narrow(out, d, 0, n - shift)], d)
    return clone(x) if out is x else out


@public(node="Rot90Backward0")
def rot90(input, k: int = 1, dims=(0, 1)):
    """Rotate by 90 degrees k times, from the first of two dimensions towards the second.

    >>> tinygrad_c.rot90(tinygrad_c.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x, dims = tensor_arg(input, "rot90"), tuple(dims)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if x.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {x.ndim}")
    d0, d1 = (wrapped(d, x.ndim) for d in dims)
    if d0 == d1:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    k %= 4
    if k == 2:
        return flip(x, d0, d1)
    if k == 0:
        return clone(x)
    return transpose(flip(x, d1), d0, d1) if k == 1 else transpose(flip(x, d0), d0, d1)
