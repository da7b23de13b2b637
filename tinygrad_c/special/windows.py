"""Window functions for signals. Harris 1978; Kaiser & Schafer 1980."""
from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

from tinygrad_c import arange, cos, dtype, float64, get_default_dtype, ones, tensor
from tinygrad_c._base.device import check_device
from tinygrad_c.special.bessel import i0

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinygrad_c import Tensor


def _window(name: str, n: int, periodic: bool, of: Callable[[Tensor], Tensor], kind: dtype | None, device: Any,
            requires_grad: bool) -> Tensor:
    """of(k / (N - 1)) for k = 0, ..., n - 1, N = n, or n + 1 if periodic, computed in float64."""
    check_device(device)
    kind = kind or get_default_dtype()
    if n < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={n}")
    if not kind.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
    if n < 2:
        return ones(n, dtype=kind, requires_grad=requires_grad)
    values = of(arange(n, dtype=float64) / (n - 1 + bool(periodic)))
    return values.to(kind).requires_grad_(requires_grad)


def hann_window(window_length: int, periodic: bool = True, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """(1 - cos(2 pi k / (N - 1))) / 2 for k = 0, ..., window_length - 1, N = window_length, plus 1 if periodic.

    RuntimeError for window_length < 0 and for integer dtypes.

    >>> tinygrad_c.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("hann_window", window_length, periodic, lambda t: 0.5 - 0.5 * cos(2 * pi * t), dtype, device, requires_grad)


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype=None,
                   device=None, requires_grad: bool = False) -> Tensor:
    """alpha - beta * cos(2 pi k / (N - 1)); N as for hann_window.

    >>> tinygrad_c.hamming_window(3, periodic=False)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return _window("hamming_window", window_length, periodic, lambda t: alpha - beta * cos(2 * pi * t), dtype, device,
                   requires_grad)


def blackman_window(window_length: int, periodic: bool = True, *, dtype=None, device=None,
                    requires_grad: bool = False) -> Tensor:
    """0.42 - 0.5 cos(2 pi k / (N - 1)) + 0.08 cos(4 pi k / (N - 1)); N as for hann_window.

    >>> tinygrad_c.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """
    return _window("blackman_window", window_length, periodic, lambda t: 0.42 - 0.5 * cos(2 * pi * t) + 0.08 * cos(4 * pi * t),
                   dtype, device, requires_grad)


def bartlett_window(window_length: int, periodic: bool = True, *, dtype=None, device=None,
                    requires_grad: bool = False) -> Tensor:
    """1 - |2 k / (N - 1) - 1|, a triangle; N as for hann_window.

    >>> tinygrad_c.bartlett_window(5, periodic=False)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("bartlett_window", window_length, periodic, lambda t: 1 - (2 * t - 1).abs(), dtype, device, requires_grad)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype=None, device=None,
                  requires_grad: bool = False) -> Tensor:
    """I0(beta sqrt(1 - (2 k / (N - 1) - 1)^2)) / I0(beta), I0 the modified Bessel function; N as for hann_window.

    >>> tinygrad_c.kaiser_window(3, periodic=False, beta=2.)
    tensor([0.4387, 1.0000, 0.4387])
    """
    def of(t: Tensor) -> Tensor:
        return i0(beta * (1 - (2 * t - 1).square()).clamp(min=0).sqrt()) / i0(tensor(float(beta), dtype=t.dtype))

    return _window("kaiser_window", window_length, periodic, of, dtype, device, requires_grad)
