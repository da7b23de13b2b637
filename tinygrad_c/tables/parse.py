"""Parses text as numbers and dates: notations of numbers, orders of dates, and spellings of missing values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

# Spellings of a missing value in any column, in lower case; the second set is missing in a column of numbers only.
MISSING = frozenset(
    {
        "",
        "?",
        "na",
        "n/a",
        "#n/a",
        "#na",
        "<na>",
        "nan",
        "-nan",
        "null",
        "#n/a n/a",
        "n.a.",
        "#null!",
        "#div/0!",
        "#value!",
        "#ref!",
        "1.#qnan",
        "1.#ind",
        "-1.#ind",
        "-1.#qnan",
    }
)
MISSING_NUMBER = MISSING | {"-", "--", "---", ".", "..", "none", "nat", "unknown", "missing", "nil", "not available"}
# For pandas, whose comparison is case-sensitive.
NA_VALUES = sorted(
    {form for word in MISSING for form in (word, word.upper(), word.capitalize(), word.title())} | {"NaN", "-NaN"}
)

CURRENCY = "$€£¥₹"
CURRENCY_CODES = {"USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "INR", "CNY", "RS", "US$", "A$", "C$", "~"}
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
PLAIN = re.compile(rf"[+-]?{NUMBER}", re.IGNORECASE)
PARTS = re.compile(
    r"(?P<before>[^\d.,(+-]*?)\s*(?P<sign>[+-]?)\s*(?P<cur>[$€£¥₹]?)\s*(?P<body>[\d.,'’\u00a0\u202f ]*\d[\d.,]*"
    r"(?:e[+-]?\d+)?)\s*(?P<after>.*)",
    re.IGNORECASE | re.DOTALL,
)
THOUSANDS = re.compile(r"\d{1,3}(?:([,'’\u00a0\u202f ])\d{3})(?:\1\d{3})*(?:\.\d*)?$")
COMMA_THOUSANDS = re.compile(r"\d{1,3}(?:[.'’\u00a0\u202f ]\d{3})*(?:,\d*)?$|\d+,\d*$")
COMMA_DECIMAL = re.compile(r"^\D*(?:\d+|\d{1,3}(?:[.'’\u00a0\u202f ]\d{3})+),(?:\d{1,2}|\d{4,})\D*$")


CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
HOURS = "hours"


@dataclass
class Notation:
    """The notation of a column's numbers: decimal comma or point, and a unit or currency that is stripped."""

    comma: bool = False
    unit: str = ""  # 'kg', '%', '$', ..: around the number in nearly every value; stripped, with a note
    grouped: bool = False

    def words(self) -> str:
        parts = [f"with {self.unit!r}"] if self.unit else []
        parts += ["with a separator of thousands"] if self.grouped else []
        parts += ["with a decimal comma"] if self.comma else []
        return " and ".join(parts)


def is_missing(text: str) -> bool:
    return text.lower() in MISSING_NUMBER


def take_apart(text: str, comma: bool) -> tuple[float, str, bool] | None:
    """The number in `text`, the unit around it, and whether thousands are grouped; None unless there is exactly one number."""
    text = text.strip().replace("−", "-")
    clock = CLOCK.fullmatch(text) if ":" in text else None
    if clock:
        return int(clock[1]) + int(clock[2]) / 60 + float(clock[3] or 0) / 3600, HOURS, False
    if PLAIN.fullmatch(text) and not (comma and re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+", text)):
        return float(text), "", False
    negative = False
    if len(text) > 2 and text[0] == "(" and text[-1] == ")":
        text, negative = text[1:-1].strip(), True
    match = PARTS.fullmatch(text)
    if match is None:
        return None
    body, grouped = match["body"].strip(), False
    number, _, exponent = body.lower().partition("e")
    if comma:
        if not PLAIN.fullmatch(number) or re.fullmatch(r"\d{1,3}(?:\.\d{3})+", number):
            if not COMMA_THOUSANDS.fullmatch(number):
                return None
            grouped = bool(re.search(r"[.'’\u00a0\u202f ]", number))
            number = re.sub(r"[.'’\u00a0\u202f ]", "", number).replace(",", ".")
    elif not PLAIN.fullmatch(number):
        if not THOUSANDS.fullmatch(number):
            return None
        grouped, number = True, re.sub(r"[,'’\u00a0\u202f ]", "", number)
    before = match["before"].strip()
    if before.strip(CURRENCY) and before.upper().rstrip(".") not in CURRENCY_CODES:
        return None  # 'state 12' is a name, not the number 12
    around = "".join((before, match["cur"], match["after"].strip()))
    if re.search(r"\d|[()]", around) or len(around) > 12:
        return None
    try:
        value = float(number + ("e" + exponent if exponent else ""))
    except ValueError:
        return None
    return (-value if negative or match["sign"] == "-" else value), around, grouped


def parse_numbers(
    texts: list[str], counts: np.ndarray | None = None, notation: Notation | None = None, comma: bool | None = None
) -> tuple[np.ndarray, np.ndarray, Notation]:
    """Values (nan: not a number), a mask of texts that are neither numbers nor missing, and the notation (detected if None).

    texts: the distinct values of a column; counts: how often each occurs. A unit other than a currency or % must be the same in
    99% of the numbers: a column of '3 kg' and '5 lb' is not a column of numbers.
    """
    values = np.full(len(texts), np.nan)
    bad = np.zeros(len(texts), dtype=bool)
    if counts is None:
        counts = np.ones(len(texts), dtype=np.int64)
    if notation is None:
        if comma is None:
            comma = any(COMMA_DECIMAL.match(t) for t in texts) and not any(
                re.search(r",\d{3}(\.|,|$)", t.strip()) for t in texts
            )
        found = [None if is_missing(t) else take_apart(t, comma) for t in texts]
        seen: dict[str, int] = {}
        for each, count in zip(found, counts):
            if each is not None and (unit := _unit(each[1])):
                seen[unit] = seen.get(unit, 0) + int(count)
        unit = max(seen, key=seen.__getitem__) if seen else ""
        symbols = sorted({c for each in found if each for c in each[1] if c in CURRENCY + "%"})
        numbers = sum(int(c) for each, c in zip(found, counts) if each is not None)
        accepted = unit if unit and seen[unit] >= 0.99 * numbers else ""
        grouped = any(each is not None and each[2] for each in found)
        notation = Notation(bool(comma), accepted or "".join(symbols[:1]), grouped)
        if unit and not accepted:
            notation.unit = "".join(symbols[:1])
    else:
        found = [None if is_missing(t) else take_apart(t, notation.comma) for t in texts]
    for i, each in enumerate(found):
        if each is None:
            bad[i] = not is_missing(texts[i])
        elif (unit := _unit(each[1])) and unit != notation.unit:
            bad[i] = True
        else:
            values[i] = each[0]
    return values, bad, notation


def _unit(around: str) -> str:
    """The unit around a number, without symbols that are always stripped."""
    return around.strip(CURRENCY + "% \u00a0\u202f")


def any_notation(notation: Notation) -> bool:
    return bool(notation.unit or notation.grouped or notation.comma)


# Dates

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
YEAR_FIRST = re.compile(rf"\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}{_TIME}")
YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}")
CHINESE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6})\.?"
DAY_MONTH = re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ -]{_MONTH}[ ,-]\s*(?P<year>\d{{4}})", re.IGNORECASE)
MONTH_DAY = re.compile(rf"{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})", re.IGNORECASE)
DATE_SHARE = 0.95


