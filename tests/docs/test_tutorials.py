"""The tutorials' programs: what they print is what the pages say, in both languages, and explain shows each."""
from __future__ import annotations

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest
from samples.paths import ROOT

FOLDER = ROOT / "docs" / "tutorials"
PROGRAMS = sorted(FOLDER.glob("*.py"))
if not PROGRAMS:
    pytest.skip("the tutorials are not beside the tests", allow_module_level=True)

SAID = {    # lines that a program must print: computed by hand and with PyTorch 2.13
    "1_one_weight": ["prediction 7.00  loss 1.0000  dw -6.00  db -2.00", "prediction 9.00  loss 1.0000  dw 6.00  db 2.00",
                     "prediction 7.40  loss 0.3600  dw -3.60  db -1.20", "prediction 7.64  loss 0.1296  dw -2.16  db -0.72"],
    "2_zero_grad": ["w.grad -12.0  x.grad None", "kept: 6.0", "kept: 12.0", "cleared: 6.0"],
    "4_house_price": ["z1 5.0000  a1 0.993307  prediction 1.989961  loss 0.260140", "dw1 -0.030517", "db1 -0.010172",
                      "dw2 -1.013251", "after one step: 2.003052 -0.998983 1.601325 0.602008",
                      "prediction 2.192723  loss 0.094419"],
    "5_exercises": ["2. relu'(-2), relu'(5): [0.0, 1.0]"],
}


def run(program: Path) -> tuple[str, dict]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        left = runpy.run_path(str(program))
    return said.getvalue(), left


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_tutorial(program):
    said, left = run(program)
    for line in SAID.get(program.stem, []):
        assert line in said.splitlines()
    explained = left["explained"]
    assert len(explained.html("zh").encode()) < 300_000
    assert all(one["backward"] and one["lines"] for one in explained.passes)
    assert not any(note["kind"] in ("freed", "error") for one in explained.passes for note in one["notes"])
    formulas = [give["formula"] for one in explained.passes for back in one["backward"] for give in back["gives"]]
    assert None not in formulas


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_its_pages_in_two_languages(program):
    pages = [program.with_suffix(f".{lang}.md").read_text(encoding="utf-8") for lang in ("en", "zh")]
    asked = [sorted(set(re.findall("@@(\\w+)@@", page))) for page in pages]
    assert asked[0] == asked[1]
    assert {"program", "output", "explain"} <= set(asked[0]) <= {"program", "output", "explain", "curves"}
    assert ("curves" in asked[0]) == ("curves" in run(program)[1])
    assert re.search("[\u4e00-\u9fff]", pages[1])
    assert not re.search("[\u4e00-\u9fff]", pages[0])


def test_by_hand_and_by_backward_are_the_same_line():
    said = run(FOLDER / "7_line_fit.py")[0].splitlines()
    assert said[0].split("w ")[1] == said[1].split("w ")[1]
