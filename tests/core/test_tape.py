"""The tape: gradients accumulate, graphs are used up, hooks, modes, writes in place, views, depth and memory."""
from __future__ import annotations

import gc
import math
import subprocess
import sys
import warnings
import weakref

import numpy as np
import pytest
from samples.comparing import at_once, both, torch

import tinygrad_c
from tinygrad_c import autograd, enable_grad, no_grad, ones, tensor


def leaf(*numbers: float):
    return tensor(list(numbers), requires_grad=True)


# ---- backward()

def test_gradients_accumulate_until_cleared():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]
    x.grad.zero_()
    (3 * x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    x.grad = None
    (3 * x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_value_used_many_times_gets_the_sum():
    x = leaf(3.0)
    y = x * x
    (y * y + y + x).sum().backward()
    assert x.grad.tolist() == [4 * 27.0 + 6.0 + 1.0]


def test_gradient_argument():
    x = leaf(1.0, 2.0)
    (x * x).backward(gradient=tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    given = tensor([1.0, 1.0])
    (x + 1).backward(given)
    (x + 1).backward(given)
    assert given.tolist() == [1.0, 1.0]         # never written to, though it went straight into .grad
    assert x.grad.tolist() == [4.0, 42.0]


def test_gradient_argument_must_fit():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="Mismatch in shape: grad_output"):
        (x * x).backward(tensor([1.0, 1.0, 1.0]))
    with pytest.raises(TypeError):
        (x * x).backward([1.0, 1.0])
    assert x.grad is None


def test_non_scalar_needs_a_gradient():
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs.*2.*sum"):
        (leaf(1.0, 2.0) * 2).backward()


def test_no_graph():
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"):
        ones(()).backward()
    with no_grad():
        y = leaf(1.0).sum()
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()


@pytest.mark.parametrize("function", [lambda x: (x * x).sum(), lambda x: (x + 1).sum(), lambda x: x.exp().sum(),
                                      lambda x: x.reshape(2, 1).t().sum(), lambda x: x.sum(),
                                      lambda x: (x.unsqueeze(0) @ x.unsqueeze(1)).sum()])
def test_backward_twice_raises(function):
    """Also through a graph that saved nothing, where torch doubles the gradients in silence."""
    x = leaf(1.0, 2.0)
    y = function(x)
    y.backward()
    before = x.grad.tolist()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == before


def test_retain_graph():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_shared_part_used_up():
    x = leaf(2.0)
    shared = x * x
    (shared + 1).sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        (shared + 2).sum().backward()


@pytest.mark.parametrize("share", [lambda x: x.expand(3, 2), lambda x: x.reshape(2, 1).t(), lambda x: x + 1, lambda x: -x,
                                   lambda x: x.sum(), lambda x: x[:1], lambda x: x.repeat(2), lambda x: x.roll(1)])
def test_shared_part_that_saved_nothing(share):
    """torch walks it as often as asked: two losses of one view, each with its own backward()."""
    x = leaf(2.0, 3.0)
    shared = share(x)
    (shared * 2).sum().backward()
    first = x.grad.clone()
    (shared * 3).sum().backward()
    assert x.grad.tolist() == (first * 2.5).tolist()


def test_create_graph():
    x = leaf(2.0)
    (x ** 3).sum().backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    assert first.tolist() == [12.0]
    x.grad = None
    first.sum().backward()
    assert x.grad.tolist() == [12.0]


def test_third_derivative():
    x = tensor(0.7, dtype=tinygrad_c.float64, requires_grad=True)
    y = x.sin()
    for expected in (np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7)):
        (y,) = autograd.grad(y, x, create_graph=True)
        assert abs(y.item() - expected) < 1e-14


def test_backward_with_inputs():
    x, w = leaf(1.0), leaf(2.0)
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [1.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * w).sum().backward(inputs=[])


@pytest.mark.parametrize("inside", [lambda x: x * 2, lambda x: x.view_as(x), lambda x: x.exp(), lambda x: x[0:1], lambda x: x])
def test_gradient_by_what_is_no_leaf(inside):
    """Alone, beside the leaf that it comes from, and as inputs of backward()."""
    x = leaf(1.0, 2.0)
    y = inside(x)
    assert autograd.grad((y * y).sum(), y)[0].tolist() == (2 * y).tolist()
    y = inside(x)
    gy, gx = autograd.grad((y ** 2).sum() + x.sum(), [y, x], create_graph=True)
    assert autograd.grad(gy.sum(), y)[0].tolist() == [2.0] * y.numel() if y is not x else True
    assert gx.requires_grad
    for retain in (False, True) if y is not x else (False,):
        y = inside(x)
        if retain:
            y.retain_grad()
        (y * y).sum().backward(inputs=[y])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert y.grad.tolist() == (2 * y).tolist()
        assert y is x or x.grad is None


def test_retained_gradients_accumulate():
    y = leaf(1.0, 2.0) * 2
    y.retain_grad()
    (y * y).sum().backward(retain_graph=True)
    (y * y).sum().backward()
    assert y.grad.tolist() == [8.0, 16.0]


def test_several_roots():
    x = leaf(1.0, 2.0)
    autograd.backward([(x * 2).sum(), x * x], [None, tensor([1.0, 1.0])])
    assert x.grad.tolist() == [4.0, 6.0]
    y = x * 3
    autograd.backward([y, y], [tensor([1.0, 1.0]), tensor([1.0, 1.0])])
    assert x.grad.tolist() == [10.0, 12.0]


# ---- autograd.grad

def test_grad_leaves_grad_alone():
    x = leaf(3.0)
    (g,) = autograd.grad((x * x).sum(), x)
    assert g.tolist() == [6.0]
    assert x.grad is None


def test_grad_of_non_leaf_and_of_the_output_itself():
    x = leaf(3.0)
    y = x * x
    z = (y * y).sum()
    gz, gy, gx = autograd.grad(z, [z, y, x])
    assert (gz.item(), gy.tolist(), gx.tolist()) == (1.0, [18.0], [108.0])


def test_grad_only_visits_what_is_needed():
    x, w = leaf(1.0), leaf(2.0)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g))
    autograd.grad((y * w).sum(), w)
    assert seen == []


