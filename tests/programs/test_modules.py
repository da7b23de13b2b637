"""compile(model): a module inside a step that stays eager; the same bits as without it, forward and backward."""
from __future__ import annotations

import copy
import gc
import os
import pickle
import weakref

import pytest
from samples.comparing import at_once
from samples.recordings import content

import tinygrad_c as T
from tinygrad_c import nn, optim

F = nn.functional


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.scale = nn.Linear(5, 5), nn.Parameter(T.full((5,), 0.5))

    def forward(self, x):
        return x + self.scale * self.inner(x).tanh()


class Twice(nn.Module):
    """A layer that is used twice: its weight receives two gradients."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 5)

    def forward(self, x):
        return self.layer(self.layer(x).sigmoid())


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(5, 4)

    def forward(self, x):
        state = None
        for _ in range(3):
            state = self.cell(x, state)
        return state


NETS = {
    "linear": lambda: nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3)),
    "thin": lambda: nn.Linear(5, 1, bias=False),
    "batch norm": lambda: nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Linear(6, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(5, 6), nn.Dropout(0.3), nn.Tanh(), nn.Linear(6, 3)),
    "layer norm": lambda: nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 3), nn.Softmax(1)),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 3, 3, padding=1), nn.SiLU(), nn.Flatten(),
                                         nn.Linear(15, 3)),
    "residual": lambda: nn.Sequential(Residual(), nn.Linear(5, 3)),
    "first residual": Residual,
    "twice": Twice,
    "recurrent": Recurrent,
}


def batch(call, rows=8, dtype=T.float32):
    return T.randn(rows, 5, generator=T.Generator().manual_seed(call), dtype=dtype)


class Side:
    def __init__(self, make, compiled, dtype=T.float32, in_place=False):
        T.manual_seed(0)
        self.net = make().to(dtype)
        self.head = nn.Linear(5, 5).to(dtype)
        self.model = T.compile(self.net) if compiled and not in_place else self.net
        if compiled and in_place:
            self.net.compile()
        self.step = self.model.forward if compiled else None
        self.optimizer = optim.Adam([*self.net.parameters(), *self.head.parameters()], lr=0.01)
        self.stream = T.get_rng_state()

    def state(self):
        tensors = [*self.net.parameters(), *self.net.buffers(), *self.head.parameters()]
        return [content([each, each.grad, each._version]) for each in tensors] + [T.get_rng_state().tolist()]


def usual(side, x):
    """A training step."""
    side.optimizer.zero_grad()
    loss = side.model(x).square().mean()
    loss.backward()
    side.optimizer.step()
    return loss


def both(make, step=usual, calls=10, batches=batch, **options):
    """The compiled side, after `calls` steps beside the eager one."""
    sides = [Side(make, compiled, **options) for compiled in (False, True)]
    for call in range(calls):
        found = []
        for side in sides:
            T.set_rng_state(side.stream)
            result = step(side, batches(call))
            found.append([content(result), side.state()])
            side.stream = T.get_rng_state()
        assert found[0] == found[1], f"call {call}"
    return sides[1]


# ---- Bits

@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_a_step_around_it(name, in_place):
    side = both(NETS[name], in_place=in_place)
    assert len(side.step.ready) == 1, side.step


def test_float64_and_batches_of_other_shapes():
    side = both(NETS["linear"], calls=20, dtype=T.float64, batches=lambda call: batch(call, (8, 3)[call % 2], T.float64))
    assert len(side.step.ready) == 2


def test_inference_and_modes():
    def step(side, x):
        with T.no_grad():
            return side.model(x)
    side = both(NETS["batch norm"], step)
    assert len(side.step.inference.ready) == 1

    def alternate(side, x):
        loss = usual(side, x)
        side.model.eval()
        with T.no_grad():
            loss = side.model(x), loss
        side.model.train()
        return loss
    side = both(NETS["batch norm"], alternate, calls=20)
    assert len(side.step.ready) == 1
    assert len(side.step.inference.ready) == 1


def test_a_frozen_module_is_inferred_from():
    def step(side, x):
        side.model.requires_grad_(False)
        return side.model(x)
    side = both(NETS["linear"], step)
    assert len(side.step.inference.ready) == 1


def grads_of_arguments(side, x):
    x.requires_grad_()
    hidden = side.head(x)
    side.model(hidden).square().sum().backward()
    return x.grad


def leaf_argument(side, x):
    x.requires_grad_()
    side.model(x).square().sum().backward()
    return x.grad


def argument_used_elsewhere(side, x):
    hidden = side.head(x)
    (side.model(hidden).square().sum() + hidden.square().sum()).backward()
    usual(side, x)


def weights_used_elsewhere(side, x):
    out = side.model(x)
    (out.square().mean() + 0.1 * sum(p.square().sum() for p in side.net.parameters())).backward()
    side.optimizer.step()


def gradients_added_up(side, x):
    for part in x.split(4):
        side.model(part).square().sum().backward()
    side.optimizer.step()
    if len(x) % 2:
        side.optimizer.zero_grad()


def two_before_backward(side, x):
    side.optimizer.zero_grad()
    (side.model(x).mean() - side.model(x + 1).square().mean()).backward()
    side.optimizer.step()


def never_backward(side, x):
    side.model(x)
    return usual(side, x)


def kept_graph(side, x):
    side.optimizer.zero_grad()
    loss = side.model(x).square().mean()
    loss.backward(retain_graph=True)
    loss.backward()
    side.optimizer.step()


def penalty(side, x):
    side.optimizer.zero_grad()
    x.requires_grad_()
    out = side.model(x).square().sum()
    slope, = T.autograd.grad(out, x, create_graph=True)
    (out + slope.square().sum()).backward()
    side.optimizer.step()


def held_gradients(side, x):
    side.held = [p.grad for p in side.net.parameters()]
    usual(side, x)
    return side.held


def some_wanted(side, x):
    first = next(side.net.parameters())
    return T.autograd.grad(side.model(x).square().sum(), first)


def clipped(side, x):
    side.optimizer.zero_grad()
    side.model(x).square().sum().backward()
    norm = nn.utils.clip_grad_norm_(side.model.parameters(), 0.1)
    side.optimizer.step()
    return norm


def transposed_gradient(side, x):
    side.optimizer.zero_grad()
    out = side.model(x)
    (out.T * T.arange(out.numel()).reshape(out.T.shape)).sum().backward()
    side.optimizer.step()


def activation_before(side, x):
    side.optimizer.zero_grad()
    side.model(side.head(x).relu()).square().sum().backward()
    side.optimizer.step()


def summed(side, x):
    side.optimizer.zero_grad()
    side.model(x).mean().backward()
    side.optimizer.step()


def changed_output(side, x):
    out = side.model(x)
    out.mul_(2)
    out.sum().backward()


STEPS = [grads_of_arguments, leaf_argument, gradients_added_up, never_backward, held_gradients, some_wanted, clipped,
         activation_before, changed_output]
# Eager mode adds gradients up inside a product's kernel, and visits a graph's nodes once, and adds in another order for other strides: no program gives the same bits.
OTHER_STEPS = [transposed_gradient, summed, argument_used_elsewhere, weights_used_elsewhere, two_before_backward, kept_graph, penalty]


@pytest.mark.parametrize("name", ["linear", "batch norm", "dropout", "twice", "recurrent", "first residual"])
@pytest.mark.parametrize("step", [*STEPS, *OTHER_STEPS])
def test_other_steps(step, name):
    side = both(NETS[name], step, calls=16)
    assert bool(side.step.ready) == (step in STEPS), side.step
    assert side.step.eager == (step not in STEPS)


@pytest.mark.parametrize("step", OTHER_STEPS)
def test_other_steps_later(step):
    """After programs were recorded: the same values, and soon eager mode."""
    side = both(NETS["linear"], calls=8)
    other = Side(NETS["linear"], False)
    other.net.load_state_dict(side.net.state_dict())
    other.optimizer.load_state_dict(side.optimizer.state_dict())
    side.optimizer.zero_grad()
    for call in range(10):
        for each in (side, other):
            step(each, batch(call))
        for p, q in zip(side.net.parameters(), other.net.parameters()):
            assert T.allclose(p, q, rtol=1e-5, atol=1e-6)
            assert T.allclose(p.grad, q.grad, rtol=1e-5, atol=1e-6)
    assert side.step.eager


def test_changes_between_calls():
    def change(side, x):
        first = next(side.net.parameters())
        call = side.calls = getattr(side, "calls", -1) + 1
        if call == 10:
            first.requires_grad_(False)
        if call == 12:
            side.net[-1] = nn.Linear(16, 3)
            with T.no_grad():
                for p in side.net[-1].parameters():
                    p.fill_(0.1)
        if call == 20:
            first.requires_grad_(True).data = first.data * 0.5
        if call == 28:
            side.handle = side.net[1].register_forward_hook(lambda module, args, out: out * 1.5)
        if call == 36:
            side.handle.remove()
            first.register_hook(lambda g: g * 2)
        return usual(side, x)
    both(NETS["linear"], change, calls=44)


# ---- Errors are eager mode's

def test_parameters_changed_before_backward():
    for compiled in (False, True):
        side = Side(NETS["linear"], compiled)
        for call in range(8):
            usual(side, batch(call))
        loss = side.model(batch(9).requires_grad_()).sum()
        side.optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
        usual(side, batch(10))


def test_a_second_backward_raises():
    for compiled in (False, True):
        side = Side(NETS["linear"], compiled)
        for call in range(8):
            usual(side, batch(call))
        loss = side.model(batch(9)).square().sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            loss.backward()


def test_an_index_out_of_range_raises_and_leaves_all_as_before():
    T.manual_seed(0)
    model = T.compile(nn.Sequential(nn.Embedding(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)))
    for _ in range(8):
        model(T.tensor([0, 1, 2, 3])).sum().backward()
    assert model.forward.ready
    before = content(list(model.buffers()))
    with pytest.raises(IndexError):
        model(T.tensor([0, 1, 2, 7]))
    assert content(list(model.buffers())) == before
    assert model(T.tensor([0, 1, 2, 0])).shape == (4, 1)


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.n = nn.Linear(5, 3), 0

    def forward(self, x):
        self.n += 1
        return self.layer(x)


class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x):
        return self.layer(x) if x.sum().item() > 0 else -self.layer(x)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x):
        return self.layer(x), x


@pytest.mark.parametrize(("make", "reason"), [(Counts, "changes what it uses"), (Reads, "reads a tensor's value"), (Pair, "one tensor")])
def test_refused_modules_stay_eager(make, reason):
    def step(side, x):
        out = side.model(x)
        out = out[0] if isinstance(out, tuple) else out
        out.sum().backward()
        return out
    side = both(make, step)
    assert side.step.eager
    assert reason in side.step.reason


# ---- In other transformations, threads and steps

def test_vmap_and_a_compiled_step_and_explain():
    T.manual_seed(0)
    net = NETS["linear"]()
    model = T.compile(net)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @T.compile
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss
    for call in range(10):
        step(batch(call))
    assert step.ready
    for call in range(10):
        model(batch(call)).square().sum().backward()
    assert model.forward.ready
    assert T.func.vmap(model)(batch(1).unsqueeze(1)).shape == (8, 1, 3)
    assert "2 replays verified" in T.compile.explain(model)
    assert model(batch(0)).grad_fn.name() == "CompiledFunctionBackward"


def test_threads():
    sides = [Side(NETS["linear"], compiled) for compiled in (False, True)]
    for side in sides:
        for call in range(8):
            usual(side, batch(call))
    expected = content(T.autograd.grad(sides[0].model(batch(1)).square().sum(), list(sides[0].net.parameters())))
    failures = []

    def work(_):
        for _ in range(200):
            found = T.autograd.grad(sides[1].model(batch(1)).square().sum(), list(sides[1].net.parameters()))
            if content(found) != expected:
                failures.append(found)
    assert at_once(work, 3) == failures == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child():
    side = both(NETS["dropout"])
    child = os.fork()
    if child == 0:
        usual(side, batch(1))
        os._exit(0 if side.step.ready else 1)
    assert os.waitpid(child, 0)[1] == 0
    usual(side, batch(1))


# ---- The object, as PyTorch's OptimizedModule

def describe(nn, compile):
    """What PyTorch and this package must agree on."""
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    model = compile(net)
    found = [type(model).__name__, isinstance(model, nn.Module), model._orig_mod is net, list(model.state_dict()),
             [name for name, _ in model.named_parameters()], [name for name, _ in model.named_modules()],
             [name for name, _ in model.named_children()], repr(model)]
    model.eval()
    found += [net.training, model.training]
    net.train()
    found += [model.training]
    model.extra = 3
    found += [net.extra, "extra" in model.__dict__]
    del model.extra
    found += [hasattr(net, "extra"), hasattr(model, "nothing")]
    other = copy.deepcopy(model)
    found += [type(other).__name__, other._orig_mod is net]
    found += [type(pickle.loads(pickle.dumps(model))).__name__]
    model.load_state_dict(other.state_dict())
    layer = nn.Linear(2, 1)
    found += [layer.compile(), list(layer.state_dict()), type(layer).__name__, type(pickle.loads(pickle.dumps(layer))).__name__]
    return found


def test_the_object_is_pytorchs():
    torch = pytest.importorskip("torch")
    assert describe(nn, T.compile) == describe(torch.nn, torch.compile)


def test_copies_record_their_own_and_compute_the_same():
    side = both(NETS["batch norm"])
    x = batch(3)
    for duplicate in (copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
        other = duplicate(side.model)
        assert not other.forward.ready
        assert other is not side.model
        assert content(other.eval()(x)) == content(side.model.eval()(x))
        side.model.train()
    side = both(NETS["batch norm"], in_place=True)
    other = copy.deepcopy(side.net)
    assert other.forward.__self__ is other
    assert content(other.eval()(x)) == content(side.net.eval()(x))


def test_it_ends_with_its_last_reference():
    side = both(NETS["linear"])
    out = side.model(batch(1)).sum()
    gone = weakref.ref(side.net)
    params = list(side.net.parameters())
    del side
    gc.collect()
    out.backward()
    assert all(p.grad is not None for p in params)
    del out, params
    gc.collect()
    assert gone() is None


def test_what_is_given_back():
    net = nn.Linear(2, 1)
    model = T.compile(net)
    assert T.compile(model) is model
    assert T.compile(net, disable=True) is net
    assert T.compiler.compile(net)._orig_mod is net
    with pytest.raises(AttributeError, match="nothing"):
        getattr(model, "nothing")  # noqa: B009
    assert "in_features" in dir(model)
