"""What changes under the tape's hands: other threads in the same graph, .data exchanged, hooks that raise, resize or start again.

Each gives the right gradient or an exception, and a pass that fails leaves every .grad as it was.
"""
from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from samples.comparing import at_once

import tinygrad_c
from tinygrad_c import nn, ones, tensor, zeros

# ---- Threads in one graph: kernels of some size let other threads run

def test_threads_add_into_the_gradients_of_one_net():
    """Nothing that one of them adds is lost, and nothing is added twice."""
    tinygrad_c.manual_seed(0)
    net = nn.Sequential(nn.Linear(200, 300), nn.Tanh(), nn.Linear(300, 200))
    inputs = [tinygrad_c.randn(150, 200) for _ in range(4)]

    def work(k):
        for _ in range(10):
            net(inputs[k]).square().sum().backward()

    for k in range(4):
        work(k)
    alone = [p.grad for p in net.parameters()]
    net.zero_grad()
    assert at_once(work) == []
    for p, expected in zip(net.parameters(), alone):
        assert (p.grad - expected).abs().max().item() <= 1e-5 * expected.abs().max().item()


def test_threads_go_back_through_one_graph():
    tinygrad_c.manual_seed(0)
    w = tinygrad_c.randn(300, 300, requires_grad=True)
    h = (w @ w * 0.01).tanh()
    y = (h @ h).sum()
    (expected,) = tinygrad_c.autograd.grad(y, w, retain_graph=True)
    different = []

    def work(k):
        for _ in range(10):
            (g,) = tinygrad_c.autograd.grad(y, w, retain_graph=True)
            different.extend([k] * bool((g != expected).any()))

    assert at_once(work) == []
    assert different == []
    assert w.grad is None


def test_hooks_of_nodes_in_several_threads():
    """Each pass keeps its own gradients back for them, whenever the other's hooks are done."""
    missed = []

    def work(k):
        x, w = tinygrad_c.ones(100 + 50 * k, 400, requires_grad=True), tinygrad_c.ones(400, 400, requires_grad=True)
        for _ in range(40):
            y = x @ w
            y.grad_fn.register_hook(lambda inputs, outputs: missed.extend(k for g in inputs[:2] if g is None))
            y.sum().backward()
    assert at_once(work) == []
    assert missed == []


def test_hooks_at_the_end_of_passes_in_several_threads():
    """What was to be called at the end of one thread's pass was called at the end of another's, or never."""
    wrong = []

    def work(k):
        x, w = ones(200 + 50 * k, 300, requires_grad=True), ones(300, 300, requires_grad=True)
        for _ in range(40):
            y, seen = x @ w, []
            tinygrad_c.autograd.graph.register_multi_grad_hook((y, w), seen.append)
            (y @ w).sum().backward()
            wrong.extend([k] * (len(seen) != 1 or any(g is None for g in seen[0])))
    assert at_once(work) == []
    assert wrong == []


# ---- .data exchanged between the forward pass and backward()

@pytest.mark.parametrize("other", [zeros(2), zeros(5), zeros(2, dtype=tinygrad_c.float64), zeros(3, 2)])
@pytest.mark.parametrize("leaf", [True, False])
def test_other_data_is_not_what_was_saved(leaf, other):
    """Both memories were never written to: their versions are equal."""
    x = tensor([3.0, 4.0], requires_grad=True)
    w = tensor([1.0, 2.0], requires_grad=True)
    y = x if leaf else x * 1
    loss = (y * w).sum()
    y.data = other
    with pytest.raises(RuntimeError, match="modified by an inplace operation|shape of one of them was changed"):
        loss.backward()
    assert x.grad is None
    assert w.grad is None


def test_what_was_not_saved_may_be_exchanged():
    p = tensor([1.0, 2.0], requires_grad=True)
    loss = (p * 3).sum()
    p.data = p.data - 1
    loss.backward()
    assert p.grad.tolist() == [3.0, 3.0]
    (p * p).sum().backward()
    assert p.grad.tolist() == [3.0, 5.0]


def test_a_gradient_of_another_size_than_its_tensor():
    x = ones(2, requires_grad=True)
    loss = (x * 2).sum()
    x.data = ones(3)
    with pytest.raises(RuntimeError, match="shape of one of them was changed"):
        loss.backward()
    assert x.grad is None
    for size in (1, 2, 1000):
        x = ones(size, requires_grad=True)
        x.grad = ones(size)
        x.data = ones(3)
        with pytest.raises(RuntimeError, match="cannot be added to a .grad of shape"):
            (x * 2).sum().backward()
        assert x.grad.tolist() == [1.0] * size


