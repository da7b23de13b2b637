"""Training steps as users write them: settings in classes, modules and arguments, several optimizer steps in one, thawed layers."""
from __future__ import annotations

import itertools
import math
import random
import types
import warnings

import pytest
from samples.recordings import check, content, usual_step

import tinygrad_c as T
from tinygrad_c import nn, optim

F = nn.functional


def labelled(g):
    return T.randn(8, 5, generator=g), T.randint(0, 3, (8,), generator=g)


def mlp():
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))


def left(*things):
    """What a step changes, for check()."""
    return lambda: [each.state_dict() if isinstance(each, optim.Optimizer) else [[p, p.grad, p._version] for p in each.parameters()] + [
        [b, b._version] for b in each.buffers()] for each in things]


# ---- Settings that the step names, wherever they are

class InAClass:
    weight = 0.0


class Inherited(InAClass):
    pass


class WithSlots:
    __slots__ = ("weight",)

    def __init__(self):
        self.weight = 0.0


SETTINGS = {
    "a class": (lambda: InAClass, InAClass), "an instance, from its class": (InAClass, None), "its class": (InAClass, InAClass),
    "a derived class": (Inherited, Inherited), "the base of a class": (Inherited, InAClass), "slots": (WithSlots, None),
    "a namespace": (lambda: types.SimpleNamespace(weight=0.0), None), "a module": (lambda: types.ModuleType("settings"), None),
    "None": (lambda: types.SimpleNamespace(weight=None), None),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_changes_between_calls(name, monkeypatch):
    make, where = SETTINGS[name]
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        settings = make()
        if isinstance(settings, types.ModuleType):
            settings.weight = 0.0

        def step(x, y, net=net, optimizer=optimizer, settings=settings):
            optimizer.zero_grad()
            out = net(x)
            loss = F.cross_entropy(out, y) + (settings.weight or 0.0) * out.square().mean()
            loss.backward()
            optimizer.step()
            return loss
        sides.append((T.compile(step) if compiled else step, net, where or settings))
    for call in range(20):
        if call == 9:
            for _, _, holder in sides:
                monkeypatch.setattr(holder, "weight", 0.5, raising=False)
        for step, *_ in sides:
            loss = step(*labelled(T.Generator().manual_seed(call)))
        assert [content(list(net.parameters())) for _, net, _ in sides[:1]] == [content(list(net.parameters())) for _, net, _ in sides[1:]], call
    assert loss.item() > 0
    assert len(sides[1][0].ready) == 2, sides[1][0]


def test_a_class_attribute_of_a_module_changes():
    class Scaled(nn.Module):
        factor = 1.0

        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(5, 3)

        def forward(self, x):
            return self.inner(x) * self.factor
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        net = Scaled()
        step = usual_step(net, optim.SGD(net.parameters(), lr=0.1))
        sides.append((T.compile(step) if compiled else step, net))
    for call in range(20):
        Scaled.factor = 1.0 if call < 9 else 2.0
        x, y = labelled(T.Generator().manual_seed(call))
        losses = [step(x, y).item() for step, _ in sides]
        assert losses[0] == losses[1], call
    assert len(sides[1][0].ready) == 2


def weighted(net, optimizer):
    def step(x, y, weight):
        optimizer.zero_grad()
        out = net(x)
        loss = F.cross_entropy(out, y) + weight * out.square().mean()
        loss.backward()
        optimizer.step()
        return loss
    return step


def test_numbers_as_arguments():
    """Each value has a program; 0.0 and -0.0 are two."""
    def make():
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        turn = iter(range(100))
        return weighted(net, optimizer), lambda g: (*labelled(g), (0.0, -0.0, 0.5)[next(turn) % 3]), left(net, optimizer)
    check(make, calls=24, programs=3)


@pytest.mark.parametrize("of", [float, int])
def test_a_number_that_changes_at_each_call(of):
    """It stays eager and says so, and keeps nothing for each value."""
    net, numbers = mlp(), itertools.count()
    step = T.compile(weighted(net, optim.SGD(net.parameters(), lr=1e-6)))
    assert "pass numbers that change as tensors" in refusal(lambda x, y: step(x, y, of(next(numbers))), 120)
    assert step.eager
    assert not step.situations


def test_a_tensor_that_changes_at_each_call_is_recorded():
    def make():
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01)
        return weighted(net, optimizer), lambda g: (*labelled(g), T.rand((), generator=g)), left(net, optimizer)
    check(make)


