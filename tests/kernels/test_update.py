"""The optimizers' kernels: many steps against the formulas in float64 NumPy and against torch, every option, any strides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_c as tg
from tinygrad_c.ops.optim_steps import update

RNG = np.random.default_rng(3)
SHAPES = [(), (3,), (5, 7), (100, 90), (9001,)]
STEPS = 4


def sgd(p, g, s, t, lr, momentum, dampening, weight_decay, nesterov, maximize):
    g = (-g if maximize else g) + weight_decay * p
    if momentum:
        s["b"] = g if "b" not in s else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adam(p, g, s, t, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled):
    g = -g if maximize else g
    if decoupled:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g * g
    v = s["largest"] = np.maximum(s.get("largest", 0), s["v"]) if amsgrad else s["v"]
    return p - lr / (1 - beta1**t) * s["m"] / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)


def rmsprop(p, g, s, t, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    g = (-g if maximize else g) + weight_decay * p
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
    s["a"] = alpha * s.get("a", 0) + (1 - alpha) * g if centered else 0
    d = g / (np.sqrt(s["v"] - s["a"] ** 2) + eps)
    if momentum:
        d = s["b"] = momentum * s.get("b", 0) + d
    return p - lr * d


def adagrad(p, g, s, t, lr, lr_decay, eps, weight_decay, initial, maximize):
    g = (-g if maximize else g) + weight_decay * p
    s["s"] = s.get("s", initial) + g * g
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["s"]) + eps)


CASES = [
    *[
        ("sgd", (0.1, momentum, dampening, decay, nesterov, maximize))
        for momentum, dampening, decay, nesterov, maximize in [
            (0, 0, 0, False, False),
            (0.9, 0, 0, False, False),
            (0.9, 0.3, 0.01, False, True),
            (0.9, 0, 0.1, True, False),
            (0, 0, 0.5, False, True),
        ]
    ],
    *[
        ("adam", (0.01, beta1, 0.99, 1e-8, decay, amsgrad, maximize, decoupled))
        for beta1, decay, amsgrad, maximize, decoupled in [
            (0.9, 0, False, False, False),
            (0.9, 0.1, True, False, False),
            (0.3, 0.1, False, True, True),
            (0.9, 0.01, True, True, True),
        ]
    ],
    *[
        ("rmsprop", (0.01, alpha, 1e-8, decay, momentum, centered, maximize))
        for alpha, decay, momentum, centered, maximize in [
            (0.99, 0, 0, False, False),
            (0.9, 0.1, 0.9, True, False),
            (0.4, 0.1, 0.5, True, True),
            (0.9, 0, 0, True, False),
        ]
    ],
    *[
        ("adagrad", (0.1, lr_decay, 1e-10, decay, initial, maximize))
        for lr_decay, decay, initial, maximize in [(0, 0, 0, False), (0.1, 0.1, 0.5, True)]
    ],
]
STATES = {"sgd": 1, "adam": 3, "rmsprop": 3, "adagrad": 1}


def run(name, params, states, steps, options):
    extra = () if name == "sgd" else (steps,)
    return getattr(update, name + "_")(params, params, *states, *extra, *options)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_formulas(name, options, dtype, tolerance):
    arrays = [np.asarray(RNG.standard_normal(shape)).astype(dtype) for shape in SHAPES]
    params = [tg.tensor(a, requires_grad=True) for a in arrays]
    states, steps = [[None] * len(params) for _ in range(STATES[name])], [0] * len(params)
    exact, exact_states = [a.astype(np.float64) for a in arrays], [{} for _ in arrays]
    for t in range(1, STEPS + 1):
        for i, p in enumerate(params):
            g = np.asarray(RNG.standard_normal(SHAPES[i])).astype(dtype)
            p.grad = tg.tensor(g)
            exact[i] = globals()[name](exact[i], g.astype(np.float64), exact_states[i], t, *options)
        assert run(name, params, states, steps, options) == len(params)
    for p, e in zip(params, exact):
        np.testing.assert_allclose(p.numpy(force=True), e, rtol=tolerance, atol=tolerance / 10)
    if name != "sgd":
        assert steps == [STEPS] * len(params)


def test_strides_versions_and_missing_gradients():
    a, g = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 4))
    plain, turned, sliced, untouched = (
        tg.tensor(a),
        tg.tensor(a.T.copy()).T,
        tg.zeros(6, 8, dtype=tg.float64)[:, ::2],
        tg.tensor(a),
    )
    sliced.copy_(tg.tensor(a))
    params = [plain, turned, sliced, untouched]
    plain.grad, turned.grad, sliced.grad = tg.tensor(g), tg.tensor(g), tg.tensor(g.T.copy()).T
    versions = [p._version for p in params]
    m, v, steps = [None] * 4, [None] * 4, [0] * 4
    for _ in range(2):
        assert update.adam_(params, params, m, v, [None] * 4, steps, 0.1, 0.9, 0.999, 1e-8, 0, False, False, False) == 3
    assert plain.tolist() == turned.tolist() == sliced.tolist() != a.tolist()
    assert untouched.tolist() == a.tolist()
    assert m[3] is None
    assert steps == [2, 2, 2, 0]
    assert [p._version - before for p, before in zip(params, versions)] == [2, 2, 2, 0]
    assert plain.grad.tolist() == g.tolist()


def test_nothing_is_recorded_and_saved_values_are_guarded():
    w = tg.ones(3, requires_grad=True)
    loss = (w * w).sum()
    w.grad = tg.ones(3)
    update.sgd_([w], [w], [None], 0.1, 0, 0, 0, False, False)
    assert w.is_leaf
    assert w.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_refused():
    p = tg.ones(3, requires_grad=True)
    p.grad = tg.ones(3)
    with pytest.raises(ValueError, match="must be as long as params"):
        update.sgd_([p], [p], [], 0.1, 0.9, 0, 0, False, False)
    with pytest.raises(RuntimeError, match="does not fit its parameter"):
        update.sgd_([p], [p], [tg.ones(4)], 0.1, 0.9, 0, 0, False, False)
    assert p.tolist() == [1, 1, 1]


def test_zero_grad():
    p, q = tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)
    p.grad = tg.tensor([3.0, 4.0])
    update.zero_grad_([p, q], False)
    assert p.grad.tolist() == [0, 0]
    assert q.grad is None
    update.zero_grad_([p, q], True)
    assert p.grad is None


def test_bits_do_not_depend_on_the_cut():
    """An element's result is the same wherever in a parameter it stands."""
    a, g = RNG.standard_normal(20001).astype(np.float32), RNG.standard_normal(20001).astype(np.float32)
    whole, parts = tg.tensor(a), [tg.tensor(a[:7]), tg.tensor(a[7:9000]), tg.tensor(a[9000:])]
    whole.grad = tg.tensor(g)
    for p, part in zip(parts, (g[:7], g[7:9000], g[9000:])):
        p.grad = tg.tensor(part)
    for params in ([whole], parts):
        n = len(params)
        update.adam_(params, params, [None] * n, [None] * n, [None] * n, [0] * n, 0.1, 0.9, 0.999, 1e-8, 0.1, True, False, False)
    np.testing.assert_array_equal(whole.numpy(), np.concatenate([p.numpy() for p in parts]))


