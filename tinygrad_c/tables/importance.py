"""Permutation importance (Breiman 2001): how much the out-of-fold score falls when one column is shuffled."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_c.tables.encoder import Inputs
from tinygrad_c.tables.folds import shuffled
from tinygrad_c.tables.model import TableModel, of_fold

if TYPE_CHECKING:
    from tinygrad_c.tables.fit import Fitting

ROWS = 500              # of each fold, at most
VALUES = 3_000_000      # encoded inputs in all: with more columns, fewer rows are used


def importance(fitting: Fitting) -> dict[str, float]:
    """For each column the fall of the metric, averaged over folds; empty if there are too many columns."""
    trainer = fitting.first
    encoder, inputs = trainer.encoder, trainer.rows.inputs
    columns = encoder.columns
    budget = VALUES // max(1, len(columns) * max(1, encoder.width))
    rows = min(ROWS, budget // max(1, trainer.plan.nets))
    if rows < 20:
        return {}
    groups, _ = fitting.groups()
    truth, metric, places = fitting.truth(), fitting.metric, _places(encoder)
    found = dict.fromkeys(columns, 0.0)
    for k in range(trainer.plan.nets):
        model = TableModel(fitting.task, fitting.names, encoder, of_fold(groups, k), fitting.classes, fitting.mean, fitting.std,
                           *([[], []] if fitting.limits is None else [list(v) for v in fitting.limits]))
        part = trainer.val_rows[k]
        part = part[shuffled(len(part), k)][:rows]
        given, y = inputs.take(part), truth[part]
        order = shuffled(len(part), k + 100)
        base = metric.value(model.answers(given), y)
        for name, (X, codes) in places.items():
            changed = Inputs(given.X.copy(), given.codes.copy())
            changed.X[:, X] = given.X[order][:, X]
            changed.codes[:, codes] = given.codes[order][:, codes]
            lost = base - metric.value(model.answers(changed), y)
            found[name] += (lost if metric.greater else -lost) / trainer.plan.nets
    return {name: round(float(value), 6) + 0.0 for name, value in found.items()}


def _places(encoder) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each column of the table, its columns in X and in codes."""
    at = [0, encoder.z, encoder.z + encoder.plain]
    code = 0
    found: dict[str, tuple[list[int], list[int]]] = {}
    for f in encoder.features:
        X, codes = found.setdefault(f.name, ([], []))
        for i in range(3):
            X += range(at[i], at[i] + f.widths[i])
            at[i] += f.widths[i]
        if f.widths[3]:
            codes.append(code)
            code += 1
    return {name: (np.array(X, dtype=np.int64), np.array(c, dtype=np.int64)) for name, (X, c) in found.items()}
