"""Tables larger than memory: batches of rows from CSV and Parquet files, shuffled in a window, scaled by a first pass.

pyarrow reads the files block by block (pip install 'tinygrad_c[tables]'); what is in memory is a block, the window and a batch.
"""

from __future__ import annotations

import glob
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_c import Tensor, from_numpy
from tinygrad_c.tables.errors import UserError, nearest, need
from tinygrad_c.utils.data import IterableDataset

BLOCK = 1 << 20  # bytes of a CSV file that are read at once; Arrow has up to 32 blocks in memory, read in advance
ROWS = 16384  # rows of a Parquet file
LEVELS = 32  # of a text column that get an input of their own: the most frequent
MOST_LEVELS = 100_000  # that are counted


@dataclass
class ColumnStats:
    """What the first pass finds about a column: mean and standard deviation of a number, or the levels of a text."""

    name: str
    number: bool
    rows: int = 0
    missing: int = 0
    mean: float = 0.0
    squares: float = 0.0  # the sum of squared deviations from the mean
    levels: Counter = field(default_factory=Counter)

    @property
    def std(self) -> float:
        """The standard deviation of the values that are there; 1 where all are equal."""
        known = self.rows - self.missing
        return (math.sqrt(self.squares / known) or 1.0) if known else 1.0

    def add(self, values: np.ndarray) -> None:
        """Take in a block: mean and squares are joined by the formula of Chan, Golub and LeVeque (1979)."""
        self.rows += len(values)
        if not self.number:
            known = [v for v in values.tolist() if v is not None]
            self.missing += len(values) - len(known)
            if len(self.levels) <= MOST_LEVELS:
                self.levels.update(known)
            return
        known = values[np.isfinite(values)]
        before = self.rows - len(values) - self.missing
        self.missing += len(values) - len(known)
        if len(known):
            mean = float(known.mean())
            delta, total = mean - self.mean, before + len(known)
            self.squares += float(((known - mean) ** 2).sum()) + delta * delta * before * len(known) / total
            self.mean += delta * len(known) / total


