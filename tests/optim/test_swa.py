"""optim.swa_utils beside torch: averages of weights, their schedule, batch norm's statistics."""
from __future__ import annotations

import numpy as np
import pytest
from samples.comparing import torch

import tinygrad_c

BOTH = [tinygrad_c, *([torch] if torch else [])]


def trained(m, average):
    """The averaged model after six steps, and the trained one."""
    rng = np.random.default_rng(0)
    model = m.nn.Sequential(m.nn.Linear(3, 4), m.nn.BatchNorm1d(4), m.nn.Tanh(), m.nn.Linear(4, 1))
    with m.no_grad():
        for p in model.parameters():
            p.copy_(m.tensor(rng.normal(size=tuple(p.shape)).astype("float32")))
    x = m.tensor(rng.normal(size=(8, 3)).astype("float32"))
    averaged = m.optim.swa_utils.AveragedModel(model, **average(m.optim.swa_utils))
    optimizer = m.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(6):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
        averaged.update_parameters(model)
    m.optim.swa_utils.update_bn([(x[:4],), (x[4:],)], averaged)
    return model, averaged, averaged(x)


@pytest.mark.parametrize("average", [lambda s: {}, lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
                                     lambda s: {"avg_fn": s.get_ema_avg_fn(0.9), "use_buffers": True},
                                     lambda s: {"avg_fn": lambda mean, value, n: 0.5 * mean + 0.5 * value},
                                     lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()}, lambda s: {"avg_fn": s.get_swa_avg_fn()}])
def test_averages(average):
    runs = [trained(m, average) for m in BOTH]
    names = [list(run[1].state_dict()) for run in runs]
    assert names[0][0] == "n_averaged"
    assert names[0][1] == "module.0.weight"
    assert all(each == names[0] for each in names)
    for name in names[0]:
        for run in runs[1:]:
            np.testing.assert_allclose(runs[0][1].state_dict()[name].numpy(), run[1].state_dict()[name].numpy(), 2e-5, 1e-6, err_msg=name)
    assert runs[0][1].n_averaged.item() == 6


def test_the_mean_is_the_mean():
    """Without torch: the default is the mean of all the weights that were shown."""
    model, seen = tinygrad_c.nn.Linear(2, 2), []
    averaged = tinygrad_c.optim.swa_utils.AveragedModel(model)
    for k in range(5):
        with tinygrad_c.no_grad():
            model.weight.fill_(float(k * k))
        averaged.update_parameters(model)
        seen.append(float(k * k))
    assert averaged.module.weight.flatten().tolist() == pytest.approx([sum(seen) / 5] * 4)
    with pytest.raises(AssertionError, match="Only one of"):
        tinygrad_c.optim.swa_utils.AveragedModel(model, avg_fn=max, multi_avg_fn=max)
    with pytest.raises(ValueError, match="Invalid decay value"):
        tinygrad_c.optim.swa_utils.get_ema_avg_fn(1.5)


@pytest.mark.parametrize("kinds", [{"anneal_epochs": 4}, {"anneal_epochs": 3, "anneal_strategy": "linear"}, {"anneal_epochs": 0}])
def test_schedule(kinds):
    rates = []
    for m in BOTH:
        optimizer = m.optim.SGD([{"params": [m.zeros(1, requires_grad=True)]}, {"params": [m.zeros(1, requires_grad=True)], "lr": 1.0}], lr=0.5)
        cosine = m.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        swa = m.optim.swa_utils.SWALR(optimizer, swa_lr=0.05, **kinds)
        rates.append([])
        for epoch in range(8):
            optimizer.step()
            (cosine if epoch < 2 else swa).step()
            rates[-1].append([group["lr"] for group in optimizer.param_groups])
    for other in rates[1:]:
        np.testing.assert_allclose(rates[0], other, 1e-12)
    assert rates[0][-1] == pytest.approx([0.05, 0.05])
    with pytest.raises(ValueError, match="anneal_strategy"):
        tinygrad_c.optim.swa_utils.SWALR(optimizer if [tinygrad_c] == BOTH else tinygrad_c.optim.SGD(
            [tinygrad_c.zeros(1, requires_grad=True)]), 0.1, anneal_strategy="up")
