"""func.vmap: batched operations beside a loop and beside torch.func.vmap; nested, differentiated, refused.

Here is one sample of every second operation; jobs/vmap.py runs all of them.
"""
from __future__ import annotations

import gc
import warnings
import zlib

import numpy as np
import pytest
from samples.comparing import at_once, torch
from samples.mapping import choices, compare, gradients, nn_cases, op_cases

import tinygrad_c
from tinygrad_c import func, nn
from tinygrad_c._base.warn import forget
from tinygrad_c.core import batched as watching
from tinygrad_c.func.batched import running

F = nn.functional
CASES = {}
for _case in op_cases():                    # one sample of every second operation
    CASES.setdefault(_case.name.split("/")[0], []).append(_case)
CASES = {name: found[zlib.crc32(name.encode()) % len(found)] for i, (name, found) in enumerate(CASES.items()) if i % 2}
CASES |= {case.name: case for i, case in enumerate(nn_cases()) if i % 8 == 0}


@pytest.mark.parametrize("name", CASES)
def test_batched_as_in_a_loop_and_as_in_torch(name):
    case = CASES[name]
    which = choices(case)
    compare(case, which[zlib.crc32(name.encode()) % len(which)], True)


@pytest.mark.parametrize("name", [name for i, name in enumerate(CASES) if CASES[name].wanted and i % 3 == 0])
def test_gradients_of_each_element(name):
    gradients(CASES[name], choices(CASES[name])[0])


def test_the_harness_sees_a_wrong_rule(monkeypatch):
    from tinygrad_c.func.batched import table
    monkeypatch.setitem(table, "sin", lambda function, level, args, kwargs: table["cos"](tinygrad_c.cos, level, args, kwargs))
    with pytest.raises(AssertionError):
        compare(next(op_cases(["sin"])), (0,), True)


# ---- Beside torch: dims, structures, errors

def described(x):
    if hasattr(x, "detach"):
        return str(x.dtype), tuple(x.shape), np.round(x.detach().numpy().astype(float), 4).tolist()
    if isinstance(x, dict):
        return {k: described(v) for k, v in x.items()}
    return [type(x).__name__, *map(described, x)] if isinstance(x, (tuple, list)) else x


def both(program):
    """program(library) gives the same here and in torch: the numbers, or the class and the first words of the error."""
    if torch is None:
        pytest.skip("torch is not installed")
    seen = []
    for m in (torch, tinygrad_c):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                seen.append(described(program(m)))
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                seen.append((type(error), str(error)[:45]))
    assert seen[1] == seen[0]


def x34(m):
    return m.arange(12.0).reshape(3, 4) / 7 - 0.6