class TableStream(IterableDataset):
    """Batches (X, y) of the rows of a table that need not fit in memory.

    path: a CSV or Parquet file, a pattern (`shards/*.parquet`) or a list of files with the same columns. X is float32
    [rows, inputs]: numbers centred and divided by their standard deviation, missing ones 0 and 1 in a column of its own; texts
    as one input for each of their 32 most frequent levels. y is int64 [rows], the number of a class, for a target of texts (or
    with task="classification"), else float32 [rows, 1], centred and scaled like the numbers: `mean` and `std` undo it. Rows
    without a target are left out. Use it as it is, or by DataLoader(stream, batch_size=None).

    Each epoch goes through the files once. The rows are shuffled in a window: a row comes out in place of one of the `window`
    last ones. The order depends on seed and epoch alone. With world_size processes each takes every world_size-th row.

    UserError, with the file, where a file is damaged or has other columns than the first.

    >>> rows = TableStream("big.csv", target="price", batch_size=1024)      # doctest: +SKIP
    >>> for X, y in rows:                                                   # doctest: +SKIP
    ...     loss = F.mse_loss(net(X), y)
    """

    def __init__(
        self,
        path: str | Sequence[str],
        target: str,
        batch_size: int = 256,
        window: int = 65536,
        seed: int = 0,
        task: str | None = None,
        drop: Sequence[str] = (),
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        found = sorted(glob.glob(path)) if isinstance(path, str) and not os.path.exists(path) else [path]
        self.files = [str(p) for p in (found if isinstance(path, str) else path)]
        if not self.files:
            raise UserError("there is no such file", str(path))
        for name, value in (("batch_size", batch_size), ("window", window), ("world_size", world_size)):
            if value < 1:
                raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
        if not 0 <= rank < world_size:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {world_size - 1}]")
        self.target, self.batch_size, self.window, self.seed = target, batch_size, window, seed
        self.rank, self.world_size, self.epoch = rank, world_size, 0
        self._types = self._read_types()
        for name in (target, *drop):
            if name not in self._types:
                raise UserError(f"no such column{nearest(name, self._types)}", self.files[0], column=name)
        self.columns = [n for n in self._types if n != target and n not in drop]
        self.task = task or ("regression" if self._types[target] else "classification")
        if self.task not in ("classification", "regression") or (self.task == "regression" and not self._types[target]):
            raise UserError(f"cannot be the target of {self.task}: it is a text", self.files[0], column=target)
        if self.task == "classification":
            self._types[target] = False
        self._scan()

    # The first pass

    def _scan(self) -> None:
        stats = {name: ColumnStats(name, self._types[name]) for name in (*self.columns, self.target)}
        for block in self._blocks():
            for name, column in stats.items():
                column.add(block[name])
        self.stats = stats
        target = stats[self.target]
        self.rows = target.rows - target.missing
        if not self.rows:
            raise UserError("has no row with a target", self.files[0], column=self.target)
        self.classes = sorted(target.levels) if self.task == "classification" else []
        self.mean, self.std = (target.mean, target.std) if self.task == "regression" else (0.0, 1.0)
        self._levels = {
            n: [v for v, _ in sorted(stats[n].levels.items(), key=lambda item: (-item[1], item[0]))[:LEVELS]]
            for n in self.columns
            if not stats[n].number
        }
        self.width = sum(1 + bool(stats[n].missing) if stats[n].number else len(self._levels[n]) for n in self.columns)
        self._class_number = {c: i for i, c in enumerate(self.classes)}

    # Reading

    def _read_types(self) -> dict[str, bool]:
        """The columns of the first file, and whether each is a number, by its first block."""
        arrow = need("pyarrow", "tables")
        types = arrow.types
        schema = next(self._arrow_batches(self.files[0], None)).schema
        return {
            f.name: types.is_integer(f.type) or types.is_floating(f.type) or types.is_decimal(f.type) or types.is_null(f.type)
            for f in schema
        }

    def _arrow_batches(self, path: str, types: dict[str, bool] | None) -> Iterator[Any]:
        arrow = need("pyarrow", "tables")
        try:
            if path.endswith((".parquet", ".pq")):
                parquet = need("pyarrow.parquet", "tables")
                with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                    if file.metadata.num_rows == 0:
                        raise UserError("has no rows", path)
                    yield from file.iter_batches(batch_size=ROWS, use_threads=False)
                return
            csv = need("pyarrow.csv", "tables")
            convert = csv.ConvertOptions(strings_can_be_null=True)
            if types is not None:  # whole numbers of the first block may be followed by others
                convert.column_types = {n: arrow.float64() if number else arrow.string() for n, number in types.items()}
            read = csv.ReadOptions(block_size=BLOCK, use_threads=False)
            with csv.open_csv(path, read_options=read, convert_options=convert) as reader:
                yield from reader
        except (arrow.ArrowInvalid, arrow.ArrowException, OSError) as error:
            raise UserError(f"cannot be read to its end: {' '.join(str(error).split())}", path) from None

    def _blocks(self) -> Iterator[dict[str, np.ndarray]]:
        """Blocks of rows of all files: float64 arrays of numbers, object arrays of texts."""
        arrow = need("pyarrow", "tables")
        for path in self.files:
            for batch in self._arrow_batches(path, self._types):
                if missing := [n for n in (*self.columns, self.target) if n not in batch.schema.names]:
                    raise UserError(f"has no column {missing[0]!r}, which {self.files[0]} has", path)
                block = {}
                for name in (*self.columns, self.target):
                    column = batch.column(batch.schema.get_field_index(name))
                    try:
                        if self._types[name]:
                            block[name] = column.cast(arrow.float64()).to_numpy(zero_copy_only=False)
                        else:
                            block[name] = column.cast(arrow.string()).to_numpy(zero_copy_only=False)
                    except arrow.ArrowInvalid as error:
                        raise UserError(f"holds what is no number: {error}", path, column=name) from None
                yield block

    # Batches

    def encode(self, block: dict[str, np.ndarray]) -> np.ndarray:
        """The inputs of rows, float32 [rows, width]; block: an array for each column."""
        rows = len(block[self.columns[0]]) if self.columns else 0
        X = np.zeros((rows, self.width), np.float32)
        at = 0
        for name in self.columns:
            column = self.stats[name]
            if column.number:
                known = np.isfinite(block[name])
                X[known, at] = (block[name][known] - column.mean) / column.std
                at += 1
                if column.missing:
                    X[:, at] = ~known
                    at += 1
            else:
                for level in self._levels[name]:
                    X[:, at] = block[name] == level
                    at += 1
        return X

    def _targets(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which rows have a target, and these targets."""
        if self.task == "regression":
            known = np.isfinite(values)
            return known, ((values[known] - self.mean) / self.std).astype(np.float32)[:, None]
        known = np.array([v is not None for v in values], dtype=bool)
        return known, np.array([self._class_number[v] for v in values[known]], dtype=np.int64)

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration begins with; each iteration counts it up."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        random = np.random.Generator(np.random.Philox([self.seed, self.epoch]))
        self.epoch += 1
        kept: list[np.ndarray] = []  # the window: X and y
        ready: list[tuple[np.ndarray, np.ndarray]] = []
        waiting = position = 0
        for block in self._blocks():
            known, y = self._targets(block[self.target])
            X = self.encode(block)[known]
            mine = slice((self.rank - position) % self.world_size, None, self.world_size)
            position += len(X)
            X, y = X[mine], y[mine]
            if kept:
                X, y = np.concatenate([kept[0], X]), np.concatenate([kept[1], y])
            order = random.permutation(len(X))
            out = max(0, len(X) - self.window)
            kept = [X[order[out:]], y[order[out:]]]
            if out:
                ready.append((X[order[:out]], y[order[:out]]))
                waiting += out
            while waiting >= self.batch_size:
                yield self._batch(ready, self.batch_size)
                waiting -= self.batch_size
        if kept:
            ready.append((kept[0], kept[1]))
            waiting += len(kept[0])
        while waiting:
            size = min(self.batch_size, waiting)
            yield self._batch(ready, size)
            waiting -= size

    @staticmethod
    def _batch(ready: list[tuple[np.ndarray, np.ndarray]], size: int) -> tuple[Tensor, Tensor]:
        """The first rows that are ready."""
        parts = []
        while size:
            X, y = ready.pop(0)
            parts.append((X[:size], y[:size]))
            if len(X) > size:
                ready.insert(0, (X[size:], y[size:]))
            size -= len(parts[-1][0])
        return tuple(from_numpy(np.concatenate(each)) for each in zip(*parts))  # type: ignore[return-value]

    def __len__(self) -> int:
        """Batches of an epoch."""
        mine = len(range(self.rank, self.rows, self.world_size))
        return -(-mine // self.batch_size)
