"""Reads a file as a Table: detects how it is written from samples, then parses it with pandas.

The samples are the beginning and a few places further on, SAMPLE bytes each; they give encoding, delimiter, comment lines,
decimal comma and leading zeros. pandas reads the file once. Lines are counted only if a message names one.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import os
import re
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_c.tables.errors import UserError, many, nearest, need
from tinygrad_c.tables.parse import MISSING, NA_VALUES

if TYPE_CHECKING:
    import pandas

DELIMITERS = ",;\t|"
SAMPLE = 1 << 17
PLACES = 4  # samples beyond the beginning
LINES_COUNTED = 200_000  # messages name the line of rows up to this one
BAR_FROM = 8 << 20  # bytes: smaller files are read too fast for a progress bar
OTHER_FORMATS = {
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".feather": "read_feather",
    ".xlsx": "read_excel",
    ".xls": "read_excel",
    ".xlsm": "read_excel",
    ".ods": "read_excel",
}


@dataclass
class Dialect:
    """How a text file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    skip: int = 0  # lines before the header: blank, or comments
    comment: str | None = None
    header: bool = True
    names: list[str] = field(default_factory=list)
    row_names: bool = False  # rows have one more field than the header: the first is the row's name
    comma: bool = False  # 1,5 is 1.5
    columns: list[str] = field(default_factory=list)  # the names as the header has them
    text: list[str] = field(default_factory=list)  # columns with leading zeros, or of TRUE and FALSE: read as text


@dataclass
class Table:
    """The rows of a file as a DataFrame, in the file's order, and how the file is written."""

    path: str
    frame: pandas.DataFrame
    notes: list[str] = field(default_factory=list)
    dialect: Dialect | None = None
    open: Callable[[], io.BufferedIOBase] | None = None
    blank: Any = None  # bool [rows]: blank lines, if they count as rows

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def names(self) -> list[str]:
        return list(self.frame.columns)

    @property
    def comma(self) -> bool:
        return self.dialect is not None and self.dialect.comma

    def error(self, what: str, row: int | None = None, column: str | None = None) -> UserError:
        """An error that names the file, the row (counted from 1 below the header, with its line) and the column."""
        return UserError(what, self.path, None if row is None else self.row(row), column)

    def row(self, row: int) -> str:
        """`row 7 (line 8)`; without the line if the format has none, or beyond LINES_COUNTED."""
        name = f"row {row + 1}"
        if self.open is None or self.dialect is None or row >= LINES_COUNTED:
            return name
        with self.open() as raw:
            lines = io.TextIOWrapper(raw, self.dialect.encoding, newline="", errors="replace")
            rows, line = -self.dialect.header, 1
            delimiter = " " if len(self.dialect.delimiter) > 1 else self.dialect.delimiter
            reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
            for record in reader:
                empty = not "".join(record).strip() or (self.dialect.comment and record[0].startswith(self.dialect.comment))
                if not empty or (self.blank is not None and rows >= 0):
                    if rows == row:
                        return f"{name} (line {line})"
                    rows += 1
                line = reader.line_num + 1
        return name

    def as_written(self, columns: list[str]) -> pandas.DataFrame:
        """These columns with the file's own texts: 14.70, and n/a; those of a format without texts as they are."""
        if self.dialect is None or self.open is None:
            return self.frame[columns]
        frame = _parse(need("pandas"), self.open, self.dialect, self.path, self.blank is not None, 0, written=True)
        frame = _finish(self.path, frame, [], None, None, False).frame
        return frame[columns].iloc[: len(self)]

    def require(self, column: str) -> None:
        """Raises UserError, with a similar name, if there is no such column."""
        if column not in self.frame.columns:
            raise self.error(f"no such column{nearest(column, self.names)}", column=column)