@pytest.mark.parametrize("f", [
    lambda m: m.func.vmap(lambda x: x * 2, in_dims=1)(x34(m)),
    lambda m: m.func.vmap(lambda x: x * 2, in_dims=-1, out_dims=-1)(x34(m)),
    lambda m: m.func.vmap(lambda x: (x, [x.sum(), {"a": x[:2]}]), out_dims=(1, [0, {"a": 1}]))(x34(m)),
    lambda m: m.func.vmap(lambda x: {"a": x}, out_dims={"a": 1})(x34(m)),
    lambda m: m.func.vmap(lambda d, k: d["a"] * d["b"][0] + k, in_dims=({"a": 0, "b": [None]}, None))(
        {"a": x34(m), "b": [m.ones(4)]}, 3.0),
    lambda m: m.func.vmap(lambda d: d["a"] + d["b"][0], in_dims=({"a": 0, "b": None},))({"a": x34(m), "b": [x34(m)]}),
    lambda m: m.func.vmap(lambda x, y: x @ y, in_dims=(0, None))(x34(m), m.ones(4, 2)),
    lambda m: m.func.vmap(lambda x, n=2: x * n)(x34(m), n=5),
    lambda m: m.func.vmap(lambda x: m.ones(2))(x34(m)),
    lambda m: m.func.vmap(lambda x: (x, m.ones(2)), out_dims=(0, None))(x34(m)),
    lambda m: m.func.vmap(lambda x: x.new_zeros(2) + x[:2])(x34(m)),
    lambda m: m.func.vmap(lambda x: x * 2, chunk_size=2)(x34(m)),
    lambda m: m.func.vmap(lambda x: (x, x.sum()), out_dims=(1, 0), chunk_size=2)(x34(m)),
    lambda m: m.func.vmap(lambda x: x * 2)(m.ones(0, 3)),
    lambda m: m.func.vmap(lambda x: sum(x) + len(x))(x34(m)),
    lambda m: m.func.vmap(m.func.vmap(lambda x, y: x * y, in_dims=(None, 0)), in_dims=(0, None))(m.arange(3.0), m.arange(4.0)),
    lambda m: m.func.vmap(m.func.vmap(lambda x: x.cumsum(0), in_dims=1, out_dims=1), in_dims=2)(m.arange(24.0).reshape(2, 3, 4)),
    lambda m: m.func.vmap(lambda x: m.zeros_like(x).index_fill_(0, m.tensor([1]), 2.0) + x)(x34(m)),
    lambda m: m.func.vmap(lambda x: x.clone()[1:3].add_(1).sum())(x34(m)),
    lambda m: m.func.vmap(lambda i, w: w[i], in_dims=(0, None))(m.tensor([2, 0]), x34(m)),
    lambda m: m.func.vmap(lambda i, w: w[:, i], in_dims=(0, None))(m.tensor([[2, 0], [1, 1]]), x34(m)),
    lambda m: m.func.vmap(lambda x: m.where(x > 0, x, m.zeros_like(x)))(x34(m)),
    lambda m: m.func.vmap(lambda x: m.einsum("i,j->ij", x, x))(x34(m)),
    lambda m: m.func.vmap(lambda x, k: x * k)(m.ones(2, dtype=m.float32), m.tensor([2, 3])),
    lambda m: m.func.vmap(lambda x, k: x + k)(m.ones(2, 3, dtype=m.float32), m.ones(2, dtype=m.float64)),
    lambda m: m.func.vmap(lambda x, k: x + k, in_dims=(0, None))(m.ones(2, dtype=m.float32), m.ones((), dtype=m.float64)),
])
def test_dims_and_structures(f):
    both(f)


@pytest.mark.parametrize("f", [
    lambda m: m.func.vmap(lambda x: x.sum().item())(x34(m)),
    lambda m: m.func.vmap(lambda x: float(x.sum()))(x34(m)),
    lambda m: m.func.vmap(lambda x: int(x.sum()))(x34(m)),
    lambda m: m.func.vmap(lambda x: x if x.sum() > 0 else -x)(x34(m)),
    lambda m: m.func.vmap(lambda x: x.numpy())(x34(m)),
    lambda m: m.func.vmap(lambda x: x.tolist())(x34(m)),
    lambda m: m.func.vmap(lambda x: m.zeros(4).mul_(x))(x34(m)),
    lambda m: m.func.vmap(lambda x: m.zeros(4).__setitem__(0, x[0]))(x34(m)),
    lambda m: m.func.vmap(lambda x: x[x > 0])(x34(m)),
    lambda m: m.func.vmap(lambda x: x.nonzero())(x34(m)),
    lambda m: m.func.vmap(lambda x: x.unique())(x34(m)),
    lambda m: m.func.vmap(lambda x: x.requires_grad_())(x34(m)),
    lambda m: m.func.vmap(lambda x: x.data * 2)(x34(m)),
    lambda m: m.func.vmap(lambda x: x + m.rand(4))(x34(m)),
    lambda m: m.func.vmap(m.nn.functional.dropout)(x34(m)),
    lambda m: m.func.vmap(lambda x: 3)(x34(m)),
    lambda m: m.func.vmap(lambda x: None)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, out_dims=None)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, out_dims=3)(x34(m)),
    lambda m: m.func.vmap(lambda x: (x, x), out_dims=(0,))(x34(m)),
    lambda m: m.func.vmap(lambda x: x, in_dims=5)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, in_dims=-3)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, in_dims=None)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, in_dims=(None,))(x34(m)),
    lambda m: m.func.vmap(lambda x: x, in_dims=1.0)(x34(m)),
    lambda m: m.func.vmap(lambda x, y: x)(x34(m), m.ones(5)),
    lambda m: m.func.vmap(lambda x, n: x * n)(x34(m), 3),
    lambda m: m.func.vmap(lambda x: x)(m.tensor(1.0)),
    lambda m: m.func.vmap(lambda: 1)(),
    lambda m: m.func.vmap(lambda x: x, chunk_size=0)(x34(m)),
    lambda m: m.func.vmap(lambda x: x, randomness="some")(x34(m)),
    lambda m: m.func.vmap(lambda x: x.sum(1))(x34(m)),
    lambda m: m.func.vmap(lambda x: x.sum(-2))(x34(m)),
])
def test_errors_are_torchs(f):
    both(f)


