"""What leads out of a tensor's memory, or down the whole stack: each of these ended the process once, or read what was not its own.

NumPy and other threads may write to memory that a tensor shares at any moment. The values may then be anything; the process goes on.
"""
from __future__ import annotations

import contextlib
import threading
import warnings

import numpy as np
import pytest

import tinygrad_c
from tinygrad_c import nn, ones, tensor, zeros

F = nn.functional
FAR = [10 ** 12, -10 ** 12, 10 ** 6]


# ---- Indices that NumPy writes over between the forward pass and backward()

def weights():
    tinygrad_c.manual_seed(0)
    return tinygrad_c.randn(50, 4, requires_grad=True)


SHARED = {      # an index into w, of 40 or 40 x 4 elements, and the loss
    "index": lambda w, i: w[i].sum(), "two": lambda w, i: w[i, i % 4].sum(), "embedding": lambda w, i: F.embedding(i, w).sum(),
    "index_select": lambda w, i: w.index_select(0, i).sum(), "index_add": lambda w, i: zeros(50, 4).index_add(0, i, w[:40]).sum(),
    "take": lambda w, i: w.take(i).sum(), "put": lambda w, i: w.put(i, w[:40, 0]).sum(),
    "cross_entropy": lambda w, i: F.cross_entropy(w[:40], i), "nll_loss": lambda w, i: F.nll_loss(w[:40], i),
    "smoothed": lambda w, i: F.cross_entropy(w[:40], i, weight=ones(4), label_smoothing=0.1, reduction="sum"),
    "many classes": lambda w, i: F.cross_entropy(w.reshape(1, 200).expand(40, 200), i),
    "multi_margin": lambda w, i: F.multi_margin_loss(w[:40], i),
    "gather": lambda w, i: w.gather(0, i[:, None]).sum(), "scatter": lambda w, i: zeros(50, 4).scatter(0, i[:, None], w).sum(),
    "scatter_add": lambda w, i: zeros(50, 4).scatter_add(0, i[:, None], w).sum(),
    "scatter_reduce": lambda w, i: w.scatter_reduce(0, i[:, None], w, "prod").sum(),
}


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("name", SHARED)
def test_an_index_that_numpy_writes_over_before_backward(name, far):
    array = np.zeros(40, np.int64)
    w = weights()
    loss = SHARED[name](w, tinygrad_c.from_numpy(array))
    array[:] = far
    try:
        loss.backward()
    except (IndexError, RuntimeError):
        assert w.grad is None
    else:
        assert w.grad.shape == w.shape


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("f", [
    lambda w: w.max(1), lambda w: w.sort(0), lambda w: w.topk(2, 0), lambda w: w.kthvalue(2, 0), lambda w: w.median(0),
    lambda w: w.cummax(0), lambda w: F.max_pool1d(w[None], 2, return_indices=True),
    lambda w: F.max_pool2d(w[None], 2, return_indices=True), lambda w: F.adaptive_max_pool2d(w[None], 2, return_indices=True)])
def test_returned_places_that_are_written_over_before_backward(f, create_graph, far):
    w = weights()
    values, places = f(w)
    places.numpy()[...] = far
    try:
        values.sum().backward(create_graph=create_graph)
    except (IndexError, RuntimeError):
        assert w.grad is None
    else:
        assert w.grad.shape == w.shape


@pytest.mark.parametrize("classes", [4, 40])
def test_targets_that_numpy_writes_over(classes):
    """Of few classes the forward pass keeps the derivative, of many the backward pass reads the targets again: a target that is
    out of range now counts nothing."""
    array = np.array([0, 1, 2])
    x = zeros(3, classes, requires_grad=True)
    loss = F.cross_entropy(x, tinygrad_c.from_numpy(array), reduction="sum")
    array[1] = classes
    loss.backward()
    share = 1 / classes
    kept = [share, share - 1] + [share] * 2
    assert x.grad[1, :4].tolist() == pytest.approx(kept if classes == 4 else [0.0] * 4)
    assert x.grad[0, :4].tolist() == pytest.approx([share - 1] + [share] * 3)


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("f", [lambda w, m: w[m].sum(), lambda w, m: w.masked_select(m).sum(), lambda w, m: w[m[:, 0]].sum(),
                               lambda w, m: w.masked_scatter(m, w.detach()).sum(), lambda w, m: w.masked_fill(m, 0.0).sum()])
