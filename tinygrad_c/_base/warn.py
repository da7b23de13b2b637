"""Warnings that point at the user's own line, and warnings that are shown once."""
from __future__ import annotations

import os
import sys
import warnings

PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_shown: set[object] = set()
always = False      # set_warn_always: warn_once warns each time


def users_level() -> int:
    """The stacklevel of the nearest frame outside this package, for a call of warnings.warn in the caller."""
    frame, level = sys._getframe(1), 1
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing at the nearest line outside this package."""
    warnings.warn(text, category, stacklevel=users_level())


def warn_once(key: object, text: str) -> None:
    """Warn once for this key in this process."""
    if always or key not in _shown:
        _shown.add(key)
        warnings.warn(text, stacklevel=users_level())


def forget() -> None:
    """Forget which warnings were shown (for tests and notebooks)."""
    _shown.clear()


def typename(value: object) -> str:
    """The type of value as PyTorch's messages have it: 'torch.FloatTensor', 'numpy.ndarray', 'list'."""
    if hasattr(value, "requires_grad") and hasattr(value, "type"):
        return value.type()
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
