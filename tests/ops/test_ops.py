"""Every op of op_samples.py: value, gradient, second gradient, dtypes, layouts, methods, in-place twins, errors.

Against torch where it is installed, against values recorded from it (golden/record.py) where it is not, and against
finite differences and NumPy in any case.
"""
from __future__ import annotations

import numpy as np
import pytest
from golden.record import GOLDEN, recorded
from samples.comparing import (
    LAYOUTS,
    OURS,
    THEIRS,
    array,
    assert_close,
    gradients,
    numeric_gradient,
    ours,
    theirs,
    torch,
    weighed,
    with_torch,
)
from samples.op_samples import CASES, OPS

import tinygrad_c

FLOATS = ["float32", "float64"]
INTEGERS = ["int64", "int32", "uint8", "bool"]
NOT_FOR_BOOL = {"matmul"}       # torch does these, in some shapes at least; here they raise
DIFFERENTIABLE = [(name, i) for name, i in CASES if OPS[name].differentiable]
cases = pytest.mark.parametrize(("name", "i"), CASES, ids=lambda x: str(x))
differentiable_cases = pytest.mark.parametrize(("name", "i"), DIFFERENTIABLE, ids=lambda x: str(x))


# ---- Against torch

@with_torch
@pytest.mark.parametrize("dtype", FLOATS)
@cases
def test_value_and_gradient_against_torch(name, i, dtype):
    op = OPS[name]
    arrays = op.inputs(i, dtype)
    expected = op.run(THEIRS, i, [theirs(x) for x in arrays])
    actual = op.run(OURS, i, [ours(x) for x in arrays])
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected):
        assert_close(a, b)
    if op.differentiable:
        for a, b in zip(gradients(OURS, ours, op, i, arrays), gradients(THEIRS, theirs, op, i, arrays)):
            assert (a is None) == (b is None)
            if a is not None:
                assert_close(a, b, scale=4)


@with_torch
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize(("name", "i"), [(name, i) for name, i in CASES if OPS[name].integers], ids=lambda x: str(x))
def test_integers_against_torch(name, i, dtype):
    op = OPS[name]
    arrays = op.inputs(i, dtype)
    try:
        expected = op.run(THEIRS, i, [theirs(x) for x in arrays])
    except (RuntimeError, NotImplementedError):
        return          # what torch does not have for this dtype
    if dtype in op.not_for:
        return
    tensors = [ours(x) for x in arrays]
    if dtype == "bool" and name in NOT_FOR_BOOL:
        with pytest.raises(RuntimeError, match="(?i)bool"):
            op.run(OURS, i, tensors)
        return
    for a, b in zip(op.run(OURS, i, tensors), expected, strict=True):
        assert_close(a, b)


# ---- Against recorded values

@pytest.mark.parametrize("key", GOLDEN, ids=str)
def test_value_and_gradient_against_recorded(key):
    name, i = key.rsplit("/", 1)
    op, i = OPS[name], int(i)
    arrays = op.inputs(i, "float64")
    expected_values, expected_gradients = recorded(key)
    for dtype in FLOATS:
        inputs = [x.astype(dtype) if x.dtype == np.float64 else x for x in arrays]
        for a, b in zip(op.run(OURS, i, [ours(x) for x in inputs]), expected_values, strict=True):
            assert_close(array(a), b.astype(a.dtype.name), scale=4)
        if op.differentiable:
            for a, b in zip(gradients(OURS, ours, op, i, inputs), expected_gradients, strict=True):
                if b is not None:
                    assert_close(array(a), b.astype(dtype), scale=16)


@with_torch
def test_recorded_values_are_complete():
    """A row whose op torch knows is in the file: run golden/record.py after adding one."""
    missing = [f"{name}/{i}" for name, i in CASES if OPS[name].in_torch and f"{name}/{i}" not in GOLDEN]
    assert not missing


# ---- Against finite differences, in float64

@differentiable_cases
def test_gradient_against_finite_differences(name, i):
    op = OPS[name]
    arrays = op.inputs(i, "float64")
    floating = op.wanted(i)

    def total(xs):
        with tinygrad_c.no_grad():
            return weighed(op.run(OURS, i, [ours(x) for x in xs]), ours).item()

    small = [x for x in floating if arrays[x].size <= 60]       # the large ones are compared with torch
    actual = gradients(OURS, ours, op, i, arrays)
    for k, expected in zip(small, numeric_gradient(total, arrays, small)):
        a = actual[floating.index(k)]
        np.testing.assert_allclose(np.zeros_like(expected) if a is None else array(a), expected, 1e-7, 1e-8)


