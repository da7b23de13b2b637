"""Modified Bessel functions of the first kind, and incomplete gamma functions.

Derivatives: I0' = I1, I1' = I0 - I1 / x; dP(a, x)/dx = x^(a - 1) e^-x / gamma(a). Formulas: DLMF 10.32.3,
10.40.1 and 8.7.1, 8.9.2 (dlmf.nist.gov).
"""
from __future__ import annotations

import math

from tinygrad_c import broadcast_tensors, exp, from_numpy, lgamma, log, promote_types, sign, where
from tinygrad_c._base.arguments import array_of, takes_out, tensor_arg
from tinygrad_c._base.public import public
from tinygrad_c.autograd import Function


def _scaled(x, order: int):
    """e^-|x| I_order(x) for an array, in float64."""
    import numpy
    big = numpy.abs(x.astype(float))
    near = numpy.minimum(big, 30.0)
    # The mean of e^(x (cos t - 1)) cos(order t) over 64 angles: the trapezoid rule for a smooth periodic function. Beyond 30,
    # the asymptotic series.
    t = (numpy.arange(64) + 0.5) * (math.pi / 64)
    total = numpy.zeros_like(near)
    for angle in t:
        total += numpy.exp(near * (math.cos(angle) - 1)) * math.cos(order * angle)
    total /= len(t)
    far = numpy.maximum(big, 30.0)
    term = numpy.ones_like(far)
    series = numpy.ones_like(far)
    for k in range(1, 30):
        term = term * ((2 * k - 1) ** 2 - 4 * order * order) / (8 * k * far)
        series = series + term
    found = numpy.where(big <= 30, total, series / numpy.sqrt(2 * math.pi * far))
    return numpy.where(numpy.isnan(x), x, numpy.sign(x) * found if order else found)


