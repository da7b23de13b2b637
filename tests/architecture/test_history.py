"""The history of instruction counts: no row has grown by more than 3% without a reason. tests/jobs/history.py adds the rows."""
from itertools import pairwise

import pytest
from jobs import history


def test_no_case_has_grown_by_more_than_3_percent_without_a_reason():
    rows = history.rows()
    assert rows
    for before, after in pairwise(rows):
        assert not history.grown(before, after) or after["because"], f"{after['commit']}: {history.grown(before, after)}"


def test_every_row_has_twenty_cases():
    assert len(set(history.CASES)) == 20
    for row in history.rows():
        assert all(int(row[case]) > 0 for case in history.CASES), row["commit"]


@pytest.mark.parametrize(("factor", "found"), [(1.02, []), (1.05, ["m@m +5.0%"]), (0.5, [])])
def test_growth_is_found(factor, found):
    row = {**{case: "100000" for case in history.CASES}, "build": "x"}
    assert history.grown(row, {**row, "m@m": str(int(100000 * factor))}) == found
    assert history.grown(row, {**row, "m@m": "200000", "build": "y"}) == []


def test_a_row_is_added_and_replaces_that_of_its_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "HISTORY", tmp_path / "history.csv")
    assert history.rows() == []
    row = {"commit": "a", "date": "2026-01-01", "build": "x", "because": "", **{case: "1" for case in history.CASES}}
    history.add(row)
    history.add({**row, "commit": "b"})
    history.add({**row, "commit": "b", "because": "measured again"})
    assert [(r["commit"], r["because"]) for r in history.rows()] == [("a", ""), ("b", "measured again")]
    pytest.importorskip("matplotlib")
    history.picture(str(tmp_path / "h.png"))
    assert (tmp_path / "h.png").read_bytes()[:4] == b"\x89PNG"
