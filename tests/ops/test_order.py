"""Sorting, selection, search and counting against NumPy: every dtype, ties, NaN, -0, rows of the lengths at which algorithms change."""
import numpy as np
import pytest

import tinygrad_c

DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")
SHAPES = ((5,), (3, 7), (4, 100), (300,), (2, 40, 3), (2, 41), (1000,), (0,), (3, 0))


def arrays(dtype: str, shape: tuple[int, ...]):
    """With many ties, without, and with NaN, -0 and infinity."""
    rng = np.random.default_rng(0)
    yield rng.integers(-5, 5, shape).astype(dtype)
    x = (rng.standard_normal(shape) * 100).astype(dtype)
    yield x
    if dtype.startswith("float") and x.size:
        x = x.copy()
        x.flat[rng.integers(0, x.size, max(1, x.size // 5))] = np.nan
        x.flat[0], x.flat[-1], x.flat[x.size // 2] = -0.0, np.inf, 0.0
        yield x


def descending(x: np.ndarray, d: int) -> np.ndarray:
    """Stable, NaN first."""
    return x.shape[d] - 1 - np.flip(np.argsort(np.flip(x, d), d, kind="stable"), d)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sort_topk_kthvalue(dtype, shape):
    for x in arrays(dtype, shape):
        t = tinygrad_c.from_numpy(x.copy())
        for d in range(x.ndim):
            n, down = x.shape[d], descending(x, d)
            np.testing.assert_array_equal(tinygrad_c.argsort(t, d), np.argsort(x, d, kind="stable"))
            np.testing.assert_array_equal(tinygrad_c.argsort(t, d, True), down)
            np.testing.assert_array_equal(tinygrad_c.sort(t, d)[0], np.sort(x, d))
            for k in {0, min(1, n), min(2, n), min(20, n), min(33, n), n}:
                np.testing.assert_array_equal(tinygrad_c.topk(t, k, d)[1], np.take(down, range(k), d))
                np.testing.assert_array_equal(tinygrad_c.topk(t, k, d, False)[1], np.take(np.argsort(x, d, kind="stable"), range(k), d))
            for rank in {0, n // 2, n - 1} if x.size else ():
                value = np.take(np.sort(x, d), [rank], d)
                first = ((x == value) | ((x != x) & (value != value))).argmax(d, keepdims=True)
                np.testing.assert_array_equal(tinygrad_c.kthvalue(t, rank + 1, d, True)[1], first)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_search_and_sets(dtype, shape):
    for x in arrays(dtype, shape):
        t, flat = tinygrad_c.from_numpy(x.copy()), np.sort(x.reshape(-1))
        for side in ("left", "right"):
            np.testing.assert_array_equal(tinygrad_c.searchsorted(tinygrad_c.from_numpy(flat), t, side=side), np.searchsorted(flat, x, side))
        some = x.reshape(-1)[:3].copy()
        np.testing.assert_array_equal(tinygrad_c.isin(t, tinygrad_c.from_numpy(some)), np.isin(x, some))
        values, inverse, counts = tinygrad_c.unique(t, return_inverse=True, return_counts=True)
        expected = np.unique(x, return_counts=True, equal_nan=False)
        np.testing.assert_array_equal(values, expected[0])
        np.testing.assert_array_equal(counts, expected[1])
        np.testing.assert_array_equal(values.numpy()[inverse.numpy()], x)
        values, inverse, counts = tinygrad_c.unique_consecutive(t, return_inverse=True, return_counts=True)
        np.testing.assert_array_equal(values.numpy()[inverse.numpy()], x)
        assert counts.sum().item() == x.size
        assert (values[1:] != values[:-1]).all()


def test_search_in_rows():
    rng = np.random.default_rng(1)
    bounds, x = np.sort(rng.random((3, 10)), 1), rng.random((3, 4))
    found = tinygrad_c.searchsorted(tinygrad_c.from_numpy(bounds), tinygrad_c.from_numpy(x))
    np.testing.assert_array_equal(found, [np.searchsorted(b, row) for b, row in zip(bounds, x)])


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("n", [0, 1, 200])
def test_counts(dtype, n):
    x = np.random.default_rng(2).integers(0, 9, n).astype(dtype)
    w = np.random.default_rng(3).random(n).astype(np.float32)
    np.testing.assert_array_equal(tinygrad_c.bincount(tinygrad_c.from_numpy(x), minlength=4), np.bincount(x, minlength=4))
    found = tinygrad_c.bincount(tinygrad_c.from_numpy(x), tinygrad_c.from_numpy(w))
    np.testing.assert_allclose(found, np.bincount(x, w), rtol=1e-6)