def test_writing_to_what_all_elements_share():
    x = x34(tinygrad_c)
    for write in (lambda x: tinygrad_c.zeros(4).add_(x), lambda x: tinygrad_c.zeros(4).__iadd__(x), lambda x: tinygrad_c.zeros(4).copy_(x),
                  lambda x: tinygrad_c.zeros(4).scatter_(0, tinygrad_c.arange(4), x), lambda x: tinygrad_c.zeros(4).sin_() * x + _none(x)):
        shared = "is not possible because there exists a Tensor"
        with pytest.raises(RuntimeError, match=shared):
            func.vmap(write)(x)


def _none(x):
    y = tinygrad_c.zeros(4)
    y[1] = x[0]
    return y


def test_a_batched_tensor_has_no_memory_to_read():
    y = tinygrad_c.ones(4, requires_grad=True)
    for use in (lambda x: setattr(y, "data", x), lambda x: setattr(y, "grad", x), lambda x: y.backward(x), memoryview, np.asarray):
        with pytest.raises((RuntimeError, BufferError)):
            func.vmap(lambda x, use=use: (use(x), x)[1])(x34(tinygrad_c))
    assert func.vmap(lambda x: x if x != None else -x)(x34(tinygrad_c)).shape == (3, 4)      # noqa: E711


def test_errors_of_shapes_are_those_of_an_element():
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x4 and 3x5\)"):
        func.vmap(lambda x: x @ tinygrad_c.ones(3, 5))(tinygrad_c.ones(7, 2, 4))
    with pytest.raises(IndexError, match=r"expected to be in range of \[-1, 0\]"):
        func.vmap(lambda x: x.unbind(1))(x34(tinygrad_c))


# ---- Random numbers

def test_randomness():
    x = tinygrad_c.ones(400, 3)
    for draw in (lambda x: x * tinygrad_c.rand(3), lambda x: tinygrad_c.randn(3), F.dropout, tinygrad_c.rand_like,
                 lambda x: tinygrad_c.bernoulli(x / 2), lambda x: tinygrad_c.randint(0, 9, (3,)), lambda x: tinygrad_c.normal(0.0, 1.0, (3,)),
                 lambda x: x.clone().normal_(), lambda x: tinygrad_c.randperm(9), lambda x: nn.Dropout(0.5)(x) * 1,
                 lambda x: tinygrad_c.multinomial(x, 2)):
        with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
            func.vmap(draw)(x)
        rows = func.vmap(draw, randomness="different")(x)
        assert len({tuple(row) for row in rows.tolist()}) > 1
    for draw in (lambda x: x * tinygrad_c.rand(3), F.dropout, tinygrad_c.rand_like, lambda x: x.clone().normal_()):
        rows = func.vmap(draw, randomness="same")(x)
        assert rows.shape == (400, 3)
        assert (rows == rows[0]).all()
    assert tinygrad_c.equal(func.vmap(nn.Dropout(0.5).eval())(x), x)
    mean = func.vmap(F.dropout, randomness="different")(x).mean()
    assert abs(mean.item() - 1) < 0.15
    assert tinygrad_c.rand(2).shape == (2,)         # outside, nothing is left of it


# ---- What loops says so, once

def test_an_operation_without_a_rule_loops_with_one_warning():
    forget()
    x = tinygrad_c.rand(3, 5)
    with pytest.warns(UserWarning, match="batching rule for histc: vmap calls it once for each element") as shown:
        out, _ = (func.vmap(lambda x: x.histc(4, 0, 1))(x) for _ in range(2))
    assert len([w for w in shown if "histc" in str(w.message)]) == 1
    assert out.tolist() == [row.histc(4, 0, 1).tolist() for row in x]


