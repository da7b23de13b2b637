"""What programs use beside the net: utils.tensorboard's event files, utils.benchmark, testing.assert_close, jit, amp."""
from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c
from tinygrad_c.utils import benchmark, tensorboard


def events(path):
    """The events of a file, each a list of (field, value), read by the format's rules and with the checksums checked."""
    def crc(data):
        c = 0xFFFFFFFF
        for byte in data:
            c ^= byte
            for _ in range(8):
                c = (c >> 1) ^ (0x82F63B78 * (c & 1))
        c ^= 0xFFFFFFFF
        return struct.pack("<I", ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    def fields(data):
        at, found = 0, []
        while at < len(data):
            key, at = varint(data, at)
            if key & 7 == 0:
                value, at = varint(data, at)
            elif key & 7 == 2:
                size, at = varint(data, at)
                value, at = data[at:at + size], at + size
            else:
                size = 8 if key & 7 == 1 else 4
                value, at = struct.unpack("<d" if size == 8 else "<f", data[at:at + size])[0], at + size
            found.append((key >> 3, value))
        return found

    def varint(data, at):
        n = shift = 0
        while True:
            n |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                return n, at
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        length, = struct.unpack("<Q", data[at:at + 8])
        assert data[at + 8:at + 12] == crc(data[at:at + 8])
        body = data[at + 12:at + 12 + length]
        assert data[at + 12 + length:at + 16 + length] == crc(body)
        found.append((fields, fields(body)))
        at += 16 + length
    return found


def test_checksum_is_crc32c():
    """RFC 3720's check value of "123456789" is E3069283, before it is turned."""
    c = 0xE3069283
    assert tensorboard._checksum(b"123456789") == struct.pack("<I", ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def test_event_files(tmp_path):
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        for step in range(3):
            writer.add_scalar("loss/train", tinygrad_c.tensor(0.5 * step), step)
        writer.add_scalars("acc", {"train": 0.25, "test": 0.5}, 7)
        writer.add_text("note", "hello")
        writer.add_hparams({"lr": 0.1}, {"final": 2.0})
        with pytest.warns(UserWarning, match="add_histogram is not supported"):
            writer.add_histogram("w", tinygrad_c.zeros(3), 0)
        assert writer.get_logdir() == str(tmp_path / "run")
        with pytest.raises(AttributeError):
            writer.nothing  # noqa: B018
    path, = (tmp_path / "run").glob("events.out.tfevents.*")
    found = events(path)
    assert (3, b"brain.Event:2") in found[0][1]
    scalars = []
    for fields, event in found[1:4]:
        values = dict(event)
        assert values[1] > 1e9
        (_, value), = fields(values[5])
        scalars.append((values.get(2, 0), dict(fields(value))))
    assert scalars == [(step, {1: b"loss/train", 2: 0.5 * step}) for step in range(3)]
    text = dict(found[4][0](dict(found[4][1])[5]))[1]
    assert dict(found[4][0](text))[1] == b"note/text_summary"
    assert b"hello" in text
    for name, value in (("train", 0.25), ("test", 0.5)):
        inner, = (tmp_path / "run" / f"acc_{name}").glob("events*")
        assert struct.pack("<f", value) in inner.read_bytes()


def test_timer():
    timer = benchmark.Timer("f(x)", "y = x", globals={"f": sum, "x": [1, 2]}, label="adding", num_threads=1)
    before = tinygrad_c.get_num_threads()
    one = timer.timeit(50)
    assert one.number_per_run == 50
    assert len(one.times) == 1
    assert 0 < one.mean == one.median < 1e-3
    several = timer.blocked_autorange(min_run_time=0.01)
    assert sum(several.raw_times) >= 0.01
    assert min(several.times) <= several.median <= max(several.times)
    assert several.iqr >= 0
    assert "adding" in repr(one)
    assert "1 measurement, 50 runs" in repr(one)
    assert "Median: " in repr(several)
    assert tinygrad_c.get_num_threads() == before
    even = benchmark.Measurement(2, [2.0, 4.0, 6.0, 8.0])
    assert (even.times, even.mean, even.median, even.iqr) == ([1.0, 2.0, 3.0, 4.0], 2.5, 2.5, 1.5)


CLOSE = {
    "same": lambda m: ([m.tensor([1.0, 2.0])] * 2, {}), "near": lambda m: ([m.tensor([1.0]), m.tensor([1.0000005])], {}),
    "far": lambda m: ([m.tensor([1.0, 2.0, 3.0]), m.tensor([1.0, 2.5, 4.0])], {}),
    "in a row": lambda m: ([m.tensor([[1.0, 2.0], [0.0, 3.0]]), m.tensor([[1.0, 2.0], [1.0, 3.0]])], {}),
    "scalar": lambda m: ([m.tensor(1.0), m.tensor(1.1)], {}), "number": lambda m: ([1.0, 1.1], {}), "int": lambda m: ([1, 1], {}),
    "shape": lambda m: ([m.zeros(2), m.zeros(3)], {}), "dtype": lambda m: ([m.zeros(2), m.zeros(2).double()], {}),
    "dtype left": lambda m: ([m.zeros(2), m.zeros(2).double()], {"check_dtype": False}),
    "nan": lambda m: ([m.tensor(math.nan)] * 2, {}), "nan equal": lambda m: ([m.tensor(math.nan)] * 2, {"equal_nan": True}),
    "tolerance": lambda m: ([m.tensor(1.0), m.tensor(1.1)], {"rtol": 0, "atol": 0.2}),
    "integers": lambda m: ([m.tensor([1, 2]), m.tensor([1, 3])], {}), "list": lambda m: ([[m.zeros(2)], [m.ones(2)]], {}),
    "dict": lambda m: ([{"a": m.zeros(2)}, {"a": m.zeros(2)}], {}), "keys": lambda m: ([{"a": m.zeros(2)}, {"b": m.zeros(2)}], {}),
    "length": lambda m: ([[m.zeros(2)], []], {}), "array": lambda m: ([np.zeros(2), np.zeros(2)], {}),
    "words": lambda m: ([m.zeros(2), m.ones(2)], {"msg": "mine"}), "float64": lambda m: ([m.ones(2).double(), m.ones(2).double() + 1e-6], {}),
}


@pytest.mark.parametrize("case", CLOSE)
def test_assert_close(case):
    said = []
    for m in [tinygrad_c, *([torch] if torch else [])]:
        arguments, kinds = CLOSE[case](m)
        try:
            said.append(m.testing.assert_close(*arguments, **kinds))
        except AssertionError as error:
            said.append([str(error)])
    assert all((each is None) == (said[0] is None) for each in said)
    if said[0] is not None and len(said) == 2 and case not in ("keys", "length"):
        ours, theirs = (each[0].splitlines() for each in said)
        assert ours[:3] == theirs[:3]


def test_jit_and_amp_leave_things_as_they_are():
    @tinygrad_c.jit.script
    def double(x):
        return 2 * x

    @tinygrad_c.jit.ignore(drop=True)
    def f(x):
        return x
    model = tinygrad_c.nn.Linear(2, 1)
    assert tinygrad_c.jit.trace(model, tinygrad_c.zeros(1, 2)) is model
    assert double(f(2)) == 4
    assert not tinygrad_c.jit.is_scripting()
    with pytest.raises(AttributeError, match="state_dict"):
        tinygrad_c.jit.save  # noqa: B018

    class Square(tinygrad_c.autograd.Function):
        @staticmethod
        @tinygrad_c.amp.custom_fwd(device_type="cuda", cast_inputs=tinygrad_c.float32)
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @tinygrad_c.cuda.amp.custom_bwd
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g
    x = tinygrad_c.tensor(3.0, requires_grad=True)
    Square.apply(x).backward()
    assert x.grad.item() == 6
