"""create_graph=True gives a gradient with or without a graph exactly as torch, zeros included, and the same second derivatives:
over all samples of operations, functions and layers."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import OURS, THEIRS, ours, theirs, torch, with_torch
from samples.nn_samples import CALLS, LAYERS
from samples.op_samples import OPS

import tinygrad_c

pytestmark = [with_torch, pytest.mark.filterwarnings("ignore")]
SAMPLES = [(op, i) for op in OPS.values() if op.differentiable and op.in_torch for i in range(len(op.samples))]


def tensors(m, arrays):
    make = ours if m is tinygrad_c else theirs
    return [make(np.ascontiguousarray(a), a.dtype.kind == "f") for a in arrays]


def of_op(m, op, i):
    made = tensors(m, op.inputs(i, "float64"))
    return op.run(OURS if m is tinygrad_c else THEIRS, i, made), made


def of_call(m, call):
    arrays = call.arrays("float64")
    inputs = dict(zip(arrays, tensors(m, arrays.values())))
    out = eval(call.text, {"torch": m, "F": m.nn.functional, "np": np, **inputs})
    return out, list(inputs.values())


def of_layer(m, sample):
    m.manual_seed(0)
    layer = eval(sample.text, {"torch": m, "nn": m.nn}).double()
    rng = np.random.default_rng(3)
    with m.no_grad():
        for p in layer.parameters():
            p.copy_(m.tensor(rng.normal(size=tuple(p.shape)) * 0.5))
    inputs = tensors(m, sample.arrays("float64").values())
    return eval(sample.call, {"torch": m, "layer": layer, "inputs": inputs}), [*inputs, *layer.parameters()]


def flat(out):
    return [each for part in out for each in flat(part)] if isinstance(out, (tuple, list)) else [out]


def weighed(m, outputs):
    return sum((o * m.tensor(np.cos(1.0 + np.arange(o.numel())).reshape(tuple(o.shape)))).sum() for o in outputs)


def second(m, make, *sample) -> list:
    """Per leaf what its gradient is (None, with or without a graph), and per gradient with a graph its gradients again; or the
    class of what was raised on the way."""
    try:
        out, leaves = make(m, *sample)
        leaves = [x for x in leaves if x.requires_grad]
        out = [o for o in flat(out) if isinstance(o, m.Tensor) and o.requires_grad and o.dtype is m.float64]
        if not out or not leaves:
            return []
        first = m.autograd.grad(weighed(m, out), leaves, create_graph=True, allow_unused=True)
    except Exception as error:
        return [type(error).__name__]
    seen = [None if g is None else g.requires_grad for g in first]
    for g in first:
        if g is not None and g.requires_grad:
            try:
                again = m.autograd.grad(weighed(m, [g]), leaves, retain_graph=True, allow_unused=True)
                seen += [None if h is None else h.detach().numpy() for h in again]
            except RuntimeError:
                seen.append("RuntimeError")
    return seen


def compare(make, *sample) -> None:
    mine, its = second(tinygrad_c, make, *sample), second(torch, make, *sample)
    shown = [[each if not isinstance(each, np.ndarray) else "values" for each in seen] for seen in (mine, its)]
    assert shown[0] == shown[1], f"here {shown[0]}\ntorch {shown[1]}"
    for a, b in zip(mine, its):
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_of_operations(op, i):
    compare(of_op, op, i)


@pytest.mark.parametrize("call", CALLS, ids=[f"{call.text} {i}" for i, call in enumerate(CALLS)])
def test_of_functions(call):
    compare(of_call, call)


@pytest.mark.parametrize("sample", LAYERS, ids=[f"{sample.text} {i}" for i, sample in enumerate(LAYERS)])
def test_of_layers(sample):
    compare(of_layer, sample)
