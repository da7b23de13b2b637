"""Plan: the settings of a training, given by the user or chosen from the number of rows and the task."""
from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from tinygrad_c.tables.target import CLASSIFICATION

FOLDS = 5
BATCH = 256
LR = {CLASSIFICATION: 0.04, "regression": 0.07}
# Base learning rates of the optimizers other than Adam.
OTHER_LR = {"sgd": 0.03, "rmsprop": 0.01, "adagrad": 0.1, "adamw": None, "adam": None}
OPTIMIZERS = tuple(sorted(OTHER_LR))
MANY_ROWS = 100_000     # training rows: above this the batches are larger and the epochs fewer
MOST_STEPS = 6000       # in all, for so many rows
# Per effort: number of nets; per task, most epochs and intended steps; fewest steps; whether wide columns are tried.
EFFORTS = {
    "quick": {CLASSIFICATION: (60, 600), "regression": (128, 1000), "least": 400, "nets": 1},
    "default": {CLASSIFICATION: (80, 1000), "regression": (256, 2000), "least": 600, "nets": None},
    "best": {CLASSIFICATION: (80, 1000), "regression": (256, 2000), "least": 600, "nets": None},
}


@dataclass
class Plan:
    """The settings; `given` has the names of those that the user gave."""

    task: str
    effort: str = "default"
    folds: int = FOLDS
    nets: int = FOLDS                  # of each kind: one for each fold, or fewer
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    epochs: int = 20
    batch_size: int = BATCH
    lr: float = 0.04
    optimizer: str = "adam"
    seed: int = 0
    threads: int = 1
    dropout: float = 0.0
    smoothing: float = 0.0
    metric: str | None = None
    steps_per_epoch: int = 1
    given: Collection[str] = ()
    kind: str = "bins"                 # or "periodic", "linear": how the nets take numbers
    loss: str = "mse"

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def lr_share(self, step: int) -> float:
        """Factor of the learning rate: four cosine cycles from 0 up and down to 0, each twice as long as the one before."""
        return 0.5 - 0.5 * math.cos(2 * math.pi * math.log2(1 + 15 * step / self.steps))

    def dropout_at(self, step: int) -> float:
        """The dropout rate: constant for half of the steps, then down to 0 along a cosine."""
        t = step / self.steps
        return self.dropout * (1.0 if t <= 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1))))

    def cycle(self, step: int) -> int:
        """The cosine cycle of a step (counted from 1)."""
        return min(3, int(math.log2(1 + 15 * min(1.0, step / self.steps)) - 1e-9))

    def second_kind(self) -> Plan:
        """The plan of the additional nets of --best, with periodic embeddings (Gorishniy et al. 2022)."""
        return replace(self, kind="periodic", hidden=self.hidden if "hidden" in self.given else [128, 128, 128],
                       seed=self.seed + 1000)


    def linear(self) -> Plan:
        """The plan of the nets without hidden layers, which take each number once: what is linear needs no more."""
        return replace(self, kind="linear", hidden=[], dropout=0.0, smoothing=0.0, optimizer="adam", lr=3 * LR[self.task],
                       seed=self.seed + 2000)


def make_plan(task: str, rows: int, train_rows: int, folds: int, effort: str = "default", **given: Any) -> Plan:
    """The Plan for `rows` rows and `folds` folds; the smallest training part has `train_rows` rows.

    given: hidden, epochs, batch_size, lr, optimizer, seed, threads, metric, dropout; None: not given.
    """
    given = {name: value for name, value in given.items() if value is not None}
    ways = EFFORTS[effort]
    batch = min(given.get("batch_size") or BATCH, train_rows)
    if "batch_size" not in given and train_rows > MANY_ROWS:
        batch = min(1024, BATCH * max(1, round(train_rows / MANY_ROWS)))
    steps = max(1, train_rows // batch)
    most, aim = ways[task]
    epochs = min(most, max(20, aim // steps))
    epochs = max(epochs, math.ceil(ways["least"] / steps))
    if train_rows > MANY_ROWS:
        epochs = max(3, min(epochs, MOST_STEPS // steps))
    optimizer = given.get("optimizer", "adam")
    plan = Plan(
        task=task, effort=effort, folds=folds, nets=min(folds, ways["nets"] or folds), epochs=given.get("epochs", epochs),
        batch_size=batch, lr=given.get("lr") or OTHER_LR[optimizer] or LR[task], optimizer=optimizer,
        dropout=given.get("dropout", 0.15 if task == CLASSIFICATION else 0.0), steps_per_epoch=steps,
        smoothing=0.1 if task == CLASSIFICATION else 0.0, given=set(given),
        loss="cross_entropy" if task == CLASSIFICATION else "mae" if given.get("metric") == "mae" else "mse",
    )
    for name in ("hidden", "seed", "threads", "metric"):
        if name in given:
            setattr(plan, name, given[name])
    return plan
