"""Names that programs for PyTorch use and that have one answer here, and rows of reports: each in both libraries."""
from __future__ import annotations

import copy
import importlib
import pickle
import time

import numpy as np
import pytest
from samples.comparing import both

import tinygrad_c


@both
def test_there_is_no_accelerator(torch):
    accelerator = torch.accelerator
    assert accelerator.is_available() is False
    assert accelerator.current_accelerator() is None
    assert accelerator.current_accelerator(check_available=True) is None
    assert accelerator.device_count() == 0
    device = accelerator.current_accelerator().type if accelerator.is_available() else "cpu"
    assert torch.nn.Linear(2, 2).to(device).weight.device == torch.device("cpu")
    for call in (accelerator.synchronize, accelerator.current_device_index, accelerator.current_stream,
                 lambda: accelerator.set_device_index(0)):
        with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is available"):
            call()
    importlib.import_module(f"{torch.__name__}.accelerator")


@both
def test_nothing_is_being_compiled(torch):
    compiler = torch.compiler
    assert compiler.is_compiling() is False
    assert compiler.is_dynamo_compiling() is False
    assert compiler.is_exporting() is False

    def double(x):
        return 2 * x

    assert compiler.disable(double)(3) == 6
    assert compiler.disable(recursive=False)(double)(3) == 6
    compiler.reset()
    compiler.cudagraph_mark_step_begin()
    layer = torch.nn.Linear(2, 2)
    before = layer.weight
    assert layer.compile() is None
    assert layer.weight is before


@both
def test_jit_final(torch):
    class Net(torch.nn.Module):
        steps: torch.jit.Final[int]

        def __init__(self):
            super().__init__()
            self.steps = 3

    assert Net().steps == 3


@both
def test_to_empty(torch):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    weight, at = net[0].weight, net[0].weight.data_ptr()
    count = net[1].running_mean.data_ptr()
    assert net.to_empty(device="cpu") is net
    assert net[0].weight is weight
    assert weight.requires_grad
    assert weight.data_ptr() != at
    assert net[1].running_mean.data_ptr() != count
    assert net[1].num_batches_tracked.dtype == torch.int64
    at = weight.data_ptr()
    net.to_empty(device="cpu", recurse=False)
    assert weight.data_ptr() == at
    with pytest.raises(TypeError, match="device"):
        net.to_empty()


@both
@pytest.mark.parametrize(("names", "prefix", "expected"), [
    (["module.weight", "module.bias"], "module.", ["weight", "bias"]), (["a", "module.b", "c"], "module.", ["a", "c", "b"]),
    (["modules.a", "module"], "module.", ["modules.a", "module"]), (["x.x.a"], "x.", ["x.a"]), ([], "x.", [])])
def test_consume_prefix(torch, names, prefix, expected):
    consume = importlib.import_module(f"{torch.__name__}.nn.modules.utils").consume_prefix_in_state_dict_if_present
    state = {name: i for i, name in enumerate(names)}
    assert consume(state, prefix) is None
    assert list(state) == expected
    assert sorted(state.values()) == list(range(len(names)))


@both
def test_consume_prefix_of_a_module(torch):
    class Wrapped(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = Wrapped(net).state_dict()
    importlib.import_module(f"{torch.__name__}.nn.modules.utils").consume_prefix_in_state_dict_if_present(state, "module.")
    assert list(state) == list(net.state_dict())
    assert "module" not in state._metadata
    assert state._metadata["1"] == {"version": 2}
    net.load_state_dict(state)


@both
@pytest.mark.parametrize("name", ["distributions.nonsense", "nn.nonsense", "nonsense", "nn.modules.nonsense", "optim.nonsense",
                                  "utils.data.nonsense", "distributions.normal.nonsense", "nn.modules.conv.nonsense"])
def test_a_module_that_does_not_exist_is_not_imported(torch, name):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{torch.__name__}.{name}")


@both
@pytest.mark.parametrize("name", ["normal", "bernoulli", "multivariate_normal", "transformed_distribution", "independent", "utils"])
def test_the_modules_of_distributions_are_imported(torch, name):
    module = importlib.import_module(f"{torch.__name__}.distributions.{name}")
    if name == "multivariate_normal":
        assert module.MultivariateNormal is torch.distributions.MultivariateNormal


@both
@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda g: pickle.loads(pickle.dumps(g))])
def test_generators_are_copied(torch, duplicate):
    generator = torch.Generator().manual_seed(5)
    torch.rand(3, generator=generator)
    if duplicate is copy.copy and torch is not tinygrad_c:
        pytest.skip("copy.copy of a generator is refused there")
    other = duplicate(generator)
    assert other is not generator
    assert other.initial_seed() == 5
    expected = torch.rand(3, generator=generator)
    assert torch.equal(torch.rand(3, generator=other), expected)


# ---- rows of reports

@both
@pytest.mark.parametrize("p", [0.5, -0.5, -1, -1.0, 2, 3, 2.5, -2])
def test_a_power_saves_its_input_not_its_result(torch, p):
    for power in (lambda x: x ** p, lambda x: x.pow(p), lambda x: torch.pow(x, p)):
        x = torch.tensor([4., 9.], dtype=torch.float64, requires_grad=True)
        y = power(x)
        assert y.grad_fn.name() == "PowBackward0"
        y *= 2
        y.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * p * np.array([4., 9.]) ** (p - 1), rtol=1e-13)
    x = torch.tensor([4., 9.], requires_grad=True)
    y = x ** p
    with torch.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_is_not_quadratic(replacement):
    n = 50_000
    start = time.process_time()
    found = tinygrad_c.multinomial(tinygrad_c.rand(n), n // 2, replacement)
    assert time.process_time() - start < 2         # a millisecond or so; 3 s with a pass over all weights for each draw
    assert found.unique().numel() == n // 2 or replacement
    sampler = tinygrad_c.utils.data.WeightedRandomSampler(tinygrad_c.rand(n).tolist(), n // 2, replacement)
    assert len(list(sampler)) == n // 2


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 17])
def test_multinomial_draws_by_weight(replacement, n):
    generator = tinygrad_c.Generator().manual_seed(n)
    weights = tinygrad_c.rand(n, generator=generator)
    weights[::3] = 0 if n > 1 else 1
    first = [tinygrad_c.multinomial(weights, 1, replacement, generator=generator).item() for _ in range(4000)] if not replacement \
        else tinygrad_c.multinomial(weights, 4000, True, generator=generator).tolist()
    shares = np.bincount(first, minlength=n) / 4000
    expected = (weights / weights.sum()).numpy()
    assert (shares[expected == 0] == 0).all()
    assert np.abs(shares - expected).max() < 5 * (0.25 / 4000) ** 0.5
    positive = int((weights > 0).sum())
    if not replacement:
        assert sorted(tinygrad_c.multinomial(weights, positive, generator=generator).tolist()) == np.flatnonzero(expected).tolist()


def test_whose_interface_the_package_follows():
    assert tinygrad_c.version.torch == "2.13.0"
    assert tinygrad_c.__version__ == tinygrad_c.version.__version__
