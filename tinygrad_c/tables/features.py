"""How a column becomes inputs of a net: what is fitted on the training rows, kept as plain data, and repeated on others.

Each feature gives, for n rows, up to four blocks: `z`, the number itself (centred, scaled, squeezed); `plain`, further columns;
`bins`, a piecewise-linear encoding of the number; `codes`, levels that the net looks up in a learned embedding.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tinygrad_c.tables.columns import Column
from tinygrad_c.tables.parse import Notation

BINS = 8
SQUEEZE = 3.0            # the smooth clip x / sqrt(1 + (x / 3)^2) stays within -3 and 3
LINEAR_CUT = 30.0        # standard deviations
LONG_TAIL, LINEAR_TAIL = 10.0, 5.0      # tails, in interquartile ranges, from which log1p and a linear column are added
FAR_OUT = 10.0           # of the training range beyond its ends: told at predict
ONE_HOT, JOINED = 8, 10  # levels up to which they are columns of 0 and 1; above which those of one row are joined
EMBEDDING = 8
YEAR, WEEK = 365.2425, 7.0
OTHER = 0                # the code of joined, missing and unseen levels


class Blocks:
    """Where features write what they give for n rows: columns z, plain and bins of X float32 [n, ..]; codes int64 [n, 1]."""

    def __init__(self, n: int, z: int, plain: int, bins: int) -> None:
        self.X = np.empty((n, z + plain + bins), dtype=np.float32)
        self.codes: list[np.ndarray] = []
        self._next = {"z": 0, "plain": z, "bins": z + plain}

    def room(self, part: str, width: int = 1) -> np.ndarray:
        """The next columns of a part, [n, width]."""
        begin = self._next[part]
        self._next[part] += width
        return self.X[:, begin : begin + width]

    def put(self, part: str, values: np.ndarray) -> None:
        """One column [n]."""
        self.room(part)[:, 0] = values


@dataclass
class Scale:
    """A number x: t = sign(x) log1p(|x| / unit) if there is a unit, z = (t - centre) * factor, then the smooth clip.

    A second, linear column (x - mean) / std, cut at 30, for long tails; piecewise-linear bins between quantiles; +1 and -1 for
    a number of two values. A missing x is the median: z of it, 0 in the linear column, 0.5 in the bins.
    """

    median: float
    centre: float = 0.0
    factor: float = 1.0
    unit: float | None = None
    linear: tuple[float, float] | None = None
    edges: list[float] = field(default_factory=list)
    pair: tuple[float, float] | None = None
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def fit(cls, x: np.ndarray) -> Scale:
        """Of finite values, at least two different ones."""
        levels = np.unique(x)
        low, high = float(levels[0]), float(levels[-1])
        median = float(np.median(x))
        if len(levels) == 2:
            return cls(median, pair=(low, high), low=low, high=high)
        scale = cls(median, low=low, high=high)
        q1, q3 = np.quantile(x, [0.25, 0.75])
        spread = float(q3 - q1)
        tail = max(high - median, median - low) / spread if spread > 0 else np.inf
        t = x
        if len(levels) > JOINED and tail > LONG_TAIL:
            scale.unit = float(np.median(np.abs(x[x != 0]))) or 1.0
            t = scale.logarithm(x)
        if tail > LINEAR_TAIL:
            mean, std = moments(x)
            scale.linear = (mean, std)
        scale.centre = float(np.median(t))
        q1, q3 = np.quantile(t, [0.25, 0.75])
        width = float(q3 - q1) if q3 > q1 else float(t.max() - t.min()) / 2
        scale.factor = 1 / width if width > 0 and np.isfinite(1 / width) else 1.0
        edges = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)))
        keep = [edges[0]]
        for edge in edges[1:]:          # bins that have no width in float32 would be divisions by nothing
            if edge - keep[-1] > 1e-7 * max(abs(low), abs(high)):
                keep.append(edge)
        scale.edges = [float(e) for e in keep] if len(keep) > 1 else []
        return scale

    def logarithm(self, x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.log1p(np.abs(x) / self.unit)

    def encode(self, x: np.ndarray, out: Blocks) -> None:
        known = ~np.isnan(x)
        if self.pair is not None:
            middle = (self.pair[0] + self.pair[1]) / 2
            out.put("plain", np.where(known, np.where(x > middle, 1.0, -1.0), 0.0))
            return
        filled = np.where(known, x, self.median)
        t = filled if self.unit is None else self.logarithm(filled)
        z = (t - self.centre) * self.factor
        z = z.clip(-1e18, 1e18)
        out.put("z", z / np.sqrt(1 + (z / SQUEEZE) ** 2))
        if self.linear is not None:
            line = ((filled - self.linear[0]) / self.linear[1]).clip(-LINEAR_CUT, LINEAR_CUT)
            out.put("plain", np.where(known, line, 0.0))
        if self.edges:
            block = out.room("bins", len(self.edges) - 1)
            for i, (a, b) in enumerate(zip(self.edges, self.edges[1:])):
                block[:, i] = ((filled - a) * (1 / (b - a))).clip(0, 1)
            block[~known] = 0.5

    def far(self, x: np.ndarray) -> np.ndarray:
        """Where x lies so far outside the training range that it is told."""
        room = FAR_OUT * (self.high - self.low) / 10
        with np.errstate(invalid="ignore"):
            return (x > self.high + room) | (x < self.low - room)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Columns of z, plain, bins, codes."""
        if self.pair is not None:
            return 0, 1, 0, 0
        return 1, int(self.linear is not None), max(0, len(self.edges) - 1), 0


