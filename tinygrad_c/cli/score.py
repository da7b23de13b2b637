"""How good answers are. Outputs are the net's, float32 [rows, outputs]; answers are as Recipe.encode_target gives them."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_c.cli.encode import REGRESSION, Recipe


@dataclass
class Score:
    """Of some rows: the loss, and the one number that people compare (accuracy or R2), with what it is called."""

    loss: float
    value: float
    name: str

    @property
    def rank(self) -> float:
        """The higher the better. Accuracy for classes: by the loss, a net that is sure of itself looks worse than it is."""
        return -self.loss if self.name == "R2" else self.value

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4f}" if self.name == "R2" else f"{self.name} {self.value:.1%}"


def score(recipe: Recipe, outputs: np.ndarray, answers: np.ndarray) -> Score:
    """Mean cross-entropy and accuracy, or mean squared error (of the standardised target) and R2."""
    outputs = outputs.astype(np.float64)
    if recipe.task == REGRESSION:
        error = np.mean((outputs - answers) ** 2)
        spread = np.var(answers.astype(np.float64))
        return Score(float(error), float(1 - error / spread) if spread > 0 else float("nan"), "R2")
    top = outputs.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(outputs - top).sum(axis=1))
    loss = np.mean(log_sum - outputs[np.arange(len(outputs)), answers])
    return Score(float(loss), float(np.mean(outputs.argmax(axis=1) == answers)), "accuracy")


def confusion(outputs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """int64 [classes, classes]: how often the class of the row was taken for that of the column; -1 is left out."""
    classes = outputs.shape[1]
    known = answers >= 0
    pairs = answers[known] * classes + outputs[known].argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def macro_f1(table: np.ndarray) -> float:
    """The mean over the classes that occur of F1 = 2 hits / (rows of the class + rows taken for it)."""
    total = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean(2 * table.diagonal()[total > 0] / total[total > 0]))
