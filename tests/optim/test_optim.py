"""optim: 20 steps of every optimizer with every setting against PyTorch; one step by hand; groups, state, schedulers."""
import collections
import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from samples.comparing import both, torch, with_torch

import tinygrad_c as tg
from tinygrad_c import nn, optim
from tinygrad_c._base import warn
from tinygrad_c.optim import lr_scheduler


@pytest.fixture(autouse=True)
def _heard_nothing_yet():
    warn.forget()


SETTINGS = [
    ("SGD", {}), ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1, "nesterov": True, "maximize": True}),
    ("Adam", {}), ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}), ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}), ("Adam", {"lr": 0.1, "maximize": True, "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}), ("Adam", {"lr": 0.1, "betas": (0.3, 0.5)}),
    ("AdamW", {}), ("AdamW", {"lr": 0.1, "weight_decay": 0.3}), ("AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}), ("RMSprop", {"lr": 0.1, "alpha": 0.9, "eps": 1e-4}), ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.9}), ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}), ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}), ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1, "eps": 1e-3, "maximize": True}),
    ("Adadelta", {}), ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}), ("Adamax", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}), ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}), ("RAdam", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Adafactor", {}), ("Adafactor", {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-8, 0.1), "d": 2.0, "weight_decay": 0.1}),
    ("Adafactor", {"lr": 0.3, "maximize": True}),
    ("Rprop", {}), ("Rprop", {"lr": 0.3, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.5), "maximize": True}),
    ("ASGD", {}), ("ASGD", {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 3, "weight_decay": 0.1, "maximize": True}),
]
SHAPES = [(3, 2), (70,), (), (1, 5, 3)]


def values(seed, dtype):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in SHAPES]


def run(library, name, settings, dtype, steps, skip=True):
    """The parameters after some steps with gradients that are a function of step and place; None now and then."""
    params = [library.tensor(value, requires_grad=True) for value in values(0, dtype)]
    optimizer = getattr(getattr(library, "optim", optim), name)(params, **settings)
    for step in range(steps):
        for i, (p, g) in enumerate(zip(params, values(step + 1, dtype))):
            p.grad = None if skip and i == step % 7 else library.tensor(g)
        optimizer.step()
    return params, optimizer


