"""fit: from a Table to a TableModel: target, held-out rows, columns, folds, plan, training, scores."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_c import get_num_threads
from tinygrad_c.tables import folds as split
from tinygrad_c.tables import net
from tinygrad_c.tables.concurrent import shared_cores
from tinygrad_c.tables.decide import Choices, Decision, decide
from tinygrad_c.tables.encoder import Encoder
from tinygrad_c.tables.errors import UserError, many
from tinygrad_c.tables.exchange import Exchange
from tinygrad_c.tables.features import moments
from tinygrad_c.tables.model import Group, TableModel, calibrated, fit_temperature
from tinygrad_c.tables.plan import FOLDS, make_plan
from tinygrad_c.tables.read import Table
from tinygrad_c.tables.scores import DEFAULT, METRICS, SHOWN
from tinygrad_c.tables.target import CLASSIFICATION, Target, read_target
from tinygrad_c.tables.training import INTERRUPTED, Rows, Trainer

FEWEST_TO_TRAIN = 4
# What the linear nets may count: few choices, because finer ones follow the noise of small tables (mean rank 1.83 for 1.78 on
# 72 splits of the 24 tables that the recipe was chosen on).
LINEAR_SHARES = (0.0, 0.5, 0.8)
VALUES_TO_WEIGH = 20_000  # out-of-fold predictions by which the share of the linear nets is chosen, at most


@dataclass
class Options:
    """The user's settings of a training. None: the default recipe decides."""

    task: str | None = None
    effort: str = "default"
    folds: int | None = None
    holdout: float = 0.0
    metric: str | None = None
    class_weight: str | dict[str, float] | None = None
    choices: Choices = field(default_factory=Choices)
    hidden: list[int] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    optimizer: str | None = None
    seed: int = 0
    threads: int | None = None
    dropout: float | None = None


