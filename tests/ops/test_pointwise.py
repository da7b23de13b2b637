"""Elementwise functions at the edges of their domains, with every pair of dtypes, in place, and their errors, beside torch."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from samples.comparing import ours, theirs, torch, with_torch
from samples.op_samples import MADE_IN_TORCH, SPELLING

import tinygrad_c
from tinygrad_c import formulas

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -7.25, 0.1, 1e-30, -1e-30, 1e30, math.inf, -math.inf, math.nan]
SCALAR = {n: r for n, r in formulas.SCALAR.items() if n not in {*SPELLING, *MADE_IN_TORCH}}       # torch's functions too
UNARY = [n for n, r in SCALAR.items() if len(r.inputs) == 1 and not r.params]
BINARY = [n for n, r in SCALAR.items() if len(r.inputs) == 2 and r.kind != formulas.INTEGERS]
WHOLE = [n for n, r in SCALAR.items() if r.kind == formulas.INTEGERS]
DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


def same(actual, expected, digits: float) -> None:
    """The same shape, dtype and numbers; zeros of the same sign, too."""
    a, b = actual.detach().numpy(), expected.detach().numpy()
    assert a.dtype == b.dtype
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, digits, digits / 10)
        zero = (b == 0) & ~np.isnan(b)
        np.testing.assert_array_equal(np.signbit(a[zero]), np.signbit(b[zero]))
    else:
        np.testing.assert_array_equal(a, b)


def outcome(call) -> object:
    """What a call gives, or that it raises: torch's NotImplementedError is a RuntimeError too."""
    try:
        return call()
    except (RuntimeError, TypeError) as error:
        return "RuntimeError" if isinstance(error, RuntimeError) else "TypeError"


@with_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*UNARY, "round", "frac", "logit", "sinc", "nan_to_num", "sgn"])
def test_special_values(name, dtype):
    x = np.array(SPECIAL, dtype)
    same(getattr(tinygrad_c, name)(ours(x)), getattr(torch, name)(theirs(x)), 2e-6 if dtype == "float32" else 1e-14)


@with_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*BINARY, "floor_divide", "ldexp"])
def test_pairs_of_special_values(name, dtype):
    a, b = np.array(list(itertools.product(SPECIAL, SPECIAL)), dtype).T.copy()
    if dtype == "float32" and name in ("fmod", "remainder"):        # past a quotient of 2^100 torch's vectors give NaN
        with np.errstate(all="ignore"):
            kept = ~(np.isfinite(a) & (np.abs(a / b) > 1e30))
        a, b = a[kept], b[kept]
    same(getattr(tinygrad_c, name)(ours(a), ours(b)), getattr(torch, name)(theirs(a), theirs(b)),
         2e-6 if dtype == "float32" else 1e-14)


