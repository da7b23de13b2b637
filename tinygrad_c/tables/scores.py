"""Metrics by name. Predictions are probabilities [n, classes] or quantities [n, outputs]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinygrad_c.tables.target import CLASSIFICATION, REGRESSION

Score = Callable[[np.ndarray, np.ndarray, "np.ndarray | None"], float]


def log_softmax(outputs: np.ndarray) -> np.ndarray:
    top = outputs.max(axis=1, keepdims=True)
    return outputs - top - np.log(np.exp(outputs - top).sum(axis=1, keepdims=True))


def accuracy(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(np.average(p.argmax(axis=1) == y, weights=weight))


def logloss(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(np.average(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-15)), weights=weight))


def confusion(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Confusion matrix, int64 [true class, predicted class]; targets of -1 are ignored."""
    classes = p.shape[1]
    known = y >= 0
    pairs = y[known] * classes + p[known].argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def macro_f1(table: np.ndarray) -> float:
    """The mean over classes of F1 = 2 TP / (2 TP + FP + FN); classes that do not occur are ignored."""
    total = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean(2 * table.diagonal()[total > 0] / total[total > 0]))


def f1(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    return macro_f1(confusion(p, y))


def balanced_accuracy(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    table = confusion(p, y)
    rows = table.sum(axis=1)
    return float(np.mean(table.diagonal()[rows > 0] / rows[rows > 0]))


def auc(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The area under the ROC curve; for more than two classes the mean over classes of one against the rest."""
    classes = range(p.shape[1]) if p.shape[1] > 2 else [1]
    found = []
    for c in classes:
        positive = y == c
        if positive.any() and not positive.all():
            _, inverse, counts = np.unique(p[:, c], return_inverse=True, return_counts=True)
            ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
            m = positive.sum()
            found.append((ranks[positive].sum() - m * (m + 1) / 2) / (m * (len(y) - m)))
    return float(np.mean(found)) if found else float("nan")


def _scaled(out: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions and targets divided by each output's largest absolute target, against overflow; and the divisors."""
    y = y.reshape(out.shape).astype(np.float64)
    size = np.abs(y).max(axis=0)
    size = np.where(size > 0, size, 1.0)
    return out / size, y / size, size


def r2(out: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """R2 = 1 - squared error / variance, averaged over outputs."""
    out, y, _ = _scaled(out, y)
    with np.errstate(over="ignore"):        # an overflow gives an R2 of -inf
        error = np.average((out - y) ** 2, axis=0, weights=weight)
    spread = np.average((y - np.average(y, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    with np.errstate(over="ignore"):
        ratio = error / np.where(spread > 0, spread, 1)
    return float(np.mean(np.where(spread > 0, 1 - ratio, np.where(error > 0, 0.0, 1.0))))


def rmse(out: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    out, y, size = _scaled(out, y)
    top = size.max()
    with np.errstate(over="ignore"):
        return float(top * np.sqrt(np.average((((out - y) * (size / top)) ** 2).mean(axis=1), weights=weight)))


def mae(out: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(np.average(np.abs(out - y.reshape(out.shape)).mean(axis=1), weights=weight))


@dataclass
class Metric:
    """A metric: its task, whether larger is better, and whether the best epoch may be chosen by it."""

    name: str
    task: str
    function: Score
    greater: bool = True
    share: bool = False  # printed as a percentage
    chooses: bool = True

    def value(self, answers: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
        return self.function(answers, y, weight)

    def rank(self, value: float) -> float:
        """The value with its sign set so that larger is better."""
        value = value if self.greater else -value
        return value if np.isfinite(value) else -1e300

    def ready(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions from a net's outputs."""
        return np.exp(log_softmax(outputs)) if self.task == CLASSIFICATION else outputs

    def show(self, value: float) -> str:
        return (
            f"{self.name} {value:.1%}"
            if self.share
            else f"{self.name} {value:.4g}"
            if self.name in ("RMSE", "MAE")
            else f"{self.name} {value:.4f}"
        )


METRICS = {
    "accuracy": Metric("accuracy", CLASSIFICATION, accuracy, share=True),
    "balanced_accuracy": Metric("balanced accuracy", CLASSIFICATION, balanced_accuracy, share=True),
    "f1": Metric("macro F1", CLASSIFICATION, f1, share=True),
    "auc": Metric("AUC", CLASSIFICATION, auc),
    "logloss": Metric("log loss", CLASSIFICATION, logloss, greater=False),
    "r2": Metric("R2", REGRESSION, r2),
    "rmse": Metric("RMSE", REGRESSION, rmse, greater=False),
    "mae": Metric("MAE", REGRESSION, mae, greater=False),
}
DEFAULT = {CLASSIFICATION: "accuracy", REGRESSION: "r2"}
SHOWN = {CLASSIFICATION: ("accuracy", "f1", "auc", "logloss"), REGRESSION: ("r2", "rmse", "mae")}