def refusal(step, calls=12):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for call in range(calls):
            step(*labelled(T.Generator().manual_seed(call)))
    return str(seen[-1].message)


def test_what_a_step_changes_is_named():
    net = mlp()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    step, counts, number, averages, losses = usual_step(net, optimizer), [0], 0, {}, []

    class Trainer:
        number = 0
    trainer = Trainer()

    @T.compile
    def in_a_list(x, y):
        counts[0] += 1
        return step(x, y)

    @T.compile
    def in_a_variable(x, y):
        nonlocal number
        number += 1
        return step(x, y)

    @T.compile
    def in_an_attribute(x, y):
        trainer.number += 1
        return step(x, y)

    @T.compile
    def in_a_dict(x, y):
        loss = step(x, y)
        averages["weight"] = net[0].weight.detach() * 0.5
        return loss

    @T.compile
    def kept(x, y):
        loss = step(x, y)
        losses.append(loss.detach())
        return loss
    for compiled, words in ((in_a_list, "the list 'counts'"), (in_a_variable, "the value of 'number'"),
                            (in_an_attribute, "the value of 'number'"), (in_a_dict, "the dict 'averages'"), (kept, "the list 'losses'")):
        line = compiled.function.__code__.co_firstlineno + (2 if compiled is in_a_list or compiled is in_an_attribute else 3)
        assert f"it changes what it uses: {words}, at {__file__}:{line}" in refusal(compiled)
    assert counts == [12]
    assert number == trainer.number == 12


@pytest.mark.parametrize("make_optimizer", [optim.SGD, optim.Adam, optim.RMSprop])
def test_layers_that_are_thawed_and_frozen_again(make_optimizer):
    """The optimizer makes the state of new parameters while the step is recorded."""
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        net = mlp()
        optimizer = make_optimizer(net.parameters(), lr=0.01)
        net[0].requires_grad_(False)
        step = usual_step(net, optimizer)
        sides.append((T.compile(step) if compiled else step, net, left(net, optimizer)))
    for call in range(36):
        for step, net, _ in sides:
            if call in (12, 24):
                net[0].requires_grad_(call == 12)
            step(*labelled(T.Generator().manual_seed(call)))
        assert content(sides[0][2]()) == content(sides[1][2]()), call
    # SGD has no state: frozen again, the first program is valid.
    assert len(sides[1][0].ready) == (2 if make_optimizer is optim.SGD else 3), sides[1][0]


# ---- Several steps of an optimizer in one

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1), "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01), "AdamW": lambda p: optim.AdamW(p, lr=0.01, amsgrad=True),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01), "Adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1),
    "Adadelta": optim.Adadelta, "Adamax": lambda p: optim.Adamax(p, lr=0.01), "RAdam": lambda p: optim.RAdam(p, lr=0.01),
    "Rprop": lambda p: optim.Rprop(p, lr=0.01),
    "groups": lambda p: optim.Adam([{"params": p[:2], "lr": 0.02}, {"params": p[2:], "weight_decay": 0.1}], lr=0.01),
}


def several(net, optimizer, steps=3):
    def step(x, y):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
        return loss
    return step


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_several_steps_of_an_optimizer(name):
    def make():
        net = mlp()
        optimizer = OPTIMIZERS[name](list(net.parameters()))
        return several(net, optimizer), labelled, left(net, optimizer)
    check(make)


@pytest.mark.parametrize("many", [False, True])
def test_several_steps_of_an_optimizer_in_whole_epochs(many):
    found = []
    for compiled in (False, True):
        T.manual_seed(0)
        nets = [mlp() for _ in range(3 if many else 1)]
        optimizers = [optim.Adam(net.parameters(), lr=0.01) for net in nets]
        steps = [several(net, optimizer) for net, optimizer in zip(nets, optimizers)]
        x, y = T.randn(40, 5), T.randint(0, 3, (40,))
        if compiled:
            steps = [T.compile(step) for step in steps]
            losses = T.train_many(steps, x, y, batch_size=8, epochs=4) if many else [steps[0].epochs(x, y, batch_size=8, epochs=4)]
            assert all(step.ready for step in steps)
        else:
            losses = [T.stack([step(x[i:i + 8], y[i:i + 8]).detach() for _ in range(4) for i in range(0, 40, 8)]).reshape(4, 5) for step in steps]
        found.append(content([losses, left(*nets, *optimizers)()]))
    assert found[0] == found[1]


