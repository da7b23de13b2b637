"""Notes for the user: a line for each decision; equal decisions about many columns share a line."""
from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_c.tables.errors import some

ALONE = 3       # up to so many columns with the same decision get a line each


@dataclass
class Notes:
    """Notes about the table, and about columns, grouped by kind of decision."""

    lines: list[str] = field(default_factory=list)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        self.lines.append(line)

    def column(self, name: str, kind: str, detail: str = "") -> None:
        """kind: the text if several columns share the line; detail: the text for this column alone."""
        self.kinds.setdefault(kind, {})[name] = detail or kind

    def told(self) -> list[str]:
        lines = list(self.lines)
        for kind, columns in self.kinds.items():
            if len(columns) <= ALONE:
                lines += [f"column {name!r}: {detail}" for name, detail in columns.items()]
            else:
                lines.append(f"{len(columns)} columns: {kind}: {some(map(repr, columns))}")
        return lines