class Fitting:
    """A whole training. Errors in the input are raised when it is constructed.

    kinds: the nets of the recipe; without the columns of very many levels, where there are any, on trial; with --best, nets of
    another kind; and linear ones. `run` trains them one after the other; `model` is what has been learned so far.
    """

    def __init__(
        self,
        table: Table,
        target: str | list[str],
        options: Options,
        target_read: Target | None = None,
        sample_weight: np.ndarray | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.table, self.options, self.exchange = table, options, exchange
        self.target = target_read or read_target(table, target, options.task)
        names = target if isinstance(target, list) else [target]
        self.names = names
        self.task = self.target.task
        metric = options.metric or DEFAULT[self.task]
        if METRICS[metric].task != self.task:
            there = ", ".join(name for name, m in METRICS.items() if m.task == self.task)
            raise UserError(f"--metric {metric} is not for {self.task}: there are {there}", table.path)
        self.metric = METRICS[metric]
        self.notes: list[str] = [*table.notes, *self.target.notes]
        y = self.target.y
        part = np.arange(len(y))
        self.held_out = part[:0]
        if options.holdout:
            part, self.held_out = split.hold_out(y, options.holdout, options.seed)
        self.part = part
        self.rows_used = self.target.rows[part]
        self.decision: Decision = decide(table, names, self.rows_used, options.choices)
        self.encoder = Encoder(self.decision.features)
        self.notes += self.decision.notes.told()
        used = (
            table if len(self.rows_used) == len(table) else replace(table, frame=table.frame.iloc[self.rows_used], blank=None)
        )
        self.inputs = self.encoder.encode(used)
        self._scale(y[part])
        self._weights(sample_weight)
        count = max(2, min(options.folds or FOLDS, len(part) // 2))
        self.fold = split.folds(self.y, count, options.seed)
        smallest = min(int((self.fold != k).sum()) for k in range(count))
        self.plan = make_plan(
            self.task,
            len(part),
            smallest,
            count,
            options.effort,
            hidden=options.hidden,
            epochs=options.epochs,
            batch_size=options.batch_size,
            lr=options.lr,
            optimizer=options.optimizer,
            seed=options.seed,
            metric=options.metric,
            threads=options.threads or get_num_threads(),
            dropout=options.dropout,
        )
        self.plan.given = {
            n
            for n in ("hidden", "epochs", "batch_size", "lr", "optimizer", "threads", "metric", "dropout", "folds", "task")
            if getattr(options, n) is not None
        } | ({"seed"} if options.seed else set())
        self.trainers: list[Trainer] = []
        self.stopped = ""
        self._rare_classes()

    # ---- Preparation

    def _scale(self, y: np.ndarray) -> None:
        self.classes, self.mean, self.std, self.limits = self.target.classes, [0.0], [1.0], None
        if self.task == CLASSIFICATION:
            self.y = y.astype(np.int64)
            return
        columns = y.reshape(len(y), -1).astype(np.float64)
        found = [moments(c) for c in columns.T]
        if all(std == 0 for _, std in found):
            raise self.table.error(
                "the rows to train on all have the same value: there is nothing to learn", column=self.names[0]
            )
        self.mean, self.std = [m for m, _ in found], [s or 1.0 for _, s in found]
        self.y = ((columns - self.mean) / self.std).astype(np.float32)
        self.limits = (self.y.min(axis=0), self.y.max(axis=0))

    def _weights(self, sample_weight: np.ndarray | None) -> None:
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[self.target.rows][self.part]
        chosen = self.options.class_weight
        if chosen is not None and self.task == CLASSIFICATION:
            counts = np.bincount(self.y, minlength=len(self.classes), weights=weight)
            if chosen == "balanced":
                each = len(self.y) / (len(self.classes) * np.maximum(counts, 1e-12))
            else:
                each = np.array([float(chosen.get(c, 1.0)) for c in self.classes])
            weight = each[self.y] * (1.0 if weight is None else weight)
        self.weight = None if weight is None else (weight / weight.mean()).astype(np.float32)

    def _rare_classes(self) -> None:
        if self.task != CLASSIFICATION:
            return
        counts = np.bincount(self.y, minlength=len(self.classes))
        for i in np.flatnonzero(counts == 0):
            self.notes.append(f"class {self.classes[i]!r} has too few rows: none is left to train on")

    # ---- Training

    @property
    def wide(self) -> list[str]:
        """Columns with more than 50 levels: nets without them are trained too, and the better ones are kept."""
        if self.options.effort == "quick":
            return []
        wide = [n for n in self.decision.wide if n not in self.options.choices.keep + self.options.choices.category]
        return wide if any(f.name not in wide for f in self.encoder.features) else []

    @property
    def kinds(self) -> list[str]:
        """What the stages train, in order."""
        effort = self.options.effort
        asked = {"bins": True, "narrow": bool(self.wide), "periodic": effort == "best", "linear": effort != "quick"}
        return [kind for kind, wanted in asked.items() if wanted]

    @property
    def stages(self) -> int:
        return len(self.kinds)

    def stage(self, i: int) -> Trainer:
        """The trainer of stage i, created at first use."""
        while len(self.trainers) <= i:
            kind = self.kinds[len(self.trainers)]
            plan, encoder, inputs = self.plan, self.encoder, self.inputs
            if kind == "narrow" or (kind != "bins" and self.without_wide):
                encoder = Encoder([f for f in encoder.features if f.name not in self.wide])
                inputs = self._encode(encoder)
            if kind == "periodic":
                plan = plan.second_kind()
            elif kind == "linear":
                plan = plan.linear()
            self.trainers.append(
                Trainer(
                    plan,
                    encoder,
                    Rows(inputs, self.y, self.fold, self.weight),
                    self.outputs,
                    self.metric,
                    self.limits,
                    self.exchange,
                )
            )
            self.trainers[-1].encoder = encoder
        return self.trainers[i]

    def _encode(self, encoder: Encoder) -> Any:
        return encoder.encode(replace(self.table, frame=self.table.frame.iloc[self.rows_used], blank=None))

    @property
    def outputs(self) -> int:
        return len(self.classes) or self.y.shape[1]

    def run(
        self,
        before_step: Callable[[], None] | None = None,
        after_epoch: Callable[[], None] | None = None,
        before_stage: Callable[[int, Trainer], None] | None = None,
    ) -> str:
        """Train the stages that are not done. Returns why it stopped early, or ""."""
        for i in range(self.stages):
            trainer = self.stage(i)
            if before_stage is not None:
                before_stage(i, trainer)
            if trainer.training.step < trainer.plan.steps:
                with shared_cores(self.options.threads):
                    self.stopped = trainer.run(before_step, after_epoch).stopped
                if self.stopped:
                    break
        return self.stopped

    @property
    def interrupted(self) -> bool:
        return self.stopped == INTERRUPTED

    @property
    def found(self) -> bool:
        """Whether at least one trained net can be used."""
        return bool(self.trainers) and self.trainers[0].training.found

    @property
    def without_wide(self) -> bool:
        """Whether the nets without the wide columns have the lower out-of-fold loss."""
        narrow = self._trained("narrow")
        return narrow is not None and self._loss(narrow) < self._loss(self.trainers[0])

    def _trained(self, kind: str) -> Trainer | None:
        """The trainer of a stage that is done."""
        stage = self.kinds.index(kind) if kind in self.kinds else len(self.trainers)
        if stage >= len(self.trainers):
            return None
        trainer = self.trainers[stage]
        return trainer if trainer.training.found and trainer.training.step >= trainer.plan.steps else None

    def _loss(self, trainer: Trainer) -> float:
        _, out = trainer.result()
        known = ~np.isnan(out[:, 0])
        return self._loss_of(out[known], self.y[known])

    def _loss_of(self, out: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
        if self.task == CLASSIFICATION:
            return METRICS["logloss"].value(out, y, weight)
        return float(np.average(((out - y) ** 2).mean(axis=1), weights=weight))

    # ---- The result

    @property
    def first(self) -> Trainer:
        """The trainer of the first nets of the model."""
        return self.trainers[1 if self.without_wide else 0]

    def groups(self) -> tuple[list[Group], np.ndarray]:
        """The nets as trained so far, and their out-of-fold predictions [n, outputs]: the two kinds of --best count the same,
        linear ones as much as is best out of fold.
        """
        chosen = [self.first]
        if (periodic := self._trained("periodic")) is not None:
            chosen.append(periodic)
        results = [trainer.result() for trainer in chosen]
        out = sum(answers for _, answers in results) / len(chosen)
        shares = [1 / len(chosen)] * len(chosen)
        if (linear := self._trained("linear")) is not None:
            members, answers = linear.result()
            if (share := self._share_of(answers, out)) > 0:
                chosen, results = [*chosen, linear], [*results, (members, answers)]
                shares = [*((1 - share) * s for s in shares), share]
                out = (1 - share) * out + share * answers
        groups = []
        for trainer, (members, _), part in zip(chosen, results, shares):
            picks = [k for k, each in enumerate(trainer.picks()) for _ in set(each)]
            weighed = [(weights, share * part) for weights, share in members]
            groups.append(Group.of(trainer.plan.kind, trainer.nets.activation, weighed, picks))
        return groups, out

    def _share_of(self, other: np.ndarray, out: np.ndarray) -> float:
        """The share of the `other` predictions that makes the lowest loss with the rest of `out`."""
        rows = np.flatnonzero(~np.isnan(out[:, 0]))
        rows = rows[:: -(-len(rows) * self.outputs // VALUES_TO_WEIGH)]
        out, other, y = out[rows], other[rows], self.y[rows]
        weight = None if self.weight is None else self.weight[rows]
        if weight is not None and not weight.sum() > 0:
            return 0.0

        def loss(share: float) -> float:
            mixed = (1 - share) * out + share * other
            if self.task == CLASSIFICATION:
                mixed = calibrated(mixed, fit_temperature(mixed, y, weight))
            return self._loss_of(mixed, y, weight)

        return min(LINEAR_SHARES, key=loss)

    def model(self) -> TableModel:
        """The model as trained so far, with its scores in `facts`."""
        first = self.first
        groups, out = self.groups()
        found = TableModel(
            self.task,
            self.names,
            first.encoder,
            groups,
            self.classes,
            self.mean,
            self.std,
            [] if self.limits is None else [float(v) for v in self.limits[0]],
            [] if self.limits is None else [float(v) for v in self.limits[1]],
        )
        known = ~np.isnan(out[:, 0])
        if self.task == CLASSIFICATION and known.any():
            found.temperature = fit_temperature(out[known], self.y[known], None if self.weight is None else self.weight[known])
            out = calibrated(out, found.temperature)
        self.out_of_fold = out * self.std + np.array(self.mean) if self.task != CLASSIFICATION else out
        found.facts = self._facts(first)
        return found

    def _facts(self, first: Trainer) -> dict[str, Any]:
        known = ~np.isnan(self.out_of_fold[:, 0])
        y = self.truth()
        each = [known & (self.fold == k) for k in range(self.plan.nets)]
        scores, spread = {}, {}
        for name in dict.fromkeys([*SHOWN[self.task], self.options.metric or DEFAULT[self.task]]):
            metric = METRICS[name]
            scores[name] = metric.value(self.out_of_fold[known], y[known])
            values = np.array([metric.value(self.out_of_fold[rows], y[rows]) for rows in each if rows.any()])
            values = values[np.isfinite(values)]
            with np.errstate(over="ignore"):
                deviation = float(values.std()) if len(values) > 1 else None
            spread[name] = deviation if deviation is None or np.isfinite(deviation) else None
        dropped = dict(self.decision.dropped)
        if self.without_wide:
            dropped |= {n: "over 50 levels; the nets without it do better out of fold" for n in self.wide}
        return {
            "rows": len(self.table),
            "rows_used": len(self.part),
            "held_out": len(self.held_out),
            "folds": self.plan.nets,
            "cross_validated": scores,
            "spread": spread,
            "columns": self.table.names,
            "dropped": dropped,
            "settings": {k: v for k, v in asdict(self.plan).items() if k not in ("given", "threads")},
            "kept_epochs": [int(b) for b in self._kept(first)],
            "why": self.target.why,
            "notes": self.notes,
            "class_weight": self.options.class_weight,
        }

    def _kept(self, trainer: Trainer) -> list[int]:
        best = trainer.training.best
        return [best[chosen[0]].epoch[k] for k, chosen in enumerate(trainer.picks())]

    def truth(self) -> np.ndarray:
        """The targets of the training rows: class indices [n], or quantities [n, targets]."""
        y = self.target.y[self.part]
        return y if self.task == CLASSIFICATION else y.reshape(len(y), -1)

    def identity(self) -> dict[str, Any]:
        """What two trainings must share to produce the same nets: data and settings, except threads and epochs."""
        digest = hashlib.sha256(repr(self.encoder.to_json()).encode())
        for array in (self.inputs.X, self.inputs.codes, self.y, self.fold):
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))  # no copy of the largest array
        settings = {
            name.replace("_", "-"): value
            for name, value in asdict(self.plan).items()
            if name not in ("threads", "given", "epochs", "steps_per_epoch")
        }
        return settings | {"table": digest.hexdigest()[:16]}


def fit(table: Table, target: str | list[str], options: Options | None = None, **more: Any) -> tuple[TableModel, Fitting]:
    """Train: the model, and its Fitting. Raises UserError if the table cannot be learned."""
    fitting = Fitting(table, target, options or Options(), **more)
    fitting.run()
    if fitting.interrupted:
        raise KeyboardInterrupt
    if not fitting.found:
        raise UserError(fitting.stopped or "nothing was learned", table.path)
    return fitting.model(), fitting


def rows_told(fitting: Fitting) -> str:
    """One line on how the rows are used."""
    n, k = len(fitting.part), fitting.plan.nets
    if k < fitting.plan.folds:
        used = f"{int((fitting.fold != 0).sum()):,} to train on, {int((fitting.fold == 0).sum()):,} to choose the best epoch by"
    else:
        used = f"{n:,} in {many(k, 'fold')}, each of which chooses the epochs of a net that learns from the others"
    return f"rows: {used}" + (f"; {len(fitting.held_out):,} held out" if len(fitting.held_out) else "")


__all__ = ["Fitting", "Options", "fit", "net", "rows_told"]
