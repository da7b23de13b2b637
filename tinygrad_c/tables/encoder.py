"""Encodes a table as a net's inputs: a float32 matrix of numbers, and indices of embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_c.tables import features
from tinygrad_c.tables.columns import as_column
from tinygrad_c.tables.errors import many, some
from tinygrad_c.tables.features import Blocks, Category, Feature, Number
from tinygrad_c.tables.notes import Notes
from tinygrad_c.tables.read import Table


@dataclass
class Inputs:
    """X float32 [rows, z + plain + bins], codes int64 [rows, embedded columns] (0: joined, missing, unseen)."""

    X: np.ndarray
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Any) -> Inputs:
        return Inputs(self.X[rows], self.codes[rows])


@dataclass
class Encoder:
    """The features in order, and the number of inputs of each kind."""

    features: list[Feature]
    z: int = 0
    plain: int = 0
    bins: int = 0
    sizes: list[int] = field(default_factory=list)  # rows of each embedding: one for each level and one for all others

    def __post_init__(self) -> None:
        for i, name in enumerate(("z", "plain", "bins")):
            setattr(self, name, sum(f.widths[i] for f in self.features))
        self.sizes = [len(f.levels) + 1 for f in self.features if f.widths[3]]

    @property
    def width(self) -> int:
        return self.z + self.plain + self.bins

    @property
    def columns(self) -> list[str]:
        """The names of the columns that the features use, without repetition."""
        return list(dict.fromkeys(f.name for f in self.features))

    @property
    def text_columns(self) -> list[str]:
        """The columns that must be read as text, so that 01234 keeps its zero."""
        return [f.name for f in self.features if isinstance(f, Category)]

    def to_json(self) -> list[dict[str, Any]]:
        return [features.to_json(f) for f in self.features]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> Encoder:
        return cls([features.from_json(each) for each in data])

    def encode(self, table: Table) -> Inputs:
        """The inputs for each row. Raises UserError if a column is missing."""
        for name in self.columns:
            table.require(name)
        out = Blocks(len(table), self.z, self.plain, self.bins)
        column = None
        for feature in self.features:  # those of one column follow each other
            if column is None or column.name != feature.name:
                column = as_column(table.frame[feature.name])
            feature.encode(column, out)
        codes = np.hstack(out.codes) if out.codes else np.zeros((len(table), 0), dtype=np.int64)
        return Inputs(out.X, codes)

    def remarks(self, table: Table) -> list[str]:
        """Notes on rows to predict: missing values, texts among numbers, unseen levels, numbers far out of range."""
        notes = Notes()
        done = set()
        for feature in self.features:
            column = as_column(table.frame[feature.name])
            missing = column.missing()
            if isinstance(feature, Category):
                unseen = (feature.indices(column) < 0) & ~missing
                if unseen.any() and feature.name not in done:
                    texts = column.as_text()
                    shown = some([repr(texts.texts[c]) for c in dict.fromkeys(texts.codes[unseen])], 3)
                    notes.column(
                        feature.name,
                        "values that the training rows do not have, taken as none of the known",
                        f"{many(int(unseen.sum()), 'value')} that the training rows do not have ({shown}), taken as none "
                        "of the known",
                    )
            else:
                x = feature.values(column)
                strange = np.isnan(x) & ~missing
                if strange.any() and column.texts is not None:
                    row = int(strange.argmax())
                    notes.column(
                        feature.name,
                        "texts that are no numbers, taken as missing",
                        f"{many(int(strange.sum()), 'value')} is no {feature.kind}, such as "
                        f"{column.texts[column.codes[row]]!r} in {table.row(row)}: taken as missing",
                    )
                    missing = missing | strange
                elif strange.any() and isinstance(feature, Number) and feature.missing_code is not None:
                    shown = f"{feature.missing_code:g}"
                    notes.column(
                        feature.name,
                        "codes for missing values, and infinite ones, taken as missing",
                        f"{many(int(strange.sum()), 'value')} of {shown}, or infinite, taken as missing",
                    )
                elif strange.any():
                    notes.column(
                        feature.name,
                        "infinite values, taken as missing",
                        f"{many(int(strange.sum()), 'infinite value')}, taken as missing",
                    )
                if feature.scale is not None and (far := feature.scale.far(x)).any():
                    row = int(far.argmax())
                    shown = (
                        f"{x[row]:g}" if isinstance(feature, Number) else column.as_text().texts[column.as_text().codes[row]]
                    )
                    notes.column(
                        feature.name,
                        "values far outside the training rows', squeezed",
                        f"{many(int(far.sum()), 'value')} far outside the training rows' {feature.scale.low:g} to "
                        f"{feature.scale.high:g}, such as {shown} in {table.row(row)}: squeezed; the answer is a guess",
                    )
            if missing.any() and feature.name not in done:
                filled = (
                    f" filled with the median {feature.scale.median:g}"
                    if isinstance(feature, Number) and feature.scale is not None and feature.scale.pair is None
                    else ""
                )
                notes.column(feature.name, "missing values", f"{many(int(missing.sum()), 'missing value')}{filled}")
            done.add(feature.name)
        return notes.told()
