"""autograd.Function: forward and backward written in Python, beside torch's own."""
from __future__ import annotations

import gc
import weakref

import pytest
from samples.comparing import torch

import tinygrad_c
from tinygrad_c.autograd import Function, grad
from tinygrad_c.autograd.function import once_differentiable


def both(program) -> None:
    """program(module) gives the same numbers, shapes and error with torch and with us."""
    if torch is None:
        pytest.skip("torch is not installed")
    seen = []
    for module in (torch, tinygrad_c):
        try:
            seen.append([x.detach().tolist() if hasattr(x, "detach") else x for x in program(module)])
        except Exception as error:
            seen.append((type(error), str(error)))
    theirs, ours = seen
    if isinstance(theirs, tuple):
        assert isinstance(ours, tuple), f"torch raises {theirs}, here {ours}"
        assert ours[0] is theirs[0]
        assert theirs[1] in ours[1] or ours[1].startswith(theirs[1].split(":")[0].split(" (or")[0])
    else:
        assert ours == theirs


def leaf(m, *numbers: float):
    return m.tensor(list(numbers), requires_grad=True)


def scaled(m):
    class Scaled(m.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            ctx.save_for_backward(x)
            ctx.k = k
            return x * x * k

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * ctx.k * x * g, None
    return Scaled


def test_value_gradient_name():
    def program(m):
        x = leaf(m, 1.0, 2.0)
        y = scaled(m).apply(x, 3)
        name = y.grad_fn.name()
        (y * 2).sum().backward()
        return y, x.grad, name, y.grad_fn.needs_input_grad, len(y.grad_fn.next_functions), repr(y)
    both(program)


def test_gradients_of_gradients():
    def program(m):
        x = leaf(m, 1.0, 2.0)
        (g,) = m.autograd.grad(scaled(m).apply(x, 3).pow(2).sum(), x, create_graph=True)
        (h,) = m.autograd.grad(g.pow(2).sum(), x, create_graph=True)
        return g, h, *m.autograd.grad(h.sum(), x)
    both(program)


def exponential(m):
    class Exp(m.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]
    return Exp


def test_saved_output_has_its_history_in_double_backward():
    def program(m):
        x = leaf(m, 0.5, 1.0)
        y = exponential(m).apply(x)
        out = []
        for _ in range(3):
            (y,) = m.autograd.grad(y.sum(), x, create_graph=True)
            out.append(y)
        return [round(v, 4) for each in out for v in each.tolist()]
    both(program)


def test_saved_output_does_not_keep_itself_alive():
    gc.disable()
    try:
        x = leaf(tinygrad_c, 1.0)
        y = exponential(tinygrad_c).apply(x)
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


def two(m, materialize=True):
    class Two(m.autograd.Function):
        seen = None

        @staticmethod
        def forward(ctx, a, b):
            ctx.set_materialize_grads(materialize)
            s, p = a + b, a * b
            ctx.save_for_backward(a, b, p)
            return s, p

        @staticmethod
        def backward(ctx, gs, gp):
            a, b, p = ctx.saved_tensors
            Two.seen = [g is None for g in (gs, gp)]
            gs = 0 if gs is None else gs
            gp = 0 if gp is None else gp
            return gs + gp * b + 0 * p, gs + gp * a
    return Two


@pytest.mark.parametrize("use", [lambda s, p: s + p, lambda s, p: s, lambda s, p: p, lambda s, p: s * p * p,
                                 lambda s, p: p.exp() * 2 + s])
@pytest.mark.parametrize("materialize", [True, False])
def test_several_outputs(use, materialize):
    def program(m):
        a, b = leaf(m, 1.0, 2.0), leaf(m, 3.0, 5.0)
        f = two(m, materialize)
        s, p = f.apply(a, b)
        out = use(s, p).sum()
        ga, gb = m.autograd.grad(out, [a, b], create_graph=True)
        more = [g.tolist() for g in m.autograd.grad((ga * gb).sum(), [a, b], allow_unused=True) if g is not None]
        return s, p, ga, gb, f.seen, more, s.grad_fn.name(), p.grad_fn.name()
    both(program)


def test_output_through_its_own_gradient():
    """p is saved and is an output: its part of the second derivative comes back through the function."""
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, y)
            return y, x + 0

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            return 2 * g * y / x + h
    x = tinygrad_c.tensor(3.0, requires_grad=True)
    y, _ = Square.apply(x)
    (first,) = grad(y, x, create_graph=True)
    assert first.item() == 6.0
    assert grad(first, x)[0].item() == pytest.approx(2.0)      # d(2 y / x)/dx, with y = x^2


