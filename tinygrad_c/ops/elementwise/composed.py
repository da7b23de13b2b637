"""Elementwise functions composed of others: rounding, limits, powers, logit, angles."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tinygrad_c._base.lazy import names_of
from tinygrad_c._base.public import public
from tinygrad_c.core.array import dtype_named
from tinygrad_c.core.tape import TensorBase, _named
from tinygrad_c.ops.arguments import C_WORDS, TYPE_WORDS, takes_out
from tinygrad_c.ops.create.create import dtype_of, to
from tinygrad_c.ops.elementwise import elementwise
from tinygrad_c.ops.elementwise.elementwise import clamp, clamp_, in_place, lgamma, pow, round_half_even, sin, sub, where

if TYPE_CHECKING:
    from tinygrad_c.core.tape import TensorBase as Tensor

__getattr__ = names_of("tinygrad_c.ops.elementwise.elementwise")        # pickles of 0.1.0 look for lerp and others here


def only_floats(name: str, input: Tensor) -> None:
    """Raise NotImplementedError for integers and bools."""
    if not dtype_of(input).is_floating_point:
        raise NotImplementedError(f"\"{name}\" not implemented for '{TYPE_WORDS[dtype_of(input).name]}': call .float() first")


# ---- Rounding

@public
@takes_out
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to that many decimals, halves to even; negative decimals round to tens, hundreds, ...

    >>> tinygrad_c.round(tinygrad_c.tensor([0.5, 1.5, 2.345]))
    tensor([0., 2., 2.])
    >>> tinygrad_c.round(tinygrad_c.tensor([2.345]), decimals=1)
    tensor([2.3000])
    """
    if decimals == 0:
        return round_half_even(input)
    only_floats("round_cpu", input)
    scale = 10.0 ** max(decimals, -decimals)
    found = round_half_even(input * scale) / scale if decimals > 0 else round_half_even(input / scale) * scale
    return _named(found, "RoundBackward1")


@public
@takes_out
def frac(input: Tensor) -> Tensor:
    """input - trunc(input): the fractional part, with the sign of input.

    >>> tinygrad_c.frac(tensor([1.5, -2.25]))
    tensor([ 0.5000, -0.2500])
    """
    only_floats("frac_cpu", input)
    return elementwise.frac(input)


# ---- Sums

@public("input other#")
def rsub(input: Tensor, other: Tensor | float, *, alpha: float = 1) -> Tensor:
    """other - alpha * input.

    >>> tinygrad_c.rsub(tensor([1., 2.]), 10)
    tensor([9., 8.])
    """
    return sub(other, input, alpha=alpha)


@public
def positive(input: Tensor) -> Tensor:
    """+input: returns the tensor itself. RuntimeError for bools.

    >>> tinygrad_c.positive(tensor([1., -2.]))
    tensor([ 1., -2.])
    """
    if dtype_of(input).name == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported: call .int() first")
    return input


# ---- Limits

@public("input min#")
@takes_out
def clamp_min(input: Tensor, min: Tensor | float) -> Tensor:
    """max(input, min), elementwise.

    >>> tinygrad_c.clamp_min(tensor([1., 5.]), 3)
    tensor([3., 5.])
    """
    return clamp(input, min=min)


@public("input max#")
@takes_out
def clamp_max(input: Tensor, max: Tensor | float) -> Tensor:
    """min(input, max), elementwise.

    >>> tinygrad_c.clamp_max(tensor([1., 5.]), 3)
    tensor([1., 3.])
    """
    return clamp(input, max=max)


# ---- Powers, logarithms, angles

@public("input# exponent#")
@takes_out
def float_power(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    """input ^ exponent, in float64.

    >>> tinygrad_c.float_power(tensor([1., 2.], dtype=tinygrad_c.float64), 10)
    tensor([1.0000e+00, 1.0240e+03], dtype=torch.float64)
    """
    double = dtype_named("float64")
    return pow(*[to(each, double) if hasattr(each, "dtype") else each for each in (input, exponent)])


def only_double(input: Tensor, exponent: Tensor | float) -> Tensor:
    """float_power for float_power_, which cannot change the dtype."""
    if dtype_of(input).name != "float64":
        raise RuntimeError(f"the base given to float_power_ has dtype {C_WORDS[dtype_of(input).name].title()} but the "
                           "operation's result requires dtype Double")
    return float_power(input, exponent)


@public("input other")
@takes_out
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2 ^ other.

    >>> tinygrad_c.ldexp(tensor([1., 3.]), tensor([2, 4]))
    tensor([ 4., 48.])
    """
    return _named(input * pow(2.0, other), "LdexpBackward0")


@public
@takes_out
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; with eps, x is first clamped to [eps, 1 - eps].

    >>> tinygrad_c.logit(tinygrad_c.tensor([0.25, 0.5]))
    tensor([-1.0986,  0.0000])
    """
    if eps is None:
        return elementwise.logit(input)
    return _named(elementwise.logit(clamp(input * 1.0, eps, 1 - eps)), "LogitBackward0")


@public
@takes_out
def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0.

    >>> tinygrad_c.sinc(tensor([0., 0.5]))
    tensor([1.0000, 0.6366])
    """
    angle = input * math.pi
    at_0 = abs(angle) < 1e-10                       # there sinc is 1 exactly
    angle = where(at_0, 1.0, angle)                 # avoids 0 / 0, in the gradient also
    return _named(where(at_0, 1.0, sin(angle) / angle), "SincBackward0")


def _times(input, factor: float, node: str):
    """input * factor; a number if input is a number."""
    out = input * factor
    return _named(out, node) if isinstance(out, TensorBase) else out


@public
@takes_out
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians: x * pi / 180.

    >>> tinygrad_c.deg2rad(tensor([90., 180.]))
    tensor([1.5708, 3.1416])
    """
    return _times(input, math.pi / 180, "Deg2RadBackward0")


@public
@takes_out
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees: x * 180 / pi.

    >>> tinygrad_c.rad2deg(tensor([1., 3.1416]))
    tensor([ 57.2958, 180.0004])
    """
    return _times(input, 180 / math.pi, "Rad2DegBackward0")


@public
@takes_out
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The log of the multivariate gamma function: p (p - 1) / 4 log(pi) + sum over j < p of lgamma(x - j / 2).

    RuntimeError for p < 1 or p > 100,000.

    >>> tinygrad_c.mvlgamma(tensor([2., 3.]), 2)
    tensor([0.4516, 1.5502])
    """
    if not 1 <= p <= 100_000:
        raise RuntimeError(f"p has to be greater than or equal to 1, and at most 100,000 (it takes p passes), got {p}")
    total = lgamma(input)
    for j in range(1, p):
        total = total + lgamma(input - j / 2)
    return _named(total + p * (p - 1) / 4 * math.log(math.pi), "MvlgammaBackward0")


def round_(input: Tensor, *, decimals: int = 0) -> Tensor:
    """round in place."""
    return elementwise.round_half_even_(input) if decimals == 0 else _round_(input, decimals=decimals)


def clamp_min_(input: Tensor, min: Tensor | float) -> Tensor:
    """clamp_min in place."""
    return clamp_(input, min=min)


def clamp_max_(input: Tensor, max: Tensor | float) -> Tensor:
    """clamp_max in place."""
    return clamp_(input, max=max)


_round_, frac_, float_power_, ldexp_, logit_, sinc_ = map(in_place, (round, frac, only_double, ldexp, logit, sinc))
deg2rad_, rad2deg_ = map(in_place, (deg2rad, rad2deg))
