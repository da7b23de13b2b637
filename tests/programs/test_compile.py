"""compile(step): recorded and replayed to the bits of eager mode, or refused; never anything else."""
from __future__ import annotations

import contextlib
import copy
import gc
import itertools
import os
import pickle
import random
import re
import signal
import threading
import warnings
import weakref

import numpy
import pytest
from samples.recordings import content

import tinygrad_c as T
from tinygrad_c import nn, optim
from tinygrad_c.programs.steps import is_recording
from tinygrad_c.utils.data import DataLoader, TensorDataset

F = nn.functional


def net_of(act=nn.ReLU, dtype=T.float32, widths=(5, 16, 3)):
    T.manual_seed(0)
    layers = []
    for i, o in itertools.pairwise(widths):
        layers += [nn.Linear(i, o), act()]
    return nn.Sequential(*layers[:-1]).to(dtype)


class Side:
    """A net, an optimizer and a step, eager or compiled."""

    def __init__(self, compiled, make_optimizer, loss=F.cross_entropy, act=nn.ReLU, dtype=T.float32, extra=None):
        self.net = net = net_of(act, dtype)
        self.optimizer = optimizer = make_optimizer(net.parameters())

        def step(x, y):
            optimizer.zero_grad()
            value = loss(net(x), y)
            value.backward()
            if extra is not None:
                extra(net, value)
            optimizer.step()
            return value
        self.step = T.compile(step) if compiled else step

    def state(self):
        return content([[[p, p.grad, p._version] for p in self.net.parameters()], self.optimizer.state_dict()["state"]])


def batch(call, rows=8, dtype=T.float32, labels=True):
    g = T.Generator()
    g.manual_seed(call)
    x = T.randn(rows, 5, generator=g, dtype=dtype)
    return x, T.randint(0, 3, (rows,), generator=g) if labels else T.randn(rows, 3, generator=g, dtype=dtype)


def both(make_optimizer=lambda p: optim.SGD(p, lr=0.1), **options):
    return Side(False, make_optimizer, **options), Side(True, make_optimizer, **options)


def alike(sides, calls, change=lambda side, call: None, rows=lambda call: 8, **options):
    """Call both, and compare after each call."""
    for call in calls:
        x, y = batch(call, rows(call), **options)
        results = []
        for side in sides:
            change(side, call)
            results.append(side.step(x, y))
        assert results[0].detach().numpy().tobytes() == results[1].detach().numpy().tobytes(), call
        assert sides[0].state() == sides[1].state(), call


def compare_calls(eager, compiled):
    for call in range(12):
        assert eager(*batch(call)).item() == compiled(*batch(call)).item()


def call_often(step, calls, **options):
    for call in range(calls):
        step(*batch(call, **options))


def refused(side, calls=8, **options):
    """The reason, after the warning."""
    with pytest.warns(UserWarning, match="stays in eager mode"):
        call_often(side.step, calls, **options)
    assert side.step.eager
    assert not side.step.ready
    return side.step.reason


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1), "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01), "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "RMSprop with all": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True, weight_decay=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1, weight_decay=0.1),
    "maximize": lambda p: optim.Adam(p, lr=0.001, maximize=True), "foreach": lambda p: optim.Adam(p, lr=0.01, foreach=True),
    "fused": lambda p: optim.AdamW(p, lr=0.01, fused=True, amsgrad=True),
    "Adadelta": lambda p: optim.Adadelta(p), "Adadelta with all": lambda p: optim.Adadelta(p, 0.5, 0.8, weight_decay=0.1, maximize=True),
    "Adamax": lambda p: optim.Adamax(p, lr=0.01), "Adamax with all": lambda p: optim.Adamax(p, 0.01, weight_decay=0.1, foreach=True),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01), "NAdam decoupled": lambda p: optim.NAdam(p, 0.01, weight_decay=0.1,
                                                                                          decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, lr=0.01), "RAdam with all": lambda p: optim.RAdam(p, 0.01, (0.8, 0.9), weight_decay=0.1),
    "Rprop": lambda p: optim.Rprop(p, lr=0.01), "Rprop with all": lambda p: optim.Rprop(p, 0.1, (0.4, 1.3), (0.01, 0.2), maximize=True),
    "ASGD": lambda p: optim.ASGD(p, lr=0.1), "ASGD with all": lambda p: optim.ASGD(p, 0.1, 0.01, 0.5, 5, weight_decay=0.1),
}
LOSSES = {"cross_entropy": (F.cross_entropy, True), "smoothing": (lambda o, y: F.cross_entropy(o, y, label_smoothing=0.1), True),
          "mse": (F.mse_loss, False), "sum": (lambda o, y: F.mse_loss(o, y, reduction="sum"), False), "l1": (F.l1_loss, False),
          "logits": (lambda o, y: F.binary_cross_entropy_with_logits(o, y.sigmoid()), False),
          "written out": (lambda o, y: ((o - y) ** 2).mean(), False)}


