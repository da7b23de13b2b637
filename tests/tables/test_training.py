"""The training of a table's nets: small steps are replayed as programs, to the bits of eager mode."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tinygrad_c.tables import training
from tinygrad_c.tables.fit import Fitting, Options, fit
from tinygrad_c.tables.model import fit_temperature
from tinygrad_c.tables.read import from_frame


def table_of(task, rows=120):
    r = np.random.default_rng(0)
    columns = {"a": r.normal(size=rows), "b": r.integers(0, 9, rows), "c": r.choice(list("xyz"), rows)}
    y = columns["a"] + columns["b"] / 3 + (columns["c"] == "x")
    columns["y"] = y if task == "regression" else np.where(y > np.median(y), "high", "low")
    return from_frame(pd.DataFrame(columns), "a table")


def fitting_of(task, options):
    return Fitting(table_of(task), "y", Options(epochs=8, batch_size=16, hidden=[16], **options))


def left_by(fitting):
    """Weights, optimizers, random streams, best epochs and history, to the bit."""
    found = []
    for each in fitting.trainers:
        arrays, _ = each.dump()
        found.append([{name: array.tobytes() for name, array in arrays.items()}, each.training.history])
    return found


CASES = {
    "classification": ("classification", {}),
    "no dropout": ("classification", {"dropout": 0.0}),
    "regression": ("regression", {}),
    "class weights": ("classification", {"class_weight": "balanced"}),
    "absolute error": ("regression", {"metric": "mae"}),
    "SGD": ("regression", {"optimizer": "sgd"}),
    "RMSprop": ("classification", {"optimizer": "rmsprop"}),
    "one net": ("regression", {"effort": "quick"}),
    "periodic": ("classification", {"effort": "best"}),
}


@pytest.mark.parametrize("name", CASES)
def test_small_steps_are_replayed_to_the_bits_of_eager_mode(name, monkeypatch):
    replayed = fitting_of(*CASES[name])
    replayed.run()
    assert all(each.compiled.ready and each.compiled.reason is None for each in replayed.trainers)
    monkeypatch.setattr(training, "SMALL_STEP", 0)
    eager = fitting_of(*CASES[name])
    eager.run()
    assert not eager.trainers[0].compiled.ready
    assert left_by(replayed) == left_by(eager)


def test_an_interrupted_training_goes_on_to_the_same_bits():
    whole = fitting_of("classification", {})
    whole.run()
    for first in (3, 17, 40):  # before it is recorded, between replays, and where dropout ends
        begun, resumed = fitting_of("classification", {}), fitting_of("classification", {})

        def before_step(begun=begun, first=first):
            if begun.trainers[0].training.step == first:
                raise KeyboardInterrupt

        assert begun.run(before_step) == "interrupted"
        resumed.stage(0).load(*begun.trainers[0].dump())
        resumed.run()
        assert left_by(resumed) == left_by(whole)


def test_a_loss_that_is_not_finite_changes_nothing_and_is_told(monkeypatch):
    found = []
    for small in (0, 1_000_000_000):
        monkeypatch.setattr(training, "SMALL_STEP", small)
        fitting = fitting_of("regression", {})
        trainer = fitting.stage(0)

        def before_step(trainer=trainer):
            if trainer.training.step == 30:
                trainer.nets.weight0.detach().numpy()[0, 0, 0] = np.nan

        found.append([fitting.run(before_step), trainer.training.step, trainer.dump()[0]["net.weight1"].tobytes()])
        assert bool(trainer.compiled.ready) == (small > 0)
    assert "the loss is nan, from the weight of layer 1" in found[0][0]
    assert found[0] == found[1]
    assert found[0][1] == 30


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_losses_of_all_nets_are_those_of_each_on_its_fold(task, weights):
    table = table_of(task, 123)  # folds of 24 and 25 rows: the shorter are padded
    given = np.random.default_rng(1).random(123) * (np.arange(123) % 3 > 0) if weights else None
    trainer = Fitting(table, "y", Options(epochs=1), sample_weight=given).stage(0)
    outputs = np.random.default_rng(2).normal(size=trainer.answers().shape).astype(np.float32)
    expected = [trainer.loss_of(outputs[k], k) for k in range(5)]
    np.testing.assert_allclose(trainer.losses(outputs), expected, rtol=1e-12)


def test_a_fold_without_weight_has_no_loss():
    fitting = Fitting(table_of("regression"), "y", Options(epochs=1))
    fitting.weight = (fitting.fold != 2).astype(np.float32)
    trainer = fitting.stage(0)
    losses = trainer.losses(trainer.answers() + 1)
    assert losses[2] == trainer.loss_of(trainer.answers()[2] + 1, 2) == 0
    assert (np.delete(losses, 2) > 0).all()


@pytest.mark.parametrize("effort", ["default", "best"])
def test_the_first_layer_is_that_of_scaled_inputs(effort):
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"a": r.normal(size=200), "many": r.choice([f"level {i}" for i in range(20)], 200)})
    fitting = Fitting(from_frame(frame.assign(y=frame.a)), "y", Options(effort=effort, epochs=2))
    fitting.run()
    for trainer in fitting.trainers:
        nets = trainer.nets.eval()
        nets.scale.detach().numpy()[:] = r.uniform(0.5, 2, nets.scale.shape)
        batch = trainer._batch(np.tile(np.arange(30), (5, 1)))
        *_, (_, expected) = nets.layers(*batch)
        np.testing.assert_allclose(nets(*batch).detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_linear_table_is_answered_by_linear_nets():
    r = np.random.default_rng(0)
    X = r.normal(size=(150, 10))
    frame = pd.DataFrame(X).add_prefix("x").assign(y=X @ np.arange(10) + r.normal(size=150))
    model, fitting = fit(from_frame(frame), "y", Options(threads=1))
    share = sum(sum(g.shares) for g in model.groups if g.kind == "linear")
    assert share == pytest.approx(0.8)
    assert sum(sum(g.shares) for g in model.groups) == pytest.approx(1)
    other = r.normal(size=(1000, 10))
    error = model.predict(pd.DataFrame(other).add_prefix("x")) - other @ np.arange(10)
    nets = fitting.trainers[0].result()[1]
    assert np.sqrt((error**2).mean()) < 1.6  # sum of squares of the coefficients: 285
    assert fitting._loss_of(fitting.groups()[1], fitting.y) < fitting._loss_of(nets, fitting.y)


def test_what_no_line_fits_is_left_to_the_nets():
    r = np.random.default_rng(0)
    X = r.normal(size=(400, 2))
    frame = pd.DataFrame(X).add_prefix("x").assign(y=np.where(X[:, 0] * X[:, 1] > 0, "same", "other"))
    model, _ = fit(from_frame(frame), "y", Options(threads=1))
    assert sum(sum(g.shares) for g in model.groups if g.kind == "linear") == 0


def test_the_temperature_with_the_lowest_loss():
    p = np.tile([[0.8, 0.2]], (300, 1))
    y = np.repeat([0, 1], [200, 100])  # two thirds: logit(0.8) is twice logit(2/3)
    assert fit_temperature(p, y) == pytest.approx(2, rel=1e-6)
    weight = np.repeat([0.4, 0.2], [200, 100])  # four fifths: as told
    assert fit_temperature(p, y, weight) == pytest.approx(1, rel=1e-6)
    assert fit_temperature(p, np.zeros(300, dtype=np.int64)) == pytest.approx(0.25, rel=1e-6)
    assert fit_temperature(p, np.ones(300, dtype=np.int64)) == pytest.approx(4, rel=1e-6)