def test_against_torch():
    torch = pytest.importorskip("torch")
    a = RNG.standard_normal((40, 30)).astype(np.float32)
    for make, name, options in [
        (
            lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
            "sgd",
            (0.1, 0.9, 0, 0.01, True, False),
        ),
        (lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1), "adam", (0.01, 0.9, 0.999, 1e-8, 0.1, False, False, False)),
        (lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True), "adam", (0.01, 0.9, 0.999, 1e-8, 0.01, True, False, True)),
        (lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True), "rmsprop", (0.01, 0.99, 1e-8, 0, 0.5, True, False)),
        (lambda p: torch.optim.Adagrad(p, lr_decay=0.1), "adagrad", (0.01, 0.1, 1e-10, 0, 0, False)),
    ]:
        theirs = torch.tensor(a, requires_grad=True)
        optimizer = make([theirs])
        ours, states, steps = tg.tensor(a, requires_grad=True), [[None] for _ in range(STATES[name])], [0]
        for _ in range(10):
            g = RNG.standard_normal(a.shape).astype(np.float32)
            ours.grad, theirs.grad = tg.tensor(g), torch.tensor(g)
            optimizer.step()
            run(name, [ours], states, steps, options)
        np.testing.assert_allclose(ours.numpy(force=True), theirs.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=name)


def test_every_combination_of_flags_runs():
    for amsgrad, maximize, decoupled in itertools.product((False, True), repeat=3):
        p = tg.zeros(3, requires_grad=True)
        p.grad = tg.tensor([1.0, -1.0, 0.0])
        update.adam_([p], [p], [None], [None], [None], [0], 0.1, 0.9, 0.999, 0.0, 0.0, amsgrad, maximize, decoupled)
        sign = 1 if maximize else -1
        np.testing.assert_allclose(p.tolist()[:2], [sign * 0.1, -sign * 0.1], rtol=1e-5)  # the first step is lr long
