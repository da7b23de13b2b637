"""gradcheck, autograd.functional and func, beside torch's and against closed forms."""
from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest
from samples.comparing import squared, torch

import tinygrad_c
from tinygrad_c import autograd, func, nn, tensor
from tinygrad_c.autograd import functional, gradcheck, gradgradcheck
from tinygrad_c.autograd.checks import GradcheckError

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")       # torch.vmap's own


def numbers(x):
    """Tensors in nested containers as (type, shape, rounded numbers)."""
    if hasattr(x, "detach"):
        return str(x.dtype), tuple(x.shape), x.requires_grad, np.round(x.detach().numpy().astype(float), 5).tolist()
    if isinstance(x, dict):
        return {k: numbers(v) for k, v in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [numbers(each) for each in x]
    return x


def both(program) -> None:
    """program(module) gives the same with torch and with us: numbers, shapes, containers, or the error."""
    if torch is None:
        pytest.skip("torch is not installed")
    seen = []
    for m in (torch, tinygrad_c):
        try:
            seen.append(numbers(program(m)))
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            seen.append((type(error), str(error).split(".")[0].split(",")[0][:60]))
    if isinstance(seen[0], tuple) and isinstance(seen[0][1], list) and isinstance(seen[1], tuple):
        for i, (b, a) in enumerate(zip(seen[0][1], seen[1][1])):
            assert a == b, i
    assert seen[1] == seen[0]


def vector(m, *xs, grad=False):
    return m.tensor(list(xs), requires_grad=grad)


# ---- gradcheck

def double(*xs):
    return tensor(list(xs), dtype=tinygrad_c.float64, requires_grad=True)


def test_gradcheck_agrees():
    a, b = double(0.3, 1.2), double(2.0, 0.7)
    assert gradcheck(lambda a, b: (a * b, a.sin() + b), (a, b))
    assert gradgradcheck(lambda a, b: (a * b, a.sin() + b), (a, b))
    assert gradcheck(lambda a, k, b: a ** k * b, [a, 3, b.detach()])
    assert gradcheck(lambda x: x.argmax(), double(1.0, 2.0))
    assert gradcheck(lambda x: x.reshape(2, 0), tensor(np.zeros((0, 2)), requires_grad=True))
    assert a.tolist() == [0.3, 1.2]
    assert a.grad is None


def test_gradcheck_finds_a_wrong_gradient():
    x = double(0.5, 2.0)
    assert gradcheck(squared(tinygrad_c, lambda x: 2 * x), x)
    with pytest.raises(GradcheckError, match=r"Jacobian mismatch for output 0 with respect to input 0,\nnumerical:"):
        gradcheck(squared(tinygrad_c, lambda x: 2.01 * x), x)
    assert not gradcheck(squared(tinygrad_c, lambda x: 2.01 * x), x, raise_exception=False)
    assert gradcheck(squared(tinygrad_c, lambda x: 2.01 * x), x, rtol=0.1)
    assert not gradcheck(squared(tinygrad_c, lambda x: 2 * x.detach() + 0.01 * np.random.rand()), x, raise_exception=False, atol=1e-12)
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(squared(tinygrad_c, lambda x: 2 * x + 1e-7 * np.random.rand()), x)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(squared(tinygrad_c, lambda x: (2 * x).detach() + 0 * x), x)
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, x)


def test_gradcheck_conditions():
    both(lambda m: m.autograd.gradcheck(lambda x: x, (m.tensor([1.0]),)))
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        gradcheck(lambda x: x * 2, tensor([1.0], requires_grad=True), eps=1e-2, atol=1e-2)


# ---- autograd.functional

def f1(x):
    return (x ** 3).sum()


def f2(x):
    return x.exp() * x.sum()


def two_in(x, y):
    return (x * y).sum() + (x ** 2).sum() * y.sum()


def two_out(x, y):
    return x * y, (x + y).sum()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("grad", [False, True])
