"""What compile() records: each construct is replayed, on other batches than the recorded one, to the bits of eager mode."""
from __future__ import annotations

import copy
import gc
import itertools
import os
import pickle
import threading
import warnings
from functools import partial

import pytest
from samples.recordings import check, content, usual_step

import tinygrad_c as T
from tinygrad_c import nn, optim

F = nn.functional
WEIGHTS = T.tensor([1.0, 2.0, 0.5])
SCHEDULERS = optim.lr_scheduler


ADAM = partial(optim.Adam, lr=0.01)


def training(net, loss, batch, optimizer=ADAM, after=None):
    """The usual step of one net."""
    def make():
        model = net()
        steps = optimizer(model.parameters())

        def step(x, y):
            steps.zero_grad()
            value = loss(model(x), y)
            value.backward()
            if after is not None:
                after(model)
            steps.step()
            return value
        return step, batch, lambda: [[p, p.grad, p._version] for p in model.parameters()] + [
            [list(model.buffers()), [b._version for b in model.buffers()], steps.state_dict()]]
    return make


def labelled(*shape, classes=3, rows=None, dtype=T.float32):
    rows = shape[0] if rows is None else rows
    return lambda g: (T.randn(*shape, generator=g, dtype=dtype), T.randint(0, classes, (rows,), generator=g))


def pairs(dtype=T.float32):
    return lambda g: (T.randn(8, 5, generator=g, dtype=dtype), T.randn(8, 3, generator=g, dtype=dtype))


def words(g):
    return T.randint(0, 10, (6, 4), generator=g), T.randint(0, 3, (6,), generator=g)


def mlp(*layers):
    return nn.Sequential(nn.Linear(5, 16), *layers, nn.ReLU(), nn.Linear(16, 3))


# ---- Layers

class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.net = kind(5, 4, batch_first=True, **options)
        self.head = nn.Linear(4 * (1 + options.get("bidirectional", False)), 3)

    def forward(self, x):
        return self.head(self.net(x)[0][:, -1])