def test_nets_need_no_loop():
    """A net of every usual layer, its losses and per-sample gradients: no operation without a rule."""
    forget()
    tinygrad_c.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU(), nn.MaxPool2d(2), nn.GroupNorm(2, 4),
                        nn.AvgPool2d(2, 1), nn.Flatten(), nn.LayerNorm(4 * 4), nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 3))
    x, y = tinygrad_c.randn(5, 2, 1, 12, 12)[..., :12, :12], tinygrad_c.randint(0, 3, (5, 2))
    parameters = dict(net.named_parameters())

    def loss(parameters, x, y):
        out = func.functional_call(net, parameters, (x,))
        return F.cross_entropy(out, y) + F.mse_loss(out.softmax(-1), tinygrad_c.zeros_like(out)) + out.logsumexp(1).mean() * 0.1

    net = nn.Sequential(*[layer if not isinstance(layer, nn.LayerNorm) else nn.LayerNorm(64) for layer in net])
    net[8] = nn.Linear(64, 8)
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    for i in range(5):
        expected = func.grad(loss)(parameters, x[i], y[i])
        for name, g in expected.items():
            np.testing.assert_allclose(found[name][i].numpy(), g.numpy(), atol=2e-5)


@pytest.mark.parametrize("make", [
    lambda: (nn.LSTM(3, 4), (5, 2, 3), lambda out: out[0]), lambda: (nn.GRU(3, 4, batch_first=True), (2, 5, 3), lambda out: out[0]),
    lambda: (nn.MultiheadAttention(4, 2), (3, 2, 4), None), lambda: (nn.TransformerEncoderLayer(4, 2, 8, 0.0), (3, 2, 4), lambda out: out),
    lambda: (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (5, 3), lambda out: out),
    lambda: (nn.Sequential(nn.Conv1d(2, 4, 3, groups=2), nn.SELU()), (2, 2, 7), lambda out: out),
    lambda: (nn.ConvTranspose2d(2, 3, 2), (1, 2, 3, 3), lambda out: out), lambda: (nn.Bilinear(3, 3, 2), (4, 3), None),
])
def test_ensembles(make):
    tinygrad_c.manual_seed(0)
    nets = [make()[0] for _ in range(3)]
    _, shape, result = make()
    x = tinygrad_c.randn(*shape)
    inputs = {"MultiheadAttention": (x, x, x), "Bilinear": (x, x)}.get(type(nets[0]).__name__, (x,))
    result = result or (lambda out: out[0] if isinstance(out, tuple) else out)
    parameters, buffers = func.stack_module_state(nets)
    forget()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = func.vmap(lambda p, b, *x: result(func.functional_call(nets[0], (p, b), x)), in_dims=(0, 0, *[None] * len(inputs)))(
            parameters, buffers, *inputs)
        out.square().sum().backward()
    for i, net in enumerate(nets):
        alone = result(net(*inputs))
        np.testing.assert_allclose(out[i].detach().numpy(), alone.detach().numpy(), atol=1e-5)
        alone.square().sum().backward()
        for name, p in net.named_parameters():
            np.testing.assert_allclose(parameters[name].grad[i].numpy(), p.grad.numpy(), atol=1e-4)


def test_embeddings():
    tinygrad_c.manual_seed(0)
    x, w = tinygrad_c.tensor([[0, 2], [1, 1]]), tinygrad_c.randn(2, 3, 4)
    out = func.vmap(lambda i, w: F.embedding(i, w, padding_idx=1))(x, w)
    assert tinygrad_c.equal(out, tinygrad_c.stack([F.embedding(i, each) for i, each in zip(x, w)]))
    slope = func.vmap(func.grad(lambda w, i: F.embedding(i, w, padding_idx=1).sum()), in_dims=(None, 0))(w[0], x)
    assert slope.sum(-1).tolist() == [[4, 0, 4], [0, 0, 0]]
    with pytest.raises(IndexError, match="out of range"):
        func.vmap(lambda i, w: F.embedding(i, w))(x + 1, w)


# ---- Derivatives

def test_batched_tensors_in_transforms():
    both(lambda m: m.func.vmap(m.func.grad(lambda w, x: (w * x).square().sum()), in_dims=(None, 0))(m.ones(4), x34(m)))
    both(lambda m: m.func.grad(lambda w: m.func.vmap(lambda x: (w * x).sum() ** 2)(x34(m)).sum())(m.ones(4)))
    both(lambda m: m.func.vmap(m.func.grad(m.func.grad(lambda x: x ** 3)))(m.arange(4.0)))
    both(lambda m: m.func.vmap(m.func.jacrev(lambda x: x.exp() * x.sum()))(x34(m)))
    both(lambda m: m.func.vmap(m.func.jacfwd(lambda x: x.exp() * x.sum()))(x34(m)))
    both(lambda m: m.func.vmap(m.func.hessian(lambda x: (x ** 3).sum() * x[0]))(x34(m)))
    both(lambda m: m.func.jacrev(m.func.vmap(lambda x: x.sum() ** 2))(x34(m)))
    both(lambda m: m.func.vmap(lambda x, v: m.func.jvp(lambda x: x.sin() * x.sum(), (x,), (v,)))(x34(m), x34(m) + 1))
    both(lambda m: m.func.vmap(lambda v: m.func.jvp(lambda x: x.sin() * x.sum(), (m.ones(4),), (v,))[1])(x34(m)))
    both(lambda m: m.func.vmap(m.func.vjp(lambda x: x.sin() * x.sum(), m.ones(4))[1])(m.eye(4)))
    both(lambda m: m.func.vmap(lambda x: m.func.vjp(lambda w: w * x, m.ones(4))[1](x))(x34(m)))
    both(lambda m: m.func.vmap(m.func.grad_and_value(lambda x: (x.exp().sum(), x * 2), has_aux=True))(x34(m)))