def test_other_data_while_another_thread_computes_with_it():
    """The memory stays until nobody reads it: 600 MB at once go back to the system and would be gone."""
    x = ones(150_000_000)
    first = threading.Thread(target=lambda: x.sum())
    first.start()
    x.data = ones(2)
    tinygrad_c.empty_cache()
    first.join()
    assert x.sum().item() == 2
    x.data = x.data     # and is let go of then
    assert tinygrad_c.memory_stats()["in_use"] < 600_000_000


def test_much_other_data_while_another_thread_computes():
    """What 5,000 other tensors give up meanwhile does not push the memory out that is read."""
    others = [ones(1) for _ in range(1000)]
    for _ in range(3):
        x = ones(60_000_000)
        found = []
        thread = threading.Thread(target=lambda x=x, found=found: found.append(x.logsumexp(0).item()))
        thread.start()
        time.sleep(0.01)
        for y in others * 5:
            y.data = ones(1)
        x.data = ones(2)
        tinygrad_c.empty_cache()
        others[0].data = others[1].data = ones(1)
        tinygrad_c.empty_cache()
        thread.join()
        assert abs(found[0] - 18.9098) < 1e-3
    for y in others[:3]:
        y.data = ones(1)
    assert tinygrad_c.memory_stats()["in_use"] < 240_000_000


# ---- Hooks

def test_a_hook_of_a_leaf_that_raises_leaves_the_other_leaves():
    leaves = [ones(2, requires_grad=True) for _ in range(4)]
    leaves[1].grad = tensor([5.0, 5.0])
    leaves[2].register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (leaves[0] * leaves[1] * leaves[2] * leaves[3]).sum().backward()
    assert [None if x.grad is None else x.grad.tolist() for x in leaves] == [None, [5.0, 5.0], None, None]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("f", [lambda x: x.sigmoid(), lambda x: x * 2, lambda x: x @ ones(2000, 3), lambda x: x.softmax(0)])
def test_a_hook_that_resizes_the_gradient(f, size):
    x = ones(2000, requires_grad=True)
    y = f(x)
    y.register_hook(lambda g: setattr(g, "data", ones(size)))
    with pytest.raises(RuntimeError, match="shape of one of them was changed"):
        y.sum().backward()
    assert x.grad is None


def test_a_gradient_that_a_later_hook_resizes():
    """It is on its way already, to a node that is visited after the hook."""
    x = ones(2000, requires_grad=True)
    a = x.sigmoid()
    b = x * 2
    sent = ones(2000)

    class Send(tinygrad_c.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return sent

    b.register_hook(lambda g: setattr(sent, "data", ones(1)))
    with pytest.raises(RuntimeError, match="was changed"):
        (Send.apply(a).sum() + b.sum()).backward()
    assert x.grad is None


def test_passes_within_passes():
    """Through the same nodes, twenty deep: the sums are what they would be one after another."""
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    z = (y * y).sum()
    depth = []

    def again(g):
        if len(depth) < 20:
            depth.append(g)
            z.backward(retain_graph=True)

    y.register_hook(again)
    z.backward(retain_graph=True)
    assert x.grad.tolist() == [21 * 18.0, 21 * 36.0]


def test_endless_passes_end_in_recursion_error():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    z = y.sum()
    y.register_hook(lambda g: z.backward(retain_graph=True))
    with pytest.raises(RecursionError):
        z.backward(retain_graph=True)
    assert x.grad is None


# ---- Shapes changed in place, between the forward pass and backward()

@pytest.mark.parametrize("change", [lambda x: x.t_(), lambda x: x.transpose_(0, 1), lambda x: x.unsqueeze_(0), lambda x: x.resize_(1),
                                    lambda x: x.resize_(1000), lambda x: x.swapaxes_(0, 1) if hasattr(x, "swapaxes_") else x.t_()])
@pytest.mark.parametrize("f", [lambda x, w: x * w, lambda x, w: x.t() @ w, lambda x, w: w.t() @ x, lambda x, w: w / x,
                               lambda x, w: tinygrad_c.atan2(w, x)])
def test_another_shape_of_what_was_saved(f, change):
    """x.t_() left the rule with rows where it needed columns, x.resize_() with less memory than it read."""
    tinygrad_c.manual_seed(0)
    x = tinygrad_c.rand(30, 20) + 1
    w = tinygrad_c.rand(30, 20, requires_grad=True)
    out = f(x, w).sum()
    (expected,) = tinygrad_c.autograd.grad(out, w, retain_graph=True)
    change(x)
    try:
        out.backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
        assert w.grad is None
    else:       # what was saved was not x but a view of it
        assert w.grad.tolist() == expected.tolist()


# ---- One memory of NumPy's seen by several tensors

@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "copy_", "maximum", "div_"])
@pytest.mark.parametrize(("first", "second"), [(slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1)),
                                           (slice(None), slice(None, None, -1)), (slice(0, 500), slice(0, 1000, 2)),
                                           (slice(None), slice(None)), (slice(0, 500), slice(500, None))])