class Cells(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell, self.head = kind(5, 4), nn.Linear(4, 3)

    def forward(self, x):
        state = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        return self.head(state[0] if isinstance(state, tuple) else state)


class Words(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.words, self.head = layer, nn.Linear(6, 3)

    def forward(self, x):
        found = self.words(x)
        return self.head(found if found.ndim == 2 else found.mean(1))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.layer = nn.Linear(5, 8), nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.layer(self.first(x)).mean(1))


LAYERS = {
    "dropout": (lambda: mlp(nn.Dropout(0.3)), labelled(8, 5)),
    "alpha dropout": (lambda: mlp(nn.AlphaDropout(0.3)), labelled(8, 5)),
    "batch norm": (lambda: mlp(nn.BatchNorm1d(16)), labelled(8, 5)),
    "batch norm of few rows": (lambda: mlp(nn.BatchNorm1d(16)), labelled(3, 5)),
    "layer norm": (lambda: mlp(nn.LayerNorm(16)), labelled(8, 5)),
    "RMS norm": (lambda: mlp(nn.RMSNorm(16)), labelled(8, 5)),
    "group norm": (lambda: mlp(nn.GroupNorm(4, 16)), labelled(8, 5)),
    "PReLU": (lambda: mlp(nn.PReLU()), labelled(8, 5)),
    "RReLU": (lambda: mlp(nn.RReLU()), labelled(8, 5)),
    "GLU": (lambda: nn.Sequential(nn.Linear(5, 16), nn.GLU(), nn.Softmax(1), nn.Linear(8, 3)), labelled(8, 5)),
    "float64": (lambda: mlp(nn.BatchNorm1d(16), nn.Dropout(0.2)).double(), labelled(8, 5, dtype=T.float64)),
    "conv2d": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                                     nn.Conv2d(4, 8, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)),
               labelled(6, 1, 10, 10)),
    "groups, strides, dilation": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, groups=2), nn.ReLU(), nn.Conv2d(4, 6, 2, dilation=2),
                                                        nn.Flatten(), nn.Linear(96, 3)), labelled(6, 2, 14, 14)),
    "conv1d": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(16, 3)), labelled(6, 2, 10)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 3, stride=2), nn.InstanceNorm2d(3), nn.Tanh(), nn.Flatten(),
                                         nn.Linear(243, 3)), labelled(6, 2, 4, 4)),
    "dropout2d, upsampling": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Dropout2d(0.5), nn.Upsample(scale_factor=2),
                                                    nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 3)), labelled(6, 1, 8, 8)),
    "embedding": (lambda: Words(nn.Embedding(10, 6)), words),
    "embedding with padding": (lambda: Words(nn.Embedding(10, 6, padding_idx=0)), words),
    "embedding bag": (lambda: Words(nn.EmbeddingBag(10, 6)), words),
    "RNN": (lambda: Recurrent(nn.RNN), labelled(6, 5, 5, rows=6)),
    "LSTM": (lambda: Recurrent(nn.LSTM), labelled(6, 5, 5, rows=6)),
    "GRU": (lambda: Recurrent(nn.GRU), labelled(6, 5, 5, rows=6)),
    "LSTM with all": (lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True, dropout=0.2), labelled(6, 5, 5, rows=6)),
    "LSTM cell": (lambda: Cells(nn.LSTMCell), labelled(6, 5, 5, rows=6)),
    "GRU cell": (lambda: Cells(nn.GRUCell), labelled(6, 5, 5, rows=6)),
    "attention": (Attention, labelled(6, 5, 5, rows=6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    net, batch = LAYERS[name]
    check(training(net, F.cross_entropy, batch))


# ---- Losses of (N, 3) and labels, and of (N, 3) and numbers

LABELLED = {
    "weights": lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS),
    "weights, sum": lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS, reduction="sum"),
    "weights, each": lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS, reduction="none").mean(),
    "weights, smoothing": lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS, label_smoothing=0.1),
    "weights made in the step": lambda o, y: F.cross_entropy(o, y, weight=T.tensor([1.0, 2.0, 0.5])),
    "ignore_index": lambda o, y: F.cross_entropy(o, y, ignore_index=0),
    "ignore_index, weights": lambda o, y: F.cross_entropy(o, y, ignore_index=0, weight=WEIGHTS, label_smoothing=0.1),
    "labels computed": lambda o, y: F.cross_entropy(o, (y + 1) % 3),
    "two": lambda o, y: F.cross_entropy(o, y, weight=WEIGHTS) + F.cross_entropy(-o, y, ignore_index=1),
    "nll": lambda o, y: F.nll_loss(F.log_softmax(o, 1), y),
    "nll with all": lambda o, y: F.nll_loss(F.log_softmax(o, 1), y, weight=WEIGHTS, ignore_index=1),
    "x[arange, y]": lambda o, y: -F.log_softmax(o, 1)[T.arange(len(y)), y].mean(),
    "gather": lambda o, y: -F.log_softmax(o, 1).gather(1, y.unsqueeze(1)).mean(),
    "take_along_dim": lambda o, y: -T.take_along_dim(F.log_softmax(o, 1), y.unsqueeze(1) - 3, 1).mean(),
    "index_select": lambda o, y: o.index_select(0, y).square().mean(),
    "one_hot": lambda o, y: F.mse_loss(o, F.one_hot(y, 3).float()),
    "scatter": lambda o, y: F.mse_loss(o, T.zeros(8, 3).scatter(1, y.unsqueeze(1), 1.0)),
    "scatter_add": lambda o, y: T.zeros(3).scatter_add(0, y, o[:, 0]).square().sum(),
    "index_add": lambda o, y: T.zeros(3, 3).index_add(0, y, o).square().sum(),
    "x[rows] = values": lambda o, y: written(o, y).square().mean(),
    "multi_margin": lambda o, y: F.multi_margin_loss(o, y, weight=WEIGHTS),
    "multilabel_margin": lambda o, y: F.multilabel_margin_loss(o, T.stack([y, (y + 1) % 3 - (y > 0) * 3, -T.ones_like(y)], 1).clamp(min=-1)),
    "max of all": lambda o, y: o.max() - o.min() + F.cross_entropy(o, y),
    "max(dim)": lambda o, y: o.max(1).values.sum() - o.min(0).values.sum() + F.cross_entropy(o, y),
    "amax": lambda o, y: o.amax(1).sum() + o.logsumexp(0).sum() + F.cross_entropy(o, y),
    "cumsum, prod, std": lambda o, y: F.cross_entropy(o.cumsum(1), y) + o.prod(1).mean() + o.std() + o.var(1).mean(),
    "noise": lambda o, y: F.cross_entropy(o + 0.1 * T.randn(8, 3) + 0.1 * T.rand_like(o), y),
    "gumbel": lambda o, y: F.cross_entropy(F.gumbel_softmax(o), y),
    "random rows": lambda o, y: F.cross_entropy(o[T.randperm(8)], y) + o[T.randint(0, 8, (5,))].mean(),
    "join and cut": lambda o, y: F.cross_entropy(T.cat([o[:, 1:], o[:, :1]], 1), y) + T.stack(o.split(2), 0).mean() + sum(o.unbind(1)).mean(),
    "turned": lambda o, y: F.cross_entropy(o.t().reshape(3, 2, 4).permute(1, 2, 0).flatten(0, 1), y),
    "made": lambda o, y: F.cross_entropy(o * T.eye(3).sum(0) + T.linspace(0, 1, 3) + T.tensor([1.0, 2, 3]) - T.full((3,), 2.0) + T.zeros(3), y),
    "triangles": lambda o, y: F.cross_entropy(o @ T.tril(o.t() @ o) + o @ T.triu(T.ones(3, 3), 1), y),
}
PAIRS = {
    "bce": lambda o, t: F.binary_cross_entropy(o.sigmoid(), t.sigmoid()),
    "pos_weight": lambda o, t: F.binary_cross_entropy_with_logits(o, t.sigmoid(), pos_weight=WEIGHTS),
    "kl_div": lambda o, t: F.kl_div(F.log_softmax(o, 1), t.softmax(1), reduction="batchmean"),
    "gaussian_nll": lambda o, t: F.gaussian_nll_loss(o, t, T.exp(o)),
    "poisson_nll": lambda o, t: F.poisson_nll_loss(o, t.abs()),
    "hinge": lambda o, t: F.hinge_embedding_loss(o, t.sign()),
    "soft margin": lambda o, t: F.soft_margin_loss(o, t.sign()),
    "multilabel soft margin": lambda o, t: F.multilabel_soft_margin_loss(o, (t > 0).float()),
    "triplet": lambda o, t: F.triplet_margin_loss(o, t, t + 1),
    "cosine": lambda o, t: F.cosine_embedding_loss(o, t, T.ones(8)),
    "ranking": lambda o, t: F.margin_ranking_loss(o[:, 0], o[:, 1], t[:, 0].sign()),
    "soft targets": lambda o, t: F.cross_entropy(o, t.softmax(1), label_smoothing=0.1),
    "masked": lambda o, t: (o * (t > 0)).sum() / (t > 0).sum(),
    "sort": lambda o, t: (o.sort(1).values - t.sort(1, descending=True).values).square().mean(),
    "topk": lambda o, t: (o - t).square().flatten().topk(5).values.mean(),
    "kthvalue": lambda o, t: (o - t).abs().kthvalue(2, 1).values.mean() + o.argsort(0)[0].sum(),
    "searchsorted": lambda o, t: (o * T.searchsorted(WEIGHTS.sort().values.to(o.dtype), t)).square().mean(),
    "where": lambda o, t: T.where(t > 0, o, o.square()).mean(),
}


