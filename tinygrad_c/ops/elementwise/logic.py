"""Elementwise logic (and, or, xor, not), and comparisons of two tensors: isclose, allclose, equal."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c._base.public import public
from tinygrad_c.ops.arguments import TYPE_WORDS, takes_out
from tinygrad_c.ops.create.create import dtype_of, sizes
from tinygrad_c.ops.elementwise.elementwise import abs, eq, ge, gt, in_place, isfinite, le, lt, ne
from tinygrad_c.ops.reduce.reduce import all

if TYPE_CHECKING:
    from tinygrad_c.core.tape import TensorBase as Tensor

@public("input other")
@takes_out
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """input and other: true where both are nonzero.

    >>> tinygrad_c.logical_and(tinygrad_c.tensor([0, 1, 2]), tinygrad_c.tensor([1, 0, 3]))
    tensor([False, False,  True])
    """
    return ne(input, 0) & ne(other, 0)


@public("input other")
@takes_out
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """input or other: true where at least one is nonzero.

    >>> tinygrad_c.logical_or(tensor([0, 2]), tensor([0, 0]))
    tensor([False,  True])
    """
    return ne(input, 0) | ne(other, 0)


@public("input other")
@takes_out
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """input xor other: true where exactly one is nonzero.

    >>> tinygrad_c.logical_xor(tensor([0, 2, 2]), tensor([0, 0, 1]))
    tensor([False,  True, False])
    """
    return ne(input, 0) ^ ne(other, 0)


@public
@takes_out
def logical_not(input: Tensor) -> Tensor:
    """not input: true where it is 0.

    >>> tinygrad_c.logical_not(tensor([0, 2]))
    tensor([ True, False])
    """
    return eq(input, 0)


@public("input other")
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """|input - other| <= atol + rtol * |other|, elementwise. An infinity is close only to itself.

    With equal_nan, NaN is close to NaN. RuntimeError if the dtypes differ.

    >>> tinygrad_c.isclose(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    kind, other_kind = dtype_of(input), dtype_of(other)
    if kind is not other_kind:
        raise RuntimeError(f"{TYPE_WORDS[kind.name]} did not match {TYPE_WORDS[other_kind.name]}: convert one with "
                           ".to(other.dtype)")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    input, other = input.detach(), other.detach()
    close = input == other
    if equal_nan:
        close |= (input != input) & (other != other)
    if rtol == 0 and atol == 0:
        return close
    difference = abs(input * 1.0 - other * 1.0)
    return close | (isfinite(difference) & (difference <= atol + abs(other * rtol)))


@public("input other")
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close; see isclose.

    >>> tinygrad_c.allclose(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 2.1]))
    False
    """
    return bool(all(isclose(input, other, rtol, atol, equal_nan)))


@public("input other")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether the two have the same shape and equal elements; NaN is not equal to NaN.

    >>> tinygrad_c.equal(tinygrad_c.tensor([1, 2]), tinygrad_c.tensor([1, 2]))
    True
    """
    return sizes(input) == sizes(other) and bool(all(eq(input, other)))


logical_and_, logical_or_, logical_xor_, logical_not_ = map(in_place, (logical_and, logical_or, logical_xor, logical_not))
eq_, ne_, lt_, le_, gt_, ge_ = map(in_place, (eq, ne, lt, le, gt, ge))
_numbers = "tinygrad_c.tensor([0, 1, 2])"
for _function, _other, _shown in (      # in place, true and false are stored as 1. and 0.
        (eq_, 2, "0., 1., 0."), (ne_, 2, "1., 0., 1."), (lt_, 2, "1., 0., 0."), (le_, 2, "1., 1., 0."),
        (gt_, 2, "0., 0., 1."), (ge_, 2, "0., 1., 1."), (logical_not_, "", "0., 0., 0."),
        (logical_and_, _numbers, "0., 1., 1."), (logical_or_, _numbers, "1., 1., 1."), (logical_xor_, _numbers, "1., 0., 0.")):
    _function.__doc__ += f"\n\n    >>> tinygrad_c.tensor([1., 2., 3.]).{_function.__name__}({_other})\n    tensor([{_shown}])"
