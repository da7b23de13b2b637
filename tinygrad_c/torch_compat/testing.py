"""Compare tensors in tests: torch.testing.assert_close."""
from __future__ import annotations

from typing import Any

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c._tensor.tensor import float32, float64
from tinygrad_c.core.tape import TensorBase
from tinygrad_c.ops.create.create import as_tensor
from tinygrad_c.ops.elementwise.logic import isclose

__all__ = ["assert_close"]
__getattr__, __dir__ = lazy_names(globals())


def assert_close(actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None,
                 atol: float | None = None, equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True,
                 check_layout: bool = True, check_stride: bool = False, msg: Any = None) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol |expected|, for tensors, numbers, arrays, or dicts and
    lists of them.

    The default tolerances depend on the dtype: 1.3e-6 and 1e-5 for float32, 1e-7 both for float64, 0 for integers.

    >>> tinygrad_c.testing.assert_close(tinygrad_c.tensor([1., 2.]), tinygrad_c.tensor([1., 2.0000001]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be specified or both be unspecified, but got no "
                         f"{'rtol' if rtol is None else 'atol'}.")
    words = _difference(actual, expected, rtol, atol, equal_nan, check_dtype)
    if words:
        raise AssertionError(msg(words) if callable(msg) else msg or words)


def _difference(actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool, where: str = "") -> str:
    """The error message, or an empty string."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if actual.keys() != expected.keys():
            return f"The keys of the mappings do not match: {sorted(map(str, actual))} != {sorted(map(str, expected))}"
        pairs = [(actual[key], expected[key], f"[{key!r}]") for key in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
        pairs = [(a, b, f"[{i}]") for i, (a, b) in enumerate(zip(actual, expected))]
    else:
        return _tensors(actual, expected, rtol, atol, equal_nan, check_dtype, where)
    found = (_difference(a, b, rtol, atol, equal_nan, check_dtype, where + key) for a, b, key in pairs)
    return next((each for each in found if each), "")


def _tensors(actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool, where: str) -> str:
    scalars = not isinstance(actual, TensorBase) and not isinstance(expected, TensorBase)
    a, b = (x.detach() if isinstance(x, TensorBase) else as_tensor(x, dtype=float64 if isinstance(x, float) else None)
            for x in (actual, expected))
    tail = f"\n\nThe failure occurred for item {where}" if where else ""
    if a.shape != b.shape:
        return f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}.{tail}"
    if check_dtype and a.dtype != b.dtype and not scalars:
        return f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}.{tail}"
    kinds = {a.dtype, b.dtype}
    if rtol is None:
        rtol, atol = (1.3e-6, 1e-5) if float32 in kinds else (1e-7, 1e-7) if float64 in kinds else (0.0, 0.0)
    close = "close" if rtol or atol else "equal"
    a, b = a.double(), b.double()
    ok = isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if bool(ok.all()):
        return ""
    if a.dim() == 0:
        off = abs(a.item() - b.item())
        share = off / abs(b.item()) if b.item() else float("inf")
        return (f"Scalars are not {close}!\n\nExpected {b.item()} but got {a.item()}.\nAbsolute difference: {off} (up to "
                f"{atol} allowed)\nRelative difference: {share} (up to {rtol} allowed){tail}")
    off = (a - b).abs().masked_fill(ok, 0.0)
    relative = (off / b.abs()).masked_fill(ok, 0.0)

    def place(values: Any) -> str:
        at, index = int(values.nan_to_num(float("inf")).argmax().item()), []
        for size in reversed(values.shape):
            at, i = divmod(at, size)
            index.insert(0, i)
        return f"{values[tuple(index)].item()} at index {tuple(index)}"
    wrong = int((~ok).sum().item())
    return (f"Tensor-likes are not {close}!\n\nMismatched elements: {wrong} / {ok.numel()} ({100 * wrong / ok.numel():.1f}%)\n"
            f"Greatest absolute difference: {place(off)} (up to {atol} allowed)\n"
            f"Greatest relative difference: {place(relative)} (up to {rtol} allowed){tail}")
