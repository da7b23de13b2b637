"""Bad input at every public door, and interrupts: a clear exception, and every tensor as it was."""
from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

import tinygrad_c
from tinygrad_c import nn, ones, optim, tensor


class Raises:
    def __array__(self, *args, **kwargs):
        raise ZeroDivisionError("from __array__")


class Interface:
    __array_interface__ = {"shape": (2,), "typestr": "<f4", "data": (16, False), "version": 3}  # noqa: RUF012


DOORS = {
    "tensor": tinygrad_c.tensor, "as_tensor": tinygrad_c.as_tensor, "from_numpy": tinygrad_c.from_numpy,
    "add": lambda x: ones(2) + x, "add_": lambda x: ones(2).add_(x), "matmul": lambda x: ones(2, 2) @ x,
    "where": lambda x: tinygrad_c.where(ones(2) > 0, x, ones(2)), "cat": lambda x: tinygrad_c.cat([ones(2), x]),
    "index": lambda x: ones(2)[x], "set": lambda x: ones(2).__setitem__(0, x), "copy_": lambda x: ones(2).copy_(x),
    "backward": lambda x: (ones(2, requires_grad=True) * 2).backward(x), "linear": lambda x: nn.Linear(2, 2)(x),
    "mse_loss": lambda x: nn.functional.mse_loss(ones(2), x), "cross_entropy": lambda x: nn.functional.cross_entropy(ones(2, 3), x),
    "full": lambda x: tinygrad_c.full((2,), x), "sum": lambda x: ones(2).sum(x), "reshape": lambda x: ones(2).reshape(x),
    "Parameter": nn.Parameter, "SGD": lambda x: optim.SGD([x], 0.1), "no_data": lambda x: setattr(ones(2), "data", x),
    "grad": lambda x: setattr(ones(2, requires_grad=True), "grad", x), "manual_seed": tinygrad_c.manual_seed,
    "load_state_dict": lambda x: nn.Linear(2, 2).load_state_dict(x), "state": lambda x: nn.Linear(2, 2).load_state_dict({"weight": x}),
    "zeros": tinygrad_c.zeros, "expand": lambda x: ones(2).expand(x), "arange": tinygrad_c.arange, "dropout": lambda x: nn.Dropout(x),
    "set_num_threads": tinygrad_c.set_num_threads, "one_hot": nn.functional.one_hot, "embedding": lambda x: nn.Embedding(3, 2)(x),
}
RUBBISH = {
    "text": "text", "bytes": b"abc", "object": object(), "complex": 1j, "set": {1, 2}, "dict": {"a": 1}, "function": len,
    "type": float, "raises": Raises(), "wild pointer": Interface(), "ragged": [[1.0], [2.0, 3.0]], "list of None": [None],
    "array of objects": np.array([object()], object), "array of text": np.array(["a"]), "complex array": np.ones(2, complex),
    "generator": (i for i in range(3)), "half of a record": np.zeros(2, [("a", "f4"), ("b", "f4")]), "dates": np.zeros(2, "M8[s]"),
}


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("door", DOORS)
def test_rubbish_is_refused(door, rubbish):
    """With an exception of a class that Python has for it, and never in silence (sets of names and text may be keys)."""
    threads = tinygrad_c.get_num_threads()
    try:
        result = DOORS[door](RUBBISH[rubbish])
    except (TypeError, ValueError, RuntimeError, IndexError, KeyError, AttributeError, NotImplementedError, ZeroDivisionError,
            OverflowError) as error:
        assert len(str(error)) > 3
    else:
        assert rubbish in ("generator", "function", "type") or door in ("index",), result
    assert tinygrad_c.get_num_threads() == threads


# ---- Arrays of all kinds