def test_functional(create_graph, grad):
    def program(m):
        F = m.autograd.functional
        x, y = vector(m, 0.5, 1.5, grad=grad), vector(m, 2.0, -1.0, grad=grad)
        v = m.tensor([1.0, 2.0])
        kw = {"create_graph": create_graph}
        return [F.jacobian(f2, x, **kw), F.jacobian(two_out, (x, y), **kw), F.jacobian(two_in, (x, y), **kw),
                F.jacobian(f2, x, vectorize=True, **kw),
                F.hessian(f1, x, **kw), F.hessian(two_in, (x, y), **kw),
                F.vjp(f2, x, v, **kw), F.vjp(f1, x, **kw), F.vjp(two_out, (x, y), (v, m.tensor(3.0)), **kw),
                F.jvp(f2, x, v, **kw), F.jvp(two_out, (x, y), (v, v), **kw),
                F.vhp(f1, x, v, **kw), F.hvp(f1, x, v, **kw), F.vhp(two_in, (x, y), (v, v), **kw)]
    both(program)


@pytest.mark.parametrize("program", [
    lambda F, m: F.vjp(f2, vector(m, 1.0, 2.0)), lambda F, m: F.jvp(f2, vector(m, 1.0, 2.0)), lambda F, m: F.hessian(f2, vector(m, 1.0, 2.0)),
    lambda F, m: F.jacobian(lambda x: x.detach(), vector(m, 1.0), strict=True) if m is None else (_ for _ in ()).throw(ValueError()),
    lambda F, m: F.vjp(f1, vector(m, 1.0), (m.ones(()), m.ones(()))), lambda F, m: F.vjp(f1, vector(m, 1.0), m.ones(3)),
    lambda F, m: F.jacobian(f1, [vector(m, 1.0), 3]), lambda F, m: F.jacobian(lambda x: 3, vector(m, 1.0)),
    lambda F, m: F.jacobian(lambda x, y: x * 2, (vector(m, 1.0), vector(m, 2.0))),
    lambda F, m: F.hvp(f1, vector(m, 1.0, 2.0)),
])
def test_functional_errors_and_independence(program):
    both(lambda m: program(m.autograd.functional, m))


def test_strict():
    with pytest.raises(RuntimeError, match="independent of input 1"):
        functional.jacobian(lambda x, y: x * 2, (tensor([1.0]), tensor([2.0])), strict=True)


def test_jacobian_can_be_trained_through():
    x = tensor([1.0, 2.0], requires_grad=True)
    functional.jacobian(lambda x: x ** 3, x, create_graph=True).sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]
    assert autograd.functional is functional


# ---- func

def test_grad():
    def program(m):
        x, y = vector(m, 0.5, 1.5), vector(m, 2.0, -1.0)
        F = m.func
        return [F.grad(f1)(x), F.grad(two_in, argnums=1)(x, y), F.grad(two_in, argnums=(0, 1))(x, y),
                F.grad(lambda x: (f1(x), {"aux": x * 2}), has_aux=True)(x), F.grad_and_value(f1)(x),
                F.grad_and_value(lambda x: (f1(x), x * 2), has_aux=True)(x),
                F.grad(F.grad(lambda x: x.sin()))(m.tensor(0.3)),
                F.grad(F.grad(F.grad(lambda x: x.exp() * x)))(m.tensor(0.3)),
                F.grad(lambda p: (p["w"] * p["b"][0]).sum())({"w": x, "b": [y, y]}),
                F.grad(lambda x, k=1: (x * k).sum())(x, k=3), F.grad(lambda x: x.detach().sum())(x)]
    both(program)


def test_grad_within_the_tape():
    """The result can be differentiated again, by what was given or by what the function holds."""
    def program(m):
        x, w = vector(m, 0.5, 1.5, grad=True), vector(m, 2.0, 3.0, grad=True)
        g = m.func.grad(lambda x: (w * x ** 3).sum())(x)
        g.sum().backward()
        plain = vector(m, 1.0, 2.0)
        h = m.func.grad(lambda x: (w * x ** 2).sum())(plain)
        h.sum().backward()
        with m.no_grad():
            inside = m.func.grad(f1)(x)
        return g, x.grad, w.grad, h, inside, m.func.grad(f1)(plain)
    both(program)