def test_grad_unused():
    x, w = leaf(1.0), leaf(2.0)
    y = x.sum()
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        autograd.grad(y, [x, w], retain_graph=True)
    gx, gw = autograd.grad(y, [x, w], allow_unused=True, retain_graph=True)
    assert gx.tolist() == [1.0]
    assert gw is None
    assert autograd.grad(y, [x, w], materialize_grads=True)[1].tolist() == [0.0]
    with pytest.raises(RuntimeError, match="One of the differentiated Tensors does not require grad"):
        autograd.grad(x.sum(), ones(1))


def test_grad_after_grad_of_another_part():
    """`needed` marks of one call do not leak into the next."""
    x, w = leaf(2.0), leaf(5.0)
    y = (x * w * w).sum()
    assert autograd.grad(y, x, retain_graph=True)[0].tolist() == [25.0]
    assert autograd.grad(y, w, retain_graph=True)[0].tolist() == [20.0]
    y.backward()
    assert x.grad.tolist() == [25.0]
    assert w.grad.tolist() == [20.0]


def test_same_input_twice():
    x = leaf(2.0)
    a, b = autograd.grad((x * x).sum(), [x, x])
    assert a.tolist() == b.tolist() == [4.0]


@both
def test_grad_by_a_value_on_the_way_leaves_the_graph_before_it(torch):
    """So that a pass can be made in two parts: what comes after h first, then what came before."""
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w.exp()
    g, = torch.autograd.grad((h * h).sum(), h)
    h.backward(g)
    assert w.grad.tolist() == pytest.approx([2 * math.exp(2), 2 * math.exp(4)])


@both
def test_gradients_that_may_be_differentiated_are_each_leafs_own(torch):
    x, y, given = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0])
    (x + y).backward(given, create_graph=True)
    with torch.no_grad():
        x.grad.mul_(5)
    assert (x.grad.tolist(), y.grad.tolist(), given.tolist()) == ([5, 10], [1, 2], [1, 2])


@both
def test_retained_gradients_are_each_tensors_own(torch):
    x = torch.ones(2, requires_grad=True)
    a = x * 2
    b = a + 1
    a.retain_grad()
    b.retain_grad()
    b.sum().backward()
    a.grad.mul_(5)
    assert (a.grad.tolist(), b.grad.tolist(), x.grad.tolist()) == ([5, 5], [1, 1], [2, 2])
    assert b.grad.stride() == (1,)