def date_format(texts: list[str], counts: np.ndarray) -> str | None:
    """'ymd', 'dmy' or 'mdy' if 95 % of the known texts are dates, else None.

    The forms of a column may differ; what is to be found is the order of those that end with the year.
    """
    known = np.array([t.lower() not in MISSING_NUMBER for t in texts], dtype=bool)
    total = counts[known].sum()
    if not total:
        return None
    matches = [YEAR_LAST.fullmatch(t) for t in texts]
    last = sum(int(c) for m, c in zip(matches, counts) if m)
    others = sum(int(c) for t, m, c in zip(texts, matches, counts) if not m and (YEAR_FIRST.fullmatch(t) or _plain(t)))
    if last + others < DATE_SHARE * total:
        return None
    if not last:
        return "ymd"
    months_second = any(m and int(m[1]) > 12 for m in matches)
    months_first = any(m and int(m[3]) > 12 for m in matches)
    separators = {m[2] for m in matches if m}
    if months_first and not months_second:
        return "mdy"
    return "mdy" if not months_second and separators == {"/"} and not months_first and _months_first(matches) else "dmy"


def _plain(text: str) -> str | None:
    """2023-06-26 for a date in words, 2023年6月26日, 26 Jun 2023 or June 26, 2023; None for other text."""
    if not text[-4:].isdigit():
        match = CHINESE.fullmatch(text) if text.endswith("日") else None
        return "-".join(match.groups()) if match else None
    match = DAY_MONTH.fullmatch(text) or MONTH_DAY.fullmatch(text)
    return f"{match['year']}-{MONTHS.index(match['month'][:3].lower()) + 1}-{match['day']}" if match else None


def _months_first(matches: list) -> bool:
    """If no number is above 12: the position with fewer distinct values is the month."""
    a, b = ({int(m[i]) for m in matches if m} for i in (1, 3))
    return len(a) < len(b)


_DATE = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*([AaPp][Mm])?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?"
)


def parse_date(text: str, order: str) -> float:
    """Days since 1970-01-01 (time of day as a fraction); nan if text is not a date."""
    match = _DATE.fullmatch(text.strip()) or _DATE.fullmatch(_plain(text.strip()) or "")
    if match is None:
        return float("nan")
    a, b, c = int(match[1]), int(match[2]), int(match[3])
    year, month, day = (a, b, c) if len(match[1]) == 4 else (c, b, a) if order != "mdy" else (c, a, b)
    if not (1 <= month <= 12 and 1 <= day <= (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1] and 1 <= year <= 9999):
        return float("nan")
    hour, minute, second = int(match[4] or 0), int(match[5] or 0), float(match[6] or 0)
    if match[7]:
        hour = hour % 12 + 12 * (match[7].lower() == "pm")
    offset = 0.0
    if match[8] and match[8] not in ("Z", "UTC"):
        digits = match[8][1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (1 if match[8][0] == "+" else -1)
    return days_from_civil(year, month, day) + (hour * 60 + minute + second / 60 - offset) / 1440


def days_from_civil(year: int, month: int, day: int) -> int:
    """The number of days from 1970-01-01 to a date of the proleptic Gregorian calendar."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
