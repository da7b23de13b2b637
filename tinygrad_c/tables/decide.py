"""Decides from the training rows whether a column is a number, a category or a date, or is left out, with a note."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from tinygrad_c.tables import parse
from tinygrad_c.tables.columns import Column, as_column
from tinygrad_c.tables.errors import UserError, many, nearest
from tinygrad_c.tables.features import JOINED, YEAR, Category, Date, Feature, Number, Scale
from tinygrad_c.tables.notes import Notes
from tinygrad_c.tables.parse import Notation, any_notation
from tinygrad_c.tables.read import Table

BAD = 0.01  # largest share of texts among the known values of a column of numbers
BAD_OF_MANY, MANY = 0.1, 20  # the same for columns with more than MANY distinct numbers
GAPS, GAPS_SHARE = 3, 0.005  # from so many missing values on (count, share), a 0/1 input marks them
ONE_VALUE = 5  # a column with one distinct value is used if it has at least 5 missing and 5 known values
IDENTIFIER = 0.3  # a text column is left out if fewer rows than this share their level with another row
LEADING_ZEROS = 0.02
CODES_FOR_MISSING = (-9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999, -1e30)
ROW_NUMBER = re.compile(
    r"(id|index|idx|row|rows?[ _.]?(id|number|nr|no|names?)|unnamed.*|column 1|#|no\.?|nr\.?|obs|case|key|uid|"
    r"uuid|guid)$",
    re.IGNORECASE,
)
KEY = re.compile(r"(.*[ _.\-](id|key|uid|uuid|guid|nr|no)|.*[a-z](Id|ID|Key)|(id|key)[ _.\-].*)$")


@dataclass
class Choices:
    """The user's settings for columns: their kinds, which to drop, which to keep."""

    number: list[str] = field(default_factory=list)
    category: list[str] = field(default_factory=list)
    date: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)

    def check(self, table: Table) -> None:
        for option, names in self.__dict__.items():
            for name in names:
                if name not in table.frame.columns:
                    raise UserError(f"no such column{nearest(name, table.names)}: --{option}", table.path, None, name)


@dataclass
class Decision:
    """The features, the dropped columns with reasons, and the notes."""

    features: list[Feature] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    wide: list[str] = field(default_factory=list)  # columns with more than 50 levels


def decide(table: Table, target: list[str], rows: np.ndarray, choices: Choices | None = None) -> Decision:
    """Fit features for all columns except the target, from `rows` only. Raises UserError if no column can be used."""
    choices = choices or Choices()
    choices.check(table)
    made = Decision()
    everything = len(rows) == len(table)
    for name in table.names:
        if name in target:
            continue
        if name in choices.drop:
            made.dropped[name] = "as --drop says"
            continue
        column = as_column(table.frame[name])
        part = column if everything else _rows(column, rows)
        found = _feature(table, part, rows, choices, made.notes)
        if isinstance(found, str):
            made.dropped[name] = found
            continue
        made.features += found
        if any(f.kind == "category" and len(f.levels) > 50 for f in found):
            made.wide.append(name)
    if not made.features:
        made.features = _last_resort(table, made, rows)
    if not made.features:
        why = (
            "; ".join(f"{name!r}: {reason}" for name, reason in list(made.dropped.items())[:4]) or "the target is the only one"
        )
        raise table.error(f"no column is left to learn from ({why})")
    return made


def _last_resort(table: Table, made: Decision, rows: np.ndarray) -> list[Feature]:
    """If no other column can be used: the row number or key as a feature."""
    for name, why in list(made.dropped.items()):
        if why in (A_ROW_NUMBER, A_KEY):
            column = _rows(as_column(table.frame[name]), rows)
            if column.numbers is not None:
                del made.dropped[name]
                made.notes.column(name, "kept, since no other column is left")
                return [Number(name, Scale.fit(column.numbers[np.isfinite(column.numbers)]))]
    return []


A_ROW_NUMBER, A_KEY = "a row number", "a key, with another number in each row"