@both
def test_backward_by_inputs(torch):
    """One that is given twice counts once; one that is not a leaf retains its gradient from then on."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    z.backward(inputs=[y, x, x], retain_graph=True)
    assert (y.grad.tolist(), x.grad.tolist(), y.retains_grad) == ([2, 4], [2, 4], True)
    z.backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([4, 8], [4, 8])


# ---- Hooks

def test_hook_sees_and_replaces():
    x = leaf(1.0, 2.0)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1.0, 1.0], [10.0, 10.0]]
    assert x.grad.tolist() == [20.0, 20.0]


def test_hook_of_a_leaf_sees_the_whole_gradient_of_one_pass():
    x = leaf(1.0)
    seen = []
    handle = x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert seen == [5.0]
    assert x.grad.tolist() == [6.0]


@pytest.mark.parametrize("bad", [lambda g: ones(7), lambda g: ones(2, 3, 4), lambda g: g.double(), lambda g: 3.0])
@pytest.mark.parametrize("on_leaf", [True, False])
def test_hook_must_return_a_gradient_that_fits(bad, on_leaf):
    x = leaf(1.0, 2.0)
    y = x.exp()
    (x if on_leaf else y).register_hook(bad)
    with pytest.raises((RuntimeError, TypeError), match="hook"):
        y.sum().backward()
    assert x.grad is None


def test_exception_in_a_hook_leaves_the_state_clean():
    x, w = leaf(1.0), leaf(1.0)
    y = x * 2

    def fail(g):
        raise KeyError("from the hook")

    handle = y.register_hook(fail)
    for _ in range(3):
        with pytest.raises(KeyError, match="from the hook"):
            (y * w).sum().backward(retain_graph=True)
        assert x.grad is None
        assert w.grad is None
        assert tinygrad_c.is_grad_enabled()
    handle.remove()
    (y * w).sum().backward()
    assert x.grad.tolist() == [2.0]
    assert w.grad.tolist() == [2.0]


def test_backward_within_a_hook():
    """A pass inside a pass, through the same nodes, does not disturb it."""
    x = leaf(3.0)
    inner, depth = [], 0
    y = x * x
    total = (y * x + 2 * x).sum()

    def again(g):
        nonlocal depth
        depth += 1
        if depth == 1:
            inner.append(autograd.grad(total, x, retain_graph=True)[0].item())

    y.register_hook(again)
    total.backward(retain_graph=True)
    assert inner == [29.0]
    assert depth == 2
    assert x.grad.tolist() == [29.0]


def test_backward_of_another_graph_within_a_hook():
    x = leaf(3.0)
    y = x * x
    other = (x * 5).sum()
    y.register_hook(lambda g: other.backward())
    y.sum().backward()
    assert x.grad.tolist() == [11.0]


def test_retain_grad():
    x = leaf(1.0, 2.0)
    y = x * 2
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
        assert y.grad is None
    y.retain_grad()
    y.retain_grad()
    y.register_hook(lambda g: g * 3)
    assert y.retains_grad
    assert not x.retains_grad
    y.sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [6.0, 6.0]
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        ones(1).retain_grad()


def test_retain_grad_follows_a_write_in_place():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.mul_(5)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [10.0, 10.0]
    y = x * 2
    y.retain_grad()
    y[0] = 7.0
    (y * y).sum().backward()
    assert y.grad.tolist() == [14.0, 8.0]


def test_hooks_need_requires_grad():
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        ones(1).register_hook(print)


# ---- Grad mode

def test_no_grad_as_context_and_decorator():
    x = leaf(1.0)
    with no_grad():
        assert not (x * 2).requires_grad
        with enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @no_grad()
    def f():
        return x * 2

    @no_grad
    def g():
        return x * 2

    class Model:
        @no_grad()
        def predict(self, factor):
            return x * factor

    assert not f().requires_grad
    assert not g().requires_grad
    assert not Model().predict(3).requires_grad
    assert f.__name__ == "f"
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0       # noqa: B018
    assert tinygrad_c.is_grad_enabled()


def test_set_grad_enabled():
    with tinygrad_c.set_grad_enabled(False):
        assert not tinygrad_c.is_grad_enabled()
    assert tinygrad_c.is_grad_enabled()
    tinygrad_c.set_grad_enabled(False)
    assert not tinygrad_c.is_grad_enabled()
    tinygrad_c.set_grad_enabled(True)
    assert tinygrad_c.is_grad_enabled()
    with tinygrad_c.inference_mode():
        assert not tinygrad_c.is_grad_enabled()
    assert tinygrad_c.is_grad_enabled()


def test_grad_mode_is_each_threads_own():
    seen = []
    with no_grad():
        at_once(lambda _: seen.append(tinygrad_c.is_grad_enabled()), 1)
    assert seen == [True]


def test_threads_that_share_a_leaf():
    w = tensor(np.ones((64, 64), np.float32)).requires_grad_()
    n, steps = 4, 50

    def work(_):
        for _ in range(steps):
            (w * 2).sum().backward()

    assert at_once(work, n) == []
    assert w.grad.numpy().min() == w.grad.numpy().max() == 2 * n * steps


# ---- Leaves and flags

def test_requires_grad_of_integers():
    for make in (lambda: tensor([1, 2], requires_grad=True), lambda: tensor([1, 2]).requires_grad_(),
                 lambda: tensor([True]).requires_grad_()):
        with pytest.raises(RuntimeError, match="[oO]nly Tensors of floating point (and complex )?dtype can require gradients"):
            make()


def test_flags():
    x = leaf(1.0)
    y = x * 2
    assert x.is_leaf
    assert x.grad_fn is None
    assert not y.is_leaf
    assert y.grad_fn.name() == "MulBackward0"
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        y.requires_grad = False
    d = y.detach()
    assert d.is_leaf
    assert not d.requires_grad
    assert d.data_ptr() == y.data_ptr()
    assert (ones(1) * 2).is_leaf
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        y.numpy()
    with pytest.raises(BufferError, match="Can't call numpy"):
        memoryview(y)


def test_detach_in_place():
    x = leaf(1.0)
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2)[0].detach_()


def test_grad_setter():
    x = leaf(1.0, 2.0)
    for bad, error in ((ones(3), RuntimeError), (ones(2).double(), RuntimeError), (x, RuntimeError), (1.0, TypeError)):
        with pytest.raises(error):
            x.grad = bad
        assert x.grad is None
    x.grad = ones(2)
    del x.grad
    assert x.grad is None


def test_accumulating_into_a_gradient_that_cannot_be_written():
    x = leaf(1.0, 2.0)
    x.grad = ones(1).expand(2)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    fixed = np.ones(2, np.float32)
    fixed.flags.writeable = False
    x.grad = tinygrad_c.from_numpy(fixed)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    assert fixed.tolist() == [1.0, 1.0]


# ---- Writing in place

def test_leaf_in_place():
    x = leaf(1.0, 2.0)
    for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.mul_(x), lambda: x.copy_(ones(2)), lambda: x.exp_()):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
            write()
    for write in (lambda: x[0].add_(1), lambda: x.view(2, 1).mul_(2), lambda: x.reshape(1, 2)[0].zero_()):
        with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in"):
            write()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used in an in-place operation"):
        x[0] = 5.0
    assert x.tolist() == [1.0, 2.0]
    assert x._version == 0
    with no_grad():
        x -= 0.5
        x[1] = 7.0
    assert x.tolist() == [0.5, 7.0]
    assert x.is_leaf
    assert x.requires_grad
    assert x._version == 2


def test_saved_value_modified():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*ExpBackward.*version 1; expected version 0"):
        y.sum().backward()
    assert x.grad is None
    a = x * 1
    b = a * a
    a[0] = 3.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        b.sum().backward()
    a = x * 1
    b = a * a
    with no_grad():
        a.detach().zero_()          # the same memory
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        b.sum().backward()


@pytest.mark.parametrize("divide", [lambda a, b: a / b, lambda a, b: 2.0 / b, lambda a, b: a / b.sum()])
def test_what_division_gave_may_be_written_over(divide):
    """x = (x - mean) / std; x *= gamma: the quotient is not what its rule needs."""
    a, b = leaf(1.0, 2.0), leaf(4.0, 5.0)
    y = divide(a, b)
    y *= 3
    y.sum().backward()
    expected = b.grad.tolist()
    b.grad = None
    (divide(a, b) * 3).sum().backward()
    assert expected == b.grad.tolist()


def test_gradient_through_a_view_whose_base_was_written():
    """Also where the view is empty, or its elements share memory: their gradients add up."""
    x = tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    y = x * 1
    wide = y.expand(2, 3, 4)
    y.mul_(2)
    (wide * tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [[40.0], [40.0], [40.0]]
    x = tinygrad_c.ones(2, 3, 4, requires_grad=True)
    y = x * 1
    none = y.narrow(2, 1, 0)
    y.mul_(2)
    (none[..., ::2].sum() + y.sum()).backward()
    assert x.grad.flatten().tolist() == [2.0] * 24
    x = tinygrad_c.ones(2, 3, 4, requires_grad=True)
    (x.narrow(2, 1, 0)[..., ::2].sum() + x.sum()).backward()
    assert x.grad.flatten().tolist() == [1.0] * 24


def test_in_place_where_nothing_was_saved():
    x = leaf(1.0, 2.0)
    y = x + 1
    z = y * 2
    y += 5
    (z.sum() + y.sum()).backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_in_place_on_what_needs_no_gradient_with_what_does():
    x = leaf(1.0, 2.0)
    y = ones(2)
    y *= x
    y *= x
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_in_place_with_itself():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y *= y
    y += y
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 8.0, 12.0]
    z = tinygrad_c.arange(4.0)
    z[1:] += z[:-1]             # reads what it writes: as if read first
    assert z.tolist() == [0.0, 1.0, 3.0, 5.0]
    z = tinygrad_c.arange(9.0).reshape(3, 3)
    z += z.t()
    assert z.tolist() == [[0.0, 4.0, 8.0], [4.0, 8.0, 12.0], [8.0, 12.0, 16.0]]


def test_in_place_refusals_change_nothing():
    x = ones(2)
    for bad, words in ((lambda: x.add_(ones(3)), "size"), (lambda: x.add_(ones(2, 2)), "doesn't match the broadcast shape"),
                       (lambda: tensor([1, 2]).add_(0.5), "can't be cast"),
                       (lambda: ones(1).expand(3).add_(1), "single memory location")):
        with pytest.raises(RuntimeError, match=words):
            bad()
    assert x.tolist() == [1.0, 1.0]
    assert x._version == 0
    fixed = np.ones(2, np.float32)
    fixed.flags.writeable = False
    for write in (lambda t: t.add_(1), lambda t: t.zero_(), lambda t: t.copy_(ones(2)), lambda t: t.exp_()):
        with pytest.raises(RuntimeError, match="read-only"):
            write(tinygrad_c.from_numpy(fixed))


def test_view_shares_memory_and_version():
    x = ones(2, 3)
    v = x.t()[1]
    v += 1
    assert x.tolist() == [[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]
    assert x._version == v._version == 1


def test_assigned_data_leaves_exported_memory_alone():
    """An array on the old memory stays valid when the tensor gets other memory."""
    x = tinygrad_c.arange(1000.0)
    array = x.numpy()
    x.data = ones(3)
    filler = [tinygrad_c.full((1000,), -1.0) for _ in range(8)]
    assert array.tolist() == list(range(1000))
    assert x.shape == (3,)
    assert len(filler) == 8


def test_data_of_a_view_or_of_its_base_assigned():
    """The view then looks into the base no more: a write through it is its own."""
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    v = y[1:]
    v.data = ones(5)
    v.mul_(3)
    assert y.tolist() == [2.0, 4.0, 6.0]
    assert v.tolist() == [3.0] * 5
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
    y = x * 2
    v = y[1:]
    y.data = tinygrad_c.zeros(1000)
    v.mul_(3)
    assert v.tolist() == [12.0, 18.0]
    v.sum().backward()
    assert x.grad.tolist() == [2.0, 8.0, 8.0]


# ---- Random programs of views and writes, beside torch

def random_program(rng: np.random.Generator):
    """A list of steps, each (kind, which tensor, numbers): the same for both libraries."""
    return [(rng.choice(["select", "narrow", "t", "flat", "step", "mul_", "add_", "copy_", "set", "mul", "sin_", "zero_",
                         "exp"]),
             int(rng.integers(1 << 30)), rng.random(4)) for _ in range(int(rng.integers(3, 12)))]


def run_program(m, program, start: np.ndarray):
    """The tensors that came about, and the gradient of the start; the text of an error where one was raised."""
    x = m.tensor(start, requires_grad=True)
    made = [x * 1.0]
    try:
        for kind, which, r in program:
            t = made[which % len(made)]
            if kind == "select" and t.ndim:
                made.append(t[int(r[0] * t.shape[0])])
            elif kind == "narrow" and t.ndim and t.shape[0] > 1:
                made.append(t[1:])
            elif kind == "step" and t.ndim and t.shape[-1] > 1:
                made.append(t[..., ::2])
            elif kind == "t" and t.ndim == 2:
                made.append(t.t())
            elif kind == "flat":
                made.append(t.reshape(-1))
            elif kind == "mul_":
                t.mul_(float(r[0] + 0.5))
            elif kind == "add_":
                other = made[int(r[1] * len(made))]
                t.add_(other.sum() * 0.25)
            elif kind == "copy_":
                t.copy_(made[int(r[1] * len(made))].mean())
            elif kind == "set" and t.ndim:
                t[int(r[0] * t.shape[0])] = float(r[1])
            elif kind == "mul":
                made.append(t.contiguous() * float(r[0] + 0.5))      # torch keeps strides otherwise
            elif kind == "exp":
                made.append((t.contiguous() * 0.1).exp())
            elif kind == "sin_":
                t.sin_()
            elif kind == "zero_":
                t.zero_()
        total = sum(((t * t).sum() * (0.3 + 0.1 * i) for i, t in enumerate(made)), m.tensor(0.0, dtype=m.float64))
        total.backward()
    except RuntimeError as error:
        return None, None, str(error)
    return [t.detach().numpy() for t in made], x.grad.numpy(), ""


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("seed", range(10))
def test_programs_of_views_and_writes_beside_torch(seed):
    compared = 0
    for k in range(60):
        rng = np.random.default_rng([seed, k])
        program, start = random_program(rng), rng.random((3, 4))
        values, gradient, error = run_program(tinygrad_c, program, start)
        expected_values, expected_gradient, expected_error = run_program(torch, program, start)
        words = f"{seed}/{k}: {[step[0] for step in program]} {error!r} {expected_error!r}"
        assert (gradient is None) == (expected_gradient is None), words
        if gradient is not None:
            compared += 1
            for a, b in zip(values, expected_values, strict=True):
                np.testing.assert_allclose(a, b, 1e-12, 1e-12, err_msg=words)
            np.testing.assert_allclose(gradient, expected_gradient, 1e-11, 1e-11, err_msg=words)
    assert compared > 20


# ---- Depth and memory

DEEP = """
import gc, resource, sys, threading
import tinygrad_c
def work():
    x = tinygrad_c.ones(1, requires_grad=True)
    y = x
    for _ in range({n}):
        y = y + x
    y.sum().backward()
    assert x.grad.item() == {n} + 1, x.grad
    y = x
    for _ in range({n}):
        y = y * 1.0
    del y
    h = x
    for _ in range({n}):
        h = h.view(1)
    h[0].sum().backward()
    (g,) = tinygrad_c.autograd.grad((x * 2).sum(), x, create_graph=True)
    z = x
    for _ in range({n} // 10):
        z = z * x
    tinygrad_c.autograd.grad(z.sum(), x, create_graph=True)
    gc.collect()
    print("deep enough")
threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_deep_chain_on_a_small_stack():
    run = subprocess.run([sys.executable, "-c", DEEP.format(n=200_000)], capture_output=True, text=True, timeout=120)
    assert run.stdout == "deep enough\n", (run.returncode, run.stderr[-2000:])


def training_step(w, x):
    loss = ((x @ w).tanh() * 0.5).mean() + (w[0] * w[0]).sum()
    loss.backward()
    with no_grad():
        w -= 0.01 * w.grad
    w.grad = None


def test_memory_does_not_grow_with_the_collector_off():
    w = tensor(np.full((8, 8), 0.1, np.float32)).requires_grad_()
    x = tensor(np.ones((4, 8), np.float32))
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            training_step(w, x)
        before = len(gc.get_objects()), tinygrad_c.memory_stats()
        for _ in range(2000):
            training_step(w, x)
        after = len(gc.get_objects()), tinygrad_c.memory_stats()
    finally:
        gc.enable()
    assert after[0] - before[0] < 20
    assert after[1] == before[1]


def make_view_written(x):
    y = x * 2
    v = y[0]
    v.mul_(3)
    return y


@pytest.mark.parametrize("make", [
    lambda x: x.exp(), lambda x: x * x, lambda x: x.tanh().sum(), lambda x: x.sigmoid_ if False else (x * 1).sigmoid_(),
    lambda x: (x * 1).mul_(x), lambda x: (x * 1).sin_(), lambda x: x.softmax(-1), lambda x: x.std(), lambda x: x.norm(),
    lambda x: x.max(), lambda x: x @ x.t(), lambda x: x[0], lambda x: x[[0, 0]], make_view_written, lambda x: x.t().reshape(-1),
    lambda x: autograd.grad(x.exp().sum(), x, create_graph=True)[0], lambda x: x.max(1).values,
    lambda x: autograd.grad((x ** 3).sum(), x, create_graph=True)[0], lambda x: x.logsumexp(1), lambda x: x.prod()])
@pytest.mark.parametrize("used", [False, True])
def test_no_reference_cycles(make, used):
    x = tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = make(x)
        if used:
            y.retain_grad()
            y.sum().backward()
        gone, fn_gone = weakref.ref(y), y.grad_fn
        fn_refs = sys.getrefcount(fn_gone)
        del y
        assert gone() is None
        assert sys.getrefcount(fn_gone) < fn_refs
    finally:
        gc.enable()


# ---- Where the first pass was

def test_second_backward_names_the_line_of_the_first():
    x = leaf(1.0, 2.0)
    for first in (lambda y: y.sum().backward(), lambda y: y.backward(ones(2)), lambda y: autograd.backward(y.sum()),
                  lambda y: autograd.grad(y.sum(), x), lambda y: autograd.backward(y.sum(), inputs=[x])):
        y = x * x
        first(y)
        with pytest.raises(RuntimeError, match=rf"an earlier backward\(\), at .*test_tape.py:{first.__code__.co_firstlineno}"):
            y.sum().backward()


def test_the_line_within_a_long_function():
    x = leaf(1.0)
    y = x * x
    for _ in range(3):
        (x * 2).sum().backward()
    line = sys._getframe().f_lineno + 1
    y.sum().backward()
    for _ in range(30):
        (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match=f"test_tape.py:{line}[.]"):
        y.sum().backward()


def test_old_passes_are_forgotten():
    x = leaf(1.0)
    y = x * x
    y.sum().backward()
    for _ in range(200):
        (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match=r"an earlier backward\(\)[.]"):
        y.sum().backward()


# ---- Hooks after accumulation

@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
def test_a_handle_removes_its_own_registration_only(register):
    """The same function registered twice was taken off twice by one handle, removed twice."""
    x = ones(2, requires_grad=True)
    seen = []
    first, second = (getattr(x, register)(seen.append) for _ in range(2))
    first.remove()
    first.remove()
    x.sum().backward()
    assert len(seen) == 1
    second.remove()
    x.sum().backward()
    assert len(seen) == 1


def test_post_accumulate_grad_hook():
    x = leaf(1.0, 2.0)
    seen = []
    x.register_hook(lambda g: 2 * g)
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    (x * x).sum().backward()
    (x + x.detach()).sum().backward(inputs=[x])
    assert seen == [(True, [4.0, 8.0]), (True, [6.0, 10.0])]
    autograd.grad((x * x).sum(), x)
    assert len(seen) == 2
    handle.remove()
    handle.remove()
    (x * x).sum().backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match="post accumulate grad hooks cannot be registered on non-leaf tensors"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        ones(1).register_post_accumulate_grad_hook(print)


def test_a_step_within_backward():
    """An optimizer's step as the gradient arrives: the parameter and its gradient may change in the hook."""
    x = leaf(1.0)

    def step(t):
        with no_grad():
            t -= 0.1 * t.grad
        t.grad = None
    x.register_post_accumulate_grad_hook(step)
    (3 * x).sum().backward()
    assert x.grad is None
    assert x.item() == pytest.approx(0.7)


def test_hooks_within_with():
    x = leaf(1.0)
    with x.register_hook(lambda g: g * 10):
        (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert x.grad.tolist() == [11.0]


def test_prehook_of_a_node():
    x = leaf(1.0)
    y = x * 3
    seen = []
    handle = y.grad_fn.register_prehook(lambda gs: seen.append(gs[0].tolist()))
    y.sum().backward(retain_graph=True)
    handle.remove()
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 2,))
    y.sum().backward()
    assert seen == [[1.0]]
    assert x.grad.tolist() == [9.0]