# ---- What is recorded

@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_bits_of_eager_mode(optimizer, loss):
    function, labels = LOSSES[loss]
    sides = both(OPTIMIZERS[optimizer], loss=function)
    alike(sides, range(20), labels=labels)
    assert len(sides[1].step.ready) == 1


@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.LeakyReLU])
@pytest.mark.parametrize("dtype", [T.float32, T.float64])
def test_activations(act, dtype):
    sides = both(OPTIMIZERS["Adam"], act=act, dtype=dtype, loss=F.mse_loss)
    alike(sides, range(12), dtype=dtype, labels=False)
    assert len(sides[1].step.ready) == 1


def test_it_is_recorded_replayed_and_explained():
    _, side = both()
    for call in range(6):
        assert not side.step.ready
        side.step(*batch(call))
    assert len(side.step.ready) == 1
    text = T.compile.explain(side.step)
    assert "cross_entropy" in text
    assert "SGD" in text
    assert "2 replays verified" in text
    assert T.compile.explain(len) == "<built-in function len> is not compiled"


def test_python_does_not_run_in_a_replay():
    calls = itertools.count()
    net = net_of()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @T.compile
    def step(x, y):
        next(calls)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss
    call_often(step, 20)
    assert step.ready
    assert next(calls) == 6         # two in eager mode, two recorded, two compared


@pytest.mark.parametrize("form", ["tuple", "list", "dict", "None"])
def test_forms_of_results(form):
    net = net_of()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @T.compile
    def step(x, y):
        optimizer.zero_grad()
        out = net(x)
        loss = F.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        return {"tuple": (loss, None, out), "list": [loss, out], "dict": {"loss": loss, "out": out.detach()}, "None": None}[form]
    results = [step(*batch(call)) for call in range(8)]
    assert step.ready
    kept = copy.deepcopy(results[7]) if form == "dict" else results[7]
    step(*batch(9))
    assert type(results[7]).__name__ in (form, "NoneType")
    if form == "tuple":
        assert kept[1] is None
        assert kept[2].shape == (8, 3)
    if form == "dict":
        assert list(kept) == ["loss", "out"]
        assert bool((kept["out"] == results[7]["out"]).all())     # the next replay left it alone


# ---- What changes between the calls

def test_another_learning_rate():
    def change(side, call):
        for group in side.optimizer.param_groups:
            group["lr"] = 0.1 / (1 + call)
    for optimizer in OPTIMIZERS.values():
        sides = both(optimizer)
        alike(sides, range(20), change)
        assert len(sides[1].step.ready) == 1


def test_another_eps():
    def change(side, call):
        for group in side.optimizer.param_groups:
            group["eps"] = 0.1 / (1 + call)
    for name in ("Adam", "AdamW"):
        sides = both(OPTIMIZERS[name])
        alike(sides, range(20), change)
        assert len(sides[1].step.ready) == 1


def test_a_scheduler_outside():
    sides = both(OPTIMIZERS["AdamW"])
    for side in sides:
        side.scheduler = optim.lr_scheduler.CosineAnnealingLR(side.optimizer, 20)
    alike(sides, range(20), lambda side, call: side.scheduler.step() if call else None)
    assert len(sides[1].step.ready) == 1


