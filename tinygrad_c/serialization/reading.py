"""Read torch's file format without running code: an interpreter of the few pickle opcodes that data needs.

A pickle is a program for a stack machine. Python's unpickler can import and call any name. This one knows only the names in
Machine.known, which create tensors and containers. It does not recurse, and its memory is bounded by the size of the file.
"""
from __future__ import annotations

import io
import math
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy

from tinygrad_c._base.device import Device
from tinygrad_c._tensor.tensor import Size, Tensor
from tinygrad_c.autograd import no_grad
from tinygrad_c.core.array import dtype, dtype_named
from tinygrad_c.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from tinygrad_c.ops.arguments import TYPE_WORDS
from tinygrad_c.ops.create.create import empty_, exchanged, from_numpy, retyped
from tinygrad_c.serialization.allowed import NUMPY, allowed, is_allowed, set_array, set_dtype


class LoadError(RuntimeError, pickle.UnpicklingError):
    """The file is damaged or truncated, or it contains more than data.

    >>> import io
    >>> tinygrad_c.load(io.BytesIO(b"not a file of tensors"))
    Traceback (most recent call last):
    tinygrad_c.serialization.reading.LoadError: the file is not a file of tensors: i...
    """


DTYPES = {word: name for name, word in TYPE_WORDS.items()}
LEFT_OUT = {"ComplexFloat": "complex64", "ComplexDouble": "complex128"}
UNTYPED = "Untyped"             # the storage of uint16, uint32 and uint64: bytes, and each tensor has its dtype


def loads(data: bytes, name: str) -> Any:
    """The object in the bytes of a file. LoadError if they are damaged or contain more than data."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return Machine(archive).run()
    except LoadError as error:
        raise LoadError(f"{name}: {error}") from None
    except Exception as error:      # any error that a damaged or malicious file causes
        raise LoadError(f"{name} is damaged or truncated (PytorchStreamReader failed reading zip archive): "
                        f"{type(error).__name__}: {error}") from None


class Known:
    """A name that a file may use. `make` is called with the arguments; None if the name cannot be called."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable | None = None):
        self.name, self.make = name, make


class Mark:
    """The start of a container's items on the stack."""