def read_table(path: str, text: Iterable[str] = (), keep_blank: bool = False, bar: bool = False) -> Table:
    """Read a table: CSV and similar (delimiter, encoding, compression detected), Parquet, Excel; `-` is standard input.

    text: columns to read as text. keep_blank: a blank line is a row of missing values.
    Raises UserError if the file cannot be read.
    """
    pandas = need("pandas")
    path = str(path)
    reader = OTHER_FORMATS.get(Path(path).suffix.lower())
    if reader:
        return _read_other(pandas, path, reader)
    data = sys.stdin.buffer.read() if path == "-" else None
    opener = _opener(path, data)
    name = "standard input" if path == "-" else path
    size = len(data) if data is not None else os.path.getsize(path)
    try:
        with opener() as raw:
            dialect, notes = _look(raw, name, size)
        dialect.text = [*dict.fromkeys([*dialect.text, *text])]
        frame = _parse(pandas, opener, dialect, name, keep_blank, size if bar and size > BAR_FROM else 0)
    except UnicodeDecodeError:
        frame = None
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise UserError(f"is compressed, and broken: {error}", name) from None
    if frame is None:  # a byte that is not UTF-8 beyond the sample
        dialect.encoding = "cp1252"
        try:
            frame = _parse(pandas, opener, dialect, name, keep_blank, 0)
        except UnicodeDecodeError:
            dialect.encoding = "latin-1"
            frame = _parse(pandas, opener, dialect, name, keep_blank, 0)
    if dialect.encoding in ("cp1252", "latin-1", "gb18030"):
        notes.append(f"the text is not UTF-8: read as {dialect.encoding}")
    return _finish(name, frame, notes, dialect, opener, keep_blank)


def from_frame(frame: pandas.DataFrame, name: str = "the table") -> Table:
    """The Table of a DataFrame whose column names are strings."""
    return Table(name, frame)


def _read_other(pandas: Any, path: str, reader: str) -> Table:
    if not os.path.exists(path):
        raise UserError("no such file", path)
    try:
        frame = getattr(pandas, reader)(path)
    except ImportError as error:
        raise UserError(f"this needs a package that pandas reads it with ({str(error).splitlines()[0]})", path) from None
    except Exception as error:  # libraries raise errors of many classes for files that they cannot read
        raise UserError(f"cannot be read: {_first_line(error)}", path) from None
    frame.columns = [str(c) for c in frame.columns]
    if not isinstance(frame.index, pandas.RangeIndex):
        named = [n for n in frame.index.names if n is not None and n not in frame.columns]
        frame = frame.reset_index(level=named) if named else frame
    frame = frame.reset_index(drop=True)
    return _finish(path, frame, [], None, None, False)


def _finish(name: str, frame: pandas.DataFrame, notes: list[str], dialect: Dialect | None, opener: Any, blank: bool) -> Table:
    if frame.empty:
        raise UserError("has a header and no rows" if len(frame.columns) else "the file is empty", name)
    seen: dict[str, int] = {}
    names = []
    for column in frame.columns:  # pandas renames x, x to x, x.1; other frames may have duplicate names
        count = seen.get(column, 0)
        seen[column] = count + 1
        names.append(f"{column}.{count}" if count else column)
    frame.columns = names
    return Table(name, frame, notes, dialect, opener, frame.isna().all(axis=1).to_numpy() if blank else None)


# ---- Opening the file


def _opener(path: str, data: bytes | None) -> Callable[[], io.BufferedIOBase]:
    try:
        if data is None:
            if os.path.isdir(path):
                raise UserError("is a folder, not a file", path)
            with open(path, "rb") as file:
                start = file.read(6)
        else:
            start = data[:6]
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot be read: {(getattr(error, 'strerror', None) or str(error)).lower()}", path) from None

    def plain() -> Any:
        return open(path, "rb") if data is None else io.BytesIO(data)

    if start[:2] == b"\x1f\x8b":
        return lambda: gzip.GzipFile(fileobj=plain())
    if start[:3] == b"BZh":
        return lambda: bz2.BZ2File(plain())
    if start[:6] == b"\xfd7zXZ\x00":
        return lambda: lzma.LZMAFile(plain())
    if start[:4] == b"PK\x03\x04":
        return lambda: _only_member(plain(), path)
    return plain