@with_torch
@pytest.mark.parametrize("mode", ["floor", "trunc"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounded_quotients_of_special_values(dtype, mode):
    a, b = np.array(list(itertools.product(SPECIAL, SPECIAL)), dtype).T.copy()
    same(tinygrad_c.div(ours(a), ours(b), rounding_mode=mode), torch.div(theirs(a), theirs(b), rounding_mode=mode), 0)


@with_torch
@pytest.mark.parametrize(("first", "second"), list(itertools.product(DTYPES, DTYPES)))
@pytest.mark.parametrize("name", [*[n for n in BINARY if n not in ("hypot", "logaddexp", "logaddexp2", "nextafter", "heaviside")],
                                  *WHOLE, "floor_divide", "logical_and", "logical_xor"])
def test_dtypes_of_pairs(name, first, second):
    """Results have torch's dtype, with tensors and with 0-d tensors; what torch refuses is refused."""
    a, b = np.array([7, 3, 1]).astype(first), np.array([2, 1, 5]).astype(second)
    for x, y in ((a, b), (a, b[1]), (a[1], b), (a[1], b[1])):
        x, y = np.array(x), np.array(y)
        expected = outcome(lambda: getattr(torch, name)(theirs(x), theirs(y)))
        actual = outcome(lambda: getattr(tinygrad_c, name)(ours(x), ours(y)))
        if isinstance(expected, str) or isinstance(actual, str):
            assert actual == expected
        else:
            same(actual, expected, 1e-6)


@with_torch
@pytest.mark.parametrize("number", [True, 3, -2, 2.5])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operator", ["%", "//", "&", "|", "^", "<<", ">>"])
def test_operators_with_numbers(operator, dtype, number):
    x = np.array([7, 3, 1]).astype(dtype)
    for code in (f"x {operator} number", f"number {operator} x"):
        expected = outcome(lambda: eval(code, {"x": theirs(x), "number": number}))
        actual = outcome(lambda: eval(code, {"x": ours(x), "number": number}))
        if isinstance(expected, str) or isinstance(actual, str):
            assert actual == expected, code
        else:
            same(actual, expected, 1e-6)


def test_the_smallest_integer_divided_by_minus_one():
    """The processor stops the process there, torch's rounding_mode="trunc" with it; the quotient wraps around."""
    for dtype, smallest in ((tinygrad_c.int64, -2**63), (tinygrad_c.int32, -2**31)):
        x = tinygrad_c.tensor([smallest, 6], dtype=dtype)
        assert (x // -1).tolist() == [smallest, -6]
        assert tinygrad_c.div(x, -1, rounding_mode="trunc").tolist() == [smallest, -6]
        assert (x % -1).tolist() == tinygrad_c.fmod(x, -1).tolist() == [0, 0]
        assert tinygrad_c.gcd(x, tinygrad_c.full_like(x, -1)).tolist() == [1, 1]


@pytest.mark.parametrize("operator", ["%=", "//=", "&=", "|=", "^=", "<<=", ">>="])
def test_operators_in_place(operator):
    x = kept = tinygrad_c.tensor([7, 12, -5])
    expected = eval(f"x {operator[:-1]} 3")
    names = {"x": x}
    exec(f"x {operator} 3", names)
    assert names["x"] is kept
    assert kept.tolist() == expected.tolist()


def test_comparisons_in_place_keep_the_dtype():
    x = tinygrad_c.tensor([1.0, 2.0, 3.0])
    assert x.lt_(2.5) is x
    assert x.tolist() == [1.0, 1.0, 0.0]
    assert tinygrad_c.tensor([0, 3]).logical_not_().tolist() == [1, 0]


def test_in_place_twins_of_composed_functions_give_gradients():
    """What the function keeps of its input is a copy: the input is overwritten."""
    for call, derivative in ((lambda x: x.addcmul_(x, x), lambda v: 1 + 2 * v), (lambda x: x.lerp_(x * x, 0.25), lambda v: 0.75 + 0.5 * v),
                             (lambda x: x.frac_(), lambda v: 1.0), (lambda x: x.sinc_(), lambda v: (
                                 math.cos(math.pi * v) / v - math.sin(math.pi * v) / (math.pi * v * v)))):
        leaf = tinygrad_c.tensor([0.3, 0.7], dtype=tinygrad_c.float64, requires_grad=True)
        x = leaf * 1
        try:
            out = call(x)
            out.sum().backward()
        except RuntimeError as error:       # x is an argument twice: overwritten while the other one needs it
            assert "modified by an inplace operation" in str(error)
            continue
        np.testing.assert_allclose(leaf.grad.numpy(), [derivative(0.3), derivative(0.7)], 1e-12)
    leaf = tinygrad_c.tensor([0.3], requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        leaf.lerp_(leaf, 0.5)
    whole = tinygrad_c.tensor([1, 2])
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        whole.deg2rad_()
    assert whole.tolist() == [1, 2]


def test_closed_forms():
    """Without torch: Python's own functions."""
    x = [-0.75, -0.1, 0.3, 0.9]
    t = tinygrad_c.tensor(x, dtype=tinygrad_c.float64)
    for name in ("asin", "acos", "atan", "sinh", "cosh", "asinh", "atanh", "erfc", "floor", "ceil", "trunc"):
        np.testing.assert_allclose(getattr(t, name)().numpy(), [getattr(math, name)(v) for v in x], 1e-15)
    np.testing.assert_allclose(tinygrad_c.erf(t.erfinv()).numpy(), x, 1e-15)
    np.testing.assert_allclose(tinygrad_c.sigmoid(t.abs().logit()).numpy(), np.abs(x), 1e-14)
    assert tinygrad_c.digamma(tinygrad_c.tensor(1.0, dtype=tinygrad_c.float64)).item() == pytest.approx(-0.5772156649015329, 1e-15)
    assert tinygrad_c.polygamma(1, tinygrad_c.tensor(1.0, dtype=tinygrad_c.float64)).item() == pytest.approx(math.pi**2 / 6, 1e-15)
    assert tinygrad_c.rad2deg(tinygrad_c.tensor([math.pi])).item() == 180.0
    assert math.isclose(tinygrad_c.tensor([180.0]).deg2rad_().item(), math.pi, rel_tol=1e-7)
    assert tinygrad_c.tensor([3.0], dtype=tinygrad_c.float64).float_power_(2).item() == 9.0
    assert tinygrad_c.tensor([3]).float_power(2).dtype is tinygrad_c.float64


def test_gradients_at_the_edges():
    x = tinygrad_c.tensor([0.0, 1e-45, 1e-25, 0.5], requires_grad=True)
    tinygrad_c.sinc(x).sum().backward()
    assert x.grad[:3].tolist() == [0.0, 0.0, 0.0]
    x = tinygrad_c.tensor([0.0, math.nan, math.inf, 2.0], requires_grad=True)
    tinygrad_c.nan_to_num(x).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0, 1.0]
    a, b = (tinygrad_c.tensor([0.0], requires_grad=True) for _ in range(2))
    tinygrad_c.xlogy(a, b).sum().backward()
    assert a.grad.item() == 0.0


@with_torch
@pytest.mark.parametrize("code", [
    "m.tensor([3, -7, 2, -2, 0, 1, -1]) ** m.tensor([39, 21, 63, 63, 0, -3, -3])", "2 ** m.tensor([0, 10, 62], dtype=m.int64)",
    "m.tensor([2, 3], dtype=m.int32) ** m.tensor([30, 2])", "m.tensor([7], dtype=m.uint8) ** m.tensor([3], dtype=m.uint8)",
    "m.tensor([True, False]) + True", "m.tensor([True, False]) * False", "m.tensor([True]) + 1", "m.add(m.tensor([True]), m.tensor([True]), alpha=False)",
    "m.sign(m.tensor([True, False]))", "m.square(m.tensor([True, False]))", "m.logit(m.tensor([True, False]))",
    "m.arange(0.0, -8.000001, -4.0, dtype=m.int64)", "m.arange(-0.9, 2.1, 2.0, dtype=m.int64)", "m.arange(1.0, 5.000001, 2.0, dtype=m.int32)",
    "m.linspace(0, 1, 50, dtype=m.int64)", "m.linspace(4.3, -3, 50, dtype=m.int32)", "m.linspace(0, 4, 50, dtype=m.uint8)",
    "m.logspace(0, 1.2, 4, dtype=m.int64)", "m.logspace(0, 1.2, 2, 5.0, dtype=m.int64)",
])
def test_whole_numbers_as_torch(code):
    same(eval(code, {"m": tinygrad_c}), eval(code, {"m": torch}), 0)
