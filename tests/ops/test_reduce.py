"""Reductions: values against NumPy in every layout, accuracy, NaN, ties, empty inputs, errors, gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import autograd

RNG = np.random.default_rng(0)
SHAPES = [(), (1,), (7,), (3, 4), (5, 1, 6), (2, 3, 4, 5), (40, 3), (700, 10), (1100, 33), (3, 20000), (2000, 1), (130, 70)]


def layouts(a: np.ndarray):
    """The same values, differently in memory."""
    yield "contiguous", a
    if a.ndim > 1:
        yield "transposed", np.ascontiguousarray(a.T).T
        yield "permuted", np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0)
    if a.ndim:
        wide = np.repeat(a, 2, axis=-1)
        yield "sliced", wide[..., ::2]
        yield "reversed", np.ascontiguousarray(a[::-1])[::-1]


def dims_of(ndim: int):
    yield None
    for n in range(1, min(ndim, 3) + 1):
        yield from itertools.combinations(range(ndim), n)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sum_mean_amax_of_every_layout_and_dims(shape, dtype):
    a = RNG.standard_normal(shape).astype(dtype)
    tolerance = {"rtol": 2e-6, "atol": 2e-5} if dtype is np.float32 else {"rtol": 1e-13, "atol": 1e-12}
    for (words, view), dim, keepdim in itertools.product(layouts(a), dims_of(a.ndim), (False, True)):
        x = tg.from_numpy(view)
        exact = view.astype(np.float64).sum(axis=dim, keepdims=keepdim)
        np.testing.assert_allclose(tg.sum(x, dim, keepdim).numpy(), exact, **tolerance, err_msg=f"{words} {dim}")
        count = view.size / max(exact.size, 1)
        np.testing.assert_allclose(tg.mean(x, dim, keepdim).numpy(), exact / count, **tolerance, err_msg=f"{words} {dim}")
        np.testing.assert_array_equal(tg.amax(x, dim if dim else (), keepdim).numpy(), view.max(axis=dim, keepdims=keepdim))
        np.testing.assert_array_equal(tg.amin(x, dim if dim else (), keepdim).numpy(), view.min(axis=dim, keepdims=keepdim))


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 40), (33, 100), (129, 5)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32, np.uint8])
def test_along_one_dim(shape, dtype):
    a = (RNG.standard_normal(shape) * 3 + (8 if dtype is np.uint8 else 0)).astype(dtype)
    for (words, view), dim in itertools.product(layouts(a), range(-len(shape), len(shape))):
        x = tg.from_numpy(view)
        values, indices = tg.max(x, dim)
        np.testing.assert_array_equal(values.numpy(), view.max(axis=dim), err_msg=words)
        np.testing.assert_array_equal(indices.numpy(), view.argmax(axis=dim), err_msg=words)  # the first of ties
        np.testing.assert_array_equal(tg.argmin(x, dim, keepdim=True).numpy(), view.argmin(axis=dim, keepdims=True))
        np.testing.assert_allclose(tg.cumsum(x, dim).numpy(), view.cumsum(axis=dim), rtol=1e-5, atol=1e-4, err_msg=words)
        np.testing.assert_allclose(
            tg.prod(x, dim).numpy(),
            view.prod(axis=dim, dtype=np.int64 if a.dtype.kind in "iu" else None),
            rtol=2e-4 if dtype is np.float32 else 1e-12,
            err_msg=words,
        )
    assert tg.argmax(tg.from_numpy(a)).item() == a.argmax()


def test_named_results():
    result = tg.max(tg.tensor([[1.0, 5.0], [7.0, 4.0]]), 1)
    assert result.values.tolist() == [5, 7]
    assert result.indices.tolist() == [1, 0]
    assert tg.max(tg.tensor([1.0, 5.0]), tg.tensor([3.0, 2.0])).tolist() == [3, 5]


def test_axis_is_dim():
    x = tg.tensor([[1.0, 5.0], [7.0, 4.0]])
    assert x.sum(axis=0).tolist() == tg.sum(x, axis=0).tolist() == [8, 9]
    assert x.max(axis=1).indices.tolist() == x.argmax(axis=1).tolist() == [1, 0]
    with pytest.raises(TypeError, match="both dim and axis"):
        tg.mean(x, 0, axis=1)


def test_integer_sums_are_int64():
    x = tg.tensor([200, 100], dtype=tg.uint8)
    assert x.sum().dtype == tg.int64
    assert x.sum().item() == 300
    assert tg.tensor([True, True, False]).sum().item() == 2
    assert tg.prod(tg.tensor([2, 3], dtype=tg.int32)).dtype == tg.int64
    assert tg.tensor([1, 2], dtype=tg.int32).max().dtype == tg.int32
    assert tg.tensor([1, 2]).sum(dtype=tg.float32).dtype == tg.float32


def test_all_any():
    x = tg.tensor([[1.0, 0.0], [2.0, 3.0]])
    assert x.all().item() is False
    assert x.any().item() is True
    assert x.all(1).tolist() == [False, True]
    assert (x == 0).any(0).tolist() == [False, True]
    assert tg.all(tg.tensor([])).item() is True
    assert tg.any(tg.tensor([])).item() is False


@pytest.mark.parametrize("n", [10, 1000, 100_000, 3_000_001])
def test_float32_sums_are_accurate(n):
    a = RNG.random(n).astype(np.float32)
    exact = a.astype(np.float64).sum()
    assert abs(tg.from_numpy(a).sum().item() - exact) <= 2e-6 * exact
    column = tg.from_numpy(np.repeat(a[: n // 10 + 1, None], 3, axis=1))
    exact = a[: n // 10 + 1].astype(np.float64).sum()
    assert np.all(np.abs(column.sum(0).numpy() - exact) <= 2e-6 * exact)


def test_bits_do_not_depend_on_threads():
    x = tg.from_numpy(RNG.standard_normal((3000, 1000)).astype(np.float32))
    if not hasattr(tg, "set_num_threads"):
        pytest.skip("threads are not there yet")
    before = tg.get_num_threads()
    results = []
    for n in (1, 2, 3):
        tg.set_num_threads(n)
        results.append([x.sum().numpy().copy(), x.sum(0).numpy().copy(), x.sum(1).numpy().copy()])
    tg.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_nan_wins_and_infinities_count():
    nan = float("nan")
    for where in (0, 3, 17, 39):
        a = np.arange(40, dtype=np.float32)
        a[where] = nan
        x = tg.from_numpy(a)
        assert np.isnan(x.max().item())
        assert np.isnan(x.min().item())
        assert tg.argmax(x).item() == where
        assert tg.max(x, 0).indices.item() == where
        both = tg.from_numpy(np.stack([a, a[::-1]], axis=1))
        assert tg.argmin(both, 0).tolist() == [where, 39 - where]
    assert tg.tensor([-np.inf, -np.inf]).max().item() == -np.inf
    assert tg.tensor([np.inf, 1.0]).sum().item() == np.inf


def test_empty():
    x = tg.zeros(0, 3)
    assert x.sum().item() == 0
    assert np.isnan(x.mean().item())
    assert x.prod().item() == 1
    assert x.sum(0).tolist() == [0, 0, 0]
    assert x.sum(1).shape == (0,)
    assert tg.cumsum(x, 0).shape == (0, 3)
    assert x.amax(1).shape == (0,)
    with pytest.raises(RuntimeError, match="reduction dim to be specified for input.numel"):
        x.max()
    with pytest.raises(IndexError, match="non-zero size"):
        tg.max(x, 0)
    with pytest.raises(IndexError, match="non-zero size"):
        x.amax(0)


def test_errors():
    x = tg.tensor([1.0, 2.0])
    for bad in (lambda: x.sum(1), lambda: x.mean(-2), lambda: x.max(1), lambda: tg.argmax(x, 5), lambda: tg.cumsum(x, 1)):
        with pytest.raises(IndexError, match=r"Dimension out of range \(expected to be in range of \[-1, 0\], but got"):
            bad()
    for each in (tg.sum, tg.softmax, tg.cumsum, tg.squeeze, tg.argmax):
        with pytest.raises(IndexError, match=r"expected to be in range of \[-1, 0\], but got 1180591620717411303424"):
            each(x, 2 ** 70)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        tg.sum(tg.zeros(2, 2), (0, -2))
    with pytest.raises(RuntimeError, match="could not infer output dtype.*Long"):
        tg.tensor([1, 2]).mean()
    with pytest.raises(TypeError, match="dim must be"):
        x.sum(0.5)
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert np.isnan(tg.var(tg.tensor([1.0])).item())


@pytest.mark.parametrize("correction", [0, 1, 2])
def test_var_and_std_against_numpy(correction):
    a = RNG.standard_normal((6, 5, 4))
    for dim in (None, 0, 1, (0, 2)):
        np.testing.assert_allclose(tg.var(tg.from_numpy(a), dim, correction=correction).numpy(), a.var(dim, ddof=correction))
        np.testing.assert_allclose(tg.std(tg.from_numpy(a), dim, correction=correction).numpy(), a.std(dim, ddof=correction))
    assert tg.var(tg.tensor([1.0, 2.0]), unbiased=False).item() == 0.25
    # far from 0: the mean is subtracted first
    assert tg.var(tg.tensor([1e4, 1e4 + 1, 1e4 + 2])).item() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("p", [1, 2, 3, 2.5, np.inf, -np.inf, 0])
def test_norm_against_numpy(p):
    a = RNG.standard_normal((5, 6))
    np.testing.assert_allclose(tg.norm(tg.from_numpy(a), p).numpy(), np.linalg.norm(a.ravel(), p))
    np.testing.assert_allclose(tg.norm(tg.from_numpy(a), p, 1).numpy(), np.linalg.norm(a, p, axis=1))


def gradient(f, values):
    x = tg.tensor(values, dtype=tg.float64, requires_grad=True)
    f(x).sum().backward()
    return x.grad


def test_gradients_in_closed_form():
    assert gradient(tg.max, [1.0, 3.0, 3.0, 2.0]).tolist() == [0, 0.5, 0.5, 0]  # ties share
    assert gradient(lambda x: x.amax(1), [[1.0, 3.0], [3.0, 3.0]]).tolist() == [[0, 1], [0.5, 0.5]]
    assert gradient(lambda x: tg.max(x, 1).values, [[1.0, 3.0], [3.0, 3.0]]).tolist() == [[0, 1], [1, 0]]  # the index takes all
    assert gradient(tg.prod, [2.0, 0.0, 3.0]).tolist() == [0, 6, 0]
    assert gradient(tg.prod, [0.0, 0.0, 3.0]).tolist() == [0, 0, 0]
    assert gradient(tg.norm, [0.0, 0.0]).tolist() == [0, 0]
    assert gradient(tg.std, [1.0, 1.0]).tolist() == [0, 0]
    assert gradient(lambda x: tg.cumsum(x, 0), [1.0, 1.0, 1.0]).tolist() == [3, 2, 1]
    assert gradient(tg.mean, [1.0, 2.0, 4.0, 8.0]).tolist() == [0.25] * 4


def test_gradient_of_sum_takes_no_memory():
    x = tg.zeros(1000, 1000, requires_grad=True)
    got = []
    y = x * 1.0
    y.register_hook(lambda g: got.append(g.stride()))
    y.sum().backward()
    assert got == [(0, 0)]


FUNCTIONS = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean((0, 2)),
    "prod": lambda x: tg.prod(x, 1),
    "var": lambda x: tg.var(x, 1),
    "std": lambda x: tg.std(x, (0, 1), keepdim=True),
    "norm": lambda x: tg.norm(x, 2, 2),
    "norm3": lambda x: tg.norm(x, 3, 0),
    "max": lambda x: tg.max(x, 1).values,
    "min": lambda x: tg.min(x, 2, keepdim=True).values,
    "amax": lambda x: x.amax((0, 2)),
    "cumsum": lambda x: tg.cumsum(x, 1),
    "logsumexp": lambda x: tg.logsumexp(x, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_gradients_by_differences(name):
    a = RNG.standard_normal((3, 4, 2)) + 0.1
    f = FUNCTIONS[name]
    w = tg.from_numpy(RNG.standard_normal(f(tg.from_numpy(a)).shape))
    v = tg.from_numpy(RNG.standard_normal(a.shape))

    def value(array):
        return (f(tg.from_numpy(array)) ** 2 * w).sum()

    def directional(array):
        x = tg.from_numpy(array.copy()).requires_grad_()
        (g,) = autograd.grad((f(x) ** 2 * w).sum(), x, create_graph=True)
        return x, g, (g * v).sum()

    x, g, d = directional(a)
    (second,) = autograd.grad(d, x, allow_unused=True)
    h = 1e-6
    for at in [(0, 0, 0), (1, 2, 1), (2, 3, 0)]:
        up, down = a.copy(), a.copy()
        up[at] += h
        down[at] -= h
        assert g.numpy(force=True)[at] == pytest.approx((value(up) - value(down)).item() / (2 * h), rel=1e-6, abs=1e-7)
        numeric = (directional(up)[2] - directional(down)[2]).item() / (2 * h)
        assert second.numpy()[at] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_against_torch():
    torch = pytest.importorskip("torch")
    a = RNG.standard_normal((6, 7, 3)).astype(np.float32)
    x, y = tg.from_numpy(a), torch.from_numpy(a)
    for name, args in [
        ("sum", ((0, 2),)),
        ("mean", (1,)),
        ("var", ()),
        ("std", (1,)),
        ("norm", ()),
        ("amax", (0,)),
        ("prod", (2,)),
        ("argmax", (1,)),
        ("argmin", ()),
        ("cumsum", (1,)),
        ("logsumexp", (2,)),
        ("all", (1,)),
        ("any", ()),
    ]:
        np.testing.assert_allclose(
            getattr(tg, name)(x, *args).numpy(), getattr(torch, name)(y, *args).numpy(), rtol=1e-5, err_msg=name
        )


def test_the_norm_of_order_0_counts_and_has_the_gradient_0():
    x = tg.tensor([0.0, 2.0, float("inf"), -1.0], requires_grad=True)
    y = tg.norm(x, 0)
    assert y.item() == 3
    y.backward()
    assert x.grad.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize(("values", "slots"), [([1.0, float("nan"), 3.0], [0.0, 1.0, 0.0]), ([float("nan"), 2.0, float("nan")], [0.5, 0.0, 0.5])])
def test_the_extreme_of_all_is_nan_where_one_is_and_so_is_the_gradient_there_only(name, values, slots):
    x = tg.tensor(values, requires_grad=True)
    getattr(x, name)().backward()
    assert x.grad.tolist() == slots
    x = tg.tensor([1.0, 2.0, 1.0], requires_grad=True)
    getattr(x, name)().backward(tg.tensor(float("nan")))
    assert tg.isnan(x.grad).tolist() == [v == (2.0 if name == "max" else 1.0) for v in [1.0, 2.0, 1.0]]
    assert x.grad[~tg.isnan(x.grad)].sum().item() == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_of_every_width(dtype):
    """Narrow rows share vectors, wide ones are cut into strips of 1, 2 or 4 vectors, the last of which may be a part."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 70)).astype(dtype)
    for rows in (1, 2, 3, 5, 31, 32, 33, 63, 64, 100, 300):
        for width in range(1, 71):
            a = np.ascontiguousarray(x[:rows, :width])
            t = tg.from_numpy(a)
            np.testing.assert_allclose(t.sum(0).numpy(), a.astype(np.float64).sum(0), rtol=0,
                                       atol=(1e-6 if dtype == "float32" else 1e-15) * 4 * rows)
            assert (t.amax(0).numpy() == a.max(0)).all()
            assert (t.amin(0).numpy() == a.min(0)).all()
