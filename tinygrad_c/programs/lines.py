"""Finds the line of a step that changes a variable, for the message that refuses it."""
from __future__ import annotations

import bisect
import types
from collections.abc import Iterable

CHANGING = frozenset(("append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault"))


def line_of_change(codes: Iterable[types.CodeType], name: str) -> tuple[str, int] | None:
    """(file, line) of the first statement in the codes that assigns to the variable or attribute `name`, or to an entry of it.

    >>> counts = {}
    >>> def step():
    ...     counts["steps"] = 1
    >>> file, line = line_of_change([step.__code__], "counts")
    >>> line - step.__code__.co_firstlineno
    1
    """
    import dis  # 5 ms
    for code in codes:
        starts = [(start, line) for start, _, line in code.co_lines() if line is not None]
        offsets = [start for start, _ in starts]
        lines: dict[int, set[str]] = {}
        for each in dis.get_instructions(code):
            line = starts[bisect.bisect_right(offsets, each.offset) - 1][1] if offsets and each.offset >= offsets[0] else 0
            found = lines.setdefault(line, set())
            if each.opname.startswith("STORE_"):
                found.add(f"{each.opname} {each.argval}")
            found.add(str(each.argval))
        for line, found in lines.items():
            entry = name in found and ("STORE_SUBSCR None" in found or CHANGING & found)
            if entry or any(f"STORE_{kind} {name}" in found for kind in ("DEREF", "GLOBAL", "ATTR")):
                return code.co_filename, line
    return None