@with_torch
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_20_steps_are_pytorchs(name, settings, dtype):
    ours, _ = run(tg, name, settings, dtype, 20)
    theirs, _ = run(torch, name, settings, dtype, 20)
    for p, p_ in zip(ours, theirs):
        exact = dtype == "float64" and name not in ("NAdam", "ASGD")   # there PyTorch keeps mu_product and eta in float32
        tolerance = dict(rtol=1e-12, atol=1e-13) if exact else dict(rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(p.detach().numpy(), p_.detach().numpy(), **tolerance)


@with_torch
def test_repr_and_defaults_are_pytorchs():
    for name in optim.__all__:
        if name == "Optimizer" or not isinstance(getattr(optim, name), type):
            continue
        ours = getattr(optim, name)([tg.ones(1, 1, requires_grad=True)])
        theirs = getattr(torch.optim, name)([torch.ones(1, 1, requires_grad=True)])
        assert repr(ours) == repr(theirs)
        assert set(ours.param_groups[0]) == set(theirs.param_groups[0])


def one_step(name, p=2.0, g=0.5, steps=1, **settings):
    x = tg.tensor([p], dtype=tg.float64, requires_grad=True)
    optimizer = getattr(optim, name)([x], **settings)
    for _ in range(steps):
        x.grad = tg.tensor([g], dtype=tg.float64)
        optimizer.step()
    return x.item()


def test_steps_by_hand():
    assert one_step("SGD", lr=0.1) == pytest.approx(1.95)
    assert one_step("SGD", lr=0.1, maximize=True) == pytest.approx(2.05)
    assert one_step("SGD", lr=0.1, weight_decay=0.5) == pytest.approx(1.85)
    # Momentum: b1 = g, b2 = 0.9 g + g.
    assert one_step("SGD", lr=0.1, momentum=0.9, steps=2) == pytest.approx(2 - 0.1 * 0.5 * (1 + 1.9))
    assert one_step("SGD", lr=0.1, momentum=0.9, nesterov=True) == pytest.approx(2 - 0.1 * 0.5 * 1.9)
    # Adam's first step is lr * sign(g), but for eps; so are all with a constant gradient.
    assert one_step("Adam", lr=0.1, steps=3) == pytest.approx(1.7, abs=1e-7)
    assert one_step("AdamW", lr=0.1, weight_decay=0.5) == pytest.approx(2 * 0.95 - 0.1, abs=1e-7)
    assert one_step("RMSprop", lr=0.1, alpha=0.75) == pytest.approx(2 - 0.1 / 0.5, abs=1e-6)
    assert one_step("Adagrad", lr=0.1, steps=2) == pytest.approx(2 - 0.1 - 0.1 / math.sqrt(2), abs=1e-8)


def test_a_step_writes_in_place_and_records_nothing():
    w = nn.Parameter(tg.ones(3))
    memory = w.data_ptr()
    optimizer = optim.Adam([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
    assert w.data_ptr() == memory
    assert w.is_leaf
    assert w.grad_fn is None
    before = w * w
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        before.sum().backward()


def test_non_contiguous_parameters():
    base = tg.zeros(4, 6)
    w = base[:, ::2].t().detach().requires_grad_()
    optimizer = optim.SGD([w], lr=1.0, momentum=0.9)
    w.grad = tg.ones(3, 4)
    optimizer.step()
    assert (w.detach().numpy() == -1).all()
    assert base[:, 1::2].abs().sum().item() == 0


def test_groups():
    a, b = nn.Linear(2, 1), nn.Linear(1, 1)
    optimizer = optim.SGD([{"params": a.parameters(), "lr": 1.0}, {"params": [b.weight], "momentum": 0.9}], lr=0.5)
    optimizer.add_param_group({"params": b.bias, "lr": 0.25})
    assert [group["lr"] for group in optimizer.param_groups] == [1.0, 0.5, 0.25]
    assert [group["momentum"] for group in optimizer.param_groups] == [0, 0.9, 0]
    before = [p.item() if p.numel() == 1 else None for p in (b.weight, b.bias)]
    for p in (*a.parameters(), *b.parameters()):
        p.grad = tg.ones(*p.shape)
    optimizer.step()
    assert b.weight.item() == pytest.approx(before[0] - 0.5)
    assert b.bias.item() == pytest.approx(before[1] - 0.25)
    optimizer.param_groups[1]["lr"] = 0.0
    now = b.weight.item()
    optimizer.step()
    assert b.weight.item() == now
    optimizer.zero_grad()
    assert all(p.grad is None for p in (*a.parameters(), *b.parameters()))
    named = optim.SGD(a.named_parameters(), lr=0.1)
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [b.bias]})


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_state_goes_round(name, settings):
    """10 steps, state into a fresh optimizer, 10 more: the same as 20 at one go."""
    whole, _ = run(tg, name, settings, "float32", 20, skip=False)
    params, optimizer = run(tg, name, settings, "float32", 10, skip=False)
    fresh = getattr(optim, name)(params, **settings)
    fresh.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    for step in range(10, 20):
        for p, g in zip(params, values(step + 1, "float32")):
            p.grad = tg.tensor(g)
        fresh.step()
    for p, p_ in zip(params, whole):
        assert p.tolist() == p_.tolist()


def test_state_is_pytorchs_in_form():
    params, optimizer = run(tg, "Adam", {"amsgrad": True}, "float32", 3, skip=False)
    state = optimizer.state_dict()
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert state["state"][0]["step"] == 3
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3]
    assert optimizer.state[params[1]]["exp_avg"].shape == params[1].shape
    assert run(tg, "SGD", {}, "float32", 2)[1].state_dict()["state"] == {}
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": [0]}]})
    assert optimizer.state_dict()["state"][0]["step"] == 3


