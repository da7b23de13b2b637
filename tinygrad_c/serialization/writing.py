"""Write torch's file format: a zip of data.pkl, in pickle protocol 2, and the memory of each tensor."""
from __future__ import annotations

import io
import struct
import sys
import zipfile
from collections import OrderedDict
from typing import Any

import numpy

from tinygrad_c._base.device import Device
from tinygrad_c._tensor.tensor import Size, Tensor
from tinygrad_c.core.array import dtype
from tinygrad_c.nn.module import Module
from tinygrad_c.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from tinygrad_c.ops.arguments import TYPE_WORDS
from tinygrad_c.ops.create.create import exchanged
from tinygrad_c.serialization.allowed import PLAIN, is_allowed, reduced
from tinygrad_c.serialization.reading import contiguous_stride


def dump(obj: Any) -> bytes:
    """The bytes of a file with obj."""
    writer = Writer(Storages(obj))
    writer.write(obj)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        def put(name: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
        put("data.pkl", b"\x80\x02" + b"".join(writer.out) + b".")
        put("byteorder", sys.byteorder.encode())
        for i, storage in enumerate(writer.storages.made):
            put(f"data/{i}", storage.tobytes())
        put("version", b"3\n")
    return file.getvalue()


class Storages:
    """The memory of all tensors of an object. Overlapping memory is written once, so the tensors share it again."""

    def __init__(self, obj: Any):
        self.views: dict[int, tuple[int, int, tuple, tuple]] = {}       # id -> storage, offset, shape, stride
        self.made: list[numpy.ndarray] = []
        tensors: dict[int, Tensor] = {}
        gather(obj, tensors, set())
        spans = []
        for t in tensors.values():
            if t.numel() == 0 or any(s < 0 for s in t.stride()):        # torch has no negative strides
                self.made.append(numpy.ascontiguousarray(exchanged(t.detach()).numpy()).reshape(-1))
                self.views[id(t)] = (len(self.made) - 1, 0, tuple(t.shape), contiguous_stride(t.shape))
            else:
                spans.append((*span(t), t))
        group: list[tuple[int, int, Tensor]] = []
        for each in sorted(spans, key=lambda each: each[:2]):
            if group and (each[0] >= max(last for _, last, _ in group) or each[2].dtype != group[0][2].dtype):
                self.close(group)
                group = []
            group.append(each)
        if group:
            self.close(group)

    def close(self, group: list[tuple[int, int, Tensor]]) -> None:
        """Make one storage for tensors that overlap. The group has (start address, end address, tensor)."""
        first, item = group[0][0], group[0][2].element_size()
        memory = numpy.zeros((max(last for _, last, _ in group) - first) // item, exchanged(group[0][2].detach()).dtype.name)
        for at, _, t in group:
            offset, stride = (at - first) // item, t.stride()
            view = numpy.lib.stride_tricks.as_strided(memory[offset:], t.shape, [s * item for s in stride])
            view[...] = exchanged(t.detach()).numpy()
            self.views[id(t)] = (len(self.made), offset, tuple(t.shape), tuple(stride))
        self.made.append(memory)


def gather(obj: Any, tensors: dict[int, Tensor], seen: set[int]) -> None:
    """Collect the tensors in obj, by id."""
    if isinstance(obj, Tensor):
        if not isinstance(obj, (UninitializedParameter, UninitializedBuffer)):
            tensors[id(obj)] = obj
    elif isinstance(obj, (dict, list, tuple, set, frozenset)) and id(obj) not in seen:
        seen.add(id(obj))
        for each in (*obj, *obj.values()) if isinstance(obj, dict) else obj:
            gather(each, tensors, seen)
    elif is_allowed(type(obj)) and id(obj) not in seen and (parts := reduced(obj)) is not None:
        seen.add(id(obj))
        gather((*parts[1], parts[3]), tensors, seen)


def span(t: Tensor) -> tuple[int, int]:
    """The start and end address of t's memory."""
    reach = sum((n - 1) * s for n, s in zip(t.shape, t.stride())) + 1
    return t.data_ptr(), t.data_ptr() + reach * t.element_size()


class Writer:
    """Emit pickle opcodes for one object. An object that was already written is written as a reference."""

    def __init__(self, storages: Storages):
        self.storages = storages
        self.out: list[bytes] = []
        self.memo: dict[Any, int] = {}      # an object's id, or a global's text -> its memo index
        self.alive: list[Any] = []           # keeps objects alive, so that no id is reused

    def memoize(self, key: Any, obj: Any = None) -> None:
        """Memoize what was just written."""
        self.alive.append(obj)
        self.memo[key] = n = len(self.memo)
        self.out.append(b"q" + bytes([n]) if n < 256 else b"r" + struct.pack("<I", n))

    def write_reference(self, key: Any) -> bool:
        """Write a reference if the key is in the memo."""
        n = self.memo.get(key)
        if n is not None:
            self.out.append(b"h" + bytes([n]) if n < 256 else b"j" + struct.pack("<I", n))
        return n is not None

    def name(self, module: str, name: str) -> None:
        """Write a global that reading.Machine knows."""
        key = f"{module}\n{name}\n"
        if not self.write_reference(key):
            self.out.append(b"c" + key.encode())
            self.memoize(key)

    def call(self, module: str, name: str, *args: Any) -> None:
        """Write a call of a global with plain arguments."""
        self.name(module, name)
        self.plain_tuple(args)
        self.out.append(b"R")

    def plain_tuple(self, items: tuple) -> None:
        self.out.append(b"(")
        for each in items:
            self.write(each)
        self.out.append(b"t")

    def write(self, obj: Any) -> None:
        """Write an object of any supported type."""
        out = self.out
        if obj is None:
            out.append(b"N")
        elif isinstance(obj, (bool, numpy.bool_)):
            out.append(b"\x88" if obj else b"\x89")
        elif isinstance(obj, (int, numpy.integer)):
            self.integer(int(obj))
        elif isinstance(obj, (float, numpy.floating)):
            out.append(b"G" + struct.pack(">d", obj))
        elif isinstance(obj, dtype):
            self.name("torch", obj.name)
        elif self.write_reference(id(obj)):
            pass
        elif isinstance(obj, str):
            text = obj.encode("utf-8", "surrogatepass")
            out.append(b"X" + struct.pack("<I", len(text)) + text)
            self.memoize(id(obj), obj)
        elif isinstance(obj, (bytes, bytearray)):
            self.call("_codecs", "encode", bytes(obj).decode("latin-1"), "latin1")
            self.memoize(id(obj), obj)
        elif isinstance(obj, (UninitializedParameter, UninitializedBuffer)):
            self.call("torch.nn.parameter", type(obj).__name__, obj.requires_grad, None, obj.dtype)
            self.memoize(id(obj), obj)
        elif isinstance(obj, Tensor):
            self.tensor(obj)
            self.memoize(id(obj), obj)
        elif isinstance(obj, Device):
            self.call("torch", "device", str(obj))
            self.memoize(id(obj), obj)
        elif isinstance(obj, dict):
            self.mapping(obj)
        elif isinstance(obj, list):
            out.append(b"]")
            self.memoize(id(obj), obj)
            self.items(obj, b"e")
        elif isinstance(obj, Size):
            self.call("torch", "Size", tuple(obj))
            self.memoize(id(obj), obj)
        elif isinstance(obj, tuple):
            self.plain_tuple(obj)
            self.memoize(id(obj), obj)
        elif isinstance(obj, (set, frozenset)):
            self.call("__builtin__", "set", list(obj))
            self.memoize(id(obj), obj)
        elif isinstance(obj, numpy.ndarray) and PLAIN.fullmatch(obj.dtype.str):
            self.array(obj)
        elif is_allowed(type(obj)) and (parts := reduced(obj)) is not None:
            self.object(obj, *parts)
        else:
            raise TypeError(cannot_save(obj))

    def array(self, obj: numpy.ndarray) -> None:
        """A NumPy array, as pickle writes it."""
        self.name("numpy._core.multiarray", "_reconstruct")
        self.out.append(b"(")
        self.name("numpy", "ndarray")
        self.plain_tuple((0,))
        self.write(b"b")
        self.out.append(b"tR")
        self.memoize(id(obj), obj)
        self.out.append(b"(")
        self.write(1)
        self.plain_tuple(obj.shape)
        text = obj.dtype.str
        self.call("numpy", "dtype", text[1:], False, True)
        size = (obj.dtype.itemsize, obj.dtype.alignment) if obj.dtype.kind in "SU" else (-1, -1)
        self.plain_tuple((3, text[0], None, None, None, *size, 8 if obj.dtype.kind == "U" else 0))
        self.out.append(b"b")
        self.write(False)
        self.write(obj.tobytes())
        self.out.append(b"tb")

    def object(self, obj: Any, function: Any, args: tuple, by_new: bool, state: Any) -> None:
        """An object of an allowed class: how it is created, and its state."""
        self.name(function.__module__, function.__qualname__)
        self.plain_tuple(args)
        self.out.append(b"\x81" if by_new else b"R")
        self.memoize(id(obj), obj)
        if state is not None:
            self.write(state)
            self.out.append(b"b")

    def integer(self, n: int) -> None:
        if 0 <= n < 256:
            self.out.append(b"K" + bytes([n]))
        elif -2**31 <= n < 2**31:
            self.out.append(b"J" + struct.pack("<i", n))
        else:
            size = n.bit_length() // 8 + 1
            if size > 255:
                raise TypeError(f"cannot save an integer of {size} bytes")
            self.out.append(b"\x8a" + bytes([size]) + n.to_bytes(size, "little", signed=True))

    def mapping(self, obj: dict) -> None:
        if isinstance(obj, OrderedDict):
            self.name("collections", "OrderedDict")
            self.out.append(b")R")
        else:
            self.out.append(b"}")
        self.memoize(id(obj), obj)
        self.items([each for item in obj.items() for each in item], b"u")
        if "_metadata" in getattr(obj, "__dict__", ()):         # the versions of modules, in an attribute of a state_dict
            self.mapping({"_metadata": obj._metadata})
            self.out.append(b"b")

    def items(self, items: list, word: bytes) -> None:
        if items:
            self.out.append(b"(")
            for each in items:
                self.write(each)
            self.out.append(word)

    def tensor(self, t: Tensor) -> None:
        storage, offset, shape, stride = self.storages.views[id(t)]
        if isinstance(t, Parameter):
            self.name("torch._utils", "_rebuild_parameter")
            self.out.append(b"(")
        untyped = t.dtype.name in ("uint16", "uint32", "uint64")        # torch has no typed storage for them
        self.name("torch._utils", "_rebuild_tensor_v3" if untyped else "_rebuild_tensor_v2")
        self.out.append(b"((")
        self.write("storage")
        if untyped:
            self.name("torch.storage", "UntypedStorage")
        else:
            self.name("torch", f"{TYPE_WORDS[t.dtype.name]}Storage")
        self.write(str(storage))
        self.write("cpu")
        self.write(self.storages.made[storage].nbytes if untyped else len(self.storages.made[storage]))
        self.out.append(b"tQ")
        self.integer(offset)
        self.plain_tuple(shape)
        self.plain_tuple(stride)
        self.write(t.requires_grad and not isinstance(t, Parameter))
        self.mapping(OrderedDict())
        if untyped:
            self.name("torch", t.dtype.name)
        self.out.append(b"tR")
        if isinstance(t, Parameter):
            self.write(t.requires_grad)
            self.mapping(OrderedDict())
            self.out.append(b"tR")


def cannot_save(obj: Any) -> str:
    """Why obj cannot be saved, and what to write instead."""
    kind = type(obj).__name__
    if isinstance(obj, Module):
        return (f"cannot save a whole {kind}: its class is code, and files contain only data. Write save(model.state_dict(), "
                "path), and later model.load_state_dict(load(path))")
    if isinstance(obj, numpy.ndarray):
        return f"cannot save a NumPy array of dtype {obj.dtype}: only numbers, bool and text can be saved"
    text = (f"cannot save a {kind}: only tensors, numbers, text, NumPy arrays, and dicts, lists, tuples and sets of them can "
            "be saved")
    ours = type(obj).__module__ == "builtins" or isinstance(obj, type)
    return text if ours else f"{text}, and objects of classes that serialization.safe_globals allows"
