"""A tensor as plain data: small ones whole; of large ones shape, range, mean, shares of zeros and NaN, and a small picture."""
from __future__ import annotations

import math
import struct
from typing import Any

from tinygrad_c.ops.shape.shape import stack

SMALL = 64              # elements that are given whole
CELLS = 16              # rows and columns of the picture of a large one


def plain(x: float | int | bool) -> Any:
    """A number for JSON, which has no NaN and no infinity: those are strings."""
    if isinstance(x, float) and not math.isfinite(x):
        return "nan" if x != x else "inf" if x > 0 else "-inf"
    return x


def nested(data: Any) -> Any:
    return [nested(each) for each in data] if isinstance(data, list) else plain(data)


def shortest(x: float, dtype: str) -> float:
    """A float32 in the fewest digits that give it again: 0.1, not 0.10000000149."""
    if dtype != "float32" or not math.isfinite(x):
        return x
    for digits in (7, 8):
        found = float(f"{x:.{digits}g}")
        if _single(found) == x:
            return found
    return float(f"{x:.9g}")


def _single(x: float) -> float:
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.inf


def _short(data: Any, dtype: str) -> Any:
    if isinstance(data, list):
        return [_short(each, dtype) for each in data]
    return shortest(data, dtype) if isinstance(data, float) else data


def plain_list(tensor: Any) -> list[float]:
    """A vector's elements, float32 in its shortest form."""
    return _short(tensor.tolist(), str(tensor.dtype).rpartition(".")[2])


def summary(tensor: Any) -> dict[str, Any] | None:
    """The tensor in numbers, or None for None."""
    if tensor is None:
        return None
    dtype = str(tensor.dtype).rpartition(".")[2]
    shape, n = list(tensor.shape), tensor.numel()
    out: dict[str, Any] = {"shape": shape, "dtype": dtype}
    if n <= SMALL:
        data = tensor.tolist()
        flat = _flat(data)
        out["data"] = nested(_short(data, dtype))
        out["nan"] = sum(x != x for x in flat) / n if n else 0
        out["zeros"] = sum(x == 0 for x in flat) / n if n else 0
        out["largest"] = plain(shortest(max((abs(float(x)) for x in flat if x == x), default=0.0), dtype))
        return out
    floats = tensor if dtype.startswith("float") else tensor.float()
    low, high = floats.min().item(), floats.max().item()
    nan = 0.0
    if low != low or high != high:
        good = floats[floats == floats]
        nan = 1 - good.numel() / n
        low, high = (good.min().item(), good.max().item()) if good.numel() else (math.nan, math.nan)
        mean = good.mean().item() if good.numel() else math.nan
    else:
        mean = floats.mean().item()
    zeros = (floats == 0).sum().item() / n
    out.update(min=plain(shortest(low, dtype)), max=plain(shortest(high, dtype)), mean=plain(shortest(mean, dtype)),
               zeros=zeros, nan=nan, largest=plain(shortest(max(abs(low), abs(high)), dtype)))
    out["picture"] = picture(floats)
    return out


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    found: list[Any] = []
    for each in data:
        found += _flat(each)
    return found


def picture(tensor: Any) -> list[list[Any]]:
    """Means over at most CELLS x CELLS blocks: rows are the first dimensions, columns the last."""
    columns = tensor.shape[-1]
    matrix = tensor.reshape(-1, columns) if tensor.dim() > 1 else tensor.reshape(1, columns)
    matrix = _means(_means(matrix).transpose(0, 1)).transpose(0, 1)
    return nested([[float(f"{x:.3g}") for x in row] for row in matrix.tolist()])


def _means(matrix: Any) -> Any:
    """Means over at most CELLS blocks of neighbouring rows."""
    rows = matrix.shape[0]
    if rows <= CELLS:
        return matrix
    return stack([matrix[i * rows // CELLS:(i + 1) * rows // CELLS].mean(0) for i in range(CELLS)])


def is_bad(numbers: dict[str, Any] | None) -> bool:
    """Whether there is a NaN or an infinity in it."""
    return numbers is not None and (numbers["nan"] > 0 or numbers["largest"] in ("inf", "-inf", "nan"))


def size_of(numbers: dict[str, Any] | None) -> float:
    """The largest absolute value; infinite if there is none."""
    if numbers is None:
        return math.inf
    return float(numbers["largest"])
