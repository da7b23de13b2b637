"""The settings of a training: what the user gave, and for the rest what suits the number of rows and the task."""
from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from itertools import pairwise

from tinygrad_c.cli.encode import CLASSIFICATION

STEPS = 2500          # of the optimizer, where the epochs are not given: on the digits later ones change nothing
HIDDEN = {"classification": [256], "regression": [64, 64]}
DROPOUT = {"classification": 0.2, "regression": 0.0}
SMOOTHING = {"classification": 0.1, "regression": 0.0}   # of the labels; on the digits +0.7% accuracy
WARM_UP = 0.1         # of all steps
LEARNING_RATES = {"adamw": 3e-3, "adam": 3e-3, "sgd": 5e-2, "rmsprop": 1e-3, "adagrad": 2e-2}


@dataclass
class Plan:
    """Every setting has its value, and in `given` its name when the user chose it."""

    task: str
    hidden: list[int]
    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    seed: int
    threads: int
    dropout: float
    smoothing: float
    given: set[str]
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def lr_at(self, step: int) -> float:
        """The learning rate rises in a line over the first tenth of all steps, then falls to 0 along a cosine."""
        warm_up = max(1.0, WARM_UP * self.steps)
        if step < warm_up:
            return self.lr * (step + 1) / (math.floor(warm_up) + 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1.0, self.steps - warm_up)))


def make_plan(args: argparse.Namespace, task: str, rows: int, threads: int) -> Plan:
    """The Plan for `rows` rows to train on, on `threads` threads."""
    given = {name for name in ("hidden", "epochs", "batch_size", "lr", "optimizer", "seed", "threads", "task")
             if getattr(args, name) is not None}
    batch_size = min(rows, args.batch_size or min(512, max(8, 2 ** round(math.log2(rows / 40)))))
    steps = math.ceil(rows / batch_size)
    optimizer = args.optimizer or "adamw"
    return Plan(
        task=task,
        hidden=HIDDEN[task] if args.hidden is None else args.hidden,
        epochs=args.epochs or min(200, max(10, math.ceil(STEPS / steps))),
        batch_size=batch_size,
        lr=args.lr or LEARNING_RATES[optimizer],
        optimizer=optimizer,
        seed=args.seed or 0,
        threads=threads,
        dropout=DROPOUT[task],
        smoothing=SMOOTHING[task],
        given=given,
        steps_per_epoch=steps,
    )


def effects(plan: Plan, widths: list[int], best_epoch: int, epochs_done: int, gain: str) -> list[tuple[str, str, str, str]]:
    """A line a setting: its name, its value, who chose it, and what it did in this training."""
    weights = sum((a + 1) * b for a, b in pairwise(widths))
    parts = [f"{plan.dropout:.0%} of the hidden values dropped in each step"] if plan.dropout and plan.hidden else []
    parts += [f"labels smoothed by {plan.smoothing:g}"] if plan.smoothing else []
    loss = "cross-entropy, scored by accuracy" if plan.task == CLASSIFICATION else "mean squared error, scored by R2"
    peak = max(1, round(WARM_UP * plan.epochs))
    done = "" if epochs_done == plan.epochs else f"{epochs_done:,} of them done; "
    lines = [
        ("task", plan.task, "the target", loss),
        ("hidden", ",".join(map(str, plan.hidden)) or "0", "the task",
         f"{weights:,} weights ({' -> '.join(map(str, widths))})" + "".join(f"; {p}" for p in parts)),
        ("epochs", f"{plan.epochs:,}", "the rows", f"{done}{plan.steps:,} steps; kept epoch {best_epoch:,}, {gain}"),
        ("batch-size", str(plan.batch_size), "the rows", f"{plan.steps_per_epoch:,} steps an epoch"),
        ("lr", f"{plan.lr:g}", "the optimizer", f"reached after {peak:,} epoch{'s'[:peak > 1]}, then down to 0 along a cosine"),
        ("optimizer", plan.optimizer, "default", OPTIMIZERS[plan.optimizer]),
        ("seed", str(plan.seed), "default", "drew the split, the first weights, the order of rows: the same net each time"),
        ("threads", str(plan.threads), "this machine", "speed alone: the net is the same for any number"),
    ]
    return [(name, value, f"--{name}" if name.replace("-", "_") in plan.given else source, effect)
            for name, value, source, effect in lines]


OPTIMIZERS = {
    "adamw": "a step size of its own for each weight; weight decay 0.01",
    "adam": "a step size of its own for each weight",
    "sgd": "one step size for all weights; Nesterov momentum 0.9",
    "rmsprop": "a step size of its own for each weight, by its recent gradients",
    "adagrad": "a step size of its own for each weight, by all its gradients so far",
}
