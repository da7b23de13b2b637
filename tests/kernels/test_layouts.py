"""Operands that lie across the output, as transposes do: walked in tiles, or in their own order; sizes around the tiles' edges."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_c as tg

SHAPES = [(7, 5), (33, 65), (64, 128), (100, 3), (3, 100), (17, 300), (1024, 16), (31, 1000)]
DTYPES = ["float32", "float64", "int32", "int64", "uint8"]


def numbers(shape, dtype, seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * 20).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_across_gives_what_numpy_gives(shape, dtype):
    x, z = numbers(shape, dtype), numbers(shape[::-1], dtype, 1)
    a, c = tg.tensor(x), tg.tensor(z)
    cases = [
        (a.t().contiguous(), x.T), (a.t() + c, x.T + z), (c + a.t(), z + x.T), (a.t() + a.t(), x.T + x.T),
        (a.t() * c[:, :1], x.T * z[:, :1]), (a.t() * c[:1], x.T * z[:1]), (a.t() == c, z == x.T),
        (c.clone().add_(a.t()), z + x.T), (a.clone().t().add_(c), x.T + z), (a.t()[::2].contiguous(), x.T[::2]),
        (a[:, ::-1].t() + c, x[:, ::-1].T + z), (a.flip(0, 1), x[::-1, ::-1]), (a.repeat(2, 3), np.tile(x, (2, 3))),
        (tg.where(a.t() > c, a.t(), c), np.where(z < x.T, x.T, z)), (a.tril(1), np.tril(x, 1)), (a.triu(-2), np.triu(x, -2)),
    ]
    for i, (found, expected) in enumerate(cases):
        np.testing.assert_array_equal(found.numpy(), expected, str(i))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_every_order_of_four_dimensions(dtype):
    x = numbers((5, 70, 6, 33), dtype)
    for order in itertools.permutations(range(4)):
        there = x.transpose(order)
        a = tg.tensor(x).permute(*order)
        other = numbers(there.shape, dtype, 1)
        np.testing.assert_array_equal(a.contiguous().numpy(), there)
        np.testing.assert_array_equal((a + tg.tensor(other)).numpy(), there + other)


def test_the_same_for_any_number_of_threads():
    before, found = tg.get_num_threads(), []
    try:
        for threads in (1, 2):
            tg.set_num_threads(threads)
            a, c = tg.tensor(numbers((700, 900), "float32")), tg.tensor(numbers((900, 700), "float32", 1))
            results = [a.t() + c, a.t().contiguous(), a.t() * c[:, :1], a[:, tg.arange(0, 900, 3)], a.flip(1), a.cumprod(1)]
            found.append([each.numpy().tobytes() for each in results])
    finally:
        tg.set_num_threads(before)
    assert found[0] == found[1]


def test_a_result_lies_as_its_operands_do():
    a = tg.ones(3, 4).t()
    assert (a + a).stride() == (a * 2).stride() == a.tanh().stride() == (tg.ones(3) + a).stride() == (1, 4)
    assert (tg.ones(4, 3) + a).stride() == (3, 1)
    assert tg.ones(4, 6)[:, ::2].exp().is_contiguous()


def test_gradients_of_results_that_lie_across():
    x = tg.tensor(numbers((3, 4), "float64") / 20, requires_grad=True)
    (tg.tanh(x.t()) * tg.arange(12.0).reshape(4, 3)).sum().backward()
    expected = (1 - np.tanh(x.detach().numpy()) ** 2) * np.arange(12.0).reshape(4, 3).T
    np.testing.assert_allclose(x.grad.numpy(), expected, 1e-6)


def test_writing_into_a_view_of_what_lies_across():
    x, w = tg.ones(3, 4, requires_grad=True), tg.tensor([5.0, 6.0, 7.0], requires_grad=True)
    y = x.t() * 2
    y[1] = w
    y[:, 1].mul_(3)
    (y * tg.arange(12.0).reshape(4, 3)).sum().backward()
    weight = np.arange(12.0).reshape(4, 3)
    weight[:, 1] *= 3
    np.testing.assert_array_equal(w.grad.numpy(), weight[1])
    weight[1] = 0
    np.testing.assert_array_equal(x.grad.numpy(), 2 * weight.T)


def test_bools_meet_as_bytes():
    x, y = numbers((5, 40), "float32") > 0, numbers((5, 40), "float32", 1) > 0
    a, b = tg.tensor(x), tg.tensor(y)
    for found, expected in [(a & b, x & y), (a | b, x | y), (a ^ b, x ^ y), (a.t() ^ b.t(), (x ^ y).T), (a + b, x | y)]:
        assert found.dtype is tg.bool
        np.testing.assert_array_equal(found.numpy(), expected)


def test_distances_of_many_rows():
    x, y = numbers((40, 6), "float64"), numbers((30, 6), "float64", 1)
    expected = np.sqrt(((x[:, None] - y) ** 2).sum(-1))
    np.testing.assert_allclose(tg.cdist(tg.tensor(x), tg.tensor(y)).numpy(), expected, 1e-10)
    a = tg.tensor(x, requires_grad=True)
    tg.cdist(a, a).sum().backward()             # the diagonal, where a square root has no slope, counts for nothing
    assert np.isfinite(a.grad.numpy()).all()


def test_running_products_with_zeros():
    x = tg.tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 2.0], [0.0, 0.0, 1.0]], dtype=tg.float64, requires_grad=True)
    assert tg.autograd.gradcheck(lambda x: x.cumprod(1), (x,))
    assert tg.autograd.gradgradcheck(lambda x: x.cumprod(1), (x,))
