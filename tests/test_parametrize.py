"""nn.utils: weight_norm, spectral_norm, parametrize; each beside PyTorch where it is installed."""
from __future__ import annotations

import numpy as np
import pytest
from comparing import torch

import tinygrad_c as tg

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm")
engines = pytest.mark.parametrize("m", [pytest.param(m, id=m.__name__) for m in (tg, torch) if m is not None])
WEIGHT = [[3.0, 4.0], [0.0, 2.0], [1.0, -1.0]]
X = [[1.0, -2.0]]


def linear(m):
    layer = m.nn.Linear(2, 3, bias=False)
    with m.no_grad():
        layer.weight.copy_(m.tensor(WEIGHT))
    return layer


def close(tensor, expected) -> None:
    np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@engines
def test_weight_norm(m):
    layer = m.nn.utils.weight_norm(linear(m))
    assert list(layer.state_dict()) == ["weight_g", "weight_v"]
    close(layer.weight_g, [[5], [2], [2 ** 0.5]])
    with m.no_grad():
        layer.weight_g.mul_(2)
    y = layer(m.tensor(X))
    close(y, 2 * np.array(X) @ np.array(WEIGHT).T)
    y.sum().backward()
    close(layer.weight_g.grad, np.array([[-5 / 5], [-4 / 2], [3 / 2 ** 0.5]]))
    m.nn.utils.remove_weight_norm(layer)
    assert list(layer.state_dict()) == ["weight"]
    close(layer.weight, 2 * np.array(WEIGHT))
    with pytest.raises(ValueError, match="not found in"):
        m.nn.utils.remove_weight_norm(layer)


@engines
def test_spectral_norm(m):
    layer = m.nn.utils.spectral_norm(linear(m), n_power_iterations=50)
    assert list(layer.state_dict()) == ["weight_orig", "weight_u", "weight_v"]
    y = layer(m.tensor(X))
    largest = np.linalg.svd(np.array(WEIGHT))[1][0]
    close(y, np.array(X) @ np.array(WEIGHT).T / largest)
    y.sum().backward()
    assert layer.weight_orig.grad is not None
    layer.eval()
    before = layer.weight_u.tolist()
    layer(m.tensor(X))
    assert layer.weight_u.tolist() == before
    m.nn.utils.remove_spectral_norm(layer)
    close(layer.weight, np.array(WEIGHT) / largest)


@engines
def test_parametrize(m):
    class Symmetric(m.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

    parametrize = m.nn.utils.parametrize
    layer = m.nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert "ParametrizedLinear" in repr(layer)
    close(layer.weight, layer.weight.detach().numpy().T)
    layer(m.ones(1, 3)).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    kept = layer.weight.detach().numpy().copy()
    parametrize.remove_parametrizations(layer, "weight")
    assert not parametrize.is_parametrized(layer)
    close(layer.weight, kept)
    assert type(layer) is m.nn.Linear


@engines
def test_parametrized_weight_norm(m):
    layer = m.nn.utils.parametrizations.weight_norm(linear(m))
    assert list(layer.state_dict()) == ["parametrizations.weight.original0", "parametrizations.weight.original1"]
    close(layer.parametrizations.weight.original0, [[5], [2], [2 ** 0.5]])
    close(layer(m.tensor(X)), np.array(X) @ np.array(WEIGHT).T)
    with m.no_grad():
        layer.weight = m.ones(3, 2)
    close(layer.weight, np.ones((3, 2)))


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
def test_parametrized_printed_as_in_torch():
    found = [repr(m.nn.utils.parametrizations.weight_norm(m.nn.Linear(2, 3))) for m in (tg, torch)]
    assert found[0] == found[1]
