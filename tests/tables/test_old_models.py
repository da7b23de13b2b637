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
    found, expected = (path.read_text().split() for path in (out, DATA / f"{name}.answers.csv"))
    assert found[0] == expected[0]
    for a, b in zip(found[1:], expected[1:], strict=True):
        assert a == b or float(a) == pytest.approx(float(b), rel=1e-6)        # sums in float32 in another order: a last digit
    assert main.main(["info", str(DATA / f"{name}.safetensors")]) == 0
    assert "wants the columns:" in capfd.readouterr().out
