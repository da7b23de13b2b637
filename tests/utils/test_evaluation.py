"""What a model answers, utils.predict and utils.evaluating: as with eval() and no_grad() by hand, and the model is as before."""
from __future__ import annotations

import pytest

import tinygrad_c
from tinygrad_c import nn
from tinygrad_c.utils import evaluating, predict


def a_model() -> nn.Sequential:
    """With all that acts by its mode; one part of it is frozen in evaluation mode while the rest trains."""
    tinygrad_c.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.RReLU(), nn.Dropout(0.5), nn.Sequential(nn.Linear(8, 2)))
    model(tinygrad_c.randn(20, 3)).sum().backward()
    model[1].eval()
    return model


def modes(model: nn.Module) -> list[bool]:
    return [each.training for each in model.modules()]


@pytest.mark.parametrize("batch_size", [None, 1, 4, 7, 100])
def test_it_is_eval_and_no_grad_by_hand(batch_size):
    model, x = a_model(), tinygrad_c.randn(7, 3)
    before, averages, state = modes(model), model[1].running_mean.clone(), tinygrad_c.get_rng_state()
    y = predict(model, x, batch_size=batch_size)
    assert modes(model) == before
    assert before.count(False) == 1
    assert tinygrad_c.equal(model[1].running_mean, averages)
    assert tinygrad_c.equal(tinygrad_c.get_rng_state(), state), "nothing is drawn"
    assert (y.requires_grad, y.grad_fn) == (False, None)
    assert tinygrad_c.is_grad_enabled()
    model.eval()
    with tinygrad_c.no_grad():
        assert tinygrad_c.allclose(y, model(x), atol=1e-6)


def test_a_batch_of_one_row_and_of_none():
    model = a_model()
    model[1].train()
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        model(tinygrad_c.ones(1, 3))
    assert predict(model, tinygrad_c.ones(1, 3)).shape == (1, 2)
    assert predict(model, tinygrad_c.ones(0, 3), batch_size=5).shape == (0, 2)


def test_it_is_as_before_after_an_error():
    model = a_model()
    before = modes(model)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        predict(model, tinygrad_c.ones(2, 4))
    with evaluating(model) as inside:
        assert inside is model
        assert not any(modes(model))
    assert modes(model) == before
    assert tinygrad_c.is_grad_enabled()


def test_several_inputs_and_outputs():
    model = nn.Bilinear(2, 3, 4)
    a, b = tinygrad_c.randn(5, 2), tinygrad_c.randn(5, 3)
    assert tinygrad_c.allclose(predict(model, a, b, batch_size=2), predict(model, a, b), atol=1e-6)
    output, hidden = predict(nn.GRU(2, 3), tinygrad_c.ones(4, 1, 2))
    assert (output.shape, hidden.shape) == ((4, 1, 3), (1, 1, 3))


def test_errors():
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match="argument 'model' .* must be Module, not function"):
        predict(lambda x: x, tinygrad_c.ones(2))
    for size, inputs in ((0, [tinygrad_c.ones(2, 2)]), (1, []), (2, [tinygrad_c.ones(2, 2), tinygrad_c.ones(3, 2)]),
                         (2, [tinygrad_c.tensor(1.0)])):
        with pytest.raises(ValueError, match="needs batch_size >= 1 and tensors with the same first dimension"):
            predict(model, *inputs, batch_size=size)
    with pytest.raises(TypeError, match="the model returned tuple: remove batch_size"):
        predict(nn.GRU(2, 3), tinygrad_c.ones(4, 1, 2), batch_size=2)
