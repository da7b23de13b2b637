"""Methods that work number by number: functions, arithmetic, comparisons."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import blend, elementwise, logic

if TYPE_CHECKING:
    from tinygrad_c.tensor import Tensor


class Pointwise:
    __slots__ = ()

    # ---- Functions of one tensor (the rows of formulas.py)

    def neg(self) -> Tensor:
        """-x"""
        return elementwise.neg(self)

    def neg_(self) -> Tensor:
        """neg in place"""
        return elementwise.neg_(self)

    def abs(self) -> Tensor:
        """|x|; derivative 0 at 0"""
        return elementwise.abs(self)

    def abs_(self) -> Tensor:
        """abs in place"""
        return elementwise.abs_(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1 with the sign of x; derivative 0"""
        return elementwise.sign(self)

    def sign_(self) -> Tensor:
        """sign in place"""
        return elementwise.sign_(self)

    def square(self) -> Tensor:
        """x^2"""
        return elementwise.square(self)

    def square_(self) -> Tensor:
        """square in place"""
        return elementwise.square_(self)

    def sqrt(self) -> Tensor:
        """the square root of x"""
        return elementwise.sqrt(self)

    def sqrt_(self) -> Tensor:
        """sqrt in place"""
        return elementwise.sqrt_(self)

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)"""
        return elementwise.rsqrt(self)

    def rsqrt_(self) -> Tensor:
        """rsqrt in place"""
        return elementwise.rsqrt_(self)

    def reciprocal(self) -> Tensor:
        """1 / x"""
        return elementwise.reciprocal(self)

    def reciprocal_(self) -> Tensor:
        """reciprocal in place"""
        return elementwise.reciprocal_(self)

    def exp(self) -> Tensor:
        """e^x"""
        return elementwise.exp(self)

    def exp_(self) -> Tensor:
        """exp in place"""
        return elementwise.exp_(self)

    def expm1(self) -> Tensor:
        """e^x - 1, exact near 0"""
        return elementwise.expm1(self)

    def expm1_(self) -> Tensor:
        """expm1 in place"""
        return elementwise.expm1_(self)

    def log(self) -> Tensor:
        """the natural logarithm of x"""
        return elementwise.log(self)

    def log_(self) -> Tensor:
        """log in place"""
        return elementwise.log_(self)

    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0"""
        return elementwise.log1p(self)

    def log1p_(self) -> Tensor:
        """log1p in place"""
        return elementwise.log1p_(self)

    def log2(self) -> Tensor:
        """the logarithm of x to base 2"""
        return elementwise.log2(self)

    def log2_(self) -> Tensor:
        """log2 in place"""
        return elementwise.log2_(self)

    def sin(self) -> Tensor:
        """sin(x), x in radians"""
        return elementwise.sin(self)

    def sin_(self) -> Tensor:
        """sin in place"""
        return elementwise.sin_(self)

    def cos(self) -> Tensor:
        """cos(x), x in radians"""
        return elementwise.cos(self)

    def cos_(self) -> Tensor:
        """cos in place"""
        return elementwise.cos_(self)

    def tan(self) -> Tensor:
        """tan(x), x in radians"""
        return elementwise.tan(self)

    def tan_(self) -> Tensor:
        """tan in place"""
        return elementwise.tan_(self)

    def tanh(self) -> Tensor:
        """(e^x - e^-x) / (e^x + e^-x)"""
        return elementwise.tanh(self)

    def tanh_(self) -> Tensor:
        """tanh in place"""
        return elementwise.tanh_(self)

    def erf(self) -> Tensor:
        """2 / sqrt(pi) * integral of exp(-t^2) from 0 to x"""
        return elementwise.erf(self)

    def erf_(self) -> Tensor:
        """erf in place"""
        return elementwise.erf_(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x)"""
        return elementwise.sigmoid(self)

    def sigmoid_(self) -> Tensor:
        """sigmoid in place"""
        return elementwise.sigmoid_(self)

    def relu(self) -> Tensor:
        """max(x, 0); derivative 0 at 0"""
        return elementwise.relu(self)

    def relu_(self) -> Tensor:
        """relu in place"""
        return elementwise.relu_(self)

    def selu(self) -> Tensor:
        """1.0507 * (x where x > 0, else 1.6733 * (e^x - 1))"""
        return elementwise.selu(self)

    def selu_(self) -> Tensor:
        """selu in place"""
        return elementwise.selu_(self)

    def silu(self) -> Tensor:
        """x * sigmoid(x)"""
        return elementwise.silu(self)

    def silu_(self) -> Tensor:
        """silu in place"""
        return elementwise.silu_(self)

    def mish(self) -> Tensor:
        """x * tanh(log(1 + e^x))"""
        return elementwise.mish(self)

    def mish_(self) -> Tensor:
        """mish in place"""
        return elementwise.mish_(self)

    def logsigmoid(self) -> Tensor:
        """log(sigmoid(x))"""
        return elementwise.logsigmoid(self)

    def logsigmoid_(self) -> Tensor:
        """logsigmoid in place"""
        return elementwise.logsigmoid_(self)

    def isnan(self) -> Tensor:
        """whether x is NaN"""
        return elementwise.isnan(self)

    absolute, negative = abs, neg

    # ---- Arithmetic

    def add(self, other, *, alpha=1) -> Tensor:
        """self + alpha * other"""
        return elementwise.add(self, other, alpha=alpha)

    def add_(self, other, *, alpha=1) -> Tensor:
        """add in place"""
        return elementwise.add_(self, other, alpha=alpha)

    def sub(self, other, *, alpha=1) -> Tensor:
        """self - alpha * other"""
        return elementwise.sub(self, other, alpha=alpha)

    def sub_(self, other, *, alpha=1) -> Tensor:
        """sub in place"""
        return elementwise.sub_(self, other, alpha=alpha)

    def mul(self, other) -> Tensor:
        """self * other"""
        return elementwise.mul(self, other)

    def mul_(self, other) -> Tensor:
        """mul in place"""
        return elementwise.mul_(self, other)

    div, div_ = elementwise.div, elementwise.div_

    subtract, multiply, divide, true_divide = sub, mul, div, div

    def pow(self, exponent) -> Tensor:
        """self^exponent"""
        return elementwise.pow(self, exponent)

    def pow_(self, exponent) -> Tensor:
        """pow in place"""
        return elementwise.pow_(self, exponent)

    def maximum(self, other: Tensor) -> Tensor:
        """The larger of two, element by element."""
        return elementwise.maximum(self, other)

    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of two, element by element."""
        return elementwise.minimum(self, other)

    def clamp(self, min=None, max=None) -> Tensor:
        """No less than min and no more than max."""
        return elementwise.clamp(self, min, max)

    def clamp_(self, min=None, max=None) -> Tensor:
        """clamp in place"""
        return elementwise.clamp_(self, min, max)

    clip, clip_ = clamp, clamp_

    def where(self, condition: Tensor, other) -> Tensor:
        """self where condition is true, else other."""
        return elementwise.where(condition, self, other)

    # ---- Comparisons

    def eq(self, other) -> Tensor:
        """self == other, element by element"""
        return elementwise.eq(self, other)

    def ne(self, other) -> Tensor:
        """self != other, element by element"""
        return elementwise.ne(self, other)

    def lt(self, other) -> Tensor:
        """self < other, element by element"""
        return elementwise.lt(self, other)

    def le(self, other) -> Tensor:
        """self <= other, element by element"""
        return elementwise.le(self, other)

    def gt(self, other) -> Tensor:
        """self > other, element by element"""
        return elementwise.gt(self, other)

    def ge(self, other) -> Tensor:
        """self >= other, element by element"""
        return elementwise.ge(self, other)

    # ---- Rarer functions: rows of formulas.SCALAR, and what ops/blend.py and ops/logic.py compose

    asin, asin_ = elementwise.asin, elementwise.asin_
    acos, acos_ = elementwise.acos, elementwise.acos_
    atan, atan_ = elementwise.atan, elementwise.atan_
    sinh, sinh_ = elementwise.sinh, elementwise.sinh_
    cosh, cosh_ = elementwise.cosh, elementwise.cosh_
    asinh, asinh_ = elementwise.asinh, elementwise.asinh_
    acosh, acosh_ = elementwise.acosh, elementwise.acosh_
    atanh, atanh_ = elementwise.atanh, elementwise.atanh_
    atan2, atan2_ = elementwise.atan2, elementwise.atan2_
    exp2, exp2_ = elementwise.exp2, elementwise.exp2_
    log10, log10_ = elementwise.log10, elementwise.log10_
    hypot, hypot_ = elementwise.hypot, elementwise.hypot_
    erfc, erfc_ = elementwise.erfc, elementwise.erfc_
    erfinv, erfinv_ = elementwise.erfinv, elementwise.erfinv_
    lgamma, lgamma_ = elementwise.lgamma, elementwise.lgamma_
    digamma, digamma_ = elementwise.digamma, elementwise.digamma_
    xlogy, xlogy_ = elementwise.xlogy, elementwise.xlogy_
    logaddexp = elementwise.logaddexp
    logaddexp2 = elementwise.logaddexp2
    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    arcsin_, arccos_, arctan_, arctan2_ = asin_, acos_, atan_, atan2_
    arcsinh, arccosh, arctanh = asinh, acosh, atanh
    arcsinh_, arccosh_, arctanh_ = asinh_, acosh_, atanh_
    logit, logit_ = blend.logit, blend.logit_
    sinc, sinc_ = blend.sinc, blend.sinc_
    mvlgamma = blend.mvlgamma
    deg2rad, deg2rad_ = blend.deg2rad, blend.deg2rad_
    rad2deg, rad2deg_ = blend.rad2deg, blend.rad2deg_
    ldexp, ldexp_ = blend.ldexp, blend.ldexp_
    float_power, float_power_ = blend.float_power, blend.float_power_

    def polygamma(self, n: int) -> Tensor:
        """The derivative of order n of digamma."""
        return elementwise.polygamma(n, self)

    # ---- Rounding, quotients, limits

    floor, floor_ = elementwise.floor, elementwise.floor_
    ceil, ceil_ = elementwise.ceil, elementwise.ceil_
    trunc, trunc_ = elementwise.trunc, elementwise.trunc_
    fmod, fmod_ = elementwise.fmod, elementwise.fmod_
    remainder, remainder_ = elementwise.remainder, elementwise.remainder_
    floor_divide, floor_divide_ = elementwise.floor_divide, elementwise.floor_divide_
    round, round_ = blend.round, blend.round_
    frac, frac_ = blend.frac, blend.frac_
    lerp, lerp_ = blend.lerp, blend.lerp_
    addcmul, addcmul_ = blend.addcmul, blend.addcmul_
    addcdiv, addcdiv_ = blend.addcdiv, blend.addcdiv_
    clamp_min, clamp_min_ = blend.clamp_min, blend.clamp_min_
    clamp_max, clamp_max_ = blend.clamp_max, blend.clamp_max_
    nan_to_num, nan_to_num_ = blend.nan_to_num, blend.nan_to_num_
    fix, fix_, sgn, sgn_, positive = trunc, trunc_, sign, sign_, blend.positive
    fmax = elementwise.fmax
    fmin = elementwise.fmin
    copysign, copysign_ = elementwise.copysign, elementwise.copysign_
    nextafter, nextafter_ = elementwise.nextafter, elementwise.nextafter_
    heaviside, heaviside_ = elementwise.heaviside, elementwise.heaviside_
    gcd, gcd_ = elementwise.gcd, elementwise.gcd_
    lcm, lcm_ = elementwise.lcm, elementwise.lcm_

    # ---- Bits and truth

    bitwise_and, bitwise_and_ = elementwise.bitwise_and, elementwise.bitwise_and_
    bitwise_or, bitwise_or_ = elementwise.bitwise_or, elementwise.bitwise_or_
    bitwise_xor, bitwise_xor_ = elementwise.bitwise_xor, elementwise.bitwise_xor_
    bitwise_not, bitwise_not_ = elementwise.bitwise_not, elementwise.bitwise_not_
    bitwise_left_shift, bitwise_left_shift_ = elementwise.bitwise_left_shift, elementwise.bitwise_left_shift_
    bitwise_right_shift, bitwise_right_shift_ = elementwise.bitwise_right_shift, elementwise.bitwise_right_shift_
    logical_and, logical_and_ = logic.logical_and, logic.logical_and_
    logical_or, logical_or_ = logic.logical_or, logic.logical_or_
    logical_xor, logical_xor_ = logic.logical_xor, logic.logical_xor_
    logical_not, logical_not_ = logic.logical_not, logic.logical_not_
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    isposinf = elementwise.isposinf
    isneginf = elementwise.isneginf
    signbit = elementwise.signbit
    isclose = logic.isclose
    allclose = logic.allclose
    equal = logic.equal
    eq_, ne_, lt_, le_, gt_, ge_ = logic.eq_, logic.ne_, logic.lt_, logic.le_, logic.gt_, logic.ge_
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    not_equal_, less_, less_equal_, greater_, greater_equal_ = ne_, lt_, le_, gt_, ge_
    absolute_, negative_, subtract_, multiply_, divide_, true_divide_ = abs_, neg_, sub_, mul_, div_, div_
