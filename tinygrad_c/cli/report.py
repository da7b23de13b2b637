"""The report of a training: the table, scores, importance of columns, and settings with their effects."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_c.tables.errors import many, some
from tinygrad_c.tables.features import Category, Date, Number
from tinygrad_c.tables.fit import Fitting, rows_told
from tinygrad_c.tables.importance import importance
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.read import Table
from tinygrad_c.tables.scores import DEFAULT, METRICS, SHOWN, confusion
from tinygrad_c.tables.target import CLASSIFICATION, Target

MAX_SHOWN = 12  # largest number of classes in the confusion table
COLUMNS_SHOWN = 10  # importances shown

Say = Callable[..., None]


def print_table(fitting: Fitting, more: list[str], say: Say) -> None:
    """Print what the file contains and how its columns are used."""
    table, target = fitting.table, fitting.names[0]
    if fitting.task == CLASSIFICATION:
        found = f"{len(fitting.classes)} classes ({some(fitting.classes)})"
    else:
        found = f"a quantity (mean {fitting.mean[0]:.6g}, standard deviation {fitting.std[0]:.6g})"
    say(f"{table.path}: {len(table):,} rows, {len(table.names)} columns; target {target!r}, {fitting.task}: {found}")
    if fitting.target.why and fitting.target.why != "--task":
        say(f"task: {fitting.task}, since {fitting.target.why}")
    numbers = [f for f in fitting.encoder.features if isinstance(f, Number)]
    dates = [f for f in fitting.encoder.features if isinstance(f, Date)]
    categories = [f for f in fitting.encoder.features if isinstance(f, Category)]
    parts = [many(len(numbers), "number")] if numbers else []
    parts += (
        [f"{len(categories)} of categories ({many(sum(len(f.levels) for f in categories), 'level')})"] if categories else []
    )
    parts += [many(len(dates), "date")] if dates else []
    say(f"features: {'; '.join(parts)}; {fitting.encoder.width + 8 * len(fitting.encoder.sizes):,} inputs of the net")
    reasons: dict[str, list[str]] = {}
    for name, why in fitting.decision.dropped.items():
        reasons.setdefault(why.partition(" different texts")[2] or why, []).append(name)
    for why, names in reasons.items():
        why = fitting.decision.dropped[names[0]] if len(names) == 1 else why.lstrip(", ")
        say(f"note: dropped {some(map(repr, names))}: {why}")
    for note in [*fitting.notes, *more]:
        say(f"note: {note}")
    say(rows_told(fitting), flush=True)


def measure(fitting: Fitting, model: TableModel, test: tuple[Table, Target] | None) -> dict[str, Any]:
    """All scores: of rows that no choice used (held-out rows, a test file), and cross-validated."""
    known = ~np.isnan(fitting.out_of_fold[:, 0])
    metrics: dict[str, Any] = {
        "task": fitting.task,
        "target": fitting.names[0],
        "classes": fitting.classes,
        "cross_validated": scores_of(fitting.task, fitting.out_of_fold[known], fitting.truth()[known]),
        "spread_over_folds": model.facts["spread"],
        "folds": fitting.plan.nets,
    }
    if len(fitting.held_out):
        rows = fitting.target.rows[fitting.held_out]
        part = Table(fitting.table.path, fitting.table.frame.iloc[rows])
        y = fitting.target.y[fitting.held_out]
        answers = model.answers(model.encoder.encode(part))
        metrics["held_out"] = scores_of(fitting.task, answers, y if fitting.task == CLASSIFICATION else y.reshape(len(y), -1))
        metrics["held_out"]["answers"] = (answers, y)
    if test is not None:
        table, target = test
        answers = model.answers(model.encoder.encode(Table(table.path, table.frame.iloc[target.rows])))
        y = target.y
        if fitting.task == CLASSIFICATION:
            index = {c: i for i, c in enumerate(fitting.classes)}
            y = np.array([index.get(target.classes[i], -1) for i in y], dtype=np.int64)
            answers, y = answers[y >= 0], y[y >= 0]
        else:
            y = y.reshape(len(y), -1)
        metrics["test"] = scores_of(fitting.task, answers, y)
        metrics["test"]["file"] = table.path
        metrics["test"]["answers"] = (answers, y)
    metrics["importance"] = importance(fitting)
    metrics["settings"] = model.facts["settings"]
    metrics["columns"] = {"used": {f.name: f.kind for f in model.encoder.features}, "left_out": model.facts["dropped"]}
    metrics["notes"] = fitting.notes
    metrics["rows"] = {"all": len(fitting.table), "trained_on": len(fitting.part), "held_out": len(fitting.held_out)}
    metrics["seconds"] = sum(t.training.seconds for t in fitting.trainers)
    return metrics


def scores_of(task: str, answers: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Every metric of the task, and the confusion matrix."""
    found: dict[str, Any] = {"rows": len(y)}
    for name, metric in METRICS.items():
        if metric.task == task and len(y):
            found[name] = metric.value(answers, y)
    if task == CLASSIFICATION:
        found["confusion"] = confusion(answers, y)
    return found


