"""The table of elementwise ops: one row per op, with its value and its derivatives as Python expressions.

In the expressions, `x` (or `a`, `b`, or `condition`, `a`, `b`) are the inputs, `y` is the output, `g` is the incoming
gradient dL/dy, and the other names are the row's parameters (Python numbers). `dx` is the gradient dL/dx. An expression may
call the rows of this table and `where`, `maximum`, `minimum`.

A row has five uses. The build generates the forward and derivative kernels from it. The forward pass saves the names that the
derivatives use. With `create_graph=True` the derivative is evaluated on Tensors, so it is recorded. docs/derivatives.md lists
it. The tests check value, gradient and second gradient on its `domain`. To add an op, add a row here and a method in
_tensor/pointwise.py.

The derivatives of SCALAR's rows are always evaluated on Tensors. If a row has `vector`, the expression of a SIMD kernel,
`through` says for which dtypes. Otherwise, and for integers, the kernel is the same for all processors: a loop over a C
function with the row's name (kernels/portable/scalar.pxi).
"""
from __future__ import annotations

from math import inf

FLOATS = "floats"        # integer input is converted to the default float dtype, as in torch: exp of int64 is float32
NUMBERS = "numbers"      # has integer kernels too; bool counts as the integers 0 and 1
BOOLS = "bools"          # the result is bool
INTEGERS = "integers"    # only for integers and bool

BOTH = "both"            # float32 and float64 have the vector kernel
DOUBLE = "double"        # float64 has a vector kernel; float32 is widened to use it (kernels/simd/widen.pxi)
ONLY_SINGLE = "only single"      # float32 is widened to use it; it is not accurate enough for float64, which uses the loop


class Row:
    """Base class of Unary, Binary and Ternary, which set the inputs. Not a dataclass: each adds 1 ms to the import."""

    inputs: tuple[str, ...] = ()

    def __init__(self, y: str, *, params: tuple[str, ...] = (), kind: str = FLOATS, domain: tuple[float, float] = (-3.0, 3.0),
                 domain_b: tuple[float, float] | None = None, sample: tuple[float, ...] = (), doc: str = "",
                 shows: str = "", vector: str | None = None, through: str = BOTH,
                 **derivatives: str):
        self.y = y                      # the value
        self.params = params            # names of the number parameters, in kernel order
        self.kind = kind                # FLOATS, NUMBERS, BOOLS or INTEGERS
        self.domain = domain            # the range of the tests' inputs, where value and derivatives are smooth
        self.domain_b = domain_b        # the range of b, if it differs
        self.sample = sample            # the values of the parameters in the tests
        self.doc = doc                  # the first line of the docstring: the mathematics
        self.shows = shows              # an example for the docstring: "inputs; inputs -> outputs"
        self.vector = vector            # in SCALAR: the expression of the vector kernel, if there is one
        self.through = through          # BOTH, DOUBLE or ONLY_SINGLE
        # The derivative with respect to each input (dx=, or da= and db=), in order; None if there is none.
        self.derivatives = tuple(derivatives.pop("d" + name, None) for name in self.inputs)
        if derivatives:
            raise TypeError(f"{type(self).__name__} has no {', '.join(derivatives)}")


class Unary(Row):
    """y = f(x)."""

    inputs = ("x",)


class Binary(Row):
    """y = f(a, b), a and b broadcast together."""

    inputs = ("a", "b")


class Mixed(Row):
    """y = f(a, b, c), the three broadcast together."""

    inputs = ("a", "b", "c")


class Ternary(Row):
    """y = f(condition, a, b); condition is bool."""

    inputs = ("condition", "a", "b")


SQRT_2_OVER_PI = "0.7978845608028654"
INV_SQRT_2PI = "0.3989422804014327"
TWO_OVER_SQRT_PI = "1.1283791670955126"
SELU_SCALE, SELU_ALPHA = "1.0507009873554805", "1.6732632423543772"  # Klambauer et al. 2017, arXiv:1706.02515, section 2
SELU_PRODUCT = "1.7580993408473766"

# gelu's tanh form: Hendrycks & Gimpel 2016, arXiv:1606.08415
_GELU_T = f"tanh({SQRT_2_OVER_PI} * (x + 0.044715 * x * x * x))"

