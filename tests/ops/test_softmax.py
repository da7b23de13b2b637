"""softmax, log_softmax, logsumexp: against float64 NumPy for every length of row and every dim; infinities; gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import autograd

RNG = np.random.default_rng(1)
INF = np.inf
SHAPES = [(1,), (5,), (3, 2), (33, 10), (200, 31), (4, 32), (4, 33), (3, 1000), (6, 5, 4), (2, 40, 70), (130, 1)]


def exact(a: np.ndarray, dim: int) -> dict[str, np.ndarray]:
    a = a.astype(np.float64)
    m = a.max(dim, keepdims=True)
    total = np.exp(a - m).sum(dim, keepdims=True)
    return {
        "softmax": np.exp(a - m) / total,
        "log_softmax": a - m - np.log(total),
        "logsumexp": (m + np.log(total)).squeeze(dim),
    }


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_values_and_gradients(shape, dtype, tolerance):
    a = (RNG.standard_normal(shape) * 4).astype(dtype)
    g = RNG.standard_normal(shape).astype(dtype)
    for dim in range(-len(shape), len(shape)):
        for view in (a, np.ascontiguousarray(a.T).T, np.ascontiguousarray(a[::-1])[::-1]):
            x = tg.from_numpy(view)
            for name, expected in exact(a, dim).items():
                y = getattr(tg, name)(x, dim)
                np.testing.assert_allclose(y.numpy(), expected, rtol=tolerance, atol=tolerance * 4, err_msg=f"{name} {dim}")
                assert y.is_contiguous()
        p = exact(a, dim)["softmax"]
        for name, expected in [
            ("softmax", p * (g - (g * p).sum(dim, keepdims=True))),
            ("log_softmax", g - p * g.astype(np.float64).sum(dim, keepdims=True)),
        ]:
            x = tg.from_numpy(a).requires_grad_()
            getattr(tg, name)(x, dim).backward(tg.from_numpy(g))
            np.testing.assert_allclose(
                x.grad.numpy(), expected, rtol=tolerance * 4, atol=tolerance * 20, err_msg=f"{name} {dim}"
            )


@pytest.mark.parametrize("n", [3, 40])
def test_infinities(n):
    rest = [-INF] * (n - 2)
    x = tg.tensor([[-INF, -INF, *rest], [0.0, -INF, *rest], [1000.0, 1000.0, *rest], [INF, 0.0, *rest]])
    p, q, s = tg.softmax(x, 1).numpy(), tg.log_softmax(x, 1).numpy(), tg.logsumexp(x, 1).numpy()
    assert np.isnan(p[0]).all()
    assert np.isnan(q[0]).all()
    assert s[0] == -INF
    assert p[1].tolist() == [1.0] + [0.0] * (n - 1)
    assert q[1, 0] == 0
    assert (q[1, 1:] == -INF).all()
    assert s[1] == 0
    assert p[2, :2].tolist() == [0.5, 0.5]
    assert s[2] == pytest.approx(1000 + np.log(2))
    assert np.isnan(p[3, 0])
    assert s[3] == INF
    x.requires_grad_()
    tg.logsumexp(x[1:3], 1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[1:3, :2], [[1, 0], [0.5, 0.5]], rtol=1e-4)  # 1000.69 has an ulp of 6e-5


def test_large_and_far_apart():
    assert tg.softmax(tg.tensor([1e4, 0.0]), 0).tolist() == [1, 0]
    assert tg.log_softmax(tg.tensor([1e4, 0.0]), 0).tolist() == [0, -1e4]


def test_several_dims_and_empty():
    a = RNG.standard_normal((3, 4, 5))
    for dim in [(0, 2), (1, 2), None]:
        np.testing.assert_allclose(tg.logsumexp(tg.from_numpy(a), dim).numpy(), np.log(np.exp(a).sum(dim)))
    assert tg.logsumexp(tg.zeros(0, 2), 0).tolist() == [-INF, -INF]
    assert tg.softmax(tg.zeros(0, 3), 1).shape == (0, 3)
    assert tg.softmax(tg.zeros(2, 0), 1).shape == (2, 0)
    assert tg.softmax(tg.tensor(3.0), 0).item() == 1


def test_errors_and_dtypes():
    with pytest.raises(IndexError, match="Dimension out of range"):
        tg.softmax(tg.zeros(2), 1)
    with pytest.raises(RuntimeError, match="not implemented for"):
        tg.softmax(tg.tensor([1, 2]), 0)
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        assert tg.softmax(tg.zeros(2, 2)).tolist() == [[0.5, 0.5]] * 2
    assert tg.softmax(tg.tensor([1, 2]), 0, tg.float64).dtype == tg.float64
    assert tg.zeros(2, requires_grad=True).softmax(0).grad_fn.name() == "SoftmaxBackward0"


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_second_gradients_by_differences(name):
    a, w, v = (RNG.standard_normal((3, 4)) for _ in range(3))
    if name == "logsumexp":
        w = w[:, 0]

    def directional(array):
        x = tg.from_numpy(array.copy()).requires_grad_()
        (g,) = autograd.grad((getattr(tg, name)(x, 1) ** 2 * tg.from_numpy(w)).sum(), x, create_graph=True)
        return x, (g * tg.from_numpy(v)).sum()

    x, d = directional(a)
    (second,) = autograd.grad(d, x)
    for at in np.ndindex(a.shape):
        up, down = a.copy(), a.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        assert second.numpy()[at] == pytest.approx(
            (directional(up)[1] - directional(down)[1]).item() / 2e-6, rel=1e-5, abs=1e-7
        )


def test_against_torch():
    torch = pytest.importorskip("torch")
    a = (RNG.standard_normal((50, 17)) * 10).astype(np.float32)
    a[3, 4], a[7] = -INF, -INF
    for name in ("softmax", "log_softmax", "logsumexp"):
        for dim in (0, 1):
            np.testing.assert_allclose(
                getattr(tg, name)(tg.from_numpy(a), dim).numpy(),
                getattr(torch, name)(torch.from_numpy(a), dim).numpy(),
                rtol=2e-6,
                atol=2e-6,
            )
