"""Trains several nets at once: net i is trained on all folds except fold i, whose rows choose its best epochs.

The state of a training is its weights, optimizer, random streams, and the best epoch of each net and cosine cycle. It can be
saved at any step, and a training resumed from it gives the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_c import Generator, Tensor, compile, from_numpy, get_rng_state, no_grad, optim, randperm
from tinygrad_c.nn import functional as F
from tinygrad_c.tables.concurrent import own_stream
from tinygrad_c.tables.encoder import Encoder, Inputs
from tinygrad_c.tables.exchange import Exchange
from tinygrad_c.tables.net import Nets, build
from tinygrad_c.tables.plan import Plan
from tinygrad_c.tables.scores import Metric, log_softmax
from tinygrad_c.tables.target import CLASSIFICATION

CYCLES = 4
ROWS_AT_ONCE = 16384  # rows per forward pass of all nets, outside training
PICKS = 5  # largest number of epochs that are averaged
# Multiplications of a step (about 300 microseconds) up to which it pays to replay it as a program.
SMALL_STEP = 5_000_000
INTERRUPTED = "interrupted"


@dataclass
class Rows:
    """The training data: y int64 [n] or float32 [n, outputs] (standardised), fold int64 [n], weight float32 [n] or None."""

    inputs: Inputs
    y: np.ndarray
    fold: np.ndarray
    weight: np.ndarray | None = None


@dataclass
class Best:
    """The best epoch of each net within one cosine cycle: validation loss, epoch, weights and outputs."""

    loss: np.ndarray
    epoch: np.ndarray
    weights: dict[str, np.ndarray]
    outputs: np.ndarray  # [nets, validation rows, outputs]


@dataclass
class Training:
    """The progress of a training."""

    step: int = 0
    # Per epoch: training loss, validation loss, out-of-fold score.
    history: list[tuple[float, float, float]] = field(default_factory=list)
    best: list[Best | None] = field(default_factory=lambda: [None] * CYCLES)
    running: float = 0.0  # sum of the losses of this epoch's steps
    samples: int = 0
    seconds: float = 0.0
    stopped: str = ""  # why it stopped early

    @property
    def found(self) -> bool:
        return any(best is not None for best in self.best)


def loss_of_batch(plan: Plan, nets: Nets, X: Tensor, codes: Tensor | None, y: Tensor, weight: Tensor | None) -> Tensor:
    """The sum over the nets of their mean losses on a batch: X [nets, rows, columns], y and weight with nets * rows rows."""
    out = nets(X, codes).view(y.shape[0], -1)
    if plan.loss == "cross_entropy":
        if weight is None:
            return F.cross_entropy(out, y, label_smoothing=plan.smoothing) * plan.nets
        loss = F.cross_entropy(out, y, label_smoothing=plan.smoothing, reduction="none")
    else:
        if weight is None:
            return (F.l1_loss if plan.loss == "mae" else F.mse_loss)(out, y) * plan.nets
        loss = (out - y).abs() if plan.loss == "mae" else (out - y) ** 2
        loss = loss.mean(1)
    return (loss * weight).mean() * plan.nets


def set_gradients(optimizer: optim.Optimizer, plan: Plan, nets: Nets, *batch: Tensor | None) -> Tensor:
    """The gradients of loss_of_batch(), and the loss."""
    optimizer.zero_grad()
    loss = loss_of_batch(plan, nets, *batch)
    loss.backward()
    return loss


class Trainer:
    """Trains a plan's nets. `run` can be interrupted and called again."""

    def __init__(
        self,
        plan: Plan,
        encoder: Encoder,
        rows: Rows,
        outputs: int,
        metric: Metric,
        limits: tuple[np.ndarray, np.ndarray] | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.exchange = exchange  # the other processes of this training
        self.plan, self.rows, self.outputs, self.metric, self.limits = plan, rows, outputs, metric, limits
        self.nets = build(plan, encoder, outputs)
        self.training = Training()
        self.order = Generator().manual_seed(plan.seed + 3)
        self.order_at_epoch = self.order.get_state().numpy().copy()
        self.train_rows = [np.flatnonzero(rows.fold != k) for k in range(plan.nets)]
        self.val_rows = [np.flatnonzero(rows.fold == k) for k in range(plan.nets)]
        counts = np.array([len(r) for r in self.val_rows])
        self.asked = np.stack([np.resize(r, counts.max()) for r in self.val_rows])
        self.valid = np.arange(counts.max()) < counts[:, None]  # [nets, rows of the largest fold]: what is not padding
        self.val_y = rows.y[self.asked[self.valid]]
        self.val_share = self._shares_of_the_mean()
        self.X = from_numpy(rows.inputs.X)
        self.y = from_numpy(rows.y)
        self.weight = None if rows.weight is None else from_numpy(rows.weight)
        self.codes = self._flat_codes(encoder)
        self.optimizer = self._optimizer()
        self.compiled = compile(set_gradients)
        self.small = 3 * plan.batch_size * plan.nets * self.nets.size < SMALL_STEP
        self.stream = None
        with own_stream(plan.seed + (0 if exchange is None else exchange.seed)):
            self.stream = get_rng_state()

    def _shares_of_the_mean(self) -> np.ndarray:
        """What each validation row's loss is multiplied by in its fold's weighted mean; 0 in a fold without weight."""
        weight = np.ones(self.asked.shape) if self.rows.weight is None else self.rows.weight[self.asked].astype(np.float64)
        total = np.where(self.valid, weight, 0).sum(axis=1, keepdims=True)
        return (weight / np.where(total > 0, total, 1))[self.valid]

    def _flat_codes(self, encoder: Encoder) -> list[np.ndarray] | None:
        """For each net, rows of the stacked embeddings [n, embedded]; levels without a training row use the row for others."""
        if not encoder.sizes:
            return None
        starts = np.cumsum([0, *encoder.sizes[:-1]])
        total, flat = sum(encoder.sizes), self.rows.inputs.codes + starts
        self.rest = np.repeat(starts, encoder.sizes)
        self.unseen, found = [], []
        for k, train in enumerate(self.train_rows):
            place = np.arange(total)
            unseen = np.bincount(flat[train].ravel(), minlength=total) == 0
            place[unseen] = self.rest[unseen]
            self.unseen.append(unseen)
            found.append(place[flat] + k * total)
        return found

    def _optimizer(self) -> optim.Optimizer:
        groups = self.nets.groups(self.plan.lr)
        name = self.plan.optimizer
        if name == "sgd":
            return optim.SGD(groups, lr=self.plan.lr, momentum=0.9, nesterov=True)
        if name in ("adam", "adamw"):
            return (optim.Adam if name == "adam" else optim.AdamW)(groups, lr=self.plan.lr, betas=(0.9, 0.95))
        return {"rmsprop": optim.RMSprop, "adagrad": optim.Adagrad}[name](groups, lr=self.plan.lr)

    # ---- Steps

    def run(self, before_step: Callable[[], None] | None = None, after_epoch: Callable[[], None] | None = None) -> Training:
        """Train to the end of the plan. A KeyboardInterrupt or a loss that is not finite stops it; the progress is kept.

        before_step is called where the state can be saved; a KeyboardInterrupt that it raises stops the training there.
        """
        with own_stream(self.stream):
            try:
                return self._run(before_step, after_epoch)
            finally:
                self.stream = get_rng_state()

    def _run(self, before_step: Callable[[], None] | None, after_epoch: Callable[[], None] | None) -> Training:
        plan, training = self.plan, self.training
        training.stopped = ""
        try:
            epoch, batch = divmod(training.step, plan.steps_per_epoch)
            for _ in range(epoch, plan.epochs):
                if not self._epoch(batch, before_step):
                    return training
                batch = 0
                if after_epoch is not None:
                    after_epoch()
            if not training.found:
                training.stopped = "the loss on the validation rows was never finite; a lower --lr may help"
        except KeyboardInterrupt:
            training.stopped = INTERRUPTED
        return training

    def _epoch(self, begin: int, before_step: Callable[[], None] | None) -> bool:
        plan, training, nets = self.plan, self.training, self.nets
        self.order_at_epoch = self.order.get_state().numpy().copy()
        size, count = plan.batch_size, plan.steps_per_epoch
        batches = np.stack(
            [
                rows[randperm(len(rows), generator=self.order).numpy()[: size * count]].reshape(count, size)
                for rows in self.train_rows
            ],
            axis=1,
        )  # steps, nets, rows
        if begin == 0:
            training.running = 0.0
        nets.train()
        start = time.perf_counter()
        for i in range(begin, count):
            if before_step is not None and training.step:
                training.seconds += time.perf_counter() - start
                self.stream = get_rng_state()
                before_step()
                start = time.perf_counter()
            share = plan.lr_share(training.step)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * share
            rate = plan.dropout_at(training.step)
            if nets.p != rate:  # the same object for the same rate: a program holds as long as it is this one
                nets.p = rate
            value = self._gradients(batches[i]) / plan.nets
            if not math.isfinite(value):
                training.stopped = (
                    f"epoch {len(training.history) + 1}, step {training.step + 1}: the loss is {value:g}, "
                    f"{self._culprit(batches[i])}; a lower --lr than {plan.lr:g} may help"
                )
                return False
            self.optimizer.step()
            training.step += 1
            training.samples += size * plan.nets
            training.running += value
        training.seconds += time.perf_counter() - start
        self._validate()
        return True

    def _gradients(self, rows: np.ndarray) -> float:
        """Set the gradients of a batch; its loss, summed over the nets. Small steps are replayed as a program, as long as the
        dropout rate stays the same.
        """
        if self.exchange is not None:
            return self._exchanged(rows)
        step = self.compiled if self.small and self.nets.p == self.plan.dropout else set_gradients
        return step(self.optimizer, self.plan, self.nets, *self._targeted(rows)).item()

    def _exchanged(self, rows: np.ndarray) -> float:
        """The gradients of all processes' rows, and their loss."""
        loss = loss_of_batch(self.plan, self.nets, *self._targeted(self.exchange.part(rows)))
        loss = loss * self.exchange.share(rows.shape[1])
        self.optimizer.zero_grad()
        loss.backward()
        return self.exchange.average(loss, [p for group in self.optimizer.param_groups for p in group["params"]])

    def _targeted(self, rows: np.ndarray) -> tuple[Tensor | None, ...]:
        """Inputs, targets and weights of a batch."""
        index = from_numpy(rows.ravel())
        return *self._batch(rows), self.y[index], None if self.weight is None else self.weight[index]

    def _batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor | None]:
        flat = rows.ravel()
        X = self.X[from_numpy(flat)].view(len(rows), rows.shape[1], self.X.shape[1])
        codes = None
        if self.codes is not None:
            codes = from_numpy(np.concatenate([each[r] for each, r in zip(self.codes, rows)]))
        return X, codes

    def _culprit(self, rows: np.ndarray) -> str:
        """The first parameter or intermediate result with a value that is not finite, from inputs to loss."""
        self.nets.eval()
        with no_grad():
            for name, parameter in self.nets.named_parameters():
                if (found := _not_finite(parameter)) is not None:
                    return f"from the {name.rstrip('0123456789')} of {_layer_of(name, self.nets)}, which holds {found:g}"
            for name, values in self.nets.layers(*self._batch(rows)):
                if name and (found := _not_finite(values)) is not None:
                    return f"from {name}, whose output holds {found:g}"
            top = float(np.abs(self.nets(*self._batch(rows)).numpy()).max())
        return f"out of outputs that are finite, but as large as {top:.3g}"

    # ---- Validation

    def answers(self) -> np.ndarray:
        """The outputs of each net for its own fold, [nets, rows of the largest fold, outputs], padded with zeros."""
        self.nets.eval()
        most = self.asked.shape[1]
        outputs = np.zeros((self.plan.nets, most, self.outputs), dtype=np.float32)
        at_once = max(1, ROWS_AT_ONCE // self.plan.nets)
        asked = range(most) if self.exchange is None else self.exchange.answers(most)
        with no_grad():
            for i in range(asked.start, asked.stop, at_once):
                j = min(i + at_once, asked.stop)
                outputs[:, i:j] = self.nets(*self._batch(self.asked[:, i:j])).numpy()
        return self.limited(outputs if self.exchange is None else self.exchange.joined(outputs))

    def limited(self, outputs: np.ndarray) -> np.ndarray:
        """Clip quantities to the training range."""
        return outputs if self.limits is None else outputs.clip(*self.limits)

    def losses(self, outputs: np.ndarray) -> np.ndarray:
        """The validation loss of each net on its own fold: cross-entropy, mean squared error, or the metric."""
        if self.plan.metric is not None and self.metric.chooses:
            return np.array([self.loss_of(outputs[k], k) for k in range(self.plan.nets)])
        each = self._row_losses(outputs[self.valid].astype(np.float64), self.val_y) * self.val_share
        return np.bincount(self.valid.nonzero()[0], each, self.plan.nets)

    def loss_of(self, outputs: np.ndarray, k: int) -> float:
        """The validation loss of net k on its own fold."""
        rows = self.val_rows[k]
        y = self.rows.y[rows]
        weight = None if self.rows.weight is None else self.rows.weight[rows]
        outputs = outputs[: len(rows)].astype(np.float64)
        if self.plan.metric is not None and self.metric.chooses:
            return -self.metric.rank(self.metric.value(self.metric.ready(outputs), y, weight))
        losses = self._row_losses(outputs, y)
        return float(np.average(losses, weights=weight)) if weight is None or weight.sum() > 0 else 0.0

    def _row_losses(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        if self.plan.loss == "cross_entropy":
            return -log_softmax(outputs)[np.arange(len(y)), y]
        return ((outputs - y) ** 2).mean(axis=1)

    def _validate(self) -> None:
        plan, training = self.plan, self.training
        outputs = self.answers()
        losses = self.losses(outputs)
        cycle = plan.cycle(training.step)
        best = training.best[cycle]
        better = np.isfinite(losses) if best is None else losses < best.loss
        epoch = len(training.history) + 1
        if best is None and better.any():
            best = training.best[cycle] = Best(
                np.where(better, losses, np.inf),
                np.full(plan.nets, epoch),
                {n: p.detach().numpy().copy() for n, p in self.nets.named_parameters()},
                outputs.copy(),
            )
        elif better.any():
            best.loss[better], best.epoch[better] = losses[better], epoch
            best.outputs[better] = outputs[better]
            for name, p in self.nets.named_parameters():
                best.weights[name][better] = p.detach().numpy()[better]
        score = self.metric.value(self.metric.ready(outputs[self.valid].astype(np.float64)), self.val_y, None)
        training.history.append((training.running / max(1, plan.steps_per_epoch), float(losses.mean()), score))

    # ---- The result

    def picks(self) -> list[list[int]]:
        """For each net the cycles whose best epochs are averaged, chosen greedily by loss (Caruana et al. 2004)."""
        found = []
        for k in range(self.plan.nets):
            candidates = [(b.loss[k], c) for c, b in enumerate(self.training.best) if b is not None and np.isfinite(b.loss[k])]
            lowest, first = min(candidates)
            chosen = [first]
            total = self.probabilities(self.training.best[first].outputs[k])
            while len(chosen) < PICKS:
                trials = []
                for _, c in candidates:
                    mean = (total + self.probabilities(self.training.best[c].outputs[k])) / (len(chosen) + 1)
                    trials.append((self.loss_of(self.unprobabilities(mean), k), c, mean))
                loss, c, mean = min(trials, key=lambda t: t[:2])
                if not loss < lowest:
                    break
                lowest, total = loss, mean * (len(chosen) + 1)
                chosen.append(c)
            found.append(chosen)
        return found

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """What is averaged: class probabilities, or quantities."""
        outputs = outputs.astype(np.float64)
        return np.exp(log_softmax(outputs)) if self.plan.task == CLASSIFICATION else outputs

    def unprobabilities(self, mean: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(mean, 1e-30)) if self.plan.task == CLASSIFICATION else mean

    def result(self) -> tuple[list[tuple[dict[str, np.ndarray], float]], np.ndarray]:
        """The nets of the ensemble with their shares, and the out-of-fold predictions [n, outputs] (nan for rows in no net's
        fold).
        """
        members, out = [], np.full((len(self.rows.y), self.outputs), np.nan)
        for k, chosen in enumerate(self.picks()):
            mean = sum(self.probabilities(self.training.best[c].outputs[k]) for c in chosen) / len(chosen)
            out[self.val_rows[k]] = mean[: len(self.val_rows[k])]
            for c in sorted(set(chosen)):
                weights = {name: w[k].copy() for name, w in self.training.best[c].weights.items()}
                if "embedding" in weights:
                    weights["embedding"][self.unseen[k]] = weights["embedding"][self.rest[self.unseen[k]]]
                members.append((weights, chosen.count(c) / len(chosen) / self.plan.nets))
        return members, out

    # ---- Checkpoints

    def dump(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Everything that the next step depends on, as arrays and plain data."""
        t = self.training
        arrays = {f"net.{n}": p.detach().numpy().copy() for n, p in self.nets.named_parameters()}
        arrays |= {"order": self.order_at_epoch, "stream": self.stream.numpy().copy()}
        numbers = {}
        for i, kept in self.optimizer.state_dict()["state"].items():
            for name, value in kept.items():
                if isinstance(value, Tensor):
                    arrays[f"optimizer.{i}.{name}"] = value.detach().numpy().copy()
                else:
                    numbers[f"{i}.{name}"] = value
        for c, best in enumerate(t.best):
            if best is not None:
                arrays |= {f"best{c}.{n}": w for n, w in best.weights.items()}
                arrays |= {f"chosen{c}.loss": best.loss, f"chosen{c}.epoch": best.epoch, f"chosen{c}.outputs": best.outputs}
        return arrays, {
            "optimizer": numbers,
            "step": t.step,
            "history": t.history,
            "running": t.running,
            "samples": t.samples,
            "seconds": t.seconds,
        }

    def load(self, arrays: dict[str, np.ndarray], data: dict[str, Any]) -> None:
        """Restore a state that dump returned."""
        kept: dict[int, dict] = {}
        for key, value in data["optimizer"].items():
            i, _, name = key.partition(".")
            kept.setdefault(int(i), {})[name] = value
        best: dict[int, dict[str, np.ndarray]] = {}
        chosen: dict[int, dict[str, np.ndarray]] = {}
        parameters = {}
        for key, array in arrays.items():
            kind, _, name = key.partition(".")
            if kind == "optimizer":
                i, _, name = name.partition(".")
                kept.setdefault(int(i), {})[name] = from_numpy(array.copy())
            elif kind == "net":
                parameters[name] = from_numpy(array.copy())
            elif kind.startswith("best"):
                best.setdefault(int(kind[4:]), {})[name] = array.copy()
            elif kind.startswith("chosen"):
                chosen.setdefault(int(kind[6:]), {})[name] = array.copy()
        self.nets.load_state_dict(parameters)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": kept, "param_groups": groups})
        self.order.set_state(from_numpy(arrays["order"].copy()))
        self.stream = from_numpy(arrays["stream"].copy())
        t = self.training
        t.best = [
            Best(chosen[c]["loss"], chosen[c]["epoch"], best[c], chosen[c]["outputs"]) if c in best else None
            for c in range(CYCLES)
        ]
        t.history = [tuple(row) for row in data["history"]]
        t.step, t.running, t.samples, t.seconds = (data[n] for n in ("step", "running", "samples", "seconds"))


def _not_finite(tensor: Tensor) -> float | None:
    array = tensor.detach().numpy()
    bad = array[~np.isfinite(array)]
    return float(bad[0]) if bad.size else None


def _layer_of(name: str, nets: Nets) -> str:
    digits = name[len(name.rstrip("0123456789")) :]
    if not digits:
        return "the inputs"
    i = int(digits)
    return f"layer {i + 1} ({nets.widths[i]} -> {nets.widths[i + 1]})"
