"""The arguments of a call, for its formula: the {dims} of x.sum({dims}), the {shape} of x.reshape({shape}). They are among the
parameters that the operation kept for its gradient (`enum` node.param beside each rule)."""
from __future__ import annotations

from typing import Any

from tinygrad_c.explain.graph import Step

DIM = MASK = DIAGONAL = 0           # places among the parameters
KEEPDIM = UPPER = DIM1 = NUMBER = 1
FREEDOM = COUNT = EPS = 2
ROOT = 3
METHODS = {"float32": "float", "float64": "double"}


def filled(expression: str, step: Step) -> str:
    """The formula with what this call says in place of what stands in braces."""
    if "{" not in expression:
        return expression
    parts = arguments(step)
    if parts["whole"]:                      # x.sum() rather than x.sum((0, 1))
        expression = expression.replace("({dims}{keep})", "()")
    return expression.format_map(parts)


def arguments(step: Step) -> dict[str, Any]:
    """What may stand in braces, as text."""
    x = step.inputs[0] if step.inputs and step.inputs[0] is not None else step
    x_shape, x_dtype = x.shape, x.dtype
    integers, n = step.integers, len(x_shape)
    reduced = [d for d in range(n) if integers[MASK] >> d & 1] if integers[MASK] >= 0 else []
    keep = bool(integers[KEEPDIM])
    dim, axes = integers[DIM], step.extra if isinstance(step.extra, (list, tuple)) else ()
    normalized = trailing(x_shape, integers[NUMBER])
    opened = "" if keep or step.shape == () else "".join(f".unsqueeze({d})" for d in reduced)
    return {
        "whole": len(reduced) == n and not keep and step.shape == (),
        "dims": one_or_tuple(reduced), "keep": ", keepdim=True" * keep,
        "open": opened,
        "sqrt": "sqrt" * bool(integers[ROOT]), "two": "" if integers[ROOT] else "2 * ",
        "over_y": f" / y{opened}" if integers[ROOT] else "",
        "dim": dim, "open_dim": "" if keep else f".unsqueeze({dim})", "dim0": dim, "dim1": integers[DIM1],
        "axes": listed(axes), "axes_back": listed(sorted(range(len(axes)), key=axes.__getitem__)),
        "shape": listed(step.shape), "x_shape": listed(x_shape),
        "to": METHODS.get(step.dtype, step.dtype), "back": METHODS.get(x_dtype, x_dtype),
        "diagonal": integers[DIAGONAL], "triangle": "triu" if integers[UPPER] else "tril",
        "norm": one_or_tuple(normalized), "others": one_or_tuple(range(n - len(normalized))),
        "reduced": "" if step.shape == x_shape else ".sum()" if step.floats[1] == 1 else ".mean()",
    }


def trailing(shape: tuple[int, ...], number: int) -> list[int]:
    """The last dimensions, which have so many elements together."""
    count = 1
    for d in reversed(range(len(shape))):
        count *= shape[d]
        if count == number:
            return list(range(d, len(shape)))
    return []


def listed(numbers: Any) -> str:
    """As arguments: 2, 3."""
    return ", ".join(map(str, numbers)) or "()"


def one_or_tuple(dims: Any) -> str:
    """1 for one dimension, (0, 2) for several."""
    dims = tuple(dims)
    return str(dims[0]) if len(dims) == 1 else str(dims)