def test_a_mask_that_numpy_writes_over_before_backward(f, new):
    array = np.zeros((50, 4), bool)
    array[::3] = True
    w = weights()
    loss = f(w, tinygrad_c.from_numpy(array))
    array[...] = new
    loss.backward()
    assert w.grad.shape == w.shape


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("f", [lambda w, m: w[m], lambda w, m: w.masked_select(m), lambda w, m: zeros(50, 4).masked_scatter(m, w),
                               lambda w, m: zeros(50, 4).index_put((m,), w.reshape(-1)[:m.sum().item()])])
def test_what_a_mask_chose_stays_chosen(f, new):
    """Only where a mask itself is used again (masked_fill, where) is the one in memory then the one that counts."""
    array = np.zeros((50, 4), bool)
    array[::3] = True
    grads = []
    for written in (array.copy(), np.full_like(array, new)):
        memory, w = array.copy(), weights()
        loss = (f(w, tinygrad_c.from_numpy(memory)) * 3).sum()
        memory[...] = written
        loss.backward()
        grads.append(w.grad.tolist())
    assert grads[0] == grads[1]
    assert sum(map(sum, grads[0])) == 3 * array.sum()


# ---- Memory that another thread writes to while it is read

def while_written(array, others, work, seconds=0.3):
    """work() again and again, while another thread writes each of `others`, numbers or arrays, into the array in turn."""
    import time
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for each in others:
                np.copyto(array, each)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(IndexError, RuntimeError, ValueError):
                work()
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("work", [
    lambda i: zeros(200_000).gather(0, i), lambda i: zeros(200_000).scatter_(0, i, 1.0), lambda i: zeros(50, 4)[i],
    lambda i: zeros(50).index_add_(0, i, zeros(200_000)), lambda i: F.cross_entropy(zeros(200_000, 2), i),
    lambda i: zeros(50).take(i)])
def test_indices_that_another_thread_writes(work):
    array = np.zeros(200_000, np.int64)
    index = tinygrad_c.from_numpy(array)
    while_written(array, (10 ** 14, 0, -10 ** 14, 0), lambda: work(index))


def test_an_index_beside_a_number_that_is_out_of_bounds():
    """A number is no tensor, but src may be one: the error is the index's."""
    for f in (lambda: zeros(3).scatter_(0, tensor([7]), 1.0), lambda: zeros(3).scatter(0, tensor([7]), 1.0)):
        with pytest.raises(RuntimeError, match="out of bounds"):
            f()


def test_counts_that_another_thread_writes():
    array = np.zeros(200_000, np.int64)
    index = tinygrad_c.from_numpy(array)
    while_written(array, (10 ** 6, 0), lambda: (index.bincount(), index.argmax(), index.max(0)))


