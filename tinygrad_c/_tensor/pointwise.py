"""Elementwise methods: functions, arithmetic, comparisons."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops.elementwise import composed, elementwise, logic

if TYPE_CHECKING:
    from tinygrad_c._tensor.tensor import Tensor


class Pointwise:
    __slots__ = ()

    # ---- Functions of one tensor (the rows of formulas.py)

    neg, neg_ = elementwise.neg, elementwise.neg_
    abs, abs_ = elementwise.abs, elementwise.abs_
    sign, sign_ = elementwise.sign, elementwise.sign_
    square, square_ = elementwise.square, elementwise.square_
    sqrt, sqrt_ = elementwise.sqrt, elementwise.sqrt_
    rsqrt, rsqrt_ = elementwise.rsqrt, elementwise.rsqrt_
    reciprocal, reciprocal_ = elementwise.reciprocal, elementwise.reciprocal_
    exp, exp_ = elementwise.exp, elementwise.exp_
    expm1, expm1_ = elementwise.expm1, elementwise.expm1_
    log, log_ = elementwise.log, elementwise.log_
    log1p, log1p_ = elementwise.log1p, elementwise.log1p_
    log2, log2_ = elementwise.log2, elementwise.log2_
    sin, sin_ = elementwise.sin, elementwise.sin_
    cos, cos_ = elementwise.cos, elementwise.cos_
    tan, tan_ = elementwise.tan, elementwise.tan_
    tanh, tanh_ = elementwise.tanh, elementwise.tanh_
    erf, erf_ = elementwise.erf, elementwise.erf_
    sigmoid, sigmoid_ = elementwise.sigmoid, elementwise.sigmoid_
    relu, relu_ = elementwise.relu, elementwise.relu_
    selu, selu_ = elementwise.selu, elementwise.selu_
    silu, silu_ = elementwise.silu, elementwise.silu_
    mish, mish_ = elementwise.mish, elementwise.mish_
    logsigmoid, logsigmoid_ = elementwise.logsigmoid, elementwise.logsigmoid_
    isnan = elementwise.isnan
    absolute, negative = abs, neg

    # ---- Arithmetic

    add, add_ = elementwise.add, elementwise.add_
    sub, sub_ = elementwise.sub, elementwise.sub_
    mul, mul_ = elementwise.mul, elementwise.mul_
    div, div_ = elementwise.div, elementwise.div_
    subtract, multiply, divide, true_divide = sub, mul, div, div
    pow, pow_ = elementwise.pow, elementwise.pow_
    maximum, minimum = elementwise.maximum, elementwise.minimum
    clamp, clamp_ = elementwise.clamp, elementwise.clamp_
    clip, clip_ = clamp, clamp_

    def where(self, condition: Tensor, other) -> Tensor:
        """self where condition is True, else other."""
        return elementwise.where(condition, self, other)

    # ---- Comparisons

    eq, ne, lt, le, gt, ge = (elementwise.eq, elementwise.ne, elementwise.lt, elementwise.le, elementwise.gt, elementwise.ge)

    # ---- Less common functions: rows of formulas.SCALAR, and functions of ops/elementwise/composed.py and logic.py

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
    logit, logit_ = composed.logit, composed.logit_
    sinc, sinc_ = composed.sinc, composed.sinc_
    mvlgamma = composed.mvlgamma
    deg2rad, deg2rad_ = composed.deg2rad, composed.deg2rad_
    rad2deg, rad2deg_ = composed.rad2deg, composed.rad2deg_
    ldexp, ldexp_ = composed.ldexp, composed.ldexp_
    float_power, float_power_ = composed.float_power, composed.float_power_

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
    round, round_ = composed.round, composed.round_
    frac, frac_ = composed.frac, composed.frac_
    lerp, lerp_ = elementwise.lerp, elementwise.lerp_
    addcmul, addcmul_ = elementwise.addcmul, elementwise.addcmul_
    addcdiv, addcdiv_ = elementwise.addcdiv, elementwise.addcdiv_
    clamp_min, clamp_min_ = composed.clamp_min, composed.clamp_min_
    clamp_max, clamp_max_ = composed.clamp_max, composed.clamp_max_
    nan_to_num, nan_to_num_ = elementwise.nan_to_num, elementwise.nan_to_num_
    fix, fix_, sgn, sgn_, positive = trunc, trunc_, sign, sign_, composed.positive
    fmax = elementwise.fmax
    fmin = elementwise.fmin
    copysign, copysign_ = elementwise.copysign, elementwise.copysign_
    nextafter, nextafter_ = elementwise.nextafter, elementwise.nextafter_
    heaviside, heaviside_ = elementwise.heaviside, elementwise.heaviside_
    gcd, gcd_ = elementwise.gcd, elementwise.gcd_
    lcm, lcm_ = elementwise.lcm, elementwise.lcm_

    # ---- Bitwise and logical

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