def test_a_step_that_ends_between_two_steps_of_its_optimizer():
    """Labels out of range in the second: eager mode has made the first."""
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x, y, net=net, optimizer=optimizer):
            for labels in (y % 3, y + 0):
                optimizer.zero_grad()
                loss = F.cross_entropy(net(x), labels)
                loss.backward()
                optimizer.step()
            return loss
        sides.append((T.compile(step) if compiled else step, left(net, optimizer)))
    for call in range(14):
        x, y = labelled(T.Generator().manual_seed(call))
        for step, _ in sides:
            if call in (8, 11):
                with pytest.raises((IndexError, RuntimeError), match="out of"):
                    step(x, y + 3)
            else:
                step(x, y)
        assert content(sides[0][1]()) == content(sides[1][1]()), call
    assert sides[1][0].ready


@pytest.mark.parametrize("make_optimizer", [optim.NAdam, optim.ASGD])
def test_optimizers_that_may_step_once(make_optimizer):
    net = mlp()
    assert "NAdam or ASGD steps more than once" in refusal(T.compile(several(net, make_optimizer(net.parameters(), lr=0.01))))


# ---- Whole examples

def truncated_backpropagation():
    cell, head = nn.GRUCell(3, 8), nn.Linear(8, 1)
    optimizer = optim.RMSprop([*cell.parameters(), *head.parameters()], lr=0.01)

    def step(x, y):
        h, total = T.zeros(x.size(0), 8), 0.0
        for start in range(0, x.size(1), 3):
            h = h.detach()
            optimizer.zero_grad()
            loss = 0
            for t in range(start, start + 3):
                h = cell(x[:, t], h)
                loss = loss + F.mse_loss(head(h).squeeze(-1), y[:, t])
            loss.backward()
            optimizer.step()
            total = total + loss.detach()
        return total
    return step, lambda g: (T.randn(5, 6, 3, generator=g), T.randn(5, 6, generator=g)), left(cell, head, optimizer)


def critic_with_a_gradient_penalty():
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    generator = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
    first, second = (optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.9)) for net in (critic, generator))

    def step(real):
        for _ in range(5):
            fake = generator(T.randn(real.size(0), 3)).detach()
            share = T.rand(real.size(0), 1)
            between = (share * real + (1 - share) * fake).requires_grad_(True)
            slope = T.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
            loss = critic(fake).mean() - critic(real).mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
            first.zero_grad()
            loss.backward()
            first.step()
        fooled = -critic(generator(T.randn(real.size(0), 3))).mean()
        second.zero_grad()
        fooled.backward()
        second.step()
        return {"critic": loss, "generator": fooled}
    return step, lambda g: (T.randn(8, 2, generator=g),), left(critic, generator, first, second)


def clipped_policy():
    body, policy, value = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 1)
    params = [*body.parameters(), *policy.parameters(), *value.parameters()]
    optimizer = optim.Adam(params, lr=0.01)

    def step(state, action, old, advantage, returns):
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(4):
            h = T.tanh(body(state))
            logp = F.log_softmax(policy(h), -1)
            ratio = (logp.gather(1, action.unsqueeze(1)).squeeze(1) - old).exp()
            loss = (-T.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
                    + 0.5 * (value(h).squeeze(1) - returns).pow(2).mean() + 0.01 * (logp.exp() * logp).sum(1).mean())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(params, 0.5)
            optimizer.step()
        return loss
    return step, lambda g: (T.randn(8, 4, generator=g), T.randint(0, 3, (8,), generator=g), -T.rand(8, generator=g), T.randn(8, generator=g),
                            T.randn(8, generator=g)), left(body, policy, value, optimizer)


