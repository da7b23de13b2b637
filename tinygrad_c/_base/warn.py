"""Warnings that name the user's own line, and that are said once."""
from __future__ import annotations

import os
import sys
import warnings

PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_said: set[object] = set()
always = False      # set_warn_always: warn_once warns each time


def users_level() -> int:
    """The stacklevel for warnings.warn, called from the caller of this, of the nearest line outside this package."""
    frame, level = sys._getframe(1), 1
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside this package that led here."""
    warnings.warn(text, category, stacklevel=users_level())


def warn_once(key: object, text: str) -> None:
    """Warn the first time that this key comes up in this process."""
    if always or key not in _said:
        _said.add(key)
        warnings.warn(text, stacklevel=users_level())


def forget() -> None:
    """Let everything be said once more (for tests and notebooks)."""
    _said.clear()


def typename(value: object) -> str:
    """The type of value as PyTorch's messages have it: 'torch.FloatTensor', 'numpy.ndarray', 'list'."""
    if hasattr(value, "requires_grad") and hasattr(value, "type"):
        return value.type()
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