def written(o, y):
    out = o.clone()
    out[y] = 0.0
    return out


@pytest.mark.parametrize("name", LABELLED)
def test_losses_of_labels(name):
    check(training(mlp, LABELLED[name], labelled(8, 5), partial(optim.SGD, lr=0.1, momentum=0.9)))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [T.float32, T.float64])
def test_losses_of_numbers(name, dtype):
    loss = PAIRS[name]
    if name == "pos_weight":
        def loss(o, t):
            return F.binary_cross_entropy_with_logits(o, t.sigmoid(), pos_weight=WEIGHTS.to(dtype))
    check(training(lambda: mlp().to(dtype), loss, pairs(dtype), partial(optim.SGD, lr=0.1)))


# ---- Errors: a replay ends before anything is changed, and eager mode raises

BAD = {
    "x[index]": (LABELLED["x[arange, y]"], IndexError), "gather": (LABELLED["gather"], RuntimeError),
    "nll": (LABELLED["nll"], IndexError), "labels computed": (lambda o, y: F.cross_entropy(o, y + 0), IndexError),
    "one_hot": (LABELLED["one_hot"], RuntimeError), "index_select": (lambda o, y: o.index_select(1, y).sum(), IndexError),
    "embedding": (lambda o, y: F.embedding(y, o.t()).sum(), IndexError), "multi_margin": (LABELLED["multi_margin"], RuntimeError),
    "bce": (lambda o, y: F.binary_cross_entropy(o.sigmoid(), (y == 1).float()[:, None].expand(8, 3)) + F.binary_cross_entropy(
        y.float() / 2 + 0 * o.sum(), y.float() * 0), RuntimeError),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_raise_as_in_eager_mode(name):
    """Batch norm writes its statistics, and dropout draws, before the check: both are put back."""
    loss, error = BAD[name]
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        step, batch, state = training(lambda: mlp(nn.BatchNorm1d(16), nn.Dropout(0.5)), loss, labelled(8, 5))()
        sides.append((T.compile(step) if compiled else step, batch, state))
    for call in range(12):
        left = []
        for step, batch, state in sides:
            T.manual_seed(call)
            x, y = batch(T.Generator().manual_seed(call))
            if call in (8, 9):
                y[3] = 3 if call == 8 else -5
                with pytest.raises(error):
                    step(x, y)
            else:
                step(x, y)
            left.append([content(state()), T.get_rng_state().tolist()])
        assert left[0] == left[1], call
    assert sides[1][0].ready


@pytest.mark.parametrize(("make_net", "loss", "batch"), [
    (lambda: mlp(nn.PReLU()), F.multi_margin_loss, labelled(8, 5)),
    (lambda: nn.Sequential(nn.Linear(5, 16), nn.Linear(16, 3), nn.SiLU(), nn.Linear(3, 1)),     # a product that writes two tensors
     lambda out, y: -F.log_softmax(out, 1).gather(1, y.unsqueeze(1)).mean(), labelled(16, 5, classes=1)),
])
def test_gradients_stay_where_a_check_ends_a_replay(make_net, loss, batch):
    """zero_grad() comes after the check: eager mode leaves the gradients of the step before, whose memory the replay has used."""
    def make():
        net = make_net()
        optimizer = optim.AdamW(net.parameters(), lr=0.01)

        def step(x, y):
            value = loss(net(x), y)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
            return value
        return step, net
    sides = []
    for compiled in (False, True):
        T.manual_seed(0)
        step, net = make()
        sides.append((T.compile(step) if compiled else step, net))
    for call in range(12):
        left = []
        for step, net in sides:
            x, y = batch(T.Generator().manual_seed(call))
            if call in (7, 9):
                y[3] = 3
                with pytest.raises(RuntimeError, match="out of (range|bounds)"):
                    step(x, y)
            else:
                step(x, y)
            left.append(content([[p, p.grad] for p in net.parameters()]))
        assert left[0] == left[1], call
    assert sides[1][0].ready


# ---- Optimizers, schedulers, gradients

def test_settings_that_change():
    """Every number of a parameter group may change; a momentum of 0 needs another program."""
    names = {optim.SGD: ("lr", "momentum", "weight_decay", "dampening"), optim.Adam: ("lr", "betas", "eps", "weight_decay"),
             optim.RMSprop: ("lr", "alpha", "eps", "weight_decay", "momentum"), optim.Adagrad: ("lr", "lr_decay", "eps", "weight_decay"),
             optim.Adadelta: ("lr", "rho", "eps", "weight_decay"), optim.Adamax: ("lr", "betas", "eps", "weight_decay"),
             optim.NAdam: ("lr", "betas", "eps", "weight_decay", "momentum_decay"), optim.RAdam: ("lr", "betas", "eps", "weight_decay"),
             optim.Rprop: ("etas", "step_sizes"), optim.ASGD: ("lr", "lambd", "alpha", "t0", "weight_decay")}
    pairs = {"betas": (0.5, 0.6), "etas": (0.4, 1.3), "step_sizes": (0.01, 0.02)}
    for kind, settings in names.items():
        options = {"momentum": 0.9} if "momentum" in settings else {}

        def make(kind=kind, settings=settings, options=options):
            net = mlp()
            optimizer = kind(net.parameters(), lr=0.01, **options)
            calls = []

            step = usual_step(net, optimizer)

            def batch(g):
                calls.append(0)
                if len(calls) > 7:
                    name = settings[len(calls) % len(settings)]
                    optimizer.param_groups[0][name] = pairs.get(name, 0.01 * len(calls))
                return labelled(8, 5)(g)
            return step, batch, lambda: [[p, p.grad] for p in net.parameters()] + [optimizer.state_dict()]
        check(make, 16)


INSIDE = {
    "StepLR": partial(SCHEDULERS.StepLR, step_size=3), "cosine": partial(SCHEDULERS.CosineAnnealingLR, T_max=20),
    "lambda": partial(SCHEDULERS.LambdaLR, lr_lambda=lambda epoch: 0.9**epoch),
    "one cycle": partial(SCHEDULERS.OneCycleLR, max_lr=0.1, total_steps=40),
    "cyclic": partial(SCHEDULERS.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=5),
    "sequential": lambda optimizer: SCHEDULERS.SequentialLR(optimizer, [SCHEDULERS.LinearLR(optimizer, 0.1, total_iters=3),
                                                                        SCHEDULERS.CosineAnnealingLR(optimizer, 20)], [3]),
    "chained": lambda optimizer: SCHEDULERS.ChainedScheduler([SCHEDULERS.StepLR(optimizer, 2), SCHEDULERS.ExponentialLR(optimizer, 0.9)]),
}


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", INSIDE)
def test_a_scheduler_inside(name, kind):
    def make():
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01) if kind == "Adam" else optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        scheduler = INSIDE[name](optimizer)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss
        return step, labelled(8, 5), lambda: [list(net.parameters()), optimizer.state_dict(), {
            key: value for key, value in scheduler.state_dict().items() if not callable(value)}]
    check(make, 16)


