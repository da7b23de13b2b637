"""save and load: what comes back, that torch reads ours and we read torch's, and that no file does harm."""
from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict, defaultdict
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c
from tinygrad_c import nn, optim, tensor
from tinygrad_c.serialization import LoadError, loads, writing

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


def through(obj):
    """obj after a way through a file."""
    file = io.BytesIO()
    tinygrad_c.save(obj, file)
    return tinygrad_c.load(io.BytesIO(file.getvalue()))


def same(a, b) -> bool:
    """Equal in type, structure and every bit."""
    if hasattr(a, "detach"):
        return (str(a.dtype) == str(b.dtype) and tuple(a.shape) == tuple(b.shape) and a.requires_grad == b.requires_grad
                and a.detach().numpy().tobytes() == b.detach().numpy().tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def trained():
    tinygrad_c.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    for _ in range(3):
        net(tinygrad_c.randn(5, 3)).pow(2).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return net, optimizer


PLAIN = {"int": 3, "negative": -70000, "large": 2**80, "float": 0.1, "inf": float("inf"), "nan": float("nan"), "none": None,
         "true": True, "false": False, "text": "w\u00f6rter \U0001f600", "bytes": b"\x00\xff", "list": [1, [2, []]], "tuple": (1, (2,), ()),
         5: "five", (1, 2): "pair", "set": {1, 2}, "ordered": OrderedDict(b=1, a=2), "empty": {}, 256: [None] * 300}


def test_plain_objects():
    back = through(PLAIN)
    assert same(PLAIN, back)
    assert type(back["ordered"]) is OrderedDict


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 1)])
def test_tensors(dtype, shape):
    x = tensor((np.arange(int(np.prod(shape))) - 1).reshape(shape).astype(dtype))
    assert same(x, through(x))
    if x.is_floating_point():
        assert same(x.requires_grad_(), through(x))


def test_strides():
    x = tensor(np.arange(24.0).reshape(4, 6))
    expanded = x[:1].expand(5, 6)
    for view in (x.t(), x[1:3, ::2], expanded, tinygrad_c.from_numpy(np.arange(5.0)[::-1]), x[:, 3]):
        assert same(view, through(view))
    assert through(x.t()).stride() == (1, 6)
    assert len(writing.dump(expanded)) < 1200
    assert len(writing.dump(x[0])) < len(writing.dump(x)) - 100         # only what the view reaches


def test_shared_memory_is_shared_again():
    x = tinygrad_c.arange(6.0)
    back = through({"x": x, "head": x[:2], "same": x, "odd": x[1::2], "list": [x]})
    assert back["same"] is back["x"] is back["list"][0]
    back["x"][0] = 50.0
    back["x"][1] = 60.0
    assert back["head"].tolist() == [50.0, 60.0]
    assert back["odd"].tolist() == [60.0, 3.0, 5.0]
    a, b = through([x[:3], x[3:]])
    a[:] = 0
    assert b.tolist() == [3, 4, 5]


