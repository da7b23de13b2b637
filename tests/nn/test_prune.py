"""nn.utils.prune beside torch: masks, names, gradients, pruning twice, removal; and nn.utils.stateless."""
from __future__ import annotations

import copy

import numpy as np
import pytest
from samples.comparing import both, torch, with_torch

import tinygrad_c
from tinygrad_c.nn.utils import prune, stateless

WEIGHT = np.random.RandomState(0).randn(4, 6).astype("f4")
ACTIONS = {
    "l1": lambda p, layer: p.l1_unstructured(layer, "weight", 0.4),
    "l1 number": lambda p, layer: p.l1_unstructured(layer, "weight", amount=5),
    "ln": lambda p, layer: p.ln_structured(layer, "weight", 0.5, n=2, dim=0),
    "ln of columns": lambda p, layer: p.ln_structured(layer, "weight", 2, n=1, dim=-1),
    "ln inf": lambda p, layer: p.ln_structured(layer, "weight", 1, n=float("inf"), dim=1),
    "identity": lambda p, layer: p.identity(layer, "weight"),
    "twice": lambda p, layer: p.l1_unstructured(p.l1_unstructured(layer, "weight", 0.4), "weight", 0.5),
    "rows, then elements": lambda p, layer: p.l1_unstructured(p.ln_structured(layer, "weight", 1, n=2, dim=0), "weight", 0.5),
    "elements, then columns": lambda p, layer: p.ln_structured(p.l1_unstructured(layer, "weight", 0.5), "weight", 2, n=2, dim=1),
    "rows, then rows": lambda p, layer: p.ln_structured(p.ln_structured(layer, "weight", 1, n=2, dim=0), "weight", 0.4, n=2, dim=0),
    "nothing": lambda p, layer: p.l1_unstructured(layer, "weight", 0),
    "all": lambda p, layer: p.l1_unstructured(layer, "weight", 1.0),
}


def layer_of(m):
    layer = m.nn.Linear(6, 4)
    with m.no_grad():
        layer.weight.copy_(m.tensor(WEIGHT))
        layer.bias.zero_()
    return layer


def prune_of(m):
    from importlib import import_module
    return import_module(f"{m.__name__}.nn.utils.prune")


@with_torch
@pytest.mark.parametrize("case", ACTIONS)
def test_beside_torch(case):
    found = []
    for m in (tinygrad_c, torch):
        p, layer = prune_of(m), layer_of(m)
        ACTIONS[case](p, layer)
        assert p.is_pruned(layer)
        x = m.tensor(WEIGHT[:2] + 1)
        (layer(x) ** 2).sum().backward()
        names = sorted(dict(layer.named_parameters())), sorted(dict(layer.named_buffers())), sorted(layer.state_dict())
        arrays = [layer.weight_mask.numpy(), layer.weight.detach().numpy().copy(), layer.weight_orig.grad.numpy()]
        with m.no_grad():
            layer.weight_orig.add_(1.0)
        arrays.append(layer(x).detach().numpy())
        p.remove(layer, "weight")
        assert not p.is_pruned(layer)
        arrays += [layer(x).detach().numpy(), layer.weight.detach().numpy()]
        assert isinstance(layer.weight, m.nn.Parameter)
        found.append((names, sorted(layer.state_dict()), arrays))
    assert found[0][:2] == found[1][:2]
    for a, b in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)


@both
def test_global_pruning(torch):
    p = prune_of(torch)
    net = torch.nn.Sequential(layer_of(torch), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    with torch.no_grad():
        net[2].weight.fill_(1e-3)
    p.global_unstructured([(net[0], "weight"), (net[2], "weight")], pruning_method=p.L1Unstructured, amount=10)
    assert net[2].weight_mask.sum().item() == 0
    assert net[0].weight_mask.sum().item() == 22
    np.testing.assert_array_equal(np.sort(np.abs(WEIGHT.reshape(-1)))[:2], np.sort(np.abs(WEIGHT[net[0].weight_mask.numpy() == 0])))
    p.global_unstructured([(net[0], "weight")], pruning_method=p.L1Unstructured, amount=0.5)
    assert net[0].weight_mask.sum().item() == 11


@both
def test_importance_scores_and_masks(torch):
    p, layer = prune_of(torch), layer_of(torch)
    scores = torch.arange(24.0).reshape(4, 6)
    p.l1_unstructured(layer, "weight", 3, importance_scores=scores)
    assert layer.weight_mask.flatten()[:4].tolist() == [0, 0, 0, 1]
    p.custom_from_mask(layer, "bias", torch.tensor([1, 0, 1, 1]))
    assert layer.bias_mask.tolist() == [1, 0, 1, 1]
    with pytest.raises(AssertionError):
        p.l1_unstructured(layer_of(torch), "weight", 3, importance_scores=scores[0])


@both
def test_random_pruning(torch):
    torch.manual_seed(0)
    p = prune_of(torch)
    assert p.random_unstructured(layer_of(torch), "weight", 0.25).weight_mask.sum().item() == 18
    mask = p.random_structured(layer_of(torch), "weight", 2, dim=1).weight_mask
    assert sorted(mask.sum(0).tolist()) == [0, 0, 4, 4, 4, 4]


@both
def test_bad_input(torch):
    p = prune_of(torch)
    for amount, error in ((-1, ValueError), (1.5, ValueError), ("x", TypeError), (100, ValueError)):
        layer = layer_of(torch)
        with pytest.raises(error):
            p.l1_unstructured(layer, "weight", amount)
        assert not p.is_pruned(layer)
        assert sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match=r"has to be pruned\s+before pruning can be removed"):
        p.remove(layer_of(torch), "weight")
    with pytest.raises(ValueError, match="Structured pruning can only be applied to multidimensional tensors"):
        p.ln_structured(layer_of(torch), "bias", 1, n=2, dim=0)


def test_copies_and_files(tmp_path):
    layer = prune.l1_unstructured(layer_of(tinygrad_c), "weight", 0.5)
    x = tinygrad_c.tensor(WEIGHT[:2])
    prune.remove(layer, "weight")
    other = copy.deepcopy(layer)
    tinygrad_c.save(layer.state_dict(), tmp_path / "x.pt")
    other.load_state_dict(tinygrad_c.load(tmp_path / "x.pt"))
    np.testing.assert_array_equal(other(x).detach().numpy(), layer(x).detach().numpy())


@both
def test_training_a_pruned_net(torch):
    torch.manual_seed(0)
    p, net = prune_of(torch), torch.nn.Linear(6, 1)
    p.l1_unstructured(net, "weight", 3)
    before = net.weight_mask.clone()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    x, y = torch.tensor(WEIGHT), torch.tensor(WEIGHT[:, :1] * 2)
    for _ in range(20):
        optimizer.zero_grad()
        ((net(x) - y) ** 2).mean().backward()
        optimizer.step()
    assert (net.weight[before == 0] == 0).all()
    assert net.weight_orig.grad[before == 0].abs().sum().item() == 0


@both
@pytest.mark.filterwarnings("ignore")
def test_stateless(torch):
    from importlib import import_module
    call = import_module(f"{torch.__name__}.nn.utils.stateless").functional_call
    layer = layer_of(torch)
    out = call(layer, {"weight": torch.zeros(4, 6), "bias": torch.ones(4)}, torch.ones(1, 6))
    assert out.tolist() == [[1, 1, 1, 1]]
    assert layer.weight.detach().numpy().tolist() == WEIGHT.tolist()
    assert call(layer, {"bias": torch.ones(4)}, (torch.zeros(1, 6),)).tolist() == [[1, 1, 1, 1]]
    assert stateless
