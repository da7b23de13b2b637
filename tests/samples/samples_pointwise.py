"""Rows of op_samples.py: composed elementwise functions, bitwise operations and remainders."""
from __future__ import annotations

from samples.sampling import NARROW, E, S, X, named, op

WHOLE = ("int64", "int32", "uint8", "bool")

ROWS = [
    op("bitwise_not", S(X(3, 4, dtype="int64")), S(X(3, dtype="int32")), S(X(3, dtype="uint8")), S(X(dtype="bool")),
       inplace="bitwise_not_", **NARROW, errors=[E(NotImplementedError, "not implemented for 'Float'",
                                                   lambda m: m.bitwise_not(m.ones(2)))]),
    *[op(f"bool_{name}", S(X(3, 4, dtype="bool"), X(4, dtype="bool")), call=named(name), method=name, inplace=name + "_", **NARROW)
      for name in ("logical_and", "logical_or", "logical_xor", "eq", "ne", "lt", "le", "gt", "ge")],
    *[op(name, S(X(3, 4), X(4)), S(X(), X(3)), S(X(3, low=-1, high=2, dtype="int64"), X(3, low=-1, high=2, dtype="int64")),
         integers=True, **NARROW) for name in ("logical_and", "logical_or", "logical_xor")],
    op("logical_not", S(X(3, 4)), S(X(3, low=-1, high=2, dtype="int64")), integers=True, **NARROW),
    op("bool_logical_not", S(X(3, dtype="bool")), call=named("logical_not"), method="logical_not", inplace="logical_not_", **NARROW),
    op("isclose", S(X(3, 4), X(4)), S(X(3, 4), X(3, 4), rtol=0.5, atol=0.25), S(X(3), X(3), 0.0, 0.0), S(X(3), X(3), equal_nan=True),
       integers=True, **NARROW, errors=[
           E(RuntimeError, "Long did not match Float", lambda m: m.isclose(m.tensor([1]), m.tensor([1.0]))),
           E(RuntimeError, "rtol must be greater than or equal to zero", lambda m: m.isclose(m.ones(2), m.ones(2), -1))]),
    *[op(name, S(X(3), X(3)), S(X(3), X(3, 1)), method=None, call=lambda m, a, b, name=name: [
        m.tensor(getattr(m, name)(x, y)) for x, y in ((a, b), (a, a), (a, a + 1e-3), (a + 0.1, a), (a, a * float("nan")))],
         **NARROW) for name in ("allclose", "equal")],
    op("round_decimals", S(X(3, 4), decimals=1), S(X(3, 4, low=-500, high=500), decimals=-2), method="round", inplace="round_",
       call=lambda m, x, decimals: m.round(x, decimals=decimals), differentiable=False),
    op("round", S(X(3, 4)), S(X(), decimals=3), inplace="round_", differentiable=False),
    op("frac", S(X(3, 4, low=0.1, high=0.9)), S(X(low=-1.9, high=-1.1)), inplace="frac_", errors=[
        E(NotImplementedError, "not implemented for 'Long'", lambda m: m.frac(m.tensor([1])))]),
    op("lerp", S(X(3, 4), X(4), 0.25), S(X(3, 4), X(3, 4), 0.75), S(X(3, 4), X(3, 1), X(4)), S(X(), X(), 1), inplace="lerp_", errors=[
        E(RuntimeError, "expected dtype float for `end` but got dtype double",
          lambda m: m.lerp(m.ones(2), m.ones(2).double(), 0.5)),
        E(NotImplementedError, "not implemented for 'Long'", lambda m: m.lerp(m.tensor([1]), m.tensor([2]), 0.5))]),
    op("addcmul", S(X(3, 4), X(4), X(3, 1)), S(X(3), X(3), X(3), value=0.5), S(X(), X(3), X(3), value=2), inplace="addcmul_"),
    op("addcmul_integers", S(X(3, 4), X(4), X(3, 1)), S(X(3), X(3), X(3), value=2), method="addcmul", integers=True,
       call=named("addcmul")),
    op("addcdiv", S(X(3, 4), X(4), X(3, 1, low=0.5, high=2)), S(X(3), X(3), X(3, low=-2, high=-0.5), value=0.5), inplace="addcdiv_",
       errors=[E(RuntimeError, "Integer division with addcdiv is no longer supported",
                 lambda m: m.addcdiv(m.ones(2), m.tensor([1, 2]), m.tensor([3, 4])))]),
    op("rsub", S(X(3, 4), X(4)), S(X(3, 4), 2.5), S(X(3), X(3), alpha=2), method=None),
    op("positive", S(X(3, 4)), errors=[E(RuntimeError, "The `+` operator, on a bool tensor is not supported",
                                         lambda m: m.positive(m.tensor([True])))]),
    op("clamp_min", S(X(3, 4), 0.25), S(X(3, 4), X(4)), integers=True, inplace="clamp_min_"),
    op("clamp_max", S(X(3, 4), 0.25), S(X(3, 4), X(4)), integers=True, inplace="clamp_max_"),
    op("nan_to_num", S(X(3, 4)), S(X(3), 1.0, 2.0, 3.0), integers=True, inplace="nan_to_num_"),
    op("float_power", S(X(3, 4, low=0.5, high=2), 2), S(X(3, low=0.5, high=2), X(3, low=0, high=3)), method=None, integers=True,
       call=lambda m, x, y: m.float_power(x, y).type_as(x)),       # float64, whatever x is: test_pointwise.py
    op("ldexp", S(X(3, 4), X(4, low=0, high=4, dtype="int64")), S(X(3), X(3)), inplace="ldexp_"),
    op("logit", S(X(3, 4, low=0.1, high=0.9)), S(X(3, 4, low=-0.5, high=1.5), eps=0.1), inplace="logit_"),
    op("sinc", S(X(3, 4)), S(X()), integers=True),
    op("deg2rad", S(X(3, 4, low=-200, high=200)), integers=True),
    op("rad2deg", S(X(3, 4)), integers=True),
    op("mvlgamma", S(X(3, 4, low=1.2, high=3), 2)),
    op("polygamma", S(X(3, 4, low=60, high=70), 1), S(X(3, low=-1.8, high=-1.2), 2), call=lambda m, x, n: m.polygamma(n, x),     # near 0 torch's has 9 digits
       errors=[E(RuntimeError, "does not support negative n", lambda m: m.polygamma(-1, m.ones(2)))]),
    *[op(f"{name}_integers", *[S(X(3, 5, low=-40, high=40, dtype=d), X(5, low=1, high=9, dtype=d)) for d in WHOLE[:3]],
         S(X(3, 5, low=-40, high=40, dtype="int64"), X(5, low=-9, high=-1, dtype="int32")),
         S(X(9, low=-40, high=40, dtype="int32"), 7), S(X(9, low=-40, high=40, dtype="int32"), -7),
         call=named(name), method=name, inplace=name + "_" if name != "floor_divide"
         else None, **NARROW, errors=[
             E(RuntimeError, "ZeroDivisionError", lambda m: getattr(m, name)(m.tensor([1]), 0)),
             E(RuntimeError, "ZeroDivisionError", lambda m: getattr(m, name)(m.tensor([1, 2]), m.tensor([1, 0]))),
             E(NotImplementedError, "not implemented for 'Bool'", lambda m: getattr(m, name)(m.tensor([True]), True))])
      for name in ("fmod", "remainder", "floor_divide")],
    op("floor_divide", S(X(3, 4, low=0.1, high=4), X(4, low=0.5, high=2)), S(X(3, 4), -0.75), inplace="floor_divide_", **NARROW),
    op("div_rounded", S(X(3, low=-40, high=40, dtype="int64"), X(3, low=1, high=9, dtype="int64"), rounding_mode="floor"),
       S(X(9, low=-40, high=40, dtype="int32"), 7, rounding_mode="trunc"), call=named("div"), method="div", inplace="div_", **NARROW,
       errors=[E(RuntimeError, "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'",
                 lambda m: m.div(m.ones(2), 2, rounding_mode="up"))]),
    op("operators_whole", *[S(X(3, 5, low=-40, high=40, dtype=d), X(5, low=1, high=6, dtype=d)) for d in WHOLE[:3]], method=None,
       call=lambda m, a, b: [a % b, a // b, a & b, a | b, a ^ b, ~a, a << b, a >> b, a % 3, a // 3, 7 % b, 7 // b, a & 3, 3 & a,
                             a | True, 5 ^ a, 1 << b, a << 1, 64 >> b, a % 2.5, a // 2.5, 2.5 % b], **NARROW),
]
