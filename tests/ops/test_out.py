"""out=: the result goes into a tensor that is there; what torch refuses is refused, and nothing is written then."""
from __future__ import annotations

import warnings

import numpy as np
import pytest
from samples.comparing import torch
from samples.op_samples import FUNCTIONS_ONLY, MADE_IN_TORCH, SPELLING

import tinygrad_c
from tinygrad_c import formulas

CALLS = {
    "add": "m.add(x, y, alpha=2", "sub": "m.sub(x, 1", "mul": "m.mul(x, y", "div": "m.div(x, y", "pow": "m.pow(x, 2",
    "maximum": "m.maximum(x, y", "clamp": "m.clamp(x, min=0", "where": "m.where(x > 0, x, y", "eq": "m.eq(x, y", "lt": "m.lt(x, 0",
    "remainder": "m.remainder(x, 2", "floor_divide": "m.floor_divide(x, 2", "atan2": "m.atan2(x, y", "lerp": "m.lerp(x, y, 0.5",
    "addcmul": "m.addcmul(x, y, y", "logical_and": "m.logical_and(x, y", "round": "m.round(x", "logit": "m.logit(x, 0.1",
    "matmul": "m.matmul(x, y.t()", "mm": "m.mm(x, y.t()", "bmm": "m.bmm(x[None], y.t()[None]", "mv": "m.mv(x, y[0]",
    "dot": "m.dot(x[0], y[0]", "addmm": "m.addmm(x @ y.t(), x, y.t()", "outer": "m.outer(x[0], y[0]",
    "sum": "m.sum(x, 1", "mean": "m.mean(x, 0", "prod": "m.prod(x, 1", "all": "m.all(x > 0, 1", "any": "m.any(x > 0",
    "amax": "m.amax(x, 1", "argmax": "m.argmax(x, 1", "var": "m.var(x, 1", "std": "m.std(x, 1", "norm": "m.norm(x, dim=1",
    "cumsum": "m.cumsum(x, 1", "cumprod": "m.cumprod(x, 1", "logsumexp": "m.logsumexp(x, 1",
    "cat": "m.cat([x, y]", "stack": "m.stack([x, y]", "hstack": "m.hstack([x, y]", "tril": "m.tril(x",
    "gather": "m.gather(x, 1, m.zeros(2, 2, dtype=m.int64)", "index_select": "m.index_select(x, 1, m.tensor([0, 2])",
    "masked_select": "m.masked_select(x, x > 0", "zeros": "m.zeros(2, 3", "ones": "m.ones((2, 3)", "full": "m.full((2, 3), 1.5",
    "arange": "m.arange(5", "linspace": "m.linspace(0, 1, 5", "eye": "m.eye(3", "logspace": "m.logspace(0, 1, 3",
    "softmax": "m.softmax(x, 1", "log_softmax": "m.log_softmax(x, 1", "nonzero": "m.nonzero(x", "tensordot": "m.tensordot(x, y.t(), 1",
    "scatter": "m.scatter(x, 0, m.tensor([[1]]), y", "scatter_add": "m.scatter_add(x, 0, m.tensor([[1]]), y", "msort": "m.msort(x",
    "index_add": "m.index_add(x, 0, m.tensor([1, 1]), y", "take_along_dim": "m.take_along_dim(x, m.tensor([[1], [0]]), 1",
    "scatter_reduce": "m.scatter_reduce(x, 0, m.tensor([[1]]), y, 'amax'", "histc": "m.histc(x, 3", "isin": "m.isin(x, y[0]",
    "slice_scatter": "m.slice_scatter(x, y[:, :1], 1, 0, 1", "inv": "m.linalg.inv(x[:, :2]", "det": "m.linalg.det(x[:, :2]",
    "solve": "m.linalg.solve(x[:, :2], y", "linalg.norm": "m.linalg.norm(x", "vecdot": "m.linalg.vecdot(x, y",
    "svdvals": "m.linalg.svdvals(x", "pinv": "m.linalg.pinv(x", "cross": "m.linalg.cross(x, y", "entr": "m.special.entr(x",
    "randint": "m.randint(0, 1, (3,)", "randperm": "m.randperm(1", "bernoulli": "m.bernoulli(x * 0",
    "multinomial": "m.multinomial(m.tensor([0.0, 1.0]), 1", "normal": "m.normal(0.0, 0.0, (3,)",
    "linear": "m.nn.functional.linear(x, y", "gelu": "m.nn.functional.gelu(x", "softplus": "m.nn.functional.softplus(x",
    "hardshrink": "m.nn.functional.hardshrink(x", "avg_pool2d": "m.nn.functional.avg_pool2d(x[None], 2",
    **{name: f"m.{name}(x" for name, row in formulas.POINTWISE.items() if len(row.inputs) == 1 and not row.params
       and name not in {*SPELLING, *MADE_IN_TORCH, *FUNCTIONS_ONLY, "relu", "isnan", "isinf", "isfinite"}},
}


