"""A schedule that is interrupted after any number of steps and resumed in every way: as torch, and as if it had not been."""
import copy
import io
import math

import pytest
from samples.comparing import torch, with_torch

import tinygrad_c

pytestmark = pytest.mark.filterwarnings("ignore")


def schedulers(m):
    """Name -> a function of an optimizer that makes the scheduler."""
    L, swa = m.optim.lr_scheduler, m.optim.swa_utils
    return {
        "LambdaLR": lambda o, **k: L.LambdaLR(o, lambda e: 0.9**e, **k),
        "LambdaLR2": lambda o, **k: L.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (1 + e)], **k),
        "MultiplicativeLR": lambda o, **k: L.MultiplicativeLR(o, lambda e: 0.9, **k),
        "StepLR": lambda o, **k: L.StepLR(o, 3, 0.5, **k),
        "StepLR1": lambda o, **k: L.StepLR(o, 1, 0.5, **k),
        "MultiStepLR": lambda o, **k: L.MultiStepLR(o, [2, 4, 4, 7], 0.5, **k),
        "ConstantLR": lambda o, **k: L.ConstantLR(o, 0.5, 4, **k),
        "ConstantLR0": lambda o, **k: L.ConstantLR(o, 0.5, 1, **k),
        "LinearLR": lambda o, **k: L.LinearLR(o, 0.25, 1.0, 4, **k),
        "LinearLR2": lambda o, **k: L.LinearLR(o, 0.25, 0.5, 6, **k),
        "ExponentialLR": lambda o, **k: L.ExponentialLR(o, 0.9, **k),
        "PolynomialLR": lambda o, **k: L.PolynomialLR(o, 5, 2.0, **k),
        "CosineAnnealingLR": lambda o, **k: L.CosineAnnealingLR(o, 4, 0.01, **k),
        "CosineAnnealingLR1": lambda o, **k: L.CosineAnnealingLR(o, 1, 0.01, **k),
        "CosineAnnealingWarmRestarts": lambda o, **k: L.CosineAnnealingWarmRestarts(o, 3, 2, 0.01, **k),
        "CosineAnnealingWarmRestarts1": lambda o, **k: L.CosineAnnealingWarmRestarts(o, 4, **k),
        "CyclicLR": lambda o, **k: L.CyclicLR(o, 0.1, 1.0, 3, cycle_momentum=False, **k),
        "CyclicLR2": lambda o, **k: L.CyclicLR(o, 0.1, 1.0, 2, 4, mode="triangular2", **k),
        "CyclicLRe": lambda o, **k: L.CyclicLR(o, 0.1, 1.0, 3, mode="exp_range", gamma=0.9, base_momentum=.7, max_momentum=.95, **k),
        "CyclicLRf": lambda o, **k: L.CyclicLR(o, 0.1, 1.0, 3, scale_fn=lambda x: 0.5**x, scale_mode="iterations", **k),
        "OneCycleLR": lambda o, **k: L.OneCycleLR(o, 1.0, total_steps=14, **k),
        "OneCycleLR3": lambda o, **k: L.OneCycleLR(o, 1.0, epochs=7, steps_per_epoch=2, three_phase=True, anneal_strategy="linear", **k),
        "OneCycleLRl": lambda o, **k: L.OneCycleLR(o, [1.0, 2.0], total_steps=14, cycle_momentum=False, **k),
        "ReduceLROnPlateau": lambda o, **k: L.ReduceLROnPlateau(o, patience=1, factor=0.5, cooldown=1, **k),
        "Sequential": lambda o, **k: L.SequentialLR(o, [L.LinearLR(o, 0.1, 1., 3), L.ExponentialLR(o, 0.9)], [3], **k),
        "Sequential3": lambda o, **k: L.SequentialLR(o, [L.ConstantLR(o, 0.1, 2), L.LinearLR(o, 0.1, 1., 3), L.CosineAnnealingLR(o, 5)], [2, 5], **k),
        "SequentialStep": lambda o, **k: L.SequentialLR(o, [L.LinearLR(o, 0.1, 1., 3), L.StepLR(o, 2, .5)], [4], **k),
        "Chained": lambda o, **k: L.ChainedScheduler([L.ConstantLR(o, 0.1, 4), L.ExponentialLR(o, 0.9)]),
        "Chained2": lambda o, **k: L.ChainedScheduler([L.LinearLR(o, 0.1, 1., 4), L.StepLR(o, 3, 0.5), L.CosineAnnealingLR(o, 5)]),
        "SWALR": lambda o, **k: swa.SWALR(o, 0.05, anneal_epochs=4, **k),
        "SWALRl": lambda o, **k: swa.SWALR(o, 0.05, anneal_epochs=4, anneal_strategy="linear", **k),
    }


NAMES = list(schedulers(tinygrad_c))
METRICS = [1., 1., 1., .9, .9, .9, .9, .8, .9, .9, 1., 1., .7, .7, .7, .7]
STEPS = 13


def optimizer_of(m, kind, initial=(None, None)):
    groups = [{"params": [m.nn.Parameter(m.ones(1))], "lr": lr, **({} if start is None else {"initial_lr": start})}
              for lr, start in zip((1.0, 0.5), initial)]
    return m.optim.SGD(groups, lr=0.1, momentum=0.9) if kind == "SGD" else m.optim.Adam(groups, lr=0.1)


def rates(optimizer, scheduler):
    """What the schedule has set: rates, momenta, and what get_last_lr says."""
    seen = [value for group in optimizer.param_groups for value in (group["lr"], group.get("momentum", 0), group.get("betas", [0])[0])]
    return [float(value) for value in (*seen, *scheduler.get_last_lr())]


