"""The fused losses: against their definitions in NumPy, torch's answers, and finite differences; what they refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c import autograd
from tinygrad_c.ops.loss import loss

RNG = np.random.default_rng(2)


def cross_entropy(x, t, weight, ignore_index, smoothing):
    """Losses and weights row by row, as the documentation defines them."""
    x = x.astype(np.float64)
    logp = x - x.max(1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(1, keepdims=True))
    n = x.shape[1]
    w = np.ones(n) if weight is None else weight
    losses, weights = np.zeros(len(t)), np.zeros(len(t))
    for r, label in enumerate(t):
        if label != ignore_index:
            losses[r] = -(1 - smoothing) * w[label] * logp[r, label] - smoothing / n * (w * logp[r]).sum()
            weights[r] = w[label]
    return losses, weights


@pytest.mark.parametrize(("rows", "n"), [
    (1, 1), (32, 2), (31, 2), (65, 1), (257, 3), (17, 5), (33, 10), (300, 10), (40, 16), (7, 32), (9, 33), (5, 1000)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
def test_cross_entropy(rows, n, dtype, tolerance):
    x = (RNG.standard_normal((rows, n)) * 4).astype(dtype)
    labels = RNG.integers(0, n, rows)
    some = labels.copy()
    some[1::3] = -100
    weight = (RNG.random(n) + 0.5).astype(dtype)
    for t, w, smoothing in itertools.product((labels, some), (None, weight), (0.0, 0.2)):
        losses, weights = cross_entropy(x, t, w, -100, smoothing)
        expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}
        for reduction, value in expected.items():
            given = tg.from_numpy(x), tg.from_numpy(t), None if w is None else tg.from_numpy(w), -100, reduction, smoothing
            np.testing.assert_allclose(loss.cross_entropy(*given).numpy(), value, rtol=tolerance, atol=tolerance)
        # the gradient of the sum, by its formula
        p = np.exp(x - x.max(1, keepdims=True).astype(np.float64))
        p /= p.sum(1, keepdims=True)
        ws = np.ones(n) if w is None else w
        gradient = np.zeros((rows, n))
        for r in range(rows):
            if t[r] != -100:
                hot = np.eye(n)[t[r]]
                gradient[r] = (1 - smoothing) * ws[t[r]] * (p[r] - hot) + smoothing / n * (ws.sum() * p[r] - ws)
        y = tg.from_numpy(x).requires_grad_()
        loss.cross_entropy(y, *given[1:4], "sum", smoothing).backward()
        np.testing.assert_allclose(y.grad.numpy(), gradient, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [tg.uint8, tg.int32, tg.int64])
def test_labels_of_any_integer_dtype(dtype):
    x = tg.from_numpy(RNG.standard_normal((4, 3)))
    t = tg.tensor([0, 2, 1, 2])
    assert loss.cross_entropy(x, t.to(dtype)).item() == loss.cross_entropy(x, t).item()
    assert loss.nll_loss(x, t.to(dtype)).item() == loss.nll_loss(x, t).item()


def test_shapes_of_cross_entropy():
    x = RNG.standard_normal((4, 3, 2, 5))
    t = RNG.integers(0, 3, (4, 2, 5))
    flat = loss.cross_entropy(tg.from_numpy(np.moveaxis(x, 1, -1).reshape(-1, 3)), tg.from_numpy(t.ravel()), reduction="none")
    y = tg.from_numpy(x).requires_grad_()
    each = loss.cross_entropy(y, tg.from_numpy(t), reduction="none")
    assert each.shape == (4, 2, 5)
    assert each.reshape(-1).tolist() == flat.tolist()
    each.sum().backward()
    assert y.grad.shape == x.shape
    one = loss.cross_entropy(tg.tensor([1.0, 2.0]), tg.tensor(1), reduction="none")
    assert one.shape == ()
    assert one.item() == pytest.approx(np.log(1 + np.exp(-1)))
    column = np.asfortranarray(x[:, :, 0, 0])
    assert loss.cross_entropy(tg.from_numpy(column), tg.from_numpy(t[:, 0, 0])).item() == pytest.approx(
        loss.cross_entropy(tg.from_numpy(column.copy()), tg.from_numpy(t[:, 0, 0])).item()
    )


def test_probabilities_as_targets():
    x, p = RNG.standard_normal((4, 3)), RNG.random((4, 3))
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    y = tg.from_numpy(x).requires_grad_()
    value = loss.cross_entropy(y, tg.from_numpy(p))
    assert value.item() == pytest.approx(-(p * logp).sum() / 4)
    value.backward()
    np.testing.assert_allclose(y.grad.numpy(), (np.exp(logp) * p.sum(1, keepdims=True) - p) / 4)


def test_far_logits_and_ignored_rows():
    assert loss.cross_entropy(tg.tensor([[1e4, 0.0]]), tg.tensor([0])).item() == 0
    assert loss.cross_entropy(tg.tensor([[1e4, 0.0]]), tg.tensor([1])).item() == 1e4
    assert loss.cross_entropy(tg.tensor([[1000.0, 1000.0]]), tg.tensor([1])).item() == pytest.approx(np.log(2), rel=1e-6)
    x = tg.tensor([[1.0, np.nan], [0.0, 0.0]], requires_grad=True)
    loss.cross_entropy(x, tg.tensor([-100, 1])).backward()
    assert x.grad.tolist() == [[0, 0], [0.5, -0.5]]
    assert np.isnan(loss.cross_entropy(tg.zeros(2, 2), tg.tensor([-100, -100])).item())
    assert np.isnan(loss.cross_entropy(tg.zeros(0, 2), tg.zeros(0, dtype=tg.int64)).item())


@pytest.mark.parametrize("function", [loss.cross_entropy, loss.nll_loss])
def test_refused(function):
    x = tg.zeros(4, 3)
    for target, error, words in [
        (tg.tensor([0, 1, 2, 3]), IndexError, r"Target 3 is out of bounds.*0\.\.2"),
        (tg.tensor([0, 1, 2, -1]), IndexError, "Target -1 is out of bounds"),
        (tg.zeros(5, dtype=tg.int64), ValueError, r"Expected input batch_size \(4\) to match target batch_size \(5\)"),
        (tg.zeros(4, 1, dtype=tg.int64), RuntimeError, "0D or 1D target tensor expected, multi-target not supported"),
        (tg.zeros(4), RuntimeError, "expected target dtype to be Long or Byte, but got Float"),
    ]:
        with pytest.raises(error, match=words):
            function(x, target)
    with pytest.raises(RuntimeError, match="weight tensor should be defined either for all 3 classes or no classes"):
        function(x, tg.tensor([0, 1, 2, 0]), tg.ones(2))
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        function(x, tg.tensor([0, 1, 2, 0]), reduction="average")
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        function(tg.zeros(4, 3, dtype=tg.int64), tg.tensor([0, 1, 2, 0]))


PAIRS = {
    "mse_loss": ((), lambda x, t: (x - t) ** 2, lambda x, t: 2 * (x - t)),
    "l1_loss": ((), lambda x, t: abs(x - t), lambda x, t: np.sign(x - t)),
    "smooth_l1_loss": (
        (0.3,),
        lambda x, t: np.where(abs(x - t) < 0.3, (x - t) ** 2 / 0.6, abs(x - t) - 0.15),
        lambda x, t: np.clip((x - t) / 0.3, -1, 1),
    ),
    "huber_loss": (
        (0.3,),
        lambda x, t: np.where(abs(x - t) <= 0.3, (x - t) ** 2 / 2, 0.3 * (abs(x - t) - 0.15)),
        lambda x, t: np.clip(x - t, -0.3, 0.3),
    ),
    "binary_cross_entropy": ((), lambda x, t: -t * np.log(x) - (1 - t) * np.log1p(-x), lambda x, t: (x - t) / (x * (1 - x))),
    "binary_cross_entropy_with_logits": (
        (),
        lambda x, t: np.maximum(x, 0) - x * t + np.log1p(np.exp(-abs(x))),
        lambda x, t: 1 / (1 + np.exp(-x)) - t,
    ),
}


def call_pair(name, x, t, reduction):
    extra = PAIRS[name][0]
    return getattr(loss, name)(
        x, t, reduction=reduction, **dict(zip({"smooth_l1_loss": ["beta"], "huber_loss": ["delta"]}.get(name, []), extra))
    )


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("shape", [(), (5,), (33, 7), (3, 9001)], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_losses_of_pairs(name, shape, dtype, tolerance):
    x, t = (np.asarray(RNG.random(shape) * 0.98 + 0.01).astype(dtype) for _ in range(2))
    _, value, slope = PAIRS[name]
    exact, gradient = value(x.astype(np.float64), t), slope(x.astype(np.float64), t)
    transposed = np.array(x, order="F")
    for reduction, expected, factor in [("none", exact, 1), ("sum", exact.sum(), 1), ("mean", exact.mean(), 1 / exact.size)]:
        for array in (x, transposed):
            y = tg.from_numpy(array).requires_grad_()
            out = call_pair(name, y, tg.from_numpy(t), reduction)
            np.testing.assert_allclose(out.numpy(force=True), expected, rtol=tolerance, atol=tolerance)
            out.sum().backward()
            np.testing.assert_allclose(y.grad.numpy(), gradient * factor, rtol=tolerance * 10, atol=tolerance * factor)


@pytest.mark.parametrize("name", [*PAIRS, "cross_entropy", "nll_loss"])
def test_gradients_by_differences(name):
    """By the input and, for pairs, the target; first and second."""
    a, b = RNG.random((4, 3)) * 0.9 + 0.05, RNG.random((4, 3)) * 0.9 + 0.05
    labels = tg.tensor([0, 2, -100, 1])
    directions = [tg.from_numpy(RNG.standard_normal((4, 3))) for _ in range(2)]

    def value(arrays, reduction="mean"):
        if name in PAIRS:
            return call_pair(name, *arrays, reduction)
        options = {"label_smoothing": 0.1} if name == "cross_entropy" else {}
        return getattr(loss, name)(
            arrays[0] * arrays[1], labels, tg.tensor([1.0, 2.0, 0.5], dtype=tg.float64), reduction=reduction, **options
        )

    for reduction in ("mean", "none"):

        def scalar(arrays, reduction=reduction):
            out = value(arrays, reduction)
            return (out * out).sum()

        def directional(arrays):
            leaves = [tg.from_numpy(x.copy()).requires_grad_() for x in arrays]
            gradients = autograd.grad(scalar(leaves), leaves, create_graph=True)
            return leaves, gradients, sum((g * d).sum() for g, d in zip(gradients, directions))

        leaves, first, d = directional([a, b])
        second = autograd.grad(d, leaves)
        h = 1e-6
        for which, at in itertools.product((0, 1), [(0, 0), (1, 2), (2, 1), (3, 1)]):
            up, down = [a.copy(), b.copy()], [a.copy(), b.copy()]
            up[which][at] += h
            down[which][at] -= h
            numeric = (scalar([tg.from_numpy(x) for x in up]) - scalar([tg.from_numpy(x) for x in down])).item() / (2 * h)
            assert first[which].numpy(force=True)[at] == pytest.approx(numeric, rel=1e-5, abs=1e-8)
            numeric = (directional(up)[2] - directional(down)[2]).item() / (2 * h)
            assert second[which].numpy()[at] == pytest.approx(numeric, rel=1e-4, abs=1e-7)


def test_pairs_refused():
    x = tg.full((5, 1), 0.5)
    with pytest.raises(ValueError, match="Using a target size .* that is different to the input size"):
        loss.binary_cross_entropy(x, tg.zeros(5))
    with pytest.raises(ValueError, match=r"Target size \(torch.Size\(\[5\]\)\) must be the same as input size"):
        loss.binary_cross_entropy_with_logits(x, tg.zeros(5))
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1.*binary_cross_entropy_with_logits"):
        loss.binary_cross_entropy(x * 3, tg.zeros(5, 1))
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        loss.mse_loss(tg.zeros(3), tg.zeros(4))
    with pytest.raises(RuntimeError, match="expected Float"):
        loss.binary_cross_entropy(x, tg.zeros(5, 1, dtype=tg.int64))
    for bad in (lambda: loss.smooth_l1_loss(x, x, beta=-1.0), lambda: loss.huber_loss(x, x, delta=0)):
        with pytest.raises(RuntimeError, match="does not support"):
            bad()


def test_certain_answers_of_binary_cross_entropy():
    x = tg.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    each = loss.binary_cross_entropy(x, tg.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert each.tolist() == [0, 0, 100, 100]
    each.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    far = tg.tensor([1000.0, -1000.0], requires_grad=True)
    each = loss.binary_cross_entropy_with_logits(far, tg.tensor([0.0, 0.0]), reduction="none")
    assert each.tolist() == [1000, 0]


def test_against_torch():
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    x, t = (RNG.random((64, 9)).astype(np.float32) for _ in range(2))
    w, pos = RNG.random((64, 9)).astype(np.float32), RNG.random(9).astype(np.float32) * 3
    labels = RNG.integers(0, 9, 64)
    ours, theirs = tg.from_numpy, torch.from_numpy
    for reduction in ("none", "mean", "sum"):
        for a, b in [
            (
                loss.binary_cross_entropy_with_logits(ours(x), ours(t), ours(w), reduction, ours(pos)),
                F.binary_cross_entropy_with_logits(
                    theirs(x), theirs(t), theirs(w), reduction=reduction, pos_weight=theirs(pos)
                ),
            ),
            (
                loss.binary_cross_entropy(ours(x), ours(t), ours(w), reduction),
                F.binary_cross_entropy(theirs(x), theirs(t), theirs(w), reduction=reduction),
            ),
            (
                loss.cross_entropy(ours(x), ours(t), ours(pos), reduction=reduction, label_smoothing=0.1),
                F.cross_entropy(theirs(x), theirs(t), theirs(pos), reduction=reduction, label_smoothing=0.1),
            ),
            (
                loss.nll_loss(ours(x), ours(labels), ours(pos), 3, reduction),
                F.nll_loss(theirs(x), theirs(labels), theirs(pos), ignore_index=3, reduction=reduction),
            ),
        ]:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