@dataclass
class Number:
    """A column of numbers; `gaps` adds a column that says where the value is missing; scale is None where only that is left."""

    name: str
    scale: Scale | None
    gaps: bool = False
    notation: Notation = field(default_factory=Notation)
    missing_code: float | None = None
    kind: str = "number"

    def values(self, column: Column) -> np.ndarray:
        """The column as float64, nan where it is missing, no number or infinite."""
        x, _, _ = column.parsed(self.notation)
        x = np.where(np.isfinite(x), x, np.nan)
        return x if self.missing_code is None else np.where(x == self.missing_code, np.nan, x)

    def encode(self, column: Column, out: Blocks) -> None:
        x = self.values(column)
        if self.scale is not None:
            self.scale.encode(x, out)
        if self.gaps:
            out.put("plain", np.isnan(x))

    @property
    def widths(self) -> tuple[int, int, int, int]:
        z, plain, bins, codes = self.scale.widths if self.scale else (0, 0, 0, 0)
        return z, plain + self.gaps, bins, codes


@dataclass
class Category:
    """A column of levels: +1 and -1 for two of them, a column of 0 and 1 each up to 8, else a row of an embedding each."""

    name: str
    levels: list[str]
    gaps: bool = False
    kind: str = "category"

    @property
    def embedded(self) -> bool:
        return len(self.levels) > ONE_HOT

    def indices(self, column: Column) -> np.ndarray:
        """The number of each row's level, -1 for a missing or unseen one."""
        column = column.as_text()
        place = {level: i for i, level in enumerate(self.levels)}
        return np.append(np.array([place.get(t, -1) for t in column.texts], dtype=np.int64), -1)[column.codes]

    def encode(self, column: Column, out: Blocks) -> None:
        index = self.indices(column)
        if self.embedded:
            out.codes.append((index + 1)[:, None])
        elif len(self.levels) == 2:
            out.put("plain", np.where(index < 0, 0, index * 2 - 1))
        elif self.levels:
            out.room("plain", len(self.levels))[:] = index[:, None] == np.arange(len(self.levels))
        if self.gaps:
            out.put("plain", column.missing())

    @property
    def widths(self) -> tuple[int, int, int, int]:
        plain = 0 if self.embedded else 1 if len(self.levels) == 2 else len(self.levels)
        return 0, plain + self.gaps, 0, int(self.embedded)


@dataclass
class Date:
    """A column of dates: the day number as a number, and sine and cosine of year, week and day."""

    name: str
    scale: Scale | None
    order: str = "ymd"
    gaps: bool = False
    cycles: list[float] = field(default_factory=list)     # their lengths in days
    kind: str = "date"

    def values(self, column: Column) -> np.ndarray:
        return column.dates(self.order)

    def encode(self, column: Column, out: Blocks) -> None:
        days = self.values(column)
        known = ~np.isnan(days)
        if self.scale is not None:
            self.scale.encode(days, out)
        for length in self.cycles:
            angle = 2 * np.pi * (days / length - np.floor(days / length))
            for wave in (np.sin(angle), np.cos(angle)):
                out.put("plain", np.where(known, wave, 0.0))
        if self.gaps:
            out.put("plain", ~known)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        z, plain, bins, codes = self.scale.widths if self.scale else (0, 0, 0, 0)
        return z, plain + 2 * len(self.cycles) + self.gaps, bins, codes


Feature = Number | Category | Date


def to_json(feature: Feature) -> dict[str, Any]:
    return asdict(feature)


def from_json(data: dict[str, Any]) -> Feature:
    """The feature that to_json wrote; TypeError, KeyError or ValueError when it did not."""
    data = dict(data)
    kind = {"number": Number, "category": Category, "date": Date}[data["kind"]]
    if data.get("scale") is not None:
        scale = dict(data["scale"])
        for name in ("linear", "pair"):
            scale[name] = None if scale[name] is None else tuple(scale[name])
        data["scale"] = Scale(**scale)
    if "notation" in data:
        data["notation"] = Notation(**data["notation"])
    return kind(**data)


def moments(x: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, also of numbers so large that their squares overflow; std 0 when all are equal."""
    if x.min() == x.max():
        return float(x[0]), 0.0
    scale = np.abs(x).max()
    return float((x / scale).mean() * scale), float((x / scale).std() * scale)
