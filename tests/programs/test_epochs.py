"""Whole epochs and many nets: the bits of DataLoader and of each net alone; Ctrl-C, threads, generators, early ends."""
from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
import warnings
from functools import partial

import pytest
from samples.recordings import usual_step

import tinygrad_c as T
from tinygrad_c import nn, optim
from tinygrad_c.utils.data import DataLoader, TensorDataset

F = nn.functional
WIDTHS = ((5, 16, 3), (5, 3), (5, 40, 31, 3), (5, 8, 3))


class Net:
    """A net, its optimizer and its compiled step."""

    def __init__(self, number, compiled=True, extra=None):
        T.manual_seed(number)
        layers = []
        for i, o in itertools.pairwise(WIDTHS[number % len(WIDTHS)]):
            layers += [nn.Linear(i, o), (nn.ReLU, nn.Tanh)[number % 2]()]
        self.net = net = nn.Sequential(*layers[:-1])
        self.optimizer = optimizer = (optim.SGD, optim.Adam)[number // 2 % 2](net.parameters(), lr=0.01 * (1 + number))

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            if extra is not None:
                extra(loss)
            optimizer.step()
            return loss
        self.step = T.compile(step) if compiled else step

    def state(self):
        found = [p.detach().numpy().tobytes() for p in self.net.parameters()]
        found += [p._version for p in self.net.parameters()]
        found += [None if p.grad is None else p.grad.numpy().tobytes() for p in self.net.parameters()]
        for entry in self.optimizer.state_dict()["state"].values():
            found += [value.numpy().tobytes() if isinstance(value, T.Tensor) else value for value in entry.values()]
        return found


def rows(n=100, seed=1):
    g = T.Generator().manual_seed(seed)
    return T.randn(n, 5, generator=g), T.randint(0, 3, (n,), generator=g)


def generator(seed=3):
    return T.Generator().manual_seed(seed)


# ---- One net

def test_generators_are_left_as_dataloader_leaves_them():
    x, y = rows()
    eager, compiled = Net(0, False), Net(0)
    mine, theirs = generator(), generator()
    losses = [[eager.step(*batch).item() for batch in loader]
              for loader in [DataLoader(TensorDataset(x, y), 16, shuffle=True, generator=theirs)] for _ in range(5)]
    assert compiled.step.epochs(x, y, batch_size=16, shuffle=True, epochs=5, generator=mine).tolist() == losses
    assert mine.get_state().tolist() == theirs.get_state().tolist()
    T.manual_seed(7)
    losses = [[eager.step(*batch).item() for batch in DataLoader(TensorDataset(x, y), 16, sampler=T.randperm(100).tolist())]
              for _ in range(5)]
    after = T.randn(3).tolist()
    T.manual_seed(7)
    assert compiled.step.epochs(x, y, batch_size=16, shuffle=True, epochs=5).tolist() == losses
    assert T.randn(3).tolist() == after


def test_the_short_last_batch_is_a_program():
    x, y = rows()
    one = Net(0)
    one.step.epochs(x, y, batch_size=16, epochs=6)
    assert len(one.step.ready) == 2
    python = []
    function, one.step.function = one.step.function, lambda *batch: python.append(batch)
    one.step.epochs(x, y, batch_size=16, epochs=3)
    assert not python
    one.step.function = function


def test_plateau_schedulers_and_validation_in_on_epoch():
    x, y = rows()
    sides = Net(0, False), Net(0)
    schedulers = [optim.lr_scheduler.ReduceLROnPlateau(side.optimizer, patience=0, threshold=0.5) for side in sides]
    expected, seen = [], []

    def accuracy(side):
        side.net.eval()
        with T.no_grad():
            value = (side.net(x).argmax(1) == y).float().mean().item()
        side.net.train()
        return value
    for _ in range(8):
        losses = [sides[0].step(*batch) for batch in DataLoader(TensorDataset(x, y), 20)]
        schedulers[0].step(T.stack(losses).detach().mean().item())
        expected.append(accuracy(sides[0]))
    sides[1].step.epochs(x, y, batch_size=20, epochs=8, scheduler=schedulers[1],
                         on_epoch=lambda epoch, losses: seen.append(accuracy(sides[1])))
    assert seen == expected
    assert sides[0].state() == sides[1].state()
    assert sides[1].optimizer.param_groups[0]["lr"] < 0.01
    assert len(sides[1].step.ready) == 1        # the mode was as before at each step


def test_losses_of_float64_and_of_steps_without_a_loss():
    x, y = rows()
    net = nn.Linear(5, 3).to(T.float64)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    returned = [lambda loss: loss]

    @T.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return returned[0](loss)
    losses = step.epochs(x.double(), y, batch_size=10, epochs=4)
    assert losses.dtype == T.float64
    assert losses[3].mean().item() < losses[0].mean().item()
    for other, words in ((lambda loss: None, "returned NoneType"), (lambda loss: (loss, loss), "returned tuple"),
                         (lambda loss: T.ones(2), r"a tensor of shape \[2\]")):
        returned[0] = other
        with pytest.raises(TypeError, match=words):
            step.epochs(x.double(), y, batch_size=10)


def test_bad_arguments():
    one, (x, y) = Net(0), rows()
    for options, words in (({"batch_size": 0}, "batch_size=0"), ({"batch_size": 2.0}, "batch_size=2.0"), ({"epochs": -1}, "epochs=-1")):
        for call in (lambda **o: one.step.epochs(x, y, **o), lambda **o: T.train_many([one.step], x, y, **o)):
            with pytest.raises(ValueError, match=words):
                call(**options)
    with pytest.raises(ValueError, match="do not require gradients"):
        one.step.epochs(x.clone().requires_grad_(), y)
    with pytest.raises(TypeError, match="a row for each sample"):
        one.step.epochs()
    with pytest.raises(TypeError, match="a row for each sample"):
        one.step.epochs(T.tensor(1.0))
    assert one.step.epochs(x, y, batch_size=10, epochs=0).shape == (0, 10)
    assert one.step.epochs(x[:0], y[:0], epochs=2).shape == (2, 0)
    assert one.optimizer._step_count == 0
    with pytest.raises(TypeError, match="needs compiled steps"):
        T.train_many([lambda x: x], x)
    with pytest.raises(ValueError, match="num_threads=0"):
        T.train_many([one.step], x, y, num_threads=0)
    with pytest.raises(ValueError, match="generator is a list of 2, for 1 steps"):
        T.train_many([one.step], x, y, generator=[generator(), generator()])
    with pytest.raises(ValueError, match="data 1 is a list of 3, for 1 steps"):
        T.train_many([one.step], x, [y, y, y])
    assert T.train_many([], x, y) == []


def test_another_thread_runs_meanwhile():
    """No lock is held: a thread counts while an epoch of one call runs."""
    x, y = rows(64_000)
    one = Net(2)
    one.step.epochs(x[:640], y[:640], batch_size=64)
    count, ready, stop = [0], threading.Event(), threading.Event()

    def counting():
        while not stop.is_set():
            count[0] += 1
            ready.set()
            time.sleep(0.0005)
    thread = threading.Thread(target=counting)
    thread.start()
    ready.wait()
    before, order = count[0], T.arange(64_000)
    # One Call of the engine, whose Python part is over before: all counts are made during replays.
    from tinygrad_c.programs.program import run_many
    losses = T.zeros(1000)
    done = run_many([(one.step.ready[0], 64, [x, y], order, 0, 1000, losses, 0)], 1)
    during = count[0] - before
    stop.set()
    thread.join()
    assert done == [1000]
    assert during > 1


def test_recording_and_verifying_are_cheap():
    """Counted, not timed. 520 calls of small functions take some 40 eager steps of a net of 5-16-3 (0.4 ms)."""
    def count(step, calls):
        found = [0]

        def note(frame, event, arg):
            found[0] += event in ("call", "c_call")
        batches = [rows(8, seed) for seed in range(calls)]
        sys.setprofile(note)
        try:
            for batch in batches:
                step(*batch)
        finally:
            sys.setprofile(None)
        return found[0]
    one = Net(0)
    assert (n := count(one.step, 6)) < 600, n
    assert len(one.step.ready) == 1
    assert count(one.step, 10) < 15         # replays: next to none


# ---- Many

def alone(numbers, x, y, **options):
    """(states, losses) of nets that are trained one after the other."""
    nets, losses = [], []
    for number in numbers:
        nets.append(Net(number))
        losses.append(nets[-1].step.epochs(x, y, generator=generator(), **options).tolist())
    return [each.state() for each in nets], losses


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_each_gets_the_bits_that_it_gets_alone(threads, shuffle):
    x, y = rows(1000)
    options = {"batch_size": 16, "shuffle": shuffle, "epochs": 6}
    states, losses = alone(range(9), x, y, **options)
    nets = [Net(number) for number in range(9)]
    found = T.train_many([each.step for each in nets], x, y, generator=generator(), num_threads=threads, **options)
    assert [each.tolist() for each in found] == losses
    assert [each.state() for each in nets] == states
    assert all(len(each.step.ready) == 2 for each in nets)


def test_many_more_nets_than_fit_into_a_slice():
    x, y = rows(640)
    states, losses = alone(range(40), x, y, batch_size=4, epochs=3)
    nets = [Net(number) for number in range(40)]
    found = T.train_many([each.step for each in nets], x, y, batch_size=4, epochs=3, num_threads=2)
    assert [each.tolist() for each in found] == losses
    assert [each.state() for each in nets] == states


def test_the_default_generator_begins_anew_for_each():
    x, y = rows(90)
    states, nets = [], [Net(number) for number in range(4)]
    for number in range(4):
        one = Net(number)
        T.manual_seed(11)
        one.step.epochs(x, y, batch_size=8, shuffle=True, epochs=4)
        states.append(one.state())
    after = T.randn(2).tolist()
    T.manual_seed(11)
    T.train_many([each.step for each in nets], x, y, batch_size=8, shuffle=True, epochs=4)
    assert [each.state() for each in nets] == states
    assert T.randn(2).tolist() == after


def test_data_generators_and_schedulers_of_each():
    data = [rows(60 + 10 * i, seed=i) for i in range(4)]
    expected, nets = [], [Net(number) for number in range(4)]
    for number, (x, y) in enumerate(data):
        one = Net(number)
        losses = one.step.epochs(x, y, batch_size=10, shuffle=True, epochs=5, generator=generator(number),
                                 scheduler=optim.lr_scheduler.ExponentialLR(one.optimizer, 0.5 + 0.1 * number))
        expected.append((losses.tolist(), one.state()))
    losses = T.train_many([each.step for each in nets], [x for x, _ in data], [y for _, y in data], batch_size=10, shuffle=True,
                          epochs=5, generator=[generator(i) for i in range(4)], num_threads=2,
                          scheduler=[optim.lr_scheduler.ExponentialLR(each.optimizer, 0.5 + 0.1 * i) for i, each in enumerate(nets)])
    assert [(loss.tolist(), each.state()) for loss, each in zip(losses, nets)] == expected


def test_dropout_draws_as_alone():
    """Refused or recorded: the default generator is that of a net alone."""
    def make(number):
        net = nn.Sequential(nn.Linear(5, 16), nn.Dropout(0.5), nn.Linear(16, 3))
        with T.no_grad():
            for p in net.parameters():
                p.copy_(T.arange(p.numel()).reshape(p.shape) % (3 + number) / 10)
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        step = usual_step(net, optimizer)
        return net, T.compile(step)
    x, y = rows(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, made = [], [make(number) for number in range(3)]
        for number in range(3):
            net, step = make(number)
            T.manual_seed(5)
            losses = step.epochs(x, y, batch_size=7, shuffle=True, epochs=12)
            expected.append((losses.tolist(), [p.tolist() for p in net.parameters()]))
        T.manual_seed(5)
        losses = T.train_many([step for _, step in made], x, y, batch_size=7, shuffle=True, epochs=12, num_threads=2)
    assert [(loss.tolist(), [p.tolist() for p in net.parameters()]) for loss, (net, _) in zip(losses, made)] == expected


def test_on_epoch_ends_all_or_some():
    x, y = rows(64)
    nets = [Net(number) for number in range(3)]
    losses = T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=20,
                          on_epoch=lambda epoch, losses: [epoch == 3, False, epoch == 5] if epoch < 9 else True)
    assert [each.shape for each in losses] == [(4, 8), (10, 8), (6, 8)]
    assert [each.optimizer._step_count for each in nets] == [32, 80, 48]
    assert nets[0].state() == alone([0], x, y, batch_size=8, epochs=4)[0][0]
    with pytest.raises(ValueError, match="what on_epoch returned is a list of 1, for 3 steps"):
        T.train_many([each.step for each in nets], x, y, batch_size=8, on_epoch=lambda epoch, losses: [True])


def test_a_refused_step_among_others():
    x, y = rows(64)
    states = [Net(number).step.epochs(x, y, batch_size=8, epochs=4).tolist() for number in range(3)]
    nets = [Net(0), Net(1, extra=lambda loss: loss.item()), Net(2)]
    with pytest.warns(UserWarning, match="reads a tensor's value"):
        losses = T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=4, num_threads=2)
    assert [each.tolist() for each in losses] == states


