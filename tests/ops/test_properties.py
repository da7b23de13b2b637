"""Every row of the table of derivatives, on tensors of any shape, strides, dtype and broadcasting, against NumPy in float64.

The row's expression is evaluated with NumPy functions, which share no code with the kernels; derivatives are difference
quotients of it. TINYGRAD_C_EXAMPLES=n tries n inputs (make properties), 200 if it is not set.
"""
from __future__ import annotations

import math
import os

import numpy as np
import pytest

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from samples.op_samples import spelled  # noqa: E402

import tinygrad_c  # noqa: E402
from tinygrad_c.formulas import BOOLS, NUMBERS, POINTWISE, Mixed, Ternary, Unary  # noqa: E402

EXAMPLES = int(os.environ.get("TINYGRAD_C_EXAMPLES", "200"))
settings.register_profile("own", max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 200, database=None,
                          suppress_health_check=list(hypothesis.HealthCheck))
settings.load_profile("own")


def special(name: str):
    """A NumPy function of a name that the expressions call."""
    if name == "erf":
        return np.vectorize(math.erf, otypes=[float])
    if name == "digamma":
        h = 1e-4
        return lambda x: (special("lgamma")(x + h) - special("lgamma")(x - h)) / (2 * h)
    if name == "erfc":
        return np.vectorize(math.erfc, otypes=[float])
    if name == "xlogy":
        return lambda x, y: np.where(x == 0, 0.0, x * np.log(y))
    if name in ("lgamma", "gamma"):
        return np.vectorize(lambda x: getattr(math, name)(x) if x > 0 or x % 1 else math.inf, otypes=[float])
    return {
        "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))),
        "softplus1": lambda x: np.logaddexp(0, x), "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh,
        "cosh": np.cosh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "atan2": np.arctan2, "pow": np.power,
        "round": np.round, "round_half_even": np.round, "isfinite": np.isfinite, "abs": np.abs,
    }.get(name) or getattr(np, name)


class Functions(dict):
    def __missing__(self, name: str):
        try:
            return special(name)
        except AttributeError:
            if name in POINTWISE and isinstance(POINTWISE[name], Unary) and f"{name}(" not in POINTWISE[name].y:
                return lambda x, *numbers: value(name, [np.asarray(x, float)], numbers)
            raise KeyError(name) from None


def value(name: str, inputs: list[np.ndarray], numbers: tuple = ()) -> np.ndarray:
    """The row's own expression, in float64."""
    row = POINTWISE[name]
    names = Functions(zip(row.inputs, inputs)) | dict(zip(row.params, numbers))
    with np.errstate(all="ignore"):
        return np.asarray(eval(row.y, {"__builtins__": {}}, Functions(names)))


def rows() -> list[str]:
    """Rows whose expression NumPy can evaluate as it stands."""
    found = []
    for name, row in POINTWISE.items():
        if isinstance(row, Mixed):
            continue        # their samples are in samples_pointwise.py
        if name == "digamma":
            continue        # what stands for it here is not exact enough
        try:
            value(name, [np.ones(1, bool) if n == "condition" else np.full(1, 0.7) for n in row.inputs], row.sample)
            found.append(name)
        except Exception:
            continue
    return found


ROWS = rows()


def call(name: str, tensors: list, numbers: tuple):
    from samples.comparing import OURS
    return spelled(name)(OURS, *tensors, *numbers)


SHAPES = st.lists(st.sampled_from([0, 1, 1, 2, 3, 5, 17]), max_size=4).map(tuple)


@st.composite
def operands(draw):
    """(name, arrays of any strides, dtype): shapes broadcast together."""
    name = draw(st.sampled_from(ROWS))
    row = POINTWISE[name]
    dtype = draw(st.sampled_from(["float32", "float64", *(["int64", "int32"] if row.kind == NUMBERS else [])]))
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrays = []
    for k, kind in enumerate(row.inputs):
        own = tuple(n if draw(st.booleans()) or n == 0 else 1 for n in shape)[draw(st.integers(0, len(shape))) if k else 0:]
        low, high = (row.domain_b or row.domain) if kind == "b" else row.domain
        low, high = (low, high) if draw(st.booleans()) or dtype.startswith("int") else (max(low, -0.4), min(high, 30.0))
        low, high = min(low, high), max(low, high)
        big = tuple(2 * n for n in own)
        array = (rng.random(big) * (high - low) + low)
        array = array > (low + high) / 2 if kind == "condition" else array.astype(dtype)
        array = array[tuple(slice(draw(st.integers(0, 1)), 2 * n, 2) if n else slice(0, 0) for n in own)]
        if draw(st.booleans()):
            array = np.ascontiguousarray(array)
        elif draw(st.booleans()) and array.ndim > 1:
            array = np.ascontiguousarray(array.T).T
        arrays.append(array)
    return name, arrays, dtype


