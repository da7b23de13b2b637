"""Writing by index where a shorter way is taken: a mask with a number, one vector of indices, one element a row, bags of one length."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch, with_torch

import tinygrad_c
from tinygrad_c.nn import functional as F

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["plain", "transposed", "strided"])
def test_a_number_where_a_mask_is_true(dtype, layout):
    rng = np.random.default_rng(0)
    array, mask = (rng.standard_normal((6, 6)) * 5).astype(dtype), rng.random((6, 6)) < 0.5
    x = tinygrad_c.from_numpy(array.copy())
    view, seen = {"plain": (x, array), "transposed": (x.T, array.T), "strided": (x[::2, ::2], array[::2, ::2])}[layout]
    mask = mask[:view.shape[0], :view.shape[1]]
    view[tinygrad_c.from_numpy(mask)] = 1
    seen[mask] = 1
    np.testing.assert_array_equal(x.numpy(), array)
    x[x == 1] = 0                       # a mask made of x itself
    array[array == 1] = 0
    np.testing.assert_array_equal(x.numpy(), array)


def test_a_mask_of_another_shape_raises():
    x = tinygrad_c.zeros(2, 3)
    with pytest.raises(IndexError):
        x[tinygrad_c.ones(3, 2) > 0] = 1.0
    assert x.sum() == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_of_every_size_of_element(dtype):
    rng = np.random.default_rng(1)
    array, source = (rng.standard_normal((2, 50)) * 5).astype(dtype)
    index = rng.integers(0, 50, 50)
    found = tinygrad_c.from_numpy(array.copy()).scatter(0, tinygrad_c.from_numpy(index), tinygrad_c.from_numpy(source))
    for i, value in zip(index, source):             # the last of equal indices stays
        array[i] = value
    np.testing.assert_array_equal(found.numpy(), array)


@with_torch
@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (6, 1), (6, 4)])
def test_index_put_that_adds(shape):
    rng = np.random.default_rng(2)
    x, v, k = rng.standard_normal((5, 4)), rng.standard_normal(shape), np.array([0, -1, 3, 3, 0, -5])
    results = []
    for m in (tinygrad_c, torch):
        a, b = (m.from_numpy(np.array(each)).requires_grad_() for each in (x, v))
        out = a.index_put((m.from_numpy(k),), b, accumulate=True)
        (out * out).sum().backward()
        results.append([out.detach().numpy(), a.grad.numpy(), b.grad.numpy()])
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(mine, theirs, 1e-12)


def test_index_put_out_of_bounds_changes_nothing():
    x = tinygrad_c.zeros(3, 2)
    with pytest.raises(IndexError):
        x.index_put_((tinygrad_c.tensor([0, 3]),), tinygrad_c.ones(2, 2), accumulate=True)
    assert x.sum() == 0


@with_torch
@pytest.mark.parametrize("reduce", ["amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_extremes(reduce, dim):
    rng = np.random.default_rng(3)
    x, src = rng.standard_normal((4, 5, 6)), rng.standard_normal((3, 4, 6))
    src[0, 0, 0] = np.nan
    index = rng.integers(0, (4, 5, 6)[dim], (3, 4, 5))
    for layout in ((0, 1, 2), (2, 1, 0)):
        stored = np.ascontiguousarray(x.transpose(layout))
        found, expected = (m.from_numpy(stored.copy()).permute(layout).scatter_reduce(
            dim, m.from_numpy(index), m.from_numpy(src), reduce).numpy() for m in (tinygrad_c, torch))
        np.testing.assert_array_equal(found, expected)


@with_torch
@pytest.mark.parametrize("width", [1, 15, 16, 35])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_of_one_length(mode, weighted, width):
    if weighted and mode == "mean":
        return
    rng = np.random.default_rng(4)
    w, ids, factors = rng.standard_normal((7, width)), rng.integers(0, 7, (5, 4)), rng.standard_normal((5, 4))
    results = []
    for m in (tinygrad_c, torch):
        weight = m.from_numpy(w.copy()).requires_grad_()
        more = {"per_sample_weights": m.from_numpy(factors.copy()).requires_grad_()} if weighted else {}
        for each in (m.from_numpy(ids), m.from_numpy(ids.astype(np.int32))):
            out = m.nn.functional.embedding_bag(each, weight, mode=mode, **more)
            (out * out).sum().backward()
        results.append([out.detach().numpy(), weight.grad.numpy(), *[each.grad.numpy() for each in more.values()]])
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(mine, theirs, 1e-12)


def test_second_derivative_of_bags():
    """The sum of the cubes of the sums of rows: the Hessian by the weight, times a vector, by hand."""
    rng = np.random.default_rng(5)
    array, ids, v = rng.standard_normal((5, 2)), rng.integers(0, 5, (4, 3)), rng.standard_normal((5, 2))
    w = tinygrad_c.from_numpy(array).requires_grad_()
    out = F.embedding_bag(tinygrad_c.from_numpy(ids), w, mode="sum")
    g, = tinygrad_c.autograd.grad((out ** 3).sum(), w, create_graph=True)
    h, = tinygrad_c.autograd.grad((g * tinygrad_c.from_numpy(v)).sum(), w)
    expected = np.zeros((5, 2))
    for bag in ids:
        for i in bag:
            expected[i] += 6 * array[bag].sum(0) * v[bag].sum(0)
    np.testing.assert_allclose(h.numpy(), expected, 1e-12)


def test_bags_are_the_same_with_two_threads_and_check_their_indices():
    ids, w = tinygrad_c.randint(0, 100, (500, 50)), tinygrad_c.randn(100, 40)
    results, before = [], tinygrad_c.get_num_threads()
    for threads in (1, 2):
        tinygrad_c.set_num_threads(threads)
        leaf = w.clone().requires_grad_()
        out = F.embedding_bag(ids, leaf)
        out.pow(2).sum().backward()
        results.append((out.detach().numpy(), leaf.grad.numpy()))
    tinygrad_c.set_num_threads(before)
    for one, two in zip(*results):
        np.testing.assert_array_equal(one, two)
    out = F.embedding_bag(ids, leaf)
    ids[0, 0] = 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
    ids[3, 4] = 100
    with pytest.raises(RuntimeError, match="takes value 100 which is not in the valid range"):
        F.embedding_bag(ids, w)


def test_padding_row_has_no_gradient_of_any_order():
    w = tinygrad_c.randn(4, 3, dtype=tinygrad_c.float64, requires_grad=True)
    ids = tinygrad_c.tensor([[1, 2, 1], [0, 1, 3]])
    out = F.embedding(ids, w, padding_idx=1)
    np.testing.assert_array_equal(out.detach().numpy(), w.detach().numpy()[ids.numpy()])
    g, = tinygrad_c.autograd.grad((out ** 3).sum(), w, create_graph=True)
    assert g[1].abs().sum() == 0
    assert (g[[0, 2, 3]] != 0).all()
    h, = tinygrad_c.autograd.grad(g.sum(), w)
    assert h[1].abs().sum() == 0
    np.testing.assert_allclose(h[[0, 2, 3]].numpy(), 6 * w.detach().numpy()[[0, 2, 3]])
