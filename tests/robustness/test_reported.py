"""What users ran into: small inputs with the right values, each written anew from a public report. Neighbours are beside them."""
import copy
import importlib
import os

import numpy as np
import pytest
from samples.comparing import both

import tinygrad_c

inf, nan = float("inf"), float("nan")


# ---- copies

@both
def test_a_parameter_s_copy_has_no_gradient(torch):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
    net(torch.ones(4, 2)).sum().backward()
    for other in (copy.deepcopy(net), copy.deepcopy(net[0]), copy.deepcopy([net[0].weight]),
                  torch.optim.swa_utils.AveragedModel(net)):
        parameters = other if isinstance(other, list) else list(other.parameters())
        assert parameters
        assert all(p.grad is None and p.requires_grad for p in parameters)
    assert all(p.grad is not None for p in net.parameters())
    frozen = copy.deepcopy(torch.nn.Parameter(torch.ones(2), requires_grad=False))
    assert not frozen.requires_grad


@both
def test_a_leaf_s_copy_keeps_its_gradient(torch):
    x = torch.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    other = copy.deepcopy(x)
    assert other.grad.tolist() == [3., 3.]
    assert other.grad is not x.grad
    other.grad.zero_()
    assert x.grad.tolist() == [3., 3.]


@both
def test_an_inner_loop_s_first_step(torch):
    layer = torch.nn.Linear(1, 1, bias=False)
    layer(torch.ones(1, 1)).backward()
    inner = copy.deepcopy(layer)
    inner(torch.ones(1, 1)).backward()
    assert inner.weight.grad.tolist() == [[1.]]


# ---- infinities and NaN

@both
@pytest.mark.parametrize("n", [1, 16, 100])
def test_gelu_of_infinities(torch, n):
    for dtype in (torch.float32, torch.float64):
        for approximate in ("none", "tanh"):
            x = torch.full((n,), -inf, dtype=dtype)
            assert torch.nn.functional.gelu(x, approximate=approximate).isnan().all()


@both
@pytest.mark.parametrize(("row", "expected"), [
    ([-inf] * 3, [nan, nan, nan]), ([inf] * 3, [nan, nan, nan]), ([inf, -inf, 0.], [nan, 0., 0.]), ([inf, 1., inf], [nan, 0., nan]),
    ([-inf, 0., -inf], [0., 1., 0.]), ([nan, 1., 2.], [nan, nan, nan]), ([0., 0., -inf], [.5, .5, 0.])])
def test_gradient_of_logsumexp(torch, row, expected):
    for n in (1, 9):
        for dtype in (torch.float32, torch.float64):
            x = torch.tensor([row] * n, dtype=dtype, requires_grad=True)
            torch.logsumexp(x, 1).sum().backward()
            np.testing.assert_array_equal(x.grad.numpy(), [expected] * n)


@both
@pytest.mark.parametrize("n", [3, 8, 20, 100])
def test_spread_and_order_with_nan(torch, n):
    for at in (0, n // 2, n - 1):
        for value in (nan, inf, -inf):
            x = torch.arange(float(n))
            x[at] = value
            both_rows = torch.stack([x, torch.arange(float(n))])
            assert x.std().isnan()
            assert x.var(0).isnan()
            assert both_rows.std(1).isnan().tolist() == [True, False]
            assert both_rows.std(0).isnan().tolist() == [i == at for i in range(n)]
            others = [i for i in range(n) if i != at]
            last = value != -inf
            assert x.argsort(stable=True).tolist() == ([*others, at] if last else [at, *others])
            assert x.argsort(stable=True, descending=True).tolist() == (
                [at, *others[::-1]] if last else [*others[::-1], at])
    x = torch.arange(float(n))
    x[::2] = nan
    odd, even = list(range(1, n, 2)), list(range(0, n, 2))
    assert x.argsort(stable=True).tolist() == odd + even
    assert x.argsort(stable=True, descending=True).tolist() == even + odd[::-1]
    assert torch.sort(x, stable=True).indices.tolist() == odd + even


@both
def test_gradient_of_a_median_that_is_nan(torch):
    x = torch.tensor([nan, 1., 2.], requires_grad=True)
    x.median().backward()
    assert x.grad.tolist() == [1., 0., 0.]


# ---- memory

@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@both
@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<i8", "<i4"])
def test_memory_that_is_not_aligned(torch, dtype):
    size = np.dtype(dtype).itemsize
    memory = bytes(range(1, size * 3 + 2))
    for make in (torch.tensor, torch.as_tensor, torch.asarray):
        for shape in ((0,), (0, 3), (2, 0)):
            empty = np.frombuffer(memory, dtype, offset=1, count=0).reshape(shape)
            assert tuple(make(empty).shape) == shape
        if make is torch.tensor or torch is tinygrad_c:
            array = np.frombuffer(memory, dtype, offset=1, count=3)
            assert make(array.copy()).tolist() == array.tolist() == make(array).tolist()
    assert torch.from_numpy(np.frombuffer(memory, dtype, offset=1, count=0).copy()).tolist() == []


def test_a_file_with_an_empty_tensor_at_any_address(tmp_path):
    pytest.importorskip("safetensors")
    for k in range(9):          # names of each length move what follows
        path = tmp_path / "empty.safetensors"
        tinygrad_c.save({"a" * (k + 1): tinygrad_c.zeros(0, 3), "b": tinygrad_c.ones(2), "c": tinygrad_c.zeros(0).double()}, path)
        back = tinygrad_c.load(path)
        assert tuple(back["a" * (k + 1)].shape) == (0, 3)
        assert back["b"].tolist() == [1., 1.]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("make", [lambda: tinygrad_c.zeros(3), lambda: tinygrad_c.zeros(3, dtype=tinygrad_c.int64),
                                  lambda: tinygrad_c.nn.Parameter(tinygrad_c.zeros(3)), lambda: tinygrad_c.zeros(3, 2).t()])
def test_a_child_writes_to_shared_memory(make):
    x = make()
    assert not x.is_shared()
    assert x.share_memory_() is x
    assert x.is_shared()
    assert x[1:].is_shared()
    assert not x.clone().is_shared()
    pid = os.fork()
    if pid == 0:
        with tinygrad_c.no_grad():
            x.add_(2)
        os._exit(0)
    os.waitpid(pid, 0)
    assert (x == 2).all()
    with tinygrad_c.no_grad():
        x.mul_(2)
    assert x.share_memory_().sum() == 4 * x.numel()
    assert tinygrad_c.zeros(0).share_memory_().is_shared()


# ---- switches and modules

@both
def test_switches_of_cudnn(torch):
    assert torch.backends.cudnn.deterministic is False
    assert torch.backends.cudnn.benchmark is False


def test_modules_of_amp():
    from tinygrad_c.amp.autocast_mode import autocast
    from tinygrad_c.amp.grad_scaler import GradScaler
    assert autocast is tinygrad_c.amp.autocast
    assert GradScaler is tinygrad_c.amp.GradScaler
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tinygrad_c.amp.nonsense")
