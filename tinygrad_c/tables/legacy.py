"""Models of the first file format (one net, standardised numbers, one-hot categories): their predictions are unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_c import from_numpy, nn
from tinygrad_c.tables.columns import as_column
from tinygrad_c.tables.errors import many, some
from tinygrad_c.tables.read import Table, from_frame
from tinygrad_c.utils import predict

if TYPE_CHECKING:
    import pandas

FORMAT = "tinygrad_c mlp 1"
ROWS_AT_ONCE = 8192


@dataclass
class Model:
    """A model of the first format, with TableModel's predict, predict_proba, answers and encode."""

    net: nn.Module
    recipe: dict[str, Any]
    facts: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.task = self.recipe["task"]
        self.targets = [self.recipe["target"]]
        self.classes = list(self.recipe["classes"])
        self.encoder = self

    @property
    def columns(self) -> list[str]:
        return [f["name"] for f in self.recipe["features"]]

    @property
    def text_columns(self) -> list[str]:
        return [f["name"] for f in self.recipe["features"] if f["kind"] == "category"]

    def encode(self, data: Table | pandas.DataFrame) -> np.ndarray:
        """X, float32 [rows, inputs]. Raises UserError if a column is missing."""
        table = data if isinstance(data, Table) else from_frame(data)
        self.notes, parts = [], []
        for feature in self.recipe["features"]:
            name = feature["name"]
            table.require(name)
            column = as_column(table.frame[name])
            if feature["kind"] == "number":
                x, bad, _ = column.parsed()
                if bad.any():
                    row = int(bad.argmax())
                    raise table.error(f"{column.texts[column.codes[row]]!r} is not a number", row, name)
                if np.isinf(x).any():
                    raise table.error(
                        "the value is infinite; leave it empty if it is not known", int(np.isinf(x).argmax()), name
                    )
                gaps = np.isnan(x)
                if gaps.any():
                    self.notes.append(
                        f"column {name!r}: {many(int(gaps.sum()), 'missing value')} filled with the median "
                        f"{feature['median']:g}"
                    )
                x = (np.where(gaps, feature["median"], x) - feature["mean"]) / feature["std"]
                parts.append((x if feature["clip"] is None else x.clip(-feature["clip"], feature["clip"]))[:, None])
            else:
                column = column.as_text()
                texts = np.append(np.array(column.texts, dtype=object), "")[column.codes]
                unseen = sorted(set(texts) - set(feature["levels"]) - {""})
                if unseen:
                    self.notes.append(
                        f"column {name!r}: {many(int(np.isin(texts, unseen).sum()), 'value')} that the training "
                        f"rows do not have ({some(map(repr, unseen), 3)}), taken as none of the known"
                    )
                parts.append((texts[:, None] == np.array(feature["levels"], dtype=object)).astype(np.float64))
        return np.hstack(parts).astype(np.float32)

    def remarks(self, table: Table) -> list[str]:
        return self.notes

    def answers(self, inputs: np.ndarray) -> np.ndarray:
        out = predict(self.net, from_numpy(inputs), batch_size=ROWS_AT_ONCE).numpy()
        if self.task == "regression":
            return out.astype(np.float64) * self.recipe["std"] + self.recipe["mean"]
        odds = np.exp(out - out.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict_proba(self, data: Table | pandas.DataFrame) -> np.ndarray:
        if self.task == "regression":
            raise TypeError("predict_proba() is for classes, and the target is a quantity: use predict()")
        return self.answers(self.encode(data))

    def predict(self, data: Table | pandas.DataFrame) -> np.ndarray:
        found = self.answers(self.encode(data))
        return found[:, 0] if self.task == "regression" else np.array(self.classes, dtype=object)[found.argmax(axis=1)]

    @property
    def weights(self) -> int:
        return sum(p.numel() for p in self.net.parameters())


def build(arrays: dict[str, np.ndarray], data: dict[str, Any]) -> Model:
    """The model from a file's arrays and metadata."""
    linear = sorted((name for name in arrays if name.endswith(".weight")), key=lambda name: int(name.partition(".")[0]))
    widths = [arrays[linear[0]].shape[1], *(len(arrays[name]) for name in linear)]
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths[:-1]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU(), nn.Dropout(0.0)]
    net = nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
    net.load_state_dict({name: from_numpy(w.copy()) for name, w in arrays.items()})
    return Model(net.eval(), data["recipe"], data["facts"])