def inputs(m) -> dict:
    rng = np.random.default_rng(0)
    x, y = (m.from_numpy(rng.random((2, 3)) * 0.8 + 0.1) for _ in range(2))
    return {"m": m, "x": x, "y": y}


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("name", CALLS)
def test_results_go_into_out(name):
    expected = eval(CALLS[name] + ")", inputs(torch))
    for size in (tuple(expected.shape), (0,)):
        kind = str(expected.dtype).removeprefix("torch.")
        theirs = torch.empty(size, dtype=expected.dtype)
        eval(CALLS[name] + ", out=out)", {**inputs(torch), "out": theirs})
        ours = tinygrad_c.empty(size, dtype=getattr(tinygrad_c, kind))
        version = ours._version
        assert eval(CALLS[name] + ", out=out)", {**inputs(tinygrad_c), "out": ours}) is ours
        assert ours._version > version
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_out_holds_what_the_function_gives(name):
    expected = eval(CALLS[name] + ")", inputs(tinygrad_c))
    out = tinygrad_c.empty(0, dtype=expected.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eval(CALLS[name] + ", out=out)", {**inputs(tinygrad_c), "out": out})
    assert out.shape == expected.shape
    np.testing.assert_array_equal(out.numpy(), expected.numpy())


def test_several_results():
    x = tinygrad_c.tensor([[3.0, 1.0], [2.0, 5.0]])
    for call in (tinygrad_c.max, tinygrad_c.sort, tinygrad_c.cummax):
        values, indices = tinygrad_c.empty(0), tinygrad_c.empty(0, dtype=tinygrad_c.int64)
        found = call(x, 1, out=(values, indices))
        assert found[0] is values
        assert found.indices is indices
        assert values.tolist() == call(x, 1).values.tolist()
        assert indices.tolist() == call(x, 1).indices.tolist()
    with pytest.raises(TypeError, match="must be tuple of 2 Tensors"):
        tinygrad_c.max(x, 1, out=x)


def test_an_input_may_be_the_output():
    x = tinygrad_c.tensor([1.0, 2.0])
    address = x.data_ptr()
    tinygrad_c.add(x, x, out=x)
    tinygrad_c.exp(x, out=x)
    np.testing.assert_allclose(x.numpy(), np.exp([2.0, 4.0]), 1e-6)
    assert x.data_ptr() == address
    wide = tinygrad_c.zeros(2, 4)
    tinygrad_c.mul(x, 0, out=wide[0, ::2])
    tinygrad_c.add(tinygrad_c.ones(2), 1, out=wide[1, 1::2])
    assert wide.tolist() == [[0, 0, 0, 0], [0, 2, 0, 2]]


def test_refused():
    x, kept = tinygrad_c.tensor([1.0, 2.0], requires_grad=True), tinygrad_c.tensor([7.0, 8.0])
    for call in (lambda out: tinygrad_c.exp(x, out=out), lambda out: tinygrad_c.add(x, 1, out=out), lambda out: tinygrad_c.sum(x, out=out),
                 lambda out: tinygrad_c.lerp(x, x, 0.5, out=out), lambda out: tinygrad_c.matmul(x, x, out=out)):
        with pytest.raises(RuntimeError, match=r"out=\.\.\. arguments don't support automatic differentiation"):
            call(kept)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        tinygrad_c.exp(kept, out=x)
    with tinygrad_c.no_grad():
        tinygrad_c.exp(x, out=kept)
    assert kept.tolist() == pytest.approx([2.7182817, 7.389056])
    whole = tinygrad_c.tensor([1, 2])
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        tinygrad_c.exp(kept, out=whole)
    assert whole.tolist() == [1, 2]
    with pytest.raises(TypeError, match="argument 'out' must be Tensor, not list"):
        tinygrad_c.exp(kept, out=[1.0])
    with pytest.raises(RuntimeError, match="single memory location"):
        tinygrad_c.exp(kept, out=tinygrad_c.zeros(1).expand(2))


def test_another_shape_warns():
    out = tinygrad_c.zeros(3)
    with pytest.warns(UserWarning, match=r"An output with one or more elements was resized since it had shape \[3\]"):
        tinygrad_c.add(tinygrad_c.ones(2, 2), 1, out=out)
    assert out.tolist() == [[2, 2], [2, 2]]
