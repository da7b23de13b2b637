"""Shapes changed in place, beside torch; with gradients; and running sums in place."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c

CHANGES = ["x.unsqueeze_(1)", "x.unsqueeze_(-1).squeeze_()", "x.t_()", "x.transpose_(0, -1)", "x.swapaxes_(0, 1).mul_(2)",
           "x.t_().add_(1).sin_()", "x.unsqueeze_(0).squeeze_(0)", "x.cumsum_(1)", "x.cumprod_(0)", "x.t_().cumsum_(0)"]
SIZES = ["x.resize_(3, 2)", "x.resize_((2, 2))", "x.resize_(4).resize_(2, 1)", "x.t_().resize_(2, 2)", "x.resize_as_(m.ones(1, 3))",
         "x.resize_(0)", "x.fill_diagonal_(7)", "m.zeros(7, 3).fill_diagonal_(5, wrap=True)", "m.zeros(3, 3, 3).fill_diagonal_(2)",
         "m.zeros(5, 2).fill_diagonal_(5)"]


def start(m, **kwargs):
    return m.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=m.float64, **kwargs)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("code", CHANGES)
def test_values_and_gradients(code):
    found = []
    for m in (tinygrad_c, torch):
        leaf = start(m, requires_grad=True)
        x = leaf * 1
        out = eval(code, {"x": x, "m": m})
        assert out is x
        (out * out * out).sum().backward()
        found.append((out.tolist(), out.stride(), tuple(out.shape), leaf.grad.tolist()))
    assert found[0][1:3] == found[1][1:3]
    for ours, theirs in zip(found[0], found[1]):
        np.testing.assert_allclose(ours, theirs, 1e-12)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("code", [*CHANGES, *SIZES])
def test_values(code):
    ours, theirs = (eval(code, {"x": start(m), "m": m}) for m in (tinygrad_c, torch))
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-12)


def test_the_memory_stays():
    x = start(tinygrad_c)
    other, address = x.view(-1), x.data_ptr()
    x.t_().unsqueeze_(0)
    assert x.shape == (1, 3, 2)
    assert x.data_ptr() == address
    x[0, 2, 1] = 9.0
    assert other[5].item() == 9.0


def test_refused():
    leaf = start(tinygrad_c, requires_grad=True)
    for change in (leaf.t_, leaf.squeeze_, lambda: leaf.unsqueeze_(0), lambda: leaf.cumsum_(0)):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            change()
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        leaf.resize_(1)
    assert leaf.shape == (2, 3)
    with pytest.raises(IndexError, match="Dimension out of range"):
        start(tinygrad_c).unsqueeze_(4)