def other_rows(library, optimizer, rows):
    """The parameter with other rows in its place, and its state cut alike: as nets that grow and shrink in training do."""
    state = optimizer.state.get(optimizer.param_groups[0]["params"][0])
    for name in state:
        if name != "step":
            state[name] = state[name][rows]
    old = optimizer.param_groups[0]["params"][0]
    del optimizer.state[old]
    new = optimizer.param_groups[0]["params"][0] = old.detach()[rows].clone().requires_grad_()
    optimizer.state[new] = state
    new.grad = library.ones_like(new)


WRITES = {
    "one": lambda m, o, p: o.state[p].__setitem__("exp_avg", m.full((3, 2), 9.0)),
    "update": lambda m, o, p: o.state[p].update(exp_avg=m.full((3, 2), 9.0), exp_avg_sq=m.full((3, 2), 2.0)),
    "in place": lambda m, o, p: o.state[p]["exp_avg"].mul_(3.0),
    "whole": lambda m, o, p: o.state.__setitem__(p, {"step": m.tensor(7.0), "exp_avg": m.ones(3, 2), "exp_avg_sq": m.ones(3, 2)}),
    "gone": lambda m, o, p: o.state.pop(p), "all gone": lambda m, o, p: o.state.clear(), "empty": lambda m, o, p: o.state[p].clear(),
    "another": lambda m, o, p: setattr(o, "state", collections.defaultdict(dict)),
    "other rows": lambda m, o, p: other_rows(m, o, [2, 0]),
}


@pytest.mark.parametrize("write", WRITES)
def test_what_is_written_to_the_state_the_next_step_finds(write):
    """It was written to a copy, and lost in silence."""
    results = []
    for library in (tg, torch) if torch else (tg,):
        p = library.tensor(values(0, "float32")[0], requires_grad=True)
        optimizer = library.optim.Adam([p], lr=0.1)
        for _ in range(3):
            p.grad = library.ones_like(p)
            optimizer.step()
        WRITES[write](library, optimizer, p)
        p = optimizer.param_groups[0]["params"][0]
        optimizer.step()
        optimizer.step()
        results.append(p.detach().numpy())
    np.testing.assert_allclose(results[0], results[-1], 1e-5)


def test_a_momentum_that_is_written_by_hand():
    p = tg.zeros(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5)
    p.grad = tg.ones(2)
    optimizer.step()
    optimizer.state[p]["momentum_buffer"] = tg.full((2,), 100.0)
    p.grad = tg.zeros(2)
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), [-0.1 - 0.1 * 50] * 2, 1e-6)


def test_deepcopy_of_net_and_optimizer_stay_together():
    net = nn.Linear(2, 1)
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    net(tg.ones(1, 2)).sum().backward()
    optimizer.step()
    net2, optimizer2 = copy.deepcopy((net, optimizer))
    assert optimizer2.param_groups[0]["params"][0] is net2.weight
    before = net2.weight.tolist()
    net2(tg.ones(1, 2)).sum().backward()        # a Parameter's copy has no gradient
    optimizer2.step()
    assert net2.weight.tolist() != before
    assert net.weight.tolist() == before