class Machine:
    """The pickle machine for one archive."""

    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        self.seen: set[str] = set()
        names = archive.namelist()
        self.root = next((each[:-8] for each in names if each.endswith("/data.pkl")), None)
        if self.root is None:
            raise LoadError("it is a zip, but not from torch.save: it has no data.pkl")
        if f"{self.root}constants.pkl" in names:
            raise LoadError("it is a TorchScript program, which is code: in torch, torch.save the module's state_dict()")
        self.byteorder = self.entry("byteorder").decode() if f"{self.root}byteorder" in names else "little"
        self.data = self.entry("data.pkl")
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Tensor] = {}
        tensors = {"_rebuild_tensor_v2": self.tensor, "_rebuild_tensor_v3": self.typed_tensor,
                   "_rebuild_parameter": self.parameter}
        self.known = {("collections", "OrderedDict"): OrderedDict, ("_codecs", "encode"): encode, ("torch", "Size"): size,
                      ("torch", "device"): Device, ("__builtin__", "set"): set, ("builtins", "set"): set,
                      ("torch.nn.parameter", "UninitializedParameter"): UninitializedParameter,
                      ("torch.nn.parameter", "UninitializedBuffer"): UninitializedBuffer,
                      **{("torch._utils", key): make for key, make in tensors.items()}, **NUMPY}

    def entry(self, name: str) -> bytes:
        """One file of the archive. It must not be compressed, so it cannot be larger than the archive."""
        info = self.archive.getinfo(self.root + name)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > self.archive.fp.getbuffer().nbytes:
            raise LoadError(f"its entry {name} is compressed, which torch.save does not do")
        self.seen.add(info.filename)
        return self.archive.read(info)

    # ---- Opcodes

    def run(self) -> Any:
        """Run opcodes until STOP."""
        with no_grad():
            while True:
                opcode = self.take(1)
                if opcode == b".":
                    break
                do = OPCODES.get(opcode)
                if do is None:
                    raise LoadError(f"Weights only load failed: it uses the opcode {opcode!r}, which data does not need")
                do(self)
        if len(self.stack) != 1:
            raise LoadError("data.pkl does not end with one object")
        for info in self.archive.infolist():        # check the other entries too, so that any changed bit is an error
            if info.filename not in self.seen:
                self.archive.read(info)
        return self.pop()

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise LoadError("data.pkl is truncated")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        text = self.data[self.at:end].decode()
        self.at = end + 1
        return text

    def push(self, obj: Any) -> None:
        self.stack.append(obj)

    def pop(self) -> Any:
        obj = self.stack.pop()
        if obj is Mark:
            raise LoadError("data.pkl has a mark where an object should be")
        return obj

    def to_mark(self) -> list[Any]:
        """Pop the objects since the last mark."""
        items = []
        while self.stack[-1] is not Mark:
            items.append(self.stack.pop())
        self.stack.pop()
        return items[::-1]

    def top(self, kind: type) -> Any:
        """The container on top of the stack."""
        if type(self.stack[-1]) is not kind and not (kind is dict and type(self.stack[-1]) is OrderedDict):
            raise LoadError(f"data.pkl puts items into a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    def set_items(self, items: list[Any]) -> None:
        self.top(dict).update(zip(items[::2], items[1::2], strict=True))

    def get(self, module: str, name: str) -> Any:
        """The Known for a name. LoadError for names that are not data."""
        if (module, name) in self.known:
            return Known(name, self.known[module, name])
        if module == "torch" and name.endswith("Storage") and name[:-7] in LEFT_OUT:
            raise LoadError(f"it has {LEFT_OUT[name[:-7]]} tensors, which are not supported: in torch, convert the "
                            "tensors with .float() or .long() and save them again")
        typed = module == "torch" and name.removesuffix("Storage") in DTYPES
        if typed or (module, name) == ("torch.storage", "UntypedStorage"):
            return Known(name)
        if module == "torch" and name in DTYPES.values():
            return dtype_named(name)
        if allowed(module, name) is not None:
            return Known(name, allowed(module, name))
        raise LoadError(
            f"Weights only load failed: it asks for {module}.{name}, which is code and not data; code in a file is never "
            "run, unless you allow it by tinygrad_c.serialization.safe_globals. If "
            "a whole module was saved, write in torch: torch.save(model.state_dict(), path)")

    def call(self) -> None:
        args = self.pop()
        function = self.pop()
        if not isinstance(function, Known) or function.make is None or type(args) is not tuple:
            raise LoadError("Weights only load failed: it calls an object that is not a function")
        self.push(function.make(*args))

    def new(self) -> None:
        """NEWOBJ: an object of an allowed class, without __init__."""
        args, kind = self.pop(), self.pop()
        known = isinstance(kind, Known) and isinstance(kind.make, type) and is_allowed(kind.make)
        if not known or type(args) is not tuple:
            raise LoadError("Weights only load failed: it creates an object of a class that is not allowed")
        self.push(kind.make.__new__(kind.make, *args))

    def build(self) -> None:
        """BUILD. torch stores the versions of modules as an attribute of a state_dict; the elements of NumPy arrays and the
        state of objects of allowed classes are set too. No other attributes are allowed.
        """
        state, obj = self.pop(), self.stack[-1]
        if type(obj) is numpy.ndarray:
            return set_array(obj, state)
        if isinstance(obj, numpy.dtype):
            return set_dtype(obj, state)
        if is_allowed(type(obj)):
            if hasattr(obj, "__setstate__"):
                return obj.__setstate__(state)
            state, slots = state if type(state) is tuple else (state, None)
            for name, value in {**(state or {}), **(slots or {})}.items():
                setattr(obj, name, value)
            return None
        if type(obj) is not OrderedDict or type(state) is not dict or set(state) != {"_metadata"}:
            raise LoadError("Weights only load failed: it sets attributes of an object")
        obj._metadata = state["_metadata"]
        return None

    # ---- Tensors

    def storage(self, pid: Any) -> tuple[str, str]:
        """A reference to an entry: (name, dtype). It is read when the first tensor uses it."""
        kind, storage, key, _, numel = pid
        name = storage.name.removesuffix("Storage") if isinstance(storage, Known) else None
        if kind != "storage" or not (name in DTYPES or name == UNTYPED) or type(key) is not str or type(numel) is not int:
            raise LoadError("data.pkl refers to something that is not a tensor's memory")
        if key not in self.storages:
            data = self.entry(f"data/{key}")
            kept = dtype_named(DTYPES.get(name, "uint8"))
            memory = empty_(numel, dtype=kept) if 0 <= numel <= len(data) else None
            if memory is None or len(data) != numel * memory.element_size():
                raise LoadError(f"data/{key} has {len(data)} bytes, but should have {numel} elements of {kept.name}")
            into = exchanged(memory).numpy()
            array = numpy.frombuffer(data, into.dtype)
            into[...] = array if self.byteorder == sys.byteorder else array.byteswap()
            self.storages[key] = memory
        return key, DTYPES.get(name, UNTYPED)

    def tensor(self, storage, offset, shape, stride, requires_grad, hooks, metadata=None) -> Tensor:
        """torch._utils._rebuild_tensor_v2: a view of a storage."""
        if type(storage) is not Reference:
            raise LoadError("data.pkl creates a tensor from something that is not a storage")
        memory = self.storages[storage.key]
        whole = (offset, *shape, *stride)
        if any(type(n) is not int or n < 0 for n in whole) or len(shape) != len(stride):
            raise LoadError(f"data.pkl has a tensor of shape {shape}, stride {stride}")
        last = offset + sum((n - 1) * s for n, s in zip(shape, stride))
        if 0 not in shape and last >= memory.numel():
            raise LoadError(f"a tensor of shape {shape} reaches beyond its storage")
        made = strided(memory, offset, tuple(shape), tuple(stride))
        if made.dtype.name != storage.dtype:
            raise LoadError("data.pkl reads a storage of one dtype as another")
        return made.requires_grad_() if requires_grad is True else made

    def typed_tensor(self, storage, offset, shape, stride, requires_grad, hooks, kind, metadata=None) -> Tensor:
        """torch._utils._rebuild_tensor_v3: a view of a storage of bytes, read as a dtype."""
        if type(storage) is not Reference or storage.dtype != UNTYPED or type(kind) is not dtype or kind.name == "bool":
            raise LoadError("data.pkl creates a tensor from something that is not a storage")
        array = self.storages[storage.key].numpy()
        array = array[:len(array) // kind.itemsize * kind.itemsize].view("uint16" if kind.name == "bfloat16" else kind.name)
        key = f"{storage.key} {kind.name}"          # no storage of the file has such a name
        if key not in self.storages:
            self.storages[key] = retyped(from_numpy(array if self.byteorder == sys.byteorder else array.byteswap()), kind)
        return self.tensor(Reference(key, kind.name), offset, shape, stride, requires_grad, hooks)

    def parameter(self, data, requires_grad, hooks) -> Parameter:
        """torch._utils._rebuild_parameter."""
        return Parameter(data, requires_grad=requires_grad is True)


class Reference:
    """A storage on the machine's stack."""

    __slots__ = ("dtype", "key")

    def __init__(self, key: str, dtype: str):
        self.key, self.dtype = key, dtype


def strided(memory: Tensor, offset: int, shape: tuple, stride: tuple) -> Tensor:
    """A view of 1-d memory. The caller has checked the bounds."""
    numel = math.prod(shape)
    if numel == 0:
        return empty_(*shape, dtype=memory.dtype)
    if all(n == 1 or s == e for n, s, e in zip(shape, stride, contiguous_stride(shape))):
        return memory[offset:offset + numel].reshape(shape)
    item = memory.element_size()
    array = exchanged(memory).numpy()[offset:]
    return retyped(from_numpy(numpy.lib.stride_tricks.as_strided(array, shape, [s * item for s in stride])), memory.dtype)


def contiguous_stride(shape: tuple) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    stride, step = [], 1
    for n in reversed(shape):
        stride.insert(0, step)
        step *= max(n, 1)
    return tuple(stride)


def encode(text: str, encoding: str) -> bytes:
    """bytes, which protocol 2 writes as latin1 text."""
    if encoding != "latin1":
        raise LoadError("data.pkl has bytes in an encoding other than latin1")
    return text.encode("latin-1")


def size(sizes: tuple) -> Size:
    """A torch.Size from a tuple of ints."""
    if type(sizes) is not tuple or any(type(n) is not int for n in sizes):
        raise LoadError("data.pkl has a Size of objects that are not ints")
    return Size(sizes)


def memoize(m: Machine, n: int) -> None:
    m.memo[n] = m.stack[-1]


def stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.push(m.get(module, name))


def text(m: Machine, n: int) -> None:
    m.push(m.take(n).decode("utf-8", "surrogatepass"))


OPCODES: dict[bytes, Callable[[Machine], Any]] = {
    b"\x80": lambda m: m.take(1), b"\x95": lambda m: m.take(8),         # protocol, frame
    b"(": lambda m: m.push(Mark), b"0": lambda m: m.stack.pop(),
    b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("<B")), b"M": lambda m: m.push(m.number("<H")), b"J": lambda m: m.push(m.number("<i")),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("<B")), "little", signed=True)),
    b"G": lambda m: m.push(m.number(">d")),
    b"X": lambda m: text(m, m.number("<I")), b"\x8c": lambda m: text(m, m.number("<B")),
    b"C": lambda m: m.push(m.take(m.number("<B"))), b"B": lambda m: m.push(m.take(m.number("<I"))),
    b"}": lambda m: m.push({}), b"]": lambda m: m.push([]), b")": lambda m: m.push(()), b"\x8f": lambda m: m.push(set()),
    b"s": lambda m: m.set_items([m.pop(), m.pop()][::-1]), b"u": lambda m: m.set_items(m.to_mark()),
    b"a": lambda m: (item := m.pop(), m.top(list).append(item)),
    b"e": lambda m: (items := m.to_mark(), m.top(list).extend(items)),
    b"\x90": lambda m: (items := m.to_mark(), m.top(set).update(items)),
    b"t": lambda m: m.push(tuple(m.to_mark())), b"\x85": lambda m: m.push((m.pop(),)),
    b"\x86": lambda m: m.push((m.pop(), m.pop())[::-1]), b"\x87": lambda m: m.push((m.pop(), m.pop(), m.pop())[::-1]),
    b"q": lambda m: memoize(m, m.number("<B")), b"r": lambda m: memoize(m, m.number("<I")),
    b"\x94": lambda m: memoize(m, len(m.memo)),
    b"h": lambda m: m.push(m.memo[m.number("<B")]), b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"c": lambda m: m.push(m.get(m.line(), m.line())), b"\x93": stack_global,
    b"R": lambda m: m.call(), b"\x81": lambda m: m.new(), b"b": lambda m: m.build(),
    b"Q": lambda m: m.push(Reference(*m.storage(m.pop()))),
}