CHANGES = {
    "frozen": lambda side: side.net[0].weight.requires_grad_(False),
    "memory": lambda side: setattr(side.net[0].weight, "data", side.net[0].weight.data * 0.5),
    "gradient set": lambda side: setattr(side.net[0].weight, "grad", T.ones_like(side.net[0].weight)),
    "gradient gone": lambda side: setattr(side.net[0].weight, "grad", None),
    "in place": lambda side: side.net[0].weight.data.mul_(0.5),
    "mode": lambda side: side.net.eval(),
    "tensor's hook": lambda side: side.net[0].weight.register_hook(lambda g: g * 2),
    "module's hook": lambda side: side.net[1].register_forward_hook(lambda module, args, out: out * 2),
    "optimizer's hook": lambda side: side.optimizer.register_step_post_hook(lambda *args: side.net[0].weight.data.mul_(0.5)),
    "layer": lambda side: side.net.__setitem__(1, nn.Tanh()),
    "setting": lambda side: side.optimizer.param_groups[0].__setitem__("weight_decay", 0.1),
    "state": lambda side: side.optimizer.load_state_dict(side.optimizer.state_dict()),
    "parameters": lambda side: side.optimizer.param_groups[0]["params"].pop(),
    "forward": lambda side: setattr(side.net[1], "forward", lambda x: x * 0.5),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_a_change_between_calls(name, optimizer):
    sides = both(OPTIMIZERS[optimizer])
    alike(sides, range(9), lambda side, call: CHANGES[name](side) if call == 8 else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alike(sides, range(9, 20))


def test_batches_of_other_shapes():
    sides = both(OPTIMIZERS["Adam"])
    alike(sides, range(40), rows=lambda call: (8, 3, 200)[call % 3])
    assert len(sides[1].step.ready) == 3


def test_layouts_and_inputs_with_gradients_are_eager():
    sides = both()
    alike(sides, range(8))
    x, y = batch(3)
    losses = [side.step(x.t().contiguous().t(), y).item() for side in sides]
    assert losses[0] == losses[1]
    assert sides[0].state() == sides[1].state()
    leaves = [x.clone().requires_grad_() for _ in sides]
    for side, leaf in zip(sides, leaves):
        side.step(leaf, y)
    assert bool((leaves[0].grad == leaves[1].grad).all())
    assert sides[0].state() == sides[1].state()


def test_a_gradient_that_is_held_stays():
    sides = both()
    held = [[], []]
    for call in range(14):
        for side, kept in zip(sides, held):
            side.step(*batch(call))
            kept.append(side.net[0].weight.grad if call % 2 else side.net[0].weight.grad.reshape(-1))
        assert [g.numpy().tobytes() for g in held[0]] == [g.numpy().tobytes() for g in held[1]]
        assert sides[0].state() == sides[1].state()


def test_labels_that_are_out_of_range_or_ignored():
    sides = both()
    alike(sides, range(8))
    x, y = batch(1)
    y[2] = 3
    for side in sides:
        with pytest.raises(IndexError, match="Target 3 is out of bounds"):
            side.step(x, y)
    y[2] = -100
    losses = [side.step(x, y).item() for side in sides]
    assert losses[0] == losses[1]
    assert sides[0].state() == sides[1].state()
    alike(sides, range(10, 20))
    assert sides[1].step.ready


def test_modes_of_the_caller():
    sides = both()
    alike(sides, range(8))
    for side in sides:
        with T.no_grad(), pytest.raises(RuntimeError, match="does not require grad"):
            side.step(*batch(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for side in sides:
            with T.autograd.set_detect_anomaly(True):
                side.step(*batch(2))
    alike(sides, range(10, 20))


def test_a_graph_from_before_the_step_is_refused_as_in_eager_mode():
    sides = both()
    alike(sides, range(8))
    for side in sides:
        other = (side.net[0].weight ** 2).sum()
        side.step(*batch(1))
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            other.backward()


def test_exceptions_in_the_step():
    for fails_at in range(8):
        sides = []
        for compiled in (False, True):
            count = [0]

            def extra(net, value, count=count, fails_at=fails_at):
                if count[0] == fails_at:
                    raise ValueError("stop")
            sides.append((Side(compiled, OPTIMIZERS["Adam"], extra=extra), count))
        for call in range(10):
            for side, count in sides:
                count[0] = call
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    with contextlib.suppress(ValueError):
                        side.step(*batch(call))
            assert sides[0][0].state() == sides[1][0].state(), (fails_at, call)


# ---- What is refused

class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x


KEPT = []
REFUSED = {
    "item": (dict(extra=lambda net, value: value.item()), "reads a tensor's value"),
    "if": (dict(extra=lambda net, value: 1 if value > 0 else 2), "reads a tensor's value"),
    "print": (dict(extra=lambda net, value: str(value)), "reads a tensor's value"),
    "numpy": (dict(extra=lambda net, value: value.detach().numpy()), "hands a tensor's memory"),
    "kept": (dict(extra=lambda net, value: KEPT.append(value)), "changes what it uses|kept somewhere|changes at every call"),
    "mask": (dict(loss=lambda o, y: F.cross_entropy(o, y) + o[o > 0].sum()), "values of a mask"),
    "one_hot": (dict(loss=lambda o, y: F.mse_loss(o, F.one_hot(y)[:, :1].float().expand(8, 3))), "num_classes"),
    "unique": (dict(loss=lambda o, y: F.cross_entropy(o, y) + y.unique().sum()), "unique"),
    "median": (dict(loss=lambda o, y: F.cross_entropy(o, y) + o.median()), "reads a tensor's value"),
    "quantile": (dict(loss=lambda o, y: F.cross_entropy(o, y) + o.quantile(0.5)), "reads a tensor's value"),
    "bincount": (dict(loss=lambda o, y: F.cross_entropy(o, y, weight=1 / (1 + T.bincount(y)))), "bincount|reads"),
    "nonzero": (dict(loss=lambda o, y: F.cross_entropy(o, y) + (o > 0).nonzero().sum()), "nonzero|values of a mask"),
    "masked_select": (dict(loss=lambda o, y: F.cross_entropy(o, y) + o.masked_select(o > 0).sum()), "masked_select|values of a mask"),
    "packed": (dict(loss=lambda o, y: nn.utils.rnn.pack_padded_sequence(o.unsqueeze(2), y + 1, True, False).data.sum()), "reads a tensor's value"),
    "batch norm": (dict(act=lambda: nn.BatchNorm1d(16, momentum=None)), "reads a tensor's value"),
    "spectral norm": (dict(act=lambda: nn.utils.spectral_norm(nn.Linear(16, 16))), "changes|a graph from before"),
    "multinomial": (dict(extra=lambda net, value: T.multinomial(T.ones(3), 2)), "random numbers"),
    "seed": (dict(extra=lambda net, value: T.manual_seed(3)), "seeds"),
    "argument written": (dict(loss=lambda o, y: F.cross_entropy(o, y.clamp_(max=2))), "argument in place"),
    "random": (dict(extra=lambda net, value: random.random()), "random numbers"),
    "random of NumPy": (dict(extra=lambda net, value: numpy.random.rand()), "random numbers"),
    "attribute": (dict(act=Counter), "changes"),
    "a graph from before": (dict(act=lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(16, 16)))), "a graph from before|changes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason_and_the_same_as_eager(name):
    options, words = REFUSED[name]
    _, side = both(**options)
    T.manual_seed(1)
    reason = refused(side, calls=16)
    assert re.search(words, reason), reason
    assert f"eager, because {reason}" in repr(side.step)
    KEPT.clear()
    eager, compiled = both(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in range(12):
            for one in (eager, compiled):
                T.manual_seed(call)
                one.step(*batch(call))
            assert eager.state() == compiled.state(), call
    KEPT.clear()


def test_adafactor_is_refused():
    _, side = both(lambda p: optim.Adafactor(p, lr=0.01))
    assert "reads a tensor's value" in refused(side)


def test_lbfgs_is_refused():
    """It evaluates the loss several times, and decides by its value how often."""
    T.manual_seed(0)
    net = net_of()
    optimizer = optim.LBFGS(net.parameters(), max_iter=3)

    @T.compile
    def step(x, y):
        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            return loss
        return optimizer.step(closure)
    with pytest.warns(UserWarning, match="stays in eager mode: it reads a tensor's value"):
        call_often(step, 8)


@pytest.mark.parametrize("where", ["before the optimizer's step", "with an argument"])
def test_a_scheduler_that_is_refused(where):
    net = net_of()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 100)

    @T.compile
    def step(x, y):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        if where == "with an argument":
            optimizer.step()
            scheduler.step(3)
        else:
            scheduler.step()
            optimizer.step()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call_often(step, 8)
    assert any("scheduler" in str(each.message) and "stays in eager mode" in str(each.message) for each in seen)
    assert scheduler.last_epoch == (3 if where == "with an argument" else 8)


def test_the_line_is_named():
    _, side = both(extra=lambda net, value: value.item())       # this line
    line = test_the_line_is_named.__code__.co_firstlineno + 1
    with pytest.warns(UserWarning, match=f"test_compile.py:{line}"):
        call_often(side.step, 4)


def test_a_wrong_replay_is_found_and_eagers_result_stays():
    """What the recorder cannot see, Python's own state, is found by the comparison."""
    def make(compiled):
        secret = iter(range(100))
        net = net_of()
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y) * (1 if next(secret) < 4 else 2)
            loss.backward()
            optimizer.step()
            return loss
        return net, T.compile(step) if compiled else step
    (net, eager), (other, compiled) = make(False), make(True)
    with pytest.warns(UserWarning, match="the replay differed from eager mode"):
        compare_calls(eager, compiled)
    assert content(list(net.parameters())) == content(list(other.parameters()))


def test_what_is_no_training_step_says_nothing():
    net = net_of()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = T.compile(lambda x: net(x).sum())
        for _ in range(6):
            f(batch(0)[0]).backward()
        assert T.compile(lambda x: x + 1)(1) == 2
        g = T.compile(fullgraph=True)(lambda x: x * 2)
        assert [g(i) for i in range(6)] == [0, 2, 4, 6, 8, 10]
        assert T.compile(abs, disable=True) is abs


# ---- Lives of models and steps

def test_deleted_copied_and_pickled():
    _, side = both(OPTIMIZERS["Adam"])
    for call in range(8):
        side.step(*batch(call))
    other = copy.deepcopy(side.net)
    again = pickle.loads(pickle.dumps(side.net))
    before = content(list(other.parameters()))
    side.step(*batch(9))
    assert content(list(other.parameters())) == before
    assert content(list(again.parameters())) == before
    gradients = [p.grad for p in side.net.parameters()]
    values = [g.numpy().tobytes() for g in gradients]
    step = side.step
    del side
    gc.collect()
    step(*batch(10))            # the step keeps its net
    del step
    gc.collect()
    junk = [T.randn(8, 16) for _ in range(100)]
    assert [g.numpy().tobytes() for g in gradients] == values
    assert junk      # held: the step was eager


class Trainer:
    def __init__(self):
        self.net = net_of()
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.01)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(x), y)
        loss.backward()
        self.optimizer.step()
        return loss


class Compiled(Trainer):
    step = T.compile(Trainer.step)


def test_methods():
    eager, compiled = Trainer(), Compiled()
    compare_calls(eager.step, compiled.step)
    assert compiled.step.ready
    assert not Compiled().step.ready
    assert Compiled.step(compiled, *batch(0)).item() == eager.step(*batch(0)).item()
    compiled.net = copy.deepcopy(compiled.net)      # the optimizer trains the old one
    eager.net = copy.deepcopy(eager.net)
    compare_calls(eager.step, compiled.step)
    assert compiled.step(y=batch(1)[1], x=batch(1)[0]).item() == eager.step(*batch(1)).item()
    assert "program" in T.compile.explain(compiled.step)


def test_methods_of_many_instances():
    """More than a step has programs for: each instance has its own."""
    trainers = [Compiled() for _ in range(10)]
    for each in trainers:
        call_often(each.step, 7)
    assert all(each.step.ready for each in trainers)


@pytest.mark.parametrize("slots", [False, True])
def test_epochs_of_a_method(slots):
    x, y = batch(1, 40)
    loops = []
    for compiled in (False, True):
        trainer = Trainer()
        if compiled:
            if slots:
                class Slots:
                    __slots__ = ("__weakref__", "net", "optimizer")
                    step = T.compile(Trainer.step)
                other = Slots()
                other.net, other.optimizer = trainer.net, trainer.optimizer
            else:
                other = Compiled()
                other.__dict__.update(trainer.__dict__)
            losses = other.step.epochs(x, y, batch_size=8, epochs=4)
            assert len(other.step.ready) == 1
        else:
            losses = T.tensor([[trainer.step(x[i:i + 8], y[i:i + 8]).item() for i in range(0, 40, 8)] for _ in range(4)])
        loops.append((losses.tolist(), [p.tolist() for p in trainer.net.parameters()]))
    assert loops[0] == loops[1]
    many = [Compiled(), Compiled()]
    assert T.train_many([each.step for each in many], x, y, batch_size=8, epochs=4)[1].tolist() == loops[0][0]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_of_an_object_have_steps_of_their_own(duplicate):
    first = Compiled()
    call_often(first.step, 7)
    other = duplicate(first)
    assert other.step is not first.step
    assert other.step is other.step
    assert not other.step.ready
    before = [p.tolist() for p in first.net.parameters()]
    other.step(*batch(0))
    assert ([p.tolist() for p in first.net.parameters()] == before) == (duplicate is not copy.copy)


def test_an_instance_ends_with_its_step():
    trainer = Compiled()
    call_often(trainer.step, 8)
    gone = weakref.ref(trainer)
    del trainer
    gc.collect()
    assert gone() is None


@T.compile
def decorated(x):
    return x + 1


def test_a_decorated_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_a_compiled_step_in_another():
    def make(compiled):
        wrap = T.compile if compiled else lambda step: step
        side, net = Side(compiled, OPTIMIZERS["Adam"]), net_of(widths=(5, 3))
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            inner = side.step(x, y)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            return loss, inner
        return side, net, wrap(step)
    made = make(False), make(True)
    for call in range(30):
        eager, compiled = (step(*batch(call)) for _, _, step in made)
        assert [each.item() for each in eager] == [each.item() for each in compiled]
        assert made[0][0].state() == made[1][0].state()
        assert made[0][1][0].weight.tolist() == made[1][1][0].weight.tolist()
    assert len(made[1][2].ready) == 1


def test_threads():
    sides = both(OPTIMIZERS["Adam"])
    failures = []

    def work():
        try:
            for _ in range(300):
                T.randn(50, 50) @ T.randn(50, 50)
        except BaseException as error:
            failures.append(error)
    others = [threading.Thread(target=work) for _ in range(2)]
    for each in others:
        each.start()
    alike(sides, range(60))
    for each in others:
        each.join()
    assert not failures
    thread = threading.Thread(target=lambda: alike(sides, range(60, 70)))
    thread.start()
    thread.join()
    alike(sides, range(70, 80))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child():
    sides = both()
    alike(sides, range(8))
    child = os.fork()
    if child == 0:
        try:
            alike(sides, range(8, 20))
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    alike(sides, range(8, 20))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_another_thread_records():
    """The child has no such thread: it records, and replays what there was."""
    begun, forked = threading.Event(), threading.Event()

    def wait(net, value):
        if is_recording():
            begun.set()
            forked.wait()
    slow = Side(True, OPTIMIZERS["Adam"], extra=wait)
    old, new = both(), both()
    alike(old, range(8))
    thread = threading.Thread(target=lambda: call_often(slow.step, 8))
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        try:
            alike(old, range(8, 12))
            alike(new, range(10))
            assert not is_recording()
            assert new[1].step.ready[0].verified == 2
            os._exit(0)
        except BaseException:
            os._exit(1)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    call_often(slow.step, 8)
    assert slow.step.ready


# ---- Whole epochs

def train(side, x, y, loader, epochs):
    return [[side.step(*each).item() for each in loader] for _ in range(epochs)]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_epochs_are_those_of_dataloader(drop_last, shuffle, optimizer):
    x, y = batch(1, 100)
    sides = both(OPTIMIZERS[optimizer])
    loader = DataLoader(TensorDataset(x, y), 16, shuffle=shuffle, drop_last=drop_last, generator=T.Generator().manual_seed(3))
    expected = train(sides[0], x, y, loader, 12)
    losses = sides[1].step.epochs(x, y, batch_size=16, shuffle=shuffle, drop_last=drop_last, epochs=12,
                                  generator=T.Generator().manual_seed(3))
    assert losses.tolist() == expected
    assert sides[0].state() == sides[1].state()
    assert len(sides[1].step.ready) == 2 - drop_last


def test_epochs_with_a_scheduler_and_early_stopping():
    x, y = batch(1, 64)
    sides = both(OPTIMIZERS["Adam"])
    schedulers = [optim.lr_scheduler.ExponentialLR(side.optimizer, 0.8) for side in sides]
    loader = DataLoader(TensorDataset(x, y), 8)
    expected = []
    for _ in range(7):
        expected += train(sides[0], x, y, loader, 1)
        schedulers[0].step()
    seen = []
    losses = sides[1].step.epochs(x, y, batch_size=8, epochs=20, scheduler=schedulers[1],
                                  on_epoch=lambda epoch, losses: seen.append(epoch) or epoch == 6)
    assert losses.tolist() == expected
    assert seen == list(range(7))
    assert sides[0].state() == sides[1].state()


def test_epochs_of_a_refused_step():
    x, y = batch(1, 40)
    sides = both(extra=lambda net, value: value.item())
    with pytest.warns(UserWarning, match="stays in eager mode"):
        losses = sides[1].step.epochs(x, y, batch_size=16, epochs=3)
    assert losses.tolist() == train(sides[0], x, y, DataLoader(TensorDataset(x, y), 16), 3)
    assert sides[0].state() == sides[1].state()


def test_epochs_with_labels_out_of_range():
    x, y = batch(1, 64)
    sides = both()
    for side in sides:
        for call in range(8):
            side.step(*batch(call))
    y[20] = 7
    with pytest.raises(IndexError, match="Target 7"):
        sides[1].step.epochs(x, y, batch_size=8)
    for i in range(3):
        try:
            sides[0].step(x[8 * i:8 * i + 8], y[8 * i:8 * i + 8])
        except IndexError:
            assert i == 2
    assert sides[0].state() == sides[1].state()


def test_arguments_of_epochs():
    _, side = both()
    x, y = batch(1, 10)
    with pytest.raises(ValueError, match="Size mismatch"):
        side.step.epochs(x, y[:5])
    with pytest.raises(ValueError, match="batch_size"):
        side.step.epochs(x, y, batch_size=0)
    with pytest.raises(TypeError, match="a row for each sample"):
        side.step.epochs(x, [1, 2])


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_an_interrupt_leaves_a_whole_step():
    x, y = batch(1, 640)
    sides = both(OPTIMIZERS["Adam"])
    for side in sides:
        for call in range(8):
            side.step(*batch(call))
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        sides[1].step.epochs(x, y, batch_size=8, epochs=20_000, on_epoch=lambda epoch, _: timer.start() if epoch == 0 else None)
    timer.join()
    done = sides[1].optimizer._step_count - 8
    assert done > 0
    order = x.shape[0] // 8
    for i in range(done):
        k = i % order
        sides[0].step(x[8 * k:8 * k + 8], y[8 * k:8 * k + 8])
    assert sides[0].state() == sides[1].state()
    alike(sides, range(5))