def test_big_endian_arrays():
    """Taken by value where a copy is asked for, refused where memory is to be shared."""
    for kind in (">f4", ">f8", ">i4", ">i8"):
        array = np.array([1, 2, 3], kind)
        assert tinygrad_c.tensor(array).tolist() == [1, 2, 3]
        with pytest.raises((TypeError, ValueError), match="byte order"):
            tinygrad_c.from_numpy(array)


def test_read_only_arrays_are_shared_and_not_written():
    array = np.ones(3, np.float32)
    array.flags.writeable = False
    x = tinygrad_c.from_numpy(array)
    for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x[1:].mul_(2), lambda: x.__setitem__(0, 3.0), lambda: x.view(3, 1).fill_(2),
                  lambda: x.uniform_(), lambda: x.copy_(ones(3)), lambda: x.clamp_(0, 0.5), lambda: x.scatter_(0, tensor([0]), 5.0),
                  lambda: x.masked_fill_(x > 0, 2.0), lambda: x.index_fill_(0, tensor([0]), 2.0) if hasattr(x, "index_fill_") else x.add_(1)):
        with pytest.raises((RuntimeError, ValueError), match="read-only"):
            write()
    assert array.tolist() == [1.0, 1.0, 1.0]
    optimizer = optim.SGD([x.requires_grad_()], 0.1)
    (x * 2).sum().backward()
    with pytest.raises((RuntimeError, ValueError), match="read-only"):
        optimizer.step()
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_overlapping_arrays():
    """Two views of one memory: writes give what a copy of the source gives."""
    memory = np.arange(12, dtype=np.float32)
    for shift in (1, 3, -2):
        a = memory.copy()
        x = tinygrad_c.from_numpy(a)
        low, high = (x[:9], x[shift:9 + shift]) if shift > 0 else (x[-shift:9 - shift], x[:9])
        expected = low.clone() if shift else None
        high.copy_(low)
        assert (high == expected).all()
        b = memory.copy()
        y = tinygrad_c.from_numpy(b)
        low, high = (y[:9], y[shift:9 + shift]) if shift > 0 else (y[-shift:9 - shift], y[:9])
        expected = high.clone() + low.clone()
        high.add_(low)
        assert (high == expected).all()
    stripes = np.lib.stride_tricks.as_strided(memory, (4, 3), (8, 4))
    x = tinygrad_c.from_numpy(stripes)
    assert x.tolist() == stripes.tolist()
    assert (x * 2).sum().item() == 2 * stripes.sum()


def test_negative_strides_and_misaligned_arrays():
    reversed_ = np.arange(6, dtype=np.float64)[::-1]
    raw = np.zeros(8 * 5 + 1, np.uint8)[1:].view(np.float64)
    raw[:] = 7
    for array in (reversed_, raw):
        try:
            assert tinygrad_c.from_numpy(array).tolist() == array.tolist()
        except (ValueError, TypeError) as error:
            assert "copy" in str(error) or "align" in str(error)
        assert tinygrad_c.tensor(array).tolist() == array.tolist()
        assert (tinygrad_c.tensor(array) * 2).sum().item() == 2 * array.sum()


def test_writes_through_numpy_are_seen():
    """What shares memory shares values; a value that backward needs, changed behind the tape's back, is the NumPy user's affair."""
    array = np.ones(3, np.float32)
    x = tinygrad_c.from_numpy(array)
    array[0] = 5
    assert x.tolist() == [5.0, 1.0, 1.0]
    x.mul_(2)
    assert array.tolist() == [10.0, 2.0, 2.0]
    assert tinygrad_c.tensor(array).tolist() == array.tolist()
    array[0] = 1
    assert tinygrad_c.from_numpy(array).data_ptr() == x.data_ptr()


# ---- Labels

