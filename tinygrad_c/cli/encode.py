"""A Table becomes numbers for a net. The Recipe is what was learned from the training rows, and repeats it on new ones."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from tinygrad_c.cli.table import Table, many

CLASSIFICATION, REGRESSION = "classification", "regression"
MAX_CLASSES = 20      # a target of more different whole numbers than this is a quantity, not a label
MAX_LEVELS = 50       # a text column of more different values than this is an identifier
MIN_ROWS = 10
MISTAKES = 0.01       # of a column: less text than this among numbers is a mistake, more makes it categories (0, 1, 2, 3+)
MISTAKES_OF_MANY = 0.1    # the same where the numbers are too many for categories
CLIP = 5.0            # standard deviations; on the digits 3 to 10 do alike, and better than none
ROW_NUMBER = re.compile(r"(id|index|idx|row|row[ _]?(id|number|nr|no)|unnamed.*|column 1|#|no\.?|nr\.?)$", re.IGNORECASE)


@dataclass
class Number:
    """A column of numbers: the gaps are filled with the median, then (x - mean) / std, cut at +-clip standard deviations."""

    name: str
    median: float
    mean: float
    std: float
    clip: float | None = None
    kind: str = "number"

    @classmethod
    def fit(cls, name: str, x: np.ndarray, clip: float | None) -> Number:
        median, known = np.median(x[~np.isnan(x)]), ~np.isnan(x)
        mean, std = _moments(np.where(known, x, median))
        return cls(name, float(median), mean, std, clip)

    def encode(self, table: Table, notes: list[str]) -> np.ndarray:
        x = finite_numbers(table, self.name)
        gaps = np.isnan(x)
        if gaps.any():
            notes.append(f"column {self.name!r}: {many(gaps.sum(), 'missing value')} filled with the median {self.median:g}")
        x = (np.where(gaps, self.median, x) - self.mean) / self.std
        return (x if self.clip is None else x.clip(-self.clip, self.clip))[:, None]


@dataclass
class Category:
    """A column of text: a 0/1 column for each level; all of them 0 where the value is missing or was never seen."""

    name: str
    levels: list[str]
    kind: str = "category"

    def encode(self, table: Table, notes: list[str]) -> np.ndarray:
        text = table.text(self.name)
        unseen = sorted(set(text) - set(self.levels) - {""})
        if unseen:
            shown = ", ".join(map(repr, unseen[:3])) + (", .." if len(unseen) > 3 else "")
            notes.append(f"column {self.name!r}: {many(np.isin(text, unseen).sum(), 'value')} that the training rows do not "
                         f"have ({shown}), taken as none of the known")
        return (text[:, None] == np.array(self.levels, dtype=object)).astype(np.float64)


@dataclass
class Recipe:
    """How rows become the net's input, and its output an answer. Plain data: it is kept as JSON in the model file."""

    task: str
    target: str
    features: list[Number | Category]
    classes: list[str] = field(default_factory=list)     # classification: what output i stands for
    mean: float = 0.0                                    # regression: target = output * std + mean
    std: float = 1.0
    dropped: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> Recipe:
        """The Recipe that to_json wrote; TypeError, KeyError or ValueError when it did not."""
        kinds = {"number": Number, "category": Category}
        return cls(**{**data, "features": [kinds[f["kind"]](**f) for f in data["features"]]})

    @property
    def outputs(self) -> int:
        return len(self.classes) or 1

    def encode(self, table: Table) -> tuple[np.ndarray, list[str]]:
        """X, float32 [rows, inputs], and notes on what had to be filled or was never seen."""
        for feature in self.features:
            table.require(feature.name)
        notes: list[str] = []
        return np.hstack([f.encode(table, notes) for f in self.features]).astype(np.float32), notes

    def encode_target(self, answers: np.ndarray) -> np.ndarray:
        """int64 labels [rows], -1 for a class that is not known; or float32 [rows, 1], standardised."""
        if self.task == REGRESSION:
            return ((answers - self.mean) / self.std).astype(np.float32)[:, None]
        number = {name: i for i, name in enumerate(self.classes)}
        return np.array([number.get(a, -1) for a in answers], dtype=np.int64)


def finite_numbers(table: Table, column: str) -> np.ndarray:
    """A column's values, nan where missing; UserError at the first that is no number, or infinite."""
    x, bad = table.numbers(column)
    if bad.any():
        row = int(bad.argmax())
        raise table.error(f"{table.text(column)[row]!r} is not a number", row, column)
    if np.isinf(x).any():
        raise table.error("the value is infinite; leave it empty if it is not known", int(np.isinf(x).argmax()), column)
    return x