def test_divisors_that_another_thread_writes():
    for dtype in (np.int64, np.int32, np.uint8):
        array = np.ones(200_000, dtype)
        x = tinygrad_c.from_numpy(array)
        a = ones(200_000, dtype=x.dtype)
        while_written(array, (0, 1), lambda a=a, x=x: (a // x, a % x, a.fmod(x), tinygrad_c.div(a, x, rounding_mode="trunc")), 0.4)


def test_a_mask_that_another_thread_writes():
    array = np.zeros(200_000, bool)
    mask = tinygrad_c.from_numpy(array)
    while_written(array, (True, False), lambda: (mask.nonzero(), zeros(200_000)[mask]))


def test_values_that_another_thread_writes():
    array = np.random.default_rng(0).random(200_000).astype(np.float32)
    x = tinygrad_c.from_numpy(array)

    def work():
        assert 0 <= x.argmax().item() < 200_000
        index = x.reshape(200, 1000).max(1).indices
        assert 0 <= index.min().item() <= index.max().item() < 1000

    while_written(array, (1.0, float("nan"), 0.0), work)


@pytest.mark.parametrize(("seconds", "work"), [(1, lambda x: x.topk(50)), *[(0.2, work) for work in (
    lambda x: x.sort(), lambda x: x.kthvalue(70), lambda x: x.median(), lambda x: x.quantile(0.3),
    lambda x: x.unique(), lambda x: tinygrad_c.searchsorted(x, x[:100]), lambda x: x.histc(10), lambda x: x.mode(),
    lambda x: tinygrad_c.histogram(x, 10))]])
def test_numbers_that_another_thread_writes_while_they_are_sorted(seconds, work):
    """NumPy's partition runs past the end where numbers change under it."""
    rng = np.random.default_rng(0)
    array = rng.random(200_000).astype(np.float32)
    x = tinygrad_c.from_numpy(array)
    others = [rng.random(200_000).astype(np.float32) for _ in range(3)]
    while_written(array, (*others, 1.0, float("nan"), 0.0), lambda: work(x), seconds)


# ---- Memory that may not be written to

def read_only(tmp_path):
    (tmp_path / "floats").write_bytes(np.full(6, 0.5, np.float32).tobytes())
    return tinygrad_c.from_numpy(np.memmap(tmp_path / "floats", np.float32, "r", shape=(2, 3)))


def test_a_gradient_in_a_read_only_map_is_not_filled_with_zeros(tmp_path):
    p = nn.Parameter(ones(2, 3))
    p.grad = read_only(tmp_path)
    tinygrad_c.optim.SGD([p], 0.1).zero_grad(set_to_none=False)
    assert p.grad.tolist() == zeros(2, 3).tolist()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_an_optimizer_keeps_no_state_in_a_read_only_map(tmp_path, kind):
    p = nn.Parameter(ones(2, 3))
    optimizer = getattr(tinygrad_c.optim, kind)([p], 0.1, **({"momentum": 0.9} if kind == "SGD" else {}))
    p.grad = ones(2, 3)
    optimizer.step()
    name = next(name for name in optimizer.state[p] if name != "step")
    optimizer.state[p][name] = given = read_only(tmp_path)
    optimizer.step()
    assert given.tolist() == [[0.5] * 3] * 2
    assert optimizer.state[p][name].tolist() != given.tolist()


# ---- Bytes that are no bool

def test_bytes_that_are_no_bool():
    """The places of 13,200 true elements were looked for among 200."""
    array = np.array([255, 0, 7, 2] * 50, np.uint8).view(bool)
    for make in (tinygrad_c.from_numpy, tensor, lambda a: tinygrad_c.from_numpy(a[::2]), tinygrad_c.as_tensor):
        with pytest.raises(ValueError, match="other than 0 and 1"):
            make(array)
    assert tinygrad_c.from_numpy(array != 0).sum().item() == 150
    later = np.zeros(200, np.uint8)
    mask = tinygrad_c.from_numpy(later.view(bool))
    later[:] = [255, 0, 7, 2] * 50
    assert mask.nonzero().shape == (150, 1)
    assert ones(200)[mask].tolist() == [1.0] * 150


# ---- Sequences that do not have the elements that their len() says

@pytest.mark.parametrize("base", [list, tuple])
def test_sequences_that_lie(base):
    """A million numbers were written to memory for five."""
    class Liar(base):
        def __len__(self):
            return 5

        def __iter__(self):
            return iter(range(1_000_000))

    for data in (Liar([1]), [Liar(), Liar()]):
        with pytest.raises(ValueError, match="the len\\(\\) of a sequence does not match"):
            tensor(data)


# ---- Memory that is exchanged

def test_out_of_another_shape_is_not_what_was_saved():
    for n in (1, 1000, 100_000):
        for writes in range(3):
            x = ones(1000 if n < 1000 else 3)
            w = ones(x.shape, requires_grad=True)
            for _ in range(writes):
                x.add_(0)
            loss = (w * x).sum()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tinygrad_c.add(ones(n), 1, out=x)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()


def test_an_owner_that_looks_at_the_tensor_when_it_is_let_go():
    """Its __del__ saw the new size over the old memory."""
    seen = []

    class Owner(np.ndarray):
        def __del__(self):
            if shared:
                seen.append(shared[0].sum().item())

    shared = []
    for n in (1_000_000, 3):
        x = tinygrad_c.from_numpy(np.ones(4, np.float32).view(Owner))
        shared[:] = [x]
        x.data = zeros(n)
        shared.clear()
    assert seen == [0.0, 0.0]


# ---- Chains that are let go of at once

def test_gradients_of_gradients_of_gradients():
    """A million .grad, each of the one before."""
    x = ones(1)
    for _ in range(300_000):
        y = ones(1)
        y.grad = x
        x = y
    assert x.grad.grad.grad.tolist() == [1.0]
    del x, y
    assert ones(1).tolist() == [1.0]


def test_memory_that_was_lent_on_and_on():
    x = ones(3)
    for _ in range(60_000):
        x = tinygrad_c.from_dlpack(x)
    assert x.tolist() == [1.0] * 3
    y = np.ones(3)
    for _ in range(30_000 if int(np.__version__.split(".")[0]) > 1 else 0):     # NumPy 1 lends on nothing that was lent to it
        y = np.from_dlpack(tinygrad_c.from_dlpack(y))
    assert y.tolist() == [1.0] * 3
    del x, y
