"""nn.init: bounds, moments and structure of every starting value; Linear's defaults."""
import math

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import nn
from tinygrad_c.nn import init


def filled(function, *args, shape=(200, 300), **kwargs):
    tg.manual_seed(0)
    tensor = tg.zeros(*shape, requires_grad=True)
    assert function(tensor, *args, **kwargs) is tensor
    assert tensor.requires_grad
    assert tensor.is_leaf
    return tensor.detach().numpy()


def check_uniform(values, bound):
    assert np.abs(values).max() <= bound
    assert np.abs(values).max() > 0.99 * bound
    assert abs(values.mean()) < 0.02 * bound
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def check_normal(values, std):
    assert abs(values.mean()) < 0.02 * std
    assert values.std() == pytest.approx(std, rel=0.02)
    assert np.abs(values).max() > 3.5 * std


def test_given_values():
    assert (filled(init.constant_, 0.3, shape=(2, 2)) == np.float32(0.3)).all()
    assert (filled(init.ones_, shape=(2,)) == 1).all()
    assert (filled(init.zeros_, shape=(2,)) == 0).all()
    assert (filled(init.eye_, shape=(2, 3)) == np.eye(2, 3)).all()
    dirac = filled(init.dirac_, shape=(4, 2, 3), groups=2)
    assert dirac.sum() == 4
    assert dirac[0, 0, 1] == dirac[1, 1, 1] == dirac[2, 0, 1] == dirac[3, 1, 1] == 1


def test_uniform_and_normal():
    values = filled(init.uniform_, 2.0, 3.0)
    assert values.min() >= 2
    assert values.max() < 3
    check_uniform(values - 2.5, 0.5)
    check_normal(filled(init.normal_, 1.0, 0.5) - 1, 0.5)


def test_xavier():
    check_uniform(filled(init.xavier_uniform_, 2.0), 2 * math.sqrt(6 / 500))
    check_normal(filled(init.xavier_normal_), math.sqrt(2 / 500))


def test_kaiming():
    check_uniform(filled(init.kaiming_uniform_), math.sqrt(6 / 300))
    check_uniform(filled(init.kaiming_uniform_, mode="fan_out", nonlinearity="relu"), math.sqrt(6 / 200))
    check_normal(filled(init.kaiming_normal_, a=1.0), math.sqrt(1 / 300))
    check_normal(filled(init.kaiming_normal_, shape=(40, 20, 5, 5), nonlinearity="linear"), math.sqrt(1 / 500))


def test_trunc_normal():
    values = filled(init.trunc_normal_, 0.0, 1.0, -1.0, 0.5)
    assert values.min() >= -1
    assert values.max() <= 0.5
    # Mean and deviation of the normal distribution cut at -1 and 0.5.
    assert values.mean() == pytest.approx(-0.2067, abs=0.01)
    assert values.std() == pytest.approx(0.4157, abs=0.01)
    with pytest.warns(UserWarning, match="more than 2 std from"):
        filled(init.trunc_normal_, 9.0, 1.0, -1.0, 1.0)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (4, 4), (6, 2, 2)])
def test_orthogonal(shape):
    values = filled(init.orthogonal_, 2.0, shape=shape).reshape(shape[0], -1)
    product = values @ values.T if values.shape[0] <= values.shape[1] else values.T @ values
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_sparse():
    values = filled(init.sparse_, 0.3, 0.5, shape=(100, 40))
    assert ((values == 0).sum(0) == 30).all()
    assert values[values != 0].std() == pytest.approx(0.5, rel=0.05)


def test_gains():
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")


def test_linears_own():
    tg.manual_seed(0)
    layer = nn.Linear(300, 200)
    check_uniform(layer.weight.detach().numpy(), 1 / math.sqrt(300))
    assert np.abs(layer.bias.detach().numpy()).max() <= 1 / math.sqrt(300)
    again = nn.Linear(300, 200)
    assert again.weight.tolist() != layer.weight.tolist()
    tg.manual_seed(0)
    assert nn.Linear(300, 200).weight.tolist() == layer.weight.tolist()


def test_errors():
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.kaiming_uniform_(tg.zeros(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_normal_(tg.zeros(3, 3), mode="fan")
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions are supported"):
        init.eye_(tg.zeros(3))
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_uniform_(tg.zeros(0, 3))


def test_a_generator_gives_the_same_values():
    a = init.uniform_(tg.zeros(5), generator=tg.Generator().manual_seed(3))
    b = init.uniform_(tg.zeros(5), generator=tg.Generator().manual_seed(3))
    assert a.tolist() == b.tolist()
