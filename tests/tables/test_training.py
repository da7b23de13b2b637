"""The training of a table's nets: small steps are replayed as programs, to the bits of eager mode."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tinygrad_c.tables import training
from tinygrad_c.tables.fit import Fitting, Options
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
