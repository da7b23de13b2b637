"""Memory shared with NumPy, torch and whoever speaks DLPack or the buffer protocol; and how long it lives."""
from __future__ import annotations

import ctypes
import gc
import weakref

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c
from tinygrad_c import from_dlpack, from_numpy, tensor, zeros
from tinygrad_c.utils import dlpack

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]

NUMPY_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"


# ---- NumPy

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_numpy_shares_memory(dtype, shape):
    x = tinygrad_c.ones(shape, dtype=getattr(tinygrad_c, dtype))
    array = x.numpy()
    assert array.dtype.name == dtype
    assert array.shape == shape
    if array.size:
        array[...] = 0
        assert not x.any()
        back = from_numpy(array)
        back.fill_(1)
        assert x.all()
        assert array.all()
        assert back.data_ptr() == x.data_ptr() == array.ctypes.data


@pytest.mark.parametrize("view", [lambda x: x.t(), lambda x: x[1:, ::2], lambda x: x[:, 1], lambda x: x[:1].expand(4, 4)])
def test_strides(view):
    x = tensor(np.arange(16.0).reshape(4, 4))
    array = view(x).numpy()
    np.testing.assert_array_equal(array, np.array(view(x).tolist()))
    assert np.shares_memory(array, x.numpy())
    assert np.shares_memory(np.from_dlpack(view(x)), x.numpy())


def test_negative_strides_and_read_only():
    array = np.arange(4.0)[::-1]
    x = from_numpy(array)
    assert x.tolist() == [3, 2, 1, 0]
    x[0] = 9
    assert array[0] == 9
    array = np.arange(3.0)
    array.flags.writeable = False
    x = from_numpy(array)
    assert (x + 1).tolist() == [1, 2, 3]
    with pytest.raises(RuntimeError, match="read-only"):
        x += 1
    assert not x.numpy().flags.writeable
    with pytest.raises(BufferError):
        memoryview(x).cast("B")[0] = 1 if not memoryview(x).readonly else (_ for _ in ()).throw(BufferError())


def test_array_protocol():
    x = tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype="float64").dtype == np.float64
    if NUMPY_2:
        assert np.asarray(x, copy=False)[0] == 1.0
        with pytest.raises(ValueError, match="Unable to avoid copy"):
            np.asarray(x, dtype="float64", copy=False)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        np.asarray(tensor([1.0], requires_grad=True))
    assert np.stack([x, x]).shape == (2, 2)


def test_buffer_protocol():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    view = memoryview(x)
    assert (view.format, view.shape, view.strides, view.readonly) == ("f", (2, 2), (8, 4), False)
    assert bytes(x.t()) == np.array([1, 3, 2, 4], "f").tobytes()
    del x
    gc.collect()
    assert view.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(BufferError, match="requires grad"):
        memoryview(tensor([1.0], requires_grad=True))


def test_a_buffer_in_one_run_is_refused_to_a_view_with_gaps():
    """ctypes and C code ask so, and do not look at the strides."""
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
    get.argtypes, room = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int), ctypes.create_string_buffer(200)
    contiguous, strided = 0x38, 0x18        # PyBUF_C_CONTIGUOUS, PyBUF_STRIDES
    x = zeros(2, 3)
    with pytest.raises(BufferError, match="not contiguous"):
        get(x.t(), room, contiguous)
    for each, flags in ((x, contiguous), (x.t(), strided)):
        assert get(each, room, flags) == 0
        release(room)


@pytest.mark.parametrize("op", ["+", "-", "*", "/", "**", "@", "//", "%", ">", ">=", "<", "<=", "==", "!="])
def test_array_and_tensor(op):
    """On either side; the result is a tensor, and is recorded."""
    a, t = np.array([2.0, 3.0], "f"), tensor([1.0, 4.0], requires_grad=True)
    for left, right in ((a, t), (t, a)):
        result = eval(f"left {op} right", {"left": left, "right": right})
        expected = eval(f"left {op} right", {"left": np.array(left.tolist(), "f"), "right": np.array(right.tolist(), "f")})
        assert isinstance(result, tinygrad_c.Tensor)
        np.testing.assert_allclose(result.detach().numpy(), expected, 1e-6)
        assert op not in "+-*/**@" or result.requires_grad


def test_numpy_numbers():
    t = tensor([1.0, 4.0], requires_grad=True)
    for number in (np.float32(2), np.float64(2), np.int64(2)):
        for result in (number * t, t * number):
            assert result.tolist() == [2.0, 8.0]
            assert result.dtype == tinygrad_c.float32 or number.dtype == np.float64
            assert result.requires_grad


