"""tinygrad_c.load reads the model file of the command line."""
from __future__ import annotations

import pytest

import tinygrad_c


def test_load_reads_the_command_line_s_model(run, here):
    pytest.importorskip("safetensors")
    rows = "\n".join(f"{a},{b},{a + 2 * b}" for a in range(6) for b in range(6))
    (here / "table.csv").write_text("a,b,y\n" + rows + "\n")
    status, _, err = run("train", "table.csv", "--target", "y", "--epochs", "2", "--out", "model")
    assert status == 0, err
    files = [path for path in here.rglob("*.safetensors") if "checkpoint" not in path.name]
    assert files
    state = tinygrad_c.load(files[0])
    assert state
    assert all(isinstance(x, tinygrad_c.Tensor) for x in state.values())
    data = bytearray(files[0].read_bytes())
    data[-3] ^= 1
    files[0].write_bytes(data)
    with pytest.raises(RuntimeError, match="damaged"):
        tinygrad_c.load(files[0])