@given(operands())
def test_values(sample):
    name, arrays, dtype = sample
    row = POINTWISE[name]
    numbers = tuple(int(n) if dtype.startswith("int") else n for n in row.sample)
    result = call(name, [tinygrad_c.from_numpy(a) for a in arrays], numbers)
    expected = value(name, [a if a.dtype == bool else a.astype(np.float64) for a in arrays], numbers)
    expected = np.broadcast_to(expected, np.broadcast_shapes(*[a.shape for a in arrays]))
    found = result.numpy()
    assert found.shape == expected.shape
    if row.kind == BOOLS or found.dtype == bool:
        np.testing.assert_array_equal(found, expected.astype(bool))
        return
    if found.dtype.kind in "iu":
        np.testing.assert_array_equal(found, expected.astype(found.dtype))
        return
    rtol = 5e-6 if found.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(found, expected, rtol, rtol, err_msg=f"{name} {[(a.shape, a.strides) for a in arrays]}")


# ---- Derivatives over the whole line, on both sides of every bend

POINTS = np.array([-3.7, -2.6, -1.9, -1.3, -0.93, -0.55, -0.21, -0.07, -0.004, 0.004, 0.06, 0.19, 0.43, 0.81, 1.15, 1.7, 2.4, 3.3, 20.7])


def probes(name: str) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """Inputs, and for each the difference quotient of the value; NaN where the row is not defined or bends."""
    row = POINTWISE[name]
    if len(row.inputs) == 1:
        inputs = [POINTS.copy()]
    else:
        a, b = (x.ravel().copy() for x in np.meshgrid(POINTS[2:-1], POINTS[2:-1] + 0.01))
        inputs = [a, b] if not isinstance(row, Ternary) else [a > b, a, b]
    quotients = []
    for k, derivative in enumerate(row.derivatives):
        if derivative is None:
            quotients.append(None)
            continue
        slopes = []
        for h in (1e-4, 5e-5):
            ends = [value(name, [x + s * h if j == k else x for j, x in enumerate(inputs)], row.sample) for s in (2, 1, -1, -2)]
            slopes.append((8 * (ends[1] - ends[2]) - (ends[0] - ends[3])) / (12 * h))
        with np.errstate(all="ignore"):
            smooth = np.isfinite(slopes[0]) & (np.abs(slopes[0] - slopes[1]) <= 1e-7 * (1 + np.abs(slopes[1])))
        quotients.append(np.where(smooth, slopes[1], np.nan))
    return inputs, quotients