def test_closures():
    w = tg.tensor([3.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss
    with tg.no_grad():
        assert optimizer.step(closure).item() == 9
    assert w.item() == pytest.approx(2.4)


def test_an_optimizer_of_ones_own():
    class Halves(optim.Optimizer):
        def __init__(self, params, rate=0.5):
            super().__init__(params, dict(rate=rate))

        @tg.no_grad()
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                    p.mul_(group["rate"])
    w = tg.ones(2, requires_grad=True)
    optimizer = Halves([w])
    optimizer.step()
    optimizer.step()
    assert w.tolist() == [0.25, 0.25]
    state = optimizer.state_dict()
    assert state["state"] == {0: {"steps": 2}}
    other = Halves([w])
    other.load_state_dict(state)
    assert other.state[w]["steps"] == 2


def valley(library, steps=4, **settings):
    """Rosenbrock's banana valley in 6 dimensions, as two parameters."""
    optim_ = getattr(library, "optim", optim)
    a = library.tensor([-1.2, 1.0, 0.7], dtype=library.float64, requires_grad=True)
    b = library.tensor([[0.5], [-0.3], [1.5]], dtype=library.float64, requires_grad=True)
    optimizer, losses = optim_.LBFGS([a, b], **settings), []

    def closure():
        optimizer.zero_grad()
        x = library.cat([a, b.reshape(-1)])
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        return loss
    for _ in range(steps):
        optimizer.step(closure)
    return losses, a.tolist() + b.reshape(-1).tolist()


@with_torch
@pytest.mark.parametrize("settings", [{}, {"lr": 0.1, "nesterov": False, "momentum": 0.8}, {"adjust_lr_fn": "match_rms_adamw"},
                                      {"ns_steps": 2, "ns_coefficients": (2.0, -1.5, 0.5), "weight_decay": 0.0}])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_muon_is_pytorchs(settings, dtype):
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal(shape).astype(dtype) for shape in [(7, 3), (3, 5), (4, 4)]]
    gradients = [[rng.standard_normal(start.shape).astype(dtype) for start in starts] for _ in range(5)]
    found = []
    for m in (tg, torch):
        params = [m.tensor(start, requires_grad=True) for start in starts]
        optimizer = (optim if m is tg else torch.optim).Muon(params, **settings)
        for each in gradients:
            for p, g in zip(params, each):
                p.grad = m.tensor(g)
            optimizer.step()
        found.append(params)
    for p, p_ in zip(*found):
        np.testing.assert_allclose(p.detach().numpy(), p_.detach().numpy(), rtol=1e-6, atol=1e-6)


def test_muon_makes_singular_values_nearly_equal():
    x = tg.tensor(np.zeros((3, 3)), requires_grad=True)
    x.grad = tg.tensor(np.diag([3.0, 2.0, 1.0]))
    optim.Muon([x], lr=1.0, weight_decay=0.0).step()
    values = np.linalg.svd(x.detach().numpy(), compute_uv=False)
    assert values.max() < 1.3
    assert values.min() > 0.6
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        optim.Muon([tg.ones(2, requires_grad=True)])


@with_torch
@pytest.mark.parametrize("settings", [
    {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7},
    {"lr": 1e-3}, {"lr": 0.01, "max_iter": 4, "history_size": 2}])
def test_lbfgs_is_pytorchs(settings):
    losses, x = valley(tg, **settings)
    losses_, x_ = valley(torch, **settings)
    count = min(len(losses), 30)       # in the valley rounding grows from step to step
    np.testing.assert_allclose(losses[:count], losses_[:count], rtol=1e-6)
    assert len(losses) == pytest.approx(len(losses_), abs=3)
    np.testing.assert_allclose(x, x_, rtol=1e-4, atol=1e-4)


def test_lbfgs_finds_the_bottom():
    x = tg.tensor([-1.2, 1.0], dtype=tg.float64, requires_grad=True)
    optimizer = optim.LBFGS([x], max_iter=60, tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
        loss.backward()
        return loss
    assert optimizer.step(closure).item() == pytest.approx(24.2)
    assert x.tolist() == pytest.approx([1, 1], abs=1e-6)
    with pytest.raises(ValueError, match="LBFGS doesn't support per-parameter options"):
        optim.LBFGS([{"params": [x]}, {"params": [tg.ones(1, requires_grad=True)]}])


# ---- Schedulers

SCHEDULERS = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}), ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.3}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 4}), ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8}),
    ("ExponentialLR", {"gamma": 0.9}), ("PolynomialLR", {"total_iters": 7, "power": 2.0}), ("CosineAnnealingLR", {"T_max": 5}),
    ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.01}), ("CosineAnnealingWarmRestarts", {"T_0": 3}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9**epoch}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.5 + epoch / 20}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.1, 0.2], "step_size_up": 3}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3, "step_size_down": 5, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 4, "scale_fn": lambda n: 1 / n, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 5, "steps_per_epoch": 5, "anneal_strategy": "linear", "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 25, "three_phase": True, "div_factor": 5.0}),
]


