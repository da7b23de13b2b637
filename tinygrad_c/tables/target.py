"""The target column: the rows in which it is known, and whether it is a class or a quantity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tinygrad_c.tables.columns import Column, as_column, number_text
from tinygrad_c.tables.errors import many
from tinygrad_c.tables.parse import Notation, any_notation
from tinygrad_c.tables.read import Table

CLASSIFICATION, REGRESSION = "classification", "regression"
MIN_ROWS = 10
FEW = 10  # up to so many distinct integers are classes, unless one of them is rare
RARE, RARE_SHARE = 3, 0.005
BALANCED = 20  # more than FEW distinct integers are classes if each occurs in 20 rows and half as often as the mean
BAD, BAD_OF_MANY, MANY = 0.01, 0.1, 20


@dataclass
class Target:
    """The known targets."""

    name: str
    task: str
    rows: np.ndarray  # the rows of the table whose target is known
    y: np.ndarray  # class indices (int64), or quantities (float64)
    classes: list[str] = field(default_factory=list)
    notation: Notation = field(default_factory=Notation)
    notes: list[str] = field(default_factory=list)
    why: str = ""  # how the task was decided


def read_target(table: Table, name: str, task: str | None = None) -> Target:
    """The Target. task: detected if None. Raises UserError if it cannot be learned."""
    table.require(name)
    if len(table) < MIN_ROWS:
        raise table.error(f"has {many(len(table), 'row')}; training takes at least {MIN_ROWS}")
    column = as_column(table.frame[name])
    missing = column.missing()
    values, bad, notation = column.parsed(comma=table.comma)
    bad = bad & ~missing
    finite = np.isfinite(values)
    known = values[finite]
    distinct = len(np.unique(known))
    share = bad.sum() / max(1, bad.sum() + finite.sum())
    numeric = distinct > 0 and share <= (BAD_OF_MANY if distinct > MANY else BAD)
    why = "--task"
    if task is None:
        task, why = _task(known, distinct) if numeric and column.days is None else (CLASSIFICATION, "its values are text")
    target = Target(name, task, np.empty(0, np.int64), np.empty(0), why=why)
    if task == REGRESSION:
        if not distinct:
            row = int(np.flatnonzero(bad)[0]) if bad.any() else None
            example = f"{column.texts[column.codes[row]]!r} is not a number" if row is not None else "the target is empty"
            raise table.error(example, row, name)
        if share > 0.5:
            row = int(bad.argmax())
            raise table.error(f"{column.texts[column.codes[row]]!r} is not a number", row, name)
        _left_out(table, target, ~finite, column, bad, values)
        target.rows, target.y, target.notation = np.flatnonzero(finite), known, notation
        if any_notation(notation):
            target.notes.append(f"target {name!r}: a quantity written {notation.words()}")
        if distinct < 2:
            raise table.error(f"every row has the same value ({known[0]:g}): there is nothing to learn", column=name)
    else:
        names = class_names(column)
        unknown = np.array([n is None for n in names], dtype=bool)
        _left_out(table, target, unknown, column, np.zeros(len(column), dtype=bool), None)
        target.rows = np.flatnonzero(~unknown)
        names = names[~unknown]
        counts = Counter(names)
        if not counts:
            raise table.error("the target is empty", column=name)
        if len(counts) < 2:
            raise table.error(f"there is one class only ({names[0]!r}): there is nothing to learn", column=name)
        if len(counts) > len(names) / 2:
            raise table.error(f"{len(counts)} different values in {len(names)} rows are too many classes to learn", column=name)
        target.classes = class_order(counts)
        number = {c: i for i, c in enumerate(target.classes)}
        target.y = np.array([number[n] for n in names], dtype=np.int64)
    if len(target.rows) < MIN_ROWS:
        raise table.error(
            f"has {many(len(target.rows), 'row')} whose target is known; training takes at least {MIN_ROWS}", column=name
        )
    return target


def _task(known: np.ndarray, distinct: int) -> tuple[str, str]:
    """The task and the reason: few distinct integers, none of them rare, are classes; other numbers are a quantity."""
    if not (known == np.round(known)).all():
        return REGRESSION, "its values are not whole"
    _, counts = np.unique(known, return_counts=True)
    rarest = int(counts.min())
    if distinct == 2:
        return CLASSIFICATION, "it has 2 values"
    if distinct <= FEW:
        if distinct > 3 and rarest < max(RARE, RARE_SHARE * len(known)) and known.min() >= 0 and counts.max() > 5 * rarest:
            return (
                REGRESSION,
                f"{distinct} whole numbers, the rarest of {many(rarest, 'row')}: a count; --task classification for classes",
            )
        return CLASSIFICATION, f"{distinct} whole numbers, as often as classes are; --task regression for a quantity"
    if distinct <= 100 and rarest >= BALANCED and rarest >= 0.5 * counts.mean():
        return CLASSIFICATION, f"{distinct} whole numbers, all about as often; --task regression for a quantity"
    return REGRESSION, f"{distinct} whole numbers" + ("; --task classification for classes" if distinct <= 100 else "")


def _left_out(
    table: Table, target: Target, out: np.ndarray, column: Column, bad: np.ndarray, values: np.ndarray | None
) -> None:
    count = int(out.sum())
    if not count:
        return
    if bad.any():
        row = int(bad.argmax())
        reason = f"is not a number in some rows, such as {column.texts[column.codes[row]]!r} in {table.row(row)}"
    elif values is not None and np.isinf(values).any():
        reason = f"is infinite in some rows, such as {table.row(int(np.isinf(values).argmax()))}"
    else:
        reason = f"is missing (the first is {table.row(int(out.argmax()))})"
    target.notes.append(f"{many(count, 'row')} left out: the target {target.name!r} {reason}")


def class_names(column: Column) -> np.ndarray:
    """The column as class names, None where it is missing. 1 and 1.0 are the same class."""
    if column.texts is None:
        values = column.numbers if column.numbers is not None else None
        if values is None:
            column = column.as_text()
        else:
            levels, inverse = np.unique(values, return_inverse=True)
            names = np.array([number_text(v) if np.isfinite(v) else None for v in levels], dtype=object)
            return names[inverse]
    texts = column.texts
    values = [_float(t) for t in texts]
    if texts and all(v is not None and v == round(v) for v in values):
        texts = [number_text(v) for v in values]
    return np.append(np.array(texts, dtype=object), np.array([None], dtype=object))[column.codes]


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def class_order(names: Iterable[str]) -> list[str]:
    """Class names in numerical order if all are numbers, else in alphabetical order."""
    names = sorted(set(names))
    try:
        return sorted(names, key=float)
    except ValueError:
        return names
