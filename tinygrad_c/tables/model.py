"""TableModel: encoder, nets, and the meaning of their outputs. It predicts for DataFrames."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_c import baddbmm, cat, cos, from_numpy, no_grad
from tinygrad_c.nn import functional as F
from tinygrad_c.tables.encoder import Encoder, Inputs
from tinygrad_c.tables.features import EMBEDDING
from tinygrad_c.tables.net import ACTIVATIONS
from tinygrad_c.tables.read import Table, from_frame
from tinygrad_c.tables.target import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    import pandas

ROWS_AT_ONCE = 8192       # divided by the number of nets


@dataclass
class Group:
    """Nets of one shape: each array's first dimension counts nets. The first weights include the input scales."""

    kind: str                              # "bins", "periodic" or "linear": how the nets take numbers
    activation: str
    arrays: dict[str, np.ndarray]
    shares: list[float]                    # weight of each net in the prediction; they sum to 1 over all groups
    fold: list[int] = field(default_factory=list)     # the fold that each net was not trained on

    @classmethod
    def of(cls, kind: str, activation: str, members: list[tuple[dict[str, np.ndarray], float]], fold: list[int]) -> Group:
        arrays = {name: np.stack([weights[name] for weights, _ in members]) for name in members[0][0]}
        arrays["weight0"] = arrays["weight0"] * arrays.pop("scale").transpose(0, 2, 1)
        return cls(kind, activation, arrays, [share for _, share in members], fold)

    def take(self, nets: list[int], total: float) -> Group:
        """A subset of the nets, with their shares of a total."""
        return Group(self.kind, self.activation, {n: a[nets] for n, a in self.arrays.items()},
                     [self.shares[i] / total for i in nets], [self.fold[i] for i in nets])

    @property
    def depth(self) -> int:
        return sum(name.startswith("weight") for name in self.arrays)

    def outputs(self, inputs: Inputs, encoder: Encoder) -> np.ndarray:
        """Outputs [nets, rows, outputs], in float64, so that a row's prediction does not depend on the other rows."""
        nets, n = len(self.shares), len(inputs)
        w = {name: from_numpy(a.astype(np.float64)) for name, a in self.arrays.items()}
        static = encoder.width if self.kind == "bins" else encoder.z + encoder.plain
        first = w["weight0"]
        joined = first[:, :static].permute(1, 0, 2).reshape(static, nets * first.shape[2])
        parts = []
        starts = np.cumsum([0, *encoder.sizes[:-1]]) if encoder.sizes else None
        step = max(1, ROWS_AT_ONCE // nets)
        with no_grad():
            for i in range(0, n, step):
                X = from_numpy(inputs.X[i:i + step, :static].astype(np.float64))
                rows = len(X)
                h = (X @ joined).view(rows, nets, first.shape[2]).permute(1, 0, 2) if static else None
                more = []
                if self.kind == "periodic" and encoder.z:
                    z = X[:, :encoder.z].transpose(0, 1).unsqueeze(2)                       # z, rows, 1
                    mixed = cos(z * w["frequency"] + w["phase"]) @ w["mix"] + w["mix_bias"]   # nets, z, rows, out
                    more.append(mixed.permute(0, 2, 1, 3).reshape(nets, rows, -1))
                if encoder.sizes:
                    flat = inputs.codes[i:i + step] + starts
                    flat = (flat[None] + (np.arange(nets) * sum(encoder.sizes))[:, None, None]).reshape(nets * rows, -1)
                    table = w["embedding"].view(-1, EMBEDDING)
                    more.append(F.embedding(from_numpy(flat), table).reshape(nets, rows, -1))
                if more:
                    rest = baddbmm(w["bias0"], cat(more, 2) if len(more) > 1 else more[0], first[:, static:])
                    h = rest if h is None else h + rest
                else:
                    h = h + w["bias0"]
                for layer in range(1, self.depth):
                    h = baddbmm(w[f"bias{layer}"], ACTIVATIONS[self.activation](h), w[f"weight{layer}"])
                parts.append(h.numpy())
        return np.concatenate(parts, axis=1) if len(parts) != 1 else parts[0]


def of_fold(groups: list[Group], k: int) -> list[Group]:
    """The nets that were not trained on fold k, with shares that sum to 1."""
    nets = [[i for i, f in enumerate(group.fold) if f == k] for group in groups]
    total = sum(group.shares[i] for group, each in zip(groups, nets) for i in each)
    return [group.take(each, total) for group, each in zip(groups, nets)]


@dataclass
class TableModel:
    """A trained model. predict and predict_proba take a DataFrame with the training columns; other columns are ignored."""

    task: str
    targets: list[str]
    encoder: Encoder
    groups: list[Group]
    classes: list[str] = field(default_factory=list)
    mean: list[float] = field(default_factory=lambda: [0.0])
    std: list[float] = field(default_factory=lambda: [1.0])
    low: list[float] = field(default_factory=list)      # range of the training targets, standardised
    high: list[float] = field(default_factory=list)
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return len(self.classes) or len(self.targets)

    def answers(self, inputs: Inputs, raw: bool = False) -> np.ndarray:
        """float64: probabilities [n, classes], calibrated unless raw; or quantities [n, targets] in the target's units."""
        total = np.zeros((len(inputs), self.outputs))
        if not len(inputs):
            return total
        for group in self.groups:
            for out, share in zip(group.outputs(inputs, self.encoder), group.shares):
                out = out.astype(np.float64)
                if self.task == CLASSIFICATION:
                    odds = np.exp(out - out.max(axis=1, keepdims=True))
                    total += share * odds / odds.sum(axis=1, keepdims=True)
                else:
                    total += share * out.clip(self.low, self.high)
        if self.task == REGRESSION:
            return total * self.std + np.array(self.mean)
        return total if raw else calibrated(total, self.temperature)

    def encode(self, data: Table | pandas.DataFrame) -> Inputs:
        return self.encoder.encode(data if isinstance(data, Table) else from_frame(data))

    def predict_proba(self, data: Table | pandas.DataFrame) -> np.ndarray:
        """Probabilities [rows, classes], in the order of `classes`. Raises TypeError if the target is a quantity."""
        if self.task != CLASSIFICATION:
            raise TypeError("predict_proba() is for classes, and the target is a quantity: use predict()")
        return self.answers(self.encode(data))

    def predict(self, data: Table | pandas.DataFrame) -> np.ndarray:
        """Class names or quantities: [rows], or [rows, targets] if there are several targets."""
        found = self.answers(self.encode(data))
        if self.task == CLASSIFICATION:
            return np.array(self.classes, dtype=object)[found.argmax(axis=1)]
        return found[:, 0] if len(self.targets) == 1 else found

    @property
    def weights(self) -> int:
        """The number of weights of all nets."""
        return sum(a.size for group in self.groups for a in group.arrays.values())


def calibrated(p: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/temperature), normalised: more confident below 1, less above. The most probable class stays the same."""
    if temperature == 1:
        return p
    logs = np.log(np.maximum(p, 1e-30)) / temperature
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def fit_temperature(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The temperature in [0.25, 4] with the lowest log loss of out-of-fold probabilities.

    The loss is convex in the power 1/temperature: Newton's method, with bisection where a step leaves the bracket.
    """
    logs = np.log(np.maximum(p, 1e-30))
    logs -= logs.max(axis=1, keepdims=True)
    of_y = logs[np.arange(len(y)), y]

    def loss(power: float) -> tuple[float, float, float]:
        """The log loss, and its first and second derivative."""
        odds = np.exp(power * logs)
        total = odds.sum(axis=1)
        mean = (odds * logs).sum(axis=1) / total
        square = (odds * logs**2).sum(axis=1) / total
        rows = np.log(total) - power * of_y, mean - of_y, square - mean**2
        return tuple(float(np.average(each, weights=weight)) for each in rows)

    low, high, power = 0.25, 4.0, 1.0
    before, slope, curve = loss(power)
    value = before
    for _ in range(40):
        low, high = (low, power) if slope > 0 else (power, high)
        following = power - slope / curve if curve > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - power) < 1e-9:
            break
        power = following
        value, slope, curve = loss(power)
    return 1 / power if value < before else 1.0
