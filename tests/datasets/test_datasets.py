"""The bundled digits, and the toy sets."""
import gzip

import numpy as np
import pytest

from tinygrad_c import datasets, float32, int64

TOYS = [datasets.blobs, datasets.circles, datasets.moons, datasets.spirals, datasets.xor]


def test_digits():
    X, y = datasets.digits()
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((1797, 64), float32, (1797,), int64)
    assert (X.min().item(), X.max().item()) == (0.0, 1.0)
    assert np.bincount(y.numpy()).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (X[0, :16] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]


def test_digits_are_those_of_scikit_learn():
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    X, y = datasets.digits()
    np.testing.assert_array_equal(X.numpy() * 16, load_digits().data)
    np.testing.assert_array_equal(y.numpy(), load_digits().target)


def test_digits_come_with_their_attribution():
    path = datasets.digits_path()
    assert path.stat().st_size < 60_000
    assert gzip.decompress(path.read_bytes()).startswith(b"pixel_0_0,")
    text = path.with_name("LICENSE-digits.txt").read_text()
    for word in ("Alpaydin", "Kaynak", "UCI Machine Learning Repository", "10.24432/C50P49", "CC BY 4.0"):
        assert word in text


@pytest.mark.parametrize("toy", TOYS)
def test_toys_are_points_with_classes(toy):
    X, y = toy(n=120)
    classes = len(set(y.tolist()))
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((120, 2), float32, (120,), int64)
    assert classes in (2, 3)
    assert min(np.bincount(y.numpy())) > 120 / classes / 2
    assert bool(np.isfinite(X.numpy()).all())


@pytest.mark.parametrize("toy", TOYS)
def test_toys_repeat_by_seed(toy):
    (a, _), (b, _), (c, _) = toy(n=50, seed=3), toy(n=50, seed=3), toy(n=50, seed=4)
    assert a.tolist() == b.tolist() != c.tolist()


def test_toys_have_their_shapes():
    X, y = datasets.circles(n=100, noise=0.0, factor=0.25)
    radius = np.hypot(*X.numpy().T)
    np.testing.assert_allclose(radius, np.where(y.numpy() == 0, 1.0, 0.25), rtol=1e-5)
    X, y = datasets.moons(n=100, noise=0.0)
    upper, lower = X.numpy()[y.numpy() == 0], X.numpy()[y.numpy() == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0, rtol=1e-5)
    np.testing.assert_allclose(np.hypot(1 - lower[:, 0], 0.5 - lower[:, 1]), 1.0, rtol=1e-5)
    X, y = datasets.blobs(n=300, classes=4, features=3, spread=0.0)
    assert len(np.unique(X.numpy(), axis=0)) == 4


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="3 classes"):
        datasets.spirals(n=2)
