"""What the user can mend is said in one line, and ends with exit status 2; and what the other statuses mean."""
from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

# Exit statuses: done; training could not go on; the input is at fault, said in one line on standard error; Ctrl-C.
DONE, FAILED, USER_ERROR, INTERRUPTED = 0, 1, 2, 130


class UserError(Exception):
    """`FILE, row 7 (line 8), column 'age': what is wrong; what to do`, of which only what applies is given."""

    def __init__(self, what: str, file: str | None = None, row: str | None = None, column: str | None = None) -> None:
        place = ", ".join(part for part in (file, row, column and f"column {column!r}") if part)
        super().__init__(" ".join(f"{place}: {what}".split()) if place else what)


def need(module: str) -> ModuleType:
    """Import a library that comes with the extra `cli`, or say how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise UserError(f"this needs {name} ({error}): pip install 'tinygrad_c[cli]'") from None


def nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or the names there are when none is near."""
    names = list(names)
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1)
    if near:
        return f" (did you mean {next(n for n in names if n.lower() == near[0])!r}?)"
    shown = ", ".join(repr(n) for n in names[:12])
    return f" (there are {shown}{', ..' if len(names) > 12 else ''})"