def test_nets_that_share_a_tensor_are_refused_before_anything_is_trained():
    x, y = rows()
    one, two = Net(0), Net(0)
    for pair in ([one.step, one.step], [one.step, two.step, T.compile(lambda x, y: one.step.function(x, y))]):
        with pytest.raises(ValueError, match=r"steps 0 and [12] use a tensor of shape \[.+\] that one of them trains"):
            T.train_many(pair, x, y)
    assert one.optimizer._step_count == 0
    frozen = nn.Linear(5, 5).requires_grad_(False)      # read by all: allowed

    def make():
        net = nn.Linear(5, 3)
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(frozen(x)), y)
            loss.backward()
            optimizer.step()
            return loss
        return T.compile(step)
    assert len(T.train_many([make(), make()], x, y, batch_size=10, epochs=2)) == 2


def test_labels_out_of_range_leave_each_net_after_a_whole_step():
    x, y = rows(64)
    nets = [Net(number) for number in range(3)]
    T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=1)
    wrong = y.clone()
    wrong[20] = 7
    with pytest.raises(IndexError, match="Target 7"):
        T.train_many([each.step for each in nets], x, wrong, batch_size=8)
    for number, each in enumerate(nets):
        assert each.optimizer._step_count in (8, 9, 10)
        each.optimizer.zero_grad()
        expected = Net(number, False)
        for i in [*range(8), 0, 1][:each.optimizer._step_count]:
            expected.step(x[8 * i:8 * i + 8], y[8 * i:8 * i + 8])
        expected.optimizer.zero_grad()
        assert each.state() == expected.state()


