"""Pictures: loss and score by epoch, and predictions for rows that were not used in training."""
from __future__ import annotations

import io
import re
import sys
import warnings
from functools import cache
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
BLUE, ORANGE = "#0072B2", "#D55E00"         # can be told apart with any kind of colour vision (Okabe and Ito 2008)
LOSSES = {"cross_entropy": "cross-entropy", "mse": "mean squared error, standardized",
          "mae": "mean absolute error, standardized"}
FIRST_CHINESE = 0x2E80                      # the first character of CJK scripts
CHINESE_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
                 "Microsoft YaHei", "SimHei", "PingFang SC", "Noto Sans CJK JP")


@cache
def _chinese_font() -> str | None:
    """The name of a font with Chinese characters; None, and it is said once, if there is none here."""
    fonts = need("matplotlib.font_manager")
    for path in fonts.findSystemFonts():            # matplotlib's own list may be older than the font
        if re.search("cjk|wqy|sourcehan|yahei|simhei|pingfang", path.lower()):
            fonts.fontManager.addfont(path)
    here = {font.name for font in fonts.fontManager.ttflist}
    found = next((name for name in CHINESE_FONTS if name in here), None)
    if found is None:
        print("tinygrad_c: the pictures show boxes for Chinese characters: no font here has them (Debian: apt-get install "
              "fonts-noto-cjk)", file=sys.stderr)
    return found


def _png(figure: Any, words: str) -> bytes:
    """The figure as a PNG. `words` are all names in it: if some are Chinese, it needs a font that has them."""
    families = ["DejaVu Sans"]
    if any(ord(character) >= FIRST_CHINESE for character in words):
        families += filter(None, [_chinese_font()])
    png = io.BytesIO()
    with need("matplotlib").rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        for text in figure.findobj(need("matplotlib.text").Text):
            text.set_fontfamily(families)
        figure.savefig(png, format="png", dpi=120, metadata={"Software": None})
    return png.getvalue()


def _title(fitting: Fitting, metrics: dict[str, Any]) -> str:
    """The table, the target, and the score on rows that no net has learned from."""
    name = fitting.options.metric or DEFAULT[fitting.task]
    part = _part(metrics)
    kind = {"test": "test", "held_out": "held-out", None: "cross-validated" if fitting.plan.nets > 1 else "validation"}[part]
    value = fitting.metric.show(metrics[part or "cross_validated"][name])
    return f"{fitting.table.path}: {fitting.names[0]}, {kind} {value}"


def _part(metrics: dict[str, Any]) -> str | None:
    """Which rows are shown: those of the test table, those held out, or None: each by the net that has not seen it."""
    return next((part for part in ("test", "held_out") if part in metrics), None)


def curves(fitting: Fitting, model: TableModel, metrics: dict[str, Any]) -> bytes:
    """A PNG of training loss, validation loss and validation score by epoch, averaged over nets."""
    figure = need("matplotlib.figure").Figure(figsize=(9, 3.8), layout="constrained")
    figure.suptitle(_title(fitting, metrics))
    history = fitting.trainers[0].training.history
    epochs = range(1, len(history) + 1)
    marker = "." if len(history) < 3 else ""
    loss, score = figure.subplots(1, 2)
    loss.plot(epochs, [r[0] for r in history], "-", marker=marker, color=BLUE, label="training rows, as trained")
    loss.plot(epochs, [r[1] for r in history], "--", marker=marker, color=ORANGE, label="validation rows")
    loss.set(ylabel=LOSSES[fitting.plan.loss], xlabel="epoch")
    score.plot(epochs, [r[2] for r in history], "--", marker=marker, color=ORANGE, label="validation rows")
    score.set(ylabel=fitting.metric.name, xlabel="epoch")
    if fitting.metric.name == "R2":
        score.set_ylim(max(-1.0, min(r[2] for r in history) - 0.05), 1.02)
    kept = sorted(set(model.facts["kept_epochs"]))
    for axes in (loss, score):
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(integer=True))
        for epoch in kept:
            axes.axvline(epoch, color="0.4", linestyle=":", linewidth=1, label="epoch that a net is kept at" if epoch == kept[0]
                         else None)
        axes.legend()
    return _png(figure, _title(fitting, metrics))


def answers(fitting: Fitting, model: TableModel, metrics: dict[str, Any]) -> bytes:
    """A PNG of the confusion matrix, or of predicted against true quantities, for held-out rows if there are any."""
    part, title, target = _part(metrics), _title(fitting, metrics), fitting.names[0]
    figure = need("matplotlib.figure").Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots()
    if fitting.task == CLASSIFICATION:
        table = metrics[part or "cross_validated"].get("confusion")
        shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share of the true class")
        axes.set(xlabel=f"predicted {target}", ylabel=f"true {target}", title=f"{title}\nconfusion matrix: number of rows")
        if len(table) <= MAX_CLASSES:
            names = [c[:14] for c in fitting.classes]
            axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="right"
                            if max(map(len, names)) > 3 else "center")
            axes.set_yticks(range(len(names)), names)
            for i, row in enumerate(table):
                for j, count in enumerate(row):
                    if count:
                        axes.text(j, i, str(count), ha="center", va="center", fontsize=8,
                                  color="black" if shares[i, j] > 0.5 else "white")
        return _png(figure, title + "".join(fitting.classes))
    if part is None:
        known = ~np.isnan(fitting.out_of_fold[:, 0])
        predicted, true = fitting.out_of_fold[known, 0], fitting.truth()[known, 0]
    else:
        predicted, true = (np.asarray(a).reshape(len(a), -1)[:, 0] for a in metrics[part]["answers"])
    step = max(1, len(true) // MAX_POINTS)
    axes.plot(true[::step], predicted[::step], ".", color=BLUE, alpha=0.5, markersize=4)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color=ORANGE, linestyle="--", linewidth=1, label="predicted = true")
    axes.set(xlabel=f"true {target}", ylabel=f"predicted {target}", title=title)
    axes.legend()
    axes.grid(alpha=0.3)
    return _png(figure, title)


def trials_png(trials: list[Trial], metric: str, file: str) -> bytes:
    """A PNG: the score of each trial of a sweep by its number, with the best so far, and by each setting."""
    done = [t for t in trials if t.state == "complete"]
    names = [n for n in dict.fromkeys(name for t in done for name in t.settings) if len({t.settings.get(n) for t in done}) > 1]
    figure = need("matplotlib.figure").Figure(figsize=(9, 3.6 + 2.6 * -(-len(names) // 3)), layout="constrained")
    title = f"{file}: {len(trials)} trials"
    figure.suptitle(title)
    grid = figure.add_gridspec(1 + -(-len(names) // 3), 3)
    axes = figure.add_subplot(grid[0, :])
    best, sofar = METRICS[metric].rank, []
    for t in done:
        sofar.append(t.score if not sofar or best(t.score) > best(sofar[-1]) else sofar[-1])
    axes.plot([t.number for t in done], [t.score for t in done], ".", color=BLUE, label="complete")
    axes.step([t.number for t in done], sofar, where="post", color=ORANGE, label="best so far")
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
    return _png(figure, title)
