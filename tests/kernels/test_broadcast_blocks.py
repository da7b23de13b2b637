"""Elementwise operations whose operands repeat rows or elements, or are copied row by row, at sizes around the loop's blocks."""
import numpy as np
import pytest

import tinygrad_c as tg

SHAPES = [((4000, 3), (1, 3)), ((4000, 3), (4000, 1)), ((4000, 3), (1, 1)), ((700, 7, 5), (700, 1, 5)), ((700, 7, 5), (1, 7, 5)),
          ((60, 1, 30), (1, 70, 30)), ((60, 70, 1), (60, 1, 30)), ((9, 700, 11), (9, 1, 11)), ((9, 700, 11), (1, 700, 1)),
          ((3, 1000), (3, 1)), ((3, 1000), (1, 1000)), ((33, 2, 513), (33, 1, 513)), ((20, 64, 9), (20, 64, 1)),
          ((2, 8, 64, 3), (2, 1, 1, 3)), ((5000, 1), (1, 2)), ((1, 5000), (2, 1)), ((17, 31, 63), (31, 1)), ((500, 100), (100,)),
          ((90, 1000), (1000,)), ((30, 1008), (1, 1008)), ((30, 1009), (1009,)), ((60, 496), (496,)), ((60, 497), (497,)),
          ((7, 9, 300), (300,)), ((2, 3), (3,)), ((1, 20), (20,)), ((8193, 1), (1, 3))]


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_two_operands(a, b, dtype):
    r = np.random.default_rng(0)
    x, y = [r.integers(0, 100, shape).astype(dtype) for shape in (a, b)]
    p, q = tg.from_numpy(x), tg.from_numpy(y)
    assert np.array_equal((p + q).numpy(), x + y)
    assert np.array_equal((q + p).numpy(), y + x)
    assert np.array_equal((p > q).numpy(), x > y)
    assert np.array_equal(tg.where(p > q, p, q).numpy(), np.maximum(x, y))
    if np.broadcast_shapes(a, b) == a:
        wide = np.zeros((*a[:-1], a[-1] + 2), dtype)
        room = tg.from_numpy(wide)[..., 1:-1]       # written with gaps, and in place
        room.copy_(p)
        assert np.array_equal(wide[..., 1:-1], x)
        assert not wide[..., 0].any()
        assert not wide[..., -1].any()
        room += q
        assert np.array_equal(wide[..., 1:-1], x + y)
        room.copy_(q.expand(a))
        assert np.array_equal(wide[..., 1:-1], np.broadcast_to(y, a))
    backwards = x[..., ::-1], y[::-1]
    assert np.array_equal((p.flip(-1) + q.flip(0)).numpy(), backwards[0] + backwards[1])
    every_other = p[..., ::2] + 1
    assert np.array_equal(every_other.numpy(), x[..., ::2] + np.asarray(1, dtype))


@pytest.mark.parametrize("shape", [(3, 5), (4, 1, 7), (), (2, 0, 3), (300, 2)])
def test_stack(shape):
    r = np.random.default_rng(0)
    parts = [r.standard_normal(shape) for _ in range(5)]
    ours = [tg.tensor(part, requires_grad=True) for part in parts]
    for dim in range(-len(shape) - 1, len(shape) + 1):
        y = tg.stack(ours, dim)
        assert np.array_equal(y.detach().numpy(), np.stack(parts, dim))
        g = r.standard_normal(y.shape)
        for part, wanted in zip(tg.autograd.grad(y, ours, tg.tensor(g)), np.moveaxis(g, dim, 0)):
            assert np.array_equal(part.numpy(), wanted)
    if len(shape) == 2:
        turned = [part.t() for part in ours]
        assert np.array_equal(tg.stack(turned, 1).detach().numpy(), np.stack([part.T for part in parts], 1))
        assert np.array_equal(tg.cat(turned, 1).detach().numpy(), np.concatenate([part.T for part in parts], 1))


@pytest.mark.parametrize("dims", [(0, 2), (0, 3), (1, 3), (0, 2, 3), (0, 1, 3)])
def test_reductions_over_dimensions_apart(dims):
    x = np.random.default_rng(0).standard_normal((5, 6, 7, 40))
    ours = tg.tensor(x)
    for name, other in (("sum", np.sum), ("amax", np.amax), ("mean", np.mean), ("var", np.var)):
        extra = {"correction": 0} if name == "var" else {}
        for keep in (False, True):
            np.testing.assert_allclose(getattr(ours, name)(dims, keepdim=keep, **extra).numpy(), other(x, dims, keepdims=keep))
    whole = tg.tensor((x * 10).astype("int32"))
    assert np.array_equal(whole.sum(dims).numpy(), (x * 10).astype("int32").sum(dims))
    np.testing.assert_allclose(ours.norm(dim=dims).numpy(), np.sqrt((x * x).sum(dims)))
