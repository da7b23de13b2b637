"""Model files of the first format answer as they did when they were written (data/ was made by commit 46f10f6)."""
from pathlib import Path

import pytest

for library in ("pandas", "safetensors"):
    pytest.importorskip(library)

from tinygrad_c.cli import main  # noqa: E402

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("name", ["old_classes", "old_quantities"])
def test_an_old_model_answers_as_it_did(name, tmp_path, capfd):
    out = tmp_path / "answers.csv"
    assert main.main(["predict", str(DATA / f"{name}.safetensors"), str(DATA / f"{name}.csv"), "--out", str(out)]) == 0
    assert out.read_text() == (DATA / f"{name}.answers.csv").read_text()
    assert main.main(["info", str(DATA / f"{name}.safetensors")]) == 0
    assert "wants the columns:" in capfd.readouterr().out
