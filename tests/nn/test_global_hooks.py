"""Hooks of all modules, beside torch: which are called, in which order, what they change; nothing is left after they are removed."""
from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from samples.comparing import both, torch, with_torch

import tinygrad_c
from tinygrad_c import nn


def names_of(m):
    return import_module(f"{m.__name__}.nn.modules.module")


def net_of(m):
    m.manual_seed(0)
    return m.nn.Sequential(m.nn.Linear(3, 4), m.nn.ReLU(), m.nn.Linear(4, 1))


@both
def test_forward_hooks(torch):
    hooks, net, calls = names_of(torch), net_of(torch), []
    x = torch.ones(2, 3)
    expected = net(x)
    kind = lambda module: type(module).__name__
    handles = [hooks.register_module_forward_pre_hook(lambda module, args: calls.append(("before", kind(module)))),
               hooks.register_module_forward_hook(lambda module, args, output: calls.append(("after", kind(module)))),
               net[1].register_forward_hook(lambda module, args, output: calls.append(("own", kind(module))))]
    assert (net(x) == expected).all()
    assert calls == [("before", "Sequential"), ("before", "Linear"), ("after", "Linear"), ("before", "ReLU"), ("after", "ReLU"),
                     ("own", "ReLU"), ("before", "Linear"), ("after", "Linear"), ("after", "Sequential")]
    calls.clear()
    for handle in handles:
        handle.remove()
    assert (net(x) == expected).all()
    assert calls == []


@both
def test_hooks_replace_arguments_and_outputs(torch):
    hooks, net = names_of(torch), net_of(torch)
    x = torch.ones(2, 3)
    with hooks.register_module_forward_pre_hook(lambda module, args: (args[0] * 0,) if isinstance(module, torch.nn.Linear) else None):
        assert torch.allclose(net(x), net[2].bias.expand(2, 1))
    with hooks.register_module_forward_hook(lambda module, args, output: output + 1 if isinstance(module, torch.nn.ReLU) else None):
        assert torch.allclose(net(x), net[2](net[0](x).relu() + 1))
    assert torch.allclose(net(x), net[2](net[0](x).relu()))


@with_torch
def test_backward_hooks():
    found = []
    for m in (tinygrad_c, torch):
        hooks, calls = names_of(m), []
        net = m.nn.Sequential(m.nn.Linear(2, 2), m.nn.Tanh())
        with m.no_grad():
            net[0].weight.fill_(0.5)
            net[0].bias.fill_(0.25)
        x = m.ones(1, 2, requires_grad=True)
        with hooks.register_module_full_backward_pre_hook(lambda module, g: calls.append(("pre", g))), \
                hooks.register_module_full_backward_hook(lambda module, gi, go: calls.append((gi, go))):
            net(x).sum().backward()
        found.append([np.concatenate([np.asarray(t.numpy()).reshape(-1) for part in call if part != "pre" for t in part]) for call in calls])
    assert len(found[0]) == len(found[1]) == 6
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, 1e-5)


@both
def test_registration_hooks(torch):
    hooks, seen = names_of(torch), []
    with hooks.register_module_parameter_registration_hook(lambda module, name, value: seen.append(("parameter", name))), \
            hooks.register_module_buffer_registration_hook(lambda module, name, value: seen.append(("buffer", name))), \
            hooks.register_module_module_registration_hook(lambda module, name, value: seen.append(("module", name))):
        torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
    assert [each for each in seen if each[0] == "module"] == [("module", "0"), ("module", "1")]
    assert [name for kind, name in seen if kind == "parameter"] == ["weight", "bias", "weight", "bias"]
    assert sorted(name for kind, name in seen if kind == "buffer") == ["num_batches_tracked", "running_mean", "running_var"]
    seen.clear()
    torch.nn.Linear(1, 1)
    assert seen == []
    with hooks.register_module_parameter_registration_hook(lambda module, name, value: torch.nn.Parameter(value.detach() * 0)):
        module = torch.nn.Module()
        module.w = torch.nn.Parameter(torch.ones(2))
        assert module.w.tolist() == [0, 0]


def test_nothing_is_left():
    net = net_of(tinygrad_c)
    chain = type(net._chain[0])
    handle = nn.modules.module.register_module_forward_hook(lambda module, args, output: None)
    net(tinygrad_c.ones(1, 3))
    assert "__call__" in vars(nn.Module)
    handle.remove()
    handle.remove()
    assert "__call__" not in vars(nn.Module)
    assert type(net._chain[0]) is chain


def test_an_error_in_forward_calls_hooks_that_are_always_called():
    seen = []
    hooks = names_of(tinygrad_c)
    with hooks.register_module_forward_hook(lambda module, args, output: seen.append(output), always_call=True), \
            pytest.raises(RuntimeError):
        nn.Linear(2, 1)(tinygrad_c.ones(3))
    assert seen == [None]
