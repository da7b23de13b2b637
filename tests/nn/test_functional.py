"""nn.functional: every call of nn_samples.CALLS against PyTorch, against finite differences, and in other memory layouts."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import LAYOUTS, assert_close, both, ours, theirs, torch, weighed, with_torch
from samples.nn_samples import CALLS

import tinygrad_c as tg

calls = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.text} {[x.shape for x in call.inputs.values()]}")


def flat(results) -> list:
    """The tensors of nested tuples, in order."""
    if isinstance(results, (tuple, list)):
        return [tensor for each in results for tensor in flat(each)]
    return [] if results is None else [results]


def run(engine, call, arrays: dict[str, np.ndarray], grad: bool = True):
    """The call's results, and the inputs that can have gradients."""
    make = ours if engine is tg else theirs
    tensors = {name: make(array, grad and not call.inputs[name].fixed) for name, array in arrays.items()}
    names = {"F": engine.nn.functional, "nn": engine.nn, "torch": engine, **tensors}
    return flat(eval(call.text, names)), [each for each in tensors.values() if each.requires_grad]


def gradients(engine, results: list, inputs: list, create_graph: bool = False) -> list:
    total = weighed(results, ours if engine is tg else theirs)
    if total is None or not total.requires_grad or not inputs:
        return [None] * len(inputs)
    return list(engine.autograd.grad(total, inputs, allow_unused=True, create_graph=create_graph))


def second_gradients(engine, first: list, inputs: list) -> list | None:
    """None where PyTorch has no second derivative."""
    try:
        return gradients(engine, present(first), inputs)
    except RuntimeError as error:
        if engine is tg or "derivative for" not in str(error):
            raise
        return None


def present(tensors: list) -> list:
    return [each for each in tensors if each is not None]


@with_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@calls
def test_as_torch(call, dtype):
    found = {}
    for engine in (tg, torch):
        results, inputs = run(engine, call, call.arrays(dtype))
        first = gradients(engine, results, inputs, create_graph=not call.once)
        second = [] if call.once else second_gradients(engine, first, inputs)
        found[engine] = results, first, second
    for mine, its, scale in zip(found[tg], found[torch], (2, 8, 40)):
        if its is None:
            continue
        assert len(mine) == len(its)
        for a, b in zip(mine, its):
            if a is None or b is None:      # where nothing flows, torch may say None or zeros
                assert all(each is None or not each.any() for each in (a, b))
            else:
                assert_close(a, b, scale=scale * call.scale)


def total_of(call, arrays) -> float:
    with tg.no_grad():
        total = weighed(run(tg, call, arrays, grad=False)[0], ours)
    return 0.0 if total is None else total.item()


@calls
def test_gradient_along_a_line(call):
    """The gradient times a direction is the derivative along it: of the result, and of a sum of the gradient's elements."""
    arrays = call.arrays("float64")
    results, inputs = run(tg, call, arrays)
    if not inputs or call.other_slope:
        return
    rng = np.random.default_rng(1)
    wanted = [name for name in arrays if not call.inputs[name].fixed]
    along = {name: rng.standard_normal(arrays[name].shape) for name in wanted}

    def at(step: float) -> dict[str, np.ndarray]:
        return {name: array + step * along[name] if name in along else array for name, array in arrays.items()}

    def slope(gradient: list) -> float:
        return sum(float((g.detach().numpy() * along[name]).sum()) for name, g in zip(wanted, gradient) if g is not None)

    step = 1e-6
    expected = (total_of(call, at(step)) - total_of(call, at(-step))) / (2 * step)
    assert slope(gradients(tg, results, inputs)) == pytest.approx(expected, rel=2e-6, abs=1e-7)
    if call.once:
        return

    def gradient_total(step: float):
        results, inputs = run(tg, call, at(step))
        first = present(gradients(tg, results, inputs, create_graph=True))
        return weighed(first, ours) if first else None, inputs

    total, inputs = gradient_total(0.0)
    if total is not None and total.requires_grad:
        second = tg.autograd.grad(total, inputs, allow_unused=True)
        expected = (gradient_total(step)[0].item() - gradient_total(-step)[0].item()) / (2 * step)
        assert slope(second) == pytest.approx(expected, rel=5e-6, abs=1e-6)


@pytest.mark.parametrize("layout", ["transposed", "sliced"])
@calls
def test_layouts(call, layout):
    arrays = call.arrays("float64")
    expected, inputs = run(tg, call, arrays)
    laid, laid_inputs = run(tg, call, {name: LAYOUTS[layout](array) for name, array in arrays.items()})
    for a, b in zip([*laid, *gradients(tg, laid, laid_inputs)], [*expected, *gradients(tg, expected, inputs)], strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert_close(a, b, scale=40)


@both
def test_hardshrink_hands_nan_on(torch):
    x = torch.tensor([float("nan"), 0.5, -2.0], requires_grad=True)
    y = torch.nn.functional.hardshrink(x)
    assert y[0] != y[0]
    assert y[1:].tolist() == [0, -2]
    y.sum().backward()
    assert x.grad.tolist() == [1, 0, 1]
