"""Write docs/derivatives.md, the table of elementwise operations and their derivatives, from tinygrad_c/formulas.py.

    python docs/derivatives.py
"""
from __future__ import annotations

from pathlib import Path

from tinygrad_c.formulas import POINTWISE, Row

PAGE = Path(__file__).with_name("derivatives.md")
HEAD = """\
<!-- Made by docs/derivatives.py from tinygrad_c/formulas.py: edit that, and run the script. -->

# Elementwise operations and their derivatives

Each row of the table in `tinygrad_c/formulas.py`: the value `y` of the inputs `x` (or `a`, `b`, `condition`), and the gradient
of each input, given `g`, the gradient of `y`. The compiled kernels, double backward and the tests use the same expressions.

| operation | description | y | backward |
| --- | --- | --- | --- |
"""


def code(expression: str) -> str:
    return "`" + expression.replace("|", "\\|") + "`"


def line(name: str, row: Row) -> str:
    """One row of the page's table."""
    called = f"{name}({', '.join((*row.inputs, *row.params))})"
    rules = [f"d{of}: {code(rule)}" for of, rule in zip(row.inputs, row.derivatives) if rule is not None]
    return f"| {code(called)} | {row.doc.replace('|', chr(92) + '|')} | {code(row.y)} | {'<br>'.join(rules) or 'none'} |\n"


def page() -> str:
    return HEAD + "".join(line(name, row) for name, row in POINTWISE.items())


if __name__ == "__main__":
    PAGE.write_text(page())
