"""A CSV file becomes a Table: named columns of text, checked for shape, that know the line each row stood on."""
from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_c.cli.errors import UserError, nearest, need
from tinygrad_c.cli.files import read_file

if TYPE_CHECKING:
    import pandas

DELIMITERS = ",;\t|"
MISSING = {"", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null"}


@dataclass
class Table:
    """The rows of a file, every value as the text that stood there (stripped), in the file's order."""

    path: str
    frame: pandas.DataFrame
    lines: np.ndarray          # the line of the file that each row starts on
    decimal_comma: bool        # columns are parted by ; so that 1,5 may stand for 1.5
    parsed: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        return list(self.frame.columns)

    def error(self, what: str, row: int | None = None, column: str | None = None) -> UserError:
        """The error that names this file, row (counted from 1 below the header, with its line) and column."""
        return UserError(what, self.path, None if row is None else self.row(row), column)

    def row(self, row: int) -> str:
        return f"row {row + 1} (line {self.lines[row]})"

    def require(self, column: str) -> None:
        """UserError, with the nearest name, when there is no such column."""
        if column not in self.frame:
            raise self.error(f"no such column{nearest(column, self.names)}", column=column)

    def text(self, column: str) -> np.ndarray:
        """The column's values, "" where one is missing (empty, ?, NA, nan, null, ..)."""
        values = self.frame[column]
        return values.mask(values.str.lower().isin(MISSING), "").to_numpy(dtype=object)

    def numbers(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """The column as float64, nan where a value is missing or no number; and where it is text that is no number."""
        if column not in self.parsed:
            self.parsed[column] = self._parse(column)
        return self.parsed[column]

    def _parse(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        pandas = need("pandas")
        text = self.text(column)
        series = pandas.Series(text, dtype=object)
        if self.decimal_comma:
            series = series.str.replace(r"^([-+]?\d+),(\d+)$", r"\1.\2", regex=True)
        values = pandas.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64)
        bad = np.isnan(values)
        bad[bad] = [t != "" and t.lower() != "none" for t in text[bad]]
        return values, bad


def read_table(path: str) -> Table:
    """Read a CSV file: , ; tab or | between columns (found out), quotes, a byte order mark, gzip; the first line names columns.

    UserError names the row of the first thing that is wrong with its shape.
    """
    pandas = need("pandas")
    text = _decode(read_file(path), path)
    if not text.strip():
        raise UserError("the file is empty: the first line has to name the columns", path)
    delimiter = _delimiter(text)
    names, blank, lines = _check_shape(text, delimiter, path)
    try:
        frame = pandas.read_csv(
            io.StringIO(text), sep=delimiter, header=None, names=names, index_col=False, dtype=str, na_filter=False,
            skip_blank_lines=False, skipinitialspace=True,
        )
    except (ValueError, pandas.errors.ParserError) as error:
        raise UserError(f"cannot be read as a table: {error}", path) from None
    if len(frame) != len(blank):
        raise UserError(f"cannot be read as a table: {len(blank)} rows by one count and {len(frame)} by another", path)
    frame = frame[~blank].iloc[1:].reset_index(drop=True).apply(lambda column: column.str.strip())
    if frame.empty:
        raise UserError("has a header and no rows", path)
    return Table(path, frame, lines[~blank][1:], delimiter == ";")


def _decode(data: bytes, path: str) -> str:
    """The file's text, with \\n for every end of line."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"is gzip, and broken: {error}", path) from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
        bad = text.find("\0")
    except UnicodeDecodeError as error:
        text, bad = data[:error.start].decode("latin-1"), error.start
    if bad >= 0:
        line = text.count("\n", 0, bad) + 1
        raise UserError(f"line {line} is not text in UTF-8; save the table as CSV (comma separated, UTF-8)", path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _delimiter(text: str) -> str:
    """The candidate that parts the header into most columns, quoted ones left aside; a comma when none does."""
    header = next(line for line in text.split("\n") if line.strip())
    unquoted = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=unquoted.count)


def _check_shape(text: str, delimiter: str, path: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names of the columns; for every record of the file, whether it is blank, and the line that it starts on."""
    names: list[str] = []
    blank, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    line, rows = 1, 0
    try:
        for record in reader:
            empty = len(record) < 2 and not "".join(record).strip()
            blank.append(empty)
            lines.append(line)
            if not empty and not names:
                names = _header(record, path)
            elif not empty:
                rows += 1
                if len(record) != len(names):
                    raise UserError(f"has {many(len(record), 'field')}, and the header names {many(len(names), 'column')}",
                                    path, f"row {rows} (line {line})")
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"cannot be read: {error}", path, f"row {rows + 1} (line {line})") from None
    return names, np.array(blank), np.array(lines)


def _header(record: list[str], path: str) -> list[str]:
    names = [name.strip() or f"column {i}" for i, name in enumerate(record, 1)]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise UserError("two columns have this name; rename one", path, "line 1", twice)
    if all(map(_is_number, names)):
        raise UserError(f"the first line has to name the columns; it reads {', '.join(names[:4])}", path, "line 1")
    return names


def many(n: int, thing: str) -> str:
    """1 row, 2 rows."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
