"""Errors in the user's input, told in one line: file, row, column, what is wrong, what to do."""
from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class UserError(ValueError):
    """`FILE, row 7 (line 8), column 'age': what is wrong; what to do`. Parts that do not apply are left out."""

    def __init__(self, what: str, file: str | None = None, row: str | None = None, column: str | None = None) -> None:
        place = ", ".join(part for part in (file, row, column and f"column {column!r}") if part)
        super().__init__(" ".join(f"{place}: {what}".split()) if place else what)


def need(module: str, extra: str = "cli") -> ModuleType:
    """Import a library that an extra installs. Raises UserError with the install command if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise UserError(f"this needs {name} ({error}): pip install 'tinygrad_c[{extra}]'") from None


def nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or a list of the names if none is similar."""
    names = [str(n) for n in names]
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1)
    if near:
        return f" (did you mean {next(n for n in names if n.lower() == near[0])!r}?)"
    shown = ", ".join(repr(n) for n in names[:12])
    return f" (there are {shown}{', ..' if len(names) > 12 else ''})"


def many(n: int, thing: str) -> str:
    """A count with its noun: 1 row, 2 rows."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def some(names: Iterable[str], shown: int = 8) -> str:
    """The first names, and the total if there are more."""
    names = list(names)
    return ", ".join(names[:shown]) + (f", .. ({len(names)} in all)" if len(names) > shown else "")
