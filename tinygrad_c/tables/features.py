"""Features: how a column is encoded as a net's inputs. Fitted on training rows, stored as plain data, applied to others.

Each feature yields up to four blocks for n rows: `z`, the number (centred, scaled, clipped smoothly); `plain`, other inputs;
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
LONG_TAIL, LINEAR_TAIL = 10.0, 5.0      # length of a tail in interquartile ranges: above it log1p, or a linear input, is added
FAR_OUT = 10.0           # tenths of the training range: numbers further outside get a note at prediction
ONE_HOT, JOINED = 8, 10  # up to 8 levels: one-hot; above 10 levels: levels of a single row are joined
EMBEDDING = 8
YEAR, WEEK = 365.2425, 7.0
OTHER = 0                # the code of joined, missing and unseen levels


class Blocks:
    """The encoded features of n rows: X float32 [n, z + plain + bins], which features fill; codes int64 [n, 1] each."""

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

    For long tails a second, linear input (x - mean) / std, clipped at 30; piecewise-linear bins between quantiles (Gorishniy et
    al. 2022); +1 and -1 if x has only two values. A missing x is replaced by the median in z, by 0 in the linear input and by
    0.5 in the bins.
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
        """Fit to finite values, at least two of them distinct."""
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
        scale.factor = 1 / width if 0 < width < np.inf and np.isfinite(1 / width) else 1.0
        edges = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)))
        keep = [edges[0]]
        for edge in edges[1:]:          # a bin of width 0 in float32 would divide by zero
            if edge - keep[-1] > 1e-7 * max(abs(low), abs(high)):
                keep.append(edge)
        scale.edges = [float(e) for e in keep] if len(keep) > 1 else []
        return scale

    def logarithm(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):        # 1e300 over a unit of 1e-300: encode cuts it
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
        """A mask of values far outside the training range, which get a note."""
        room = FAR_OUT * (self.high - self.low) / 10
        with np.errstate(invalid="ignore"):
            return (x > self.high + room) | (x < self.low - room)

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Numbers of inputs in z, plain, bins and codes."""
        if self.pair is not None:
            return 0, 1, 0, 0
        return 1, int(self.linear is not None), max(0, len(self.edges) - 1), 0


@dataclass
class Number:
    """A column of numbers. gaps: a 0/1 input marks missing values. scale: None if that is the only input."""

    name: str
    scale: Scale | None
    gaps: bool = False
    notation: Notation = field(default_factory=Notation)
    missing_code: float | None = None
    kind: str = "number"

    def values(self, column: Column) -> np.ndarray:
        """The column as float64; missing values, texts and infinities are nan."""
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
    """A column of levels: +1 and -1 for two levels, one-hot for up to 8, a learned embedding for more."""

    name: str
    levels: list[str]
    gaps: bool = False
    kind: str = "category"

    @property
    def embedded(self) -> bool:
        return len(self.levels) > ONE_HOT

    def indices(self, column: Column) -> np.ndarray:
        """The index of each row's level; -1 if it is missing or unseen."""
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
    """A column of dates: the day number, and sine and cosine of the time of year, of the week and of the day."""

    name: str
    scale: Scale | None
    order: str = "ymd"
    gaps: bool = False
    cycles: list[float] = field(default_factory=list)     # periods in days
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
    """The feature of to_json's result. Raises TypeError, KeyError or ValueError for other data."""
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
    """Mean and standard deviation, without overflow of squares; std is 0 if all values are equal."""
    if x.min() == x.max():
        return float(x[0]), 0.0
    scale = np.abs(x).max()
    return float((x / scale).mean() * scale), float((x / scale).std() * scale)