def read_target(table: Table, column: str, task: str | None) -> tuple[str, np.ndarray]:
    """The task (found out when None) and the answers (class names, or float64).

    UserError when the column is missing, has gaps, has one value only, or cannot be what the task wants.
    """
    table.require(column)
    if len(table) < MIN_ROWS:
        raise table.error(f"has {many(len(table), 'row')}; training takes at least {MIN_ROWS}")
    text = table.text(column)
    if (text == "").any():
        row = int((text == "").argmax())
        raise table.error("the target is missing; fill it in or remove the row", row, column)
    x, bad = table.numbers(column)
    known = x[~bad]
    whole = bool(np.isfinite(known).all() and (known == np.round(known)).all())
    values = len(np.unique(known))
    if task is None:
        # Half of it numbers, and those no labels: a quantity, in which the text is a mistake.
        quantity = 2 * bad.sum() <= len(x) and (not whole or values > min(MAX_CLASSES, len(known) // 4))
        task = REGRESSION if quantity else CLASSIFICATION
    if task == REGRESSION:
        x = finite_numbers(table, column)
        if np.isnan(x).any():
            raise table.error("the target is missing; fill it in or remove the row", int(np.isnan(x).argmax()), column)
        if values < 2:
            raise table.error(f"every row has the same value ({text[0]}): there is nothing to learn", column=column)
        return task, x
    text = class_names(table, column)
    classes = Counter(text)
    if len(classes) < 2:
        raise table.error(f"there is one class only ({text[0]!r}): there is nothing to learn", column=column)
    if len(classes) > len(text) / 2:
        raise table.error(f"{len(classes)} different values in {len(text)} rows are too many classes to learn", column=column)
    return task, text


def class_names(table: Table, column: str) -> np.ndarray:
    """The column as names of classes; whole numbers are written alike, so that 1 and 1.0 are one class."""
    text = table.text(column)
    x, bad = table.numbers(column)
    if bad.any() or not np.isfinite(x).all() or (x != np.round(x)).any():
        return text
    return np.array([f"{v:.0f}" for v in x], dtype=object)


def class_order(names: Iterable[str]) -> list[str]:
    """Class names, as numbers when all are numbers, else by the alphabet."""
    names = sorted(set(names))
    try:
        return sorted(names, key=float)
    except ValueError:
        return names


def fit(table: Table, target: str, task: str, answers: np.ndarray, rows: np.ndarray) -> tuple[Recipe, list[str]]:
    """Learn the Recipe from `rows` alone, so that nothing of the held-out ones leaks into it; and notes on odd columns."""
    notes = []
    recipe = Recipe(task, target, [])
    if task == CLASSIFICATION:
        recipe.classes = class_order(answers)
    else:
        recipe.mean, recipe.std = _moments(answers[rows])
        if recipe.std == 0:
            raise table.error("the rows to train on all have the same value: there is nothing to learn", column=target)
    for name in table.names:
        if name != target:
            feature = _fit_feature(table, name, rows, CLIP if task == CLASSIFICATION else None)
            if isinstance(feature, str):
                recipe.dropped[name] = feature
                continue
            recipe.features.append(feature)
            x, bad = table.numbers(name)
            if feature.kind == "category" and not np.isnan(x).all():
                row = int(bad.argmax())
                notes.append(f"column {name!r}: {table.text(name)[row]!r} in {table.row(row)} is not a number, so its "
                             f"{len(feature.levels)} values are categories")
    for feature in list(recipe.features):
        if feature.kind == "number" and len(recipe.features) > 1 and _is_row_number(table, feature.name):
            recipe.features.remove(feature)
            recipe.dropped[feature.name] = "a row number"
    if not recipe.features:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in recipe.dropped.items()) or "the target is the only one"
        raise table.error(f"no column is left to learn from ({why})")
    return recipe, notes


def _fit_feature(table: Table, name: str, rows: np.ndarray, clip: float | None) -> Number | Category | str:
    """The column's encoding, or why it is of no use."""
    x, bad = table.numbers(name)
    if (np.isnan(x) & ~bad)[rows].all():
        return "empty"
    if bad.mean() <= (MISTAKES_OF_MANY if len(np.unique(x)) > MAX_CLASSES else MISTAKES):
        finite_numbers(table, name)      # names the row of a stray text in a column of numbers
        number = Number.fit(name, x[rows], clip)
        return number if number.std > 0 else "constant"
    text = table.text(name)
    levels = sorted(set(text[rows]) - {""})
    if len(levels) < 2 and (text != "").all():
        return "constant"
    if len(levels) > min(MAX_LEVELS, len(rows) // 2):
        return f"{len(levels)} different texts, an identifier"
    return Category(name, levels)


def _is_row_number(table: Table, name: str) -> bool:
    x = table.numbers(name)[0]
    return bool(ROW_NUMBER.match(name) and (np.diff(x) == 1).all())


def _moments(x: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, also of numbers so large that their squares overflow; std 0 when all are equal."""
    if x.min() == x.max():
        return float(x[0]), 0.0
    scale = np.abs(x).max()
    return float((x / scale).mean() * scale), float((x / scale).std() * scale)


def split(answers: np.ndarray, shuffled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to train on (72%), to choose the best epoch by (8%), and held out (20%): every answer alike in all three.

    `shuffled` is a random order of the rows; sorted by answer with ties in that order, every fifth is held out.
    """
    _, answers = np.unique(answers, return_inverse=True)
    order = shuffled[np.argsort(answers[shuffled], kind="stable")]
    held_out = np.arange(len(order)) % 5 == 2
    rest = order[~held_out]
    validation = np.arange(len(rest)) % 10 == 4
    return rest[~validation], rest[validation], order[held_out]


def rare_classes(recipe: Recipe, labels: np.ndarray) -> list[str]:
    """Notes on the classes of which no row is among `labels`, those to train on."""
    rare = set(range(len(recipe.classes))) - set(labels.ravel().tolist()) if recipe.classes else set()
    return [f"class {recipe.classes[i]!r} has too few rows: none is left to train on" for i in sorted(rare)]
