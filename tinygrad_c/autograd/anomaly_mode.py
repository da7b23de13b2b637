"""Anomaly mode: find the line of the forward pass that caused a NaN."""
from __future__ import annotations

from tinygrad_c._base.lazy import lazy_names
from tinygrad_c.core import tape

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]
__getattr__, __dir__ = lazy_names(globals())

_mode = 0


def _set(mode: int) -> None:
    global _mode
    _mode = mode
    tape._set_anomaly(mode)


def is_anomaly_enabled() -> bool:
    """Whether operations record their line in the program."""
    return _mode > 0


def is_anomaly_check_nan_enabled() -> bool:
    """Whether backward() checks every computed gradient for NaN."""
    return _mode > 1


class set_detect_anomaly:
    """Turn anomaly mode on or off: from this call on, or in a `with` block.

    In anomaly mode, operations record their line in the program, an error in the backward pass names the line of the forward
    operation, and with check_nan a gradient that becomes NaN raises an error. It is slow: use it only for debugging.

    >>> with set_detect_anomaly(True):
    ...     print(is_anomaly_enabled())
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = _mode
        _set((2 if check_nan else 1) if mode else 0)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception) -> None:
        _set(self.before)


class detect_anomaly:
    """A `with` block in anomaly mode.

    >>> x = tensor(0., requires_grad=True)
    >>> with detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output. ...
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.before = _mode
        _set(2 if self.check_nan else 1)

    def __exit__(self, *exception) -> None:
        _set(self.before)
