"""Subclasses of Tensor kept by operations, __torch_function__, attributes of tensors, and the calls of 2018."""
from __future__ import annotations

import copy
import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
from samples.comparing import both, torch, with_torch

import tinygrad_c

MODULES = [m for m in (tinygrad_c, torch) if m is not None]


class Kept(tinygrad_c.Tensor):
    pass


class Logged(tinygrad_c.Tensor):
    calls: list = []        # noqa: RUF012

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append((func.__name__, types))
        return super().__torch_function__(func, types, args, kwargs)


class OfParameter(tinygrad_c.nn.Parameter):
    pass


if torch is not None:
    class TorchKept(torch.Tensor):
        pass

    CLASSES = {tinygrad_c: Kept, torch: TorchKept}
else:
    CLASSES = {tinygrad_c: Kept}

OPERATIONS = {
    "x + 1": lambda m, x: x + 1, "1 - x": lambda m, x: 1 - x, "x / x": lambda m, x: x / x, "x ** 2": lambda m, x: x ** 2,
    "plain + x": lambda m, x: m.ones(2, 2) + x, "plain @ x": lambda m, x: m.ones(2, 2) @ x, "-x": lambda m, x: -x,
    "x > 0": lambda m, x: x > 0, "x[0]": lambda m, x: x[0], "x[x > 0]": lambda m, x: x[x > 0], "x.T": lambda m, x: x.T,
    "x += 1": lambda m, x: x.__iadd__(1), "add": lambda m, x: m.add(x, 1), "relu": lambda m, x: x.relu(), "sum": lambda m, x: x.sum(),
    "mean": lambda m, x: m.mean(x, 0), "max": lambda m, x: x.max(0)[0], "stack": lambda m, x: m.stack([x, m.ones(2, 2)]),
    "cat": lambda m, x: m.cat((m.ones(2, 2), x)), "split": lambda m, x: x.split(1)[1], "view": lambda m, x: x.view(4),
    "reshape": lambda m, x: x.reshape(-1), "softmax": lambda m, x: m.softmax(x, 0), "where": lambda m, x: m.where(x > 0, x, 0.0),
    "clone": lambda m, x: x.clone(), "detach": lambda m, x: x.detach(), "double": lambda m, x: x.double(), "inverse": lambda m, x: x.inverse(),
    "linear": lambda m, x: m.nn.functional.linear(x, m.ones(3, 2)), "layer": lambda m, x: m.nn.Linear(2, 2)(x),
    "new_zeros": lambda m, x: x.new_zeros(2), "data": lambda m, x: x.data,
    "gelu": lambda m, x: m.nn.functional.gelu(x), "zeros_like": lambda m, x: m.zeros_like(x), "item": lambda m, x: x[0, 0].item(),
    "tolist": lambda m, x: x.tolist(), "loss": lambda m, x: m.nn.functional.mse_loss(x, m.ones(2, 2)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_kept_by_operations(name):
    found = []
    for m in MODULES:
        m.manual_seed(0)
        x = m.tensor([[1.0, -2.0], [3.0, 4.0]]).as_subclass(CLASSES[m])
        out = OPERATIONS[name](m, x)
        assert (type(out) is CLASSES[m]) == (name not in ("item", "tolist")), m.__name__
        if name != "layer":
            found.append(np.asarray(out.detach().numpy() if hasattr(out, "detach") else out))
    for a, b in pairwise(found):
        np.testing.assert_allclose(a, b, 1e-6, 1e-6)


def test_gradients_and_training():
    x = tinygrad_c.ones(2, requires_grad=True)
    y = x.as_subclass(Kept)
    assert y.grad_fn is not None
    (y * y).sum().backward()
    assert x.grad.tolist() == [2, 2]
    w = Kept([1.0, 2.0]).requires_grad_()
    optimizer = tinygrad_c.optim.SGD([w], 0.1)
    (w * w).sum().backward()
    optimizer.step()
    assert type(w) is Kept
    np.testing.assert_allclose(w.detach().numpy(), [0.8, 1.6], 1e-6)


def test_copies_and_pickles():
    x = tinygrad_c.ones(2).as_subclass(Kept)
    x.label = ["a"]
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(other) is Kept
        assert other.label == ["a"]
        assert other.label is not x.label
        assert other.tolist() == [1, 1]
    assert x.as_subclass(Kept) is x
    with pytest.raises(TypeError, match="cls must be a type that inherits from Tensor"):
        x.as_subclass(int)


def test_torch_function():
    Logged.calls.clear()
    x = tinygrad_c.ones(2).as_subclass(Logged)
    out = tinygrad_c.relu(x + 1).sum()
    assert [name for name, _ in Logged.calls] == ["add", "relu", "sum"]
    assert all(types == (Logged,) for _, types in Logged.calls)
    assert type(out) is Logged
    with pytest.raises(TypeError, match="all __torch_function__ handlers returned NotImplemented"):     # neither class is below
        tinygrad_c.add(x, tinygrad_c.ones(2).as_subclass(Kept))


def test_a_subclass_decides():
    class Units(tinygrad_c.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func.__name__ == "mul":
                return "product"
            return super().__torch_function__(func, types, args, kwargs)

    x = tinygrad_c.ones(2).as_subclass(Units)
    assert x * 2 == "product"
    assert tinygrad_c.mul(x, x) == "product"
    assert type(x + 2) is Units


def test_a_subclass_of_a_subclass_comes_first():
    class Below(Kept):
        pass
    a, b = tinygrad_c.ones(2).as_subclass(Kept), tinygrad_c.ones(2).as_subclass(Below)
    assert type(a + b) is Below
    assert type(tinygrad_c.add(a, b)) is Below
    assert type(a + a) is Kept


def test_parameters_make_plain_tensors():
    assert type(OfParameter(tinygrad_c.ones(2)) + 1) is tinygrad_c.Tensor
    assert type(tinygrad_c.nn.Parameter(tinygrad_c.ones(2)) * 2) is tinygrad_c.Tensor
    assert type(tinygrad_c.ones(2) + 1) is tinygrad_c.Tensor


def test_vmap_beside_subclasses():
    x = tinygrad_c.arange(6.0).reshape(3, 2)
    assert tinygrad_c.vmap(lambda row: (row * 2).sum())(x).tolist() == [2, 10, 18]
    assert type(tinygrad_c.ones(2).as_subclass(Kept) + 1) is Kept


# ---- Attributes

@both
def test_attributes(torch):
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(AttributeError):
        x.label     # noqa: B018
    x.label, x.names_of = "weights", ["a"]
    assert x.label == "weights"
    assert copy.deepcopy(x).names_of == ["a"]
    assert copy.deepcopy(x).names_of is not x.names_of
    assert not hasattr(x * 2, "label")
    assert not hasattr(x.detach(), "label")
    del x.label
    assert not hasattr(x, "label")
    assert pickle.loads(pickle.dumps(x)).names_of == ["a"]


def test_attributes_do_not_outlive_their_tensor():
    for i in range(300):        # objects of freed tensors are reused
        x = tinygrad_c.ones(1)
        assert vars(x) == {}
        x.number = i


# ---- The calls of 2018

OLD = {
    "add_": lambda m, x, a, b: x.add_(-0.1, a), "add": lambda m, x, a, b: x.add(2, a), "torch.add": lambda m, x, a, b: m.add(x, 2.5, a),
    "sub_": lambda m, x, a, b: x.sub_(2, a), "sub": lambda m, x, a, b: m.sub(x, 2, a),
    "addcmul_": lambda m, x, a, b: x.addcmul_(0.5, a, b), "addcmul": lambda m, x, a, b: m.addcmul(x, 0.5, a, b),
    "addcdiv_": lambda m, x, a, b: x.addcdiv_(-0.5, a, b), "addcdiv": lambda m, x, a, b: x.addcdiv(-0.5, a, b),
    "addmm": lambda m, x, a, b: x.addmm(2, 3, a, b), "addmm_": lambda m, x, a, b: x.addmm_(2, 3, a, b),
    "addmm of beta": lambda m, x, a, b: x.addmm(2, a, b), "torch.addmm": lambda m, x, a, b: m.addmm(2, x, 3, a, b),
    "torch.addmm of beta": lambda m, x, a, b: m.addmm(2, x, a, b), "addmv": lambda m, x, a, b: x[0].clone().addmv(2, 3, a, b[0]),
    "addr": lambda m, x, a, b: x.addr(2, 3, a[0], b[0]), "baddbmm": lambda m, x, a, b: x[None].baddbmm(2, 3, a[None], b[None]),
    "addbmm": lambda m, x, a, b: x.addbmm(2, 3, a[None], b[None]),
}


@with_torch
@pytest.mark.parametrize("name", OLD)
@pytest.mark.filterwarnings("ignore")
def test_old_calls_beside_torch(name):
    arrays = [np.random.RandomState(i).randn(2, 2) + 2 for i in range(3)]
    ours, theirs = (OLD[name](m, *[m.tensor(a) for a in arrays]) for m in (tinygrad_c, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-12)


def test_old_calls_warn_once():
    from tinygrad_c._base.warn import forget
    forget()
    x = tinygrad_c.ones(2)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        x.add_(-0.5, x)
        x.add_(-0.5, x)
    assert [str(each.message)[:34] for each in seen] == ["This overload of add_ is deprecate"]
    assert seen[0].filename == __file__
    for wrong in (lambda: x.add_(1, 2), lambda: x.add_(x, x), lambda: x.add_(x, 1, 2), lambda: x.addcmul_(x, x, x, x),
                  lambda: tinygrad_c.add(x, 2, x, alpha=3), lambda: x.addcmul_("a", x, x)):
        with pytest.raises(TypeError):
            wrong()