def step_of(net, optimizer, scheduler):
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss
    return step


def test_a_scheduler_inside_of_epochs():
    left = []
    x, y = labelled(40, 5)(T.Generator().manual_seed(1))
    for compiled in (False, True):
        T.manual_seed(0)
        net = mlp()
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        scheduler = SCHEDULERS.ExponentialLR(optimizer, 0.95)
        step = step_of(net, optimizer, scheduler)
        if compiled:
            losses = T.compile(step).epochs(x, y, batch_size=8, epochs=5).tolist()
        else:
            losses = [[step(x[i:i + 8], y[i:i + 8]).item() for i in range(0, 40, 8)] for _ in range(5)]
        left.append([losses, scheduler.last_epoch, optimizer.param_groups[0]["lr"], content(list(net.parameters()))])
    assert left[0] == left[1]


CLIPS = {
    "norm": lambda net: nn.utils.clip_grad_norm_(net.parameters(), 0.1), "large": lambda net: nn.utils.clip_grad_norm_(net.parameters(), 9.0),
    "sometimes": lambda net: nn.utils.clip_grad_norm_(net.parameters(), 0.7),
    "inf": lambda net: nn.utils.clip_grad_norm_(net.parameters(), 0.1, float("inf")),
    "finite": lambda net: nn.utils.clip_grad_norm_(net.parameters(), 0.1, error_if_nonfinite=True),
    "value": lambda net: nn.utils.clip_grad_value_(net.parameters(), 0.01),
}


