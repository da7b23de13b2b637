"""Padding layers: add elements at the borders of the last one, two or three dimensions."""
from __future__ import annotations

from typing import Any

from tinygrad_c._tensor.tensor import Tensor
from tinygrad_c.nn import functional as F
from tinygrad_c.nn.module import Module


class _Pad(Module):
    """Base class. padding: an int for all sides, or (left, right, top, bottom, front, back) for the padded dimensions."""

    _dims: int
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self._dims) if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        if self._mode == "circular" and input.ndim not in (self._dims + 1, self._dims + 2):
            raise ValueError(f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.ndim}D input)")
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Base class of padding with a constant."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


def _layers(base: type, word: str, mode: str, what: str, shown: str, value: str = "") -> list[type]:
    """Create the layers for one, two and three dimensions. `shown` is the 1D layer's output for 1, 2, 3."""
    made = []
    for n, shape, example in (
            (1, "(C, W) or (N, C, W)", f"(tensor([[1., 2., 3.]]))\n    tensor([[{shown}]])"),
            (2, "(C, H, W) or (N, C, H, W)", "(tinygrad_c.ones(1, 2, 3)).shape\n    torch.Size([1, 4, 5])"),
            (3, "(C, D, H, W) or (N, C, D, H, W)", "(tinygrad_c.ones(1, 2, 2, 3)).shape\n    torch.Size([1, 4, 4, 5])")):
        name = f"{word}Pad{n}d"
        doc = (f"Pads x {shape} with {what}. padding: an int, or {2 * n} ints, the last dimension first.\n\n"
               f"    >>> {name}(1{value}){example}")
        made.append(type(name, (base,), {"_dims": n, "_mode": mode, "__doc__": doc, "__module__": __name__,
                                         "__qualname__": name}))
    return made


ZeroPad1d, ZeroPad2d, ZeroPad3d = _layers(_Pad, "Zero", "constant", "zeros", "0., 1., 2., 3., 0.")
ConstantPad1d, ConstantPad2d, ConstantPad3d = _layers(_ConstantPad, "Constant", "constant", "a value",
                                                      "9., 1., 2., 3., 9.", ", 9.")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _layers(_Pad, "Reflection", "reflect", "its reflection",
                                                            "2., 1., 2., 3., 2.")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _layers(_Pad, "Replication", "replicate", "its edge",
                                                               "1., 1., 2., 3., 3.")
CircularPad1d, CircularPad2d, CircularPad3d = _layers(_Pad, "Circular", "circular", "its opposite end", "3., 1., 2., 3., 1.")
