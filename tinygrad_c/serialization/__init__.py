"""save and load: nested dicts and lists of tensors, NumPy arrays, numbers and text, in torch's file format. load runs no code
of a file, only classes and functions that add_safe_globals has allowed.

A file is an uncompressed zip with a checksum for each entry, as in torch: torch.load reads files of save, and load reads
torch's .pt files. If the name ends in .safetensors, save writes a flat dict of tensors as a .safetensors file.

    writing.py      objects -> zip: data.pkl has the structure, data/0, data/1, ... the memory of the tensors
    reading.py      zip -> objects: an interpreter of the few pickle opcodes that data needs
    allowed.py      classes that the user allows in files, and NumPy arrays
    tensorfile.py   .safetensors, with a checksum of the contents in its metadata
    atomic.py       a file is written completely or not at all
"""
from __future__ import annotations

import os
from typing import Any

from tinygrad_c._base.device import check_device
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.serialization import atomic, reading, tensorfile, writing
from tinygrad_c.serialization.allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from tinygrad_c.serialization.reading import LoadError

__all__ = ["LoadError", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]
__getattr__, __dir__ = lazy_names(globals())


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2,
         _use_new_zipfile_serialization: bool = True) -> None:
    """Write tensors, NumPy arrays, numbers, text, and dicts, lists, tuples and sets of them, to a path or an open binary file.

    A path is written completely or not at all: to a temporary name first, then renamed. Tensors that share memory share it
    again after load. TypeError for other objects: for a module, save model.state_dict().

    >>> import io
    >>> file = io.BytesIO()
    >>> save({"weight": tinygrad_c.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> load(file)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    if hasattr(f, "write"):
        f.write(writing.dump(obj))
    else:
        path = os.fspath(f)
        suffix = os.path.splitext(os.fsdecode(path))[1]
        atomic.write(path, tensorfile.dump(obj) if suffix == ".safetensors" else writing.dump(obj))


def load(f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """Read a file of save, torch.save or safetensors, from a path, or from an open binary file at its current position.

    Only data is read, for any weights_only, and objects of the classes that serialization.safe_globals allows. A file that is
    damaged or truncated, or that asks to call another class or function, raises LoadError, which is a RuntimeError and a
    pickle.UnpicklingError as in torch. No code of the file runs.

    >>> import io
    >>> file = io.BytesIO()
    >>> tinygrad_c.save({"w": tinygrad_c.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> tinygrad_c.load(file)
    {'w': tensor([1., 1.])}
    """
    if map_location is not None and not callable(map_location) and not isinstance(map_location, dict):
        check_device(map_location)
    if hasattr(f, "read"):
        return loads(f.read(), "the file")
    path = os.fspath(f)         # rejects an int: open() would take it as a file descriptor and close it
    with open(path, "rb") as file:
        return loads(file.read(), os.fsdecode(path))


def loads(data: bytes, name: str) -> Any:
    """The object in the bytes of a file."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError("load needs a path or a file opened in binary mode ('rb')")
    if data[:4] == b"PK\x03\x04":
        return reading.loads(bytes(data), name)
    if data[8:9] == b"{":
        return tensorfile.loads(bytes(data), name)
    if not data:
        raise LoadError(f"{name} is empty (Ran out of input)")
    if data[:2] == b"\x80\x02":
        raise LoadError(f"{name} is in torch's format before version 1.6, or a plain pickle: load it with torch and save it "
                        "again with torch.save")
    raise LoadError(f"{name} is not a file of tensors: it is neither torch's format (a zip) nor .safetensors")