def plain(value: Any) -> Any:
    """Convert to what JSON can hold: lists for arrays, None for nan and infinity."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items() if k != "answers"}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


def print_result(fitting: Fitting, metrics: dict[str, Any], say: Say) -> None:
    """Print the scores: rows that no choice used first, then cross-validated."""
    for part, name in (("test", "test"), ("held_out", "held-out")):
        if part in metrics:
            label = f"{name} ({metrics[part]['file']})" if part == "test" else name
            _print_scores(fitting, metrics[part], label, "", say)
    cross = metrics["cross_validated"]
    spread = metrics["spread_over_folds"].get(fitting.options.metric or DEFAULT[fitting.task])
    folds = metrics["folds"]
    apart = (
        ""
        if spread is None
        else f" +- {fitting.metric.show(spread).removeprefix(fitting.metric.name).strip()} over {folds} folds"
    )
    _print_scores(fitting, cross, "cross-validated" if folds > 1 else "validation", apart, say)
    table = (metrics.get("held_out") or cross).get("confusion") if fitting.task == CLASSIFICATION else None
    if table is not None and len(fitting.classes) <= MAX_SHOWN:
        print_confusion(fitting.classes, table, say)
    found = sorted(metrics["importance"].items(), key=lambda kv: -kv[1])[:COLUMNS_SHOWN]
    if found:
        name = fitting.metric.name
        lines = ", ".join(f"{column} {value:.3g}" for column, value in found)
        say(f"importance (how much {name} is lost when the column is shuffled): {lines}")


def _print_scores(fitting: Fitting, scores: dict[str, Any], label: str, spread: str, say: Say) -> None:
    if scores["rows"] == 0:
        say(f"{label}: no row to score")
        return
    chosen = fitting.options.metric or DEFAULT[fitting.task]
    names = dict.fromkeys([chosen, *SHOWN[fitting.task]])
    if fitting.task != CLASSIFICATION:
        words = {"rmse": "RMSE", "mae": "mean absolute error", "r2": "R2"}
        parts = [f"{words[n]} {scores[n]:.4f}" if n == "r2" else f"{words[n]} {scores[n]:.6g}" for n in names]
        parts[0] += spread
        say(f"{label} {', '.join(parts)} (in units of {fitting.names[0]!r})")
        return
    table = scores["confusion"]
    parts = []
    for n in names:
        text = METRICS[n].show(scores[n])
        parts.append(f"{text} ({table.trace():,} of {scores['rows']:,} rows)" if n == "accuracy" else text)
    parts[0] += spread
    say(f"{label} {', '.join(parts)}; the commonest class alone would give {table.sum(axis=1).max() / scores['rows']:.1%}")


def print_confusion(classes: list[str], table: np.ndarray, say: Say) -> None:
    width = max(4, *(len(name) + 1 for name in classes), len(str(table.max())) + 1)
    width = min(width, 14)
    label = f"{'is':>{width}} \\ taken for"
    say(f"{label}" + "".join(f"{name[: width - 1]:>{width}}" for name in classes))
    for name, counts in zip(classes, table):
        say(f"{name[: width - 1]:>{len(label)}}" + "".join(f"{count or '.':>{width}}" for count in counts))


def print_settings(fitting: Fitting, model: TableModel, metrics: dict[str, Any], say: Say) -> None:
    """Print the settings (name, value, chosen by whom, effect) and the speed."""
    samples = sum(t.training.samples for t in fitting.trainers)
    seconds = metrics["seconds"]
    say(f"speed: {samples / max(seconds, 1e-9):,.0f} samples per second ({samples:,} in {seconds:.2f} s)")
    lines = [("setting", "value", "chosen by", "effect"), *effects(fitting, model)]
    columns = [max(len(line[i]) for line in lines) for i in range(3)]
    for line in lines:
        say("  ".join(f"{text:<{width}}" for text, width in zip(line, columns)) + "  " + line[3])


def effects(fitting: Fitting, model: TableModel) -> list[tuple[str, str, str, str]]:
    """A line for each setting: name, value, chosen by whom, effect in this training."""
    plan, first = fitting.plan, fitting.trainers[0]
    nets = first.nets
    parts = [f"{plan.dropout:.0%} of the hidden values dropped in each step"] if plan.dropout and plan.hidden else []
    parts += [f"labels smoothed by {plan.smoothing:g}"] if plan.smoothing else []
    loss = {"cross_entropy": "cross-entropy", "mse": "mean squared error", "mae": "mean absolute error"}[plan.loss]
    kept = model.facts["kept_epochs"]
    history = first.training.history
    gain = (
        f"validation {fitting.metric.show(history[0][2])} -> "
        f"{(max if fitting.metric.greater else min)(r[2] for r in history):.4g}"
        if history
        else ""
    )
    done = "" if len(history) == plan.epochs else f"{len(history):,} of them done; "
    answering = sum(len(g.shares) for g in model.groups)
    linear = sum(sum(g.shares) for g in model.groups if g.kind == "linear")
    lines = [
        ("task", plan.task, "the target", f"{loss}, scored by {fitting.metric.name}"),
        (
            "nets",
            str(plan.nets),
            "--quick" if plan.effort == "quick" else "the recipe",
            f"one for each fold; {answering} of their epochs answer together"
            + (f", linear ones with a share of {linear:.0%}" if linear else "")
            + (f"; temperature {model.temperature:.2f}" if plan.task == CLASSIFICATION else ""),
        ),
        (
            "hidden",
            ",".join(map(str, plan.hidden)) or "0",
            "the recipe",
            f"{nets.size:,} weights a net ({' -> '.join(map(str, nets.widths))})" + "".join(f"; {p}" for p in parts),
        ),
        (
            "epochs",
            f"{plan.epochs:,}",
            "the rows",
            f"{done}{plan.steps:,} steps; kept epochs {', '.join(map(str, kept))}; {gain}",
        ),
        ("batch-size", str(plan.batch_size), "the rows", f"{many(plan.steps_per_epoch, 'step')} an epoch"),
        ("lr", f"{plan.lr:g}", "the task", "four cosine cycles, each twice as long as the one before"),
        ("optimizer", plan.optimizer, "default", OPTIMIZER_WORDS[plan.optimizer]),
        ("seed", str(plan.seed), "default", "drew the folds, the first weights, the order of rows: the same nets each time"),
        ("threads", str(plan.threads), "this machine", "speed alone: the nets are the same for any number"),
    ]
    return [
        (name, value, f"--{name}" if name.replace("-", "_") in plan.given else source, effect)
        for name, value, source, effect in lines
    ]


OPTIMIZER_WORDS = {
    "adam": "a step size of its own for each weight",
    "adamw": "a step size of its own for each weight; weight decay 0.01",
    "sgd": "one step size for all weights; Nesterov momentum 0.9",
    "rmsprop": "a step size of its own for each weight, by its recent gradients",
    "adagrad": "a step size of its own for each weight, by all its gradients so far",
}