@pytest.mark.parametrize("dtype", [T.float32, T.float64])
@pytest.mark.parametrize("name", CLIPS)
def test_clipping(name, dtype):
    check(training(lambda: mlp().to(dtype), F.cross_entropy, labelled(8, 5, dtype=dtype), partial(optim.SGD, lr=0.5), CLIPS[name]), 14)


def test_weight_decay_groups():
    def groups(parameters):
        parameters = list(parameters)
        return optim.AdamW([{"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.1},
                            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0}], lr=0.01)
    check(training(mlp, F.cross_entropy, labelled(8, 5), groups))


def test_frozen_and_shared_parameters():
    def net():
        model = mlp()
        model[0].requires_grad_(False)
        last = nn.Linear(16, 16)
        return nn.Sequential(model[0], last, nn.Tanh(), last, nn.ReLU(), model[2])
    check(training(net, F.cross_entropy, labelled(8, 5)))


def test_muon():
    check(training(lambda: nn.Sequential(nn.Linear(5, 16, bias=False), nn.ReLU(), nn.Linear(16, 3, bias=False)), F.cross_entropy,
                   labelled(8, 5), partial(optim.Muon, lr=0.01)))


def test_updates_in_python():
    """A user's own optimizer, an average of the weights, clamped weights."""
    class Signs(optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": 0.01})

        @T.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    buffer = self.state[p].setdefault("buffer", T.zeros_like(p))
                    buffer.mul_(0.9).add_(p.grad.sign())
                    p.sub_(group["lr"] * buffer)

    def make():
        net = mlp()
        average, optimizer = copy.deepcopy(net), Signs(net.parameters())

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            with T.no_grad():
                for mean, p in zip(average.parameters(), net.parameters()):
                    mean.mul_(0.99).add_(p, alpha=0.01)
            for p in net.parameters():
                p.data.clamp_(-0.3, 0.3)
            return loss
        return step, labelled(8, 5), lambda: [[p, p.grad, p._version] for p in (*net.parameters(), *average.parameters())] + [
            [state["buffer"] for state in optimizer.state.values()]]
    check(make)


def test_micro_batches_inside():
    def make():
        net = mlp()
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x, y):
            optimizer.zero_grad()
            total = 0
            for i in range(0, 8, 2):
                loss = F.cross_entropy(net(x[i:i + 2]), y[i:i + 2]) / 4
                loss.backward()
                total = total + loss.detach()
            optimizer.step()
            return total
        return step, labelled(8, 5), lambda: [[p, p.grad] for p in net.parameters()]
    check(make)


