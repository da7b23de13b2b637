""".safetensors: a flat dict of tensors, via the safetensors package. A checksum in the metadata detects changed bits."""
from __future__ import annotations

from typing import Any

import numpy

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.ops.create.create import tensor
from tinygrad_c.serialization.reading import LoadError

KEY = "sha256"


def dump(obj: Any) -> bytes:
    """The bytes of a .safetensors file for a dict of tensors."""
    if not isinstance(obj, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items()):
        raise TypeError("a .safetensors file contains one dict of names and tensors, such as a state_dict(): save other "
                        "objects to another file name, such as checkpoint.pt")
    arrays = {name: numpy.ascontiguousarray(t.detach().numpy()).reshape(t.shape) for name, t in obj.items()}
    return in_order(package().save(arrays, {"format": "pt", KEY: checksum(arrays)}))


def in_order(data: bytes) -> bytes:
    """Sort the header: the package writes metadata in random order, but equal nets should give equal files."""
    import json
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def loads(data: bytes, name: str) -> dict[str, Tensor]:
    """The tensors. LoadError if the file is damaged or does not match its checksum.

    The command line's models are such files, too. Their checksum includes the recipe in the metadata.
    """
    import json
    library = package()
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        metadata = header.get("__metadata__", {})
        arrays = library.load(data)
        tensors = {key: tensor(arrays[key]) for key in header if key in arrays}     # the package returns them in random order
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
