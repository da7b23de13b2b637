"""Dtypes, creation, conversion and printing: the same expressions here and in torch, compared as they print."""
from __future__ import annotations

import warnings

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c

CREATION = """
m.finfo(m.float32)
m.finfo()
m.finfo(m.float64)
[getattr(m.finfo(m.float64), n) for n in "bits eps max min tiny smallest_normal resolution dtype".split()]
m.finfo(m.int64)
m.iinfo(m.uint8)
[getattr(m.iinfo(m.int32), n) for n in "bits max min dtype".split()]
m.iinfo(m.float32)
m.iinfo(m.bool)
m.scalar_tensor(3)
m.scalar_tensor(3, dtype=m.int64)
m.logspace(0, 2, 3)
m.logspace(0, 3, 4, base=2)
m.logspace(0, 3, 4, dtype=m.int64)
m.logspace(0, 3, 4, requires_grad=True)
m.asarray([1, 2])
m.asarray(np.arange(3)).dtype
m.asarray(m.tensor([1.0]), dtype=m.float64)
m.asarray(bytearray(b"abcd"), dtype=m.uint8)
m.asarray([1.0], copy=False)
m.frombuffer(bytearray(b"abcdefgh"), dtype=m.uint8)
m.frombuffer(bytearray(b"abcdefgh"), dtype=m.int32, count=1, offset=4)
m.frombuffer(bytearray(b"abcde"), dtype=m.int32)
m.frombuffer(bytearray(b""), dtype=m.int32)
m.frombuffer(bytearray(b"abcde"), dtype=m.uint8, offset=9)
m.frombuffer(bytearray(b"abcde"), dtype=m.uint8, count=9)
m.empty_strided((2, 3), (1, 2)).stride()
m.empty_strided((2, 0), (1, 2)).shape
m.range(1, 4)
m.range(0, 1, 0.25, dtype=m.float64)
m.full((2,), True)
m.full((2,), m.tensor(3.0))
m.full((2,), m.tensor(3))
m.full((2, 2), 1.5, dtype=m.int32)
m.zeros(2, dtype=float)
m.zeros(2, dtype=int)
m.zeros(2, dtype=bool)
m.ones_like(m.tensor([1]), dtype=m.float64, requires_grad=True)
m.tensor([1.0]).new_zeros(2, 3)
m.tensor([1.0]).new_zeros((2,), dtype=m.int64, device="cpu")
m.tensor([1.0]).new_full((2,), 3)
m.tensor([1]).new_full((2,), 3.5)
m.tensor([1]).new_tensor([1.5])
m.tensor([1]).new_empty((0,))
m.tensor([1.0]).new_empty_strided((2, 3), (1, 2)).stride()
m.tensor([1.0]).new([1, 2])
m.tensor([1.0]).new(2, 3).shape
m.tensor([1.0]).new_ones(2, requires_grad=True)
m.pi, m.inf, m.nan, m.e
m.tensor([1.0])[:, m.newaxis].shape
"""

KINDS = """
m.result_type(m.tensor([1]), 2.5)
m.result_type(m.tensor([1], dtype=m.uint8), 2)
m.result_type(m.tensor(True), 2)
m.result_type(m.tensor(1.0, dtype=m.float64), m.tensor([1.0]))
m.result_type(m.tensor(1.0, dtype=m.float64), m.tensor([1]))
m.result_type(2, 3.5)
m.result_type(True, 3)
m.result_type("a", 3)
(m.tensor([1]) + m.tensor(2.0, dtype=m.float64)).dtype
m.promote_types(m.uint8, m.bool)
m.promote_types(m.int64, m.float32)
[[m.can_cast(a, b) for a in (m.bool, m.uint8, m.int64, m.float32)] for b in (m.bool, m.uint8, m.int32, m.float64)]
m.is_same_size(m.ones(2), m.zeros(2))
m.is_signed(m.tensor([True])), m.is_signed(m.tensor([1]))
m.strided, m.contiguous_format, m.preserve_format
"""

CONVERSION = """
m.tensor([1.5]).to(m.float64)
m.tensor([1.5]).to("cpu", m.int64)
m.tensor([1.5]).to(m.tensor([1]))
m.tensor([1.5]).to(dtype=m.int64, copy=True)
m.tensor([1.5]).to(m.device("cpu"), non_blocking=True)
m.tensor([1.5]).to(m.float64, True, True)
m.tensor([1.5]).to("cuda")
m.tensor([1.5]).to("float64")
m.tensor([1.5]).to(float)
m.tensor([1.5]).to()
m.tensor([1.5]).type()
m.tensor([1.5]).type(m.int64)
m.tensor([1.5]).type("torch.LongTensor")
m.tensor([1.5]).type("torch.Long")
m.tensor([1.5]).type(m.DoubleTensor)
m.tensor([1.0]).numpy()
m.tensor([1.0], requires_grad=True).numpy()
m.tensor([1.0], requires_grad=True).numpy(force=True)
np.asarray(m.tensor([1.0], requires_grad=True))
np.array(m.tensor([1, 2]), dtype=np.float32)
[1, 2, 3][m.tensor(1)]
[1, 2, 3][m.tensor(1.0)]
[1, 2, 3][m.tensor([1, 2])]
list(range(m.tensor(3)))
len(m.tensor([1, 2])), list(reversed(m.tensor([1, 2]))), reversed(m.tensor(3)), reversed(m.ones(2, 1).cumsum(0))
1 in m.tensor([1, 2]), 3 in m.tensor([1, 2]), m.tensor(1.0) in m.tensor([1.0, 2])
"a" in m.tensor([1, 2])
None in m.tensor([1, 2])
f"{m.tensor(1.234567):.2f}", f"{m.tensor(3)}", f"{m.tensor([1.5])}", f"{m.tensor(3):>5}", f"{m.tensor(1.5, requires_grad=True)}"
f"{m.tensor([1.0, 2.0]):.2f}"
"%d" % m.tensor(3), "%.3f" % m.tensor([3.0])
int(m.tensor([3.7])), float(m.tensor(3)), bool(m.tensor([0])), complex(m.tensor(2.0))
m.tensor([1.0]).nbytes, m.tensor([1.0]).itemsize, m.tensor([1.0]).is_signed(), m.tensor([1.0]).get_device(), m.tensor([1.0]).layout
m.tensor([1.0]).ndimension(), m.ones(3, 4)[1:, 2:].storage_offset(), m.tensor([0.0]).is_nonzero()
m.abs_(m.tensor([-1.0])), m.exp_(m.zeros(1)), m.relu_(m.tensor([-1.0]))
"""

