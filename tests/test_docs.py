"""The pages that are made from the sources are current."""
from __future__ import annotations

import doctest
import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_tour_answers_what_stands_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)     # it saves a net
    result = doctest.testfile(str(DOCS / "tour.md"), module_relative=False)
    assert result.failed == 0
    assert result.attempted > 30


def test_the_page_of_derivatives_is_current():
    page = runpy.run_path(str(DOCS / "derivatives.py"))["page"]()
    assert (DOCS / "derivatives.md").read_text() == page, "run: python docs/derivatives.py"
    assert "| `tanh(x)` | (e^x - e^-x) / (e^x + e^-x) | `tanh(x)` | dx: `g * (1 - y * y)` |\n" in page


def test_the_page_of_names_is_current():
    made = runpy.run_path(str(DOCS / "reference.py"))
    assert (DOCS / "reference.md").read_text() == made["page"](), "run: python docs/reference.py"
    _, spaces = made["recorded"]()
    assert {"matmul", "no_grad", "float32"} <= set(spaces["torch"])
    assert sum(map(len, spaces.values())) > 1500