def variational_autoencoder():
    encoder, decoder = nn.Linear(12, 6), nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Linear(20, 12))
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2)

    def step(x):
        optimizer.zero_grad()
        x = x.view(-1, 12)
        mean, logvar = encoder(x).chunk(2, dim=1)
        out = T.sigmoid(decoder(mean + T.randn_like(mean) * T.exp(0.5 * logvar)))
        loss = F.binary_cross_entropy(out, x, reduction="sum") - 0.5 * T.sum(1 + logvar - mean.pow(2) - logvar.exp())
        loss.backward()
        optimizer.step()
        return loss
    return step, lambda g: (T.rand(16, 3, 4, generator=g),), left(encoder, decoder, optimizer)


def transformer():
    class Block(nn.Module):
        def __init__(self, d=16, heads=4):
            super().__init__()
            self.tokens, self.positions, self.heads = nn.Embedding(11, d), nn.Parameter(T.randn(6, d) * 0.02), heads
            self.first, self.second, self.qkv, self.out = nn.LayerNorm(d), nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d), nn.Dropout(0.1))
            self.head = nn.Linear(d, 11, bias=False)
            self.head.weight = self.tokens.weight
            self.register_buffer("mask", T.tril(T.ones(6, 6)).view(1, 1, 6, 6))

        def forward(self, index):
            rows, length = index.shape
            x = self.tokens(index) + self.positions[:length]
            q, k, v = (each.view(rows, length, self.heads, -1).transpose(1, 2) for each in self.qkv(self.first(x)).chunk(3, dim=-1))
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
            scores = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-inf")).softmax(-1)
            x = x + self.out((scores @ v).transpose(1, 2).contiguous().view(rows, length, -1))
            return self.head(x + self.mlp(self.second(x)))
    model = Block()
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)

    def step(x, y):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss, norm
    return step, lambda g: (T.randint(0, 11, (3, 6), generator=g), T.randint(0, 11, (3, 6), generator=g)), left(model, optimizer)


def sharpness_aware():
    net = mlp()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        F.cross_entropy(net(x), y).backward()
        with T.no_grad():
            norm = T.norm(T.stack([p.grad.norm() for p in net.parameters()]))
            moves = [p.grad * (0.05 / (norm + 1e-12)) for p in net.parameters()]
            for p, move in zip(net.parameters(), moves):
                p.add_(move)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        with T.no_grad():
            for p, move in zip(net.parameters(), moves):
                p.sub_(move)
        optimizer.step()
        optimizer.zero_grad()
        return loss
    return step, labelled, left(net, optimizer)


def straight_through():
    encoder, decoder, book = nn.Linear(6, 4), nn.Linear(4, 6), nn.Embedding(5, 4)
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters(), *book.parameters()], lr=0.01)

    def step(x):
        z = encoder(x)
        code = book(T.cdist(z, book.weight).argmin(1))
        loss = F.mse_loss(code, z.detach()) + 0.25 * F.mse_loss(z, code.detach())
        loss = loss + F.mse_loss(decoder(z + (code - z).detach()), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step, lambda g: (T.randn(8, 6, generator=g),), left(encoder, decoder, book, optimizer)


def augmented():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 8))

    def augment(x):
        flip = (T.rand(x.size(0), 1, 1, 1) < 0.5).to(x.dtype)
        x = flip * x.flip(3) + (1 - flip) * x
        return (x + 0.05 * T.randn_like(x)) * T.empty(x.size(0), 1, 1, 1).uniform_(0.8, 1.2)

    def step(x, y):
        share, order = T.rand(()), T.randperm(x.size(0))
        x = augment(x)
        out = net(share * x + (1 - share) * x[order])
        loss = share * F.cross_entropy(out, y) + (1 - share) * F.cross_entropy(out, y[order])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss, (out.argmax(1) == y).float().mean()
    return step, lambda g: (T.randn(5, 1, 6, 6, generator=g), T.randint(0, 3, (5,), generator=g)), left(net, optimizer)


@pytest.mark.parametrize("make", [truncated_backpropagation, critic_with_a_gradient_penalty, clipped_policy, variational_autoencoder,
                                  transformer, sharpness_aware, straight_through, augmented], ids=lambda make: make.__name__)
def test_steps_as_users_write_them(make):
    check(make)


def test_random_choices_of_python_are_refused():
    net = mlp()
    step = usual_step(net, optim.SGD(net.parameters(), lr=0.1))

    @T.compile
    def augmented_step(x, y):
        return step(x.flip(1) if random.random() < 0.5 else x, y)
    assert "draws random numbers in Python" in refusal(augmented_step)
