"""Generates rows for a model: golden rows for self-tests, random rows to compare exported models with."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_c.tables.encoder import Encoder
from tinygrad_c.tables.errors import need
from tinygrad_c.tables.features import Category, Date


def example_rows(encoder: Encoder, count: int, seed: int = 0) -> Any:
    """A DataFrame of `count` rows: values within and far outside the training range, gaps, every level, unseen ones.

    Dates are given as numbers of days since 1970-01-01, see `plain_columns`.
    """
    pandas = need("pandas")
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    numbers = {f.name for f in encoder.features if not isinstance(f, Category)}
    for f in encoder.features:
        if f.name in columns and f.name in numbers:
            continue
        if isinstance(f, Category):
            levels = [*f.levels, "a level that no row has", None]
            values: Any = np.array([levels[i] for i in rng.integers(0, len(levels), count)], dtype=object)
        elif f.scale is None:
            values = np.where(rng.random(count) < 0.5, np.nan, 1.0)
        else:
            s = f.scale
            values = np.round(rng.uniform(s.low, s.high, count), 6)
            if s.pair is not None or not (s.low % 1 or s.high % 1):
                values = np.round(values)
            edge = rng.integers(0, max(1, len(s.edges)), count)
            if s.edges:
                values = np.where(rng.random(count) < 0.2, np.array(s.edges)[edge], values)
            wide = (s.high - s.low) * rng.choice([-3.0, 3.0, 50.0], count) + s.median
            values = np.where(rng.random(count) < 0.05, wide, values)
            values = np.where(rng.random(count) < 0.1, np.nan, values)
            if isinstance(f, Date):
                values = np.round(values * 24) / 24
            if f.name in {g.name for g in encoder.features if isinstance(g, Category)}:  # both number and category
                levels = next(g.levels for g in encoder.features if isinstance(g, Category) and g.name == f.name)
                values = np.array([levels[i] for i in rng.integers(0, len(levels), count)], dtype=object)
        columns[f.name] = values
    return pandas.DataFrame(columns)


def as_read(encoder: Encoder, frame: Any) -> Any:
    """The rows as TableModel takes them, with days converted to dates."""
    pandas = need("pandas")
    frame = frame.copy()
    for f in encoder.features:
        if isinstance(f, Date):
            days = frame[f.name].to_numpy(np.float64)
            stamps = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[us]")
            known = np.isfinite(days) & (np.abs(days) < 3_000_000)
            stamps[known] = np.round(days[known] * 86400e6).astype("timedelta64[us]") + np.datetime64(0, "us")
            frame[f.name] = pandas.Series(stamps)
            frame.loc[~known, f.name] = pandas.NaT
    return frame


def plain_columns(encoder: Encoder, table: Any) -> dict[str, np.ndarray]:
    """Inputs of an exported model by column: numbers and days as float64 (nan: missing), categories as str or None."""
    from tinygrad_c.tables.columns import as_column
    from tinygrad_c.tables.read import Table

    frame = table.frame if isinstance(table, Table) else table
    found: dict[str, np.ndarray] = {}
    for f in encoder.features:
        column = as_column(frame[f.name])
        if isinstance(f, Category):
            texts = column.as_text()
            found[f.name + CODE if f.name in doubles(encoder) else f.name] = np.append(
                np.array(texts.texts, dtype=object), np.array([None], dtype=object)
            )[texts.codes]
        else:
            found[f.name] = f.values(column)
    return found


CODE = " as a code"


def doubles(encoder: Encoder) -> set[str]:
    """Columns that are both a number and a category: exported as two inputs."""
    numbers = {f.name for f in encoder.features if not isinstance(f, Category)}
    return {f.name for f in encoder.features if isinstance(f, Category)} & numbers


def inputs_of(encoder: Encoder) -> list[tuple[str, bool, Any]]:
    """The inputs of an exported model, in order: name, whether it is text, the feature."""
    both = doubles(encoder)
    return [
        (f.name + CODE if isinstance(f, Category) and f.name in both else f.name, isinstance(f, Category), f)
        for f in encoder.features
    ]
