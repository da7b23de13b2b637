"""repr of a tensor in torch's layout: `tensor([1., 2.], requires_grad=True)`."""
from __future__ import annotations

import math
from types import SimpleNamespace

from tinygrad_c.core.array import get_default_dtype
from tinygrad_c.ops.shape.shape import cat, narrow

DEFAULTS = {
    "precision": 4,         # digits after the decimal point
    "threshold": 1000,      # more elements than this are summarised
    "edgeitems": 3,         # the number at each end of a summary
    "linewidth": 80,
    "sci_mode": None,       # None: chosen from the values
}
OPTIONS = SimpleNamespace(**DEFAULTS)


def set_printoptions(precision: int | None = None, threshold: int | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Set the print options of tensors. profile: "default", "short" or "full".

    >>> tinygrad_c.set_printoptions(precision=2)
    >>> tinygrad_c.tensor([1 / 3])
    tensor([0.33])
    >>> tinygrad_c.set_printoptions(profile="default")
    """
    profiles = {"default": {}, "short": {"precision": 2, "edgeitems": 2}, "full": {"threshold": 2**63}}
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"profile must be one of {', '.join(profiles)}, not {profile!r}")
        vars(OPTIONS).update(DEFAULTS | profiles[profile])
    for name, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems), ("linewidth", linewidth)):
        if value is not None:
            setattr(OPTIONS, name, value)
    OPTIONS.sci_mode = sci_mode


class Formatter:
    """Formats all elements of a tensor with the same width and notation."""

    def __init__(self, values: list, is_float: bool):
        self.is_float, self.integral, self.scientific = is_float, True, False
        if not is_float:
            self.width = max((len(str(v)) for v in values), default=1)
            return
        finite = [abs(v) for v in values if math.isfinite(v) and v != 0]
        self.integral = all(v == math.ceil(v) for v in finite)
        if finite:
            largest, smallest = max(finite), min(finite)
            self.scientific = largest / smallest > 1000.0 or largest > 1.0e8 or (not self.integral and smallest < 1.0e-4)
        if OPTIONS.sci_mode is not None:
            self.scientific = OPTIONS.sci_mode
        measured = [v for v in values if math.isfinite(v) and v != 0]      # as in torch, inf and nan do not count for the width
        self.width = max((len(self.number(v)) for v in measured), default=1)

    def number(self, value) -> str:
        if not self.is_float:
            return str(value)
        if not math.isfinite(value):
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        if self.scientific:
            return f"{value:.{OPTIONS.precision}e}"
        if self.integral:
            return f"{value:.0f}."
        return f"{value:.{OPTIONS.precision}f}"

    def __call__(self, value) -> str:
        return self.number(value).rjust(self.width)


def shown(values, sizes: tuple[int, ...], summarise: bool):
    """The elements that are printed, as a flat list."""
    if not sizes:
        return [values]
    edge = OPTIONS.edgeitems
    if summarise and sizes[0] > 2 * edge:
        values = values[:edge] + values[-edge:]
    return [v for each in values for v in shown(each, sizes[1:], summarise)]


def layout(values, sizes: tuple[int, ...], indent: int, form: Formatter, summarise: bool) -> str:
    if not sizes:
        return form(values)
    edge = OPTIONS.edgeitems
    cut = summarise and sizes[0] > 2 * edge
    if len(sizes) == 1:
        items = [form(v) for v in (values[:edge] + values[-edge:] if cut else values)]
        if cut:
            items.insert(edge, " ...")
        per_line = max(1, (OPTIONS.linewidth - indent) // (form.width + 2))
        lines = [items[i:i + per_line] for i in range(0, len(items), per_line)] or [[]]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"
    if cut:
        parts = [layout(v, sizes[1:], indent + 1, form, summarise) for v in values[:edge]] + ["..."]
        parts += [layout(v, sizes[1:], indent + 1, form, summarise) for v in values[-edge:]]
    else:
        parts = [layout(v, sizes[1:], indent + 1, form, summarise) for v in values]
    return "[" + ("," + "\n" * (len(sizes) - 1) + " " * (indent + 1)).join(parts) + "]"


def edges(tensor):
    """The part of the tensor that is printed, so that a large tensor is not converted to lists."""
    for d, size in enumerate(tensor.shape):
        edge = OPTIONS.edgeitems
        if size > 2 * edge + 1:
            tensor = cat([narrow(tensor, d, 0, edge + 1), narrow(tensor, d, size - edge, edge)], d)
    return tensor


def text(tensor, prefix: str = "tensor(") -> str:
    """repr(tensor)."""
    plain = tensor.detach()
    summarise = plain.numel() > OPTIONS.threshold
    plain = edges(plain) if summarise else plain
    values, sizes = plain.tolist(), tuple(plain.shape)
    name = tensor.dtype.name
    suffixes = []
    if tensor.numel() == 0:
        body = "[]"
        if tensor.ndim != 1:
            suffixes.append(f"size={tuple(tensor.shape)}")
        if name != get_default_dtype().name:
            suffixes.append(f"dtype={tensor.dtype}")
    else:
        form = Formatter(shown(values, sizes, summarise), tensor.dtype.is_floating_point)
        body = layout(values, sizes, len(prefix), form, summarise)
        if name not in (get_default_dtype().name, "int64", "bool"):
            suffixes.append(f"dtype={tensor.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name().rpartition('::')[2]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    written = prefix + body
    taken = len(written) - written.rfind("\n") + 1      # length of the last line, plus two for the closing brackets
    for each in suffixes:
        apart = taken + len(each) + 2 > OPTIONS.linewidth
        written += (",\n" + " " * len(prefix) if apart else ", ") + each
        taken = (len(prefix) if apart else taken + 2) + len(each)
    return written + ")"
