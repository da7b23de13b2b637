"""Methods that work number by number: functions, arithmetic, comparisons."""
from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_c.ops import elementwise

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

    def div(self, other) -> Tensor:
        """self / other"""
        return elementwise.div(self, other)

    def div_(self, other) -> Tensor:
        """div in place"""
        return elementwise.div_(self, other)

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