def _only_member(raw: Any, path: str) -> Any:
    archive = zipfile.ZipFile(raw)
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
    if len(names) != 1:
        raise UserError(f"is an archive of {len(names)} files: give one of them", path)
    return archive.open(names[0])


class _Watched(io.RawIOBase):
    """A file that advances a progress bar as it is read."""

    def __init__(self, raw: Any, bar: Any) -> None:
        self.raw, self.bar = raw, bar

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self.raw.readinto(buffer)
        self.bar.update(count)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


# ---- Detecting how it is written


def _look(raw: Any, name: str, size: int) -> tuple[Dialect, list[str]]:
    head = raw.read(SAMPLE)
    if not head.strip():
        raise UserError("the file is empty: the first line has to name the columns", name)
    dialect, notes = Dialect(), []
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        dialect.encoding = "utf-16"
    elif head[:3] == b"\xef\xbb\xbf":
        dialect.encoding = "utf-8-sig"
    if dialect.encoding != "utf-16" and b"\0" in head:
        raise UserError(
            f"line {head.count(10, 0, head.index(0)) + 1} is not text; save the table as CSV (comma separated, UTF-8)", name
        )
    whole = len(head) < SAMPLE
    if dialect.encoding == "utf-16" and not whole:
        head = head[: len(head) // 2 * 2]
    text = _decoded(head, dialect, whole, name)
    further = []
    if not whole and dialect.encoding != "utf-16" and isinstance(raw, (io.BufferedReader, io.BytesIO)):
        for i in range(PLACES):
            raw.seek(max(SAMPLE, (size - SAMPLE) * (i + 1) // PLACES))
            block = raw.read(SAMPLE)
            further += block.decode(dialect.encoding.removesuffix("-sig"), "replace").replace("\r\n", "\n").split("\n")[1:-1]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not whole and len(lines) > 1:
        lines.pop()
    while dialect.skip < len(lines) and not lines[dialect.skip].strip():
        dialect.skip += 1
    comments = 0
    while dialect.skip < len(lines) - 1 and _is_comment(lines, dialect.skip):
        dialect.comment = lines[dialect.skip].lstrip()[0]
        dialect.skip += 1
        comments += 1
        while dialect.skip < len(lines) - 1 and not lines[dialect.skip].strip():
            dialect.skip += 1
    if comments:
        notes.append(f"{many(comments, 'comment line')} at the beginning skipped")
    body = lines[dialect.skip :]
    if dialect.comment and not all(line.lstrip().startswith(dialect.comment) or dialect.comment not in line for line in body):
        dialect.comment = None
    body = [line for line in body if line.strip() and not (dialect.comment and line.lstrip().startswith(dialect.comment))]
    dialect.delimiter = _delimiter(body[:50])
    rows = _records(body, dialect.delimiter)
    if not rows:
        raise UserError("the file is empty: the first line has to name the columns", name)
    _header(rows, dialect, notes)
    rest = rows[dialect.header :] + _records(further, dialect.delimiter)
    _notation(rest, dialect)
    return dialect, notes


def _decoded(head: bytes, dialect: Dialect, whole: bool, name: str) -> str:
    try:
        return head.decode(dialect.encoding)
    except UnicodeDecodeError as error:
        if not whole and error.start > len(head) - 4:  # the sample ends inside a character
            return head[: error.start].decode(dialect.encoding)
        if dialect.encoding == "utf-16":
            raise UserError(f"is not text: {error.reason}", name) from None
    control = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in head)
    if control > 0.01 * len(head) + 1:
        raise UserError("is not text; save the table as CSV (comma separated, UTF-8)", name)
    if _is_chinese(head):
        dialect.encoding = "gb18030"
        return head.decode("gb18030", "ignore" if not whole else "strict")
    for dialect.encoding in ("cp1252", "latin-1"):
        try:
            return head.decode(dialect.encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes every byte")


def _is_chinese(head: bytes) -> bool:
    """Whether bytes that are not UTF-8 are Chinese in GB 2312, GBK or GB 18030: pairs, most of them common characters.

    GB 2312 has its 3,755 most common characters at lead bytes B0 to D7. In the encodings of Europe, letters with accents stand
    between ASCII letters, and those of small Cyrillic and Greek letters are from E0 on.
    """
    runs = re.findall(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x80-\xff]", head[: head.rfind(b"\n") + 1] or head)
    common = sum(len(run) == 2 and 0xB0 <= run[0] <= 0xD7 and run[1] >= 0xA1 for run in runs)
    if len(runs) < 2 or common < 0.6 * len(runs):
        return False
    try:
        (head[: head.rfind(b"\n") + 1] or head).decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _is_comment(lines: list[str], at: int) -> bool:
    """Whether the line is a comment: it starts with # or %, and is not a header (as many fields as the line below)."""
    line = lines[at].lstrip()
    if not line or line[0] not in "#%":
        return False
    following = next((each for each in lines[at + 1 :] if each.strip()), "")
    if following.lstrip()[:1] == line[0]:
        return True
    return not any(line.count(d) == following.count(d) > 0 for d in DELIMITERS)


def _delimiter(lines: list[str]) -> str:
    """The delimiter that splits the header into most columns, outside quotes; white space if there is none and the first lines
    have equal numbers of fields, more than 1; else a comma.
    """
    unquoted = ["".join(line.split('"')[::2]) for line in lines]
    best = max(DELIMITERS, key=unquoted[0].count) if lines else ","
    if lines and unquoted[0].count(best) > 0:
        rivals = [d for d in DELIMITERS if unquoted[0].count(d)]
        steady = [d for d in rivals if len({line.count(d) for line in unquoted[:20]}) == 1]
        return max(steady, key=unquoted[0].count) if best not in steady and steady else best
    fields = [len(line.split()) for line in unquoted[:20]]
    if (
        len(fields) > 1
        and not any(c in line for line in unquoted[1:20] for c in DELIMITERS)
        and min(fields) > 1
        and (len(set(fields)) == 1 or (len(set(fields[1:])) == 1 and fields[1] == fields[0] + 1))
    ):
        return r"\s+"
    return ","


def _records(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == r"\s+":
        return [line.split() for line in lines if line.strip()]
    try:
        return [
            r
            for r in csv.reader((line + "\n" for line in lines), delimiter=delimiter, skipinitialspace=True)
            if "".join(r).strip()
        ]
    except csv.Error:
        return [line.split(delimiter) for line in lines if line.strip()]


def _header(rows: list[list[str]], dialect: Dialect, notes: list[str]) -> None:
    first = [field.strip() for field in rows[0]]
    dialect.columns = rows[0]
    if all(map(_is_number, first)) and len(rows) > 1 and not _years(first, rows[1]):
        dialect.header = False
        dialect.names = [f"column {i}" for i in range(1, len(first) + 1)]
        notes.append(
            f"the first line holds numbers, and not the names of the columns: they are called 'column 1' to "
            f"'column {len(first)}'"
        )
        return
    widths = {len(row) for row in rows[1:200]}
    if widths == {len(first) + 1}:
        if all(not row[-1].strip() for row in rows[1:200]):
            notes.append("each row ends with one delimiter more than the header: the empty column is left out")
        else:
            dialect.row_names = True


def _years(first: list[str], second: list[str]) -> bool:
    """Whether the numbers in the first line are column names: years, or pandas' 0, 1, 2, .."""
    if len(first) < 2 or not all(re.fullmatch(r"\d+", f) for f in first):
        return False
    numbers = [int(f) for f in first]
    whole = all(re.fullmatch(r"-?\d+", f.strip()) for f in second)
    counted = all(b - a == 1 for a, b in pairwise(numbers))
    years = 1900 <= numbers[0] < 2100
    return counted and (numbers[0] == 0 or not whole or (years and not all(1900 <= int(f) < 2100 for f in second)))


def _notation(rows: list[list[str]], dialect: Dialect) -> None:
    """Detects decimal commas (unless commas delimit) and columns with leading zeros."""
    if dialect.delimiter != ",":
        fields = [f.strip() for row in rows for f in row]
        commas = sum(bool(re.fullmatch(r"[-+]?\d{1,3}(?:\.?\d{3})*,\d+|[-+]?\d+,\d+", f)) for f in fields)
        points = sum(bool(re.fullmatch(r"[-+]?\d+\.\d+", f)) for f in fields)
        dialect.comma = commas > points
    for i, column in enumerate(dialect.names or dialect.columns, dialect.row_names):
        values = [row[i].strip() for row in rows if len(row) > i and row[i].strip()]
        zeros = [v for v in values if len(v) > 1 and v[0] == "0" and v.isdigit()]
        if zeros and len({len(v) for v in values if v.isdigit()}) == 1 and len(zeros) > 0.005 * len(values):
            dialect.text.append(column)
        known = {v for v in values if v.lower() not in MISSING}
        if known and {v.lower() for v in known} <= {"true", "false"} and not known <= {"True", "False"}:
            dialect.text.append(column)  # pandas makes True of TRUE


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in ("nan", "inf", "infinity")


# ---- Parsing


def _parse(
    pandas: Any, opener: Any, dialect: Dialect, name: str, keep_blank: bool, bar_size: int, written: bool = False
) -> pandas.DataFrame:
    """written: every value as the text that the file has."""
    options = {
        "sep": dialect.delimiter,
        "engine": "c",
        "skiprows": dialect.skip,
        "comment": dialect.comment,
        "na_values": NA_VALUES,
        "keep_default_na": False,
        "skipinitialspace": True,
        "decimal": "," if dialect.comma else ".",
        "low_memory": True,
        "encoding": dialect.encoding,
        "skip_blank_lines": not keep_blank,
        "index_col": None if dialect.row_names else False,
        "header": 0 if dialect.header else None,
        "dtype": str if written else {c: str for c in dialect.text},
    }
    if written:
        options["na_values"] = []
    if dialect.comma:
        options["thousands"] = "."
    if dialect.names:
        options["names"] = dialect.names
    raw = opener()
    bar = None
    try:
        if bar_size:
            bar = need("tqdm").tqdm(
                total=bar_size, desc="reading", unit="B", unit_scale=True, file=sys.stderr, leave=False, disable=None
            )
            raw = io.BufferedReader(_Watched(raw, bar), 1 << 20)
        with _quiet(pandas):
            frame = pandas.read_csv(raw, **options)
    except UnicodeDecodeError:
        raise
    except pandas.errors.EmptyDataError:
        raise UserError("the file is empty: the first line has to name the columns", name) from None
    except (ValueError, pandas.errors.ParserError, csv.Error, OverflowError) as error:
        raise UserError(_explained(_first_line(error)), name) from None
    finally:
        raw.close()
        if bar is not None:
            bar.close()
    if dialect.row_names:
        frame = frame.reset_index(names=_free("rownames", frame.columns))
    frame.columns = [str(c).strip() for c in frame.columns]
    if keep_blank:
        while len(frame) and frame.iloc[-1].isna().all():
            frame = frame.iloc[:-1]
    return frame


@contextlib.contextmanager
def _quiet(pandas: Any) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pandas.errors.ParserWarning)
        warnings.simplefilter("ignore", pandas.errors.DtypeWarning)
        yield


def _explained(message: str) -> str:
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if found:
        return (
            f"line {found[2]} has {found[3]} fields, and the header names {found[1]} columns: quote the text that holds the "
            "delimiter, or remove it"
        )
    if "EOF inside string" in message:
        return "a quote is opened and never closed: " + message.lower()
    return f"cannot be read as a table: {message}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].removeprefix("Error tokenizing data. C error: ")


def _free(name: str, taken: Iterable[str]) -> str:
    while name in set(taken):
        name += "_"
    return name