def _rows(column: Column, rows: np.ndarray) -> Column:
    def take(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[rows]

    return Column(column.name, take(column.numbers), take(column.codes), column.texts, take(column.days), column.whole)


def _feature(table: Table, column: Column, rows: np.ndarray, choices: Choices, notes: Notes) -> list[Feature] | str:
    """The column's features, or the reason why it is dropped."""
    name = column.name
    missing = column.missing()
    if missing.all():
        return "empty"
    if name in choices.category:
        return _category(column, notes, True)
    if name in choices.date or (column.days is not None and name not in choices.number):
        order = (
            None
            if column.days is not None
            else parse.date_format(column.texts or [], column.counts())
            if column.texts is not None
            else None
        )
        return _date(column, order or "ymd", notes)
    keep = name in choices.keep or name in choices.number
    if column.numbers is not None or column.days is not None:
        if not keep and (why := _row_number_or_key(column)):
            return why
        return _number(table, column, rows, notes, Notation(), np.zeros(len(column), dtype=bool))
    counts = column.counts()
    if name not in choices.number:
        order = parse.date_format([t for t, c in zip(column.texts, counts) if c], counts[counts > 0])
        if order is not None:
            return _date(column, order, notes)
    values, bad, notation = column.parsed(comma=table.comma)
    known = (~missing).sum() - (np.isnan(values) & ~bad & ~missing).sum()  # '-' and the like mean missing here
    share = bad.sum() / known if known else 1.0
    distinct = len(np.unique(values[~np.isnan(values)]))
    if name in choices.number or (distinct and share <= (BAD_OF_MANY if distinct > MANY else BAD)):
        if not keep and not bad.any() and (why := _row_number_or_key(Column(name, numbers=values, whole=_whole(values)))):
            return why
        found = _number(table, column, rows, notes, notation, bad)
        codes = _leading_zeros(column, counts)
        if codes is not None and isinstance(found, list):
            distinct_texts = (counts > 0).sum()
            if distinct_texts <= len(column) / 2:
                category = _category(column, notes, True)
                if isinstance(category, list):
                    notes.column(
                        name,
                        "codes with leading zeros: a category, and a number as well",
                        f"a code ({codes!r} begins with 0): a category, and a number as well",
                    )
                    return [*found, *[Category(c.name, c.levels) for c in category]]
        return found
    if distinct and not bad.all() and (~np.isnan(values)).sum() > 0:
        row = int(np.flatnonzero(bad)[0])
        if (~np.isnan(values)).sum() > 0.5 * known:
            notes.column(
                name,
                "texts among the numbers: categories",
                f"{column.texts[column.codes[row]]!r} in {table.row(int(rows[row]))} is not a number, so its "
                f"{(counts > 0).sum()} values are categories",
            )
    return _category(column, notes, keep)


def _whole(x: np.ndarray) -> bool:
    known = x[~np.isnan(x)]
    return bool(len(known) and np.isfinite(known).all() and (known == np.round(known)).all())


def _row_number_or_key(column: Column) -> str:
    """The reason if the numbers only identify rows (they count rows, or are a key without repetition); else ""."""
    x = column.numbers
    if x is None or len(x) < 3 or np.isnan(x).any() or not (column.whole or _whole(x)):
        return ""
    steps = np.diff(x)
    named = bool(ROW_NUMBER.match(column.name) or KEY.match(column.name))
    if named and len(np.unique(x)) == len(x):
        return A_ROW_NUMBER if (steps == 1).all() else A_KEY
    if x.min() in (0, 1) and x.max() - x.min() <= 1.5 * len(x) and (steps > 0).all() and ROW_NUMBER.match(column.name):
        return A_ROW_NUMBER
    return ""


def _number(
    table: Table, column: Column, rows: np.ndarray, notes: Notes, notation: Notation, bad: np.ndarray
) -> list[Feature] | str:
    name = column.name
    values, _, _ = column.parsed(notation)
    infinite = np.isinf(values)
    x = np.where(infinite, np.nan, values)
    if any_notation(notation):
        example = next(
            (
                column.texts[c]
                for c, v in zip(column.codes, values)
                if c >= 0 and not np.isnan(v) and not parse.PLAIN.fullmatch(column.texts[c])
            ),
            "",
        )
        if example:  # digits of other scripts need no word
            notes.column(name, "texts read as numbers", f"numbers, written {notation.words()} ({example!r})")
    if bad.any():
        row = int(bad.argmax())
        notes.column(
            name,
            "texts among the numbers, taken as missing",
            f"{many(int(bad.sum()), 'text')} among the numbers, such as {column.texts[column.codes[row]]!r} in "
            f"{table.row(int(rows[row]))}, is not a number: taken as missing",
        )
    if infinite.any():
        notes.column(
            name,
            "infinite values, taken as missing",
            f"the value is infinite in {many(int(infinite.sum()), 'row')}, such as "
            f"{table.row(int(rows[infinite.argmax()]))}: taken as missing",
        )
    code = missing_code(x)
    if code is not None:
        count = int((x == code).sum())
        x = np.where(x == code, np.nan, x)
        notes.column(
            name,
            "a number that looks like a code for a missing value, taken as missing",
            f"{code:g} ({many(count, 'row')}) looks like a code for a missing value, and is taken as one",
        )
    known = x[~np.isnan(x)]
    gaps = len(x) - len(known)
    told = gaps >= max(GAPS, GAPS_SHARE * len(x))
    if not len(known):
        return "empty"
    if known.min() == known.max():
        if gaps >= ONE_VALUE and len(known) >= ONE_VALUE:
            notes.column(name, "one distinct value: used as present or missing")
            return [Number(name, None, True, notation, code)]
        return "constant"
    scale = Scale.fit(known)
    if gaps:
        filled = "" if scale.pair else f" filled with the median {scale.median:g}"
        notes.column(name, "missing values filled with the median", f"{many(gaps, 'missing value')}{filled}")
    return [Number(name, scale, told, notation, code)]


def missing_code(x: np.ndarray) -> float | None:
    """A code for missing values such as -999: it occurs at least twice (or in 0.2% of the rows), far from all other values."""
    finite = x[~np.isnan(x)]
    if len(finite) < 10:
        return None
    for code in CODES_FOR_MISSING:
        hits = finite == code
        count = int(hits.sum())
        if count < max(2, 0.002 * len(finite)) or count > 0.9 * len(finite):
            continue
        rest = finite[~hits]
        low, high = rest.min(), rest.max()
        room = high - low
        negative = code < 0 <= low
        if (negative and -code > 2 * high) or (room > 0 and (code < low - 3 * room or code > high + 3 * room)):
            return float(code)
    return None


def _leading_zeros(column: Column, counts: np.ndarray) -> str | None:
    """An example text if all texts are digits of equal length and over 2% of the values begin with 0; else None."""
    used = [(t, c) for t, c in zip(column.texts, counts) if c and t.isdigit()]
    if not used or len({len(t) for t, _ in used}) != 1 or len(used[0][0]) < 2:
        return None
    zeros = [(t, c) for t, c in used if t[0] == "0"]
    if sum(c for _, c in zeros) <= LEADING_ZEROS * sum(c for _, c in used):
        return None
    return zeros[0][0]


def _category(column: Column, notes: Notes, keep: bool) -> list[Feature] | str:
    column = column.as_text()
    counts = column.counts()
    used = counts > 0
    distinct, rows = int(used.sum()), len(column)
    gaps = int((column.codes < 0).sum())
    told = gaps >= max(GAPS, GAPS_SHARE * rows)
    if distinct < 2:
        if gaps >= ONE_VALUE and rows - gaps >= ONE_VALUE:
            notes.column(column.name, "one distinct value: used as present or missing")
            return [Category(column.name, [], True)]
        return "constant"
    if distinct > 2 and not keep:
        shared = counts[counts > 1].sum() / rows
        if distinct > rows / 2 or shared < IDENTIFIER:
            return (
                f"{distinct} different texts, an identifier"
                if shared < 0.5
                else f"{distinct} different texts in {rows} rows, an identifier"
            )
    levels = [t for t, c in zip(column.texts, counts) if c]
    if distinct > JOINED:
        levels = [t for t, c in zip(column.texts, counts) if c > 1]
        if len(levels) < 2:
            levels = [t for t, c in zip(column.texts, counts) if c]
        elif len(levels) < distinct:
            notes.column(
                column.name,
                "levels of one row joined",
                f"{many(distinct - len(levels), 'level')} of one row each joined as one",
            )
    return [Category(column.name, sorted(levels), told)]


def _date(column: Column, order: str, notes: Notes) -> list[Feature] | str:
    days = column.dates(order)
    known = days[~np.isnan(days)]
    gaps = len(days) - len(known)
    if not len(known):
        return "empty"
    told = gaps >= max(GAPS, GAPS_SHARE * len(days))
    if known.min() == known.max():
        return [Date(column.name, None, order, True)] if gaps >= ONE_VALUE and len(known) >= ONE_VALUE else "constant"
    cycles = [YEAR] if known.max() - known.min() > 30 else []
    cycles += [7.0] if known.max() - known.min() > 2 else []
    cycles += [1.0] if (known != np.floor(known)).any() else []
    named = {"ymd": "year-month-day", "dmy": "day-month-year", "mdy": "month-day-year"}[order]
    notes.column(
        column.name,
        "dates: the day number, and the time of year, of the week and of the day",
        f"dates ({named}): the day number, and the time of year, of the week and of the day",
    )
    return [Date(column.name, Scale.fit(known), order, told, cycles)]