def test_tensors_of_overlapping_arrays(name, first, second):
    """What is written is what a copy of the other would have given."""
    memory = np.arange(1.0, 1001.0)
    expected = memory.copy()
    a, b = expected[first], expected[second].copy()
    x, y = tinygrad_c.from_numpy(memory[first]), tinygrad_c.from_numpy(memory[second])
    if name == "maximum":
        tinygrad_c.maximum(x, y, out=x)
        a[:] = np.maximum(a, b)
    else:
        getattr(x, name)(y)
        a[:] = {"add_": a + b, "sub_": a - b, "mul_": a * b, "div_": a / b, "copy_": b}[name]
    assert memory.tolist() == expected.tolist()


def test_nodes_cannot_be_made_by_hand():
    """A node without a rule had no name to give, and took the process with it."""
    kind = type((ones(2, requires_grad=True) * 2).grad_fn)
    for make in (kind, lambda: kind.__new__(kind), lambda: object.__new__(kind)):
        with pytest.raises(TypeError):
            make()


@pytest.mark.parametrize(("first", "second", "shared"), [
    (slice(None), slice(None), True), (slice(0, 4), slice(3, None), True), (slice(None, None, -1), slice(0, 1), True),
    (slice(0, 3), slice(3, None), False), (slice(0, 2), slice(4, None), False)])
def test_a_write_counts_for_every_tensor_of_an_array(first, second, shared):
    """Each has a storage of its own; a rule that saved one is told of a write through the other."""
    memory = np.arange(1.0, 7.0)
    w = ones(1, dtype=tinygrad_c.float64, requires_grad=True)
    x, y, away = tinygrad_c.from_numpy(memory[first]), tinygrad_c.from_numpy(memory[second]), tinygrad_c.from_numpy(memory.copy())
    loss = (x * w).sum()
    away.add_(1)
    (expected,) = tinygrad_c.autograd.grad(loss, w, retain_graph=True)
    for write in (lambda: y.mul_(2), lambda: y[:1].zero_(), lambda: tinygrad_c.optim.SGD([y], 0.1).step()):
        y.grad = y.clone()
        before = x._version
        write()
        assert (x._version > before) == shared
    if shared:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
    else:
        loss.backward()
        assert w.grad.tolist() == expected.tolist()
    del x
    y.add_(1)       # what is gone is not written to


def test_memory_lent_to_numpy_and_taken_back():
    """The tensor that lent it, and those made of the arrays that see it, count together."""
    x = ones(6)
    w = ones(1, requires_grad=True)
    loss = (x * w).sum()
    for array in (x.numpy(), x.numpy()[1:], x.numpy().reshape(2, 3).T, np.asarray(x)[::-1], memoryview(x)):
        back = tinygrad_c.from_numpy(np.asarray(array))
        before = x._version
        back.add_(1)
        assert x._version == before + 1
        before = back._version
        x.mul_(1)
        assert back._version == before + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    frozen = x.numpy()
    frozen.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        tinygrad_c.from_numpy(frozen).add_(1)
    x.add_(1)


def test_strides_cannot_lead_out_of_an_array():
    """Of a reversed array the first element is the last in memory: a region was taken to begin there."""
    memory = np.arange(6.0)
    x = tinygrad_c.from_numpy(memory[::-1])
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.as_strided((6,), (1,), 1)
    assert x.as_strided((6,), (1,), 0).tolist() == memory.tolist()
    with pytest.raises(RuntimeError, match="out of bounds"):
        tinygrad_c.from_numpy(memory[:3]).as_strided((4,), (1,), 0)
    assert tinygrad_c.from_numpy(memory[::2]).as_strided((5,), (1,), 0).tolist() == memory[:5].tolist()