@pytest.mark.parametrize("make", [partial(optim.Adam, lr=0.01), partial(optim.NAdam, lr=0.01), partial(optim.ASGD, lr=0.01)])
def test_an_index_out_of_range_in_the_middle_of_an_epoch(make):
    """The steps that an optimizer counts are those that were whole."""
    words, y = T.randint(0, 10, (200, 3), generator=T.Generator().manual_seed(1)), T.arange(200) % 2
    words[150, 1] = 12
    states = []
    for compiled in (False, True):
        T.manual_seed(0)
        net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
        optimizer = make(net.parameters())

        step = usual_step(net, optimizer)
        def loop(step=step):
            for i in range(0, 200, 4):
                step(words[i:i + 4], y[i:i + 4])
        with pytest.raises(IndexError):
            T.compile(step).epochs(words, y, batch_size=4) if compiled else loop()
        numbers = [{name: each for name, each in entry.items() if not isinstance(each, T.Tensor)} for entry in optimizer.state.values()]
        states.append([p.tolist() for p in net.parameters()] + numbers)
    assert states[0] == states[1]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_an_interrupt_leaves_each_net_after_a_whole_step():
    x, y = rows(640)
    nets = [Net(number) for number in range(6)]
    T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=1)
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=100_000, num_threads=2,
                     on_epoch=lambda epoch, _: timer.start() if epoch == 0 else None)
    timer.join()
    for number, each in enumerate(nets):
        assert each.optimizer._step_count > 160
        expected = Net(number)
        steps = each.optimizer._step_count
        expected.step.epochs(x, y, batch_size=8, epochs=steps // 80)
        expected.step.epochs(x[:steps % 80 * 8], y[:steps % 80 * 8], batch_size=8)
        assert each.state() == expected.state()


def test_trainings_in_several_threads():
    """They disturb each other's recordings, and each is recorded in the end."""
    x, y = rows(640)
    states = alone(range(8), x, y, batch_size=8, epochs=30)[0]
    nets, failures = [Net(number) for number in range(8)], []

    def work(few):
        try:
            T.train_many([each.step for each in few], x, y, batch_size=8, epochs=30, num_threads=2)
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(nets[2 * i:2 * i + 2],)) for i in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures
    assert [each.state() for each in nets] == states
    assert not any(each.step.eager for each in nets)


def test_a_callback_that_changes_what_a_net_uses():
    x, y = rows(64)

    def change(epoch, nets):
        if epoch == 3:
            nets[0].net[0].weight.data = nets[0].net[0].weight.data.clone()
        if epoch == 5:
            nets[1].net[0].bias.requires_grad_(False)
            nets[1].optimizer.zero_grad()
    expected = []
    for numbers in ([0], [0, 1]):
        nets = [Net(number) for number in numbers]
        T.train_many([each.step for each in nets], x, y, batch_size=8, epochs=9,
                     on_epoch=lambda epoch, _, nets=nets: change(epoch, nets) if len(nets) > 1 or epoch < 5 else None)
        expected.append(nets[0].state())
    assert expected[0] == expected[1]
    assert nets[1].net[0].bias.grad is None