def two(x, d):
    return {"s": (x * d["w"]).sum(), "v": x.outer(d["w"]).sin()}


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1, 0)])
def test_jacobians_have_torchs_structure(argnums):
    def given(m):
        return m.tensor([0.5, -1.0, 2.0]), {"w": m.tensor([1.5, 0.25])}
    both(lambda m: m.func.jacrev(lambda x, d: two(x[:2], d), argnums)(*given(m)))
    both(lambda m: m.func.jacfwd(lambda x, d: two(x[:2], d), argnums)(*given(m)))
    both(lambda m: m.func.hessian(lambda x, d: (x[:2] * d["w"]).sum() ** 3, argnums)(*given(m)))
    both(lambda m: m.func.hessian(lambda x, d: two(x[:2], d)["v"], argnums)(*given(m)))
    both(lambda m: m.func.jacrev(lambda x, d: (two(x[:2], d), x.sum()), argnums, has_aux=True)(*given(m)))
    both(lambda m: m.func.jacfwd(lambda x, d: (two(x[:2], d), x.sum()), argnums, has_aux=True)(*given(m)))


def test_argnums_count_from_the_end():
    x, y = tinygrad_c.rand(3), tinygrad_c.rand(6)           # torch 2.13's jacfwd gives zeros here
    for transform in (func.jacrev, func.jacfwd):
        assert tinygrad_c.allclose(transform(lambda x, y: x.sum() * y ** 2, -1)(x, y), (2 * x.sum() * y).diag())


def test_jacobians_of_what_cannot_run_on_a_batch():
    x = tinygrad_c.rand(6)
    for f in (lambda x: x * x.sum().item(), lambda x: x.histc(3, 0, 1).sum().detach() * x, lambda x: x * (2 if x[0] > 0 else 1)):
        for transform in (func.jacrev, func.jacfwd):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert transform(f)(x).shape == (6, 6)
    assert func.hessian(lambda x: (x ** 2).sum() * x[0].item())(x).shape == (6, 6)
    drawn = func.jacrev(lambda x: x * tinygrad_c.rand(6))(x)
    assert (drawn.diagonal() > 0).all()


def test_jacobians_by_chunks():
    f = lambda x: tinygrad_c.outer(x, x).sin()
    x = tinygrad_c.rand(7)
    whole = func.jacrev(f)(x)
    for size in (1, 5, 49, 100):
        assert tinygrad_c.allclose(func.jacrev(f, chunk_size=size)(x), whole)
    assert tinygrad_c.allclose(func.jacfwd(f)(x), whole)


def test_jacobians_of_the_empty_and_the_constant():
    both(lambda m: m.func.jacrev(lambda x: m.ones(6))(m.ones(3)))
    both(lambda m: m.func.jacfwd(lambda x: m.ones(6))(m.ones(3)))
    both(lambda m: m.func.hessian(lambda x: x.sum())(m.ones(3)))
    both(lambda m: m.func.jacrev(lambda x: x * 2)(m.ones(0)))


def test_jacobians_keep_the_outer_graph():
    x = tinygrad_c.rand(6).requires_grad_()
    for transform in (func.jacrev, func.jacfwd):
        (g,) = tinygrad_c.autograd.grad(transform(lambda x: x ** 3)(x).sum(), x)
        assert tinygrad_c.allclose(g, 6 * x)
    (g,) = tinygrad_c.autograd.grad(func.hessian(lambda x: (x ** 4).sum())(x).sum(), x)
    assert tinygrad_c.allclose(g, 24 * x)
    w = tinygrad_c.ones(3, requires_grad=True)
    func.vmap(lambda x: (x * w).sum())(tinygrad_c.ones(2, 3)).sum().backward()
    assert w.grad.tolist() == [2, 2, 2]