@pytest.mark.parametrize("program", [
    lambda F, m: F.grad(f2)(vector(m, 1.0, 2.0)), lambda F, m: F.grad(lambda x: 3.0)(vector(m, 1.0)),
    lambda F, m: F.grad(f1, argnums=1)(vector(m, 1.0)), lambda F, m: F.vmap(lambda x: x, in_dims=None)(vector(m, 1.0)),
])
def test_func_errors(program):
    both(lambda m: program(m.func, m))


def test_vjp_jvp_jacobians():
    def program(m):
        x, y, v = vector(m, 0.5, 1.5), vector(m, 2.0, -1.0), vector(m, 1.0, 2.0)
        F = m.func
        out, f = F.vjp(two_out, x, y)
        out2, f2_, aux = F.vjp(lambda x: (x * 2, {"a": x}), x, has_aux=True)
        return [out, f((v, m.tensor(3.0))), f((v, m.tensor(1.0))), out2, f2_(v), aux, F.jvp(two_out, (x, y), (v, v)),
                F.jvp(lambda x: (f2(x), x), (x,), (v,), has_aux=True),
                F.jacrev(f2)(x), F.jacfwd(f2)(x), F.jacrev(two_out, argnums=(0, 1))(x, y), F.jacfwd(two_out, argnums=(0, 1))(x, y),
                F.jacrev(two_out, argnums=1)(x, y), F.jacrev(lambda x: {"a": x * 2, "b": x.sum()})(x), F.hessian(f1)(x),
                F.hessian(two_in, argnums=(0, 1))(x, y), F.jacrev(lambda x: (x ** 2, x), has_aux=True)(x),
                F.jacrev(F.jacrev(f2))(x), F.jacfwd(F.jacrev(f2))(x), F.jacrev(F.grad(f1))(x)]
    both(program)


def test_vmap():
    def program(m):
        x = m.arange(6.0).reshape(2, 3)
        w = vector(m, 1.0, 10.0, 100.0)
        F = m.func
        return [F.vmap(lambda a: a.sum())(x), F.vmap(lambda a: a * 2, in_dims=1)(x), F.vmap(lambda a: a * 2, in_dims=1, out_dims=1)(x),
                F.vmap(lambda a, w: (a * w).sum(), in_dims=(0, None))(x, w), F.vmap(lambda a, b: (a + b, a * b))(x, x),
                F.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))({"a": x, "b": w}),
                F.vmap(lambda a, b: (a, b), out_dims=(0, 1))(x, x), F.vmap(F.vmap(lambda a: a * a))(x),
                F.vmap(F.vmap(lambda a, b: a * b, (None, 0)), (0, None))(w, w), F.vmap(F.grad(f1))(x),
                F.vmap(F.grad(lambda w, a: (w * a).sin().sum()), (None, 0))(w, x), F.vmap(lambda a, k=None: a * k)(x, k=x),
                F.vmap(lambda a: a.sum(), in_dims=-1)(x), m.vmap(lambda a: a + 1)(x)]
    both(program)