def test_setup_context():
    def program(m):
        class Power(m.autograd.Function):
            @staticmethod
            def forward(x, n=3):
                return x ** n

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, ctx.n = inputs
                ctx.save_for_backward(x)

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * ctx.n * x ** (ctx.n - 1), None
        x = leaf(m, 1.0, 2.0)
        out = [Power.apply(x), Power.apply(x, 2), Power.apply(x, n=4)]
        return *out, *m.autograd.grad(sum(out).sum(), x)
    both(program)


def test_not_differentiable_and_other_things():
    def program(m):
        class Mixed(m.autograd.Function):
            @staticmethod
            def forward(ctx, x, y, words):
                i = x.argmax()
                z = y * 2
                ctx.mark_non_differentiable(z)
                return x * 2, i, z, words, None

            @staticmethod
            def backward(ctx, *g):
                Mixed.seen = [each if each is None else each.tolist() for each in g]
                return g[0] * 2, None, None
        x, y = leaf(m, 1.0, 4.0), leaf(m, 3.0, 5.0)
        a, i, z, words, nothing = Mixed.apply(x, y, "words")
        flags = [a.requires_grad, i.requires_grad, z.requires_grad, words, nothing]
        a.sum().backward()
        return a, i, z, flags, x.grad, y.grad, Mixed.seen
    both(program)


@pytest.mark.parametrize("returned", [
    lambda g: g, lambda g: (g, None, None), lambda g: (g, g), lambda g: (g, None, g), lambda g: (g[:1], None),
    lambda g: (3, None), lambda g: (None, None), lambda g: (g.double(), None), lambda g: (g[0], None),
    lambda g: (g[None], None), lambda g: None, lambda g: (g.expand(4, 2), None)])
def test_what_backward_returns_is_checked(returned):
    def program(m):
        class F(m.autograd.Function):
            @staticmethod
            def forward(ctx, x, k):
                return x * k

            @staticmethod
            def backward(ctx, g):
                return returned(g)
        x = leaf(m, 1.0, 2.0)
        F.apply(x, 3).sum().backward()
        return x.grad, x.grad and str(x.grad.dtype)
    both(program)


@pytest.mark.parametrize("make", [
    lambda m, x: scaled(m).apply(x, 2).sum().backward() or scaled(m).apply(x.detach(), 2),
    lambda m, x: type("F", (m.autograd.Function,), {}).apply(x),
    lambda m, x: type("F", (m.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)}).apply(x).sum().backward(),
    lambda m, x: type("F", (m.autograd.Function,), {"forward": staticmethod(lambda ctx, x: ctx.save_for_backward(3))}).apply(x),
])
def test_errors_of_use(make):
    both(lambda m: [make(m, leaf(m, 1.0, 2.0))])