def test_state_dicts_and_training_goes_on():
    net, optimizer = trained()
    back = through({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    assert same(back["model"], dict(net.state_dict())) or same(dict(back["model"]), dict(net.state_dict()))
    other = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    other.load_state_dict(back["model"])
    again = optim.Adam(other.parameters(), lr=0.5)
    again.load_state_dict(back["optimizer"])
    x = tinygrad_c.randn(5, 3)
    for n, o in ((net, optimizer), (other, again)):
        n(x).pow(2).sum().backward()
        o.step()
    assert same(dict(net.state_dict()), dict(other.state_dict()))


def test_other_things():
    p = nn.Parameter(tinygrad_c.ones(2))
    back = through({"p": p, "size": p.shape, "dtype": tinygrad_c.float64, "device": p.device, "again": tinygrad_c.float64,
                    "numbers": [np.float64(1.5), np.int64(3), np.bool_(True)], "default": defaultdict(dict, a=1)})
    assert type(back["p"]) is nn.Parameter
    assert back["p"].requires_grad
    assert type(back["size"]) is tinygrad_c.Size
    assert back["dtype"] is back["again"] is tinygrad_c.float64
    assert back["device"] == tinygrad_c.device("cpu")
    assert back["numbers"] == [1.5, 3, True]
    assert back["default"] == {"a": 1}
    loop: list = []
    loop.append(loop)
    back = through(loop)
    assert back[0] is back


@pytest.mark.parametrize(("obj", "words"), [
    (nn.Linear(1, 1), "save\\(model.state_dict\\(\\), path\\)"), (lambda: 0, "cannot save a function"), (object(), "object"),
    ({"a": np.array([None])}, "dtype object"), ([1 + 2j], "complex")])
def test_what_cannot_be_saved(obj, words, tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(b"before")
    with pytest.raises(TypeError, match=words):
        tinygrad_c.save(obj, path)
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.pt"]


# ---- Paths and files

@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_paths(tmp_path, kind):
    path = kind(str(tmp_path / "model.pt"))
    tinygrad_c.save({"a": tensor([1.0])}, path)
    tinygrad_c.save({"a": tensor([2.0])}, path)
    assert tinygrad_c.load(path, map_location="cpu", weights_only=True)["a"].item() == 2.0
    assert os.listdir(tmp_path) == ["model.pt"]
    with open(path, "rb") as file:
        assert tinygrad_c.load(file)["a"].item() == 2.0
    with pytest.raises(FileNotFoundError):
        tinygrad_c.load(tmp_path / "other.pt")


@pytest.mark.parametrize("path", [0, 1, 5, True, None, 1.5, ["net.pt"]])
def test_what_is_no_path(path):
    """A number would have been taken for an open file, and that closed."""
    with pytest.raises(TypeError):
        tinygrad_c.load(path)
    with pytest.raises(TypeError):
        tinygrad_c.save({}, path)
    os.fstat(1)


def test_permissions_links_and_devices(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "link.pt"
    tinygrad_c.save(1, path)
    os.chmod(path, 0o640)
    link.symlink_to(path)
    tinygrad_c.save(2, link)
    assert link.is_symlink()
    assert tinygrad_c.load(path) == 2
    assert os.stat(path).st_mode & 0o777 == 0o640
    if os.path.exists("/dev/null"):
        tinygrad_c.save(3, "/dev/null")
        assert not os.path.isfile("/dev/null")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    tinygrad_c.save(1, path)
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        tinygrad_c.save(2, path)
    monkeypatch.undo()
    assert tinygrad_c.load(path) == 1
    assert os.listdir(tmp_path) == ["a.pt"]


def test_equal_objects_are_equal_files():
    net, optimizer = trained()
    assert writing.dump([net.state_dict(), optimizer.state_dict()]) == writing.dump([net.state_dict(), optimizer.state_dict()])


def test_text_files_are_refused(tmp_path):
    with pytest.raises(TypeError, match="'rb'"):
        tinygrad_c.load(io.StringIO("x"))
    with pytest.raises(RuntimeError, match="only the CPU"):
        tinygrad_c.load(io.BytesIO(writing.dump(1)), map_location="mps")


# ---- torch

@with_torch
def test_torch_reads_ours():
    net, optimizer = trained()
    x = tensor(np.arange(24.0).reshape(4, 6))
    obj = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "plain": PLAIN, "view": x.t()[1:3], "x": x,
           "p": nn.Parameter(x), "dtype": tinygrad_c.float32, "size": x.shape, "device": x.device,
           **{dtype: tinygrad_c.ones(3, dtype=getattr(tinygrad_c, dtype)) for dtype in DTYPES}}
    back = torch.load(io.BytesIO(writing.dump(obj)), weights_only=True)
    assert same(dict(back["model"]), dict(net.state_dict()))
    assert same(back["plain"], PLAIN)
    assert same(back["view"], x.t()[1:3])
    assert back["view"].data_ptr() == back["x"].data_ptr() + 8
    assert type(back["p"]) is torch.nn.Parameter
    assert (back["dtype"], back["size"], back["device"]) == (torch.float32, torch.Size([4, 6]), torch.device("cpu"))
    assert all(same(obj[dtype], back[dtype]) for dtype in DTYPES)


@with_torch
def test_we_read_torchs(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    x = torch.arange(24.0).reshape(4, 6)
    obj = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "plain": PLAIN, "x": x, "view": x.t()[1:3], "step": x[::2, 1],
           "expanded": x[:1].expand(3, 6), "p": torch.nn.Parameter(x), "grad": torch.ones(2, requires_grad=True),
           "dtype": torch.float64, "size": x.shape, "device": torch.device("cpu"), "empty": torch.zeros(0, 3), "scalar": torch.tensor(3),
           **{dtype: torch.ones(3, dtype=getattr(torch, dtype)) for dtype in DTYPES}}
    torch.save(obj, tmp_path / "x.pt")
    for protocol in (2, 4, 5):
        torch.save(obj, tmp_path / "x.pt", pickle_protocol=protocol)
        back = tinygrad_c.load(tmp_path / "x.pt")
        for name in ("model", "plain", "x", "view", "step", "expanded", "p", "grad", "empty", "scalar", *DTYPES):
            assert same(obj[name], back[name]), name
        assert same(obj["optimizer"], back["optimizer"])
        assert back["view"].stride() == obj["view"].stride()
        assert back["view"].data_ptr() == back["x"].data_ptr() + 4
        assert back["model"]._metadata == obj["model"]._metadata
        assert (back["dtype"], back["size"]) == (tinygrad_c.float64, tinygrad_c.Size([4, 6]))


@with_torch
def test_torchs_weights_give_torchs_outputs(tmp_path):
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    torch.save(theirs.state_dict(), tmp_path / "x.pt")
    ours = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    ours.load_state_dict(tinygrad_c.load(tmp_path / "x.pt"))
    x = np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)
    np.testing.assert_allclose(ours(tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), 1e-6, 1e-7)


@with_torch
@pytest.mark.parametrize(("make", "words"), [
    (lambda f: torch.save(torch.nn.Linear(1, 1), f), "torch.save\\(model.state_dict\\(\\), path\\)"),
    (lambda f: torch.save(torch.ones(2, dtype=torch.complex64), f), "complex64"),
    (lambda f: torch.save(torch.ones(2), f, _use_new_zipfile_serialization=False), "before version 1.6"),
    (lambda f: torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), f), "TorchScript"),
    (lambda f: torch.save(Fraction(1, 2), f), "code in a file is never run")])