def test_vmap_dims():
    """Dimensions counted from the end, of each result by itself, in nested containers; with derivatives inside and around."""
    def program(m):
        x, F = m.arange(24.0).reshape(2, 3, 4) / 10, m.func
        inner = F.vmap(lambda a: a.sum(0), in_dims=1)
        return [F.vmap(lambda a: a * 2, in_dims=-1, out_dims=-1)(x), F.vmap(lambda a: (a, a.sum()), in_dims=1, out_dims=(1, 0))(x),
                F.vmap(inner, in_dims=2, out_dims=1)(x), F.vmap(inner, in_dims=-1, out_dims=-1)(x),
                F.vmap(lambda row, c: row[0] * row[1]["b"] + c, in_dims=([0, {"b": 1}], None))([x[0], {"b": x[1].T}], 2.0),
                F.vmap(lambda a: {"a": a, "sum": a.sum()}, out_dims=0)(x)["sum"], F.vmap(lambda a: (a, 3), out_dims=(0, None))(x),
                F.vmap(lambda a: a * 2, chunk_size=1)(x), F.vmap(F.jacrev(lambda a: a * a.sum()), in_dims=1)(x[0]),
                F.vmap(F.hessian(f1))(x[0]), F.jacrev(F.vmap(lambda a: a.sum() ** 2))(x[0]),
                F.grad(lambda w: F.vmap(lambda a: (a * w).sin().sum(), in_dims=1)(x[0]).sum())(x[0, :, 0])]
    both(program)


@pytest.mark.parametrize("call", [
    lambda F, x: F.vmap(lambda a: a, in_dims=2)(x), lambda F, x: F.vmap(lambda a: a)(x.sum()), lambda F, x: F.vmap(lambda a: a)(3.0),
    lambda F, x: F.vmap(lambda a: a, in_dims="a")(x), lambda F, x: F.vmap(lambda a, b: a, in_dims=(0,))(x, x),
    lambda F, x: F.vmap(lambda a: a, in_dims=({"a": 0},))(x), lambda F, x: F.vmap(lambda a: (a, a), out_dims=(0, 0, 0))(x),
    lambda F, x: F.vmap(lambda a: a, out_dims=2)(x), lambda F, x: F.vmap(lambda a: 3.0)(x),
    lambda F, x: F.vmap(lambda a, b: a)(x, x.T)])
def test_vmap_errors(call):
    if torch is None:
        with pytest.raises((ValueError, IndexError)):
            call(func, tinygrad_c.ones(2, 3))
    else:
        both(lambda m: call(m.func, m.ones(2, 3)))
    with pytest.raises(ValueError, match="got no inputs"):
        func.vmap(lambda: 1)()


def test_vmap_of_gradients_is_each_samples_gradient():
    """Without torch: row i is what a backward pass of sample i alone leaves in .grad."""
    tinygrad_c.manual_seed(0)
    net, x, y = nn.Linear(3, 2), tinygrad_c.randn(5, 3), tinygrad_c.tensor([0, 1, 1, 0, 1])

    def loss(params, sample, target):
        return nn.functional.cross_entropy(func.functional_call(net, params, (sample,)), target)
    found = func.vmap(func.grad(loss), in_dims=(None, 0, 0))({k: p.detach() for k, p in net.named_parameters()}, x, y)
    for i in range(5):
        net.zero_grad()
        nn.functional.cross_entropy(net(x[i]), y[i]).backward()
        for name, p in net.named_parameters():
            assert tinygrad_c.allclose(found[name][i], p.grad, atol=1e-6)


def test_functionalize_and_batch_norms_without_averages():
    def program(m):
        net = m.nn.Sequential(m.nn.BatchNorm1d(2), m.nn.Linear(2, 1))
        same = m.func.replace_all_batch_norm_modules_(net) is net
        x = m.tensor([[1.0, 2.0], [3.0, 5.0]])
        f = m.func.functionalize(lambda a: a.clone().mul_(a).sum())
        return same, net[0].running_mean, net[0].track_running_stats, net[0](x), m.func.grad(f)(x)
    both(program)
    with pytest.raises(RuntimeError, match="Valid options for argument"):
        func.functionalize(f1, remove="all")


def test_gradient_through_vmap():
    def program(m):
        x = m.arange(6.0).reshape(2, 3).requires_grad_()
        m.func.vmap(lambda a: (a ** 3).sum())(x).sum().backward()
        return x.grad
    both(program)


