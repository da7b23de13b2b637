"""Hooks: of modules, forwards and backwards, of optimizers' steps; extra state. Each beside PyTorch where it is installed."""
from __future__ import annotations

import pytest
from samples.comparing import torch

import tinygrad_c as tg

ENGINES = [pytest.param(engine, id=engine.__name__) for engine in (tg, torch) if engine is not None]
engines = pytest.mark.parametrize("m", ENGINES)


def double_layer(m):
    layer = m.nn.Linear(2, 1, bias=False)
    with m.no_grad():
        layer.weight.copy_(m.tensor([[2.0, 3.0]]))
    return layer


@engines
def test_full_backward_hook_sees_and_replaces_gradients(m):
    layer, seen = double_layer(m), []
    handle = layer.register_full_backward_hook(lambda module, inputs, outputs: seen.append(
        (module is layer, [g.tolist() for g in inputs], [g.tolist() for g in outputs])))
    x = m.tensor([[1.0, 4.0]], requires_grad=True)
    layer(x).sum().backward()
    assert seen == [(True, [[[2, 3]]], [[[1]]])]
    assert x.grad.tolist() == [[2, 3]]
    assert layer.weight.grad.tolist() == [[1, 4]]
    handle.remove()
    layer(x).sum().backward()
    assert len(seen) == 1
    layer.register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * 10,))
    x.grad = None
    layer(x).sum().backward()
    assert x.grad.tolist() == [[20, 30]]


@engines
def test_full_backward_hook_of_inputs_without_gradient(m):
    layer, seen = double_layer(m), []
    layer.register_full_backward_hook(lambda module, inputs, outputs: seen.append((inputs, outputs[0].tolist())))
    layer(m.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1]])]


@engines
def test_full_backward_pre_hook(m):
    layer = double_layer(m)
    layer.register_full_backward_pre_hook(lambda module, outputs: (outputs[0] * 5,))
    layer(m.ones(1, 2)).sum().backward()
    assert layer.weight.grad.tolist() == [[5, 5]]


@engines
def test_backward_hooks_of_a_module_within_a_net(m):
    net, seen = m.nn.Sequential(double_layer(m), m.nn.Tanh(), m.nn.Linear(1, 1)), []
    for i in (0, 1):
        net[i].register_full_backward_hook(lambda module, inputs, outputs: seen.append(type(module).__name__))
    net(m.ones(3, 2)).sum().backward()
    assert seen == ["Tanh", "Linear"]


@engines
def test_always_called_hook(m):
    class Fails(m.nn.Module):
        def forward(self, x):
            raise ValueError("on purpose")

    module, seen = Fails(), []
    module.register_forward_hook(lambda *args: seen.append("not this"))
    module.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    with pytest.raises(ValueError, match="on purpose"):
        module(m.ones(1))
    assert seen == [None]


@engines
def test_hooks_with_keywords_and_in_order(m):
    class Scale(m.nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    module, seen = Scale(), []
    module.register_forward_pre_hook(lambda module, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    module.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs["by"]), with_kwargs=True)
    module.register_forward_hook(lambda module, args, output: output + 1)
    module.register_forward_hook(lambda module, args, output: seen.append("first"), prepend=True)
    assert module(m.ones(1), by=2.0).tolist() == [4]
    assert seen == ["first", 3.0]


@engines
def test_step_hooks(m):
    weight, seen = m.ones(1, requires_grad=True), []
    optimizer = m.optim.SGD([weight], lr=0.5)
    before = optimizer.register_step_pre_hook(lambda *args: seen.append(("before", weight.item())))
    optimizer.register_step_post_hook(lambda *args: seen.append(("after", weight.item())))
    weight.sum().backward()
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == [("before", 1), ("after", 0.5), ("after", 0)]


@engines
def test_extra_state(m):
    class Counts(m.nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    net = m.nn.Sequential(m.nn.Linear(1, 1), Counts())
    net[1].calls = 7
    state = net.state_dict()
    assert state["1._extra_state"] == {"calls": 7}
    other = m.nn.Sequential(m.nn.Linear(1, 1), Counts())
    other.load_state_dict(state)
    assert other[1].calls == 7
    del state["1._extra_state"]
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(state)


@engines
def test_set_submodule(m):
    net = m.nn.Sequential(m.nn.Sequential(m.nn.Linear(1, 1)))
    net.set_submodule("0.0", m.nn.Tanh())
    assert repr(net[0][0]) == "Tanh()"
    with pytest.raises(AttributeError):
        net.set_submodule("0.nothing.1", m.nn.Tanh())


@engines
@pytest.mark.filterwarnings("ignore:.*epoch parameter")
@pytest.mark.filterwarnings("ignore:Detected call")
def test_scheduler_goes_to_an_epoch(m):
    optimizer = m.optim.SGD([m.ones(1, requires_grad=True)], lr=1.0)
    scheduler = m.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    scheduler.step(5)
    assert scheduler.get_last_lr() == [0.25]
    assert scheduler.last_epoch == 5
    scheduler.step()
    assert scheduler.get_last_lr() == [0.125]
