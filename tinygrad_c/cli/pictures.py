"""The picture that a training leaves: loss and score by epoch, and the held-out answers beside the true ones."""
from __future__ import annotations

import io
import unicodedata
import warnings
from pathlib import Path

import numpy as np

from tinygrad_c.cli.encode import CLASSIFICATION, Recipe
from tinygrad_c.cli.errors import need
from tinygrad_c.cli.score import Score, confusion, score

# Colours that people with any kind of colour vision can tell apart (Okabe and Ito 2008); the lines differ in dashes too.
TRAINING, VALIDATION, KEPT = "#0072B2", "#D55E00", "#555555"
CHINESE = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP", "PingFang SC",
           "Heiti SC", "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS")
MOST_CLASSES = 20       # in the table of which class was taken for which
MOST_NUMBERS = 12       # classes up to which its counts are written in


def curves(history: list[tuple[Score, Score]], best_epoch: int, recipe: Recipe, outputs: np.ndarray, answers: np.ndarray,
           path: str) -> bytes:
    """A PNG. `outputs` and `answers` are those of the held-out rows, as Recipe.encode_target gives them."""
    matplotlib = need("matplotlib")
    words = f"{Path(path).name}, target {recipe.target}: held-out {score(recipe, outputs, answers)}"
    names = [words, recipe.target, *(recipe.classes or ())]
    with matplotlib.rc_context({"font.family": fonts("".join(names))}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")      # no font here has it: a box stands in its place
        figure = need("matplotlib.figure").Figure(figsize=(13, 3.9), layout="constrained")
        figure.suptitle(words)
        axes = figure.subplots(1, 3)
        by_epoch(axes[:2], history, best_epoch, recipe)
        if recipe.task == CLASSIFICATION:
            taken_for(figure, axes[2], recipe, outputs, answers)
        else:
            against_true(axes[2], recipe, outputs, answers)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=120, metadata={"Software": None})
    return png.getvalue()


def fonts(text: str) -> list[str]:
    """matplotlib's own font, and one with Chinese characters behind it if the text has some and this machine has one."""
    if not any("CJK" in unicodedata.name(character, "") for character in set(text)):
        return ["sans-serif"]
    here = {each.name for each in need("matplotlib.font_manager").fontManager.ttflist}
    return ["sans-serif", *[name for name in CHINESE if name in here][:1]]


def by_epoch(axes, history: list[tuple[Score, Score]], best_epoch: int, recipe: Recipe) -> None:
    """The loss and the score, on training and validation rows."""
    epochs = range(1, len(history) + 1)
    name = history[0][0].name
    loss = "cross-entropy" if recipe.task == CLASSIFICATION else "mean squared error (standardised)"
    for panel, title, key in zip(axes, (loss, name), ("loss", "value")):
        for i, (part, colour, dashes) in enumerate((("training rows", TRAINING, "-"), ("validation rows", VALIDATION, "--"))):
            panel.plot(epochs, [getattr(s[i], key) for s in history], dashes, color=colour, label=part,
                       marker="." if len(history) < 3 else "")
        panel.axvline(best_epoch, color=KEPT, linestyle=":", label=f"kept: epoch {best_epoch}")
        panel.set(xlabel="epoch", ylabel=title)
        panel.xaxis.set_major_locator(need("matplotlib.ticker").MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
    axes[1].legend()
    if name == "R2":
        axes[1].set_ylim(max(-1.0, min(s.value for scores in history for s in scores) - 0.05), 1.02)


def taken_for(figure, axes, recipe: Recipe, outputs: np.ndarray, answers: np.ndarray) -> None:
    """Of the held-out rows: which class was taken for which, as shares of each class's rows."""
    table = confusion(outputs, answers)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the class")
    few = len(recipe.classes) <= MOST_CLASSES
    shown = range(len(recipe.classes)) if few else []
    labels = [recipe.classes[i][:14] for i in shown]
    axes.set_xticks(shown, labels, rotation=90 if max(map(len, labels), default=0) > 3 else 0)
    axes.set_yticks(shown, labels)
    axes.set(xlabel="taken for", ylabel=f"{recipe.target}: is")
    if len(recipe.classes) <= MOST_NUMBERS:
        for i, row in enumerate(table):
            for j, count in enumerate(row):
                if count:
                    axes.text(j, i, str(count), ha="center", va="center", fontsize=8,
                              color="black" if shares[i, j] > 0.5 else "white")


def against_true(axes, recipe: Recipe, outputs: np.ndarray, answers: np.ndarray) -> None:
    """Of the held-out rows: the predicted against the true value, in the target's units."""
    true, predicted = (x.astype(np.float64).reshape(-1) * recipe.std + recipe.mean for x in (answers, outputs))
    axes.plot(true, predicted, ".", color=TRAINING, alpha=0.6, label="held-out rows")
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, "-", color=KEPT, linewidth=1, label="predicted = true")
    axes.set(xlabel=f"{recipe.target}: true", ylabel=f"{recipe.target}: predicted")
    axes.grid(alpha=0.3)
    axes.legend()