class Bessel(Function):
    """I_order(x), times e^-|x| if scaled."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, x, order, scaled):
        import numpy
        array = array_of(x)
        found = _scaled(array, order)
        with numpy.errstate(over="ignore"):
            found = found if scaled else found * numpy.exp(numpy.abs(array.astype(float)))
        ctx.order, ctx.scaled = order, scaled
        ctx.save_for_backward(x)
        return from_numpy(numpy.asarray(found.astype(array.dtype)))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        other = Bessel.apply(x, 1 - ctx.order, ctx.scaled)
        slope = other
        if ctx.order or ctx.scaled:
            own = Bessel.apply(x, ctx.order, ctx.scaled)
            if ctx.order:
                zero = x == 0
                slope = other - where(zero, 0.5, own / where(zero, 1.0, x))
            if ctx.scaled:
                slope = slope - sign(x.detach()) * own
        return g * slope, None, None


def _bessel(input, order: int, scaled: bool, name: str):
    x = tensor_arg(input, name)
    return Bessel.apply(x if x.is_floating_point() else x * 1.0, order, scaled)


@public(node="I0Backward0")
@takes_out
def i0(input):
    """I0(x): the modified Bessel function of the first kind of order 0.

    >>> tinygrad_c.i0(tinygrad_c.tensor([0., 1.]))
    tensor([1.0000, 1.2661])
    """
    return _bessel(input, 0, False, "i0")


@public(node="SpecialI0EBackward0")
@takes_out
def i0e(input):
    """e^-|x| I0(x).

    >>> i0e(tinygrad_c.tensor([0., 1.]))
    tensor([1.0000, 0.4658])
    """
    return _bessel(input, 0, True, "special_i0e")


@public(node="SpecialI1Backward0")
@takes_out
def i1(input):
    """I1(x): the modified Bessel function of the first kind of order 1.

    >>> i1(tinygrad_c.tensor([0., 1.]))
    tensor([0.0000, 0.5652])
    """
    return _bessel(input, 1, False, "special_i1")


@public(node="SpecialI1EBackward0")
@takes_out
def i1e(input):
    """e^-|x| I1(x).

    >>> i1e(tinygrad_c.tensor([0., 1.]))
    tensor([0.0000, 0.2079])
    """
    return _bessel(input, 1, True, "special_i1e")


# ---- Incomplete gamma functions

def _gammas(a, x):
    """(P, Q) for arrays in float64: the series for x < a + 1, else the continued fraction (Lentz's method)."""
    import numpy
    a, x = numpy.broadcast_arrays(a.astype(float), x.astype(float))
    bad = (a < 0) | (x < 0) | numpy.isnan(a) | numpy.isnan(x) | ((a == 0) & (x == 0)) | (numpy.isinf(a) & numpy.isinf(x))
    plain = (a > 0) & (x > 0) & numpy.isfinite(a) & numpy.isfinite(x)
    b, y = numpy.where(plain, a, 1.0), numpy.where(plain, x, 1.0)
    log_gamma = numpy.vectorize(math.lgamma, otypes=[float])(b)
    factor = numpy.exp(b * numpy.log(y) - y - log_gamma)
    low = y < b + 1
    term = 1 / b
    total = term.copy()
    for k in range(1, 2000):
        term = numpy.where(low, term * y / (b + k), 0.0)
        total += term
        if not (term > total * 1e-17).any():
            break
    z = numpy.where(low, b + 2, y)
    d = 1 / (z + 1 - b)
    c, h = numpy.full_like(z, 1e300), d.copy()
    for k in range(1, 2000):
        an, bn = -k * (k - b), z + 2 * k + 1 - b
        d = 1 / (bn + an * d)
        c = bn + an / c
        h = h * (d * c)
        if (numpy.abs(d * c - 1) < 1e-16).all():
            break
    p = numpy.where(low, factor * total, 1 - factor * h)
    q = numpy.where(low, 1 - factor * total, factor * h)
    none = (x == 0) | numpy.isinf(a)                # the integral from 0 to x is 0
    whole = (a == 0) | numpy.isinf(x)
    p = numpy.where(bad, numpy.nan, numpy.where(plain, p, numpy.where(whole, 1.0, numpy.where(none, 0.0, p))))
    q = numpy.where(bad, numpy.nan, numpy.where(plain, q, numpy.where(whole, 0.0, numpy.where(none, 1.0, q))))
    return p, q


class IncompleteGamma(Function):
    """P(a, x), or Q(a, x) = 1 - P. Only x has a gradient."""

    _leading_batch = True

    @staticmethod
    def forward(ctx, a, x, upper):
        import numpy
        ctx.upper = upper
        ctx.save_for_backward(a, x)
        return from_numpy(numpy.asarray(_gammas(array_of(a), array_of(x))[int(upper)].astype(array_of(x).dtype)))

    @staticmethod
    def backward(ctx, g):
        a, x = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            raise NotImplementedError(f"the derivative for 'igamma{'c' if ctx.upper else ''}: input' is not implemented: "
                                      "write input.detach() for the first argument")
        slope = exp((a - 1) * log(x) - x - lgamma(a))
        return None, g * (-slope if ctx.upper else slope), None


def _incomplete(a, x, upper: bool):
    name = "igammac" if upper else "igamma"
    a, x = tensor_arg(a, name), tensor_arg(x, name, "other", 2)
    a, x = (each if each.is_floating_point() else each * 1.0 for each in (a, x))
    dtype = promote_types(a.dtype, x.dtype)
    return IncompleteGamma.apply(*broadcast_tensors(a.to(dtype), x.to(dtype)), upper)


@public("input other")
@takes_out
def igamma(input, other):
    """P(a, x) = (1 / gamma(a)) * the integral of t^(a - 1) e^-t from 0 to x; a is input, x is other. Only x has a gradient.

    >>> tinygrad_c.igamma(tinygrad_c.tensor([1.]), tinygrad_c.tensor([1.]))
    tensor([0.6321])
    """
    return _incomplete(input, other, False)


@public("input other")
@takes_out
def igammac(input, other):
    """1 - igamma: the integral from x to infinity.

    >>> tinygrad_c.igammac(tinygrad_c.tensor([1.]), tinygrad_c.tensor([1.]))
    tensor([0.3679])
    """
    return _incomplete(input, other, True)


gammainc, gammaincc = igamma, igammac
