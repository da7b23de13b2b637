"""Names of a module that come late: imported when they are first asked for."""
from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def names_of(module: str) -> Callable[[str], Any]:
    """A package's __getattr__ that finds the names of one of its modules."""
    return lambda name: getattr(import_module(module), name)