VECTOR: dict[str, Row] = {
    # Arithmetic with one input.
    "neg": Unary(y="-x", dx="-g", kind=NUMBERS, doc="-x", shows="1., -2. -> -1., 2."),
    "abs": Unary(y="abs(x)", dx="g * sign(x)", kind=NUMBERS, domain=(0.2, 3.0), doc="|x|, with derivative 0 at 0",
                 shows="1., -2. -> 1., 2."),
    "sign": Unary(y="where(x > 0, 1, where(x < 0, -1, 0))", dx="0", kind=NUMBERS, domain=(0.2, 3.0),
                  doc="-1, 0 or 1 with the sign of x, 0 for NaN; derivative 0", shows="3., 0., -2. ->  1., 0., -1."),
    "square": Unary(y="x * x", dx="2 * g * x", kind=NUMBERS, doc="x^2", shows="1., -3. -> 1., 9."),
    "cube": Unary(y="x * x * x", dx="3 * g * (x * x)", doc="x^3"),
    "sqrt": Unary(y="sqrt(x)", dx="g / (2 * y)", domain=(0.2, 3.0), doc="the square root of x",
                  shows="4., 2. -> 2.0000, 1.4142"),
    "rsqrt": Unary(y="1 / sqrt(x)", dx="-0.5 * g * y * y * y", domain=(0.2, 3.0), doc="1 / sqrt(x)",
                   shows="4., 2. -> 0.5000, 0.7071"),
    "reciprocal": Unary(y="1 / x", dx="-g * y * y", domain=(0.3, 3.0), doc="1 / x", shows="4., -2. ->  0.2500, -0.5000"),
    # Exponentials and logarithms.
    "exp": Unary(y="exp(x)", dx="g * y", doc="e^x", shows="0., 1. -> 1.0000, 2.7183"),
    "expm1": Unary(y="expm1(x)", dx="g * (y + 1)", doc="e^x - 1, accurate near 0", shows="0., 1e-3 -> 0.0000, 0.0010"),
    "log": Unary(y="log(x)", dx="g / x", domain=(0.2, 3.0), doc="the natural logarithm of x",
                 shows="1., 10. -> 0.0000, 2.3026"),
    "log1p": Unary(y="log1p(x)", dx="g / (x + 1)", domain=(-0.8, 3.0), doc="log(1 + x), accurate near 0",
                   shows="0., 1e-3 -> 0.0000, 0.0010"),
    "log2": Unary(y="log2(x)", dx="g / (x * 0.6931471805599453)", domain=(0.2, 3.0), doc="the logarithm of x to base 2",
                  shows="8., 10. -> 3.0000, 3.3219"),
    # Trigonometry.
    "sin": Unary(y="sin(x)", dx="g * cos(x)", doc="sin(x), x in radians", shows="0., 1. -> 0.0000, 0.8415"),
    "cos": Unary(y="cos(x)", dx="-g * sin(x)", doc="cos(x), x in radians", shows="0., 1. -> 1.0000, 0.5403"),
    "tanh": Unary(y="tanh(x)", dx="g * (1 - y * y)", doc="(e^x - e^-x) / (e^x + e^-x)", shows="0., 1. -> 0.0000, 0.7616"),
    "erf": Unary(y="erf(x)", dx=f"g * {TWO_OVER_SQRT_PI} * exp(-(x * x))",
                 doc="2 / sqrt(pi) * integral of exp(-t^2) from 0 to x", shows="0., 1. -> 0.0000, 0.8427"),
    # Activations.
    "sigmoid": Unary(y="sigmoid(x)", dx="g * y * (1 - y)", doc="1 / (1 + e^-x)", shows="0., 2. -> 0.5000, 0.8808"),
    "relu": Unary(y="maximum(x, 0)", dx="where(y <= 0, 0, g)", kind=NUMBERS, domain=(0.2, 3.0),
                  doc="max(x, 0), with derivative 0 at 0", shows="-1., 2. -> 0., 2."),
    "leaky_relu": Unary(y="where(x > 0, x, negative_slope * x)", dx="where(x > 0, g, negative_slope * g)",
                        params=("negative_slope",), sample=(0.01,), domain=(0.2, 3.0),
                        doc="x where x > 0, else negative_slope * x"),
    "hardtanh": Unary(y="minimum(maximum(x, lowest), highest)", dx="where((x > lowest) & (x < highest), g, 0)",
                      params=("lowest", "highest"), sample=(-1.0, 1.5), domain=(-0.9, 1.4),
                      doc="min(max(x, lowest), highest), with derivative 0 at both limits"),
    "hardsigmoid": Unary(y="minimum(maximum(x + 3, 0), 6) / 6", dx="where((x > -3) & (x < 3), g / 6, 0)", domain=(-2.9, 2.9),
                         doc="min(max(x + 3, 0), 6) / 6"),
    "hardswish": Unary(y="x * minimum(maximum(x + 3, 0), 6) / 6",
                       dx="where(x <= -3, 0, where(x < 3, g * (x / 3 + 0.5), g))", domain=(-2.9, 2.9),
                       doc="x * min(max(x + 3, 0), 6) / 6"),
    "elu": Unary(y="where(x > 0, x, alpha * expm1(x))", dx="where(x > 0, g, g * alpha * exp(x))", params=("alpha",),
                 sample=(1.3,), domain=(-3.0, -0.2), doc="x where x > 0, else alpha * (e^x - 1)"),
    "selu": Unary(y=f"where(x > 0, {SELU_SCALE} * x, {SELU_PRODUCT} * expm1(x))",
                  dx=f"where(x > 0, g * {SELU_SCALE}, g * {SELU_PRODUCT} * exp(x))", domain=(-3.0, -0.2),
                  doc="1.0507 * (x where x > 0, else 1.6733 * (e^x - 1))", shows="-1., 2. -> -1.1113, 2.1014"),
    "gelu": Unary(y="x * normal_cdf(x)", dx=f"g * (normal_cdf(x) + x * {INV_SQRT_2PI} * exp(-0.5 * x * x))",
                  doc="x * P(Z < x), Z standard normal: x / 2 * (1 + erf(x / sqrt 2))"),
    "gelu_tanh": Unary(
        y=f"0.5 * x * (1 + {_GELU_T})",
        dx=f"g * 0.5 * (1 + {_GELU_T} + x * (1 - {_GELU_T} * {_GELU_T}) * {SQRT_2_OVER_PI} * (1 + 0.134145 * x * x))",
        doc="x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))"),
    "silu": Unary(y="x * sigmoid(x)", dx="g * sigmoid(x) * (1 + x * (1 - sigmoid(x)))", doc="x * sigmoid(x)",
                  shows="-1., 2. -> -0.2689, 1.7616"),
    "mish": Unary(y="x * tanh(softplus1(x))",
                  dx="g * (tanh(softplus1(x)) + x * sigmoid(x) * (1 - tanh(softplus1(x)) * tanh(softplus1(x))))",
                  doc="x * tanh(log(1 + e^x))", shows="-1., 2. -> -0.3034, 1.9440"),
    "softshrink": Unary(y="where(x > lambd, x - lambd, where(x < -lambd, x + lambd, x * 0))",
                        dx="where((x >= -lambd) & (x <= lambd), 0, g)", params=("lambd",), sample=(0.5,), domain=(0.6, 3.0),
                        doc="x - lambd where x > lambd, x + lambd where x < -lambd, else 0"),
    "hardshrink": Unary(y="where((x >= -lambd) & (x <= lambd), 0, x)", dx="where((x >= -lambd) & (x <= lambd), 0, g)",
                        params=("lambd",), sample=(0.5,), domain=(0.6, 3.0), doc="x where |x| > lambd, else 0"),
    "threshold": Unary(y="where(x <= limit, value, x)", dx="where(x <= limit, 0, g)", params=("limit", "value"),
                       sample=(0.1, 2.0), domain=(0.2, 3.0), doc="x where x > limit, else value"),
    "softplus": Unary(y="where(x * beta > threshold, x, softplus1(x * beta) / beta)",
                      dx="where(x * beta > threshold, g, g * sigmoid(x * beta))", params=("beta", "threshold"),
                      sample=(1.5, 20.0), doc="log(1 + e^(beta x)) / beta where beta x <= threshold, else x"),
    "softplus1": Unary(y="maximum(x, 0) + log1p(exp(-abs(x)))", dx="g * sigmoid(x)", doc="log(1 + e^x) without overflow"),
    "logsigmoid": Unary(y="minimum(x, 0) - log1p(exp(-abs(x)))", dx="g * sigmoid(-x)", doc="log(sigmoid(x))",
                        shows="0., 2. -> -0.6931, -0.1269"),
    "clamp": Unary(y="minimum(maximum(x, lowest), highest)",
                   dx="where((x >= lowest) & (x <= highest), g, 0)", params=("lowest", "highest"), kind=NUMBERS,
                   sample=(-1.0, 1.5), domain=(-0.9, 1.4), doc="x clamped to the range [min, max]"),
    # Arithmetic with a Python number: `number` is the number.
    "add_number": Unary(y="x + number", dx="g", params=("number",), kind=NUMBERS, sample=(1.7,), doc="x + number"),
    "mul_number": Unary(y="x * number", dx="g * number", params=("number",), kind=NUMBERS, sample=(1.7,), doc="x * number"),
    "rsub_number": Unary(y="number - x", dx="-g", params=("number",), kind=NUMBERS, sample=(1.7,), doc="number - x"),
    "div_number": Unary(y="x / number", dx="g / number", params=("number",), sample=(1.7,), doc="x / number"),
    "rdiv_number": Unary(y="number / x", dx="-g * (number / x) / x", params=("number",), sample=(1.7,), domain=(0.3, 3.0),
                         doc="number / x"),
    "pow_number": Unary(y="pow(x, number)", dx="where(number == 0, 0 * g, g * number * pow(x, number - 1))",
                        params=("number",), sample=(2.5,), domain=(0.2, 3.0), doc="x^number, with derivative 0 for number = 0"),
    "rpow_number": Unary(y="pow(number, x)", dx="where((number == 0) & (x >= 0), 0 * g, g * y * log(number))",
                         params=("number",), sample=(1.7,), doc="number^x"),
    # Arithmetic with two tensors.
    "add": Binary(y="a + b", da="g", db="g", kind=NUMBERS, doc="a + b"),
    "sub": Binary(y="a - b", da="g", db="-g", kind=NUMBERS, doc="a - b"),
    "mul": Binary(y="a * b", da="g * b", db="g * a", kind=NUMBERS, doc="a * b"),
    "div": Binary(y="a / b", da="g / b", db="-g * (a / b) / b", domain_b=(0.4, 3.0), doc="a / b"),
    "pow": Binary(y="pow(a, b)", da="where(b == 0, 0 * g, g * b * pow(a, b - 1))",
                  db="where((a == 0) & (b >= 0), 0 * g, g * y * log(a))", domain=(0.3, 3.0), domain_b=(-2.0, 2.5),
                  doc="a^b, with 0^0 = 1 and its derivative 0"),
    "maximum": Binary(y="maximum(a, b)", da="where(a < b, 0, where(a == b, g / 2, g))",
                      db="where(b < a, 0, where(a == b, g / 2, g))", kind=NUMBERS,
                      doc="the larger of a and b, NaN if either is NaN; equal elements get half of the gradient each"),
    "minimum": Binary(y="minimum(a, b)", da="where(a > b, 0, where(a == b, g / 2, g))",
                      db="where(b > a, 0, where(a == b, g / 2, g))", kind=NUMBERS,
                      doc="the smaller of a and b, NaN if either is NaN; equal elements get half of the gradient each"),
    "where": Ternary(y="where(condition, a, b)", da="where(condition, g, 0)", db="where(condition, 0, g)", kind=NUMBERS,
                     doc="a where condition is true, else b"),
    "prelu": Binary(y="where(a > 0, a, b * a)", da="where(a > 0, g, b * g)", db="where(a > 0, 0, g * a)", domain=(0.2, 3.0),
                    doc="a where a > 0, else b * a"),
    # Comparisons: no derivative.
    "eq": Binary(y="a == b", kind=BOOLS, doc="a == b"),
    "ne": Binary(y="a != b", kind=BOOLS, doc="a != b"),
    "lt": Binary(y="a < b", kind=BOOLS, doc="a < b"),
    "le": Binary(y="a <= b", kind=BOOLS, doc="a <= b"),
    "gt": Binary(y="a > b", kind=BOOLS, doc="a > b"),
    "ge": Binary(y="a >= b", kind=BOOLS, doc="a >= b"),
    "isnan": Unary(y="x != x", kind=BOOLS, doc="whether x is NaN", shows="1., float('nan') -> False, True"),
}

