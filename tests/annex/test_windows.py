"""Windows: beside torch's and NumPy's."""
from __future__ import annotations

import numpy as np
import pytest

import tinygrad_c

NAMES = ["bartlett", "blackman", "hamming", "hann", "kaiser"]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 16])
@pytest.mark.parametrize("name", NAMES)
def test_of_numpy(name, n):
    ours = getattr(tinygrad_c, f"{name}_window")(n, periodic=False, dtype=tinygrad_c.float64).numpy()
    theirs = np.kaiser(n, 12.0) if name == "kaiser" else getattr(np, name + "ing" * (name == "hann"))(n)
    np.testing.assert_allclose(ours, theirs, atol=1e-15, rtol=1e-12)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 9, 64])
@pytest.mark.parametrize("name", NAMES)
def test_of_torch(name, n, periodic):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(m, f"{name}_window")(n, periodic, dtype=m.float64) for m in (tinygrad_c, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-14)
    ours, theirs = (getattr(m, f"{name}_window")(n, periodic, requires_grad=True) for m in (tinygrad_c, torch))
    assert (str(ours.dtype), ours.requires_grad) == (str(theirs.dtype), theirs.requires_grad)


def test_settings_and_errors():
    np.testing.assert_allclose(tinygrad_c.hamming_window(3, False, 0.5, 0.25).numpy(), [0.25, 0.75, 0.25])
    with pytest.raises(RuntimeError, match="hann_window requires non-negative window_length, got window_length=-1"):
        tinygrad_c.hann_window(-1)
    with pytest.raises(RuntimeError, match="expects floating point dtypes"):
        tinygrad_c.kaiser_window(3, dtype=tinygrad_c.int64)
