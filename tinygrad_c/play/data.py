"""What the playground learns from: toy data, or columns of a table. Points in the plane with classes, or a curve y of x."""
from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygrad_c import Generator, linspace, randn
from tinygrad_c.datasets import toys

MOST = 2000             # rows of a table that are shown and trained on
NOISE = "torch.randn({n}, 1, generator=torch.Generator().manual_seed({seed}))"      # a program's noise: that of line and wave


@dataclass
class Problem:
    """Inputs (n, 1) or (n, 2), standardised for a table; targets: labels (n,) or numbers (n, 1)."""

    name: str
    inputs: Any
    targets: Any
    classes: int                # 0: a curve
    axes: tuple[str, ...]       # what stands at the axes
    class_names: tuple[str, ...] = ()
    scales: tuple[tuple[float, float], ...] = ()        # mean and standard deviation of each axis, in the table's units
    code: str = ""              # the lines of a program that make inputs X and targets y


def line(n: int = 100, seed: int = 0) -> Problem:
    """y = 2x + 1 with noise."""
    x = linspace(-1, 1, n).reshape(n, 1)
    noise = randn(n, 1, generator=Generator().manual_seed(seed))
    code = f"X = torch.linspace(-1, 1, {n}).reshape({n}, 1)\ny = 2 * X + 1 + 0.1 * {NOISE.format(n=n, seed=seed)}"
    return Problem("line", x, 2 * x + 1 + 0.1 * noise, 0, ("x", "y"), code=code)


def wave(n: int = 150, seed: int = 0) -> Problem:
    """A sine wave with noise."""
    x = linspace(-1, 1, n).reshape(n, 1)
    noise = randn(n, 1, generator=Generator().manual_seed(seed))
    code = f"X = torch.linspace(-1, 1, {n}).reshape({n}, 1)\ny = torch.sin(5 * X) + 0.1 * {NOISE.format(n=n, seed=seed)}"
    return Problem("wave", x, (5 * x).sin() + 0.1 * noise, 0, ("x", "y"), code=code)


def points(name: str) -> Problem:
    """One of the toy data sets of two inputs."""
    inputs, targets = getattr(toys, name)()
    classes = int(targets.max().item()) + 1
    code = f"from tinygrad_c import datasets\nX, y = datasets.{name}()"
    return Problem(name, inputs, targets.reshape(-1).long(), classes, ("x1", "x2"), code=code)


TOYS = {"line": line, "wave": wave, **{name: (lambda name=name: points(name))
                                       for name in ("moons", "circles", "spirals", "xor", "blobs")}}


def from_table(path: str, columns: list[str] | None, target: str | None) -> Problem:
    """Columns of a CSV file: two inputs and a class, or one input and a quantity. UserError for what cannot be so."""
    import numpy as np

    from tinygrad_c import from_numpy
    from tinygrad_c.tables.columns import as_column
    from tinygrad_c.tables.errors import UserError
    from tinygrad_c.tables.read import read_table
    from tinygrad_c.tables.target import read_target
    table = read_table(path)

    def numbers(name: str) -> Any:
        """The column as float64, nan where it has no number."""
        return as_column(table.frame[name]).parsed(comma=table.comma)[0]

    target = target or table.names[-1]
    answer = read_target(table, target)
    task = answer.task
    wanted = 2 if task == "classification" else 1
    if columns is None:
        others = [name for name in table.names if name != target]
        columns = [name for name in others if np.isfinite(numbers(name)).mean() > 0.5][:wanted]
    for name in columns:
        table.require(name)
    if not 1 <= len(columns) <= 2 or (len(columns) == 2 and task == "regression"):
        kind = "a class, so two columns" if wanted == 2 else "a quantity, so one column"
        raise UserError(f"the target is {kind} of numbers make its inputs here: name them with --columns", path, None, target)
    features = np.stack([numbers(name) for name in columns], 1)
    answers = np.full(len(table), np.nan)
    answers[answer.rows] = answer.y
    chosen = np.flatnonzero(np.isfinite(features).all(1) & np.isfinite(answers))
    if len(chosen) < 2:
        raise UserError("fewer than 2 rows have numbers in these columns", path, None, ", ".join(columns))
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(0).permutation(chosen)[:MOST])
    features = features[chosen]
    scales = [(float(column.mean()), float(column.std()) or 1.0) for column in features.T]
    inputs = np.stack([(column - mean) / spread for column, (mean, spread) in zip(features.T, scales)], 1)
    plain = _is_plain(table, [*columns, target] if task == "regression" else columns, len(chosen))
    code = (f"import pandas as pd\n\ntable = pd.read_csv({path!r})\n"
            f"X = table[{columns!r}]\nX = torch.tensor(((X - X.mean()) / X.std(ddof=0)).to_numpy()).float()\n") if plain else \
           (f"from tinygrad_c.play.data import from_table        # pandas alone reads this table otherwise\n\n"
            f"table = from_table({path!r}, {columns!r}, {target!r})\n"
            f"X, y = torch.tensor(table.inputs.tolist()), torch.tensor(table.targets.tolist())")
    if task == "classification":
        present, labels = np.unique(answers[chosen].astype(np.int64), return_inverse=True)
        names = [answer.classes[i] for i in present]
        if plain:
            code += f"y = torch.tensor(table[{target!r}].astype('category').cat.codes.to_numpy()).long()"
        return Problem(Path(path).name, from_numpy(inputs.astype(np.float32)), from_numpy(labels.astype(np.int64)), len(names),
                       tuple(columns) if len(columns) == 2 else (columns[0], ""), tuple(names), tuple(scales), code)
    values = answers[chosen]
    mean, spread = float(values.mean()), float(values.std()) or 1.0
    if plain:
        code += f"y = table[[{target!r}]]\ny = torch.tensor(((y - y.mean()) / y.std(ddof=0)).to_numpy()).float()"
    return Problem(Path(path).name, from_numpy(inputs.astype(np.float32)),
                   from_numpy(((values - mean) / spread).astype(np.float32).reshape(-1, 1)), 0, (columns[0], target),
                   (), (*scales, (mean, spread)), code)


def _is_plain(table: Any, columns: list[str], used: int) -> bool:
    """Whether pandas.read_csv without options gives the same rows and numbers."""
    from tinygrad_c.tables.read import Dialect
    dialect = table.dialect
    if dialect is None or used < len(table):
        return False
    same = all(getattr(dialect, name) == getattr(Dialect(), name) for name in (
        "delimiter", "skip", "comment", "header", "row_names", "comma", "text"))
    numbers = all(table.frame[name].dtype.kind in "iuf" for name in columns)
    return same and numbers and dialect.encoding in ("utf-8", "utf-8-sig")


def ends(values: Any) -> tuple[float, float]:
    """Where an axis begins and ends: the data, and a tenth more on both sides."""
    low, high = values.min().item(), values.max().item()
    margin = 0.1 * (high - low) or 1.0
    return (low - margin, high + margin) if math.isfinite(margin) else (-1.0, 1.0)