def advance(optimizer, scheduler):
    """An epoch: a step of each, without the warnings of steps without gradients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer.step()
        scheduler.step()


def rates(library, name, settings, epochs=20):
    w = [library.ones(1, requires_grad=True) for _ in range(2)]
    optim_ = getattr(library, "optim", optim)
    optimizer = optim_.SGD([{"params": [w[0]]}, {"params": [w[1]], "lr": 0.3}], lr=0.1)
    scheduler = getattr(optim_.lr_scheduler, name)(optimizer, **settings)
    seen = []
    for _ in range(epochs):
        seen.append([group["lr"] for group in optimizer.param_groups])
        assert scheduler.get_last_lr() == seen[-1]
        seen[-1] += [group["momentum"] for group in optimizer.param_groups]
        advance(optimizer, scheduler)
    return seen


@with_torch
@pytest.mark.parametrize(("name", "settings"), SCHEDULERS)
def test_schedules_are_pytorchs(name, settings):
    np.testing.assert_allclose(rates(tg, name, settings), rates(torch, name, settings), rtol=1e-12)


def test_schedules_by_hand():
    assert [r[0] for r in rates(tg, "StepLR", {"step_size": 2}, 5)] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    assert [r[1] for r in rates(tg, "CosineAnnealingLR", {"T_max": 2}, 4)] == pytest.approx([0.3, 0.15, 0, 0.15])
    warm_up = rates(tg, "LinearLR", {"start_factor": 0.5, "total_iters": 2}, 4)
    assert [r[0] for r in warm_up] == pytest.approx([0.05, 0.075, 0.1, 0.1])


def several(library, which):
    w = library.ones(1, requires_grad=True)
    optim_ = getattr(library, "optim", optim)
    optimizer, schedulers = optim_.SGD([w], lr=0.1), optim_.lr_scheduler
    if which == "sequential":
        scheduler = schedulers.SequentialLR(optimizer, [
            schedulers.ConstantLR(optimizer, 0.1, 2), schedulers.ExponentialLR(optimizer, 0.9),
            schedulers.CosineAnnealingLR(optimizer, 4)], milestones=[3, 8])
    else:
        scheduler = schedulers.ChainedScheduler([
            schedulers.ConstantLR(optimizer, 0.1, 4), schedulers.ExponentialLR(optimizer, 0.9)])
    seen = []
    for _ in range(14):
        seen.append(optimizer.param_groups[0]["lr"])
        advance(optimizer, scheduler)
    return seen


@with_torch
@pytest.mark.parametrize("which", ["sequential", "chained"])
def test_several_schedulers(which):
    np.testing.assert_allclose(several(tg, which), several(torch, which), rtol=1e-12)


@both
@pytest.mark.parametrize(("name", "settings"), [("SGD", {"momentum": 0.5}), ("Adam", {}), ("RMSprop", {}), ("Adagrad", {})])
def test_parameters_that_the_user_puts_into_a_group(torch, name, settings):
    """Each keeps its own state, wherever in the group it stands; a new one begins without, also in another's place."""
    p, q, r = (torch.nn.Parameter(torch.tensor([float(i)])) for i in range(1, 4))
    optimizer = getattr(torch.optim, name)([p, q], lr=0.1, **settings)
    group = optimizer.param_groups[0]

    def step(*gradients):
        for each, g in zip((p, q, r), gradients):
            each.grad = torch.tensor([float(g)])
        optimizer.step()

    step(1, -10)
    group["params"] = [q, p]
    step(1, -10)
    group["params"].append(r)
    step(1, -10, 100)
    group["params"][1] = torch.nn.Parameter(torch.zeros(1))
    assert group["params"][1] not in optimizer.state
    step(1, -10, 100)

    alone = []
    for value, g, n in ((1, 1, 3), (2, -10, 4), (3, 100, 2)):
        w = torch.nn.Parameter(torch.tensor([float(value)]))
        optimizer = getattr(torch.optim, name)([w], lr=0.1, **settings)
        for _ in range(n):
            w.grad = torch.tensor([float(g)])
            optimizer.step()
        alone.append(w.item())
    assert [p.item(), q.item(), r.item()] == pytest.approx(alone)