# ---- Anomaly mode

def test_anomaly_names_the_line():
    x = leaf(1.0, 0.0)
    with autograd.detect_anomaly():
        line = sys._getframe().f_lineno + 1
        y = x.sqrt()
        with pytest.warns(UserWarning, match="Error detected in SqrtBackward0.*Traceback of forward call"), \
                pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output") as raised:
            (y * 0).sum().backward()
    assert f"test_tape.py:{line}, in test_anomaly_names_the_line: `y = x.sqrt()`" in str(raised.value)
    assert x.grad is None
    (x.sqrt() * 0).sum().backward()         # off again
    assert x.grad.isnan().tolist() == [False, True]


def test_anomaly_finds_nan_in_every_kind_of_rule():
    bad = tensor([float("nan"), 1.0])
    for f, name in ((lambda x: x * bad, "MulBackward0"), (lambda x: (x.reshape(1, 2) @ bad.reshape(2, 1)), "MmBackward0"),
                    (lambda x: (x / 0 * 0), "DivBackward0"), (lambda x: x.double() * bad.double(), "MulBackward0")):
        x = leaf(1.0, 2.0)
        with autograd.set_detect_anomaly(True), pytest.warns(UserWarning, match=name), \
                pytest.raises(RuntimeError, match=f"'{name}' returned nan"):
            f(x).sum().backward()
        with autograd.set_detect_anomaly(True, check_nan=False):
            f(x).sum().backward()