@pytest.mark.parametrize("every", [2, 3])
def test_gradients_added_up_over_calls(every):
    def make():
        net = mlp()
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        calls = []

        def step(x, y, last):
            loss = F.cross_entropy(net(x), y) / every
            loss.backward()
            if last:
                optimizer.step()
                optimizer.zero_grad()
            return loss

        def batch(g):
            calls.append(0)
            return (*labelled(8, 5)(g), len(calls) % every == 0)
        return step, batch, lambda: [[p, p.grad, None if p.grad is None else p.grad._version] for p in net.parameters()]
    check(make, 40, every)


@pytest.mark.parametrize("where", ["first", "last", "never"])
def test_gradients_that_keep_their_memory(where):
    def make():
        net = mlp()
        optimizer = optim.SGD(net.parameters(), lr=0.01)

        def step(x, y):
            if where == "first":
                optimizer.zero_grad(set_to_none=False)
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            if where == "last":
                optimizer.zero_grad(set_to_none=False)
            return loss
        return step, labelled(8, 5), lambda: [[p, p.grad, p.grad._version] for p in net.parameters()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(make, 14)


# ---- Several models

def test_a_gan():
    def make():
        generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 5))
        critic = nn.Sequential(nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(16, 1))
        first, second = optim.Adam(generator.parameters(), lr=0.01), optim.Adam(critic.parameters(), lr=0.01)
        bce = nn.BCEWithLogitsLoss()

        def step(x):
            fake = generator(T.randn(x.shape[0], 4))
            second.zero_grad()
            real = bce(critic(x), T.ones(x.shape[0], 1)) + bce(critic(fake.detach()), T.zeros(x.shape[0], 1))
            real.backward()
            second.step()
            first.zero_grad()
            loss = bce(critic(fake), T.ones(x.shape[0], 1))
            loss.backward()
            first.step()
            return real, loss
        return step, lambda g: (T.randn(8, 5, generator=g),), lambda: [[p, p.grad] for net in (generator, critic) for p in net.parameters()]
    check(make)