@differentiable_cases
def test_second_gradient_against_finite_differences(name, i):
    """Of the gradient itself, once more weighed into a scalar."""
    op = OPS[name]
    arrays = op.inputs(i, "float64")
    floating = op.wanted(i)
    if sum(arrays[k].size for k in floating) > 60:
        return

    def total(xs, create_graph=False):
        found = [g for g in gradients_of(xs, create_graph) if g is not None]
        return weighed(found, ours)

    def gradients_of(xs, create_graph):
        inputs[:] = [ours(x, k in floating) for k, x in enumerate(xs)]
        out = weighed(op.run(OURS, i, inputs), ours)
        return tinygrad_c.autograd.grad(out, [inputs[k] for k in floating], allow_unused=True, create_graph=create_graph)

    inputs: list = []
    scalar = total(arrays, True)
    if scalar.requires_grad:
        actual = tinygrad_c.autograd.grad(scalar, [inputs[k] for k in floating], allow_unused=True)
    else:
        actual = [None] * len(floating)
    for a, expected in zip(actual, numeric_gradient(lambda xs: total(xs).item(), arrays, floating), strict=True):
        np.testing.assert_allclose(np.zeros_like(expected) if a is None else array(a), expected, 1e-6, 1e-7)


# ---- Layouts

@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in OPS if name != "view"])
def test_layouts_give_what_contiguous_gives(name, layout):
    op = OPS[name]
    for i in range(len(op.samples)):
        for dtype in FLOATS:
            words = f"{op.samples[i]} {dtype}"
            laid = [LAYOUTS[layout](x) for x in op.inputs(i, dtype)]
            plain = [np.array(x, order="C") for x in laid]
            for a, b in zip(op.run(OURS, i, [ours(x) for x in laid]), op.run(OURS, i, [ours(x) for x in plain]), strict=True):
                assert_close(a, b, words=words)
            if op.differentiable:
                for a, b in zip(gradients(OURS, ours, op, i, laid), gradients(OURS, ours, op, i, plain), strict=True):
                    assert (a is None) == (b is None)
                    if a is not None:
                        assert_close(a, b, words=words, scale=4)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].integers and name != "view"])
def test_layouts_of_integers(name, layout):
    op = OPS[name]
    for i in range(len(op.samples)):
        laid = [LAYOUTS[layout](x) for x in op.inputs(i, "int64")]
        for a, b in zip(op.run(OURS, i, [ours(x) for x in laid]),
                        op.run(OURS, i, [ours(np.array(x, order="C")) for x in laid])):
            assert_close(a, b)


# ---- Methods and in-place twins

@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].method])
def test_method_gives_what_the_function_gives(name):
    op = OPS[name]
    for i in range(len(op.samples)):
        inputs = [ours(x) for x in op.inputs(i, "float32")]
        for a, b in zip(op.run(OURS, i, inputs, op.method), op.run(OURS, i, inputs), strict=True):
            assert_close(a, b)


@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].inplace])
def test_in_place_gives_what_out_of_place_gives(name):
    op = OPS[name]
    for i in range(len(op.samples)):
        arrays = op.inputs(i, "float64")
        expected = op.run(OURS, i, [ours(x) for x in arrays])[0]
        target = ours(arrays[0].copy())
        others = [ours(x) for x in arrays[1:]]
        if expected.shape != target.shape:
            with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
                op.run(OURS, i, [target, *others], op.inplace)
            assert_close(array(target), arrays[0])
            continue
        version = target._version
        assert op.run(OURS, i, [target, *others], op.inplace)[0] is target
        assert target._version == version + 1
        assert_close(target, expected)
        for laid in (LAYOUTS["sliced"](arrays[0]), np.array(arrays[0], order="F")):
            op.run(OURS, i, [ours(laid), *[ours(x) for x in arrays[1:]]], op.inplace)
            assert_close(np.array(laid), array(expected))
        if op.differentiable:
            wanted = [ours(x, k in op.wanted(i)) for k, x in enumerate(arrays)]
            out = op.run(OURS, i, [wanted[0].clone(), *wanted[1:]], op.inplace)
            assert out[0].grad_fn is not None
            weighed(out, ours).backward()
            for x, g in zip([x for x in wanted if x.requires_grad], gradients(OURS, ours, op, i, arrays), strict=True):
                assert_close(x.grad, g)


# ---- Errors

@pytest.mark.parametrize(("name", "k"), [(name, k) for name in OPS for k in range(len(OPS[name].errors))])
def test_error(name, k):
    case = OPS[name].errors[k]
    with pytest.raises(case.error) as ours_raised:
        case.call(OURS)
    assert type(ours_raised.value) is case.error
    assert case.words in str(ours_raised.value)
    if torch is not None and case.same_in_torch:
        with pytest.raises(case.error):
            case.call(THEIRS)
