"""In-place operations that write directly: strided, overlapping and broadcast operands, every float dtype, beside a new tensor;
and that a write costs the same however many tensors share NumPy's memory."""
from __future__ import annotations

from timeit import Timer

import numpy as np
import pytest

import tinygrad_c
from tinygrad_c.nn import functional as F

CALLS = {
    "neg": lambda x, y, z: x.neg_(), "abs": lambda x, y, z: x.abs_(), "relu": lambda x, y, z: F.relu(x, inplace=True),
    "elu": lambda x, y, z: F.elu(x, 1.3, inplace=True), "leaky_relu": lambda x, y, z: F.leaky_relu(x, 0.2, inplace=True),
    "hardtanh": lambda x, y, z: F.hardtanh(x, -1.0, 0.5, inplace=True), "silu": lambda x, y, z: F.silu(x, inplace=True),
    "threshold": lambda x, y, z: F.threshold(x, 0.1, 2.0, inplace=True), "clamp": lambda x, y, z: x.clamp_(-0.5, 0.5),
    "clamp_min": lambda x, y, z: x.clamp_min_(0.1), "round": lambda x, y, z: x.round_(), "floor": lambda x, y, z: x.floor_(),
    "nan_to_num": lambda x, y, z: x.nan_to_num_(1.0, 2.0, 3.0), "erfc": lambda x, y, z: x.erfc_(),
    "add": lambda x, y, z: x.add_(y, alpha=0.3), "sub": lambda x, y, z: x.sub_(y, alpha=0.3),
    "lerp": lambda x, y, z: x.lerp_(y, 0.3), "lerp_tensor": lambda x, y, z: x.lerp_(y, z),
    "addcmul": lambda x, y, z: x.addcmul_(y, z, value=0.5), "addcdiv": lambda x, y, z: x.addcdiv_(y, z + 9, value=0.5),
}
VIEWS = {"plain": lambda x: x, "transposed": lambda x: x.T, "strided": lambda x: x[::2, 1::2], "reversed": lambda x: x.flip(0)}


def made(dtype):
    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal((40, 40)).astype(dtype) for _ in range(3))
    x[3, 4], x[5, 6], x[7, 8] = np.nan, np.inf, -np.inf
    return [tinygrad_c.from_numpy(each) for each in (x, y, z)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", VIEWS)
@pytest.mark.parametrize("name", CALLS)
def test_same_as_in_a_new_tensor(name, layout, dtype):
    x, y, z = (VIEWS[layout](each) for each in made(dtype))
    whole = x.clone()
    expected = CALLS[name](whole.requires_grad_().clone(), y, z).detach().numpy()       # recorded: computed apart
    version = x._version
    assert CALLS[name](x, y, z) is x
    assert x._version == version + 1
    np.testing.assert_array_equal(x.numpy(), expected)


@pytest.mark.parametrize("name", ["add", "sub", "lerp", "lerp_tensor", "addcmul", "addcdiv"])
@pytest.mark.parametrize("shift", [0, 1])
def test_operands_that_overlap(name, shift):
    """x, and the same memory one element further: x must be read before it is written."""
    memory = tinygrad_c.from_numpy(np.random.default_rng(1).standard_normal(2000).astype(np.float32))
    x, y = memory[:1500], memory[shift:1500 + shift]
    z = memory[2 * shift:1500 + 2 * shift]
    expected = CALLS[name](x.clone(), y.clone(), z.clone())
    np.testing.assert_array_equal(CALLS[name](x, y, z).numpy(), expected.numpy())


@pytest.mark.parametrize("name", ["add", "lerp", "lerp_tensor", "addcmul", "addcdiv"])
def test_broadcast_operands_and_wrong_shapes(name):
    x, y, z = made("float32")
    whole = x.clone()
    np.testing.assert_array_equal(CALLS[name](x, y[0], z[:, :1]).numpy(),
                                  CALLS[name](whole, y[0].expand(40, 40), z[:, :1].expand(40, 40)).numpy())
    small = tinygrad_c.zeros(3)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        CALLS[name](small, tinygrad_c.ones(2, 3), tinygrad_c.ones(3))
    assert small.tolist() == [0, 0, 0]


FRESH = {
    "add": lambda x, y, z: x.add(y, alpha=0.3), "lerp": lambda x, y, z: x.lerp(y, 0.3), "lerp_tensor": lambda x, y, z: x.lerp(y, z),
    "addcmul": lambda x, y, z: x.addcmul(y, z, value=0.5), "addcdiv": lambda x, y, z: x.addcdiv(y, z + 9, value=0.5),
    "elu": lambda x, y, z: F.elu(x, 1.3), "nan_to_num": lambda x, y, z: x.nan_to_num(1.0, 2.0, 3.0),
}


@pytest.mark.parametrize("name", FRESH)
def test_recorded(name):
    """Written in place into x * 1, the gradients are those of a new tensor."""
    found = []
    for call in (CALLS[name], FRESH[name]):
        leaves = [each[8:12, 8:12].detach().clone().requires_grad_() for each in made("float64")]
        call(leaves[0] * 1, *leaves[1:]).pow(2).sum().backward()
        found.append([each.grad.numpy() for each in leaves if each.grad is not None])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_integers(dtype):
    x = tinygrad_c.tensor([[1, 2, 3], [4, 5, 6]], dtype=getattr(tinygrad_c, dtype))
    assert x.T.clamp_(2, 5).tolist() == [[2, 4], [2, 5], [3, 5]]
    assert x.square_().tolist() == [[4, 4, 9], [16, 25, 25]]
    assert x.dtype is getattr(tinygrad_c, dtype)
    assert x.round_().tolist() == [[4, 4, 9], [16, 25, 25]]


def test_a_write_does_not_look_at_all_other_arrays():
    """With 20,000 tensors on NumPy's memory, a write to one took 170 us: it was compared with all of them, each time."""
    x = tinygrad_c.from_numpy(np.zeros(8, np.float32))
    timer = Timer("x.neg_()", globals={"x": x})
    alone = min(timer.repeat(20, 100))
    others = [tinygrad_c.from_numpy(np.zeros(8, np.float32)) for _ in range(20_000)]
    x.neg_()
    assert min(timer.repeat(20, 100)) < 10 * alone, len(others)


def test_overlapping_arrays_are_found_whenever_they_are_made():
    """The write advances the version of each tensor on the same memory, also of those made after an earlier write."""
    array = np.zeros(8, np.float32)
    x = tinygrad_c.from_numpy(array)
    x.neg_()
    y = tinygrad_c.from_numpy(array[4:])
    for write, other in ((x, y), (y, x), (x, y)):
        before = other._version
        write.neg_()
        assert other._version == before + 1
    z = tinygrad_c.from_numpy(array[:2])
    y.neg_()                                        # does not overlap z
    before = z._version
    x.neg_()
    assert z._version == before + 1
