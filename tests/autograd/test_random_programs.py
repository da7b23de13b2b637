"""A few of the random programs of jobs/programs.py (make fuzz runs thousands)."""
import pytest

pytest.importorskip("torch")

from jobs import programs


def test_random_programs_beside_torch(capsys):
    programs.work(2026, range(120))
    out = capsys.readouterr().out
    assert "FAULT" not in out
    assert int(out.split("compared: ")[1].split()[0]) > 60
