"""A file of a million rows: reading it beside pandas.read_csv, and training on it. CPU seconds, peak memory, a process each.

python benchmarks/large_table.py [--rows 1000000] [--effort quick]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write(path: Path, rows: int) -> None:
    """19 columns of numbers, one of five texts; the last column is the target."""
    import pandas

    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 18))
    frame = pandas.DataFrame({f"x{i}": X[:, i].round(5) for i in range(18)})
    frame["city"] = rng.choice(["Oslo", "Rome", "Bern", "Wien", "Paris"], rows)
    y = X[:, 0] * 2 + np.sin(X[:, 1] * 2) + X[:, 2] * X[:, 3] + (frame["city"] == "Rome") * 2 + rng.normal(size=rows) * 0.3
    frame["y"] = y.round(5)
    frame.to_csv(path, index=False)


def measure(what: str, path: str) -> None:
    """In a process of its own: one line."""
    import pandas

    from tinygrad_c import tables

    begin, told = time.process_time(), ""
    if what == "pandas.read_csv":
        pandas.read_csv(path)
    else:
        table = tables.read_table(path, bar=True)
        if what == "read_table and the float32 array":
            table.frame.select_dtypes("number").to_numpy(np.float32)
        elif what != "read_table":
            model, fitting = tables.fit(table, "y", tables.Options(effort=what.split()[-1], threads=1))
            told = f", {fitting.plan.nets} nets, cross-validated R2 {model.facts['cross_validated']['r2']:.4f}"
    used, memory = time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {used:.2f} s of CPU, {memory:.2f} GB{told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--effort", default="quick", choices=["quick", "default", "best", "none"])
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(*args.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write(path, args.rows)
        print(f"{args.rows:,} rows x 20 columns, {path.stat().st_size / 1e6:.0f} MB", flush=True)
        whats = ["pandas.read_csv", "read_table", "read_table and the float32 array"]
        for what in whats + [f"read_table and training, {args.effort}"] * (args.effort != "none"):
            subprocess.run([sys.executable, __file__, "--measure", what, str(path)], check=True)


if __name__ == "__main__":
    main()
