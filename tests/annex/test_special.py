"""tinygrad_c.special beside torch.special, and identities that hold without it."""
from __future__ import annotations

import math

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c
from tinygrad_c import special

POINTS = np.concatenate([np.linspace(-7, 7, 57), [-30.0, -12.0, 8.99, 9.01, 12.0, 26.0, 40.0, 0.0]])


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["ndtr", "log_ndtr", "erfcx", "entr", "expit", "erf", "expm1", "gammaln", "psi", "sinc", "exp2"])
def test_values_and_gradients(name, dtype):
    results = []
    for m, make in ((tinygrad_c, special), (torch, torch.special)):
        x = m.tensor(POINTS.astype(dtype), requires_grad=True)
        y = getattr(make, name)(x)
        y.sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    digits = 2e-5 if dtype == "float32" else 1e-11
    pole = (POINTS <= 0) & (np.round(POINTS) == POINTS) if name in ("psi", "gammaln") else POINTS == 0
    # erfcx' = 2 x erfcx(x) - 2 / sqrt(pi) is a difference of nearly the same, without digits in float32; torch's psi' has nine.
    for ours, theirs in list(zip(*results))[:1 if (name, dtype) in (("erfcx", "float32"), ("psi", "float64")) else 2]:
        kept = ~np.isnan(theirs) & (np.abs(theirs) < 1e30) & ~pole
        np.testing.assert_allclose(ours[kept], theirs[kept], digits, digits / 100)


def test_inverses_and_edges():
    p = np.linspace(0.01, 0.99, 33)
    np.testing.assert_allclose(special.ndtr(special.ndtri(tinygrad_c.tensor(p))).numpy(), p, 1e-14)
    assert special.xlog1py(tinygrad_c.tensor([0.0, 2.0]), tinygrad_c.tensor([-1.0, 1.0])).tolist() == pytest.approx([0, 2 * math.log(2)])
    assert special.entr(tinygrad_c.tensor([-1.0, 0.0, math.inf])).tolist() == [-math.inf, 0.0, -math.inf]
    tail = -5000 - math.log(100 * math.sqrt(2 * math.pi)) + math.log(1 - 1e-4 + 3e-8 - 15e-12 + 105e-16)
    assert special.log_ndtr(tinygrad_c.tensor(-100.0, dtype=tinygrad_c.float64)).item() == pytest.approx(tail, 1e-14)
    for name in special.__all__:
        assert callable(getattr(special, name)), name