PRINTING = """
m.tensor([]), m.zeros(0, 3), m.zeros(2, 0, dtype=m.int64), m.zeros(0, dtype=m.bool), m.zeros(0, dtype=m.float64)
m.tensor(1), m.tensor(1.5), m.tensor(True), m.tensor(1.5, dtype=m.float64), m.tensor(1, dtype=m.int32), m.tensor(1, dtype=m.uint8)
m.tensor([True, False]), m.tensor([1, -20, 300]), m.tensor([[1.0, 2.5], [-3.0, 4.25]])
m.tensor([1e10, 1.0]), m.tensor([1e-10, 1.0]), m.tensor([1e-5]), m.tensor([12345.678, 0.001]), m.tensor([1e8]), m.tensor([1e9])
m.tensor([0.0, -0.0]), m.tensor([m.nan, 1.0]), m.tensor([m.inf, -m.inf, 2.5]), m.tensor([m.nan]), m.tensor([m.inf, 1e10])
m.tensor([m.nan, 1.0, -20.0]), m.tensor([-m.inf, 0.0]), m.tensor([m.nan, 1000.0]), m.tensor([m.nan, -1.5])
m.tensor([1.0, m.nan, m.inf]), m.tensor([100000.0, 1.0]), m.tensor([99999.0, 0.5]), m.tensor([1e-8, 1e-9])
m.tensor([1.0], requires_grad=True), m.tensor([1.0], requires_grad=True) * 2, m.tensor([[1.0]], requires_grad=True).exp().sum()
m.tensor([1.0], requires_grad=True, dtype=m.float64) + 1
m.arange(2000), m.arange(2000.0).reshape(2, 1000), m.arange(8000).reshape(20, 20, 20)
m.zeros(2, 3, 4), m.zeros(2, 2, 2, 2), m.arange(30.0) / 7, m.arange(100) * 1000
m.zeros(3, 1100), m.ones(1001, dtype=m.bool), m.linspace(0, 1, 1500, dtype=m.float64)
m.tensor([1.5, 2.5], dtype=m.float64), m.tensor([[1, 2]], dtype=m.uint8), m.ones(1, 1, 1), m.zeros(3, 0, 2)
m.ones(40, requires_grad=True), m.ones(12, requires_grad=True) * 1.23456
str(m.ones(2)), repr(m.tensor([1, 2])), m.ones(2).shape, m.ones(2, 3).size(), m.float32, m.device("cpu")
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


def outcome(module, code: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(code, {"m": module, "np": np}))
        except Exception as error:
            return type(error).__name__


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("code", lines(CREATION + KINDS + CONVERSION + PRINTING))
def test_as_torch(code):
    assert outcome(tinygrad_c, code) == outcome(torch, code)


def test_memory_is_shared_where_it_can_be():
    data = bytearray(b"abc")
    assert (tinygrad_c.frombuffer(data, dtype=tinygrad_c.uint8).add_(1)).tolist() == list(data) == [98, 99, 100]
    array = np.zeros(2)
    tinygrad_c.asarray(array).add_(1)
    assert array.tolist() == [1, 1]
    tinygrad_c.asarray(array, copy=True).add_(1)
    assert array.tolist() == [1, 1]
    x = tinygrad_c.ones(2)
    assert tinygrad_c.asarray(x) is x
    assert x.to(tinygrad_c.float32) is x
    assert x.to(tinygrad_c.float32, copy=True) is not x
    assert x.type(tinygrad_c.float32) is x


def test_gradients_flow_through_conversions():
    x = tinygrad_c.tensor([1.5], requires_grad=True)
    (x.to(tinygrad_c.float64) * 2).sum().backward()
    assert x.grad.dtype is tinygrad_c.float32
    assert x.grad.item() == 2.0


def test_limits_without_torch():
    for kind in (np.float32, np.float64):
        ours, theirs = tinygrad_c.finfo(getattr(tinygrad_c, kind.__name__)), np.finfo(kind)
        assert (ours.eps, ours.max, ours.min, ours.tiny, ours.bits) == (theirs.eps, theirs.max, theirs.min, theirs.tiny, theirs.bits)


@pytest.mark.parametrize("make", ["zeros", "ones", "empty"])
def test_sizes_in_every_form(make):
    f = getattr(tinygrad_c, make)
    for made in (f(2, 3), f((2, 3)), f([2, 3]), f(size=(2, 3)), f(tinygrad_c.Size([2, 3]))):
        assert made.shape == (2, 3)
    assert f(size=()).shape == f(()).shape == ()