N = float("nan")
# At a bend or a pole, what the table says: (row, inputs, numbers, derivative by each input). NaN: anything.
EDGES = [
    ("abs", [[0.0]], (), [[0.0]]), ("relu", [[0.0, -0.0]], (), [[0.0, 0.0]]),
    ("leaky_relu", [[0.0]], (0.25,), [[0.25]]), ("elu", [[0.0]], (1.5,), [[1.5]]), ("selu", [[0.0]], (), [[1.7580993408473766]]),
    ("softplus", [[20.0, 21.0]], (0.5, 10.0), [[0.9999546021312976, 1.0]]), ("softplus", [[9.0, 41.0]], (2.0, 20.0), [[1 / (1 + math.exp(-18.0)), 1.0]]),
    ("clamp", [[-1.0, 1.5, -1.01, 1.51]], (-1.0, 1.5), [[1.0, 1.0, 0.0, 0.0]]),
    ("maximum", [[1.0, 0.0], [1.0, 0.0]], (), [[0.5, 0.5], [0.5, 0.5]]),
    ("minimum", [[1.0, 0.0], [1.0, 0.0]], (), [[0.5, 0.5], [0.5, 0.5]]),
    ("pow_number", [[0.0, 2.0, -3.0]], (0,), [[0.0, 0.0, 0.0]]), ("pow_number", [[0.0, 2.0]], (2,), [[0.0, 4.0]]),
    ("pow_number", [[2.0]], (0.01,), [[0.01 * 2.0 ** -0.99]]),
    ("rpow_number", [[0.0, 2.0, 0.004]], (0.0,), [[0.0, 0.0, 0.0]]), ("rpow_number", [[3.0]], (0.01,), [[1e-6 * math.log(0.01)]]),
    ("pow", [[0.0, 0.0, 2.0, 0.01, 0.0, 2.0], [0.0, 2.0, 0.0, 2.0, 0.004, 0.01]], (),
     [[0.0, 0.0, 0.0, 0.02, N, 0.01 * 2.0 ** -0.99], [0.0, 0.0, math.log(2.0), 1e-4 * math.log(0.01), 0.0, 2.0 ** 0.01 * math.log(2.0)]]),
    ("xlogy", [[0.0, 0.0, 0.01, 0.0, 1.0], [0.0, 0.004, 0.3, 2.0, 0.3]], (),
     [[0.0, math.log(0.004), math.log(0.3), math.log(2.0), math.log(0.3)], [N, 0.0, 0.01 / 0.3, 0.0, 1 / 0.3]]),
    ("hardsigmoid", [[-3.01, 3.01, -2.99, 2.99]], (), [[0.0, 0.0, 1 / 6, 1 / 6]]),
    ("hardswish", [[-3.01, 3.01, -2.99, 2.99]], (), [[0.0, 1.0, -2.99 / 3 + 0.5, 2.99 / 3 + 0.5]]),
    ("atan2", [[0.0, 0.0, 0.5, 1e-200, 2.0], [0.0, 0.5, 0.0, 1e-200, -2.0]], (),
     [[0.0, 2.0, 0.0, 0.0, -0.25], [0.0, 0.0, -2.0, 0.0, -0.25]]),
    ("median", [[0.0, 1.0, 0.0, 3.0, -2.0, 0.0]], (), [[1 / 3, 0.0, 1 / 3, 0.0, 0.0, 1 / 3]]),
    ("nanmedian", [[2.0, N, 0.0, 2.0]], (), [[0.5, 0.0, 0.0, 0.5]]),
    ("copysign", [[0.0, 0.01, -0.01], [1.0, -1.0, -1.0]], (), [[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]]),
]


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge[0])
def test_derivatives_at_bends_and_poles(edge):
    name, inputs, numbers, expected = edge
    for create_graph in (False, True):
        tensors = [tinygrad_c.tensor(x, dtype=tinygrad_c.float64, requires_grad=True) for x in inputs]
        out = call(name, tensors, numbers)
        found = tinygrad_c.autograd.grad((out * 1.7).sum(), tensors, create_graph=create_graph, allow_unused=True)
        for g, e in zip(found, np.array(expected) * 1.7):
            known = ~np.isnan(e)
            values = np.zeros(len(e)) if g is None else g.detach().numpy()
            np.testing.assert_allclose(values[known], e[known], 1e-12, 1e-15, err_msg=name)


@pytest.mark.parametrize("name", [name for name in ROWS if any(d is not None for d in POINTWISE[name].derivatives)])
def test_derivatives_on_both_sides_of_every_bend(name):
    """Where a sample's domain is one side of it, this is the other."""
    row = POINTWISE[name]
    inputs, quotients = probes(name)
    for k, expected in enumerate(quotients):
        if expected is None:
            continue
        tensors = [tinygrad_c.from_numpy(x) for x in inputs]
        tensors[k] = tensors[k].detach().requires_grad_()
        for create_graph in (False, True):      # the fused kernel, and the same expression on tensors
            (found,) = tinygrad_c.autograd.grad(call(name, tensors, row.sample).sum(), tensors[k], create_graph=create_graph)
            known = ~np.isnan(expected)
            assert known.sum() >= 3
            np.testing.assert_allclose(found.detach().numpy()[known], expected[known], 2e-6, 2e-6, err_msg=f"{name}, input {k}")
