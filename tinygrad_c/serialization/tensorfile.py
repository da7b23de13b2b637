""".safetensors: a flat dict of tensors, via the safetensors package. A checksum in the metadata detects changed bits."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from tinygrad_c._tensor.tensor import Tensor, bfloat16
from tinygrad_c.ops.create.create import exchanged, retyped, tensor
from tinygrad_c.serialization.reading import LoadError

KEY = "sha256"


def dump(obj: Any) -> bytes:
    """The bytes of a .safetensors file for a dict of tensors."""
    if not isinstance(obj, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items()):
        raise TypeError("a .safetensors file contains one dict of names and tensors, such as a state_dict(): save other "
                        "objects to another file name, such as checkpoint.pt")
    arrays = {name: numpy.ascontiguousarray(exchanged(t.detach()).numpy()).reshape(t.shape) for name, t in obj.items()}
    halves = {name for name, t in obj.items() if t.dtype.name == "bfloat16"}
    return in_order(package().save(arrays, {"format": "pt", KEY: checksum(arrays)}), halves)


def in_order(data: bytes, halves: Iterable[str] = ()) -> bytes:
    """Sort the header: the package writes metadata in random order, but equal nets should give equal files. The tensors in
    `halves` are bfloat16, which NumPy and so the package do not have: it was given their bits as uint16."""
    header, end = header_of(data)
    for name in halves:
        header[name]["dtype"] = "BF16"
    return with_header(header, data, end)


def header_of(data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and the position where it ends."""
    import json
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), end


def with_header(header: dict[str, Any], data: bytes, end: int) -> bytes:
    import json
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def loads(data: bytes, name: str) -> dict[str, Tensor]:
    """The tensors. LoadError if the file is damaged or does not match its checksum.

    The command line's models are such files, too. Their checksum includes the recipe in the metadata.
    """
    library = package()
    try:
        header, end = header_of(data)
        metadata = header.get("__metadata__", {})
        halves = {key for key, each in header.items() if key != "__metadata__" and each["dtype"] == "BF16"}
        for key in halves:
            header[key]["dtype"] = "U16"
        arrays = library.load(with_header(header, data, end) if halves else data)
        tensors = {key: tensor(arrays[key]) for key in header if key in arrays}     # the package returns them in random order
        tensors |= {key: retyped(tensors[key], bfloat16) for key in halves}
    except Exception as error:      # any error that a damaged or malicious file causes
        raise LoadError(f"{name} is damaged or truncated, or has a dtype that is not supported: "
                        f"{type(error).__name__}: {error}") from None
    if KEY in metadata and metadata[KEY] not in (checksum(arrays), checksum(arrays, metadata.get("model", ""))):
        raise LoadError(f"{name} is damaged: its contents do not match its checksum")
    return tensors


def package():
    """safetensors.numpy. ImportError with the command that installs it."""
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError("this needs the package safetensors: pip install tinygrad_c[save]") from None
    return safetensors.numpy


def checksum(arrays: dict[str, numpy.ndarray], text: str = "") -> str:
    """SHA-256 of the text and of the names, dtypes, shapes and bytes of the arrays, in the byte order of the file."""
    import hashlib
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(numpy.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