def test_autograd_functions():
    class Cube(tinygrad_c.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x ** 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

    class Own(Cube):
        generate_vmap_rule = False

        @staticmethod
        def vmap(info, in_dims, x):
            assert (info.batch_size, in_dims) == (3, (0,))
            return Own.apply(x), 0

    class Neither(Cube):
        generate_vmap_rule = False

    x = tinygrad_c.arange(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in (Cube, Own):
            assert func.vmap(each.apply)(x).tolist() == [0, 1, 8]
            assert func.vmap(func.grad(each.apply))(x).tolist() == [0, 3, 12]
    with pytest.raises(RuntimeError, match="You tried to vmap over Neither, but it does not have vmap support"):
        func.vmap(Neither.apply)(x)


def test_linear_algebra_takes_the_batch_as_it_is():
    forget()
    tinygrad_c.manual_seed(0)
    a = tinygrad_c.randn(3, 4, 4)
    a = a @ a.mT + tinygrad_c.eye(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (tinygrad_c.linalg.inv, tinygrad_c.linalg.det, tinygrad_c.linalg.cholesky, tinygrad_c.linalg.eigvalsh,
                  lambda a: tinygrad_c.linalg.solve(a, tinygrad_c.ones(4)), lambda a: tinygrad_c.linalg.svd(a)[1]):
            assert tinygrad_c.allclose(func.vmap(f)(a), tinygrad_c.stack([f(each) for each in a]), atol=1e-5)


# ---- Nothing is left behind

def test_nothing_is_left_behind():
    with pytest.raises(ZeroDivisionError):
        func.vmap(lambda x: x / (1 // 0))(x34(tinygrad_c))
    assert running.levels == []
    with pytest.raises(RuntimeError, match="without activate"):
        watching.activate(-1)
    escaped = []
    func.vmap(lambda x: escaped.append(x) or x)(x34(tinygrad_c))
    with pytest.raises(RuntimeError):
        escaped[0] + 1
    repr(escaped[0])


def test_threads():
    def work(_):
        for _ in range(20):
            rows = func.vmap(lambda x: (x * 2).sum(), randomness="different")(tinygrad_c.ones(5, 3))
            if rows.tolist() != [6] * 5 or tinygrad_c.rand(3).shape != (3,):
                failed.append(rows)
    failed = []
    assert at_once(work) == failed == []


def test_batches_are_freed():
    import weakref
    x = tinygrad_c.ones(3, 4)
    seen = weakref.ref(x)
    func.vmap(func.grad(lambda x: (x.sin() * 2).sum()))(x)
    gc.collect()
    del x
    gc.collect()
    assert seen() is None


def test_a_batch_of_linear_layers():
    tinygrad_c.manual_seed(0)
    from tinygrad_c.ops.matmul.products import linear_of_batch
    for n in (1, 3):
        x, w, b = (tinygrad_c.randn(*s, dtype=tinygrad_c.float64).requires_grad_() for s in ((2, n, 3), (2, 4, 3), (2, 4)))
        assert tinygrad_c.allclose(linear_of_batch(x, w, b), tinygrad_c.stack([F.linear(*each) for each in zip(x, w, b)]))
        assert tinygrad_c.autograd.gradcheck(linear_of_batch, (x, w, b))
        assert tinygrad_c.autograd.gradgradcheck(linear_of_batch, (x, w, b))
    with pytest.raises(RuntimeError, match="do not fit"):
        linear_of_batch(x, w[:1], None)


def test_one_matrix_for_a_batch_is_one_product():
    tinygrad_c.manual_seed(0)
    for shape in ((5, 1, 3), (5, 2, 3), (2, 5, 4, 3)):
        a, b = tinygrad_c.randn(*shape), tinygrad_c.randn(3, 6)
        both_ = tinygrad_c.matmul(a, b.expand(*shape[:-2], 3, 6))
        np.testing.assert_allclose(both_.numpy(), a.numpy() @ b.numpy(), atol=1e-5)
    a = tinygrad_c.randn(3, 5, 2).permute(1, 2, 0)           # rows that do not follow each other in memory
    np.testing.assert_allclose(tinygrad_c.bmm(a, b.expand(5, 3, 6)).numpy(), a.numpy() @ b.numpy(), atol=1e-5)


