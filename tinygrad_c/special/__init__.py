"""The names of torch.special: special functions with SciPy's names, some composed of the others in one line."""
from __future__ import annotations

import math

from tinygrad_c import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expm1,
    isnan,
    lgamma,
    log,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    mvlgamma,
    polygamma,
    round,
    sigmoid,
    sinc,
    softmax,
    where,
    xlogy,
)
from tinygrad_c._base.arguments import takes_out
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._base.public import guard, guard_all, public

LAZY_NAMES = {
    "bessel": "i0 i0e i1 i1e gammainc gammaincc",
    "polynomials": "chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w "
                   "hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p "
                   "shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v "
                   "shifted_chebyshev_polynomial_w",
}
__all__ = [*(name for names in LAZY_NAMES.values() for name in names.split()),
           "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_ndtr",
           "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax",
           "xlog1py", "xlogy"]
__getattr__, __dir__ = lazy_names(globals(), LAZY_NAMES, guard)

expit, gammaln, psi, multigammaln = sigmoid, lgamma, digamma, mvlgamma


@public("input other", node="SpecialXlog1PyBackward0")
@takes_out
def xlog1py(input, other):
    """input * log(1 + other), 0 where input is 0.

    >>> tinygrad_c.special.xlog1py(tinygrad_c.tensor([0., 2.]), tinygrad_c.tensor([-1., 0.]))
    tensor([0., 0.])
    """
    zero = (input == 0) & (other == other)
    return where(zero, 0.0, input * log1p(where(zero, 0.0, other)))


@public(node="SpecialEntrBackward0")
@takes_out
def entr(input):
    """-x log(x), 0 at 0, -infinity below 0.

    >>> tinygrad_c.special.entr(tinygrad_c.tensor([0., 0.5]))
    tensor([0.0000, 0.3466])
    """
    input = input if input.is_floating_point() else input * 1.0
    inside = input > 0
    found = where(inside, -input * log(where(inside, input, 1.0)), where(input == 0, 0.0, -math.inf))
    return where(isnan(input), input, found)


@public
@takes_out
def ndtr(input):
    """The cdf of the standard normal distribution: erfc(-x / sqrt 2) / 2.

    >>> tinygrad_c.special.ndtr(tinygrad_c.tensor([0.]))
    tensor([0.5000])
    """
    return erfc(input * -math.sqrt(0.5)) * 0.5


@public(node="SpecialNdtriBackward0")
@takes_out
def ndtri(input):
    """The inverse of ndtr: sqrt 2 * erfinv(2 p - 1).

    >>> tinygrad_c.special.ndtri(tinygrad_c.tensor([0.5, 0.975]))
    tensor([0.0000, 1.9600])
    """
    return erfinv(input * 2.0 - 1.0) * math.sqrt(2)


@public(node="SpecialLogNdtrBackward0")
@takes_out
def log_ndtr(input):
    """log(ndtr(x)), accurate also where ndtr is small.

    >>> tinygrad_c.special.log_ndtr(tinygrad_c.tensor([0., -20.]))
    tensor([  -0.6931, -203.9172])
    """
    low = input < -1
    z = where(low, input, -1.0) * -math.sqrt(0.5)
    return where(low, log(erfcx(z) * 0.5) - z * z, log1p(erfc(where(low, 0.0, input) * math.sqrt(0.5)) * -0.5))


@public(node="SpecialErfcxBackward0")
@takes_out
def erfcx(input):
    """exp(x^2) * erfc(x). From x = 9 on, the asymptotic series (DLMF 7.12.1), because erfc underflows soon after in float32.

    >>> tinygrad_c.special.erfcx(tinygrad_c.tensor([0., 100.]))
    tensor([1.0000, 0.0056])
    """
    large = input > 9
    x, near = where(large, input, 9.0), where(large, 0.0, input)
    ratio, term, series = -0.5 / (x * x), 1.0, 1.0
    for k in range(1, 26, 2):
        term = term * ratio * k
        series = series + term
    return where(large, series / (x * math.sqrt(math.pi)), exp(near * near) * erfc(near))


guard_all(globals())
