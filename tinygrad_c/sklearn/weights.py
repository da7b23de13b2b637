"""sample_weight: rows of weight 0 do not count, and in small tables a row of weight 2 is the same as the row twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from tinygrad_c.tables.errors import need

FEW_ROWS = 256  # up to here a step takes all rows, and their order and repetition can be made not to matter
FEWEST = 4  # distinct rows


def positive(sample_weight: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """(bool [rows]: which have a weight above 0, these weights). ValueError if there are none, or one is negative."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if not (weight > 0).any():
        raise ValueError("Sample weights must contain at least one non-zero number: all weights are zero.")
    if (weight < 0).any():
        raise ValueError("Negative values in data passed to sample_weight.")
    keep = weight > 0
    return keep, weight[keep]


def distinct(frame: Any, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The rows to train on: (their numbers, the place of each row among them, their weights or None where all are equal).

    Of few rows, equal ones (in frame and y) are joined, their weights added, and put in an order that depends on their content
    alone.
    """
    alone = np.arange(len(y))
    if len(y) > FEW_ROWS:
        return alone, alone, weight
    pandas = need("pandas", "sklearn")
    try:
        answers = pandas.DataFrame(y.reshape(len(y), -1), index=frame.index)
        table = pandas.concat([frame, answers], axis=1)
        digest = pandas.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:  # values that have no hash: lists, dicts
        return alone, alone, weight
    _, first, place = np.unique(digest, return_index=True, return_inverse=True)
    if len(first) < FEWEST:
        return alone, alone, weight
    total = np.bincount(place.ravel(), weights=weight, minlength=len(first)).astype(np.float64)
    return first, place.ravel(), None if (total == total[0]).all() else total
