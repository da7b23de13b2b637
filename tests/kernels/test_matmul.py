"""Products of matrices: how exact they are. (Their values for all layouts are in test_ops.py, their levels in test_simd.py.)"""
from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from tinygrad_c.kernels.runtime.dispatch import supported_levels

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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", ["", "a", "b"])
@pytest.mark.parametrize(("m", "k", "n"), [
    (63, 65, 64), (65, 100, 100), (97, 97, 97), (113, 130, 161), (178, 178, 178), (512, 33, 70), (1111, 40, 30),      # by rows
    (32, 300, 129), (200, 300, 333), (300, 1100, 300), (130, 600, 900), (32, 20, 2100)])                             # by columns
def test_units(m, k, n, transposed, dtype):
    """However a product is cut into units, and whoever does them: the right numbers, the same to the bit."""
    rng = np.random.default_rng(m * n + k)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    x, y = tinygrad_c.from_numpy(a), tinygrad_c.from_numpy(b)
    if transposed == "a":
        x = tinygrad_c.from_numpy(np.ascontiguousarray(a.T)).t()
    if transposed == "b":
        y = tinygrad_c.from_numpy(np.ascontiguousarray(b.T)).t()
    before, found = tinygrad_c.get_num_threads(), {}
    try:
        for threads in (1, 2, 4):
            tinygrad_c.set_num_threads(threads)
            for _ in range(3):          # a thread that was asleep is awake for the next
                found.setdefault((x @ y).numpy().tobytes(), threads)
    finally:
        tinygrad_c.set_num_threads(before)
    assert list(found.values()) == [1]
    exact = a.astype(np.float64) @ b.astype(np.float64)
    tolerance = {"float32": 1e-6, "float64": 2e-15}[dtype] * k ** 0.5 * 8
    assert np.abs((x @ y).numpy() - exact).max() < tolerance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("skip", [0, 3], ids=["aligned", "from the fourth column"])
@pytest.mark.parametrize(("m", "k", "n"), [(96, 513, 65), (97, 1030, 33), (1025, 100, 340), (104, 512, 128), (110, 257, 200)])
def test_a_large_b_that_the_first_tile_copies(m, k, n, skip, dtype):
    """Columns that do not fill a vector, several blocks of k, more rows than a panel serves; and what is added to the product."""
    rng = np.random.default_rng(m + n + k)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n + skip)).astype(dtype)
    bias, c = rng.standard_normal(n).astype(dtype), rng.standard_normal((m, n)).astype(dtype)
    x, y = tinygrad_c.from_numpy(a), tinygrad_c.from_numpy(b)[:, skip:]
    exact = a.astype(np.float64) @ b[:, skip:].astype(np.float64)
    layer = tinygrad_c.nn.Linear(k, n, dtype=y.dtype)
    with tinygrad_c.no_grad():
        layer.weight.copy_(y.t())
        layer.bias.copy_(tinygrad_c.from_numpy(bias))
        found = {
            "a @ b": ((x @ y).numpy(), exact),
            "c + a @ b": (tinygrad_c.addmm(tinygrad_c.from_numpy(c), x, y).numpy(), exact + c),
            "a @ b + bias": (tinygrad_c.addmm(tinygrad_c.from_numpy(bias), x, y).numpy(), exact + bias),
            "relu(linear)": (tinygrad_c.nn.Sequential(layer, tinygrad_c.nn.ReLU())(x).numpy(), np.maximum(exact + bias, 0)),
        }
    tolerance = {"float32": 1e-6, "float64": 2e-15}[dtype] * k ** 0.5 * 8
    for what, (value, wanted) in found.items():
        assert np.abs(value - wanted).max() < tolerance, what


@pytest.mark.parametrize("level", supported_levels())
def test_units_of_hardly_a_row(level):
    """The last unit of a large product may have no more rows than the tile that copies B."""
    code = ("import tinygrad_c as t\n"
            "for m in range(96, 130):\n"
            "    assert ((t.ones(m, 1100) @ t.ones(1100, 31)) == 1100).all(), m")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TINYGRAD_C_SIMD": level},
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr[-1000:])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_products(dtype):
    """Every number of rows and columns up to 19, where tiles, dot products and both orders take turns; k with and without a rest."""
    rng = np.random.default_rng(0)
    tolerance = {"float32": 1e-6, "float64": 2e-15}[dtype] * 8
    for k in (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 100, 600):
        a, b = rng.standard_normal((19, k)).astype(dtype), rng.standard_normal((k, 19)).astype(dtype)
        bias, c = rng.standard_normal(19).astype(dtype), rng.standard_normal((19, 19)).astype(dtype)
        exact = a.astype(np.float64) @ b.astype(np.float64)
        x, y = tinygrad_c.from_numpy(a), tinygrad_c.from_numpy(b)
        x_t, y_t = tinygrad_c.from_numpy(np.ascontiguousarray(a.T)).t(), tinygrad_c.from_numpy(np.ascontiguousarray(b.T)).t()
        t_bias, t_c = tinygrad_c.from_numpy(bias), tinygrad_c.from_numpy(c)
        for m in range(1, 20):
            for n in range(1, 20):
                for left, right in ((x, y), (x_t, y), (x, y_t), (x_t, y_t)):
                    error = (left[:m] @ right[:, :n]).numpy() - exact[:m, :n]
                    assert np.abs(error).max() < tolerance * k ** 0.5, (m, k, n)
                linear = tinygrad_c.nn.functional.linear(x[:m], y_t[:, :n].t(), t_bias[:n])
                assert np.abs(linear.numpy() - exact[:m, :n] - bias[:n]).max() < tolerance * k ** 0.5, (m, k, n)
                w = y_t[:, :n].t().clone().requires_grad_()     # a gradient that is added to one that is there
                w.grad = t_c[:n, :1].expand(n, k).clone() if k <= 19 else None
                before = 0 if w.grad is None else w.grad.numpy().copy()
                tinygrad_c.nn.functional.linear(x[:m], w).backward(t_c[:m, :n])
                error = w.grad.numpy() - before - c[:m, :n].astype(np.float64).T @ a[:m]
                assert np.abs(error).max() < tolerance * 19 ** 0.5, (m, k, n)


def test_dot_products_in_several_units():
    """Long narrow products are dot products, in units of rows: they wrote behind C once, where there was a batch."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 14000, 200)).astype(np.float32), rng.standard_normal((2, 9, 200)).astype(np.float32)
    beside = [tinygrad_c.ones(2, 14000, 9) for _ in range(4)]
    found = tinygrad_c.from_numpy(a) @ tinygrad_c.from_numpy(b).transpose(1, 2)
    assert np.abs(found.numpy() - a @ b.transpose(0, 2, 1)).max() < 1e-4
    assert all((each == 1).all() for each in beside)
