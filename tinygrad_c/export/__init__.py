"""A net of nn.Sequential as a file that needs nothing of this package: a C header, or an ONNX file.

The module can be called: tinygrad_c.export(net, path, example) is tinygrad_c.export.export(net, path, example). Models that
`tinygrad_c train` has made of tables are exported by the command `tinygrad_c export`, with the treatment of their columns.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygrad_c import Tensor, nn
from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.export import check
from tinygrad_c.export.c import header
from tinygrad_c.export.onnx import onnx_bytes
from tinygrad_c.serialization import atomic

__all__ = ["Exported", "export"]
__getattr__, __dir__ = lazy_names(globals())

ROOM = 1e-5  # of |answer of the file - answer of the net| / (1 + |answer of the net|)


@dataclass
class Exported:
    """What was written: the file, its bytes, and in C the bytes of constants and of stack, and the multiplications of a row.

    difference: the largest |answer of the file - answer of the net| / (1 + |answer of the net|); None: it could not be run.

    >>> print(Exported("net.h", 2_345, 1.2e-7, "gcc", rom=36, ram=0, operations=6))
    wrote net.h: 36 bytes of constants, 0 bytes of stack, 6 multiplications
    compared with the net (gcc): the largest difference is 1.2e-07
    """

    path: str
    bytes: int
    difference: float | None
    by: str
    rom: int | None = None
    ram: int | None = None
    operations: int | None = None

    def __str__(self) -> str:
        size = (
            f"{self.bytes:,} bytes"
            if self.rom is None
            else f"{self.rom:,} bytes of constants, {self.ram:,} bytes of stack, {self.operations:,} multiplications"
        )
        told = f"not compared: there is no {self.by} here"
        if self.difference is not None:
            told = f"compared with the net ({self.by}): the largest difference is {self.difference:.2g}"
        return f"wrote {self.path}: {size}\n{told}"


def export(net: nn.Module, path: Any, example: Tensor, *, int8: bool = False) -> Exported:
    """Write a net of nn.Sequential as a C header (path ends in .h) or an ONNX file (.onnx); tells sizes and operations.

    example: rows [n, ..] like those that the net will get, floats, or int64 for an Embedding. Their number does not matter; the
    first four become the self-test of the header. The net is exported in evaluation mode: Linear, Conv1d and 2d, max, average
    and adaptive pooling, BatchNorm1d and 2d, LayerNorm, Embedding, Dropout, Flatten, Unflatten, Softmax, activations, and
    Sequentials of these. int8: the weights of Linear and convolution layers in 8 bits, in C.

    In C, NAME_run(x, y) answers a row and NAME_selftest() gives 0 if all is well; NAME is the file's. The file is compiled or
    run where a C compiler or onnxruntime is there, and not written if an answer differs by more than 1e-5 (with int8: if it
    fails its self-test). ValueError for what cannot be exported, RuntimeError where an answer differs.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    >>> tinygrad_c.export(net, "net.h", tinygrad_c.rand(4, 1, 8, 8))            # doctest: +SKIP
    """
    kind = Path(path).suffix
    if kind not in (".h", ".onnx"):
        raise ValueError(f"the file's name must end in .h (C) or .onnx, got {str(path)!r}")
    if not isinstance(net, nn.Module):
        raise TypeError(f"export() takes a Module, got {type(net).__name__}")
    if not isinstance(example, Tensor):
        raise TypeError(f"export() needs an example input, a Tensor [rows, ..], got {type(example).__name__}")
    rows = example.detach().numpy()
    apart = None
    if kind == ".h":
        made = header(net, example, Path(path).stem, int8)
        data, expected, by = made.text.encode(), made.expected, "C compiler"
        if (cc := check.compiler()) is not None:
            apart, by = check.difference(check.run_c(made, rows, cc), expected), cc[0]
        told = Exported(str(path), len(data), apart, by, made.rom, made.ram, made.operations)
    else:
        if int8:
            raise ValueError("int8 weights are for C: a path that ends in .h")
        data, expected = onnx_bytes(net, example)
        with contextlib.suppress(ImportError):
            apart = check.difference(check.run_onnx(data, rows), expected)
        told = Exported(str(path), len(data), apart, "onnxruntime")
    if apart is not None and not apart <= ROOM and not int8:
        raise RuntimeError(f"the exported file would answer otherwise than the net, by up to {apart:.2g}: nothing was written")
    atomic.write(path, data)
    return told


class _Callable(ModuleType):
    def __call__(self, net: nn.Module, path: Any, example: Tensor, *, int8: bool = False) -> Exported:
        return export(net, path, example, int8=int8)


sys.modules[__name__].__class__ = _Callable