def test_anomaly_leaves_numbers_alone():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def f():
        for t in (x, w):
            t.grad = None
        h = (x.unsqueeze(0) @ w.unsqueeze(1)).tanh() + (x * w).sum()
        (h * h).sum().backward()
        return x.grad.tolist(), w.grad.tolist()
    with autograd.detect_anomaly():
        careful = f()
        assert autograd.anomaly_mode.is_anomaly_enabled()
    assert careful == f()


def test_anomaly_names_the_line_of_another_error():
    x = leaf(1.0)
    with autograd.detect_anomaly(check_nan=False):
        y = x.exp()
        y += 1
        with pytest.warns(UserWarning, match="y = x.exp"), pytest.raises(RuntimeError, match="modified by an inplace"):
            y.sum().backward()


def test_set_detect_anomaly_at_once():
    from tinygrad_c.autograd import anomaly_mode
    autograd.set_detect_anomaly(True)
    assert anomaly_mode.is_anomaly_check_nan_enabled()
    autograd.set_detect_anomaly(False)
    assert not anomaly_mode.is_anomaly_enabled()


def test_inference_mode():
    x = leaf(1.0)
    with tinygrad_c.inference_mode():
        assert tinygrad_c.is_inference_mode_enabled()
        y = x * 2
    assert not tinygrad_c.is_inference_mode_enabled()
    assert not y.requires_grad
    with tinygrad_c.inference_mode(False):
        assert not tinygrad_c.is_inference_mode_enabled()
        assert (x * 2).requires_grad

    @tinygrad_c.inference_mode()
    def f(x):
        return x * 2
    assert not f(x).requires_grad


def test_variables_of_older_programs():
    assert autograd.Variable(tensor([1.0]), requires_grad=True).requires_grad


def test_batched_grad_outputs():
    x = leaf(1.0, 2.0, 3.0)
    (rows,) = autograd.grad(x ** 2, x, grad_outputs=tinygrad_c.eye(3), is_grads_batched=True)
    assert rows.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed"):
        autograd.grad(x.sum(), x, materialize_grads=True, allow_unused=False)


def test_generators_in_a_mode():
    x = leaf(1.0)

    @no_grad()
    def steps():
        got = yield (x * 2).requires_grad
        yield (x * got).requires_grad
        return 5

    def outer():
        result = yield from steps()
        assert result == 5
    run = outer()
    assert next(run) is False
    assert tinygrad_c.is_grad_enabled()
    assert run.send(3) is False
    assert (x * 2).requires_grad
    assert list(run) == []
