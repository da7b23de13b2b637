"""Indexing: every kind of key, read and written, against NumPy; gradients of both sides; gather and scatter; errors."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import autograd
from tinygrad_c.ops.create import create
from tinygrad_c.ops.indexing import index

RNG = np.random.default_rng(4)
A = RNG.standard_normal((4, 5, 6))
SLICE = slice(None)
BASIC = [
    0,
    -1,
    (0, 1),
    (0, 1, 2),
    slice(1, 3),
    (SLICE, 2),
    (Ellipsis, 1),
    (None, 1),
    (SLICE, None, 0),
    (slice(None, None, 2), slice(1, None, 3)),
    (Ellipsis, None),
    (),
    Ellipsis,
    slice(1, 1),
    (0, Ellipsis, -2),
    np.int64(2),
    (slice(-3, None), slice(None, -2)),
    slice(10, 20),
]
NEGATIVE_STEPS = [
    slice(None, None, -1),
    (SLICE, slice(4, 0, -2)),
    (slice(None, None, -3), 0, slice(None, None, -1)),
    (slice(0, 2, -1),),
]
ADVANCED = [
    [0, 2],
    (SLICE, [0, 2, 2]),
    ([0, 1], [1, 2]),
    (SLICE, [0, 1], [1, 2]),
    ([[0, 1], [2, 3]],),
    (SLICE, [[0], [1]], [2, 3, 4]),
    (Ellipsis, [1, -1]),
    (None, [0, 1]),
    [],
    ([0, 1], SLICE, [1, 2]),
    (slice(1, 3), [0, 0, 4]),
    (SLICE, SLICE, [5, 0]),
    ([3, -4], 2),
    (slice(None, None, 2), [1, 3], slice(0, 4, 3)),
]
MASKS = [A > 0, A[:, :, 0] > 0, (SLICE, A[0] > 0), (A[:, 0, 0] > 0, SLICE, 0), (SLICE, A[0, :, 0] > 9), (A[:, 0, 0] > 0, [1])]


def key_for(key, make):
    if isinstance(key, tuple):
        return tuple(key_for(k, make) for k in key)
    return make(key) if isinstance(key, np.ndarray) else key


def numpy_result(a, key):
    """NumPy's answer; it differs from torch's only where an int stands beside an array."""
    return a[np.array(key, dtype=int)] if isinstance(key, list) else a[key]


@pytest.mark.parametrize(
    "key", [*BASIC, *NEGATIVE_STEPS, *ADVANCED, *MASKS], ids=lambda k: type(k).__name__ if isinstance(k, np.ndarray) else None
)
def test_reading(key):
    expected = numpy_result(A, key)
    for layout in (A, np.ascontiguousarray(A.T).T, np.repeat(A, 2, 2)[:, :, ::2], np.ascontiguousarray(A[:, ::-1])[:, ::-1]):
        for dtype in (np.float64, np.int32, np.bool_):
            view = layout if dtype is np.float64 else (layout > 0).astype(dtype)
            x = tg.from_numpy(view)
            np.testing.assert_array_equal(x[key_for(key, tg.tensor)].numpy(), expected if dtype is np.float64 else expected > 0)
            if isinstance(key, np.ndarray):
                np.testing.assert_array_equal(x[key].numpy(), expected if dtype is np.float64 else expected > 0)


@pytest.mark.parametrize(
    "key", [*BASIC, *NEGATIVE_STEPS, *ADVANCED, *MASKS], ids=lambda k: type(k).__name__ if isinstance(k, np.ndarray) else None
)
def test_writing(key):
    shape = numpy_result(A, key).shape
    for layout in (lambda: A.copy(), lambda: A.copy(order="F")):
        for value in (7.0, RNG.standard_normal(shape), RNG.standard_normal(shape[-1:] or ())):
            expected, x = layout(), tg.from_numpy(layout())
            before = x._version
            expected[np.array(key, dtype=int) if isinstance(key, list) else key] = value
            x[key_for(key, tg.tensor)] = value if isinstance(value, float) else tg.tensor(value)
            np.testing.assert_array_equal(x.numpy(), expected)
            assert x._version > before


@pytest.mark.parametrize(
    "key", [*BASIC, *NEGATIVE_STEPS, *ADVANCED, *MASKS], ids=lambda k: type(k).__name__ if isinstance(k, np.ndarray) else None
)
def test_gradients_of_reading_and_writing(key):
    key_ = key_for(key, tg.tensor)
    shape = numpy_result(A, key).shape
    g = RNG.standard_normal(shape)
    expected = np.zeros_like(A)
    np.add.at(expected, np.array(key, dtype=int) if isinstance(key, list) else key, g)
    for layout in (A, np.ascontiguousarray(A.T).T):
        x = tg.from_numpy(layout).requires_grad_()
        x[key_].backward(tg.from_numpy(g))
        np.testing.assert_allclose(x.grad.numpy(), expected)
        # second order: y = x[key]^2 has the gradient 2 x at the places; that of (2 x v).sum() is 2 v there
        v = tg.from_numpy(RNG.standard_normal(A.shape))
        x.grad = None
        (first,) = autograd.grad((x[key_] ** 2).sum(), x, create_graph=True)
        counts = np.zeros_like(A)
        np.add.at(counts, np.array(key, dtype=int) if isinstance(key, list) else key, 1)
        np.testing.assert_allclose(first.numpy(force=True), 2 * A * counts)
        (second,) = autograd.grad((first * v).sum(), x)
        np.testing.assert_allclose(second.numpy(), 2 * v.numpy() * counts)
    # written: the old value's gradient is g off the places, the new one's is g at them
    w = RNG.standard_normal(A.shape)
    x, value = tg.from_numpy(A).requires_grad_(), tg.from_numpy(RNG.standard_normal(shape)).requires_grad_()
    y = x * 1.0
    y[key_] = value
    (y * tg.from_numpy(w)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), w * (counts == 0))
    np.testing.assert_allclose(value.grad.numpy(), numpy_result(w, key))


def test_views_share_and_copies_do_not():
    x = tg.zeros(3, 4)
    x[1][2] = 5.0
    x[:, 0] += 1
    x[::-1][0, 3] = 9.0
    assert x.tolist() == [[1, 0, 0, 0], [1, 0, 5, 0], [1, 0, 0, 9]]
    y = x[[0, 1]]
    y[0] = -1.0
    assert x[0].tolist() == [1, 0, 0, 0]


def test_python_bools_tensors_and_arrays_as_keys():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x[True].shape == (1, 2, 2)
    assert x[False].shape == (0, 2, 2)
    assert x[tg.tensor(1)].tolist() == [3, 4]
    assert x[tg.tensor(-1), 0].item() == 3
    assert x[np.array([1, 0])].tolist() == [[3, 4], [1, 2]]
    assert x[np.array([True, False])].tolist() == [[1, 2]]
    assert x[range(1, 2)].tolist() == [[3, 4]]
    assert x[tg.tensor([1, 0], dtype=tg.int32)].tolist() == [[3, 4], [1, 2]]
    assert x[x > 2].tolist() == [3, 4]
    x[x > 2] = 0.0
    assert x.tolist() == [[1, 2], [0, 0]]


def test_duplicates_add_up_in_the_gradient():
    x = tg.zeros(3, requires_grad=True)
    x[[0, 2, 0, 0]].backward(tg.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad.tolist() == [8, 0, 2]


def test_index_tensors_may_change_after_use():
    x, i = tg.tensor([1.0, 2.0, 3.0], requires_grad=True), tg.tensor([0, 2])
    y = x[i]
    i[0] = 1
    y.sum().backward()
    assert x.grad.tolist() == [1, 0, 1]


def test_a_leaf_is_not_written():
    w = tg.zeros(3, requires_grad=True)
    for write in (lambda: w.__setitem__(0, 5.0), lambda: w.__setitem__([0], 5.0), lambda: w[1:].fill_(1.0)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used in an in-place"):
            write()
    with tg.no_grad():
        w[0] = 5.0
        w[[1, 2]] = tg.tensor([6.0, 7.0])
    assert w.tolist() == [5, 6, 7]


def test_errors_and_nothing_written():
    x = tg.zeros(3, 2)
    for key, error, words in [
        (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        (-4, IndexError, "index -4 is out of bounds"),
        ((0, 2), IndexError, "index 2 is out of bounds for dimension 1 with size 2"),
        ([0, 3], IndexError, "index 3 is out of bounds"),
        ((SLICE, [0, -3]), IndexError, "index -3 is out of bounds for dimension 1"),
        (1 << 70, IndexError, "out of bounds"),
        ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
        ((Ellipsis, Ellipsis), IndexError, "single ellipsis"),
        (slice(None, None, 0), ValueError, "step"),
        (tg.zeros(2), IndexError, "tensors used as indices must be long"),
        (tg.tensor([True, False]), IndexError, "The shape of the mask"),
        ("a", TypeError, "only integers, slices"),
        (1.5, IndexError, "only integers, slices"),
        (([0, 1], [0, 1, 1]), IndexError, "could not be broadcast together"),
    ]:
        with pytest.raises(error, match=words):
            x[key]
        with pytest.raises(error, match=words):
            x[key] = 1.0
    with pytest.raises(RuntimeError, match="shape mismatch|match"):
        x[[0, 1]] = tg.ones(3)
    with pytest.raises(RuntimeError, match="match"):
        x[0] = tg.ones(3)
    assert x.tolist() == [[0, 0]] * 3


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_gather_and_scatter(dim):
    i = RNG.integers(0, A.shape[dim], [3, 4, 5])
    places = list(np.indices(i.shape))
    places[dim] = i
    places = tuple(places)
    src, g = RNG.standard_normal(i.shape), RNG.standard_normal(i.shape)
    for layout in (A, np.ascontiguousarray(A.T).T):
        x = tg.from_numpy(layout).requires_grad_()
        y = tg.gather(x, dim, tg.from_numpy(i))
        np.testing.assert_array_equal(y.numpy(force=True), A[places])
        y.backward(tg.from_numpy(g))
        expected = np.zeros_like(A)
        np.add.at(expected, places, g)
        np.testing.assert_allclose(x.grad.numpy(), expected)

        x, s = tg.from_numpy(layout).requires_grad_(), tg.from_numpy(src).requires_grad_()
        y = tg.scatter_add(x, dim, tg.from_numpy(i), s)
        expected = A.copy()
        np.add.at(expected, places, src)
        np.testing.assert_allclose(y.numpy(force=True), expected)
        y.backward(tg.from_numpy(A))
        np.testing.assert_allclose(x.grad.numpy(), A)
        np.testing.assert_allclose(s.grad.numpy(), A[places])
        expected = A.copy()
        expected[places] = 3
        np.testing.assert_array_equal(tg.scatter(tg.from_numpy(layout), dim, tg.from_numpy(i), 3.0).numpy(), expected)


def test_scatter_add_of_integers_and_in_place():
    x = tg.zeros(3, dtype=tg.int64)
    assert index.scatter_add_(x, 0, tg.tensor([0, 2, 0]), tg.tensor([1, 2, 3])) is x
    assert x.tolist() == [4, 0, 2]
    hot = tg.zeros(2, 3)
    index.scatter_(hot, 1, tg.tensor([[2], [0]]), 1.0)
    assert hot.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_gather_refused():
    x = tg.zeros(2, 3)
    with pytest.raises(RuntimeError, match="index 3 is out of bounds for dimension 1 with size 3"):
        tg.gather(x, 1, tg.tensor([[3], [0]]))
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        tg.gather(x, 1, tg.tensor([0]))
    with pytest.raises(RuntimeError, match="Size does not match at dimension 0"):
        tg.gather(x, 1, tg.zeros(3, 1, dtype=tg.int64))
    with pytest.raises(RuntimeError, match="Expected dtype int64"):
        tg.gather(x, 1, tg.zeros(2, 1))
    y = tg.zeros(2)
    with pytest.raises(RuntimeError):
        index.scatter_(y, 0, tg.tensor([0, 5]), 1.0)
    assert y.tolist() == [0, 0]


def test_index_select_rows_for_a_loader():
    x = RNG.standard_normal((100, 7)).astype(np.float32)
    i = RNG.integers(0, 100, 300)
    np.testing.assert_array_equal(tg.index_select(tg.from_numpy(x), 0, tg.from_numpy(i)).numpy(), x[i])
    np.testing.assert_array_equal(tg.index_select(tg.from_numpy(x), 1, tg.tensor([6, 0])).numpy(), x[:, [6, 0]])
    with pytest.raises(IndexError, match="out of bounds"):
        tg.index_select(tg.from_numpy(x), 0, tg.tensor([100]))
    with pytest.raises(IndexError, match="supposed to be a vector"):
        tg.index_select(tg.from_numpy(x), 0, tg.tensor([[1]]))


def test_masks_nonzero_one_hot_and_along_dim():
    x = tg.tensor([[0.0, 5.0], [6.0, 0.0]])
    assert tg.nonzero(x).tolist() == [[0, 1], [1, 0]]
    assert [t.tolist() for t in tg.nonzero(x, as_tuple=True)] == [[0, 1], [1, 0]]
    assert tg.nonzero(tg.tensor(3.0)).shape == (1, 0)
    assert tg.nonzero(tg.zeros(2, 2)).shape == (0, 2)
    assert tg.masked_select(x, tg.tensor([True, False])).tolist() == [0, 6]
    assert tg.masked_fill(x, x > 5, -1.0).tolist() == [[0, 5], [-1, 0]]
    assert create.one_hot(tg.tensor([[0], [2]])).tolist() == [[[1, 0, 0]], [[0, 0, 1]]]
    assert create.one_hot(tg.tensor([0, 1]), 4).shape == (2, 4)
    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        create.one_hot(tg.tensor([3]), 3)
    with pytest.raises(RuntimeError, match="non-negative"):
        create.one_hot(tg.tensor([-1]))
    order = tg.argmax(x, 1, keepdim=True)
    assert tg.take_along_dim(x, order, 1).tolist() == [[5], [6]]
    assert tg.take_along_dim(x, tg.tensor([1, 2])).tolist() == [5, 6]


@pytest.mark.parametrize(
    "key", [*BASIC, *ADVANCED, *MASKS], ids=lambda k: type(k).__name__ if isinstance(k, np.ndarray) else None
)
def test_against_torch(key):
    torch = pytest.importorskip("torch")
    theirs, ours = torch.tensor(A), tg.tensor(A)
    np.testing.assert_array_equal(ours[key_for(key, tg.tensor)].numpy(), theirs[key_for(key, torch.tensor)].numpy())


def test_where_numpy_and_torch_differ_torch_is_followed():
    """An int is applied first; it does not count as an index tensor that could move the others' dimensions to the front."""
    torch = pytest.importorskip("torch")
    for key in [(0, SLICE, [1, 2]), ([0, 1], SLICE, 2), (SLICE, 0, [1, 2])]:
        np.testing.assert_array_equal(tg.tensor(A)[key].numpy(), torch.tensor(A)[key].numpy())


def test_an_index_without_elements_gathers_nothing():
    assert tg.gather(tg.ones(5), 0, tg.zeros(2, 0, dtype=tg.int64)).shape == (2, 0)