def test_a_gradient_penalty():
    def make():
        critic = nn.Sequential(nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        optimizer = optim.RMSprop(critic.parameters(), lr=0.01)

        def step(x):
            fake, share = T.randn(x.shape[0], 5), T.rand(x.shape[0], 1)
            middle = (share * x + (1 - share) * fake).requires_grad_(True)
            slope = T.autograd.grad(critic(middle).sum(), middle, create_graph=True)[0]
            loss = critic(fake).mean() - critic(x).mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss
        return step, lambda g: (T.randn(8, 5, generator=g),), lambda: [[p, p.grad] for p in critic.parameters()]
    check(make)


def test_actor_and_critic():
    def make():
        actor, critic, target = nn.Linear(5, 3), nn.Linear(5, 1), nn.Linear(5, 1)
        first, second = optim.Adam(actor.parameters(), lr=0.01), optim.Adam(critic.parameters(), lr=0.01)

        def step(state, action, reward):
            with T.no_grad():
                goal = reward + 0.9 * target(state).max(1).values
            value = critic(state).squeeze(1)
            loss = F.mse_loss(value, goal)
            second.zero_grad()
            loss.backward()
            second.step()
            chosen = F.log_softmax(actor(state), 1).gather(1, action.unsqueeze(1)).squeeze(1)
            policy = -(chosen * (reward - value.detach())).mean()
            first.zero_grad()
            policy.backward()
            first.step()
            return {"policy": policy, "value": loss, "right": (actor(state).argmax(1) == action).float().mean().detach()}
        return step, lambda g: (T.randn(8, 5, generator=g), T.randint(0, 3, (8,), generator=g), T.randn(8, generator=g)), lambda: [
            [p, p.grad] for net in (actor, critic, target) for p in net.parameters()]
    check(make)


# ---- Derivatives in the step: physics-informed nets

@pytest.mark.parametrize("how", ["clone", "in place", "leaf"])
def test_second_derivatives(how):
    def make():
        net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(x):
            if how == "clone":
                x = x.clone().requires_grad_(True)
            if how == "in place":
                x.requires_grad_(True)
            u = net(x)
            du = T.autograd.grad(u, x, T.ones_like(u), create_graph=True)[0]
            d2u = T.autograd.grad(du, x, T.ones_like(du), create_graph=True)[0]
            loss = ((d2u + T.sin(x)) ** 2).mean() + net(T.zeros(1, 1)).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        def batch(g):
            x = T.rand(8, 1, generator=g)
            return ((x.requires_grad_(True) if how == "leaf" else x),)
        return step, batch, lambda: [[p, p.grad] for p in net.parameters()]
    check(make)


def test_points_from_outside():
    def make():
        x = T.linspace(0, 1, 9).reshape(-1, 1).requires_grad_(True)
        net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step():
            u = net(x)
            du = T.autograd.grad(u.sum(), x, create_graph=True)[0]
            loss = ((du - u) ** 2).mean() + (net(T.zeros(1, 1)) - 1).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss
        return step, lambda g: (), lambda: [[p, p.grad] for p in net.parameters()] + [x.grad]
    check(make)


# ---- Functions without an optimizer

def test_inference():
    def make():
        net = mlp(nn.BatchNorm1d(16), nn.Dropout(0.5)).eval()

        def predict(x):
            with T.no_grad():
                return net(x).softmax(1), net(x).argmax(1)
        return predict, lambda g: (T.randn(8, 5, generator=g),), lambda: list(net.parameters())
    step = check(make)
    x = T.randn(8, 5)
    before = step(x)
    with T.no_grad():
        after = step(x)
    assert content(before) == content(after)


def test_gradients_for_an_optimizer_elsewhere():
    def make():
        net = mlp()
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def gradients(x, y):
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            return loss

        def state():
            found = content([[p, p.grad] for p in net.parameters()])
            optimizer.step()
            optimizer.zero_grad()
            return found
        return gradients, labelled(8, 5), state
    check(make)


def test_arguments_by_name():
    net = mlp()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    runs = itertools.count()

    @T.compile
    def step(x, y, scale=1):
        next(runs)
        optimizer.zero_grad()
        loss = scale * F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss
    batch = labelled(8, 5)
    for call in range(12):
        x, y = batch(T.Generator().manual_seed(call))
        if call % 2:
            step(x, y=y)
        else:
            step(y=y, x=x)
    assert next(runs) == 6          # two in eager mode, two recorded, two compared
    with pytest.raises(TypeError, match="unexpected keyword"):
        step(x, z=y)


# ---- Lives of programs with buffers and random streams

def living(compiled):
    T.manual_seed(0)
    step, batch, state = training(lambda: mlp(nn.BatchNorm1d(16), nn.Dropout(0.5)), F.cross_entropy, labelled(8, 5))()
    return T.compile(step) if compiled else step, batch, state


def run(side, calls):
    step, batch, state = side
    left = []
    for call in calls:
        T.manual_seed(call)
        left.append([content(step(*batch(T.Generator().manual_seed(call)))), content(state()), T.get_rng_state().tolist()])
    return left


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on():
    eager, compiled = living(False), living(True)
    assert run(eager, range(8)) == run(compiled, range(8))
    child = os.fork()
    if child == 0:
        os._exit(run(eager, range(8, 14)) != run(compiled, range(8, 14)) or not compiled[0].ready)
    assert os.waitpid(child, 0)[1] == 0
    assert run(eager, range(8, 14)) == run(compiled, range(8, 14))
    assert compiled[0].ready


def test_other_threads():
    eager, compiled = living(False), living(True)
    expected = run(eager, range(30))
    found = []
    for first in range(0, 30, 10):
        thread = threading.Thread(target=lambda first=first: found.extend(run(compiled, range(first, first + 10))))
        thread.start()
        thread.join()
    assert found == expected
    assert compiled[0].ready


def test_threads_at_once():
    """Two threads that call one step: nothing is promised of the order, but every step is made."""
    net = mlp(nn.Dropout(0.1))
    optimizer = optim.Adam(net.parameters(), lr=0.001)

    step = T.compile(usual_step(net, optimizer))
    batch = labelled(300, 5)
    for call in range(8):
        step(*batch(T.Generator().manual_seed(call)))
    failures = []

    def work(first):
        try:
            for call in range(first, first + 40):
                x, y = batch(T.Generator().manual_seed(call))
                with T.no_grad():
                    net(x)
                predict(x)
                assert y.shape == (300,)
        except BaseException as error:
            failures.append(error)

    @T.compile
    def predict(x):
        with T.no_grad():
            return net(x)
    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    for call in range(40):
        step(*batch(T.Generator().manual_seed(call)))
    for thread in threads:
        thread.join()
    assert not failures


def test_a_program_outlives_its_model_and_copies_are_their_own():
    eager, compiled = living(False), living(True)
    assert run(eager, range(8)) == run(compiled, range(8))
    kept = [compiled[2]()[0][0], copy.deepcopy(compiled[2]()[0][0]), pickle.loads(pickle.dumps(compiled[2]()[0][0]))]
    before = content(kept[1:])
    assert run(eager, range(8, 12)) == run(compiled, range(8, 12))
    assert content(kept[1:]) == before
    step, batch, _ = compiled
    del compiled
    gc.collect()
    step(*batch(T.Generator().manual_seed(1)))      # it keeps what it needs
    del step
    gc.collect()
    junk = [T.randn(16, 5) for _ in range(50)]
    assert content(kept[1:]) == before
    assert len(junk) == 50


def quadruple(x):
    with T.no_grad():
        return x * 4


def test_copies_of_a_step_record_anew():
    step = T.compile(quadruple)
    for _ in range(8):
        step(T.ones(3))
    assert step.ready
    for other in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        assert not other.ready
        assert other(T.ones(3)).tolist() == [4, 4, 4]


def test_what_is_explained():
    step, batch, _ = living(True)
    for call in range(8):
        step(*batch(T.Generator().manual_seed(call)))
    text = T.compile.explain(step)
    for words in ("dropout", "random streams: 1", "guards: ", "labels: 1", "2 replays verified"):
        assert words in text
