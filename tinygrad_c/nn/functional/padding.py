"""pad: add elements at the borders of a tensor, with a constant or with elements of the tensor."""
from __future__ import annotations

from collections.abc import Sequence

from tinygrad_c._base.public import public
from tinygrad_c._tensor.tensor import Tensor, bool_
from tinygrad_c.core.tape import _named
from tinygrad_c.ops.create import create
from tinygrad_c.ops.elementwise import elementwise as ops
from tinygrad_c.ops.indexing.index import index_select
from tinygrad_c.ops.shape.join import cat
from tinygrad_c.ops.shape.view import zero_pad


@public
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad the last dimension with pad[0] elements before and pad[1] after it, the dimension before it with pad[2], pad[3], ...

    mode: 'constant' (value, default 0; negative sizes crop), 'reflect' (mirrored, the edge not repeated), 'replicate'
    (the edge repeated), 'circular' (elements of the opposite end).

    >>> pad(tinygrad_c.tensor([[1.0, 2.0, 3.0]]), (2, 1), "reflect")
    tensor([[3., 2., 1., 2., 3., 2.]])
    """
    pad = tuple(pad)
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {list(pad)}")
    if len(pad) // 2 > input.ndim:
        raise RuntimeError(f"Padding length should be less than or equal to two times the input dimension but got padding "
                           f"length {len(pad)} and input of dimension {input.ndim}")
    if mode == "constant":
        value = 0 if value is None else value
        value = value if input.is_floating_point() else create.full((), value, dtype=input.dtype).item()
        return _named(_constant(input, pad, value), "ConstantPadNdBackward0")
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= len(pad) // 2 <= 3 or input.ndim - len(pad) // 2 not in (1, 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: "
                                  f"got {len(pad) // 2} padded dimensions of a {input.ndim}D tensor")
    given = input
    for k in range(len(pad) // 2):
        before, after = pad[2 * k], pad[2 * k + 1]
        if before or after:
            dim = input.ndim - 1 - k
            _check_border(input, dim, before, after, mode)
            if before < 0 or after < 0:
                input = index_select(input, dim, create.tensor(_source_indices(input.shape[dim], before, after, mode)))
            else:
                input = cat(_pieces(input, dim, before, after, mode), dim)
    if input is given or mode == "circular":
        return input
    return _named(input, f"{'Reflection' if mode == 'reflect' else 'Replication'}Pad{len(pad) // 2}DBackward0")


def _constant(x: Tensor, pad: tuple[int, ...], value: float) -> Tensor:
    before, after = [0] * x.ndim, [0] * x.ndim
    for k in range(len(pad) // 2):
        dim = x.ndim - 1 - k
        left, right = pad[2 * k], pad[2 * k + 1]
        if left < 0 or right < 0:
            size = x.shape[dim] + min(left, 0) + min(right, 0)
            if size < 0 or x.shape[dim] + left + right < 0:
                raise RuntimeError(f"The input size {x.shape[dim]}, plus negative padding {left} and {right}, resulted in a "
                                   f"negative output size, which is invalid. Check dimension {dim} of your input.")
            x = x.narrow(dim, max(-left, 0), size)
        before[dim], after[dim] = max(left, 0), max(right, 0)
    if not any(before) and not any(after):
        return x.clone()
    padded = zero_pad(x, before, after)
    if value == 0:
        return padded
    inside = zero_pad(create.ones(*x.shape, dtype=bool_), before, after)
    return ops.where(inside, padded, create.full((), value, dtype=x.dtype))


def _check_border(x: Tensor, dim: int, before: int, after: int, mode: str) -> None:
    n = x.shape[dim]
    limit = {"reflect": n - 1, "replicate": max(before, after), "circular": n}[mode]
    if max(before, after) > limit or n == 0:
        if mode == "circular":
            raise RuntimeError("Padding value causes wrapping around more than once.")
        raise RuntimeError("Padding size should be less than the corresponding input dimension, but got: padding "
                           f"({before}, {after}) at dimension {dim} of input {list(x.shape)}")
    if before + n + after <= 0:
        raise RuntimeError(f"padding ({before}, {after}) leaves no elements of dimension {dim} of input {list(x.shape)}")


def _pieces(x: Tensor, d: int, before: int, after: int, mode: str) -> list[Tensor]:
    """x between what is put before and after it along dimension d."""
    n = x.shape[d]
    if mode == "replicate":
        wide = [[m if k == d else -1 for k in range(x.ndim)] for m in (before, after)]
        ends = x.narrow(d, 0, 1).expand(*wide[0]), x.narrow(d, n - 1, 1).expand(*wide[1])
    elif mode == "reflect":
        ends = x.narrow(d, 1, before).flip(d), x.narrow(d, n - 1 - after, after).flip(d)
    else:
        ends = x.narrow(d, n - before, before), x.narrow(d, 0, after)
    return [*([ends[0]] if before else []), x, *([ends[1]] if after else [])]


def _source_indices(n: int, before: int, after: int, mode: str) -> list[int]:
    """The indices of the elements along the padded dimension of n elements, where a border is cut off."""
    if mode == "circular":
        kept = range(max(-before, 0), n - max(-after, 0))
        return [kept[i % len(kept)] for i in range(-max(before, 0), len(kept) + max(after, 0))]
    if mode == "replicate":
        return [min(max(i, 0), n - 1) for i in range(-before, n + after)]
    return [n - 1 - abs(n - 1 - abs(i)) for i in range(-before, n + after)]
