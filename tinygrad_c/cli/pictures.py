"""Pictures: loss and score by epoch, and predictions for rows that were not used in training."""
from __future__ import annotations

import io
from typing import Any

import numpy as np

from tinygrad_c.cli.errors import need
from tinygrad_c.tables.fit import Fitting
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.scores import DEFAULT, METRICS
from tinygrad_c.tables.sweep import Trial
from tinygrad_c.tables.target import CLASSIFICATION

MAX_CLASSES = 30        # classes in the confusion matrix
MAX_POINTS = 4000


def _png(figure: Any) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120, metadata={"Software": None})
    return png.getvalue()


def _title(fitting: Fitting, model: TableModel) -> str:
    name = fitting.options.metric or DEFAULT[fitting.task]
    value = fitting.metric.show(model.facts["cross_validated"][name])
    kind = "cross-validated" if fitting.plan.nets > 1 else "validation"
    return f"{fitting.table.path}: {fitting.names[0]}, {kind} {value}"


def curves(fitting: Fitting, model: TableModel) -> bytes:
    """A PNG of training loss, validation loss and validation score by epoch, averaged over nets."""
    figure = need("matplotlib.figure").Figure(figsize=(9, 3.8), layout="constrained")
    figure.suptitle(_title(fitting, model))
    history = fitting.trainers[0].training.history
    epochs = range(1, len(history) + 1)
    marker = "." if len(history) < 3 else ""
    loss, score = figure.subplots(1, 2)
    loss.plot(epochs, [r[0] for r in history], marker=marker, label="training rows, as trained")
    loss.plot(epochs, [r[1] for r in history], marker=marker, label="validation rows")
    loss.set(title="loss", xlabel="epoch")
    loss.legend()
    score.plot(epochs, [r[2] for r in history], marker=marker, color="C1")
    score.set(title=f"{fitting.metric.name} of the validation rows", xlabel="epoch")
    if fitting.metric.name == "R2":
        score.set_ylim(max(-1.0, min(r[2] for r in history) - 0.05), 1.02)
    for axes in (loss, score):
        axes.grid(alpha=0.3)
        for epoch in sorted(set(model.facts["kept_epochs"])):
            axes.axvline(epoch, color="0.6", linestyle=":", linewidth=1)
    return _png(figure)


def answers(fitting: Fitting, model: TableModel, metrics: dict[str, Any]) -> bytes:
    """A PNG of the confusion matrix, or of predicted against true quantities, for held-out rows if there are any."""
    figure = need("matplotlib.figure").Figure(figsize=(6, 5.4), layout="constrained")
    part = next((p for p in ("test", "held_out") if p in metrics), None)
    label = {"test": "test rows", "held_out": "held-out rows", None: "cross-validated"}[part]
    axes = figure.subplots()
    if fitting.task == CLASSIFICATION:
        table = metrics[part or "cross_validated"].get("confusion")
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="taken for", ylabel="is", title=f"{_title(fitting, model)}\nrows by class, {label}")
        if len(table) <= MAX_CLASSES:
            names = [c[:14] for c in fitting.classes]
            axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="right"
                            if max(map(len, names)) > 3 else "center")
            axes.set_yticks(range(len(names)), names)
            for i, row in enumerate(table):
                for j, count in enumerate(row):
                    if count:
                        axes.text(j, i, str(count), ha="center", va="center", fontsize=8,
                                  color="white" if shares[i, j] > 0.5 else "black")
        return _png(figure)
    if part is None:
        known = ~np.isnan(fitting.out_of_fold[:, 0])
        predicted, true = fitting.out_of_fold[known, 0], fitting.truth()[known, 0]
    else:
        predicted, true = (np.asarray(a).reshape(len(a), -1)[:, 0] for a in metrics[part]["answers"])
    step = max(1, len(true) // MAX_POINTS)
    axes.plot(true[::step], predicted[::step], ".", alpha=0.5, markersize=4)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color="0.5", linewidth=1)
    axes.set(xlabel=f"true {fitting.names[0]}", ylabel="predicted", title=f"{_title(fitting, model)}\n{label}")
    axes.grid(alpha=0.3)
    return _png(figure)


def trials_png(trials: list[Trial], metric: str, file: str) -> bytes:
    """A PNG: the score of each trial of a sweep by its number, with the best so far, and by each setting."""
    done = [t for t in trials if t.state == "complete"]
    names = [n for n in dict.fromkeys(name for t in done for name in t.settings) if len({t.settings.get(n) for t in done}) > 1]
    figure = need("matplotlib.figure").Figure(figsize=(9, 3.6 + 2.6 * -(-len(names) // 3)), layout="constrained")
    figure.suptitle(f"{file}: {len(trials)} trials")
    grid = figure.add_gridspec(1 + -(-len(names) // 3), 3)
    axes = figure.add_subplot(grid[0, :])
    best, sofar = METRICS[metric].rank, []
    for t in done:
        sofar.append(t.score if not sofar or best(t.score) > best(sofar[-1]) else sofar[-1])
    axes.plot([t.number for t in done], [t.score for t in done], ".", label="complete")
    axes.step([t.number for t in done], sofar, where="post", color="C1", label="best so far")
    low = axes.get_ylim()[0]
    stopped = [t.number for t in trials if t.state == "pruned"]
    if stopped:
        axes.plot(stopped, [low] * len(stopped), "x", color="0.6", label="stopped early", clip_on=False)
    axes.set(xlabel="trial", ylabel=f"cross-validated {metric}")
    axes.legend()
    axes.grid(alpha=0.3)
    for i, name in enumerate(names):
        part = figure.add_subplot(grid[1 + i // 3, i % 3])
        part.plot([t.settings[name] for t in done if name in t.settings], [t.score for t in done if name in t.settings], ".")
        if name in ("lr", "width", "batch_size"):
            part.set_xscale("log")
        part.set(xlabel=name.replace("_", " "))
        part.grid(alpha=0.3)
    return _png(figure)
