"""What is told: one line for a decision, and one line for all columns about which the same is decided."""
from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_c.tables.errors import some

ALONE = 3       # so many columns of a kind get a line each


@dataclass
class Notes:
    """Lines about the table, and about columns by kind."""

    lines: list[str] = field(default_factory=list)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        self.lines.append(line)

    def column(self, name: str, kind: str, detail: str = "") -> None:
        """`kind` is what is said of all such columns together, `detail` what is said of this one alone."""
        self.kinds.setdefault(kind, {})[name] = detail or kind

    def told(self) -> list[str]:
        lines = list(self.lines)
        for kind, columns in self.kinds.items():
            if len(columns) <= ALONE:
                lines += [f"column {name!r}: {detail}" for name, detail in columns.items()]
            else:
                lines.append(f"{len(columns)} columns: {kind}: {some(map(repr, columns))}")
        return lines