@pytest.mark.filterwarnings("ignore")
def test_what_torch_writes_and_we_refuse(make, words):
    file = io.BytesIO()
    make(file)
    with pytest.raises(LoadError, match=words):
        tinygrad_c.load(io.BytesIO(file.getvalue()))


# ---- Damage

def checkpoint() -> bytes:
    net, optimizer = trained()
    return writing.dump({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "words": "words"})


def test_cut_off():
    data = checkpoint()
    for n in [*range(64), *range(64, len(data), 97), len(data) - 1]:
        with pytest.raises(LoadError, match="damaged or truncated|empty|not a file of tensors"):
            loads(data[:n], "f")


def test_flipped_bits():
    """Either the error, or what was saved: never other numbers."""
    data = checkpoint()
    good = loads(data, "f")
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.choice(len(data), 400, replace=False):
        changed = bytearray(data)
        changed[at] ^= 1 << int(rng.integers(8))
        try:
            assert same(loads(bytes(changed), "f"), good), at
        except LoadError:
            refused += 1
    assert refused > 200


def test_random_bytes_in_the_pickle():
    """Past the checksum: whatever the words are, only LoadError comes out."""
    rng = np.random.default_rng(1)
    pkl = bytearray(zipfile.ZipFile(io.BytesIO(checkpoint())).read("archive/data.pkl"))
    for _ in range(500):
        changed = bytearray(pkl)
        for at in rng.integers(0, len(pkl), int(rng.integers(1, 6))):
            changed[at] = int(rng.integers(256))
        with suppress(LoadError):
            loads(archive(bytes(changed)), "f")