def test_backward_twice():
    def program(m):
        y = scaled(m).apply(leaf(m, 1.0), 2).sum()
        y.backward()
        y.backward()
    both(program)
    x = leaf(tinygrad_c, 1.0)
    y = scaled(tinygrad_c).apply(x, 2)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert x.grad.tolist() == [8.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.grad_fn.saved_tensors  # noqa: B018


def test_saved_tensor_modified():
    def program(m):
        x = leaf(m, 1.0)
        y = scaled(m).apply(x, 2)
        with m.no_grad():
            x.add_(1)
        y.sum().backward()
    both(program)


def in_place(m):
    class AddOne(m.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5
    return AddOne


def test_mark_dirty():
    def program(m):
        x = leaf(m, 1.0, 2.0)
        z = x * 3
        same = in_place(m).apply(z) is z
        z.sum().backward()
        v = x * 2
        w = in_place(m).apply(v[0:1])
        (v * w).sum().backward()
        plain = m.tensor([1.0])
        return same, z, x.grad, v, in_place(m).apply(plain) is plain, plain, plain.requires_grad
    both(program)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        in_place(tinygrad_c).apply(leaf(tinygrad_c, 1.0))


def test_dirty_must_be_returned():
    def program(m):
        class F(m.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                x.add_(1)
                ctx.mark_dirty(x)
                return x * 2
        F.apply(leaf(m, 1.0) * 1)
    both(program)


def test_input_handed_through():
    def program(m):
        class Double(m.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x

            @staticmethod
            def backward(ctx, g):
                return g * 2
        x = leaf(m, 1.0, 2.0)
        y = Double.apply(x)
        y.sum().backward()
        return y, y is x, x.is_leaf, x.grad, y.data_ptr() == x.data_ptr()
    both(program)


def test_once_differentiable():
    class F(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not tinygrad_c.is_grad_enabled()
            return 2 * ctx.saved_tensors[0] * g
    x = leaf(tinygrad_c, 3.0)
    (g,) = grad((F.apply(x) * x).sum(), x, create_graph=True)
    assert g.item() == 27.0
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was marked with @once_differentiable"):
        grad(F.apply(x).pow(2).sum(), x, create_graph=True)[0].backward()


def test_no_grad_records_nothing():
    x = leaf(tinygrad_c, 1.0)
    with tinygrad_c.no_grad():
        assert not scaled(tinygrad_c).apply(x, 2).requires_grad
    assert not scaled(tinygrad_c).apply(x.detach(), 2).requires_grad


def test_only_what_is_needed():
    class F(Function):
        seen = None

        @staticmethod
        def forward(ctx, *tensors):
            assert ctx.needs_input_grad == (True, False, True, True, True)
            return sum(tensors)

        @staticmethod
        def backward(ctx, g):
            F.seen = ctx.needs_input_grad
            return g, None, g, g, 2 * g
    xs = [leaf(tinygrad_c, float(i)) for i in range(5)]
    xs[1].requires_grad = False
    (g,) = grad(F.apply(*xs).sum(), xs[4])
    assert g.item() == 2.0
    assert F.seen == (False, False, False, False, True)
    F.apply(*xs).sum().backward()
    assert [x.grad.item() for x in xs if x.requires_grad] == [1, 1, 1, 2]


def test_error_in_backward_leaves_grad_alone():
    class F(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise KeyError("mine")
    x = leaf(tinygrad_c, 1.0)
    with pytest.raises(KeyError, match="mine"):
        (F.apply(x) + x).sum().backward()
    assert x.grad is None
    (x * 2).sum().backward()
    assert x.grad.item() == 2.0


def test_backward_within_backward():
    """A backward that runs a backward pass of its own, through a function with several outputs too."""
    class Checkpoint(Function):
        @staticmethod
        def forward(ctx, f, x):
            ctx.f = f
            ctx.save_for_backward(x)
            return f(x)

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with tinygrad_c.enable_grad():
                y = ctx.f(x)
            tinygrad_c.autograd.backward(y, g)
            return None, x.grad
    x = leaf(tinygrad_c, 1.0, 2.0)
    f = two(tinygrad_c)
    s, p = f.apply(Checkpoint.apply(lambda x: sum(f.apply(x, x * 3)), x), x)
    (s + p).sum().backward()
    a = leaf(tinygrad_c, 1.0, 2.0)
    inner = 4 * a + 3 * a * a
    (inner + a + inner * a).sum().backward()
    assert x.grad.tolist() == a.grad.tolist()


def test_deep_chain():
    x = leaf(tinygrad_c, 1.0)
    f = scaled(tinygrad_c)
    y = x
    for _ in range(20000):
        y = f.apply(y * 0 + 1, 1)
    y.sum().backward()
    assert x.grad.tolist() == [0.0]
    del y


def test_hooks_and_retained_gradients_of_outputs():
    a, b = leaf(tinygrad_c, 1.0), leaf(tinygrad_c, 2.0)
    s, p = two(tinygrad_c).apply(a, b)
    s.retain_grad()
    p.register_hook(lambda g: g * 10)
    (3 * s + p).sum().backward()
    assert (s.grad.item(), a.grad.item(), b.grad.item()) == (3.0, 3.0 + 20.0, 3.0 + 10.0)


def test_grad_takes_only_inputs():
    """Programs of gradient penalties write torch's old argument: its default says nothing, False warns."""
    def program(m):
        x = leaf(m, 1.0, 2.0)
        (dx,) = m.autograd.grad(outputs=(x ** 3).sum(), inputs=x, create_graph=True, retain_graph=True, only_inputs=True)
        return [dx, *m.autograd.grad(dx.sum(), [x])]
    both(program)
    x = leaf(tinygrad_c, 1.0)
    with pytest.warns(FutureWarning, match="only_inputs argument is deprecated"):
        tinygrad_c.autograd.grad((x * x).sum(), x, only_inputs=False)
