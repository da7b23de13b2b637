"""frexp, fill, and the functions of complex numbers (angle, real, imag, ...) for real ones."""
from __future__ import annotations

import math

from tinygrad_c._base.batched import unbatched
from tinygrad_c._base.public import public
from tinygrad_c.core.array import dtype_named
from tinygrad_c.ops.arguments import array_of, results, takes_out, tensor_arg
from tinygrad_c.ops.create.create import clone, from_numpy
from tinygrad_c.ops.elementwise.elementwise import isnan, trunc, where

BOOL = dtype_named("bool")
frexp_result = results("frexp", "mantissa", "exponent")


@public(node="FrexpBackward0")
@takes_out
@unbatched
def frexp(input):
    """(mantissa, exponent) with input = mantissa * 2^exponent, 0.5 <= |mantissa| < 1; the exponent is int32.

    >>> tinygrad_c.frexp(tinygrad_c.tensor([6.0])).mantissa
    tensor([0.7500])
    """
    import numpy
    x = tensor_arg(input, "frexp")
    if not x.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes: call .float() first")
    exponent = numpy.frexp(array_of(x))[1].astype(numpy.int32)
    first = exponent // 2               # in two steps, since 2^-exponent may overflow
    factors = [from_numpy(numpy.asarray(numpy.ldexp(numpy.ones(exponent.shape, x.dtype.name), -part)))
               for part in (first, exponent - first)]
    return frexp_result((x * factors[0] * factors[1], from_numpy(numpy.asarray(exponent))))


@public
@takes_out
def angle(input):
    """The argument of a real number: pi if negative, NaN if NaN, else 0.

    >>> tinygrad_c.angle(tinygrad_c.tensor([-1., 2.]))
    tensor([3.1416, 0.0000])
    """
    x = tensor_arg(input, "angle")
    x = x if x.is_floating_point() else x * 1.0
    return trunc(where(isnan(x), x, (x < 0).to(x.dtype))) * math.pi        # trunc has gradient 0 everywhere


@public
def real(input):
    """Returns the tensor itself: all dtypes are real.

    >>> tinygrad_c.real(tensor([1., 2.]))
    tensor([1., 2.])
    """
    return tensor_arg(input, "real")


@public
def imag(input):
    """Raises RuntimeError: all dtypes are real.

    >>> tinygrad_c.imag(tinygrad_c.ones(2))
    Traceback (most recent call last):
    RuntimeError: imag is not implemented for tensors with non-complex dtypes.
    """
    tensor_arg(input, "imag")
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


@public
def isreal(input):
    """True for every element: all dtypes are real.

    >>> tinygrad_c.isreal(tinygrad_c.tensor([1.]))
    tensor([True])
    """
    return tensor_arg(input, "isreal").new_ones(input.shape, dtype=BOOL)


@public
@unbatched
def fill(input, value):
    """A tensor like input, filled with `value`, a number or a tensor of one element.

    >>> tinygrad_c.fill(tinygrad_c.zeros(2), 3.)
    tensor([3., 3.])
    """
    return clone(tensor_arg(input, "fill")).fill_(value)


@public
def resolve_neg(input):
    """Returns the tensor itself: there are no lazy negations.

    >>> tinygrad_c.resolve_neg(tensor([1., 2.]))
    tensor([1., 2.])
    """
    return tensor_arg(input, "resolve_neg")