@both
def test_what_several_schedulers_refuse(torch):
    schedulers = torch.optim.lr_scheduler
    optimizer, other = (torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1) for _ in range(2))
    first, plateau = schedulers.ConstantLR(optimizer), schedulers.ReduceLROnPlateau(optimizer)
    assert isinstance(plateau, schedulers.LRScheduler)
    for make in (lambda *each: schedulers.SequentialLR(optimizer, each, [1]), lambda *each: schedulers.ChainedScheduler(each)):
        with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`.* at index 1 in"):
            make(first, plateau)
        with pytest.raises(ValueError, match="all schedulers to belong to the same optimizer, but got"):
            make(first, schedulers.ConstantLR(other))


def plateau(library, **settings):
    w = library.ones(1, requires_grad=True)
    optim_ = getattr(library, "optim", optim)
    optimizer = optim_.SGD([w], lr=0.1)
    scheduler = optim_.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
    seen = []
    for metric in [5, 4, 4, 4, 4, 3.99, 3.5, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 1, 2, 2, 2, 2]:
        scheduler.step(metric)
        seen.append((optimizer.param_groups[0]["lr"], scheduler.get_last_lr()[0]))
    return seen


@with_torch
@pytest.mark.parametrize("settings", [
    {"patience": 1}, {"patience": 2, "factor": 0.5, "cooldown": 2}, {"mode": "max", "patience": 3, "min_lr": 0.005},
    {"threshold": 0.3, "threshold_mode": "abs", "patience": 0}, {"threshold": 0.1, "patience": 1}])
def test_plateau_is_pytorchs(settings):
    np.testing.assert_allclose(plateau(tg, **settings), plateau(torch, **settings), rtol=1e-12)


def test_warm_restarts_at_a_fraction_of_an_epoch():
    w = tg.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    for epoch, rate in [(0.5, 0.5 + math.cos(math.pi / 4) / 2), (1, 0.5), (2, 1), (4, 0.5), (6, 1), (10, 0.5)]:
        scheduler.step(epoch)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


@pytest.mark.parametrize(("name", "settings"), SCHEDULERS)
def test_schedulers_state_goes_round(name, settings):
    def make():
        optimizer = optim.SGD([{"params": [tg.ones(1, requires_grad=True)], "lr": rate} for rate in (0.1, 0.3)])
        return optimizer, getattr(lr_scheduler, name)(optimizer, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer, scheduler = make()
        for _ in range(4):
            scheduler.step()
        optimizer2, scheduler2 = make()
        scheduler2.load_state_dict(pickle.loads(pickle.dumps(scheduler.state_dict())))
        optimizer2.load_state_dict(optimizer.state_dict())
        for _ in range(6):
            scheduler.step()
            scheduler2.step()
            assert optimizer2.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("name", ["Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"])
def test_pickles_of_versions_with_a_dict_as_state(name):
    params, optimizer = run(tg, name, {}, "float64", 5, skip=False)
    other = getattr(optim, name)(params)
    old = {key: value for key, value in optimizer.__dict__.items() if key != "_lists"}
    other.__dict__.clear()
    other.__setstate__({**old, "state": {p: dict(entry) for p, entry in optimizer.state.items()}})
    assert str(other.state_dict()) == str(optimizer.state_dict())
    other.step()
