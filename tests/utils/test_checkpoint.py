"""utils.checkpoint: the numbers of the same program without it, and less kept between forward and backward."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import both

import tinygrad_c
from tinygrad_c import autograd, nn
from tinygrad_c.autograd import graph
from tinygrad_c.utils.checkpoint import checkpoint, checkpoint_sequential


def net():
    tinygrad_c.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 2))


def gradients(run):
    model = net()
    x = tinygrad_c.linspace(-1, 1, 12).reshape(4, 3).requires_grad_()
    tinygrad_c.manual_seed(7)
    out = run(model, x)
    drawn = tinygrad_c.rand(1).item()
    out.pow(2).sum().backward()
    return [out.tolist(), x.grad.tolist(), *[p.grad.tolist() for p in model.parameters()], drawn, tinygrad_c.rand(1).item()]


@pytest.mark.parametrize("run", [
    lambda m, x: checkpoint(m, x, use_reentrant=False), lambda m, x: checkpoint(m, x, use_reentrant=True),
    lambda m, x: checkpoint_sequential(m, 3, x, use_reentrant=False), lambda m, x: checkpoint(lambda *, x: m(x), x=x)
    if not x.requires_grad else checkpoint(lambda x, k: m(x) * k, x, 1), lambda m, x: m[3:](checkpoint(m[:3], x))])
def test_gives_the_same_numbers(run):
    assert gradients(run) == gradients(lambda m, x: m(x))


def test_inputs_that_need_no_gradient_and_autograd_grad():
    model = net().eval()
    x = tinygrad_c.ones(2, 3)
    expected = autograd.grad(model(x).sum(), list(model.parameters()))
    found = autograd.grad(checkpoint(model, x, use_reentrant=False).sum(), list(model.parameters()))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert all(p.grad is None for p in model.parameters())


def test_several_results_and_other_arguments():
    x, w = tinygrad_c.ones(3, requires_grad=True), tinygrad_c.full((3,), 2.0, requires_grad=True)
    a, _, words = checkpoint(lambda x, k: (x * w * k, (x + 1).exp(), "words"), x, 5)
    assert words == "words"
    a.sum().backward()
    assert x.grad.tolist() == [10.0] * 3
    assert w.grad.tolist() == [5.0] * 3
    with tinygrad_c.no_grad():
        assert not checkpoint(lambda x: x * 2, x).requires_grad


def test_nothing_between_is_kept():
    """The function runs once more, in backward; the graph has one node for it."""
    calls = []
    x = tinygrad_c.ones(2, requires_grad=True)
    out = checkpoint(lambda x: calls.append(1) or x.sin().cos().exp(), x)
    assert out.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
    assert len(calls) == 1
    out.sum().backward()
    assert len(calls) == 2
    with pytest.raises(RuntimeError, match="second time"):
        out.sum().backward()


@both
def test_what_was_computed_before_is_gone_back_through_once(torch):
    """And gets its gradients from all that used it, in the checkpoint and beside it."""
    w, x = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([0.5, 0.25], requires_grad=True)

    def gradients(call):
        h = w.exp()
        a, b = (w * 2).split(1)
        y = call(lambda x, more: (x * h).sin() + a * more[0], x, [b.sigmoid()])
        return torch.autograd.grad(y.sum() + (h * h).sum() + a.sum() * b.sum(), (w, x))

    expected = gradients(lambda f, *args: f(*args))
    for g, e in zip(gradients(lambda f, *args: torch.utils.checkpoint.checkpoint(f, *args, use_reentrant=False)), expected):
        assert g.tolist() == pytest.approx(e.tolist())


def test_gradient_edges():
    x = tinygrad_c.ones(2, requires_grad=True)
    assert graph.get_gradient_edge(x).node.variable is x
    y = x * 2
    assert graph.get_gradient_edge(y).node is y.grad_fn
    assert isinstance(y.grad_fn, graph.Node)
    with pytest.raises(RuntimeError, match="gradient edge"):
        graph.get_gradient_edge(x.detach())
