"""nn.utils: weight_norm, spectral_norm, parametrize; each beside PyTorch where it is installed."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch

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


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley", "householder"])
def test_orthogonal(shape, orthogonal_map):
    tg.manual_seed(0)
    layer = tg.nn.Linear(shape[1], shape[0], dtype=tg.float64)
    tg.nn.init.orthogonal_(layer.weight)
    before = layer.weight.detach().numpy().copy()
    tg.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=orthogonal_map)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, atol=1e-12)
    with tg.no_grad():
        layer.parametrizations.weight.original.add_(0.3 * tg.randn(*shape, dtype=tg.float64).tril(-1))
    w = layer.weight.detach().numpy()
    w = w if shape[0] >= shape[1] else w.T
    np.testing.assert_allclose(w.T @ w, np.eye(min(shape)), atol=1e-12)
    if torch is not None:
        theirs = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(shape[1], shape[0], dtype=torch.float64),
                                                            orthogonal_map=orthogonal_map)
        theirs.weight = torch.eye(*shape, dtype=torch.float64)
        theirs.load_state_dict({key: torch.from_numpy(value.numpy()) for key, value in layer.state_dict().items()})
        np.testing.assert_allclose(theirs.weight.detach().numpy(), layer.weight.detach().numpy(), atol=1e-12)


def test_orthogonal_without_a_base():
    layer = tg.nn.Linear(3, 5)
    tg.nn.utils.parametrizations.orthogonal(layer, use_trivialization=False)
    np.testing.assert_allclose((layer.weight.t() @ layer.weight).detach().numpy(), np.eye(3), atol=1e-5)
    with pytest.raises(NotImplementedError, match="It is not possible to assign"):
        tg.nn.utils.parametrizations.orthogonal(tg.nn.Linear(3, 5), orthogonal_map="cayley", use_trivialization=False)
    with pytest.raises(ValueError, match="Expected a matrix or batch of matrices"):
        tg.nn.utils.parametrizations.orthogonal(tg.nn.Linear(3, 5), "bias")


def test_spectral_norm_as_a_parametrization():
    tg.manual_seed(0)
    layer = tg.nn.utils.parametrizations.spectral_norm(tg.nn.Linear(4, 3, dtype=tg.float64), n_power_iterations=30)
    for _ in range(3):
        assert layer.weight.shape == (3, 4)     # each reading iterates
    assert np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0] == pytest.approx(1, 1e-6)
    layer(tg.ones(2, 4, dtype=tg.float64)).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    if torch is not None:
        theirs = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 3, dtype=torch.float64), n_power_iterations=30)
        theirs.load_state_dict({key: torch.from_numpy(value.numpy()) for key, value in layer.state_dict().items()})
        np.testing.assert_allclose(theirs.weight.detach().numpy(), layer.weight.detach().numpy(), 1e-10)


def test_fusion_of_layers_and_normalisation():
    tg.manual_seed(0)
    x = tg.randn(5, 3, 6, 6)
    for layer, norm, data in ((tg.nn.Conv2d(3, 4, 3), tg.nn.BatchNorm2d(4), x), (tg.nn.Linear(6, 4), tg.nn.BatchNorm1d(4), x[:, 0, 0])):
        norm(layer(data)), layer.eval(), norm.eval()
        fuse = tg.nn.utils.fuse_linear_bn_eval if data.ndim == 2 else tg.nn.utils.fuse_conv_bn_eval
        np.testing.assert_allclose(fuse(layer, norm)(data).detach().numpy(), norm(layer(data)).detach().numpy(), 1e-4, 1e-5)
        with pytest.raises(AssertionError, match="Fusion only for eval"):
            fuse(layer.train(), norm)


def test_the_second_half_of_clipping():
    p = tg.zeros(2, requires_grad=True)
    p.grad = tg.tensor([3.0, 4.0])
    tg.nn.utils.clip_grads_with_norm_([p], 1.0, tg.nn.utils.get_total_norm([p.grad]))
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], 1e-5)
    assert isinstance(tg.nn.utils.skip_init(tg.nn.Linear, 2, 3), tg.nn.Linear)
