"""Products of matrices: how exact they are. (Their values for all layouts are in test_ops.py, their levels in test_simd.py.)"""
from __future__ import annotations

import numpy as np
import pytest

import tinygrad_c


@pytest.mark.parametrize("k", [256, 512, 784, 2048])
@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_rounding(k, transposed):
    """Products are added up in runs of 256, the runs then: over k of them the error grows like 3e-7 sqrt(k), not faster. (In
    one run it would be 4.1e-7 sqrt(512).) Without FMA each product is rounded as well, and rows of 4 numbers make longer runs."""
    limit = 4.5e-7 if "SIMD: baseline " in tinygrad_c.show_config() else 3.2e-7
    rng = np.random.default_rng(k)
    a, b = rng.standard_normal((96, k)).astype(np.float32), rng.standard_normal((k, 128)).astype(np.float32)
    x, y = tinygrad_c.from_numpy(a), tinygrad_c.from_numpy(b)
    if transposed == "a":
        x = tinygrad_c.from_numpy(np.ascontiguousarray(a.T)).t()
    if transposed == "b":
        y = tinygrad_c.from_numpy(np.ascontiguousarray(b.T)).t()
    error = (x @ y).numpy() - a.astype(np.float64) @ b
    assert np.sqrt((error ** 2).mean()) < limit * k ** 0.5
