"""Nets of nn.Sequential as C headers: compiled, run, and compared with the net."""
import shutil
import subprocess

import numpy as np
import pytest

import tinygrad_c as torch
from tinygrad_c import nn
from tinygrad_c.tables.errors import UserError
from tinygrad_c.tables.export.sequential import ACTIVATIONS, net_header
from tinygrad_c.utils import predict

COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]


def answers(made, rows, folder, compiler):
    (folder / "net.h").write_text(made.text)
    (folder / "main.c").write_text(f"""#include <stdio.h>
#include "net.h"
int main(void) {{
    float x[{made.inputs}], y[{made.outputs}]; int i, failed = net_selftest();
    if (failed) return failed;
    while (fread(x, sizeof(float), {made.inputs}, stdin) == {made.inputs}) {{
        net_run(x, y);
        for (i = 0; i < {made.outputs}; i++) printf("%.9g ", (double)y[i]);
    }}
    return 0;
}}
""")
    subprocess.run([compiler, "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-o", folder / "main", folder / "main.c", "-lm"], check=True)
    done = subprocess.run([folder / "main"], input=rows.tobytes(), capture_output=True, check=True)
    return np.array(done.stdout.split(), dtype=np.float64).reshape(len(rows), -1)


def sample():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.3),
                        nn.Sequential(nn.Linear(9, 7, bias=False), nn.LayerNorm(7), nn.Tanh()), nn.Linear(7, 3), nn.Softmax(dim=1))
    for _ in range(5):      # running statistics
        net(torch.randn(20, 6) * 2 + 1)
    return net


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_net_in_c(tmp_path, compiler):
    net = sample()
    made = net_header(net, 6)
    rows = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    np.testing.assert_allclose(answers(made, rows, tmp_path, compiler), predict(net, torch.from_numpy(rows)).numpy(), atol=1e-6)
    assert (made.rom, made.operations) == (4 * (6 * 9 + 9 + 9 + 9 + 9 * 7 + 7 + 7 + 7 + 7 * 3 + 3), 6 * 9 + 9 * 7 + 7 * 3)


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
@pytest.mark.parametrize("kind", ACTIVATIONS, ids=lambda k: k.__name__)
def test_activations_in_c(tmp_path, kind):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 8), kind(), nn.Linear(8, 2))
    rows = (np.random.default_rng(1).normal(size=(50, 2)) * 5).astype(np.float32)
    expected = predict(net, torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(answers(net_header(net, 2), rows, tmp_path, COMPILERS[0]), expected, atol=1e-5)


def test_what_is_not_exported():
    with pytest.raises(UserError, match="LSTM is not exported"):
        net_header(nn.Sequential(nn.LSTM(2, 3)), 2)
    with pytest.raises(UserError, match="takes 3 numbers, and 2 arrive there"):
        net_header(nn.Sequential(nn.Linear(3, 1)), 2)