def test_ufuncs():
    t, a = tensor([1.0, 4.0]), np.array([2.0, 3.0], "f")
    for result, expected in ((np.sqrt(t), [1, 2]), (np.add(a, t), [3, 7]), (np.maximum(t, a), [2, 4]), (np.abs(-t), [1, 4]),
                             (np.add.reduce(t), 5), (np.modf(t)[1], [1, 4]), (np.multiply.outer(t, t), [[1, 4], [4, 16]])):
        assert isinstance(result, tinygrad_c.Tensor)
        assert result.tolist() == expected
    assert np.isnan(t).dtype == tinygrad_c.bool
    a += t
    assert a.tolist() == [3.0, 7.0]
    np.exp(t * 0, out=a)
    assert a.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        np.sin(tensor([1.0], requires_grad=True))
    assert np.mean(np.asarray(t)) == 2.5


# ---- DLPack

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_dlpack_with_numpy(dtype, shape):
    x = tinygrad_c.ones(shape, dtype=getattr(tinygrad_c, dtype))
    array = np.from_dlpack(x)
    assert array.dtype.name == dtype
    assert array.shape == shape
    if not NUMPY_2:
        return      # its from_dlpack gives read-only arrays, which it then does not hand on
    back = from_dlpack(array)
    assert back.dtype == x.dtype
    if x.numel():
        assert array.ctypes.data == back.data_ptr() == x.data_ptr()
        x.fill_(0)
        assert not array.any()
        assert not back.any()


@with_torch
@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_with_torch(dtype):
    x = tinygrad_c.ones(2, 3, dtype=getattr(tinygrad_c, dtype)).t()
    theirs = torch.from_dlpack(x)
    assert theirs.dtype == getattr(torch, dtype)
    assert theirs.data_ptr() == x.data_ptr()
    assert theirs.stride() == x.stride()
    theirs.fill_(0)
    assert not x.any()
    other = torch.ones(4, dtype=getattr(torch, dtype))[1:]
    for back in (from_dlpack(other), dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(other))):
        assert back.data_ptr() == other.data_ptr()
        back.fill_(0)
        assert not other.any()
        other.fill_(1)


@with_torch
def test_lifetime_with_torch():
    """Each side's memory lives as long as the other's tensor, and is let go of then."""
    x = tinygrad_c.arange(1000.0)
    theirs = torch.from_dlpack(x)
    del x
    gc.collect()
    noise = [tinygrad_c.zeros(1000) for _ in range(10)]
    assert theirs.sum().item() == 499500.0
    del noise
    ours = from_dlpack(torch.arange(1000.0))
    gc.collect()
    noise = [torch.zeros(1000) for _ in range(10)]
    assert ours.sum().item() == 499500.0
    del noise
    old = torch.arange(1000.0)
    ours = dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(old))
    del old
    gc.collect()
    noise = [torch.zeros(1000) for _ in range(10)]
    assert ours[::2].sum().item() == 249500.0
    del noise


def test_lifetime():
    array = np.arange(10.0)
    gone = weakref.ref(array)
    x = from_dlpack(array)
    view = x[2:]
    del array, x
    gc.collect()
    assert gone() is not None
    assert view.tolist() == list(range(2, 10))
    del view
    gc.collect()
    assert gone() is None
    capsule = tinygrad_c.ones(3).__dlpack__()
    del capsule                     # never taken


def test_a_capsule_is_taken_once():
    capsule = dlpack.to_dlpack(tensor([1.0, 2.0]))
    assert dlpack.from_dlpack(capsule).tolist() == [1.0, 2.0]
    with pytest.raises(Exception, match="(?i)dltensor|capsule"):
        dlpack.from_dlpack(capsule)


class Older:
    """An array that knows only the first version of the protocol, as jax's did."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)


def test_the_first_version():
    array = np.arange(3.0)
    assert from_dlpack(Older(array)).data_ptr() == array.ctypes.data
    assert np.from_dlpack(Older(tensor([1.0]))).tolist() == [1.0]


def test_dlpack_refuses():
    with pytest.raises(BufferError, match="require gradient, use tensor.detach"):
        np.from_dlpack(tensor([1.0], requires_grad=True))
    assert np.from_dlpack(tensor([1.0], requires_grad=True).detach()).tolist() == [1.0]
    with pytest.raises(AttributeError, match="__dlpack__"):
        from_dlpack([1.0])
    with pytest.raises(TypeError, match="complex128"):
        from_dlpack(np.ones(2, np.complex128))
    with pytest.raises(BufferError, match="only the CPU"):
        tensor([1.0]).__dlpack__(dl_device=(2, 0))

    class Elsewhere(Older):
        def __dlpack_device__(self):
            return (2, 0)
    with pytest.raises(BufferError, match="not on the CPU"):
        from_dlpack(Elsewhere(np.ones(1)))
    x = tensor([1.0])
    assert x.__dlpack_device__() == (1, 0)
    copy = from_dlpack(x, copy=True)
    copy[0] = 5
    assert x.item() == 1.0
    array = np.ones(2)
    array.flags.writeable = False
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":      # it says what is read-only
        with pytest.raises(RuntimeError, match="read-only"):
            from_dlpack(array).add_(1)
