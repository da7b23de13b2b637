"""Each instruction set that this machine supports, forced in a process of its own; what an unknown or a missing one says."""
from __future__ import annotations

import subprocess
import sys

import pytest
from samples.paths import environment

import tinygrad_c
from tinygrad_c.kernels.runtime import dispatch

CORE = """
import numpy as np
import tinygrad_c
from samples.paths import environment
from samples.comparing import OURS, array, assert_close, gradients, ours, weighed
from golden.record import GOLDEN, recorded
from samples.op_samples import OPS
from tinygrad_c.kernels.runtime import dispatch
assert dispatch.simd_level == {level!r}
for key in GOLDEN:
    name, i = key.rsplit("/", 1)
    op, i = OPS[name], int(i)
    arrays = op.inputs(i, "float64")
    values, expected = recorded(key)
    for dtype in ("float32", "float64"):
        inputs = [x.astype(dtype) if x.dtype == np.float64 else x for x in arrays]
        for a, b in zip(op.run(OURS, i, [ours(x) for x in inputs]), values, strict=True):
            assert_close(array(a), b.astype(a.numpy().dtype), words=key, scale=4)
        for a, b in zip(gradients(OURS, ours, op, i, inputs) if op.differentiable else [], expected):
            if b is not None:
                assert_close(array(a), b.astype(dtype), words=key, scale=16)
# Sizes around the vectors' length, and products larger than a tile.
rng = np.random.default_rng(0)
for n in [*range(1, 40), 1000]:
    for dtype in (np.float32, np.float64):
        x = rng.standard_normal(n).astype(dtype)
        assert_close(OURS.tanh(ours(x)), np.tanh(x.astype(np.float64)).astype(dtype))
        assert_close(OURS.relu(ours(x)), np.maximum(x, 0))
        assert_close(OURS.sum(ours(x)), np.asarray(x.astype(np.float64).sum(), dtype), scale=8)
for m, k, n in [(1, 1, 1), (3, 65, 7), (33, 17, 34), (70, 130, 65), (128, 300, 10)]:
    for dtype in (np.float32, np.float64):
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        expected = (a.astype(np.float64) @ b.astype(np.float64)).astype(dtype)
        for left in (a, np.array(a, order="F")):
            for right in (b, np.array(b, order="F")):
                assert_close(OURS.matmul(ours(left), ours(right)), expected, scale=k)
print("all agree")
"""


def run(code: str, level: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300,
                          env=environment(TINYGRAD_C_SIMD=level))


@pytest.mark.parametrize("level", dispatch.LEVELS)
def test_level(level):
    if level not in dispatch.supported_levels():
        result = run("import tinygrad_c", level)
        assert result.returncode == 1
        assert f"ImportError: TINYGRAD_C_SIMD='{level}', but this processor supports only" in result.stderr
        return
    result = run(CORE.format(level=level), level)
    assert result.stdout == "all agree\n", result.stderr[-3000:]


def test_unknown_level():
    result = run("import tinygrad_c", "sse9")
    assert result.returncode == 1
    assert "ImportError: TINYGRAD_C_SIMD='sse9' is not a level: choose one of baseline, avx2, avx512" in result.stderr


def test_show_config_tells_the_level():
    assert f"SIMD: {dispatch.simd_level} " in tinygrad_c.show_config()
    result = run("import tinygrad_c; print(tinygrad_c.show_config())", "baseline")
    assert "SIMD: baseline " in result.stdout
