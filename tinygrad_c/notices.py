"""Warnings that name the user's own line, and that are said once."""
from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

PACKAGE = os.path.dirname(__file__) + os.sep
_said: set[object] = set()


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
    if key not in _said:
        _said.add(key)
        warnings.warn(text, stacklevel=users_level())


def forget() -> None:
    """Let everything be said once more (for tests and notebooks)."""
    _said.clear()


def unknown_name(module: str, name: str, names: Iterable[str], left_out: Mapping[str, str]) -> AttributeError:
    """What a module says of a name that it has not: why it is left out, or the nearest name that there is."""
    if name in left_out:
        return AttributeError(f"{module}.{name} is left out here: {left_out[name]}")
    from difflib import get_close_matches  # here: it costs the import of the package 2 ms
    near = get_close_matches(name, [each for each in names if not each.startswith("_")], 1)
    return AttributeError(f"module '{module}' has no attribute {name!r}" + (f": did you mean {near[0]!r}?" if near else ""))


def rooms_for_later(namespace: dict[str, Any], rooms: Mapping[str, str],
                    left_out: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A module's __getattr__ and __dir__: names of `rooms` (module: names in it) are imported when first asked for."""
    package = namespace["__name__"]
    room_of = {name: room for room, names in rooms.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in room_of:
            if name.startswith("__"):
                raise AttributeError(name)
            raise unknown_name(package, name, [*namespace, *room_of], left_out)
        value = getattr(import_module(f"{package}.{room_of[name]}"), name)
        namespace[name] = value
        return value

    return find, lambda: sorted({*namespace, *room_of})


def typename(value: object) -> str:
    """The type of value as PyTorch's messages have it: 'torch.FloatTensor', 'numpy.ndarray', 'list'."""
    if hasattr(value, "requires_grad") and hasattr(value, "type"):
        return value.type()
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