@pytest.mark.parametrize(("labels", "error", "words"), [
    ([0, 3], IndexError, "Target 3 is out of bounds"), ([0, -1], IndexError, "Target -1 is out of bounds"),
    ([0, 2 ** 40], IndexError, "out of bounds"), ([-2 ** 63, 0], IndexError, "out of bounds"),
    ([0.0, float("nan")], RuntimeError, "Long"), ([[0], [1]], RuntimeError, "target"), ([0, 1, 2], ValueError, "batch_size"),
])
@pytest.mark.parametrize("loss", [nn.functional.cross_entropy, nn.functional.nll_loss])
def test_labels_that_are_none(loss, labels, error, words):
    x = tinygrad_c.randn(2, 3, requires_grad=True)
    before = x.tolist()
    with pytest.raises(error, match=words):
        loss(x, tensor(labels))
    assert x.tolist() == before
    assert x.grad is None


def test_nan_in_targets_reaches_the_loss():
    x = tinygrad_c.zeros(2, requires_grad=True)
    assert tinygrad_c.isnan(nn.functional.mse_loss(x, tensor([1.0, float("nan")])))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.functional.binary_cross_entropy(tensor([float("nan"), 0.5]), tensor([1.0, 1.0]))


# ---- In-place writes that backward must learn of

@pytest.mark.parametrize("write", [
    lambda w, v: v.add_(1), lambda w, v: v[0].zero_(), lambda w, v: w.view(-1)[1:].mul_(2), lambda w, v: w.t().fill_(3),
    lambda w, v: w.detach().add_(1), lambda w, v: w.data.requires_grad_(False).add_(1) if False else w.detach()[0].add_(1),
    lambda w, v: optim.SGD([w], 0.1).step(), lambda w, v: nn.init.zeros_(w), lambda w, v: w.__setitem__((0, 0), 3.0),
    lambda w, v: w.uniform_(), lambda w, v: tinygrad_c.clamp(w, 0, 1) is None or w.clamp_(0, 0.1),
    lambda w, v: w.copy_(ones(2, 2)), lambda w, v: w.masked_fill_(w > 0, 9.0), lambda w, v: w.expand(2, 2).zero_(),
    lambda w, v: w.unbind(0)[0].add_(1), lambda w, v: w.split(1)[1].mul_(3), lambda w, v: w.swapaxes(0, 1).neg_(),
])
def test_every_write_counts(write):
    """Through views, under no_grad, by optimizers and initialisers: a saved value that was written over is refused."""
    w = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x = ones(2, 2, requires_grad=True)
    loss = (x @ w).sum() + (w * x).sum()
    w.grad = ones(2, 2)
    before = w._version
    with tinygrad_c.no_grad():
        v = w.view(4)
        write(w, v)
    assert w._version > before
    assert v._version == w._version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    assert x.grad is None
    assert w.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


# ---- Ctrl-C

@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals of another kind")
def test_interrupt_in_the_middle_of_backward():
    """Backward stops at a node, or comes to its end: the gradients are none or whole, and it can be run again."""
    def chain(x):
        y = x
        for _ in range(3000):
            y = (y @ x).tanh()
        return y.sum()

    x = tinygrad_c.full((8, 8), 0.05, requires_grad=True)
    chain(x).backward()
    expected = x.grad.tolist()
    interrupted = 0
    main = threading.get_ident()
    for k in range(12):
        x.grad = None
        loss = chain(x)
        timer = threading.Thread(target=lambda k=k: (time.sleep(0.0004 * k), signal.pthread_kill(main, signal.SIGINT)))
        try:
            timer.start()
            loss.backward()
            timer.join()
            time.sleep(0.01)
        except KeyboardInterrupt:
            interrupted += 1
        timer.join()
        assert x.grad is None or x.grad.tolist() == expected
        assert tinygrad_c.is_grad_enabled()
        x.grad = None
        chain(x).backward()
        assert x.grad.tolist() == expected
    assert interrupted == 12


def test_interrupt_from_a_hook():
    x = ones(3, requires_grad=True)
    y = x * 2
    z = y * 3

    def stop(g):
        raise KeyboardInterrupt

    handle = y.register_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        z.sum().backward()
    assert x.grad is None
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
