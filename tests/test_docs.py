"""The pages that are made from the sources are current."""
from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_page_of_derivatives_is_current():
    page = runpy.run_path(str(DOCS / "derivatives.py"))["page"]()
    assert (DOCS / "derivatives.md").read_text() == page, "run: python docs/derivatives.py"
    assert "| `tanh(x)` | (e^x - e^-x) / (e^x + e^-x) | `tanh(x)` | dx: `g * (1 - y * y)` |\n" in page
