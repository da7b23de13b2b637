"""A column of a DataFrame in one of three forms: numbers, texts (distinct texts and a code for each row), or points in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_c.tables import parse
from tinygrad_c.tables.errors import need
from tinygrad_c.tables.parse import Notation

if TYPE_CHECKING:
    import pandas


@dataclass
class Column:
    """The values of a column. Exactly one of `numbers` (float64, nan: missing), `codes` with `texts` (-1: missing) and `days`
    (float64, days since 1970-01-01) is set, as pandas parsed it; the methods convert text to numbers or dates.
    """

    name: str
    numbers: np.ndarray | None = None
    codes: np.ndarray | None = None
    texts: list[str] | None = None
    days: np.ndarray | None = None
    whole: bool = False  # the dtype is an integer type

    def __len__(self) -> int:
        return len(self.numbers if self.numbers is not None else self.codes if self.codes is not None else self.days)

    def counts(self) -> np.ndarray:
        """How often each of `texts` occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))

    def missing(self) -> np.ndarray:
        if self.codes is not None:
            return self.codes < 0
        return np.isnan(self.numbers if self.numbers is not None else self.days)

    def as_text(self) -> Column:
        """The column as texts. 1 and 1.0 give the same text, so they are one level."""
        if self.texts is not None:
            return self
        values = self.numbers if self.numbers is not None else self.days
        known = ~np.isnan(values)
        levels, inverse = np.unique(values[known], return_inverse=True)
        codes = np.full(len(values), -1, dtype=np.int64)
        codes[known] = inverse
        texts = [number_text(v) for v in levels] if self.days is None else [str(v) for v in day_texts(levels)]
        return Column(self.name, codes=codes, texts=texts)

    def parsed(self, notation: Notation | None = None, comma: bool | None = None) -> tuple[np.ndarray, np.ndarray, Notation]:
        """The column as numbers: the values, a mask of texts that are not numbers, and the notation."""
        if self.texts is None:
            values = self.numbers if self.numbers is not None else self.days
            return values, np.zeros(len(values), dtype=bool), notation or Notation()
        values, bad, notation = parse.parse_numbers(self.texts, self.counts(), notation, True if comma else None)
        return _by_code(values, self.codes, np.nan), _by_code(bad, self.codes, False), notation

    def dates(self, order: str | None) -> np.ndarray:
        """The column as days since 1970-01-01. order: the result of date_format."""
        if self.days is not None:
            return self.days
        if self.texts is None:
            return np.full(len(self), np.nan)
        return _by_code(
            np.array([parse.parse_date(t, order or "ymd") for t in self.texts], dtype=np.float64), self.codes, np.nan
        )


def number_text(value: float) -> str:
    """The text of a number as a level or class name: 3 for 3.0, 0.25 for 0.25."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e18 else repr(float(value))


def day_texts(days: np.ndarray) -> np.ndarray:
    return np.datetime_as_string((days * 86400e3).round().astype("datetime64[ms]"), unit="s")


def _by_code(values: np.ndarray, codes: np.ndarray, missing: Any) -> np.ndarray:
    return np.append(values, np.array(missing, dtype=values.dtype))[codes] if len(codes) else values[:0]


def as_column(series: pandas.Series) -> Column:
    """The Column of a series of any dtype. Values that are neither numbers nor dates are text."""
    pandas = need("pandas")
    name, kind = str(series.name), series.dtype
    types = pandas.api.types
    if types.is_bool_dtype(kind) and not isinstance(kind, pandas.CategoricalDtype):
        values = series.astype(object).where(series.notna(), None)
        return _of_texts(pandas, name, values.map({True: "True", False: "False"}))
    if types.is_datetime64_any_dtype(kind):
        if getattr(kind, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return Column(name, days=_days(series.to_numpy("datetime64[us]")))
    if types.is_timedelta64_dtype(kind):
        return Column(name, numbers=series.dt.total_seconds().to_numpy(np.float64))
    if isinstance(kind, pandas.PeriodDtype):
        return Column(name, days=_days(series.dt.to_timestamp().to_numpy("datetime64[us]")))
    if isinstance(kind, pandas.CategoricalDtype):
        return _of_texts(pandas, name, series.astype(object))
    if types.is_numeric_dtype(kind) and not types.is_complex_dtype(kind):
        values = (
            series.to_numpy(dtype=np.float64, na_value=np.nan)
            if series.dtype.kind not in "iufb" or series.hasnans
            else series.to_numpy().astype(np.float64)
        )
        return Column(name, numbers=values, whole=types.is_integer_dtype(kind))
    return _of_texts(pandas, name, series)


def _days(stamps: np.ndarray) -> np.ndarray:
    days = stamps.astype(np.int64) / 86400e6
    days[np.isnat(stamps)] = np.nan
    return days


def _of_texts(pandas: Any, name: str, series: pandas.Series) -> Column:
    codes, uniques = pandas.factorize(series.to_numpy(dtype=object) if series.dtype == object else series, use_na_sentinel=True)
    if (
        len(uniques)
        and not any(isinstance(u, str) for u in uniques)
        and any(isinstance(u, (int, float)) for u in uniques)
        and all(isinstance(u, (int, float, np.number)) and not isinstance(u, bool) for u in uniques)
    ):
        values = np.array([float(u) for u in uniques])  # numbers in a column of objects
        return Column(name, numbers=_by_code(values, codes, np.nan))
    texts, index = [], {}
    place = np.empty(len(uniques) + 1, dtype=np.int64)
    place[-1] = -1
    for i, unique in enumerate(uniques):
        text = (
            number_text(float(unique))
            if isinstance(unique, (int, float)) and not isinstance(unique, bool) and np.isfinite(unique)
            else str(unique).strip()
        )
        if text.lower() in parse.MISSING:
            place[i] = -1
            continue
        place[i] = index.setdefault(text, len(texts))
        if place[i] == len(texts):
            texts.append(text)
    return Column(name, codes=place[codes], texts=texts)