def archive(pkl: bytes, more: dict | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as z:
        z.writestr("archive/data.pkl", pkl)
        for i in range(40):
            z.writestr(f"archive/data/{i}", bytes(96))
        for name, data in (more or {}).items():
            z.writestr(name, data)
    return file.getvalue()


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/tinygrad_c_was_here",)


def rebuild(storage: bytes, offset: bytes, shape: bytes, stride: bytes) -> bytes:
    return (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n" + storage
            + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x18tQ" + offset + shape + stride + b"\x89}tR.")


@pytest.mark.parametrize("pkl", [
    pickle.dumps(Evil(), 0), pickle.dumps(Evil(), 2), pickle.dumps(Evil(), 4), pickle.dumps({"a": [Evil()]}, 2),
    b"cos\nsystem\n(X\x04\x00\x00\x00truetR.", b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.", b"cbuiltins\ngetattr\n.",
    b"ctorch.serialization\nload\n.", b"ccollections\nOrderedDict\n)\x81.", b"ccollections\nOrderedDict\n}b.",
    b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsNsb.", b"(((((((.", b".", b"0.", b"R.", b"u.", b"}(K\x01u.", b"(K\x01e.",
    b"\x8a\xff.", b"X\xff\xff\xff\xff.", b"j\xff\xff\xff\xff.", b"Nr\xff\xff\xff\xff0.", b"}}Ks.", b"](}Nu.", b"NNs.", b"K\x01Q.",
    b"}]Ns.",
    rebuild(b"FloatStorage\n", b"K\x13", b"K\x06\x85", b"K\x01\x85"),               # reaches beyond
    rebuild(b"FloatStorage\n", b"J\xff\xff\xff\xff", b"K\x06\x85", b"K\x01\x85"),   # before
    rebuild(b"FloatStorage\n", b"K\x00", b"K\x06\x85", b"J\xff\xff\xff\xff\x85"),
    rebuild(b"FloatStorage\n", b"K\x00", b"K\x06K\x06\x86", b"K\x01\x85"),
    rebuild(b"FloatStorage\n", b"K\x00", b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01\x85", b"K\x01\x85"),
    rebuild(b"DoubleStorage\n", b"K\x00", b"K\x01\x85", b"K\x01\x85"),              # the wrong number of bytes
    rebuild(b"OrderedDict\n", b"K\x00", b"K\x01\x85", b"K\x01\x85"),
], ids=range(34))
def test_hostile(pkl):
    with pytest.raises(LoadError):
        loads(archive(pkl), "f")
    assert not os.path.exists("/tmp/tinygrad_c_was_here")


def test_hostile_archives():
    good = rebuild(b"FloatStorage\n", b"K\x00", b"K\x06\x85", b"K\x01\x85")
    assert loads(archive(good), "f").tolist() == [0.0] * 6
    with pytest.raises(LoadError, match="compressed"):
        loads(archive(b"\x80\x02N." + bytes(100000), compression=zipfile.ZIP_DEFLATED), "f")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as z:
        z.writestr("other", b"x")
    with pytest.raises(LoadError, match="no data.pkl"):
        loads(file.getvalue(), "f")
    for data in (b"", b"hello", b"\x80\x02", b"PK\x03\x04", bytes(100), b"\x93NUMPY"):
        with pytest.raises(LoadError):
            loads(data, "f")


def test_deep_nesting_does_not_crash():
    deep = b"]" * 200000 + b"a" * 199999 + b"."
    assert subprocess.run([sys.executable, "-c", "import sys\nfrom tinygrad_c.serialization import loads\n"
                           "x = loads(sys.stdin.buffer.read(), 'f')\nprint(type(x).__name__)"], input=archive(deep),
                          capture_output=True, check=True).stdout.split() == [b"list"]
    nested: list = []
    for _ in range(100000):
        nested = [nested]
    with pytest.raises(RecursionError):
        writing.dump(nested)


# ---- .safetensors

def test_safetensors(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    net, _ = trained()
    state = {**net.state_dict(), "int": tensor([1, 2]), "t": tensor(np.arange(6.0).reshape(2, 3)).t(), "bool": tensor(True),
             "empty": tensor(np.zeros((0, 3)))}
    path = tmp_path / "model.safetensors"
    tinygrad_c.save(state, path)
    back = tinygrad_c.load(path)
    assert set(back) == set(state)
    assert all(same(state[name].detach(), back[name]) for name in state)
    assert numpy.load_file(path)["t"].tolist() == state["t"].tolist()
    numpy.save_file({"a": np.ones(2, np.float32)}, path)        # another program's, without a checksum
    assert tinygrad_c.load(path)["a"].tolist() == [1.0, 1.0]
    numpy.save_file({"a": np.ones(2, np.complex64)}, path)
    with pytest.raises(LoadError, match="not supported"):
        tinygrad_c.load(path)
    with pytest.raises(TypeError, match="one dict of names and tensors"):
        tinygrad_c.save({"a": {"b": tensor(1.0)}}, path)


def test_safetensors_of_equal_nets_are_equal_files_in_one_order(tmp_path):
    """The package writes its metadata and reads names in a random order."""
    pytest.importorskip("safetensors")
    net = nn.Sequential(*[nn.Linear(2, 2) for _ in range(6)])
    files = []
    for k in range(8):
        path = tmp_path / f"{k}.safetensors"
        tinygrad_c.save(net.state_dict(), path)
        files.append((path.read_bytes(), list(tinygrad_c.load(path))))
    assert all(file == files[0] for file in files)


def test_safetensors_flipped_bits(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    tinygrad_c.save(trained()[0].state_dict(), path)
    data = path.read_bytes()
    good = loads(data, "f")
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        with suppress(LoadError):
            back = loads(bytes(changed), "f")
            assert all(same(back[name], good[name]) for name in {**back, **good}), at
    size = 8 + int.from_bytes(data[:8], "little")
    for at in range(size, len(data)):
        changed = bytearray(data)
        changed[at] ^= 16
        with pytest.raises(LoadError, match="checksum"):
            loads(bytes(changed), "f")
    for n in range(0, len(data), 31):
        with pytest.raises(LoadError):
            loads(data[:n], "f")


@with_torch
def test_torch_reads_our_safetensors(tmp_path):
    library = pytest.importorskip("safetensors.torch")
    net, _ = trained()
    tinygrad_c.save(net.state_dict(), tmp_path / "m.safetensors")
    back = library.load_file(tmp_path / "m.safetensors")
    assert all(same(net.state_dict()[name].detach(), back[name]) for name in back)
    library.save_file({"x": torch.arange(3.0)}, tmp_path / "m.safetensors")
    assert tinygrad_c.load(tmp_path / "m.safetensors")["x"].tolist() == [0.0, 1.0, 2.0]


def test_a_file_of_a_big_endian_machine_is_not_turned_round_on_one(monkeypatch):
    """It was, whichever machine read it. Here a machine that calls itself big-endian writes and reads."""
    x = tensor([1.0, -2.5])
    monkeypatch.setattr(sys, "byteorder", "big")
    data = writing.dump(x)
    assert loads(data, "f").tolist() == [1.0, -2.5]
    monkeypatch.setattr(sys, "byteorder", "little")
    assert loads(data, "f").tolist() == np.array([1.0, -2.5], np.float32).byteswap().tolist()


def test_the_checksum_is_of_the_bytes_in_the_file():
    """Of those in memory it was, so that a big-endian machine refused a .safetensors file of a little-endian one."""
    from tinygrad_c.serialization.tensorfile import checksum
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert checksum({"x": x}) == checksum({"x": x.astype(">f4")})
    assert checksum({"x": x}) != checksum({"x": x.byteswap()})