def mlp(m):
    net = m.nn.Sequential(m.nn.Linear(2, 3), m.nn.Tanh(), m.nn.Linear(3, 1))
    with m.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_(m.arange(float(p.numel())).reshape(p.shape) / 7 - 0.1 * i)
    return net


def test_functional_call_and_per_sample_gradients():
    def program(m):
        net = mlp(m)
        x, y = m.arange(8.0).reshape(4, 2) / 8, m.ones(4)
        params = {name: p.detach() for name, p in net.named_parameters()}

        def loss(params, a, b):
            return ((m.func.functional_call(net, params, (a.unsqueeze(0),)) - b) ** 2).sum()
        before = [p.tolist() for p in net.parameters()]
        per_sample = m.func.vmap(m.func.grad(loss), in_dims=(None, 0, 0))(params, x, y)
        doubled = m.func.functional_call(net, {name: 2 * p for name, p in params.items()}, x)
        only = m.func.functional_call(net, {"2.bias": m.tensor([5.0])}, x)
        assert before == [p.tolist() for p in net.parameters()]
        assert all(isinstance(p, m.nn.Parameter) for p in net.parameters())
        return per_sample, doubled, only, net(x)
    both(program)


def test_functional_call_errors_leave_the_module_alone():
    net = mlp(tinygrad_c)
    before = dict(net.named_parameters())
    with pytest.raises(RuntimeError, match="unexpected key"):
        func.functional_call(net, {"3.weight": tensor(1.0)}, tinygrad_c.ones(1, 2))
    with pytest.raises(RuntimeError, match="missing key"):
        func.functional_call(net, {"0.bias": tinygrad_c.zeros(3)}, tinygrad_c.ones(1, 2), strict=True)
    with pytest.raises(RuntimeError, match="shapes"):
        func.functional_call(net, {"0.weight": tinygrad_c.zeros(5, 5)}, tinygrad_c.ones(1, 2))
    assert all(before[name] is p for name, p in net.named_parameters())


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))
    out = func.functional_call(Tied(), {"a.weight": tensor([[0.0, 1.0], [2.0, 0.0]])}, tensor([1.0, 3.0]))
    assert out.tolist() == [2.0, 6.0]


def test_ensembles():
    nets = [nn.Linear(2, 1) for _ in range(3)]
    params, buffers = func.stack_module_state(nets)
    x = tinygrad_c.ones(4, 2)
    out = func.vmap(lambda p, b: func.functional_call(nets[0], (p, b), (x,)))(params, buffers) if buffers else \
        func.vmap(lambda p: func.functional_call(nets[0], p, (x,)))(params)
    np.testing.assert_allclose(out.detach().numpy(), np.stack([net(x).detach().numpy() for net in nets]))
    assert out.requires_grad


def test_vmap_sizes():
    with pytest.raises(ValueError, match="same size in the mapped dimension"):
        func.vmap(lambda a, b: a + b)(tinygrad_c.ones(2, 1), tinygrad_c.ones(3, 1))
    with pytest.raises(ValueError, match="not compatible"):
        func.vmap(lambda a, b: a + b, in_dims=(0,))(tinygrad_c.ones(2, 1), tinygrad_c.ones(3, 1))


def test_the_checks_are_functions_however_they_are_reached():
    run = subprocess.run([sys.executable, "-c", "from tinygrad_c.autograd import gradgradcheck, gradcheck\nprint(callable(gradcheck))"],
                         capture_output=True, text=True, check=False)
    assert run.stdout == "True\n", run.stderr


def test_nothing_waits_for_the_collector():
    """No reference cycles: memory is flat with the garbage collector off."""
    x = tinygrad_c.ones(4, 3)

    def use():
        func.vmap(func.grad(f1))(x)
        func.hessian(f1)(x[0])
        func.jvp(f2, (x[0],), (x[0],))
        func.vjp(f2, x[0])[1](x[0])
        functional.hessian(f1, x[0])
        gradcheck(lambda x: x * x, double(1.0, 2.0))
    use()
    gc.collect()
    use()
    assert gc.collect() == 0
