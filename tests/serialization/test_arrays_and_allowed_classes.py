"""NumPy arrays in files, and classes that the user allows (serialization.safe_globals)."""
from __future__ import annotations

import io
import pickle
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c
from tinygrad_c import serialization

ARRAYS = {
    "float64": np.array([1.5]), "float32": np.arange(6, dtype="f4").reshape(2, 3), "int8": np.array([-3, 4], "i1"),
    "uint64": np.array(2 ** 63, "u8"), "float16": np.array([0.5], "f2"), "complex": np.array([1 + 2j]), "bool": np.array([True, False]),
    "empty": np.zeros((0, 3)), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "strided": np.arange(10.0)[::-3],
    "big endian": np.array([1, 2], ">i4"), "text": np.array(["ab", "日本"]), "bytes": np.array([b"a", b"bc"]),
}


def stored(obj) -> io.BytesIO:
    file = io.BytesIO()
    tinygrad_c.save(obj, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back(name):
    array = ARRAYS[name]
    found = tinygrad_c.load(stored({"mean": array, "again": [array], "weight": tinygrad_c.ones(2)}))
    assert type(found["mean"]) is np.ndarray
    assert found["mean"].dtype == array.dtype.newbyteorder("=")      # as from any pickle
    assert found["mean"].shape == array.shape
    np.testing.assert_array_equal(found["mean"], array)
    assert found["again"][0] is found["mean"]
    found["mean"][...] = array        # writable


@with_torch
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_in_files_of_torch_and_for_torch(name):
    array, file = ARRAYS[name], io.BytesIO()
    torch.save({"mean": array, "scale": np.float64(2.5)}, file)
    file.seek(0)
    found = tinygrad_c.load(file)
    np.testing.assert_array_equal(found["mean"], array)
    assert found["mean"].dtype == array.dtype.newbyteorder("=")
    assert found["scale"] == 2.5
    np.testing.assert_array_equal(torch.load(stored({"mean": array}), weights_only=False)["mean"], array)


def test_arrays_of_objects_are_refused():
    with pytest.raises(TypeError, match="cannot save a NumPy array of dtype object"):
        stored({"x": np.array([Fraction(1, 2)])})
    with pytest.raises(TypeError, match="cannot save a NumPy array of dtype"):
        stored(np.zeros(2, "i4,f8"))


class Evil:
    def __init__(self, what):
        self.what = what

    def __reduce__(self):
        return self.what


def zipped(data: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
    file.seek(0)
    return file


@pytest.mark.parametrize("data", [
    pickle.dumps(np.array([Fraction(1, 2)], object), 2), pickle.dumps(np.zeros(2, "i4,f8"), 2),
    pickle.dumps(np.array(["2020"], "M8[Y]"), 2),
    pickle.dumps(np.zeros(4), 2).replace(b"K\x04\x85", b"K\x09\x85"),
    pickle.dumps(Evil((np.dtype, ("O", False, True))), 2),
], ids=["objects", "fields", "dates", "too long", "object dtype"])
def test_damaged_or_malicious_arrays_are_refused(data):
    with pytest.raises(tinygrad_c.serialization.LoadError):
        tinygrad_c.load(zipped(data))


class Config:
    def __init__(self, rate, weight):
        self.rate, self.weight = rate, weight


class Slotted:
    __slots__ = ("x",)


class Stateful:
    def __getstate__(self):
        return {"n": 3}

    def __setstate__(self, state):
        self.n = state["n"] + 1


def test_allowed_classes():
    config = Config(0.1, tinygrad_c.arange(3.0))
    config.itself = [config]
    slotted = Slotted()
    slotted.x = np.ones(2)
    with pytest.raises(TypeError, match=r"cannot save a Config.*safe_globals"):
        stored(config)
    with serialization.safe_globals([Config, Slotted, Stateful, Fraction]):
        file = stored([config, slotted, Stateful(), Fraction(1, 3), config])
        found = tinygrad_c.load(file)
    assert serialization.get_safe_globals() == []
    assert type(found[0]) is Config
    assert found[0].rate == 0.1
    assert found[0].weight.tolist() == [0, 1, 2]
    assert found[0].itself[0] is found[0] is found[4]
    assert found[1].x.tolist() == [1, 1]
    assert found[2].n == 4
    assert found[3] == Fraction(1, 3)
    file.seek(0)
    with pytest.raises(serialization.LoadError, match="which is code and not data.*safe_globals"):
        tinygrad_c.load(file)


def test_the_list_of_allowed_classes():
    serialization.add_safe_globals([Config, (Slotted, "old.place.Slotted")])
    try:
        assert serialization.get_safe_globals() == [Config, (Slotted, "old.place.Slotted")]
        with serialization.safe_globals([Stateful]):
            assert len(serialization.get_safe_globals()) == 3
        assert len(serialization.get_safe_globals()) == 2
        data = pickle.dumps(Slotted.__new__(Slotted), 2).replace(f"c{__name__}\nSlotted".encode(), b"cold.place\nSlotted")
        assert type(tinygrad_c.load(zipped(data))) is Slotted
    finally:
        serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []
    with pytest.raises(TypeError, match="safe globals are classes and functions"):
        serialization.add_safe_globals([3])


@with_torch
def test_allowed_classes_in_files_of_torch():
    file = io.BytesIO()
    torch.save({"config": Config(0.1, torch.ones(2))}, file)
    file.seek(0)
    with serialization.safe_globals([Config]):
        found = tinygrad_c.load(file)["config"]
    assert type(found) is Config
    assert found.weight.tolist() == [1, 1]
    with serialization.safe_globals([Config]):
        again = stored({"config": found})
    with torch.serialization.safe_globals([Config]):
        assert torch.load(again)["config"].weight.tolist() == [1, 1]


def test_a_class_that_is_allowed_allows_no_other():
    with serialization.safe_globals([Config]):
        data = pickle.dumps(Evil((eval, ("1",))), 2)
        with pytest.raises(serialization.LoadError):
            tinygrad_c.load(zipped(data))