def advance(optimizer, scheduler, name, k):
    optimizer.step()
    if name.startswith("Reduce"):
        scheduler.step(METRICS[k])
    else:
        scheduler.step()


# ---- The ways to resume: of an optimizer and a scheduler after `at` steps, those to go on with

def by_last_epoch(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    fresh.load_state_dict(o.state_dict())
    return fresh, make(fresh, last_epoch=s.last_epoch - 1)


def by_last_epoch_itself(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    fresh.load_state_dict(o.state_dict())
    return fresh, make(fresh, last_epoch=s.last_epoch)


def by_initial_lr(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind, (1.0, 0.5))
    return fresh, make(fresh, last_epoch=at - 1)


def by_state_dicts(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    other = make(fresh)
    other.load_state_dict(s.state_dict())
    fresh.load_state_dict(o.state_dict())
    return fresh, other


def by_state_dicts_optimizer_first(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    fresh.load_state_dict(o.state_dict())
    other = make(fresh)
    fresh.load_state_dict(o.state_dict())
    other.load_state_dict(s.state_dict())
    return fresh, other


def by_the_scheduler_s_state_dict(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    other = make(fresh)
    other.load_state_dict(s.state_dict())
    return fresh, other


def by_file(m, kind, make, o, s, at):
    file = io.BytesIO()
    m.save({"optimizer": o.state_dict(), "scheduler": s.state_dict()}, file)
    file.seek(0)
    state = m.load(file, weights_only=False)
    fresh = optimizer_of(m, kind)
    other = make(fresh)
    fresh.load_state_dict(state["optimizer"])
    other.load_state_dict(state["scheduler"])
    return fresh, other


def by_deepcopy(m, kind, make, o, s, at):
    return copy.deepcopy((o, s))


def by_a_scheduler_from_the_start(m, kind, make, o, s, at):
    fresh = optimizer_of(m, kind)
    fresh.load_state_dict(o.state_dict())
    return fresh, make(fresh)


def by_epoch(m, kind, make, o, s, at):
    s.step(at + 1)
    return o, s


def back_to_the_start(m, kind, make, o, s, at):
    s.step(0)
    return o, s


def back_by_two(m, kind, make, o, s, at):
    s.step(max(at - 2, 0))
    return o, s


def with_rates_changed_by_hand(m, kind, make, o, s, at):
    for group in o.param_groups:
        group["lr"] *= 0.3
    return o, s


def not_at_all(m, kind, make, o, s, at):
    return o, s


FAITHFUL = [by_state_dicts, by_state_dicts_optimizer_first, by_file, by_deepcopy]
WAYS = [not_at_all, *FAITHFUL, by_last_epoch, by_last_epoch_itself, by_initial_lr, by_the_scheduler_s_state_dict,
        by_a_scheduler_from_the_start, by_epoch, back_to_the_start, back_by_two, with_rates_changed_by_hand]


def run(m, name, way, at, kind):
    """The rates before and after the schedule was resumed, or the class of what was raised."""
    make = schedulers(m)[name]
    o = optimizer_of(m, kind)
    s = make(o)
    seen = [rates(o, s)]
    try:
        for k in range(at):
            advance(o, s, name, k)
            seen.append(rates(o, s))
        o, s = way(m, kind, make, o, s, at)
        seen.append(rates(o, s))
        for k in range(at, STEPS):
            advance(o, s, name, k)
            seen.append(rates(o, s))
    except Exception as error:
        seen.append(type(error).__name__)
    return seen


def alike(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == b if isinstance(a, str) or isinstance(b, str) else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


@with_torch
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_as_torch(name, way):
    """At every step, so at the boundaries too."""
    for kind in ("SGD", "Adam") if "Cyc" in name else ("SGD",):
        for at in range(12):
            mine, its = run(tinygrad_c, name, way, at, kind), run(torch, name, way, at, kind)
            assert alike(mine, its), f"{kind}, resumed after {at} steps:\n{mine}\n{its}"


@pytest.mark.parametrize("way", FAITHFUL, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_as_if_it_had_not_been_interrupted(name, way):
    for kind in ("SGD", "Adam"):
        whole = run(tinygrad_c, name, not_at_all, 0, kind)[1:]
        assert not any(isinstance(each, str) for each in whole)
        for at in range(12):
            seen = run(tinygrad_c, name, way, at, kind)
            assert alike(seen[:at + 1] + seen[at + 2:], whole), f"{kind}, resumed after {at} steps"
            assert alike(seen[at + 1], whole[at])


@pytest.mark.parametrize("name", ["LambdaLR", "LambdaLR2", "MultiplicativeLR", "LinearLR", "ExponentialLR", "PolynomialLR",
                                  "CosineAnnealingLR", "OneCycleLR", "OneCycleLR3"])
def test_last_epoch_goes_on_with_the_rates_of_the_optimizer(name):
    whole = run(tinygrad_c, name, not_at_all, 0, "SGD")[1:]
    for at in range(1, 12):
        seen = run(tinygrad_c, name, by_last_epoch, at, "SGD")
        assert alike(seen[at + 1:], whole[at:]), f"resumed after {at} steps"


def test_an_old_state_dict_of_swalr():
    """Of before its steps were counted."""
    o = optimizer_of(tinygrad_c, "SGD")
    s = schedulers(tinygrad_c)["SWALR"](o)
    o.step()
    s.step()
    state = {key: value for key, value in s.state_dict().items() if key != "_step_count"}
    fresh = optimizer_of(tinygrad_c, "SGD")
    other = schedulers(tinygrad_c)["SWALR"](fresh)
    fresh.load_state_dict(o.state_dict())
    other.load_state_dict(state)
    for optimizer, scheduler in ((o, s), (fresh, other)):
        optimizer.step()
        scheduler.step()
    assert alike(rates(fresh, other), rates(o, s))