_ASINH = "where(abs(x) > 1e8, log(abs(x)) + 0.6931471805599453, log1p(abs(x) + x * x / (1 + sqrt(x * x + 1))))"
_ACOSH = "where(x > 1e8, log(x) + 0.6931471805599453, log1p(x - 1 + sqrt(x - 1) * sqrt(x + 1)))"
_LERP = "where(c < 0.5, a + c * (b - a), b - (b - a) * (1 - c))"
_LERP_NUMBER = "where(weight < 0.5, a + weight * (b - a), b - (b - a) * (1 - weight))"
# The squares of float32 do not overflow in double; NaN and infinity give infinity.
_HYPOT = "where(abs(a) > 1e300, abs(a), where(abs(b) > 1e300, abs(b), sqrt(a * a + b * b)))"
_FINITE_OR = "where(x != x, nan, where(x - x == 0, x, where(x > 0, posinf, neginf)))"
_LOGADDEXP = "where(a == b, a + 0.6931471805599453, maximum(a, b) + log1p(exp(-abs(a - b))))"
LN_2, LN_10 = "0.6931471805599453", "2.302585092994046"
SQRT_PI_OVER_2 = "0.886226925452758"
WHOLE = {"kind": INTEGERS, "domain": (-9.0, 9.0)}

SCALAR: dict[str, Row] = {
    # Exponentials and logarithms.
    "exp2": Unary(y="exp2(x)", dx=f"g * y * {LN_2}", vector="exp2(x)", through=DOUBLE, doc="2^x",
                  shows="3., -1. -> 8.0000, 0.5000"),
    "log10": Unary(y="log10(x)", dx=f"g / (x * {LN_10})", domain=(0.2, 3.0),
                   vector="log10(x)", through=DOUBLE, doc="the logarithm of x to base 10", shows="100., 2. -> 2.0000, 0.3010"),
    "logaddexp": Binary(y="logaddexp(a, b)", da="g * sigmoid(a - b)", db="g * sigmoid(b - a)", vector=_LOGADDEXP,
                        doc="log(e^a + e^b) without overflow", shows="0., 1000.; 0., 1000. -> 6.9315e-01, 1.0007e+03"),
    "logaddexp2": Binary(y="logaddexp2(a, b)", da=f"g * sigmoid((a - b) * {LN_2})", db=f"g * sigmoid((b - a) * {LN_2})",
                         doc="log2(2^a + 2^b) without overflow", shows="0., 3.; 0., 3. -> 1., 4."),
    "xlogy": Binary(y="xlogy(a, b)", da="g * where((a == 0) & (b <= 0), 0, log(b))", db="g * a / b", domain_b=(0.2, 3.0),
                    vector="where((a == 0) & (b == b), 0, a * log(b))",
                    doc="a * log(b), 0 where a is 0", shows="0., 2.; 0., 3. -> 0.0000, 2.1972"),
    "logit": Unary(y="log(x / (1 - x))", dx="g / (x * (1 - x))", domain=(0.1, 0.9), vector="log(x / (1 - x))",
                   doc="log(x / (1 - x)), the inverse of sigmoid"),
    # Sums of products, and blends.
    "add_scaled": Binary(y="a + alpha * b", da="g", db="g * alpha", params=("alpha",), sample=(1.7,), vector="a + alpha * b",
                         doc="a + alpha * b"),
    "addcmul": Mixed(y="a + value * b * c", da="g", db="g * c * value", dc="g * b * value", params=("value",), sample=(0.5,),
                     vector="a + value * b * c", doc="a + value * b * c"),
    "addcdiv": Mixed(y="a + value * b / c", da="g", db="g / c * value", dc="-g * value * (b / c) / c", params=("value",),
                     sample=(0.5,), vector="a + value * b / c", doc="a + value * b / c"),
    # Computed from the nearer end, so that weight 1 gives exactly b.
    "lerp_number": Binary(y=_LERP_NUMBER, da="g * (1 - weight)",
                          db="g * weight", params=("weight",), sample=(0.3,), vector=_LERP_NUMBER,
                          doc="a + weight * (b - a)"),
    "lerp": Mixed(y=_LERP, da="g * (1 - c)", db="g * c", dc="g * (b - a)",
                  vector=_LERP, doc="a + c * (b - a)"),
    # Trigonometry.
    "tan": Unary(y="tan(x)", dx="g * (1 + y * y)", domain=(-1.2, 1.2), vector="tan(x)", through=ONLY_SINGLE,
                 doc="tan(x), x in radians", shows="0., 1. -> 0.0000, 1.5574"),
    "asin": Unary(y="asin(x)", dx="g * rsqrt(1 - x * x)", domain=(-0.9, 0.9),
                  vector="asin(x)", through=DOUBLE, doc="the y from -pi/2 to pi/2 with sin(y) = x",
                  shows="0., 1. -> 0.0000, 1.5708"),
    "acos": Unary(y="acos(x)", dx="-g * rsqrt(1 - x * x)", domain=(-0.9, 0.9),
                  vector="acos(x)", through=DOUBLE, doc="the y from 0 to pi with cos(y) = x", shows="0., 1. -> 1.5708, 0.0000"),
    "atan": Unary(y="atan(x)", dx="g / (x * x + 1)",
                  vector="atan(x)", through=DOUBLE, doc="the y from -pi/2 to pi/2 with tan(y) = x",
                  shows="0., 1. -> 0.0000, 0.7854"),
    "sinh": Unary(y="sinh(x)", dx="g * cosh(x)", vector="sinh(x)", through=DOUBLE, doc="(e^x - e^-x) / 2",
                  shows="0., 1. -> 0.0000, 1.1752"),
    "cosh": Unary(y="cosh(x)", dx="g * sinh(x)", vector="cosh(x)", through=DOUBLE, doc="(e^x + e^-x) / 2",
                  shows="0., 1. -> 1.0000, 1.5431"),
    "asinh": Unary(y="asinh(x)", dx="g * rsqrt(x * x + 1)",
                   vector=f"copysign({_ASINH}, x)", through=DOUBLE, doc="log(x + sqrt(x^2 + 1))",
                   shows="0., 1. -> 0.0000, 0.8814"),
    "acosh": Unary(y="acosh(x)", dx="g * rsqrt(x * x - 1)", domain=(1.2, 3.0),
                   vector=_ACOSH, through=DOUBLE, doc="log(x + sqrt(x^2 - 1))", shows="1., 2. -> 0.0000, 1.3170"),
    "atanh": Unary(y="atanh(x)", dx="g / (1 - x * x)", domain=(-0.8, 0.8),
                   vector="copysign(0.5 * log1p(2 * abs(x) / (1 - abs(x))), x)", through=DOUBLE,
                   doc="log((1 + x) / (1 - x)) / 2", shows="0., 0.5 -> 0.0000, 0.5493"),
    "atan2": Binary(y="atan2(a, b)", da="where(a * a + b * b == 0, 0, g * b / (a * a + b * b))",
                    db="where(a * a + b * b == 0, 0, -g * a / (a * a + b * b))", domain=(0.3, 3.0),
                    vector="atan2(a, b)", through=DOUBLE,
                    doc="the angle of the point (b, a) from the origin, from -pi to pi",
                    shows="1., -1.; 1., -1. ->  0.7854, -2.3562"),
    "hypot": Binary(y="hypot(a, b)", da="g * (a / y)", db="g * (b / y)", domain=(0.3, 3.0), vector=_HYPOT, through=ONLY_SINGLE,
                    doc="sqrt(a^2 + b^2)",
                    shows="3., 1.; 4., 1. -> 5.0000, 1.4142"),
    # Special functions.
    "erfc": Unary(y="erfc(x)", dx=f"-g * {TWO_OVER_SQRT_PI} * exp(-(x * x))", vector="erfc(x)", through=ONLY_SINGLE,
                  doc="1 - erf(x), accurate where it is small",
                  shows="0., 5. -> 1.0000e+00, 1.5375e-12"),
    "erfinv": Unary(y="erfinv(x)", dx=f"g * {SQRT_PI_OVER_2} * exp(y * y)", domain=(-0.9, 0.9),
                    vector="erfinv(x)", through=ONLY_SINGLE, doc="the y with erf(y) = x", shows="0., 0.5 -> 0.0000, 0.4769"),
    "lgamma": Unary(y="lgamma(x)", dx="g * digamma(x)", domain=(0.3, 3.0), doc="the logarithm of |gamma(x)|",
                    shows="3., 0.5 -> 0.6931, 0.5724"),
    "digamma": Unary(y="digamma(x)", dx="g * polygamma(1, x)", domain=(60.0, 70.0), doc="the derivative of lgamma",
                     shows="1., 2. -> -0.5772, 0.4228"),
    "polygamma_n": Unary(y="polygamma_n(x, n)", dx="g * polygamma(n + 1, x)", params=("n",), sample=(2,), domain=(0.5, 3.0),
                         doc="the derivative of order n of digamma"),
    # Rounding, quotients and remainders.
    "frac": Unary(y="x - trunc(x)", dx="g", domain=(1.1, 1.9), vector="x - trunc(x)", doc="x - trunc(x), with the sign of x",
                  shows="1.5, -2.25 ->  0.5000, -0.2500"),
    "replace_nonfinite": Unary(y=_FINITE_OR, dx="where(x - x == 0, g, 0)", params=("nan", "posinf", "neginf"),
                               sample=(1.0, 2.0, 3.0), vector=_FINITE_OR,
                               doc="x with NaN replaced by nan, infinity by posinf and -infinity by neginf"),
    "floor": Unary(y="floor(x)", dx="0", kind=NUMBERS, domain=(0.1, 0.9),
                   vector="floor(x)", doc="the largest integer <= x", shows="1.5, -1.5 ->  1., -2."),
    "ceil": Unary(y="ceil(x)", dx="0", kind=NUMBERS, domain=(0.1, 0.9),
                  vector="ceil(x)", doc="the smallest integer >= x", shows="1.5, -1.5 ->  2., -1."),
    "trunc": Unary(y="trunc(x)", dx="0", kind=NUMBERS, domain=(1.1, 1.9), vector="trunc(x)", doc="x rounded towards 0",
                   shows="1.5, -1.5 ->  1., -1."),
    "round_half_even": Unary(y="round_half_even(x)", dx="0", kind=NUMBERS, domain=(0.6, 1.4), vector="round(x)",
                             doc="x rounded to the nearest integer, halves to the even one"),
    "fmod": Binary(y="fmod(a, b)", da="g", db="-g * trunc(a / b)", kind=NUMBERS, domain=(2.1, 2.9), domain_b=(1.1, 1.9),
                   vector="fmod(a, b)", through=DOUBLE,
                   doc="a - b * trunc(a / b): the remainder with the sign of a"),
    "remainder": Binary(y="remainder(a, b)", da="g", db="-g * div_floor(a, b)", kind=NUMBERS, domain=(-2.9, -2.1),
                        domain_b=(1.55, 1.95),
                        vector="remainder(a, b)", through=DOUBLE, doc="a - b * floor(a / b): the remainder with the sign of b"),
    "div_floor": Binary(y="div_floor(a, b)", da="0", db="0", kind=NUMBERS, domain=(-2.9, -2.1), domain_b=(1.55, 1.95),
                        vector="div_floor(a, b)", through=DOUBLE,
                        doc="a / b, rounded down"),
    "div_trunc": Binary(y="div_trunc(a, b)", da="0", db="0", kind=NUMBERS, domain=(2.1, 2.9), domain_b=(1.55, 1.95),
                        vector="trunc(a / b)",
                        doc="a / b, rounded towards 0"),
    "fmax": Binary(y="fmax(a, b)", da="where((a >= b) | (b != b), g, 0)", db="where((a >= b) | (b != b), 0, g)", kind=NUMBERS,
                   vector="where(b != b, a, where(a >= b, a, b))",
                   doc="the larger of a and b; if one is NaN, the other one", shows="1., float('nan'); 3., 4. -> 3., 4."),
    "fmin": Binary(y="fmin(a, b)", da="where((a <= b) | (b != b), g, 0)", db="where((a <= b) | (b != b), 0, g)", kind=NUMBERS,
                   vector="where(b != b, a, where(a <= b, a, b))",
                   doc="the smaller of a and b; if one is NaN, the other one",
                   shows="1., float('nan'); 3., 4. -> 1., 4."),
    "copysign": Binary(y="copysign(a, b)", da="where(a == 0, 0, g * sign(a) * copysign(1.0, b))", db="0",
                       domain=(0.2, 3.0), vector="copysign(a, b)", doc="|a| with the sign of b",
                       shows="1., -2.; -3., 3. -> -1., 2."),
    "nextafter": Binary(y="nextafter(a, b)", doc="the next float after a towards b", shows="1e6; 2e6 -> 1000000.0625"),
    "heaviside": Binary(y="heaviside(a, b)", kind=NUMBERS,
                        vector="where(a == 0, b, where(a > 0, 1, 0))", doc="0 where a < 0, b where a is 0, 1 where a > 0",
                        shows="-1., 0., 2.; 0.5 -> 0.0000, 0.5000, 1.0000"),
    # Classification.
    "isinf": Unary(y="isinf(x)", kind=BOOLS, vector="(x - x != 0) & (x == x)", doc="whether x is infinite",
                   shows="1., float('inf') -> False, True"),
    "isfinite": Unary(y="isfinite(x)", kind=BOOLS, vector="x - x == 0", doc="whether x is neither infinite nor NaN",
                      shows="1., float('inf') ->  True, False"),
    "isposinf": Unary(y="isposinf(x)", kind=BOOLS, vector="(x - x != 0) & (x > 0)", doc="whether x is +infinity",
                      shows="1., float('inf') -> False, True"),
    "isneginf": Unary(y="isneginf(x)", kind=BOOLS, vector="(x - x != 0) & (x < 0)", doc="whether x is -infinity",
                      shows="1., -float('inf') -> False, True"),
    "signbit": Unary(y="signbit(x)", kind=BOOLS, vector="copysign(1, x) < 0", doc="whether x is negative, or -0.",
                     shows="1., -0. -> False, True"),
    # Integers: bitwise operations, powers and divisors.
    "bitwise_and": Binary(y="bitwise_and(a, b)", **WHOLE, doc="a & b, bitwise; logical and for bools",
                          shows="12, 5; 10, 3 -> 8, 1"),
    "bitwise_or": Binary(y="bitwise_or(a, b)", **WHOLE, doc="a | b, bitwise; logical or for bools",
                         shows="12, 5; 10, 3 -> 14, 7"),
    "bitwise_xor": Binary(y="bitwise_xor(a, b)", **WHOLE, doc="a ^ b, bitwise; logical xor for bools",
                          shows="12, 5; 10, 3 -> 6, 6"),
    "bitwise_left_shift": Binary(y="bitwise_left_shift(a, b)", **WHOLE, domain_b=(0.0, 5.0), doc="a * 2^b, overflow dropped",
                                 shows="1, 3; 4, 1 -> 16, 6"),
    "bitwise_right_shift": Binary(y="bitwise_right_shift(a, b)", **WHOLE, domain_b=(0.0, 5.0), doc="a / 2^b, rounded down",
                                  shows="16, 7; 4, 1 -> 1, 3"),
    "pow_whole": Binary(y="pow_whole(a, b)", kind=INTEGERS, domain=(-5.0, 6.0), domain_b=(0.0, 5.0),
                        doc="a^b of integers, with wrap-around; for b < 0, 1 / a^-b rounded to 0"),
    "gcd": Binary(y="gcd(a, b)", **WHOLE, doc="the greatest common divisor of a and b", shows="12, 7; 18, 21 -> 6, 7"),
    "lcm": Binary(y="lcm(a, b)", **WHOLE, doc="the least common multiple of a and b", shows="12, 7; 18, 21 -> 36, 21"),
}

POINTWISE = VECTOR | SCALAR     # a row's number is its position in this order

INFINITY = inf
